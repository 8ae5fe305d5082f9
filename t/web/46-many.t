#!/usr/bin/perl
# A list of ten thousand users: scrolled, sorted, filtered, selected, edited in place. Sanitizers have fewer, as each page of
# the list costs the daemons ten times as much.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Browser qw(browse need_browser);
use Postroom::Test;
use Test::More;

need_browser();
my $count = local $ENV{USERS} = ($ENV{POSTROOM_BUILD} // '') =~ /san/ ? 2_000 : 10_000;
my $p = Postroom::Test->start(set => { 'server.offer-wizard' => 'off' });
my $table = join "\n", 'User Id,Comments', map({ sprintf 'user%05d,Room %d', $_, $_ % 100 } 1 .. $count - 1), '';
$p->postroom_ok({ stdin => $table, timeout => 120 }, qw(user import -));
is scalar(@{ $p->postroom_json(qw(user list)) }), $count, 'so many users';
browse($p, 't/web/many.mjs');
$p->stop;
done_testing;

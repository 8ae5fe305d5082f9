#!/usr/bin/perl
# A list of ten thousand users: scrolled, sorted, filtered, selected, edited in place.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Browser qw(browse need_browser);
use Postroom::Test;
use Test::More;

need_browser();
my $p = Postroom::Test->start(set => { 'server.offer-wizard' => 'off' });
my $table = join "\n", 'User Id,Comments', map({ sprintf 'user%05d,Room %d', $_, $_ % 100 } 1 .. 9_999), '';
$p->postroom_ok({ stdin => $table, timeout => 120 }, qw(user import -));
is scalar(@{ $p->postroom_json(qw(user list)) }), 10_000, 'ten thousand users';
browse($p, 't/web/many.mjs');
$p->stop;
done_testing;

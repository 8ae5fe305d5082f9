#!/usr/bin/perl
# Groups, lists, mappings, connections and the like: what is changed here the command line shows, and the other way.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Browser qw(browse need_browser);
use Postroom::Test;
use Test::More;

need_browser();
my $p = Postroom::Test->start(
	users => { anna => 'anna-secret', bob => 'bob-secret' }, set => { 'server.offer-wizard' => 'off' },
);
$p->postroom_ok(qw(user set anna prune.global off));
browse($p, 't/web/objects.mjs');
$p->stop;
done_testing;

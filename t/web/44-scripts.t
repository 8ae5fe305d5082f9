#!/usr/bin/perl
# The editor of Lua scripts.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Browser qw(browse need_browser);
use Postroom::Test;
use Test::More;

need_browser();
my $p = Postroom::Test->start(users => { anna => 'anna-secret' }, set => { 'server.offer-wizard' => 'off' });
$p->script('anna/delivery', "function DeliverMessage()\n\t-- nothing\nend\n");
browse($p, 't/web/scripts.mjs');
$p->stop;
done_testing;

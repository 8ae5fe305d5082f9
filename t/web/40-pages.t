#!/usr/bin/perl
# Every page of the administration loads; settings are shown, found and changed, here and by the command line.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Browser qw(browse need_browser);
use Postroom::Test;
use Test::More;

need_browser();
my $p = Postroom::Test->start(set => { 'server.offer-wizard' => 'off' });
browse($p, 't/web/pages.mjs');
$p->stop;
done_testing;

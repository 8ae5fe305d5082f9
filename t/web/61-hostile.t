#!/usr/bin/perl
# HTML of strangers: five hundred messages that want something to run or to be loaded. Nothing does, and nothing is.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Browser qw(browse need_browser);
use Postroom::Test;
use Test::More;

need_browser();
my $p = Postroom::Test->start(users => { anna => 'anna-secret' });
browse($p, 't/web/hostile.mjs', {});
$p->stop;
done_testing;

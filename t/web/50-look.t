#!/usr/bin/perl
# How the pages look and are reached: a phone's width, light and dark, languages, the keyboard alone; login as browsers do it.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Browser qw(browse need_browser);
use Postroom::Test;
use Test::More;

need_browser();
my $p = Postroom::Test->start(
	users => { anna => 'anna-secret', map { ("user$_" => "secret-$_") } 1 .. 20 }, set => { 'server.offer-wizard' => 'off' },
);
browse($p, 't/web/look.mjs');
$p->stop;
done_testing;

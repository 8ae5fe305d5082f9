#!/usr/bin/perl
# The list of users and one user's page; what is changed here the command line shows, and the other way.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Browser qw(browse need_browser);
use Postroom::Test;
use Test::More;

need_browser();
my $p = Postroom::Test->start(
	users => { anna => 'anna-secret', karl => 'karl-secret', MARC => 'marc-secret', bob => 'bob-secret' },
	mappings => [['sales', 'anna']], set => { 'server.offer-wizard' => 'off' },
);
like $p->smtp->send_message('x@far.test', ['anna@example.test'], "Subject: in $_\n\nx\n"), qr/\A250/, 'a message for anna' for 1 .. 3;
browse($p, 't/web/users.mjs');
$p->stop;
done_testing;

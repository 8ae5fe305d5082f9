#!/usr/bin/perl
# The queue, the sessions, the dashboard: what goes on is shown, and changed.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Browser qw(browse need_browser);
use Postroom::Test;
use Test::More;

need_browser();
my $p = Postroom::Test->start(
	users => { anna => 'anna-secret' }, relay => ['127.0.0.1'], mappings => [['sales', 'anna']], set => { 'server.offer-wizard' => 'off' },
);
$p->postroom_ok('connection', 'set', 'default', 'continuous', 'off');
like $p->smtp->send_message('anna@example.test', ["x$_\@far.test"], "Subject: out $_\n\nx\n"), qr/\A250/, 'a message for elsewhere' for 1, 2;
my $imap = $p->imap;
$imap->login('anna', 'anna-secret');
browse($p, 't/web/running.mjs');
$p->stop;
done_testing;

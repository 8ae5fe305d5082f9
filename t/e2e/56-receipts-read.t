#!/usr/bin/perl
# Receipts for messages that are fetched: once each, by POP3 and IMAP, to whom the header names.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Delivered;
use Postroom::Lists qw(header body);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { map { $_ => "$_-secret" } qw(anna bob) }, set => { 'receipts.read-fields' => 'Return-Receipt-To' });
my $d = Postroom::Delivered->new($p);
my $lists = Postroom::Lists->new($p);
my $domain = $p->domain;
my $server = Postroom::SmtpServer->start;
$p->postroom_ok(qw(sender set default --method relay --encryption none --servers), $server->address);

# Fetch all by POP3, some times.
sub retrieve {
	my ($user, $times) = @_;
	my $pop3 = $p->pop3;
	like $pop3->login($user, "$user-secret"), qr/\A\+OK/, "$user fetches";
	my ($count) = $pop3->stat;
	for my $number (map { (1 .. $count) x $times } 1) {
		$pop3->retr($number);
	}
	$pop3->quit;
	return;
}

subtest '06-10.2 once, by POP3' => sub {
	my $mark = $d->send(header => ['Subject: Gr=FC=DFe', 'Message-ID: <q@x.test>', 'Return-Receipt-To: Ann <a@x.test>']);
	$d->settled;
	is scalar($server->messages), 0, 'none on delivery';
	retrieve('anna', 2);
	my ($receipt) = $server->wait_messages(1, 20);
	is_deeply $receipt->{to}, ['a@x.test'], 'to whom it says';
	is $receipt->{from}, '', 'from nobody';
	like $receipt->{data}, qr/^From: Mail System <Mailer_Daemon\@\Q$domain\E>\r$/m, 'of the server itself';
	like $receipt->{data}, qr/^Subject: Received: /m, 'what it is';
	like $receipt->{data}, qr/^In-Reply-To: <q\@x\.test>\r$/m, 'of which message';
	like $receipt->{data}, qr/^Auto-Submitted: auto-replied\r$/m, 'no person wrote it';
	like $receipt->{data}, qr/anna has fetched your message/, 'and who did what';
	retrieve('anna', 1);
	like(($d->find('anna', 'INBOX', $mark))[0], qr/\$ReceiptSent/, 'remembered by a keyword');
	$d->settled;
	is scalar($server->messages), 1, 'none on a second RETR';
};

subtest '06-10.2 by IMAP, when a body is fetched' => sub {
	my $mark = $d->send(to => ["bob\@$domain"], header => ['Subject: second', "Return-Receipt-To: anna\@$domain"]);
	$d->arrives('bob', 'INBOX', $mark); # with PEEK
	$d->settled;
	my $imap = $p->imap;
	$imap->login('bob', 'bob-secret');
	$imap->cmd('SELECT INBOX');
	$imap->cmd('FETCH 1 (FLAGS BODY[])') for 1 .. 2;
	like body($lists->take('anna', qr/\AReceived: second\z/)), qr/bob has fetched/, 'a receipt';
	$imap->logout;
	$d->settled;
	is_deeply [grep { /^Subject: Received/m } $lists->left('anna')], [], 'one';
};

subtest '06-10.2 local addresses only; none for reports' => sub {
	my $count = $server->messages;
	$p->set('receipts.read-local-only' => 'on');
	$d->send(to => ["bob\@$domain"], header => ['Subject: third', 'Return-Receipt-To: a@x.test']);
	$d->send(to => ["bob\@$domain"], header => ['Subject: fourth', "Return-Receipt-To: anna\@$domain"], from => '');
	$d->settled;
	retrieve('bob', 1);
	$d->send(to => ["bob\@$domain"], header => ['Subject: fifth', "Return-Receipt-To: anna\@$domain"]);
	$d->settled;
	retrieve('bob', 1);
	$lists->take('anna', qr/\AReceived: fifth\z/);
	$d->settled;
	is scalar($server->messages), $count, 'none outside';
	is_deeply [grep { /^Subject: Received/m } $lists->left('anna')], [], 'none for a message without a return path';
};

$server->stop;
$p->stop;
done_testing;

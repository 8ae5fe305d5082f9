#!/usr/bin/perl
# What a stop does to sessions, to what is on its way, and to what waits.
use strict;
use warnings;
use lib 't/lib';
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;
use Time::HiRes qw(time);

my $p = Postroom::Test->start(users => { anna => 'anna-secret' });
my $domain = $p->domain;

subtest '01-23.1 sessions hear it, deliveries end, queues stay' => sub {
	my $server = Postroom::SmtpServer->start(replies => { RCPT => '451 4.3.0 later' });
	$p->set('sender.mx-port' => $server->port, 'sender.retry' => 3600);
	my $smtp = $p->smtp;
	like $smtp->send_message("anna\@$domain", ['x@[127.0.0.1]'], "Subject: waits\n\nx\n"), qr/\A250/, 'a message that will wait';
	$p->wait_for(sub { grep { $_->{recipients}[0]{state} eq 'deferred' } @{ $p->queue } }, 'it waits', 20);
	like $smtp->send_message('a@b.test', ["anna\@$domain"], "Subject: local $_\n\nx\n"), qr/\A250/, "local message $_" for 1 .. 20;
	my $open = $p->smtp;
	$open->ehlo;
	is $open->cmd('MAIL FROM:<a@b.test>'), 250, 'a session within a transaction';
	my $begin = time;
	is_deeply [$p->stop_running], [], 'the stop is clean';
	cmp_ok time - $begin, '<', 15, 'and within its time';
	$open->reply;
	like $open->last, qr/\A421 /, 'the session was told';
	$p->run;
	$p->wait_for(sub {
		my $pop3 = $p->pop3;
		$pop3->login('anna', 'anna-secret');
		my ($count) = $pop3->stat;
		$pop3->quit;
		return $count == 20 && @{ $p->queue } == 1;
	}, 'all local messages are there');
	is_deeply [map { $_->{recipients}[0]{address} } @{ $p->queue }], ['x@[127.0.0.1]'], 'what waited waits';
};

$p->stop;
done_testing;

#!/usr/bin/perl
# What clients do is counted, and who does too much is shut out of all services. Clients are addresses of 127.0.0.0/8.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(
	ids => 1,
	users => { anna => 'anna-secret' },
	relay => ['127.0.0.1'],
	set => { 'login.intrusion-failures' => 0 },
);
my $domain = $p->domain;
my $SHUT = '421 4.7.0 Your connection has been blocked temporarily - try again later.';
my $SHUT_OUT = 'Server access temporarily blocked! Please try again later';

sub smtp {
	my ($client) = @_;
	my $smtp = $p->smtp(local => $client);
	$smtp->ehlo if $smtp->code == 220;
	return $smtp;
}

sub imap_greeting {
	my ($client) = @_;
	return Postroom::Connection->connect(host => $p->host, port => $p->port('imap'), local => $client)->line;
}

sub status {
	my (@arguments) = @_;
	my ($status) = $p->postroom(@arguments);
	return $status;
}

sub events {
	my ($client) = @_;
	return @{ $p->postroom_json('block', 'events', '--client', $client, '--limit', 1000) };
}

sub counted {
	my ($client, $count) = @_;
	return $p->wait_for(sub { events($client) == $count }, "$count events of $client are counted");
}

# So many wrong commands, in sessions that are still let in.
sub mistakes {
	my ($client, $count) = @_;
	my $smtp = smtp($client);
	$smtp->cmd('NONSENSE') for 1 .. $count;
	return;
}

subtest '05-12.1 relaying, wrong passwords, unknown recipients: 1050 points' => sub {
	my $client = '127.0.1.1';
	my $smtp = smtp($client);
	for my $try (1 .. 5) {
		my $login = smtp($client);
		is $login->auth('PLAIN', 'anna', 'wrong'), 535, 'a wrong password';
		$login->quit;
	}
	$smtp->cmd('MAIL FROM:<a@b.test>');
	is $smtp->cmd("RCPT TO:<x$_\@remote.test>"), 530, 'no relay' for 1 .. 2;
	is $smtp->cmd("RCPT TO:<nobody$_\@$domain>"), 550, 'nobody' for 1 .. 12;
	counted($client, 19);
	is $smtp->cmd('NOOP'), 250, 'the session goes on';
	is smtp($client)->greeting, $SHUT, 'its next connection does not';
	is $p->pop3(local => $client)->greeting, "-ERR $SHUT_OUT", 'nor by POP3';
	is imap_greeting($client), "* BYE $SHUT_OUT", 'nor by IMAP';
	like smtp('127.0.1.2')->greeting, qr/\A220 /, 'others go on';
	my ($block) = @{ $p->postroom_json('block', 'list') };
	is $block->{network}, $client, 'it is on the list';
	is $block->{reason}, 'auto', 'by itself';
	is $block->{expires} - $block->{added}, 1800, 'for half an hour';
	is_deeply [map { $_->{data} } grep { $_->{number} == 0 } events($client)], [('anna') x 5], 'the account that was tried';
};

subtest '05-12.5 who is let in again begins anew' => sub {
	my $client = '127.0.1.1';
	$p->postroom_ok('block', 'delete', $client);
	like smtp($client)->greeting, qr/\A220 /, 'at once';
	like smtp($client)->greeting, qr/\A220 /, 'and again: what it did counts no more';
	ok !(grep { !$_->{ignored} } events($client)), 'as the listing says';
	is status('block', 'delete', $client), 1, 'once';
};

subtest '05-12.3 1000 points shut out, 999 do not' => sub {
	my $client = '127.0.2.1';
	$p->set('ids.weight.syntax' => 111);
	mistakes($client, 9);
	counted($client, 9);
	like smtp($client)->greeting, qr/\A220 /, '999 points';
	$p->set('ids.threshold' => 999);
	is smtp($client)->greeting, $SHUT, 'are enough for 999';
	$p->postroom_ok('unset', $_) for 'ids.weight.syntax', 'ids.threshold';
};

subtest '05-12.6 a weight counts for what was before' => sub {
	my $client = '127.0.3.1';
	mistakes($client, 1);
	counted($client, 1);
	like smtp($client)->greeting, qr/\A220 /, '50 points';
	$p->set('ids.weight.syntax' => 1000);
	is smtp($client)->greeting, $SHUT, '1000 points';
	$p->postroom_ok('unset', 'ids.weight.syntax');
};

subtest '05-12.4 07-19.4 the never-block list' => sub {
	my $client = '127.0.4.1';
	mistakes($client, 19);
	mistakes($client, 1);
	counted($client, 20);
	is smtp($client)->greeting, $SHUT, 'shut out';
	$p->postroom_ok('never-block', 'add', '127.0.4.0/24');
	like smtp($client)->greeting, qr/\A220 /, 'the list frees it at once';
	mistakes($client, 19) for 1 .. 2;
	counted($client, 58);
	like smtp($client)->greeting, qr/\A220 /, 'and keeps it free';
	is status('block', 'delete', $client), 1, 'its block is gone';
	$p->postroom_ok('never-block', 'delete', '127.0.4.0/24');
	is smtp($client)->greeting, $SHUT, 'without the list it is as any other';
};

subtest '05-12.7 07-19.5 blocks by hand' => sub {
	$p->postroom_ok('block', 'add', '127.0.5.0/24', '--minutes', 5);
	is smtp('127.0.5.77')->greeting, $SHUT, 'within the network';
	like smtp('127.0.6.77')->greeting, qr/\A220 /, 'not beside it';
	for my $wrong (['1.2.3.4/40'], ['300.1.1.1/40'], ['1.2.3.4', '--minutes', 1_000_000_000], ['1.2.3.4', '--minutes', 0]) {
		my ($status, undef, $reason) = $p->postroom('block', 'add', @$wrong);
		is $status, 1, "@$wrong is refused";
		like $reason, qr/address|prefix|minutes/, 'with the reason';
	}
	my ($block) = grep { $_->{network} eq '127.0.5.0/24' } @{ $p->postroom_json('block', 'list') };
	is $block->{expires} - $block->{added}, 300, 'for five minutes';
};

subtest '07-19.1 failed logins at all services, whoever is tried' => sub {
	my $client = '127.0.7.1';
	$p->set('login.intrusion-failures' => 10, 'ids.weight.bad-login' => 0);
	for my $n (1 .. 3) {
		my $pop3 = $p->pop3(local => $client);
		$pop3->login("nobody$n", 'x');
		my $imap = $p->imap(local => $client);
		$imap->cmd("LOGIN nobody-$n x");
		is smtp($client)->auth('PLAIN', "nobody.$n", 'x'), 535, 'and by SMTP';
	}
	counted($client, 9);
	like smtp($client)->greeting, qr/\A220 /, 'the 10th connection is served';
	smtp($client)->auth('PLAIN', 'nobody', 'x');
	counted($client, 10);
	is smtp($client)->greeting, $SHUT, 'then no service is open: SMTP';
	is $p->pop3(local => $client)->greeting, "-ERR $SHUT_OUT", 'POP3';
	is imap_greeting($client), "* BYE $SHUT_OUT", 'IMAP';
	like smtp('127.0.7.2')->greeting, qr/\A220 /, 'others are served';
	my @tried = map { $_->{data} } events($client);
	is $tried[0], 'nobody', '07-19.6 the events say who was tried';
	is scalar(@tried), 10, 'all of them';
};

subtest '07-19.1 a session whose address is blocked ends with the next failure' => sub {
	my $client = '127.0.9.1';
	$p->set('login.max-failures' => 100);
	my ($smtp, $pop3) = (smtp($client), $p->pop3(local => $client));
	my $imap = $p->imap(local => $client);
	$smtp->auth('PLAIN', 'nobody', 'x') for 1 .. 10;
	$p->wait_for(sub { grep { $_->{network} eq $client } @{ $p->postroom_json('block', 'list') } }, 'the address is blocked');
	is $smtp->auth('PLAIN', 'nobody', 'x'), 535, 'one more is answered';
	$smtp->reply;
	is $smtp->code, 421, 'and the session ends';
	$pop3->login('nobody', 'x');
	ok $pop3->is_closed, 'by POP3, too';
	$imap->cmd('LOGIN nobody x');
	ok $imap->is_closed, 'by IMAP, too';
	$p->postroom_ok('unset', 'login.max-failures');
};

subtest 'policyd away: everybody is let in; lists stay' => sub {
	$p->kill_daemon('policyd', 'KILL');
	my $smtp = smtp('127.0.8.1');
	like $smtp->greeting, qr/\A220 /, 'nothing is held against this one';
	$p->wait_for(sub { status('block', 'list') == 0 }, 'policyd is back');
	is smtp('127.0.7.1')->greeting, $SHUT, 'who was shut out still is';
};

done_testing;

#!/usr/bin/perl
# POP3 then SMTP: who read his mail may send from the same address for a while.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { anna => 'anna-secret' },
	set => { 'smtp.require-auth' => 'off', 'smtp.pop3-first' => 'on', 'sender.mx-port' => 1 });
$p->access($_ => '1|2|127.0.0.0|8|0||') for qw(smtp pop3);

sub rcpt {
	my ($client) = @_;
	my $smtp = $p->smtp(local => $client);
	$smtp->ehlo;
	$smtp->cmd('MAIL FROM:<anna@example.test>');
	$smtp->cmd('RCPT TO:<x@remote.test>');
	return $smtp;
}

sub read_mail {
	my ($client, $password) = @_;
	my $pop3 = $p->pop3(local => $client);
	$pop3->login('anna', $password);
	$pop3->cmd('QUIT');
	return;
}

subtest '05-5.5 01-16.6 a login by POP3 lets its address send' => sub {
	is rcpt('127.0.0.2')->last, '530 5.7.0 Authentication required', 'before it';
	read_mail('127.0.0.2', 'wrong');
	is rcpt('127.0.0.2')->last, '530 5.7.0 Authentication required', 'after a wrong one';
	read_mail('127.0.0.2', 'anna-secret');
	my $smtp = rcpt('127.0.0.2');
	is $smtp->last, '250 2.1.5 OK', 'after it';
	$smtp->data("Subject: x\n\nx\n");
	like $smtp->last, qr/\A250 /, 'a message is taken';
	$p->wait_for(sub { grep { $_->{from} eq 'anna@example.test' && $_->{state} =~ /active|deferred/ } @{ $p->queue } }, 'it is on its way out');
	pass 'and waits to be sent: the right to relay is believed';
	is rcpt('127.0.0.3')->last, '530 5.7.0 Authentication required', 'another address may not';
	my $mx = $p->smtp(local => '127.0.0.3');
	$mx->ehlo;
	is $mx->send_message('a@b.test', ['anna@example.test'], "Subject: in\n\nx\n") =~ /\A250/, 1, 'incoming mail needs no login';
};

subtest 'a login by SMTP will do as well' => sub {
	$p->set('smtp.require-auth' => 'on');
	my $smtp = $p->smtp(local => '127.0.0.3');
	$smtp->ehlo;
	is $smtp->auth('PLAIN', 'anna', 'anna-secret'), 235, 'logged in';
	$smtp->cmd('MAIL FROM:<anna@example.test>');
	is $smtp->cmd('RCPT TO:<x@remote.test>'), 250, 'may send';
	is rcpt('127.0.0.2')->last, '250 2.1.5 OK', 'and so may who read his mail';
};

subtest 'switched off it is forgotten' => sub {
	$p->set('smtp.pop3-first' => 'off');
	is rcpt('127.0.0.2')->last, '530 5.7.0 Authentication required', 'no more';
};

$p->stop;
done_testing;

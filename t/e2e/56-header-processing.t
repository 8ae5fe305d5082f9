#!/usr/bin/perl
# What the header of a message brings about on its way out: urgent messages, receipts, header modifiers.
use strict;
use warnings;
use lib 't/lib';
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

my $remote = Postroom::SmtpServer->start(extensions => ['8BITMIME', 'PIPELINING']);
my $p = Postroom::Test->start(users => { anna => 'anna-secret', bert => 'bert-secret' }, relay => ['127.0.0.9'],
	set => { 'sender.retry' => '3600' });
my $domain = $p->domain;
$p->postroom_ok(qw(sender set default --method relay --encryption none --servers), '127.0.0.1:' . $remote->port);

my $sent = 0;

sub submit {
	my ($text, @to) = @_;
	my $smtp = $p->smtp(local => '127.0.0.9');
	like $smtp->send_message("anna\@$domain", \@to, $text), qr/\A250/, 'taken';
	my ($id) = $smtp->last =~ /queued as (\S+)/;
	return $id;
}

sub outside {
	my @messages = $remote->wait_messages(++$sent);
	return $messages[-1]{data} =~ s/\r\n/\n/gr;
}

sub inbox {
	my ($user) = @_;
	my $pop3 = $p->pop3;
	$pop3->login($user, "$user-secret");
	my ($count) = $pop3->stat;
	my @messages = map { $pop3->retr($_) =~ s/\r\n/\n/gr } 1 .. $count;
	$pop3->quit;
	return @messages;
}

sub wait_empty {
	$p->wait_for(sub { !@{ $p->queue } && !glob($p->dir . '/spool/filterd/new/*') }, 'the queue is empty');
	return;
}

subtest '06-10.5 header modifiers' => sub {
	$p->set('outgoing.header-modifiers' => "X-Mailer:\nX-Org: %N <%O> 100%%\nX-Added: Jörg %z");
	submit("From: =?utf-8?q?J=C3=B6rg?= <anna\@$domain>\nX-Mailer: m\nX-Org: old\nx-org: older\nSubject: x\n\nbody\n", 'kate@remote.test');
	my $text = outside();
	unlike $text, qr/X-Mailer/, 'one is gone';
	like $text, qr/^X-Org: =\?UTF-8\?B\?SsO2cmc=\?= <anna\@\Q$domain\E> 100%$/m, 'codes, encoded';
	is scalar(() = $text =~ /^x-org:/gim), 1, 'once';
	like $text, qr/^X-Added: =\?UTF-8\?B\?[\w+\/=]+\?=$/m, 'one is added';
	like $text, qr/^Subject: x$/m, 'the others are as they were';
	for my $bad ('no colon', 'X Mailer: x', ": x", "X-A: b\nbroken") {
		my ($status, undef, $err) = $p->postroom('set', 'outgoing.header-modifiers', $bad);
		is $status, 1, "\"$bad\" is refused";
		like $err, qr/outgoing\.header-modifiers: ".*" is not "Field: data"/, 'with a reason';
	}
	my ($status, $text_form) = $p->postroom('export');
	like $text_form, qr/^outgoing\.header-modifiers = X-Mailer:\\nX-Org: %N <%O> 100%%\\nX-Added: Jörg %z$/m, 'exported on one line';
	($status) = $p->postroom({ stdin => $text_form }, 'import', '-');
	is $status, 0, 'and imported';
};

subtest '06-10.6 they do not touch internal mail' => sub {
	submit("Subject: x\nX-Mailer: m\n\nbody\n", 'kate@remote.test', "bert\@$domain");
	unlike outside(), qr/X-Mailer/, 'outside without';
	wait_empty();
	like((inbox('bert'))[-1], qr/^X-Mailer: m$/m, 'inside with');
	unlike((inbox('bert'))[-1], qr/^X-Org/m, 'and nothing added');
	$p->set('outgoing.header-modifiers' => '');
};

subtest '06-10.1 an urgent message has all mail sent' => sub {
	$p->set('urgent.connect' => 'on');
	$remote->set_reply(RCPT => '451 4.3.0 later');
	my $id = submit("Subject: waits\n\nbody\n", 'kate@remote.test');
	$p->wait_for(sub { grep { $_->{id} eq $id && $_->{state} eq 'deferred' } @{ $p->queue } }, 'one waits for an hour');
	$remote->set_reply(RCPT => '250 2.1.5 ok');
	submit("x-msmail-priority: high\nSubject: not urgent\n\nbody\n", 'kate@remote.test');
	like outside(), qr/^Subject: not urgent$/m, 'high is not High: it goes alone';
	ok scalar(grep { $_->{id} eq $id } @{ $p->queue }), 'the other one waits on';
	submit("X-Priority: 1 (Highest)\nSubject: urgent\n\nbody\n", 'kate@remote.test');
	my @both = map { /^Subject: (.*)$/m } outside(), outside();
	is_deeply [sort @both], ['urgent', 'waits'], 'both go';
	$p->set('urgent.connect' => 'off');
};

subtest '06-10.3, 06-10.4 receipts of sending' => sub {
	$p->set('receipts.sent-fields' => 'Disposition-Notification-To');
	my $before = inbox('bert');
	$remote->set_reply(RCPT => '451 4.3.0 later');
	my $id = submit("From: anna\@$domain\nDisposition-Notification-To: Bert <bert\@$domain>\nMessage-ID: <1\@x.test>\nSubject: gr\xc3\xbcn\n\nbody\n", 'kate@remote.test');
	$p->wait_for(sub { grep { $_->{id} eq $id && $_->{state} eq 'deferred' } @{ $p->queue } }, 'it is deferred');
	is scalar(inbox('bert')), $before, 'no receipt for that';
	$remote->set_reply(RCPT => '250 2.1.5 ok');
	$p->postroom_ok('queue', 'retry', $id);
	outside();
	$p->wait_for(sub { scalar(inbox('bert')) == $before + 1 }, 'a receipt');
	my $receipt = (inbox('bert'))[-1];
	like $receipt, qr/^Return-Path: <>$/m, '06-10.4 from nobody';
	like $receipt, qr/^Subject: =\?UTF-8\?B\?U2VudDogZ3LDvG4=\?=$/m, 'about that message';
	like $receipt, qr/^In-Reply-To: <1\@x\.test>$/m, 'in reply to it';
	like $receipt, qr/^kate\@remote\.test$/m, 'names who has it';
	submit("From: anna\@$domain\nDisposition-Notification-To: joe\@elsewhere.test\nSubject: x\n\nbody\n", 'kate@remote.test');
	outside();
	wait_empty();
	is scalar(inbox('bert')), $before + 1, 'one is one';
	my @messages = $remote->wait_messages($sent);
	is scalar(@messages), $sent, 'and to local users alone';
	$p->set('receipts.sent-local-only' => 'off');
	submit("From: anna\@$domain\nDisposition-Notification-To: joe\@elsewhere.test\nSubject: x\n\nbody\n", 'kate@remote.test');
	outside();
	like outside(), qr/^Subject: Sent: x$/m, 'to others where that is allowed';
	wait_empty();
	is scalar($remote->wait_messages($sent)), $sent, '06-10.4 a receipt brings about none';
	my ($status) = $p->postroom('set', 'receipts.sent-fields', 'not a: field');
	is $status, 1, 'what is no field is refused';
	$p->set('receipts.sent-fields' => '');
};

$p->stop;
done_testing;

#!/usr/bin/perl
# Servers that do not what they should: each attempt ends, the message waits or fails as it must, and the log says what
# the server did.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Outgoing;
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(
	users => { anna => 'anna-secret' },
	set   => { 'sender.connect-timeout' => 5, 'sender.timeout.ehlo' => 2 },
);
my $out = Postroom::Outgoing->new($p);

sub delete_all {
	$p->postroom_ok('queue', 'delete', '--all');
	$p->wait_for(sub { !@{ $p->queue } }, 'the queue is empty', 20);
	$p->postroom_ok('queue', 'retry', '--all');
	return;
}

# A message to such a server waits after one attempt, and the log has a line about it.
sub waits_because {
	my ($server, $pattern, $what) = @_;
	$p->postroom_ok(qw(sender set default --method relay --servers), $server->address);
	my $id = $out->submit('a@x.test');
	my $message = $out->wait_attempts($id, 1);
	is scalar(@{ $message->{recipients} }), 1, "$what: it waits";
	$p->wait_for(sub { return grep { /id=\Q$id\E\b/ && /$pattern/ } split /\n/, $p->log }, "$what: log line", 10);
	pass "$what: the log says $pattern";
	$server->stop;
	delete_all();
	return;
}

sub peer { return Postroom::SmtpServer->start(replies => {@_}) }

$p->postroom_ok(qw(sender set default --encryption none));

subtest 'what is no SMTP' => sub {
	waits_because(peer(CONNECT => 'hello there'), qr/is no SMTP reply/, 'garbage in place of a greeting');
	waits_because(peer(EHLO => "\x{01}\x{02}\x{03}\nOK"), qr/is no SMTP reply/, 'garbage in place of an answer');
	waits_because(peer(RCPT => "250-ok\n550 no"), qr/bear different codes, 250 and 550/, 'an answer of two minds');
	waits_because(peer(CONNECT => join "\n", ('220-and so on') x 5000), qr/a reply of more than \d+ lines/, 'an answer without end');
	waits_because(peer(CONNECT => '220 ' . 'x' x 200_000), qr/lost on "connection"/, 'a line without end');
};

subtest 'who goes away' => sub {
	waits_because(peer(CONNECT => 'DROP'), qr/closed unexpectedly on "connection"/, 'without a greeting');
	waits_because(peer(MAIL => 'DROP'), qr/closed unexpectedly on "MAIL FROM"/, 'at MAIL');
	waits_because(peer(EHLO => 'SLEEP 20 250 ok'), qr/did not answer to "EHLO" in time/, 'who says nothing more');
};

subtest '04-15.3 who goes away during DATA is a problem of the sender' => sub {
	waits_because(peer(DATA => 'DROP'), qr/Error with SMTP Client \(default \(1\)\): The server connection was closed unexpectedly on "DATA"/,
		'at DATA');
	waits_because(peer('.' => 'DROP'), qr/the end of the message was not answered, it may be sent twice/, 'after the dot');
};

subtest 'a temporary answer after the dot' => sub {
	my $server = peer('.' => ['451 4.3.1 disk full', '250 2.0.0 now']);
	$p->postroom_ok(qw(sender set default --servers), $server->address);
	my $id = $out->submit('a@x.test');
	like $out->wait_attempts($id, 1)->{recipients}[0]{answer}, qr/^451 4\.3\.1 disk full/, 'it waits';
	$p->postroom_ok('queue', 'retry', $id);
	$out->wait_gone($id);
	is_deeply [$out->mails('anna')], [], 'and is sent later';
};

subtest 'what is said in clear before TLS counts for nothing' => sub {
	my $server = Postroom::SmtpServer->start(tls => 1, replies => { STARTTLS => "220 go ahead\n250-mail.test\n250 AUTH PLAIN" });
	$p->postroom_ok(qw(sender set default --encryption starttls --verify off));
	$p->postroom_ok(qw(sender set default --servers), $server->address);
	my $id = $out->submit('a@x.test');
	$out->wait_gone($id);
	my ($message) = $server->messages;
	is $message->{user} // '', '', 'AUTH was only offered there: no login';
	ok $message->{tls}, 'sent by TLS';
	like $p->log, qr/id=\Q$id\E host=\S+: what stood in clear behind the answer to STARTTLS counts for nothing/, 'logged';
};

subtest 'a certificate that is not the server\'s' => sub {
	my $server = Postroom::SmtpServer->start(tls => 1);
	$p->postroom_ok(qw(sender set default --encryption starttls --verify on));
	waits_because($server, qr/TLS handshake failed: .*certificate/, 'one that nobody vouches for');
};

$p->stop;
done_testing;

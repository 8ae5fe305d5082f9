#!/usr/bin/perl
# What the server writes to people, in the administrator's words.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Process qw(write_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { anna => 'anna-secret' });
my $sink = Postroom::SmtpServer->start;
$p->postroom_ok('sender', 'set', 'default', '--method', 'relay', '--servers', '127.0.0.1:' . $sink->port, '--encryption', 'none');

# The one message that a user has got, which is deleted.
sub letter {
	my ($user, $password) = @_;
	my $text;
	$p->wait_for(sub {
		my $pop3 = $p->pop3;
		$pop3->login($user, $password);
		my ($count) = $pop3->stat;
		$text = $pop3->retr(1) =~ s/\r//gr if $count == 1;
		$pop3->dele(1) if $count == 1;
		$pop3->quit;
		return defined $text;
	}, "$user has a message", 20);
	return $text;
}

sub send_to {
	my ($to) = @_;
	my $smtp = $p->smtp(service => 'submission');
	$smtp->ehlo('client.test');
	$smtp->starttls;
	$smtp->ehlo('client.test');
	$smtp->auth('PLAIN', 'anna', 'anna-secret');
	like $smtp->send_message('anna@example.test', [$to], "Subject: hello\n\nbody\n"), qr/\A250/, "sent to $to";
	$smtp->quit;
	return;
}

subtest 'list, show, set, unset' => sub {
	like $p->postroom_ok('text', 'list'), qr/^bounce +What a report says.*^welcome +What a new user finds/ms, 'all are listed';
	like $p->postroom_ok('text', 'show', 'delay'), qr/\A<Subject: Mail Delivery Delayed>\nDelivery Delay Report/, 'one is shown';
	my ($status, undef, $err) = $p->postroom('text', 'show', 'bounces');
	is "$status $err", qq{1 postroom: there is no text "bounces"; "postroom text list" lists them\n}, 'none of that name';
	$p->postroom_ok({ stdin => "one\n\ntwo\n" }, 'text', 'set', 'delay', '--file', '-');
	is $p->postroom_ok('text', 'show', 'delay'), "one\n\ntwo\n", 'from a file';
	$p->postroom_ok('text', 'unset', 'delay');
	like $p->postroom_ok('text', 'show', 'delay'), qr/\A<Subject/, 'the default again';
};

subtest 'a delivery report keeps its parts for programs' => sub {
	$sink->set_reply(RCPT => '550 5.1.1 nobody here');
	send_to('gone@far.test');
	my $default = letter('anna', 'anna-secret');
	like $default, qr/^Subject: Mail Delivery Failure\n.*^Delivery Failure Report\. The following message could not/ms, 'the default';
	my ($status) = $default =~ m{^(Content-Type: message/delivery-status\n.*?)\nLast-Attempt}ms;
	$p->postroom_ok('text', 'set', 'bounce', "<Subject: Unzustellbar: Gr\xc3\xbc\xc3\x9fe>\n"
		. "Leider k\xc3\xb6nnen wir das nicht zustellen.\n.\n{host} kennt die Nachricht als {id}.");
	send_to('gone@far.test');
	my $own = letter('anna', 'anna-secret');
	like $own, qr/^Subject: =\?utf-8\?\S+\?=/im, 'the subject is encoded';
	like $own, qr/charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nLeider k\xc3\xb6nnen wir das nicht zustellen\.\n\.\n/, 'its own words';
	like $own, qr/^mail\.example\.test kennt die Nachricht als \w+-smtpd-\w+\.$/m, 'with what is known';
	like $own, qr/^Recipient: "gone\@far\.test"$/m, 'the recipients follow';
	my $mask = sub { $_[0] =~ s/^(?:Arrival-Date|Last-Attempt-Date): .*$//gmr };
	my ($after) = $own =~ m{^(Content-Type: message/delivery-status\n.*?)\nLast-Attempt}ms;
	is $mask->($after), $mask->($status), 'and the part for programs is the same';
	$p->postroom_ok('text', 'unset', 'bounce');
};

subtest '02-19.1 02-3.4 the welcome' => sub {
	$p->postroom_ok({ stdin => "first-secret\n" }, 'user', 'add', 'first', '--password-stdin');
	$p->postroom_ok('text', 'set', 'welcome', "<Subject: Hi>\nDear {username}/{password},\nwelcome.");
	$p->postroom_ok({ stdin => "second-secret\n" }, 'user', 'add', 'second', '--password-stdin');
	my $text = letter('second', 'second-secret');
	like $text, qr/^Subject: Hi$/m, 'its subject';
	like $text, qr/^Dear second\/second-secret,\nwelcome\.$/m, 'filled in';
	unlike $text, qr/<Subject/, 'without the line of the subject';
	$p->postroom_ok({ stdin => "third-secret\n" }, 'user', 'add', 'third', '--welcome', 'off', '--password-stdin');
	send_to('third@example.test');
	like letter('third', 'third-secret'), qr/^Subject: hello$/m, 'not where it is not wanted';
	my $pop3 = $p->pop3;
	$pop3->login('first', 'first-secret');
	is(($pop3->stat)[0], 0, 'none where there is no text');
	unlike $p->log, qr/second-secret/, 'and no password in the log';
};

$p->stop;
$sink->stop;
done_testing;

#!/usr/bin/perl
# Return paths of mail that is passed on (SRS): how they leave, and how reports come back by them. 127.0.0.2 is a
# stranger.
use strict;
use warnings;
use lib 't/lib';
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

my $remote = Postroom::SmtpServer->start;
my $p = Postroom::Test->start(
	users    => { bob => 'bob-secret' },
	mappings => [['away' => 'friend@remote.test']],
	set      => { 'mail-auth.srs-secret' => 'known to nobody' },
);
$p->set('mail-auth.batv-secret' => 'nor this');
$p->set('mail-auth.batv' => 'on');
$p->relay('127.0.0.1');
$p->postroom_ok('sender', 'set', 'default', '--method', 'relay', '--servers', $remote->address, '--encryption', 'none',
	'return-path', 'srs');
my $sent = 0;

# What is answered to RCPT of a stranger's message.
sub answers {
	my ($from, $to) = @_;
	my $smtp = $p->smtp(local => '127.0.0.2');
	$smtp->ehlo;
	$smtp->cmd("MAIL FROM:<$from>");
	$smtp->cmd("RCPT TO:<$to>");
	return $smtp->last;
}

sub stranger_sends {
	my ($from, $to, $client) = @_;
	my $smtp = $p->smtp(local => $client // '127.0.0.2');
	$smtp->ehlo;
	like $smtp->send_message($from, [$to], "Subject: x\n\nx\n"), qr/\A250/, "<$from> to $to";
	return ($remote->wait_messages(++$sent))[-1];
}

my $path;
subtest 'a stranger\'s mail that is forwarded gets a return path here' => sub {
	my $message = stranger_sends('Kate@far.test', 'away@example.test');
	$path = $message->{from};
	like $path, qr{\ASRS0=[\w+/]{4}=[A-Z2-7]{2}=far\.test=Kate\@example\.test\z}, 'of its own';
	is_deeply $message->{to}, ['friend@remote.test'], 'for whom it was forwarded to';
	like stranger_sends('SRS0=abcd=AB=x.test=joe@y.test', 'away@example.test')->{from},
		qr{\ASRS1=[\w+/]{4}=y\.test==abcd=AB=x\.test=joe\@example\.test\z}, 'one that was rewritten before skips those in between';
	is stranger_sends('', 'away@example.test', '127.0.0.1')->{from}, '', 'the null one stays';
	my $smtp = $p->smtp;
	$smtp->ehlo;
	$smtp->send_message('bob@example.test', ['friend@remote.test'], "Subject: x\n\nx\n");
	like +($remote->wait_messages(++$sent))[-1]{from}, qr/\Aprvs=\w+=bob\@example\.test\z/, 'one of ours is no stranger\'s';
};

subtest 'reports come back by it, and nothing else does' => sub {
	is_deeply stranger_sends('', $path)->{to}, ['Kate@far.test'], 'to the sender';
	like answers('spammer@else.test', $path), qr/\A5\d\d /, 'what is no report is refused';
	(my $other = $path) =~ s/Kate/Joan/;
	like answers('', $other), qr/\A5\d\d /, 'and an address that somebody made up';
	$p->set('mail-auth.srs-secret' => 'another');
	like answers('', $path), qr/\A5\d\d /, 'and one of another secret';
};

subtest 'a secret is needed' => sub {
	my ($status, undef, $err) = $p->postroom('unset', 'mail-auth.srs-secret');
	is $status, 1, 'it is not taken away from a sender that needs it';
	like $err, qr/return-path srs of a sender needs a secret: set mail-auth\.srs-secret first/, 'and told why';
	$p->postroom_ok('sender', 'unset', 'default', 'return-path');
	$p->postroom_ok('unset', 'mail-auth.srs-secret');
	($status, undef, $err) = $p->postroom('sender', 'set', 'default', 'return-path', 'srs');
	is $status, 1, 'none begins without one';
	like $err, qr/set mail-auth\.srs-secret first/, 'and told why';
};

$p->stop;
done_testing;

#!/usr/bin/perl
# Tagged return paths (BATV): how they leave, and which reports come back in. 127.0.0.1 may relay, 127.0.0.2 is a
# stranger.
use strict;
use warnings;
use lib 't/lib';
use Digest::SHA qw(hmac_sha1_hex);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

my $remote = Postroom::SmtpServer->start;
my $p = Postroom::Test->start(
	users    => { bob => 'bob-secret' },
	mappings => [['away' => 'friend@remote.test']],
);
my $SECRET = 'known to nobody';
my $address = 'bob@example.test';
$p->relay('127.0.0.1');
$p->postroom_ok('sender', 'set', 'default', '--method', 'relay', '--servers', $remote->address, '--encryption', 'none');

# The tag of the specification: K, the last digits of the day it is good until, six digits of the hash.
sub tagged {
	my ($days) = @_;
	my $head = sprintf '0%03d', (int(time / 86400) + $days) % 1000;
	return "prvs=$head" . substr(hmac_sha1_hex("$head$address", $SECRET), 0, 6) . "=$address";
}

my $sent = 0;

# The reverse-path and the text of a message as a remote server gets it.
sub passed {
	my ($from, %options) = @_;
	my $smtp = $p->smtp(local => $options{client} // '127.0.0.1');
	$smtp->ehlo;
	like $smtp->send_message($from, [$options{to} // 'friend@remote.test'], "From: $from\nSubject: x\n\nx\n"), qr/\A250/, "from <$from>";
	my $message = ($remote->wait_messages(++$sent))[-1];
	return ($message->{from}, $message->{data});
}

# What is answered to RCPT, and where that is 250 to the end of the message.
sub answers {
	my ($from, $to, %options) = @_;
	my $smtp = $p->smtp(local => $options{client} // '127.0.0.2');
	$smtp->ehlo;
	$smtp->cmd("MAIL FROM:<$from>");
	$smtp->cmd("RCPT TO:<$to>");
	return $smtp->last if $smtp->code != 250;
	$smtp->cmd('DATA');
	$smtp->send_raw(($options{header} // "Subject: report\r\n") . "\r\nreport\r\n.\r\n");
	$smtp->reply;
	return '250, ' . $smtp->last;
}

my $delivered = 0;

# The newest message of bob's, once it is there.
sub arrived {
	my ($text) = ('');
	$delivered++;
	$p->wait_for(sub {
		my $pop3 = $p->pop3;
		$pop3->login('bob', 'bob-secret');
		my ($count) = $pop3->stat;
		$text = $pop3->retr($count) if $count == $delivered;
		$pop3->quit;
		return $text ne '';
	}, "message $delivered is delivered");
	return $text;
}

subtest '07-6.6 a secret is needed' => sub {
	for my $value (qw(tag on)) {
		my ($status, undef, $err) = $p->postroom('set', 'mail-auth.batv', $value);
		is $status, 1, "$value is refused without";
		like $err, qr/mail-auth\.batv needs a secret/, 'for that reason';
	}
	is +(passed($address))[0], $address, 'and nothing is tagged';
	$p->set('mail-auth.batv-secret' => $SECRET);
	$p->set('mail-auth.batv' => 'tag');
	is +($p->postroom('unset', 'mail-auth.batv-secret'))[0], 1, 'in use it cannot be taken away';
	is +($p->postroom('set', 'mail-auth.batv-secret', ''))[0], 1, 'nor emptied';
};

subtest 'tag alone refuses nothing' => sub {
	is +(passed($address))[0], tagged(7), 'tagged on the way out';
	like answers('', $address), qr/\A250, 250/, 'a report without a tag is taken';
	arrived();
	like answers('', tagged(7)), qr/\A250, 250/, 'one with a tag too';
	like arrived(), qr/^Delivered-To: bob\@example\.test\r?$/m, 'for the user himself';
	like answers('', tagged(-1)), qr/\A550 5\.1\.1/, 'an expired tag is a name that nobody has';
};

$p->set('mail-auth.batv' => 'on');

subtest '07-6.4 the way out' => sub {
	my ($from, $text) = passed($address);
	is $from, tagged(7), 'the reverse-path is tagged';
	like $from, qr/\Aprvs=\d{4}[0-9a-f]{6}=bob\@example\.test\z/, 'in the form of the specification';
	like $text, qr/^From: bob\@example\.test\r$/m, 'the header is not';
	is +(passed($_))[0], $_, "<$_> is left alone" for 'someone@elsewhere.test', 'prvs=0123abcdef=bob@example.test';
	is +(passed($address, client => '127.0.0.2', to => 'away@example.test'))[0], $address,
		'what a stranger sends in our name and a mapping passes on gets no tag';
};

subtest '07-6.5 the way back' => sub {
	my $tagged = tagged(7);
	like answers('', $tagged), qr/\A250, 250/, 'a valid tag';
	like arrived(), qr/^Delivered-To: bob\@example\.test\r?$/m, 'in bob\'s mailbox';
	like answers('', $tagged =~ s/=\d{4}\K(.)/$1 eq '0' ? '1' : '0'/er), qr/\A550 5\.7\.1/, 'one digit changed';
	like answers('', tagged(-1)), qr/\A550 5\.7\.1/, 'eight days later';
	like answers('', tagged(0)), qr/\A250, 250/, 'on its last day';
	arrived();
	like answers('', $address), qr/\A250, 550 5\.7\.1/, 'a report without a tag is refused after DATA';
	like answers('x@y.test', $address), qr/\A250, 250/, 'an ordinary sender needs none';
	arrived();
	like answers('x@y.test', $tagged), qr/\A250, 250/, 'and may use one';
	arrived();
	like answers('x@y.test', tagged(-1)), qr/\A550 5\.7\.1/, 'that is valid';
	like answers('', uc $tagged), qr/\A250, 250/, 'letters do not count';
	arrived();
};

subtest 'what passes without a tag' => sub {
	my $type = 'Content-Type: multipart/report; report-type=';
	like answers('', $address, header => "${type}disposition-notification;\r\n\tboundary=x\r\n"), qr/\A250, 250/,
		'that a message was read';
	arrived();
	like answers('', $address, header => "${type}delivery-status; boundary=x\r\n"), qr/\A250, 550 5\.7\.1/, 'but no report';
	like answers('', $address, client => '127.0.0.1'), qr/\A250, 250/, 'a server that may send through us';
	arrived();
	my $long = 'l' . 'o' x 47 . 'ng';
	$p->postroom_ok('mapping', 'add', $long, 'bob');
	like answers('', "$long\@example.test"), qr/\A250, 250/, 'an address that is too long for a tag';
	arrived();
};

subtest 'off again' => sub {
	$p->set('mail-auth.batv' => 'off');
	is +(passed($address))[0], $address, 'nothing is tagged';
	like answers('', tagged(3)), qr/\A250, 250/, 'tags that are on their way stay good';
	arrived();
	like answers('', $address), qr/\A250, 250/, 'and all others are taken';
};

$p->stop;
done_testing;

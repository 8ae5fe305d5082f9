#!/usr/bin/perl
# Who may send where, and messages that try to be two. Clients of 127.0.0.2 are strangers, 127.0.0.1 may relay, 127.0.0.3
# may with a login.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(
	users => { anna => 'anna-secret' },
	set => { 'sender.mx-port' => 1 },
);
$p->access(smtp => '1|2|127.0.0.1|32|1||', '1|2|127.0.0.3|32|0||');
my $domain = $p->domain;
my $REFUSED = '550 5.7.1 Relaying not allowed! Bad sender IP address';
my $LOGIN_FIRST = '530 5.7.0 Authentication required';

sub rcpt {
	my ($smtp, $path, $from) = @_;
	$smtp->cmd('RSET');
	$smtp->cmd('MAIL FROM:<' . ($from // 'a@b.test') . '>');
	$smtp->cmd("RCPT TO:$path");
	return $smtp->last;
}

subtest '01-20.5 01-21.1 strangers relay nothing, whatever they write' => sub {
	my $smtp = $p->smtp(local => '127.0.0.2');
	$smtp->ehlo;
	is rcpt($smtp, "<anna\@$domain>"), '250 2.1.5 OK', 'local mail is welcome';
	is rcpt($smtp, '<x@remote.test>', $_), $REFUSED, "from <$_>" for 'a@b.test', '', "anna\@$domain";
	is rcpt($smtp, $_), $REFUSED, $_
		for "<\@$domain:x\@remote.test>", "<\@$domain,\@b.test:x\@remote.test>", '<"x@y"@remote.test>', '<x@[192.0.2.1]>',
		'<x@[IPv6:2001:db8::1]>', '<x@REMOTE.test>', "<\"x\@$domain\"\@remote.test>";
	like rcpt($smtp, $_), qr/\A553 5\.1\.3 /, $_
		for "<x%remote.test\@$domain>", "<remote.test!x\@$domain>", "<\"x%remote.test\"\@$domain>";
	like rcpt($smtp, $_), qr/\A550 5\.1\.1 /, $_ for "<\"x\@remote.test\"\@$domain>", "<nobody\@$domain>";
	like rcpt($smtp, $_), qr/\A501 5\.1\.3 /, $_ for "x\@remote.test", "<x\@remote.test\@$domain>", "<anna\@$domain", '<x>';
};

subtest '05-5.3 an address that may relay, and a login' => sub {
	my $smtp = $p->smtp;
	$smtp->ehlo;
	is rcpt($smtp, '<x@remote.test>'), '250 2.1.5 OK', 'from a relay network';
	$smtp = $p->smtp(local => '127.0.0.3');
	$smtp->ehlo;
	is rcpt($smtp, '<x@remote.test>'), $LOGIN_FIRST, 'before the login';
	$smtp->cmd('RSET');
	is $smtp->auth('PLAIN', 'anna', 'wrong'), 535, 'a wrong password';
	is rcpt($smtp, '<x@remote.test>'), $LOGIN_FIRST, 'changes nothing';
	$smtp->cmd('RSET');
	is $smtp->auth('PLAIN', 'anna', 'anna-secret'), 235, 'the right one';
	is rcpt($smtp, '<x@remote.test>'), '250 2.1.5 OK', 'after the login';
};

my %SMUGGLED = (
	'LF . LF' => "\n.\n", 'LF . CRLF' => "\n.\r\n", 'CRLF . LF' => "\r\n.\n", 'CR . CR' => "\r.\r", 'CR . CRLF' => "\r.\r\n",
	'CRLF . CR' => "\r\n.\r", 'CR CRLF . CR CRLF' => "\r\r\n.\r\r\n", 'LF LF . CRLF' => "\n\n.\r\n",
);

subtest 'one message stays one: smuggling' => sub {
	for my $name (sort keys %SMUGGLED) {
		my $smtp = $p->smtp(local => '127.0.0.2');
		$smtp->ehlo;
		$smtp->cmd('MAIL FROM:<a@b.test>');
		$smtp->cmd("RCPT TO:<anna\@$domain>");
		$smtp->cmd('DATA');
		$smtp->send_raw("Subject: one\r\n\r\nx$SMUGGLED{$name}MAIL FROM:<evil\@b.test>\r\nRCPT TO:<anna\@$domain>\r\nDATA\r\n"
			. "Subject: two\r\n\r\n.\r\n");
		like scalar($smtp->reply), qr/\A500/, "$name is refused";
		like $smtp->last, qr/\A500 5\.6\.0 /, 'with one answer';
		is $smtp->cmd('NOOP'), 250, 'and the session is where it should be';
	}
};

subtest 'NUL octets' => sub {
	my $smtp = $p->smtp(local => '127.0.0.2');
	$smtp->ehlo;
	$smtp->cmd('MAIL FROM:<a@b.test>');
	$smtp->cmd("RCPT TO:<anna\@$domain>");
	$smtp->data("Subject: x\n\na\0b\n");
	like $smtp->last, qr/\A554 5\.6\.0 /, 'are refused';
};

$p->stop;
done_testing;

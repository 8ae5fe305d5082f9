#!/usr/bin/perl
# The SMTP conversation: the sample session, replies, limits, encryption, disk space. Clients of 127.0.0.2 are strangers.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(
	users => { joe => 'joe-secret', kate => 'kate-secret', bill => 'bill-secret' },
	relay => ['127.0.0.1'],
);
my $domain = $p->domain;
my $TOO_LARGE = '552 5.2.3 Message too large - contact your administrator';

sub stranger { return $p->smtp(local => '127.0.0.2', @_) }

# The text of the reply to a line.
sub answer {
	my ($smtp, $line) = @_;
	$smtp->cmd($line);
	return $smtp->last;
}

sub messages {
	my ($user) = @_;
	my $pop3 = $p->pop3;
	$pop3->login($user, "$user-secret");
	my @texts = map { $pop3->retr($_) } sort { $a <=> $b } keys %{ $pop3->list };
	$pop3->quit;
	return @texts;
}

sub wait_message {
	my ($user, $pattern) = @_;
	my ($found) = ();
	$p->wait_for(sub { ($found) = grep { $_ =~ $pattern } messages($user); defined $found }, "a message for $user", 20);
	return $found;
}

subtest '01-16.1 01-16.2 the sample session, and who gets the message' => sub {
	my $smtp = stranger();
	is $smtp->greeting, '220 mail.example.test ESMTP Postroom server ready', 'greeting';
	like answer($smtp, 'EHLO mail.domain.test'), qr/\A250-mail\.example\.test Hello mail\.domain\.test, I'm pleased to meet you$/m,
		'EHLO';
	like $smtp->last, qr/^250 HELP\z/m, 'HELP comes last';
	is answer($smtp, 'MAIL FROM:<bob@domain.test>'), '250 2.1.0 OK', 'MAIL';
	is answer($smtp, "RCPT TO:<joe\@$domain>"), '250 2.1.5 OK', 'RCPT';
	is answer($smtp, "RCPT TO:<katy\@$domain>"), '550 5.1.1 Recipient not recognised', 'unknown';
	is answer($smtp, "RCPT TO:<kate\@$domain>"), '250 2.1.5 OK', 'RCPT';
	is answer($smtp, 'DATA'), '354 End data with <CR><LF>.<CR><LF>', 'DATA';
	my $text = "From: bob\@domain.test\r\nTo: joe\@$domain, katy\@$domain, bill\@$domain\r\nSubject: sample\r\n\r\nHello\r\n";
	$smtp->send_raw("$text.\r\n");
	$smtp->reply;
	my ($id) = $smtp->last =~ /\A250 2\.0\.0 OK - queued as (\S+)\z/;
	ok defined $id, 'queued' or diag $smtp->last;
	is answer($smtp, 'QUIT'), '221 2.0.0 Bye, see you later', 'QUIT';
	ok $smtp->is_closed, 'and closed';
	for my $user (qw(joe kate)) {
		my $got = wait_message($user, qr/^Subject: sample/m);
		like $got, qr/\n\Q$text\E\z/s, "$user: the message below the trace fields, without Date added";
		like $got, qr/^Received: from mail\.domain\.test \(\[127\.0\.0\.2\]\)\r\n\tby mail\.example\.test \(Postroom\) with ESMTP\r\n\tid \Q$id\E;\r\n\t\w{3}, /m,
			"$user: Received names client, HELO, protocol, id, time";
	}
	is scalar(messages('bill')), 0, 'who stands only in the header gets nothing';
	like $p->log, qr/id=\Q$id\E queued/, 'the id is logged';
};

subtest 'fields that a submitted message lacks: 05-10.5 who submits gets them, who passes on does not' => sub {
	my $smtp = $p->smtp(service => 'submission');
	like $smtp->send_message("kate\@$domain", ["joe\@$domain"], "Subject: no date\n\nx\n"), qr/\A250/, 'sent';
	my $got = wait_message('joe', qr/^Subject: no date/m);
	like $got, qr/^Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}\r$/m, 'Date';
	like $got, qr/^Message-ID: <\S+\@mail\.example\.test>\r$/m, 'Message-ID';
	like $smtp->send_message("kate\@$domain", ["joe\@$domain"], "Subject: dated\nDate: x\nMessage-ID: <y\@z>\n\nx\n"), qr/\A250/, 'sent';
	unlike wait_message('joe', qr/^Subject: dated/m), qr/^Date:.*^Date:/ms, 'none twice';
};

subtest 'refusals of commands leave the session usable' => sub {
	my $smtp = stranger();
	like answer($smtp, 'MAIL FROM:<a@b.test>'), qr/\A503 5\.5\.1 /, 'MAIL before EHLO';
	like answer($smtp, 'EHLO'), qr/\A501 /, 'EHLO without a name';
	$smtp->ehlo;
	my @cases = (
		['FOO' => '500 5.5.1'], ['RCPT TO:<a@b.test>' => '503 5.5.1'], ['DATA' => '503 5.5.1'],
		['MAIL FROM:a@b.test' => '501 5.1.7'], ['MAIL TO:<a@b.test>' => '501 5.5.4'], ['MAIL FROM:<a@b.test> FOO=1' => '555 5.5.4'],
		['MAIL FROM:<a@b.test> SIZE=x' => '501 5.5.4'], ["MAIL FROM:<\xc3\xa4\@b.test>" => '553 5.6.7'], ['DATA now' => '501 5.5.4'],
		['NOOP ' . 'x' x 506 => '500 5.5.6'], ['X' x 20000 => '500 5.5.6'], ["NOOP\1" => '500 5.5.2'],
	);
	like answer($smtp, $_->[0]), qr/\A\Q$_->[1]\E /, substr($_->[0], 0, 40) =~ s{[^ -~]}{?}gr for @cases;
	is $smtp->cmd('NOOP ' . 'x' x 505), 250, 'a line of 512 octets';
	is $smtp->cmd('MAIL FROM:<a@b.test> AUTH=' . 'x' x 480), 250, 'a longer one where extensions allow it';
	like answer($smtp, 'RCPT TO:<>'), qr/\A501 5\.1\.3 /, 'RCPT <>';
	like answer($smtp, 'MAIL FROM:<a@b.test>'), qr/\A503 5\.5\.1 /, 'MAIL within MAIL';
	is $smtp->cmd('RCPT TO:<postmaster>'), 250, 'postmaster needs no domain';
	is $smtp->cmd('RSET'), 250, 'RSET';
	$smtp = stranger();
	$smtp->cmd('FOO') for 1 .. 20;
	$smtp->reply;
	is $smtp->last, '421 4.7.0 Too many errors', 'the twentieth error ends it';
	is stranger()->cmd('GET / HTTP/1.1'), 421, 'a browser is sent away';
};

subtest '05-9.1 VRFY and EXPN are off' => sub {
	my $smtp = stranger();
	my $extensions = $smtp->ehlo;
	ok !exists $extensions->{VRFY} && !exists $extensions->{EXPN}, 'not announced';
	is answer($smtp, $_), '502 5.5.1 Command not implemented', $_ for 'VRFY joe', 'EXPN joe';
};

subtest '01-16.7 05-5.8 the size limit, announced and real' => sub {
	$p->set('smtp.max-message-size' => 100000);
	my $smtp = stranger();
	is $smtp->ehlo->{SIZE}, 100000, 'announced';
	is answer($smtp, 'MAIL FROM:<a@b.test> SIZE=100001'), $TOO_LARGE, 'SIZE above it';
	$smtp->cmd('MAIL FROM:<a@b.test> SIZE=1');
	$smtp->cmd("RCPT TO:<joe\@$domain>");
	$smtp->data("Subject: huge\n\n" . "0123456789\n" x 10000);
	is $smtp->last, $TOO_LARGE, 'content above it';
	is $smtp->cmd('NOOP'), 250, 'the session goes on';
	$p->postroom_ok('unset', 'smtp.max-message-size');
	is $smtp->cmd('MAIL FROM:<a@b.test> SIZE=100001'), 250, 'a change counts at once';
};

subtest 'limits of recipients and hops' => sub {
	$p->set('smtp.max-recipients' => 100, 'smtp.max-hops' => 5);
	my $smtp = stranger();
	$smtp->ehlo;
	$smtp->cmd('MAIL FROM:<a@b.test>');
	$smtp->cmd("RCPT TO:<joe\@$domain>") for 1 .. 100;
	is answer($smtp, "RCPT TO:<joe\@$domain>"), '452 4.5.3 Too many recipients', 'one recipient too many';
	$smtp->data("Received: x\n" x 6 . "\nx\n");
	is $smtp->last, '554 5.4.6 Too many hops', 'one hop too many';
	$p->postroom_ok('unset', $_) for 'smtp.max-recipients', 'smtp.max-hops';
};

subtest '05-5.7 unknown recipients where they are not to be refused' => sub {
	$p->set('smtp.reject-unknown' => 'off');
	my $smtp = stranger();
	$smtp->ehlo;
	$smtp->cmd('MAIL FROM:<>');
	is $smtp->cmd("RCPT TO:<nobody\@$domain>"), 250, 'taken';
	$p->postroom_ok('unset', 'smtp.reject-unknown');
	like answer($smtp, "RCPT TO:<nobody\@$domain>"), qr/\A550 5\.1\.1/, 'refused again';
};

subtest '05-1.2 01-19.4 STARTTLS required, optional, none' => sub {
	$p->postroom_ok('service', 'encryption', 'smtp', 'required');
	my $smtp = stranger();
	ok exists $smtp->ehlo->{STARTTLS}, 'announced';
	like answer($smtp, $_), qr/\A530 5\.7\.0 /, "$_ before TLS" for 'MAIL FROM:<a@b.test>', 'RSET', 'AUTH PLAIN';
	is $smtp->cmd('NOOP'), 250, 'NOOP before TLS';
	is $smtp->starttls, 220, 'STARTTLS';
	is $smtp->cmd('MAIL FROM:<a@b.test>'), 503, 'the EHLO in clear is forgotten';
	ok !exists $smtp->ehlo->{STARTTLS}, 'not announced under TLS';
	is $smtp->cmd('MAIL FROM:<a@b.test>'), 250, 'MAIL under TLS';
	$p->postroom_ok('service', 'encryption', 'smtp', 'none');
	$smtp = stranger();
	ok !exists $smtp->ehlo->{STARTTLS}, 'none: not announced';
	is $smtp->cmd('STARTTLS'), 502, 'none: refused';
	$p->postroom_ok('service', 'encryption', 'smtp', 'optional');
	$smtp = stranger();
	$smtp->ehlo;
	$smtp->send_raw("STARTTLS\r\nMAIL FROM:<a\@b.test>\r\n");
	like scalar($smtp->reply), qr/\A501/, 'commands slipped in behind STARTTLS are refused';
	is $smtp->cmd('NOOP'), 250, 'and not run';
};

subtest 'submission needs a login' => sub {
	for my $service (qw(submission smtps)) {
		my $smtp = stranger(service => $service);
		$smtp->ehlo;
		is answer($smtp, 'MAIL FROM:<a@b.test>'), '530 5.7.0 Authentication required', $service;
		is $smtp->auth('PLAIN', 'joe', 'joe-secret'), 235, 'login';
		is $smtp->cmd("MAIL FROM:<joe\@$domain>"), 250, 'now it goes';
	}
};

subtest '07-10.1 07-10.2 01-2.3 disk space' => sub {
	$p->set('smtp.disk-connect' => 1000000000000);
	my $smtp = stranger();
	is $smtp->greeting, '421 4.3.1 Insufficient disk space, try again later', 'at connect';
	ok $smtp->is_closed, 'closed';
	$p->set('smtp.disk-connect' => 0, 'smtp.disk-message' => 1000000000000);
	$smtp = stranger();
	$smtp->ehlo;
	my @spool = glob $p->dir . '/spool/{smtpd/new,active}/*';
	is answer($smtp, 'MAIL FROM:<a@b.test>'), '452 4.3.1 Insufficient system storage', 'at MAIL';
	is_deeply [glob $p->dir . '/spool/{smtpd/new,active}/*'], \@spool, 'nothing is written to the spool';
	$p->postroom_ok('unset', 'smtp.disk-message');
	is $smtp->cmd('MAIL FROM:<a@b.test>'), 250, 'the same session when there is room again';
	$p->postroom_ok('unset', 'smtp.disk-connect');
};

subtest '05-10.1 names in the greeting' => sub {
	$p->set('server.host-name' => 'other.example.test', 'server.anonymise' => 'on');
	is stranger()->greeting, '220 other.example.test ESMTP server ready', 'host name, anonymous';
	$p->postroom_ok('unset', 'server.anonymise');
	$p->set('server.host-name' => 'mail.example.test');
};

subtest 'a silent client' => sub {
	$p->set('smtp.timeout' => 5);
	my $smtp = stranger();
	$smtp->reply;
	like $smtp->last, qr/\A421 4\.4\.2 /, 'is told, and the connection closed';
	ok $smtp->is_closed, 'closed';
	$p->postroom_ok('unset', 'smtp.timeout');
};

$p->stop;
done_testing;

#!/usr/bin/perl
# CHUNKING (RFC 3030): messages by BDAT, alone and pipelined; what is wrong is read away; and line ends of DATA.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Process qw(write_file);
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(
	users => { anna => 'anna-secret' },
	relay => ['127.0.0.1'],
	set   => { 'smtp.max-message-size' => 100_000 },
);
my $domain = $p->domain;

sub client {
	my (%options) = @_;
	my $smtp = $p->smtp(%options);
	$smtp->ehlo;
	return $smtp;
}

sub stranger { return client(local => '127.0.0.2') }

sub begin {
	my ($smtp) = @_;
	$smtp->cmd('MAIL FROM:<a@b.test>');
	return scalar $smtp->cmd("RCPT TO:<anna\@$domain>");
}

# A chunk and its reply.
sub chunk {
	my ($smtp, $text, $last) = @_;
	$smtp->send_raw('BDAT ' . length($text) . ($last ? ' LAST' : '') . "\r\n$text");
	$smtp->reply;
	return $smtp->last;
}

# The message with that subject, with what the server put on top of it.
sub stored {
	my ($subject) = @_;
	return $p->wait_for(sub {
		my $pop3 = $p->pop3;
		$pop3->login('anna', 'anna-secret');
		my ($count) = $pop3->stat;
		my @found = grep { /^Subject: \Q$subject\E\r?$/m } map { scalar($pop3->retr($_)) =~ s/\r\n/\n/gr } 1 .. $count;
		$pop3->quit;
		return $found[0];
	}, "$subject is stored");
}

sub body {
	my ($subject) = @_;
	return stored($subject) =~ s/\A.*?\r?\n\r?\n//sr;
}

subtest 'a message in chunks' => sub {
	my $smtp = $p->smtp;
	ok exists $smtp->ehlo->{CHUNKING}, 'announced';
	ok !exists $smtp->ehlo->{BINARYMIME}, 'BINARYMIME is not';
	begin($smtp);
	is chunk($smtp, "Subject: in chunks\r\n\r\n.\r\n..two\r"), '250 2.0.0 31 octets received', 'each is answered';
	is chunk($smtp, ''), '250 2.0.0 0 octets received', 'an empty one, too';
	is chunk($smtp, "\nlast line"), '250 2.0.0 10 octets received', 'a line end may be parted';
	like chunk($smtp, '', 1), qr/\A250 2\.0\.0 OK - queued as /, 'the last may be empty';
	is body('in chunks'), ".\n..two\nlast line\n", 'dots are as they came, the last line is ended';
	is chunk($smtp, 'x', 1), '503 5.5.1 Say MAIL first', 'none may follow the last';
	is $smtp->cmd('NOOP'), 250, 'and its octets are no command';
};

subtest 'all in one write (RFC 2920)' => sub {
	my $smtp = client();
	my $text = "Subject: pipelined\r\n\r\n" . join('', map { "line $_\r\n" } 1 .. 2000);
	my $half = int(length($text) / 2);
	$smtp->send_raw("MAIL FROM:<a\@b.test>\r\nRCPT TO:<anna\@$domain>\r\nBDAT $half\r\n" . substr($text, 0, $half)
		. 'BDAT ' . (length($text) - $half) . " LAST\r\n" . substr($text, $half)
		. "MAIL FROM:<a\@b.test>\r\nRCPT TO:<anna\@$domain>\r\nBDAT 25 LAST\r\nSubject: second one\r\n\r\n\r\nNOOP\r\n");
	$smtp->reply for 1 .. 4;
	like $smtp->last, qr/queued as/, 'the first message';
	$smtp->reply for 1 .. 3;
	like $smtp->last, qr/queued as/, 'the second';
	is $smtp->reply, 250, 'and the command behind it';
	is body('pipelined'), join('', map { "line $_\n" } 1 .. 2000), 'whole';
	ok stored('second one'), 'both are there';
};

subtest 'what is refused is read away' => sub {
	my $smtp = $p->smtp;
	is chunk($smtp, "QUIT\r\nRSET\r\n", 1), '503 5.5.1 Say EHLO first', 'before EHLO';
	$smtp->ehlo;
	is chunk($smtp, "QUIT\r\n"), '503 5.5.1 Say MAIL first', 'before MAIL';
	$smtp->cmd('MAIL FROM:<a@b.test>');
	is chunk($smtp, "QUIT\r\n", 1), '503 5.5.1 No valid recipients', 'before RCPT';
	$smtp->cmd("RCPT TO:<anna\@$domain>");
	is chunk($smtp, "Subject: bare\r\n\r\na\nb\r\n"), '500 5.6.0 Lines end with CRLF; bare CR or LF are not accepted', 'a bare LF';
	is chunk($smtp, "QUIT\r\n"), '503 5.5.1 A chunk was refused, say RSET', 'what was under way';
	is chunk($smtp, '', 1), '503 5.5.1 A chunk was refused, say RSET', 'also the last';
	is $smtp->cmd('RSET'), 250, 'RSET';
	is begin($smtp), 250, 'begins anew';
	chunk($smtp, "Subject: mixed\r\n\r\n");
	is $smtp->cmd('DATA'), 503, 'no DATA behind BDAT';
	is $smtp->cmd("RCPT TO:<anna\@$domain>"), 503, 'no RCPT';
	is $smtp->cmd('MAIL FROM:<a@b.test>'), 503, 'no MAIL';
	$smtp->cmd('RSET');
	begin($smtp);
	like chunk($smtp, "Subject: after all\r\n\r\nx\r\n", 1), qr/\A250 .*queued/, 'RSET forgets what came';
	is body('after all'), "x\n", 'only the new message is there';
};

subtest 'limits' => sub {
	my $smtp = client();
	begin($smtp);
	like chunk($smtp, "Subject: large\r\n\r\n" . "0123456789abcde\r\n" x 5000), qr/\A250 /, 'less than the largest size';
	is chunk($smtp, "0123456789abcde\r\n" x 2000), '552 5.2.3 Message too large - contact your administrator', 'with this one more';
	$smtp->cmd('RSET');
	begin($smtp);
	is chunk($smtp, "Subject: large\r\n\r\n" . "0123456789abcde\r\n" x 20_000, 1), '552 5.2.3 Message too large - contact your administrator', 'at once';
	is begin($smtp), 250, 'after the last chunk the next message may begin';
	is chunk($smtp, "a: b\r\n\r\n\0", 1), '554 5.6.0 NUL octets are not accepted', 'NUL';
	$p->set('smtp.max-line-length' => 20);
	begin($smtp);
	is chunk($smtp, 'a: ' . 'x' x 18 . "\r\n"), '500 5.5.6 A line of the message is too long', 'a line';
	$p->postroom_ok('unset', 'smtp.max-line-length');
};

subtest 'where the end is not known' => sub {
	for my $wrong ('', 'LAST', '-5', '1 FIRST', '99999999999999999999') {
		my $smtp = client();
		begin($smtp);
		$smtp->send_raw("BDAT $wrong\r\nRSET\r\nNOOP\r\n");
		is $smtp->reply, 501, "BDAT $wrong";
		is $smtp->reply, 0, 'nothing behind it is taken for a command';
	}
};

subtest 'TLS required' => sub {
	$p->postroom_ok('service', 'encryption', 'smtp', 'required');
	my $smtp = client();
	is chunk($smtp, "MAIL FROM:<a\@b.test>\r\n", 1), '530 5.7.0 Must issue a STARTTLS command first', 'first';
	is $smtp->starttls, 220, 'the chunk is gone';
	$p->postroom_ok('service', 'encryption', 'smtp', 'optional');
};

subtest 'a client that breaks off' => sub {
	my $smtp = client();
	begin($smtp);
	chunk($smtp, "Subject: broken\r\n\r\nhalf");
	$smtp->send_raw("BDAT 100 LAST\r\nshort");
	$smtp->close;
	$p->wait_log(qr/broken off after 5 octets/);
	is scalar(@{ $p->queue }), 0, 'nothing is queued';
	unlike $p->log, qr/queued .*broken/, 'nor was it';
};

subtest 'the script is asked at the first chunk' => sub {
	my $file = $p->dir . '/etc/scripts/smtpsvr.lua';
	write_file("$file.new", q{function DoDATAStart() if MailFrom == "a@b.test" then return "450 4.0.0 later" end return "354 go on" end});
	chmod 0644, "$file.new";
	rename "$file.new", $file or die "cannot rename: $!\n";
	my $smtp = client();
	begin($smtp);
	is chunk($smtp, "QUIT\r\n", 1), '450 4.0.0 later', 'it refuses';
	$smtp->cmd('RSET');
	$smtp->cmd('MAIL FROM:<c@b.test>');
	$smtp->cmd("RCPT TO:<anna\@$domain>");
	is chunk($smtp, "a: b\r\n"), '250 2.0.0 6 octets received', 'a reply for DATA is none for BDAT';
	$p->script('smtpsvr');
};

# A message with a body as it stands, by DATA; the last reply.
sub send_body {
	my ($smtp, $subject, $body) = @_;
	begin($smtp);
	$smtp->cmd('DATA');
	$smtp->send_raw("Subject: $subject\r\n\r\n$body");
	$smtp->reply;
	return $smtp->last;
}

sub user {
	my $smtp = stranger();
	is $smtp->auth('PLAIN', 'anna', 'anna-secret'), 235, 'a user';
	return $smtp;
}

subtest '07-14.2 line ends' => sub {
	like send_body(user(), 'one message', "a\n.\nb\r.\rc\r\n.\r\n"), qr/\A250 .*queued/, 'off: only CRLF ends a line';
	is body('one message'), "a\n.\nb\n.\nc\n", 'and the message';
	is send_body(stranger(), 'refused', "a\n.\nb\r\n.\r\n"), '500 5.6.0 Lines end with CRLF; bare CR or LF are not accepted', 'of strangers they are refused';
	$p->set('smtp.any-line-endings' => 'on');
	for my $end ("\n", "\r", "\r\n", "\n\r") {
		my $smtp = user();
		my $name = 'ended by ' . unpack('H*', $end);
		like send_body($smtp, $name, "a${end}..b${end}.$end"), qr/\A250 .*queued/, "on: $name";
		is body($name), "a\n.b\n", 'is stored';
		is $smtp->cmd('NOOP'), 250, 'and the session goes on';
	}
	like send_body(client(), 'may relay', "a\n.\n"), qr/\A250 .*queued/, 'also for a client that may relay by its address';
	is send_body(stranger(), 'still refused', "a\n.\nb\r\n.\r\n"), '500 5.6.0 Lines end with CRLF; bare CR or LF are not accepted', 'not for strangers';
};

$p->stop;
done_testing;

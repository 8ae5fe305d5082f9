#!/usr/bin/perl
# IMAP up to the login: greeting, capabilities, TLS, passwords, limits; and what imap-login does with nonsense.
use strict;
use warnings;
use lib 't/lib';
use MIME::Base64;
use Postroom::Connection;
use Postroom::Test;
use Test::More;
use Time::HiRes qw(time);

my $p = Postroom::Test->start(users => { anna => 'anna-secret', bert => 'bert-secret' });

sub logged_in {
	my ($user) = @_;
	my $imap = $p->imap;
	$imap->login($user, "$user-secret");
	return $imap;
}

# A connection on which nothing was sent, nor the greeting parsed.
sub raw {
	my (%options) = @_;
	return Postroom::Connection->connect(host => '127.0.0.1', port => $p->port('imap'), %options);
}

sub words {
	my ($response) = @_;
	return { map { $_ => 1 } @{ $response->{code_data} // $response->{data} } };
}

subtest 'the greeting names the protocol and what may be used' => sub {
	my $imap = $p->imap;
	my $greeting = $imap->greeting;
	is $greeting->{type}, 'OK', 'OK';
	is $greeting->{text}, 'Postroom IMAP4rev1 Server Ready', 'its text';
	my $words = words($greeting);
	ok $words->{$_}, $_ for qw(IMAP4rev1 IMAP4rev2 STARTTLS SASL-IR ID LITERAL+ AUTH=PLAIN AUTH=SCRAM-SHA-256);
	ok !$words->{LOGINDISABLED}, 'LOGIN may be used';
	$imap->cmd('CAPABILITY');
	is_deeply words(($imap->untagged('CAPABILITY'))[0]), $words, 'CAPABILITY says the same';
	is $imap->cmd('NOOP')->{type}, 'OK', 'NOOP';
	is $imap->cmd('ID ("name" "test" "version" "1")')->{type}, 'OK', 'ID';
	like(($imap->untagged('ID'))[0]{raw}, qr/"name" "Postroom"/, 'tells who we are');
	is $imap->cmd('ID ("name")')->{type}, 'BAD', 'half a field is none';
	is $imap->cmd('LOGOUT')->{type}, 'OK', 'LOGOUT';
	ok defined $imap->bye, 'with BYE';
	ok !defined $imap->line, 'and the end';
};

subtest '01-18.6 a command before the login is refused, and the connection stays' => sub {
	my $imap = $p->imap;
	is $imap->cmd($_)->{type}, 'BAD', $_ for 'SELECT INBOX', 'FETCH 1 BODY[]', 'NONSENSE';
	is $imap->login('anna', 'anna-secret')->{type}, 'OK', 'a login is right afterwards';
	is $imap->cmd('LOGIN anna anna-secret')->{type}, 'BAD', 'and there is no second one';
};

subtest '05-13.1 a client outside the networks is told so' => sub {
	$p->access(imap => '1|2|127.0.0.2|32|0||');
	my $imap = raw();
	is $imap->line, '* BYE Postroom IMAP4rev1 Server access not allowed!', 'the text';
	ok !defined $imap->line, 'and the end';
	like raw(local => '127.0.0.2')->line, qr/\A\* OK /, 'who is inside is served';
	$p->set('server.anonymise' => 'on');
	is raw()->line, '* BYE IMAP4rev1 Server access not allowed!', 'anonymised';
	$p->access(imap => '1|0||1|0||');
	my $greeting = raw()->line;
	like $greeting, qr/\A\* OK \[CAPABILITY [^]]*\] IMAP4rev1 Server Ready\z/, 'the greeting too';
	$p->set('server.anonymise' => 'off');
};

subtest '05-2.3 the text of the refusal' => sub {
	$p->access(imap => '1|2|10.0.0.0|8|0||');
	is raw()->line, '* BYE Postroom IMAP4rev1 Server access not allowed!', 'over IMAP';
	$p->access(imap => '1|0||1|0||');
};

subtest '05-13.2 the third failed LOGIN is answered NO and the connection closes' => sub {
	my $imap = $p->imap;
	for my $try (1 .. 3) {
		my $answer = $imap->cmd('LOGIN anna wrong');
		is "$answer->{type} $answer->{code}", 'NO AUTHENTICATIONFAILED', "try $try";
	}
	my $last = $imap->line;
	$last = $imap->line if defined $last && $last =~ /\A\* BYE/;
	ok !defined $last, 'the connection is closed';
	$imap = $p->imap;
	$imap->cmd('LOGIN anna wrong') for 1, 2;
	is $imap->login('anna', 'anna-secret')->{type}, 'OK', 'after two failures it may still be right';
};

subtest 'an unknown user, a wrong password: no difference' => sub {
	my $imap = $p->imap;
	my @answers = map { my $answer = $imap->cmd("LOGIN $_ wrong"); "$answer->{type} $answer->{code} $answer->{text}" } qw(anna nobody);
	is $answers[0], $answers[1], 'one answer for both';
};

subtest 'all ways to log in' => sub {
	for my $mechanism (qw(PLAIN LOGIN SCRAM-SHA-256)) {
		my $imap = $p->imap;
		my $answer = $imap->auth($mechanism, 'anna', 'anna-secret');
		is $answer->{type}, 'OK', $mechanism;
		is $answer->{code}, 'CAPABILITY', 'with the capabilities';
		is $imap->cmd('NOOP')->{type}, 'OK', 'and the session goes on';
	}
	my $imap = $p->imap;
	is $imap->cmd('AUTHENTICATE PLAIN ' . encode_base64("\0anna\0anna-secret", ''))->{type}, 'OK', 'PLAIN with its response (SASL-IR)';
	$imap = $p->imap;
	is $imap->cmd('LOGIN ', \'anna', ' ', \'anna-secret')->{type}, 'OK', 'LOGIN with literals';
	$imap = $p->imap(literal_plus => 1);
	is $imap->cmd('LOGIN ', \'anna', ' ', \'anna-secret')->{type}, 'OK', 'and with those that do not wait';
	$imap = $p->imap;
	is $imap->cmd('LOGIN "anna@example.test" "anna-secret"')->{type}, 'OK', 'a full address, in quotes';
	$imap = $p->imap;
	$imap->send_raw("a AUTHENTICATE PLAIN\r\n");
	like $imap->line, qr/\A\+ /, 'asked for the response';
	$imap->send_raw("*\r\n");
	like $imap->line, qr/\Aa BAD /, 'cancelled';
	$imap->send_raw("b AUTHENTICATE PLAIN !!!\r\n");
	like $imap->line, qr/\Ab BAD /, 'no base64';
	$imap->send_raw("c AUTHENTICATE NO-SUCH\r\n");
	like $imap->line, qr/\Ac NO /, 'no such mechanism';
};

subtest '05-13.9 encrypted authentication required' => sub {
	$p->set('imap.require-encrypted-auth' => 'on');
	my $imap = $p->imap;
	my $words = words($imap->greeting);
	ok $words->{LOGINDISABLED}, 'LOGINDISABLED is announced';
	ok !$words->{'AUTH=PLAIN'}, 'and PLAIN is not';
	my $answer = $imap->cmd('LOGIN anna anna-secret');
	is "$answer->{type} $answer->{code}", 'NO PRIVACYREQUIRED', 'LOGIN in clear is refused';
	$answer = $imap->cmd('AUTHENTICATE PLAIN ' . encode_base64("\0anna\0anna-secret", ''));
	is "$answer->{type} $answer->{code}", 'NO PRIVACYREQUIRED', 'PLAIN too';
	is $p->imap->auth('SCRAM-SHA-256', 'anna', 'anna-secret')->{type}, 'OK', 'SCRAM is not: it shows no password';
	$imap->starttls;
	$imap->cmd('CAPABILITY');
	$words = words(($imap->untagged('CAPABILITY'))[0]);
	ok !$words->{LOGINDISABLED}, 'after STARTTLS it is not announced any more';
	ok !$words->{STARTTLS}, 'nor STARTTLS';
	is $imap->login('anna', 'anna-secret')->{type}, 'OK', 'and LOGIN works';
	$p->set('imap.require-encrypted-auth' => 'off');
};

subtest 'encryption required, and none' => sub {
	$p->postroom_ok('service', 'encryption', 'imap', 'required');
	my $imap = $p->imap;
	ok words($imap->greeting)->{LOGINDISABLED}, 'required: LOGINDISABLED';
	is $imap->auth('SCRAM-SHA-256', 'anna', 'anna-secret')->{code}, 'PRIVACYREQUIRED', 'nothing is accepted in clear';
	$imap->starttls;
	is $imap->login('anna', 'anna-secret')->{type}, 'OK', 'under TLS it is';
	is $p->imap(service => 'imaps')->login('anna', 'anna-secret')->{type}, 'OK', 'and on port 993';
	$p->postroom_ok('service', 'encryption', 'imap', 'none');
	$imap = $p->imap;
	ok !words($imap->greeting)->{STARTTLS}, 'none: no STARTTLS';
	is $imap->cmd('STARTTLS')->{type}, 'BAD', 'nor is it taken';
	$p->postroom_ok('service', 'encryption', 'imap', 'optional');
};

subtest 'what comes behind STARTTLS in clear is not taken for the client\'s own' => sub {
	my $imap = raw();
	$imap->line;
	$imap->send_raw("a STARTTLS\r\nb LOGIN anna anna-secret\r\n");
	like $imap->line, qr/\Aa BAD /, 'refused';
	like $imap->line, qr/\A\* BYE /, 'and the session ends';
	ok !defined $imap->line, 'before TLS';
};

subtest '05-13.3 more logins of one user than allowed' => sub {
	my @sessions = map { logged_in('anna') } 1 .. 20;
	is scalar(grep { $_->cmd('NOOP')->{type} eq 'OK' } @sessions), 20, 'twenty at once';
	my $imap = $p->imap;
	my $answer = $imap->login('anna', 'anna-secret');
	is "$answer->{type} $answer->{text}", 'NO Too many logins for this user', 'the next one is refused';
	is $imap->cmd('NOOP')->{type}, 'OK', 'its connection stays';
	is $p->imap->login('bert', 'bert-secret')->{type}, 'OK', 'another user still logs in';
	(pop @sessions)->cmd('LOGOUT');
	my $logged_in = 0;
	$p->wait_for(sub { $logged_in = $imap->login('anna', 'anna-secret')->{type} eq 'OK' }, 'a place is free again', 10);
	ok $logged_in, 'where one has left, the next may come';
};

subtest 'nonsense' => sub {
	my $imap = raw();
	$imap->line;
	$imap->send_raw("\r\n");
	like $imap->line, qr/\A\* BAD /, 'an empty line';
	$imap->send_raw("a\r\n");
	like $imap->line, qr/\A(?:a|\*) BAD /, 'a tag alone';
	$imap->send_raw('a LOGIN ' . 'x' x 70000 . "\r\n");
	like $imap->line, qr/\Aa BAD /, 'a line that is too long';
	$imap->send_raw("a LOGIN {100000000}\r\n");
	like $imap->line, qr/\Aa (?:BAD|NO) /, 'a literal refused before it is read';
	$imap->send_raw("a LOGIN {5000+}\r\n" . 'x' x 5000 . " y\r\nb NOOP\r\n");
	like $imap->line, qr/\Aa (?:BAD|NO) /, 'one that does not wait is read away';
	like $imap->line, qr/\Ab OK /, 'and the next command found';
	$imap->send_raw("a X\r\n" x 30);
	my ($answers, $last) = (0, '');
	while (defined(my $line = $imap->line)) {
		$answers++ if $line =~ /\Aa BAD/;
		$last = $line;
	}
	like $last, qr/\A\* BYE /, 'who sends nothing else is sent away';
	ok $answers < 30, 'before it has said all';
};

subtest 'pipelined commands survive the login' => sub {
	for my $tls (0, 1) {
		my $imap = $p->imap($tls ? (service => 'imaps') : ());
		$imap->send_raw("a LOGIN bert bert-secret\r\nb NOOP\r\nc SELECT INBOX\r\nd LOGOUT\r\n");
		my @tagged;
		while (defined(my $line = $imap->line)) {
			push @tagged, $1 if $line =~ /\A([a-d]) OK /;
		}
		is "@tagged", 'a b c d', $tls ? 'under TLS' : 'in clear';
	}
};

subtest 'sessions that hear of a delivery at once, also through deliver\'s and POP3\'s doors' => sub {
	my $imap = logged_in('bert');
	$imap->select('INBOX');
	$imap->idle;
	my $smtp = $p->smtp;
	$smtp->ehlo;
	$smtp->cmd('MAIL FROM:<a@b.example>');
	$smtp->cmd('RCPT TO:<bert@example.test>');
	$smtp->cmd('DATA');
	my $begin = time;
	like $smtp->cmd("Subject: x\r\n\r\nx\r\n."), qr/\A250/, 'a message is taken';
	ok $imap->wait_for(sub { $_[0]{type} eq 'EXISTS' }, 10), 'it shows in IDLE';
	note sprintf 'after %.0f ms', 1000 * (time - $begin);
	my $pop3 = $p->pop3;
	$pop3->login('bert', 'bert-secret');
	$pop3->cmd('DELE 1');
	$pop3->quit;
	ok $imap->wait_for(sub { $_[0]{type} eq 'EXPUNGE' }, 10), 'POP3 removed it: that shows too';
	is $imap->done->{type}, 'OK', 'DONE';
	$p->kill_daemon('imapd', 'KILL');
	$p->wait_for(sub { my $again = eval { logged_in('bert') }; $again && $again->is_ok }, 'imapd is back', 15);
	$imap = logged_in('bert');
	$imap->select('INBOX');
	$imap->idle;
	$smtp->cmd('MAIL FROM:<a@b.example>');
	$smtp->cmd('RCPT TO:<bert@example.test>');
	$smtp->cmd('DATA');
	$smtp->cmd("Subject: y\r\n\r\ny\r\n.");
	ok $imap->wait_for(sub { $_[0]{type} eq 'EXISTS' }, 10), 'a new imapd is rung at as well';
};

subtest 'imapd is away' => sub {
	my $before = $p->imap;
	$p->kill_daemon('imapd', 'STOP');
	is $before->cmd('NOOP')->{type}, 'OK', 'before the login nothing is missing';
	$p->kill_daemon('imapd', 'CONT');
	is $before->login('anna', 'anna-secret')->{type}, 'OK', 'and it is taken over';
};

done_testing;

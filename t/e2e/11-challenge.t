#!/usr/bin/perl
# SCRAM bound to the TLS connection, and challenge logins (CRAM-MD5, APOP), which keep the password: when, and how long.
use strict;
use warnings;
use lib 't/lib';
use Digest::MD5 qw(md5_hex);
use File::Temp;
use MIME::Base64;
use Net::SSLeay;
use Postroom::Need qw(find_program);
use Postroom::Process qw(read_file run_program write_file);
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(
	users => { anna => 'sesame open', bert => 'bert-secret' },
	set   => { 'login.lockout-failures' => 0, 'login.max-failures' => 100, 'login.intrusion-failures' => 0 },
);

sub smtp_under_tls {
	my $smtp = $p->smtp(@_);
	$smtp->ehlo;
	$smtp->starttls == 220 or die "no TLS\n";
	return $smtp;
}

# What the client sees of the connection: the hash of the certificate; the exporter's octets.
sub endpoint { return ['tls-server-end-point', $_[0]{socket}->get_fingerprint_bin('sha256')] }

sub exporter {
	my ($client) = @_;
	return ['tls-exporter', Net::SSLeay::export_keying_material($client->{socket}->_get_ssl_object, 32, 'EXPORTER-Channel-Binding')];
}

# A login in its own connection under TLS; the code.
sub bound {
	my ($binding, %options) = @_;
	my $smtp = smtp_under_tls();
	$smtp->ehlo;
	return $smtp->auth($options{mechanism} // 'SCRAM-SHA-256-PLUS', 'anna', $options{password} // 'sesame open',
		binding => $binding && $binding->($smtp), %options);
}

subtest 'SCRAM-SHA-256-PLUS' => sub {
	unlike smtp_under_tls()->ehlo->{AUTH}, qr/PLUS/, 'off: not announced under TLS';
	is bound(\&endpoint), 504, 'nor there';
	is bound(undef, mechanism => 'SCRAM-SHA-256', flag => 'y'), 235, 'and nobody hid it';
	$p->set('login.channel-binding' => 'on');
	my $smtp = $p->smtp;
	unlike $smtp->ehlo->{AUTH}, qr/PLUS/, 'not announced in clear';
	is $smtp->cmd('AUTH SCRAM-SHA-256-PLUS'), 504, 'nor there';
	like smtp_under_tls()->ehlo->{AUTH}, qr/\ASCRAM-SHA-256-PLUS SCRAM-SHA-256 /, 'the strongest under TLS';
	is bound(\&exporter), 235, 'bound by tls-exporter';
	is bound(\&endpoint), 235, 'by tls-server-end-point';
	is bound(\&exporter, password => 'sesame'), 535, 'a wrong password';
	my $other = smtp_under_tls();
	is bound(sub { exporter($other) }), 535, 'bound to another connection';
	is bound(sub { ['tls-server-end-point', 'x' x 32] }), 535, 'to another certificate';
	is bound(sub { ['tls-unique', 'x' x 12] }), 501, 'by what there is not';
	is bound(undef, mechanism => 'SCRAM-SHA-256'), 235, 'without PLUS nothing is bound';
	is bound(undef, mechanism => 'SCRAM-SHA-256', flag => 'y'), 535, 'somebody hid PLUS from the client (RFC 5802 6)';
};

subtest 'the same by POP3 and IMAP' => sub {
	my $pop3 = $p->pop3;
	unlike $pop3->capa->{SASL}, qr/PLUS/, 'POP3: not announced in clear';
	$pop3->stls;
	like $pop3->capa->{SASL}, qr/\ASCRAM-SHA-256-PLUS /, 'but under TLS';
	like $pop3->auth('SCRAM-SHA-256-PLUS', 'anna', 'sesame open', binding => exporter($pop3)), qr/\A\+OK/, 'a login';
	$pop3->quit;
	my $imap = $p->imap;
	$imap->starttls;
	$imap->auth('SCRAM-SHA-256-PLUS', 'anna', 'sesame open', binding => endpoint($imap));
	ok $imap->is_ok, 'IMAP: a login';
};

# The answer to APOP with a password, by the challenge of the greeting.
sub apop {
	my ($user, $password) = @_;
	my $pop3 = $p->pop3;
	my ($challenge) = $pop3->greeting =~ /(<[^<>]+>)\z/ or return 'no challenge';
	return $pop3->cmd("APOP $user " . md5_hex($challenge . $password));
}

sub cram {
	my ($user, $password) = @_;
	my $smtp = $p->smtp;
	$smtp->ehlo;
	return $smtp->auth('CRAM-MD5', $user, $password);
}

# Is the password of a user in the files of authd, in clear or in any other way that does not need the key?
sub copies {
	my $path = $p->dir . '/state/auth/secrets.db';
	my ($status, $out) = run_program({}, 'sqlite3', $path, q{SELECT name FROM secret WHERE name LIKE 'challenge/%'});
	return split /\n/, $out;
}

subtest 'challenge logins are off' => sub {
	unlike $p->smtp->ehlo->{AUTH}, qr/\bCRAM/, 'not announced';
	is cram('anna', 'sesame open'), 504, 'no CRAM-MD5';
	is apop('anna', 'sesame open'), 'no challenge', 'no APOP';
	is_deeply [copies()], [], 'no password is kept';
};

subtest 'on: passwords are kept from the next login on' => sub {
	$p->set('login.challenge-methods' => 'on');
	like $p->smtp->ehlo->{AUTH}, qr/\bCRAM-MD5\b/, 'announced';
	is cram('anna', 'sesame open'), 535, 'not known yet';
	$p->wait_log(qr/login failed: user=anna .*mechanism=CRAM-MD5 .*no password kept for challenge logins yet/);
	is bound(undef, mechanism => 'PLAIN'), 235, 'a login with the password';
	is scalar(copies()), 1, 'it is kept';
	is cram('anna', 'sesame open'), 235, 'CRAM-MD5';
	is cram('anna', 'sesame'), 535, 'with a wrong password';
	is cram('nobody', 'sesame open'), 535, 'of nobody';
	like apop('anna', 'sesame open'), qr/\A\+OK/, 'APOP';
	is apop('anna', 'sesame'), '-ERR [AUTH] Login Failed', 'with a wrong password';
	is apop('nobody', 'sesame'), '-ERR [AUTH] Login Failed', 'of nobody';
	my $all = join '', map { read_file($_) // '' } glob($p->dir . '/state/auth/*');
	unlike $all, qr/sesame/, 'nothing is kept in clear';
	my $imap = $p->imap;
	$imap->auth('CRAM-MD5', 'anna', 'sesame open');
	ok $imap->is_ok, 'CRAM-MD5 by IMAP';
	my $pop3 = $p->pop3;
	like $pop3->auth('CRAM-MD5', 'anna', 'sesame open'), qr/\A\+OK/, 'and by POP3';
	$pop3->quit;
};

subtest 'the challenge is good for one try' => sub {
	my $pop3 = $p->pop3;
	my ($challenge) = $pop3->greeting =~ /(<[^<>]+>)\z/;
	is $pop3->cmd('APOP anna'), '-ERR Say APOP, name and digest', 'a word is missing';
	is $pop3->cmd('APOP anna 0123'), '-ERR The response cannot be decoded', 'no digest';
	is $pop3->cmd('APOP anna ' . md5_hex("${challenge}sesame open")), '-ERR APOP cannot be used now', 'the right one comes too late';
	isnt $p->pop3->greeting, $pop3->greeting, 'each connection has its own';
	my $smtp = $p->smtp;
	$smtp->ehlo;
	is $smtp->cmd('AUTH CRAM-MD5 ' . encode_base64('anna 0', '')), 501, 'CRAM-MD5: the server speaks first';
	is $smtp->cmd('AUTH APOP'), 504, 'APOP is no mechanism of SASL';
};

subtest '05-5.4 CRAM-MD5 where passwords must not cross in clear' => sub {
	$p->set('smtp.require-encrypted-auth' => 'on', 'pop3.require-encrypted-auth' => 'on');
	is $p->smtp->ehlo->{AUTH}, 'SCRAM-SHA-256 CRAM-MD5', 'what is announced';
	is cram('anna', 'sesame open'), 235, 'CRAM-MD5 in clear';
	my $pop3 = $p->pop3;
	ok !exists $pop3->capa->{USER}, 'POP3: no USER in clear';
	is $pop3->capa->{SASL}, 'SCRAM-SHA-256 CRAM-MD5', 'nor PLAIN';
	is $pop3->cmd('USER anna'), '-ERR Issue a STLS command first', 'USER';
	is $pop3->auth('PLAIN', 'anna', 'sesame open'), '-ERR Issue a STLS command first', 'PLAIN';
	$pop3->stls;
	like $pop3->login('anna', 'sesame open'), qr/\A\+OK/, 'both under TLS';
	$pop3->quit;
	like apop('anna', 'sesame open'), qr/\A\+OK/, 'APOP in clear';
	$p->postroom_ok('unset', $_) for 'smtp.require-encrypted-auth', 'pop3.require-encrypted-auth';
};

subtest 'a new password' => sub {
	$p->postroom_ok({ stdin => "another one\n" }, 'user', 'password', 'anna', '--password-stdin');
	is cram('anna', 'sesame open'), 535, 'the old one is of no use';
	is cram('anna', 'another one'), 235, 'the new one is kept at once';
	$p->postroom_ok({ stdin => "sesame open\n" }, 'user', 'password', 'anna', '--password-stdin');
};

subtest 'real clients' => sub {
	my $folder = File::Temp->newdir;
	SKIP: {
		skip 'gsasl is not installed', 3 if !find_program('gsasl');
		for my $protocol (qw(smtp imap)) {
			my ($status, $out, $err) = run_program({ stdin => '' }, 'gsasl', "--$protocol", '--starttls', '--x509-ca-file=',
				'--mechanism=SCRAM-SHA-256-PLUS', '--authentication-id=anna', '--authorization-id=', '--password=sesame open',
				'127.0.0.1', $p->port($protocol));
			is $status, 0, "gsasl, $protocol, SCRAM-SHA-256-PLUS" or diag "$out$err";
		}
		like $p->log, qr/mechanism=SCRAM-SHA-256-PLUS tls=1/, 'as the log says';
	}
	SKIP: {
		skip 'swaks is not installed', 2 if !find_program('swaks');
		for my $password ('sesame open', 'sesame') {
			my ($status, $out) = run_program({}, 'swaks', '--server', '127.0.0.1', '--port', $p->port('smtp'), '--auth', 'CRAM-MD5',
				'--auth-user', 'anna', '--auth-password', $password, '--quit-after', 'AUTH');
			is $status, $password eq 'sesame' ? 28 : 0, "swaks, CRAM-MD5, $password" or diag $out;
		}
	}
	SKIP: {
		skip 'curl is not installed', 4 if !find_program('curl');
		for my $password ('sesame open', 'sesame') {
			my ($status) = run_program({}, 'curl', '-sS', '--login-options', 'AUTH=CRAM-MD5', '-u', "anna:$password",
				'imap://127.0.0.1:' . $p->port('imap') . '/INBOX?ALL');
			is $status, $password eq 'sesame' ? 67 : 0, "curl, IMAP, CRAM-MD5, $password";
			($status) = run_program({}, 'curl', '-sS', '--login-options', 'AUTH=+APOP', '-u', "anna:$password",
				'pop3://127.0.0.1:' . $p->port('pop3') . '/');
			is $status, $password eq 'sesame' ? 67 : 0, "curl, APOP, $password";
		}
	}
	SKIP: {
		skip 'fetchmail is not installed', 2 if !find_program('fetchmail');
		for my $password ('sesame open', 'sesame') {
			write_file("$folder/fetchmailrc", sprintf <<'END', $p->port('pop3'), $password);
set no bouncemail
poll 127.0.0.1 protocol APOP port %s
	user anna password "%s" sslproto '' mda "true"
END
			chmod 0600, "$folder/fetchmailrc";
			local $ENV{FETCHMAILHOME} = "$folder";
			my ($status, $out, $err) = run_program({}, 'fetchmail', '-v', '--nodetach', '-f', "$folder/fetchmailrc");
			is $status, $password eq 'sesame' ? 3 : 1, "fetchmail, APOP, $password" or diag "$out$err";
		}
		like $p->log, qr/service=pop3 mechanism=APOP/, 'as the log says';
	}
};

subtest 'off again: nothing is left' => sub {
	my $smtp = smtp_under_tls();
	$smtp->ehlo;
	is $smtp->auth('PLAIN', 'bert', 'bert-secret'), 235, 'another user';
	is scalar(copies()), 2, 'two are kept';
	$p->postroom_ok('user', 'delete', 'bert', '--yes');
	is scalar(copies()), 1, 'a user who goes takes his with him';
	$p->postroom_ok('unset', 'login.challenge-methods');
	is bound(undef, mechanism => 'PLAIN'), 235, 'a login';
	is_deeply [copies()], [], 'none is kept any more';
	$p->wait_log(qr/challenge logins are off, \d+ passwords were deleted/);
	is cram('anna', 'sesame open'), 504, 'no CRAM-MD5';
};

$p->stop;
done_testing;

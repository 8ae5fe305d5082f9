#!/usr/bin/perl
# Logins: every mechanism, right and wrong, by our own clients and by real ones; what a wrong one tells, and what follows.
use strict;
use warnings;
use lib 't/lib';
use File::Temp;
use MIME::Base64;
use Postroom::Need qw(find_program);
use Postroom::Process qw(run_program write_file);
use Postroom::Test;
use Test::More;
use Time::HiRes qw(time);

my $p = Postroom::Test->start(users => { anna => 'sesame open', bert => "p\x{c3}\x{a4}ss=w,rd", carl => 'carl-secret' });
my @MECHANISMS = qw(PLAIN LOGIN SCRAM-SHA-256);

sub auth_answer {
	my ($user, $password, $mechanism) = @_;
	my $smtp = $p->smtp;
	$smtp->ehlo;
	$smtp->auth($mechanism // 'PLAIN', $user, $password);
	my $answer = $smtp->last;
	$smtp->close;
	return $answer;
}

sub pop3_answer {
	my ($user, $password) = @_;
	my $pop3 = $p->pop3;
	my $answer = $pop3->login($user, $password);
	$pop3->close;
	return $answer;
}

subtest '01-16.5 AUTH PLAIN, LOGIN and SCRAM-SHA-256: right passwords succeed, wrong ones fail' => sub {
	for my $mechanism (@MECHANISMS) {
		for my $initial ($mechanism eq 'LOGIN' ? (0) : (1, 0)) {
			my $how = $mechanism . ($initial ? '' : ' without initial response');
			my $smtp = $p->smtp;
			$smtp->ehlo;
			is $smtp->auth($mechanism, 'anna', 'sesame', initial => $initial), 535, "$how: wrong";
			is $smtp->auth($mechanism, 'anna', 'sesame open', initial => $initial), 235, "$how: right";
			is $smtp->cmd('MAIL FROM:<anna@example.test>'), 250, "$how: the session goes on";
		}
		like auth_answer('bert', "p\x{c3}\x{a4}ss=w,rd", $mechanism), qr/\A235 /, "$mechanism: other than ASCII";
		my $pop3 = $p->pop3;
		like $pop3->auth($mechanism, 'carl', 'carl'), qr/\A-ERR/, "$mechanism by POP3: wrong";
		like $pop3->auth($mechanism, 'carl', 'carl-secret'), qr/\A\+OK/, "$mechanism by POP3: right";
		$pop3->quit;
	}
	my $smtp = $p->smtp;
	$smtp->ehlo;
	is $smtp->cmd('AUTH LOGIN ' . encode_base64('anna', '')), 334, 'LOGIN with the name in the command';
	is $smtp->cmd(encode_base64('sesame open', '')), 235, 'is understood';
};

subtest 'a login may not act for somebody else' => sub {
	for my $mechanism (qw(PLAIN SCRAM-SHA-256)) {
		my $smtp = $p->smtp;
		$smtp->ehlo;
		is $smtp->auth($mechanism, 'anna', 'sesame open', authzid => 'postmaster'), 535, "$mechanism as another";
		is $smtp->auth($mechanism, 'anna', 'sesame open', authzid => 'anna'), 235, "$mechanism as oneself";
	}
};

subtest 'what is no exchange is refused and harms nobody' => sub {
	my $smtp = $p->smtp;
	$smtp->ehlo;
	is $smtp->cmd('AUTH CRAM-MD5'), 504, 'a mechanism that is not there';
	is $smtp->cmd('AUTH PLAIN !!!'), 501, 'not base64';
	is $smtp->cmd('AUTH PLAIN ' . encode_base64('no separators', '')), 501, 'not PLAIN';
	is $smtp->cmd('AUTH SCRAM-SHA-256 ' . encode_base64('n,,x=1', '')), 501, 'not SCRAM';
	is $smtp->cmd('AUTH LOGIN'), 334, 'LOGIN begins';
	is $smtp->cmd('*'), 501, 'and is cancelled';
	is $smtp->cmd(encode_base64('anna', '')), 500, 'and forgotten';
	is $smtp->auth('PLAIN', 'anna', 'sesame open'), 235, 'a right login follows';
};

subtest '05-4.6 an unknown user and a wrong password give the identical answer' => sub {
	my $wrong = pop3_answer('anna', 'wrong');
	like $wrong, qr/\A-ERR /, 'refused';
	is pop3_answer('nobody', 'wrong'), $wrong, 'unknown user, POP3';
	is pop3_answer('nobody', ''), pop3_answer('anna', ''), 'empty password';
	is pop3_answer('anna', 'x' x 200), $wrong, 'long password';
	is pop3_answer('x' x 200, 'wrong'), $wrong, 'long name';
	for my $mechanism (@MECHANISMS) {
		is auth_answer('nobody', 'wrong', $mechanism), auth_answer('anna', 'wrong', $mechanism), "unknown user, $mechanism";
	}
	$p->postroom_ok('user', 'disable', 'carl');
	is pop3_answer('carl', 'carl-secret'), $wrong, 'a disabled user with the right password';
	$p->postroom_ok('user', 'enable', 'carl');
	like pop3_answer('carl', 'carl-secret'), qr/\A\+OK/, 'enabled again';

	my @salts = map {
		my $smtp = $p->smtp;
		$smtp->ehlo;
		$smtp->cmd('AUTH SCRAM-SHA-256 ' . encode_base64("n,,n=$_,r=abcdef", ''));
		decode_base64(substr $smtp->last, 4) =~ /,(s=[^,]+,i=\d+)\z/ ? $1 : 'none';
	} qw(nobody NOBODY nobody@example.test nobody2 anna Anna);
	is $salts[1], $salts[0], 'the salt of an unknown user is always the same';
	is $salts[2], $salts[0], 'as it is for the full address';
	isnt $salts[3], $salts[0], 'but not that of another';
	is $salts[5], $salts[4], 'like that of a known one';
	is [$salts[0] =~ /i=(\d+)/]->[0], [$salts[4] =~ /i=(\d+)/]->[0], 'as many iterations';
};

subtest 'an unknown user and a wrong password take the same time' => sub {
	my %times = (anna => [], nobody => []);
	for (1 .. 10) {
		for my $user (sort keys %times) {
			my $smtp = $p->smtp;
			$smtp->ehlo;
			my $begin = time;
			$smtp->auth('PLAIN', $user, 'wrong');
			push @{ $times{$user} }, time - $begin;
		}
	}
	# not a measurement: without the work for the unknown user they would differ by far more
	my ($known, $unknown) = map { (sort { $a <=> $b } @{ $times{$_} })[4] } qw(anna nobody);
	cmp_ok $unknown, '>', $known / 3, sprintf 'both hash: %.1f ms and %.1f ms', $known * 1000, $unknown * 1000;
};

subtest '05-4.1 three wrong passwords in one session end it' => sub {
	my $pop3 = $p->pop3;
	like $pop3->login('bert', "wrong $_"), qr/\A-ERR/, "failure $_" for 1 .. 3;
	ok $pop3->is_closed, 'closed after the third';
	like pop3_answer('bert', "p\x{c3}\x{a4}ss=w,rd"), qr/\A\+OK/, 'a new connection may try again';

	my $smtp = $p->smtp;
	$smtp->ehlo;
	is $smtp->auth('PLAIN', 'bert', "wrong $_"), 535, "SMTP: failure $_" for 1 .. 3;
	ok $smtp->is_closed, 'SMTP: closed after the third';
};

subtest '01-5.2 user and user@domain both work; with login.full-address off the latter fails' => sub {
	my $wrong = pop3_answer('anna', 'wrong');
	like pop3_answer('anna@example.test', 'sesame open'), qr/\A\+OK/, 'full address';
	like pop3_answer('ANNA@Example.TEST', 'sesame open'), qr/\A\+OK/, 'in any case';
	is pop3_answer('anna@elsewhere.test', 'sesame open'), $wrong, 'not at a foreign domain';
	like auth_answer('anna@example.test', 'sesame open', 'SCRAM-SHA-256'), qr/\A235 /, 'SCRAM with the full address';
	$p->set('login.full-address' => 'off');
	is pop3_answer('anna@example.test', 'sesame open'), $wrong, 'off: the generic error';
	like pop3_answer('anna', 'sesame open'), qr/\A\+OK/, 'off: the bare name';
	$p->set('login.full-address' => 'on');
};

subtest '05-5.4 Require encrypted authentication: no password in clear' => sub {
	$p->set('smtp.require-encrypted-auth' => 'on');
	my $smtp = $p->smtp;
	is $smtp->ehlo->{AUTH}, 'SCRAM-SHA-256', 'only SCRAM is announced in clear';
	for my $mechanism (qw(PLAIN LOGIN)) {
		my $code = $smtp->auth($mechanism, 'anna', 'sesame open');
		like $code, qr/\A5/, "$mechanism with the right password in clear is refused ($code)";
	}
	is $smtp->auth('SCRAM-SHA-256', 'anna', 'sesame open'), 235, 'SCRAM in clear';
	$smtp = $p->smtp;
	$smtp->ehlo;
	is $smtp->starttls, 220, 'STARTTLS';
	like $smtp->ehlo->{AUTH}, qr/\bPLAIN\b.*\bLOGIN\b/, 'all are announced under TLS';
	is $smtp->auth('LOGIN', 'anna', 'sesame open'), 235, 'LOGIN inside TLS';
	$p->set('smtp.require-encrypted-auth' => 'off');
};

subtest 'a changed password counts at once, the old one no more' => sub {
	like pop3_answer('carl', 'carl-secret'), qr/\A\+OK/, 'before';
	like pop3_answer('carl', 'carl-secret'), qr/\A\+OK/, 'again, remembered';
	$p->postroom_ok({ stdin => "new secret\n" }, 'user', 'password', 'carl', '--password-stdin');
	like pop3_answer('carl', 'carl-secret'), qr/\A-ERR/, 'the old one';
	like pop3_answer('carl', 'new secret'), qr/\A\+OK/, 'the new one';
	like auth_answer('carl', 'new secret', 'SCRAM-SHA-256'), qr/\A235 /, 'the new one by SCRAM';
	$p->postroom_ok('user', 'rename', 'carl', 'karl');
	like pop3_answer('karl', 'new secret'), qr/\A\+OK/, 'the new name';
	like pop3_answer('carl', 'new secret'), qr/\A-ERR/, 'the old name';
	$p->postroom_ok('user', 'delete', 'karl', '--yes');
	like pop3_answer('karl', 'new secret'), qr/\A-ERR/, 'deleted';
};

subtest '02-4.3 07-18.1 09-14.4 wrong passwords lock an address out of the account for a while' => sub {
	$p->set('login.max-failures' => 100);
	$p->postroom_ok('unset', 'login.lockout-failures');
	$p->add_user('dora', 'dora-secret');
	my $wrong = pop3_answer('dora', 'wrong');
	auth_answer('dora', 'wrong', $_) for 'PLAIN', 'SCRAM-SHA-256';
	is pop3_answer('dora', 'dora-secret'), $wrong, 'locked: the right password is a wrong one';
	like auth_answer('dora', 'dora-secret', 'SCRAM-SHA-256'), qr/\A535 /, 'by SCRAM too';
	like pop3_answer('anna', 'sesame open'), qr/\A\+OK/, 'other accounts are not';
	like $p->pop3(local => '127.0.0.2')->login('dora', 'dora-secret'), qr/\A\+OK/, 'from another address it is open';
	is_deeply [map { "$_->{user} $_->{client}" } @{ $p->postroom_json('user', 'locks') }], ['dora 127.0.0.1'], 'the list says so';
	is pop3_answer('dora', 'dora-secret'), $wrong, 'still locked';
	$p->postroom_ok('user', 'unlock', 'dora');
	like pop3_answer('dora', 'dora-secret'), qr/\A\+OK/, 'an administrator unlocks it';
	is +($p->postroom('user', 'unlock', $_))[0], 1, "$_ is not locked" for 'dora', 'nobody';
	like $p->log, qr/user=dora is locked for 1800 seconds after 3 failed logins from peer=127\.0\.0\.1/, 'the log says so';
	pop3_answer('dora', 'wrong') for 1 .. 3;
	is pop3_answer('dora', 'dora-secret'), $wrong, 'locked again';
	my $old = $p->kill_daemon('authd');
	$p->wait_for(sub { ($p->main_pid('authd') // $old) != $old && pop3_answer('anna', 'sesame open') =~ /\A\+OK/ }, 'authd is back', 20);
	like pop3_answer('dora', 'dora-secret'), qr/\A\+OK/, 'a restart ends all locks';
	$p->set('login.lockout-time' => 2);
	pop3_answer('dora', 'wrong') for 1 .. 3;
	is pop3_answer('dora', 'dora-secret'), $wrong, 'locked once more';
	$p->wait_for(sub { pop3_answer('dora', 'dora-secret') =~ /\A\+OK/ }, 'so does time', 30);
	$p->set('login.lockout-failures' => 0, 'login.max-failures' => 3);
};

subtest '07-18.3 the length of new passwords' => sub {
	$p->postroom_ok('unset', 'login.password-min-length');
	my ($status, undef, $reason) = $p->postroom({ stdin => "abc\n" }, 'user', 'password', 'dora', '--password-stdin');
	is $status, 1, 'refused';
	like $reason, qr/at least 8 characters/, 'with the reason';
	($status) = $p->postroom({ stdin => "\xc3\xa4" x 7 . "\n" }, 'user', 'add', 'ernst', '--password-stdin');
	is $status, 1, 'characters count, not octets';
	$p->set('login.password-min-length' => 3);
	$p->add_user('ernst', 'abc');
	$p->postroom_ok('unset', 'login.password-min-length');
	like pop3_answer('ernst', 'abc'), qr/\A\+OK/, 'an old one stays valid';
};

subtest '07-18.4 passwordcheck.lua' => sub {
	my $script = $p->dir . '/etc/scripts/passwordcheck.lua';
	my $refuse_name = "function Check(name, password, least)\n\treturn name ~= password and least == 8\nend\n";
	write_file($script, $refuse_name);
	chmod 0644, $script;
	$p->add_user('friedrich', 'ordinary-password');
	my ($status, undef, $reason) = $p->postroom({ stdin => "friedrich\n" }, 'user', 'password', 'friedrich', '--password-stdin');
	is $status, 1, 'his name as password is refused';
	like $reason, qr/passwordcheck\.lua does not allow/, 'with the reason';
	like pop3_answer('friedrich', 'ordinary-password'), qr/\A\+OK/, 'the old one stays';
	write_file($script, "function Check()\n\terror('out of order')\nend\n");
	$p->postroom_ok({ stdin => "friedrich\n" }, 'user', 'password', 'friedrich', '--password-stdin');
	like pop3_answer('friedrich', 'friedrich'), qr/\A\+OK/, 'a script that fails refuses nothing';
	$p->wait_log(qr/script=passwordcheck\.lua .*out of order/);
	$p->script('passwordcheck');
};

subtest 'real clients' => sub {
	my $folder = File::Temp->newdir;
	for my $method (qw(plain login scram-sha-256)) {
		SKIP: {
			skip 'msmtp is not installed', 2 if !find_program('msmtp');
			for my $password ('sesame open', 'sesame') {
				write_file("$folder/msmtprc", sprintf <<'END', $p->port('submission'), $method, $password);
account default
host 127.0.0.1
port %s
auth %s
user anna
password "%s"
from anna@example.test
tls on
tls_starttls on
tls_certcheck off
END
				chmod 0600, "$folder/msmtprc";
				my ($status, undef, $err) = run_program({ stdin => "Subject: by msmtp\n\nHello\n" }, 'msmtp', '-C',
					"$folder/msmtprc", 'anna@example.test');
				$password eq 'sesame' ? isnt($status, 0, "msmtp, $method, wrong: $err") : is($status, 0, "msmtp, $method: $err");
			}
		}
	}
	SKIP: {
		skip 'curl is not installed', 2 if !find_program('curl');
		my @curl = ('curl', '-sS', '-k', '--url', 'pop3s://127.0.0.1:' . $p->port('pop3s') . '/');
		my ($status, undef, $err) = run_program(@curl, '-u', 'anna:sesame open');
		is $status, 0, "curl, pop3s: $err";
		($status) = run_program(@curl, '-u', 'anna:wrong');
		is $status, 67, 'curl, pop3s, wrong: login denied';
	}
};

subtest 'the log names who, whence, how and why, and never the password' => sub {
	my $log = $p->log;
	like $log, qr/authd\[\d+\]: info: login: user=anna peer=127\.0\.0\.1 service=smtp mechanism=SCRAM-SHA-256 tls=0/, 'success';
	like $log, qr/login failed: user=anna .*mechanism=PLAIN .*reason=wrong password/, 'wrong password';
	like $log, qr/login failed: user=nobody .*reason=no such user/, 'unknown user';
	like $log, qr/login failed: user=carl .*reason=user disabled/, 'disabled';
	like $log, qr/login failed: user=dora .*reason=account locked/, 'locked';
	unlike $log, qr/sesame|carl-secret|dora-secret/, 'no password';
};

$p->stop;

subtest 'authd starts with an empty database, and says which one it cannot read' => sub {
	my $q = Postroom::Test->start(users => { anna => 'secret' });
	$q->stop_running;
	unlink glob($q->dir . '/state/auth/auth.db*') or die;
	$q->run;
	my $pop3 = $q->pop3;
	like $pop3->login('anna', 'secret'), qr/\A-ERR/, 'nobody has a password any more';
	$q->postroom_ok({ stdin => "secret\n" }, 'user', 'password', 'anna', '--password-stdin');
	like $pop3->login('anna', 'secret'), qr/\A\+OK/, 'until he gets one';
	$q->stop_running;
	my $path = $q->dir . '/state/auth/auth.db';
	unlink glob("$path*");
	write_file($path, 'no database' x 1000);
	chown +(getpwnam 'postroom-auth')[2], -1, $path if $> == 0;
	my ($status, undef, $err) = $q->postroom('run');
	is $status, 1, 'a damaged one: not started';
	my @lines = $q->log =~ /^(.* authd\[\d+\]: error: .*)$/mg;
	is scalar(@lines), 1, 'one line';
	like $lines[0], qr/\Q$path\E/, 'that names the file';
	$q->stop;
};

done_testing;

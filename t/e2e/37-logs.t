#!/usr/bin/perl
# The logs beside postroom.log: logins with their true reasons, connections, what is said in sessions; sizes; syslog.
use strict;
use warnings;
use lib 't/lib';
use IO::Socket::INET;
use IO::Socket::UNIX;
use Socket qw(MSG_DONTWAIT);
use Postroom::Process qw(read_file write_file);
use Postroom::Test;
use Test::More;

my $syslog = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1') or die "no UDP socket: $!";
my $p = Postroom::Test->start(users => { anna => 'anna-secret', bert => 'bert-secret' });
my $domain = $p->domain;

sub content {
	my ($name) = @_;
	return read_file($p->dir . "/log/$name") // '';
}

sub wait_line {
	my ($name, $pattern) = @_;
	return $p->wait_for(sub { content($name) =~ $pattern }, "$name has $pattern");
}

subtest '07-4.1 06-7.5 the client hears one text, security.log has the reason' => sub {
	my @answers;
	for my $try (['anna', 'wrong'], ['nobody', 'wrong']) {
		my $pop3 = $p->pop3(local => '127.0.0.5');
		push @answers, $pop3->login(@$try);
		$pop3->cmd('QUIT');
	}
	is $answers[0], $answers[1], 'the identical reply';
	like $answers[0], qr/\A-ERR .*Login Failed/, 'it is generic';
	wait_line('security.log', qr/user=nobody/);
	like content('security.log'), qr/login failed: service=pop3\S* client=127\.0\.0\.5 user=anna .*reason=wrong password$/m,
		'user, client, service, and that it was the password';
	like content('security.log'), qr/login failed: service=pop3\S* client=127\.0\.0\.5 user=nobody .*reason=no such user$/m,
		'another reason for another name';
	my $smtp = $p->smtp;
	$smtp->ehlo;
	is $smtp->auth('PLAIN', 'anna', 'wrong'), 535, 'SMTP';
	wait_line('security.log', qr/service=smtp client=127\.0\.0\.1 user=anna mechanism=PLAIN .*reason=wrong password$/m);
	my $imap = $p->imap;
	$imap->login('bert', 'wrong');
	wait_line('security.log', qr/service=imap\S* client=127\.0\.0\.1 user=bert/);
	my $pop3 = $p->pop3;
	$pop3->cmd("USER x\ry\x07z\xff");
	$pop3->cmd('PASS wrong');
	wait_line('security.log', qr/user=x\\x0dy\\x07z\\xff mechanism=/);
};

subtest 'what access lists refuse is told too' => sub {
	my ($anna) = grep { $_->{name} eq 'anna' } @{ $p->postroom_json('user', 'list') };
	$p->access('pop3', "0|2|127.0.0.6|32|0||", "1|2|127.0.0.1|32|0|$anna->{uid}|", '1|0||0|0||');
	like $p->pop3(local => '127.0.0.6')->greeting, qr/\A-ERR/, 'no access by address';
	like $p->pop3->login('bert', 'bert-secret'), qr/\A-ERR \[AUTH\] Login Failed/, 'nor by user';
	wait_line('security.log', qr/login failed: service=pop3\S* client=127\.0\.0\.6 user=- .*reason=IP access restriction$/m);
	wait_line('security.log', qr/login failed: service=pop3\S* client=127\.0\.0\.1 user=bert .*reason=IP access restriction$/m);
	$p->postroom_ok(qw(access defaults --list pop3));
};

subtest '09-14.3 five reasons, one answer' => sub {
	my $before = length content('security.log');
	$p->add_user($_, "$_-secret") for qw(locked mailonly elsewhere);
	my %uid = map { $_->{name} => $_->{uid} } @{ $p->postroom_json('user', 'list') };
	$p->postroom_ok('user', 'set', 'mailonly', 'protocols', 'smtp imap');
	$p->access('pop3', "0|2|127.0.0.0|8|0|$uid{elsewhere}|", '1|0||0|0||');
	$p->set('login.lockout-failures' => 3);
	$p->pop3->login('locked', 'wrong') for 1 .. 3;
	my %answers = map { $_->[0] => $p->pop3->login(@$_) } ['nobody', 'x'], ['anna', 'wrong'], map { [$_, "$_-secret"] } qw(locked mailonly elsewhere);
	is_deeply [values %answers], [(values %answers)[0, 0, 0, 0, 0]], 'the same octets';
	like $answers{nobody}, qr/\A-ERR /, 'a refusal';
	$p->wait_for(sub { substr(content('security.log'), $before) =~ /user=elsewhere/ }, 'all are logged');
	my %reasons = reverse substr(content('security.log'), $before) =~ /user=(\w+) .*reason=(.+)$/mg;
	is_deeply [sort keys %reasons], ['IP access restriction', 'account locked', 'no such user',
		'protocol not allowed for this user', 'wrong password'], 'five reasons for the administrator';
	$p->set('login.lockout-failures' => 0);
	$p->postroom_ok(qw(access defaults --list pop3));
};

subtest '07-4.2 successful logins only with the option' => sub {
	$p->pop3->login('anna', 'anna-secret');
	wait_line('security.log', qr/ login: service=pop3\S* client=127\.0\.0\.1 user=anna /);
	$p->set('log.successful-logins' => 'off');
	my $before = length content('security.log');
	$p->pop3->login('bert', 'bert-secret');
	$p->pop3->login('bert', 'later');
	$p->wait_for(sub { substr(content('security.log'), $before) =~ /login failed: .*user=bert .*reason=wrong password/ }, 'the failure is there');
	unlike substr(content('security.log'), $before), qr/ login: .*user=bert/, 'off: failures alone';
};

subtest 'connect.log has a line for each session, where it is on' => sub {
	$p->smtp->quit;
	is content('connect.log'), '', 'off at first';
	$p->set('log.connections' => 'on');
	my $smtp = $p->smtp;
	$smtp->send_message('a@x.test', ["anna\@$domain"], "Subject: x\n\nbody\n") for 1 .. 2;
	$smtp->quit;
	wait_line('connect.log', qr/service=smtp client=127\.0\.0\.1 user=- tls=0 seconds=\d+ messages=2$/m);
	$p->wait_for(sub { my $pop3 = $p->pop3; $pop3->login('anna', 'anna-secret'); $pop3->cmd('STAT') =~ /\A\+OK 2 / }, 'delivered');
	my $pop3 = $p->pop3;
	$p->wait_for(sub { $pop3 = $p->pop3; $pop3->login('anna', 'anna-secret') =~ /\A\+OK/ }, 'the mailbox is free');
	$pop3->retr(1);
	$pop3->cmd('QUIT');
	wait_line('connect.log', qr/service=pop3 client=127\.0\.0\.1 user=anna tls=0 seconds=\d+ messages=1$/m);
	$p->set('log.connections' => 'off');
};

subtest '06-7.3 session logs: by service, by client, after TLS, without passwords' => sub {
	$p->set("$_.log" => 'on') for qw(smtp pop3 imap);
	my ($status, undef, $err) = $p->postroom('set', 'log.clients', '127.0.0.0/33');
	isnt $status, 0, 'a wrong network is refused';
	like $err, qr/log\.clients/, 'by name';
	$p->set('log.clients' => '127.0.0.0/29');
	my $smtp = $p->smtp(local => '127.0.0.2');
	$smtp->ehlo('inside.test');
	ok $smtp->starttls, 'TLS';
	$smtp->ehlo('within-tls.test');
	is $smtp->auth('PLAIN', 'anna', 'anna-secret'), 235, 'logged in';
	$smtp->send_message('a@x.test', ["anna\@$domain"], "Subject: y\n\nAUTH is no command here\nthe body\n");
	$smtp->quit;
	my $other = $p->smtp(local => '127.0.0.9');
	$other->ehlo('outside.test');
	$other->quit;
	wait_line('smtpsvr.log', qr/ 127\.0\.0\.2 S: 221 /);
	my $log = content('smtpsvr.log');
	like $log, qr/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \[\d+\] smtp 127\.0\.0\.2 S: 220 /m, 'what the server says';
	like $log, qr/ C: EHLO inside\.test$/m, 'what the client says';
	like $log, qr/ C: EHLO within-tls\.test$/m, 'also under TLS';
	like $log, qr/ C: AUTH PLAIN \*\*\*$/m, 'the password is hidden';
	unlike $log, qr/YW5uY|anna-secret/, 'all of it';
	like $log, qr/ C: AUTH is no command here$/m, 'a message is written as it is';
	like $log, qr/ C: the body$/m, 'to its end';
	unlike $log, qr/outside\.test|127\.0\.0\.9/, 'nothing of clients that are not meant';
	$p->set('log.clients' => '');
};

subtest '06-7.4 each service is logged for itself, all into one file' => sub {
	$p->set('smtp.log' => 'off');
	$p->postroom_ok('set', 'smtp.log', 'on', '--service', 'submission');
	my $talk = sub {
		my ($helo) = @_;
		for my $service (qw(smtp submission)) {
			my $smtp = $p->smtp(service => $service);
			$smtp->ehlo("$service.$helo");
			$smtp->quit;
		}
	};
	$talk->('one.test');
	wait_line('smtpsvr.log', qr/ C: EHLO submission\.one\.test$/m);
	$p->postroom_ok('set', 'smtp.log', 'on', '--service', 'smtp');
	$talk->('two.test');
	wait_line('smtpsvr.log', qr/ C: EHLO $_\.two\.test$/m) for qw(smtp submission);
	unlike content('smtpsvr.log'), qr/ smtp\.one\.test/, 'the one that was not to be logged was not';
	$p->postroom_ok('unset', 'smtp.log', '--service', $_) for qw(smtp submission);
	$p->set('smtp.log' => 'on');
};

subtest '06-7.9 a single line is in its file within ten seconds' => sub {
	my $before = () = content('security.log') =~ /^/mg;
	my $begin = time;
	$p->pop3->login('anna', 'wrong for once');
	$p->wait_for(sub { (() = content('security.log') =~ /^/mg) > $before }, 'the line is there');
	cmp_ok time - $begin, '<=', 10, 'in time';
};

sub hides {
	my ($name, $command, $expected, @never) = @_;
	wait_line($name, $expected);
	unlike content($name), qr/$_/, "no $_ after $command" for @never;
	return;
}

subtest 'passwords are hidden however they are sent' => sub {
	my $pop3 = $p->pop3;
	$pop3->login('anna', 'anna-secret');
	$pop3->cmd('QUIT');
	hides('pop3svr.log', 'PASS', qr/C: PASS \*\*\*\n.* S: \+OK .*\n(?:.*\n)*.* C: QUIT$/m, 'anna-secret');
	$pop3 = $p->pop3;
	$pop3->cmd('AUTH LOGIN');
	$pop3->cmd('YW5uYQ==');
	$pop3->cmd('YW5uYS1zZWNyZXQ=');
	$pop3->cmd('QUIT');
	hides('pop3svr.log', 'AUTH LOGIN', qr/C: AUTH LOGIN\n.* S: \+ \*\*\*\n.* C: \*\*\*\n/, 'YW5uY');
	my $imap = Postroom::Connection->connect(host => $p->host, port => $p->port('imap'));
	$imap->line;
	$imap->send_raw("a LOGIN {4+}\r\nanna {11+}\r\nanna-secret\r\nb NOOP\r\nc LOGOUT\r\n");
	1 while defined $imap->line;
	hides('imap4svr.log', 'LOGIN with literals', qr/C: a LOGIN \*\*\*\n.* C: \*\*\*\n.*(?:\n.*)*S: a OK .*(?:\n.*)* C: c LOGOUT$/m,
		'anna-secret');
	my $smtp = $p->smtp;
	$smtp->ehlo;
	$smtp->send_raw("NOOP\r\nAUTH LOGIN\r\nYW5uYQ==\r\nYW5uYS1zZWNyZXQ=\r\nNOOP\r\nQUIT\r\n");
	$p->wait_for(sub { content('smtpsvr.log') =~ /C: NOOP\n.*S: 250 .*\n.*C: AUTH LOGIN\n.*S: 334 \*\*\*\n.*C: \*\*\*\n/ },
		'sent at once');
	hides('smtpsvr.log', 'pipelined AUTH', qr/S: 235 .*\n.*C: NOOP\n/, 'YW5uY');
};

subtest '06-7.1 a full log moves to .lbk' => sub {
	$p->set('log.max-size' => 1, 'smtp.log' => 'on');
	my $smtp = $p->smtp;
	$smtp->cmd("NOOP rotation $_") for 1 .. 100;
	$smtp->quit;
	wait_line('smtpsvr.lbk', qr/C: NOOP rotation \d+$/m);
	wait_line('smtpsvr.log', qr/S: 221 [^\n]*\n\z/);
	cmp_ok -s $p->dir . '/log/smtpsvr.log', '<', 3000, 'the log is small';
	$p->set("$_.log" => 'off') for qw(smtp pop3 imap);
	my $before = content('smtpsvr.log');
	$p->smtp->quit;
	$p->pop3->login('anna', 'off');
	wait_line('security.log', qr/user=anna/);
	is content('smtpsvr.log'), $before, 'nothing more where it is off';
};

subtest 'a session cannot flood its log' => sub {
	$p->set('log.max-size' => 100_000, 'smtp.log' => 'on');
	my $smtp = $p->smtp;
	my $line = 'x' x 1500 . "\n";
	$smtp->send_message('a@x.test', ["anna\@$domain"], "Subject: flood\n\n" . $line x 10_000);
	$p->wait_for(sub { $smtp->cmd('NOOP'); content('smtpsvr.log') =~ /-- \d+ octets are left out here/ }, 'what was too much is counted');
	cmp_ok scalar(() = content('smtpsvr.log') =~ /x{1500}/g), '<', 10_000, 'and not written';
	$smtp->quit;
	$p->set('smtp.log' => 'off');
	$p->postroom_ok('unset', 'log.max-size');
};

subtest '06-7.8 syslog instead of files' => sub {
	$p->stop_running;
	my $file = $p->dir . '/etc/postroom.conf';
	write_file($file, read_file($file) . "\n[log]\ntarget = syslog\nsyslog = 127.0.0.1:" . $syslog->sockport . "\n");
	my ($logins, $lines) = (content('security.log'), content('postroom.log'));
	$p->run;
	$p->pop3->login('anna', 'wrong');
	my ($security, $main);
	$p->wait_for(sub {
		my $got = '';
		while (defined $syslog->recv($got, 8192, MSG_DONTWAIT())) {
			$security = $got if $got =~ /postroom-security/;
			$main = $got if $got =~ /postroom - - - authd.*login failed/;
		}
		return $security && $main;
	}, 'the datagrams arrive');
	like $security, qr/\A<20>1 \d{4}-\d\d-\d\dT\S+ \S+ postroom-security - - - \d{4}.*login failed: service=pop3/, 'mail.warning';
	like $main, qr/\A<22>1 \d{4}-\d\d-\d\dT\S+ \S+ postroom - - - authd\[\d+\]: info: /, 'mail.info';
	is content('security.log'), $logins, 'and nothing to the file';
	unlike substr(content('postroom.log'), length $lines), qr/authd/, 'nor to the other';
};

subtest '01-23.3 errors appear in syslog with facility mail' => sub {
	write_file($p->dir . '/spool/smtpd/new/660d8ae88a44c-smtpd-1b8c60c8', "no envelope\n");
	my $error;
	$p->wait_for(sub {
		my $got = '';
		while (defined $syslog->recv($got, 8192, MSG_DONTWAIT())) {
			$error = $got if $got =~ /660d8ae88a44c/;
		}
		return $error;
	}, 'the datagram arrives');
	like $error, qr/\A<19>1 \d{4}-\d\d-\d\dT\S+ \S+ postroom - - - queue-manager\[\d+\]: error: /, 'mail.err';
};

subtest '01-23.3 what the supervisor has to say too' => sub {
	my ($pid) = (read_file($p->dir . '/run/status') // '') =~ /^noticed (\d+) /m;
	ok $pid, 'a daemon';
	kill 'KILL', $pid;
	my $error;
	$p->wait_for(sub {
		my $got = '';
		while (defined $syslog->recv($got, 8192, MSG_DONTWAIT())) {
			$error = $got if $got =~ /noticed died by signal 9/;
		}
		return $error;
	}, 'the datagram arrives');
	like $error, qr/\A<19>1 \d{4}-\d\d-\d\dT\S+ \S+ postroom - - - postroom\[\d+\]: error: /, 'mail.err';
	unlike content('postroom.log'), qr/noticed died/, 'and nothing to the file';
};

subtest 'a local syslog that is restarted is found again' => sub {
	$p->stop_running;
	my $path = $p->dir . '/syslog.sock';
	my $listen = sub {
		unlink $path;
		my $socket = IO::Socket::UNIX->new(Type => Socket::SOCK_DGRAM, Local => $path) or die "no socket: $!\n";
		chmod 0666, $path;
		return $socket;
	};
	my $local = $listen->();
	my $file = $p->dir . '/etc/postroom.conf';
	write_file($file, read_file($file) =~ s/^syslog = .*/syslog = $path/mr);
	$p->run;
	my $comes = sub {
		$p->pop3->login('anna', 'wrong again');
		my $got = '';
		while (defined $local->recv($got, 8192, MSG_DONTWAIT())) {
			return 1 if $got =~ /\A<20>.* postroom-security: .*login failed/;
		}
		return 0;
	};
	ok $p->wait_for($comes, 'a datagram'), 'lines come';
	close $local;
	$local = $listen->();
	ok $p->wait_for($comes, 'a datagram at the new socket'), 'also to the one that takes its place';
};

$p->stop;
done_testing;

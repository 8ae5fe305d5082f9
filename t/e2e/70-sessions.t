#!/usr/bin/perl
# Who is connected: statusd, historyd, postroom sessions; and limits that count across processes.
use strict;
use warnings;
use lib 't/lib';
use IO::Socket::UNIX;
use POSIX ();
use Postroom::Process qw(read_file);
use Postroom::Test;
use Socket qw(SOCK_SEQPACKET);
use Test::More;
use Time::HiRes qw(sleep time);

my $p = Postroom::Test->start(users => { anna => 'anna-secret', bert => 'bert-secret', carl => 'carl-secret' });

sub sessions { return @{ $p->postroom_json('sessions', @_) } }
sub history { return @{ $p->postroom_json('sessions', '--history', @_) } }

# Wait until the listing has so many sessions, and give them.
sub wait_sessions {
	my ($count, @options) = @_;
	my @found;
	$p->wait_for(sub { @found = sessions(@options); return @found == $count }, "$count sessions", 10);
	return @found;
}

sub logged_in {
	my ($user, %options) = @_;
	my $pop3 = $p->pop3(%options);
	like $pop3->login($user, "$user-secret"), qr/\A\+OK/, "$user is logged in";
	return $pop3;
}

subtest 'who is connected' => sub {
	my $begin = int time;
	is_deeply [sessions()], [], 'nobody';
	my $smtp = $p->smtp(local => '127.0.0.2');
	my ($row) = wait_sessions(1);
	is_deeply [@$row{qw(service program peer user uid)}], ['smtp', 'smtpd', '127.0.0.2', '', 0], 'an SMTP client';
	ok !$row->{tls}, 'in clear';
	ok $row->{since} >= $begin && $row->{since} <= time, 'since when';
	like $row->{id}, qr/\A[1-9]\d{7}\z/, 'by an id';
	ok kill(0, $row->{pid}), 'and its process';

	my $waiting = $p->pop3;
	my $anna = logged_in('anna', local => '127.0.0.3');
	my $bert = logged_in('bert', service => 'pop3s');
	my %by_user = map { ($_->{user} => $_) } wait_sessions(3, '--service', 'pop3');
	is_deeply [@{ $by_user{anna} }{qw(program peer)}], ['pop3d', '127.0.0.3'], 'anna by POP3';
	is_deeply [@{ $by_user{bert} }{qw(program peer)}], ['pop3d', '127.0.0.1'], 'bert by POP3 over TLS is one session';
	ok $by_user{bert}{tls}, 'which is known to be under TLS';
	is $by_user{''}{program}, 'pop3-login', 'and one who has not logged in';
	is_deeply [map { $_->{user} } sessions('--user', 'ANNA')], ['anna'], 'those of one user';
	like $p->postroom_ok('sessions'), qr/^\d{8} +pop3 +anna +127\.0\.0\.3 +no +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/m, 'for people';

	$smtp->cmd('EHLO x.test');
	$smtp->cmd('STARTTLS');
	$smtp->start_tls;
	$p->wait_for(sub { (sessions('--service', 'smtp'))[0]{tls} }, 'STARTTLS shows', 10);
	$_->quit for $smtp, $anna, $bert, $waiting;
	wait_sessions(0);
	pass 'and all are gone at their end';
};

subtest 'a login by SMTP shows, and the end of a process ends its session' => sub {
	my $smtp = $p->smtp(service => 'submission');
	$smtp->cmd('EHLO x.test');
	$smtp->auth('PLAIN', 'anna', 'anna-secret');
	$p->wait_for(sub { scalar sessions('--user', 'anna', '--service', 'submission') }, 'anna', 10);
	my $pop3 = logged_in('bert');
	for my $row (wait_sessions(2)) {
		kill 'KILL', $row->{pid};
	}
	wait_sessions(0);
	pass 'gone after kill -9';
	$p->wait_log(qr/died by signal 9/, 10);
};

subtest 'sessions are ended' => sub {
	my $smtp = $p->smtp;
	my $anna = logged_in('anna');
	my $bert = logged_in('bert', service => 'pop3s');
	my ($row) = grep { $_->{service} eq 'smtp' } wait_sessions(3);
	like $p->postroom_ok('sessions', 'end', $row->{id}), qr/^told session $row->{id} to end$/m, 'by id';
	like $smtp->line // '', qr/\A421 /, 'an SMTP client hears it';
	wait_sessions(2);
	$p->postroom_ok('sessions', 'end', '--user', 'bert');
	is $bert->line, undef, 'by user: the connection is closed, also under TLS';
	wait_sessions(1);
	like $anna->cmd('NOOP'), qr/\A\+OK/, 'others go on';
	for my $service (qw(imap imaps)) {
		my $imap = $p->imap(service => $service);
		ok $imap->login('carl', 'carl-secret'), "$service: logged in";
		($row) = grep { $_->{program} eq 'imapd' } wait_sessions(2);
		$p->postroom_ok('sessions', 'end', $row->{id});
		is $imap->wait_for(sub { 0 }, 10), undef, 'its connection is closed';
		wait_sessions(1);
	}
	my ($status, undef, $err) = $p->postroom('sessions', 'end', $row->{id});
	is "$status $err", "1 postroom: there is no session $row->{id}\n", 'not twice';
	for my $wrong (['end'], ['end', '--user'], ['end', '--all'], ['x'], ['--since', '2026-01-01'], ['--history', '--since', 'x']) {
		($status) = $p->postroom('sessions', @$wrong);
		is $status, 2, "usage: sessions @$wrong";
	}
	($status, undef, $err) = $p->postroom('sessions', 'end', 'x1');
	is $status, 1, 'an id is a number';
	$anna->quit;
	wait_sessions(0);
};

subtest 'a listener ends its own sessions only' => sub {
	my $other = $$;
	for my $pid ($other, 1, $p->main_pid('smtpd'), 99999999) {
		my $channel = channel('smtpd', 'postroom');
		my $answer = ask($channel, op => 'end', pid => $pid);
		like $answer->{status}, qr{\A(?:not-found|syntax)\z}, "not process $pid";
	}
	ok kill(0, $p->main_pid('smtpd')), 'which goes on';
};

subtest 'the history' => sub {
	my @rows;
	$p->wait_for(sub { @rows = history('--user', 'bert'); return @rows == 3 }, 'three sessions of bert', 10);
	my ($row) = @rows;
	is_deeply [@$row{qw(service program peer user)}], [qw(pop3 pop3d 127.0.0.1 bert)], 'one of them';
	ok $row->{end} >= $row->{since}, 'its end';
	is scalar(grep { $_->{program} eq 'pop3-login' } history()), 1, 'a login process is in it only where nobody logged in';
	is_deeply [history('--user', 'nobody')], [], 'nobody else';
	is_deeply [history('--since', '2099-01-01')], [], 'nothing of the future';
	cmp_ok scalar(history('--since', '2020-01-01 10:00')), '>=', 8, 'all since long ago';
	is scalar(history('--limit', 2)), 2, 'or the last two';
	like $p->postroom_ok('sessions', '--history', '--user', 'bert'), qr/bert .* \d\d:\d\d:\d\d  \d{4}-/, 'for people';
	$p->kill_daemon('historyd');
	logged_in('bert')->quit;
	$p->wait_for(sub { eval { scalar history('--user', 'bert') } // 0 == 4 }, 'what ended while historyd was away is in it', 20);
	$p->wait_for(sub { scalar(history('--user', 'bert')) == 4 }, 'and all that was before', 20);
};

subtest 'without statusd' => sub {
	my $before = logged_in('anna');
	wait_sessions(1);
	my $pid = $p->main_pid('statusd');
	kill 'STOP', $pid;
	my $begin = time;
	my $smtp = $p->smtp;
	like $smtp->send_message('a@b.test', ['bert@example.test'], "Subject: x\n\nx\n"), qr/\A250/, 'it hangs: mail is taken';
	my $bert = logged_in('bert');
	cmp_ok time - $begin, '<', 10, 'without waiting for it';
	kill 'KILL', $pid;
	$p->wait_for(sub { my $new = $p->main_pid('statusd'); return $new && $new != $pid }, 'it is started again', 10);
	like $_->cmd('NOOP'), qr/\A(?:\+OK|250)/, 'sessions go on' for $before, $bert, $smtp;
	my $after = logged_in('anna') if $before->quit;
	$p->wait_for(sub { grep { $_->{user} eq 'anna' } sessions() }, 'and it knows the new ones', 10);
	$_->quit for $bert, $smtp, $after;
	wait_sessions(0);
};

# A session's channel, as common/ipc speaks it.
sub channel {
	my ($callee, $caller) = @_;
	my $socket = IO::Socket::UNIX->new(Type => SOCK_SEQPACKET, Peer => $p->dir . "/run/$callee/$caller.sock")
		or die "cannot reach $callee: $!\n";
	return $socket;
}

my $sequence = 0;

sub notify {
	my ($channel, @fields) = @_;
	my $text = '';
	while (my ($key, $value) = splice @fields, 0, 2) {
		$text .= pack('S L', length $key, length $value) . $key . $value;
	}
	syswrite($channel, pack('L4', 0x50525031, ++$sequence, 0, length $text) . $text) or die "cannot tell: $!\n";
	return $sequence;
}

# The next answer, or undef where none comes in time.
sub answer {
	my ($channel, $seconds) = @_;
	my $bits = '';
	vec($bits, fileno $channel, 1) = 1;
	return if !select $bits, undef, undef, $seconds;
	sysread($channel, my $packet, 70000) or return;
	my (undef, $number) = unpack 'L2', $packet;
	my $rest = substr $packet, 16;
	my %answer = (sequence => $number);
	while (length $rest) {
		my ($key_len, $value_len) = unpack 'S L', $rest;
		$answer{ substr $rest, 6, $key_len } = substr $rest, 6 + $key_len, $value_len;
		substr($rest, 0, 6 + $key_len + $value_len) = '';
	}
	return \%answer;
}

sub ask {
	my ($channel, @fields) = @_;
	notify($channel, @fields);
	return answer($channel, 10);
}

sub ask_slot {
	my ($channel, %options) = @_;
	my %fields = (class => 'imap-search', key => 'anna', limit => 2, total => 0, wait => 0, %options);
	my $answer = ask($channel, op => 'slot', map { ($_ => $fields{$_}) } sort keys %fields);
	return $answer->{status} eq 'ok' ? $answer->{granted} : $answer->{status};
}

subtest 'slots are counted across processes, and who waits gets one in time' => sub {
	my @c = map { channel('statusd', 'smtpd') } 1 .. 4;
	notify($_, op => 'session-begin', service => 'imap', peer => '192.0.2.7', tls => 0) for @c;
	is ask_slot($c[0]), 1, 'one';
	is ask_slot($c[1]), 1, 'two';
	is ask_slot($c[2]), 'limit', 'a third is refused';
	is ask_slot($c[2], key => 'bert'), 1, 'another user is not';
	is ask_slot($c[2], wait => 30000), 0, 'or waits';
	is ask_slot($c[3], wait => 300), 0, 'and a fourth behind';
	my $third = notify($c[2], op => 'slot-wait', class => 'imap-search');
	notify($c[3], op => 'slot-wait', class => 'imap-search');
	is answer($c[3], 5)->{status}, 'limit', 'whose wait ends';
	is answer($c[2], 0), undef, 'while the other waits';
	notify($c[1], op => 'slot-free', class => 'imap-search');
	my $granted = answer($c[2], 5);
	is "$granted->{status} $granted->{granted} $granted->{sequence}", "ok 1 $third", 'until one is free';
	is ask_slot($c[3], wait => 30000), 0, 'a queue again';
	notify($c[3], op => 'slot-wait', class => 'imap-search');
	close $c[0]; # its process died
	is answer($c[3], 5)->{granted}, 1, 'a session that dies frees its slot';
	is ask_slot($c[1], class => 'x' x 40), 'protocol', 'a class has a short name';
	is ask_slot($c[1], key => "a\tb"), 'protocol', 'and a key no control characters';
	is ask_slot($c[1], limit => -1), 'protocol', 'a limit is no less than 0';
	is ask($c[1], op => 'list')->{status}, 'not-found', 'a session cannot ask who else is there';
	is_deeply [map { $_->{peer} } sessions('--service', 'imap')], [('192.0.2.7') x 3], 'they are listed as what they say';
};

subtest 'thousands of sessions' => sub {
	my @children;
	for my $number (1 .. 5) {
		pipe my $ready, my $say or die;
		pipe my $stop, my $go or die;
		my $pid = fork // die;
		if (!$pid) {
			close $_ for $ready, $go;
			my @channels = map { channel('statusd', 'smtpd') } 1 .. 800;
			notify($channels[$_], op => 'session-begin', service => 'many', peer => "192.0.2.$number", tls => 0) for 0 .. $#channels;
			ask_slot($channels[$_], class => 'many', key => "user$_", limit => 0) == 1 or POSIX::_exit(1) for 0 .. $#channels;
			syswrite $say, 'x';
			sysread $stop, my $byte, 1;
			POSIX::_exit(0);
		}
		push @children, [$pid, $ready, $go];
	}
	for my $child (@children) {
		is sysread($child->[1], my $byte, 1), 1, 'a process with 800 of them';
	}
	is scalar(sessions('--service', 'many')), 4000, 'all are listed';
	close $_->[2] for @children;
	waitpid $_->[0], 0 for @children;
	wait_sessions(0, '--service', 'many');
};

subtest 'errors of scripts are written to luaerrors.log, each once' => sub {
	my $channel = channel('statusd', 'smtpd');
	notify($channel, op => 'session-begin', service => 'imap', peer => '192.0.2.7', tls => 0);
	for my $text (("a.lua:3: no\nstack \x01") x 3, 'a.lua:4: other') {
		notify($channel, op => 'script-error', script => 'a.lua', function => 'DoList', text => $text);
	}
	my $file = $p->dir . '/log/luaerrors.log';
	$p->wait_for(sub { read_file($file) =~ /other/ }, 'the second error', 10);
	like read_file($file), qr/\A[-\d]{10} [:\d]{8} a\.lua DoList: a\.lua:3: no\\nstack \\x01\n[-\d]{10} [:\d]{8} a\.lua DoList: a\.lua:4: other\n\z/,
		'each in a line, without control characters';
	notify($channel, op => 'script-error', script => 'b.lua', function => 'f', text => "error $_") for 1 .. 30;
	$p->wait_for(sub { read_file($file) =~ /error 16$/m }, 'more errors', 10);
	ask_slot($channel); # all before has been taken
	$p->wait_for(sub { 1 }, 'x', 1);
	unlike read_file($file), qr/error 17$/m, 'but not more than twenty of one session';
};

my @wrong = $p->stop_running;
is_deeply \@wrong, [], 'all end';
like read_file($p->dir . '/log/luaerrors.log'), qr/a\.lua:3: no.* \(2 times more\)$/m, 'what was counted is written at the end';
$p->stop;
done_testing;

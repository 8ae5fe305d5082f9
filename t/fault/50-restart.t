#!/usr/bin/perl
# Daemons that die, starts that must fail, and ends that must be complete.
use strict;
use warnings;
use lib 't/lib';
use IO::Socket::IP;
use Postroom::Process qw(run_program read_file write_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;
use Time::HiRes qw(sleep time);

# A sanitizer would make a report of a SIGSEGV that we send.
$ENV{ASAN_OPTIONS} = join ':', grep { defined } $ENV{ASAN_OPTIONS}, 'handle_segv=0';

my %users = (anna => 'anna-secret', bert => 'bert-secret');
my @SERVICES = qw(smtp submission smtps pop3 pop3s);

sub accepts {
	my ($p, $service) = @_;
	return defined IO::Socket::IP->new(PeerHost => $p->host, PeerPort => $p->port($service), Timeout => 5);
}

sub logged_in {
	my ($p, $user) = @_;
	my $pop3 = $p->pop3;
	$pop3->login($user, $users{$user});
	return $pop3;
}

sub count_mail {
	my ($p, $user) = @_;
	my $pop3 = logged_in($p, $user);
	my ($count) = $pop3->stat;
	$pop3->quit;
	return $count;
}

sub send_to {
	my ($p, $to, $text) = @_;
	my $smtp = $p->smtp;
	my $reply = $smtp->send_message('', [$to], "Subject: x\n\n" . ($text // "text\n"));
	$smtp->quit;
	return $reply;
}

# `postroom run` that is expected to fail: its status and what it wrote.
sub run_in_vain {
	my ($p) = @_;
	return run_program({ timeout => 60 }, $p->program, '-C', $p->dir, 'run');
}

sub lines_of_log {
	my ($p, $pattern, $from) = @_;
	return scalar(() = substr($p->log, $from // 0) =~ /^.*$pattern.*$/mg);
}

# Wait until the supervisor has noticed and the daemon is there again, ready.
sub wait_ready {
	my ($p, $daemon, $old) = @_;
	$p->wait_for(sub {
		my ($pid) = (read_file("$p->{dir}/run/status") // '') =~ /^\Q$daemon\E (\d+) ready/m;
		return $pid && $pid != $old;
	}, "$daemon is back", 30);
}

# SMTP and POP3 sessions in the middle of something, and what shows that they were left alone.
sub open_sessions {
	my ($p) = @_;
	my $smtp = $p->smtp;
	$smtp->ehlo;
	$smtp->cmd('MAIL FROM:<>');
	$smtp->cmd('RCPT TO:<anna@example.test>');
	return ($smtp, logged_in($p, 'anna'));
}

my $p = Postroom::Test->start(users => \%users);

for my $case (
	['pop3d', 'KILL', 'pop3', '01-1.2'], ['pop3-login', 'KILL', 'pop3', '01-1.2'], ['smtpd', 'KILL', 'smtp', '01-1.2'],
	['smtpd', 'SEGV', 'smtp', '09-12.1'], ['pop3-login', 'SEGV', 'pop3', '09-12.1'],
	['deliver', 'SEGV', 'smtp', '09-12.1'],
)
{
	my ($daemon, $signal, $service, $line) = @$case;
	subtest "$line $daemon dies by SIG$signal" => sub {
		my ($smtp, $pop3) = open_sessions($p);
		my $from = length $p->log;
		my $old = $p->kill_daemon($daemon, $signal);
		my $greeting = $service eq 'smtp' ? $p->smtp->greeting : $p->pop3->greeting;
		like $greeting, qr/\A(?:220|\+OK) /, 'a new connection is greeted';
		wait_ready($p, $daemon, $old);
		is lines_of_log($p, "$daemon died by signal", $from), 1, 'one line in the log';
		if ($daemon ne 'smtpd') {
			is $smtp->data("Subject: x\n\ntext\n"), 250, 'an SMTP session goes on';
		}
		if ($daemon !~ /pop3/) {
			like $pop3->cmd('NOOP'), qr/\A\+OK/, 'a POP3 session goes on';
		}
	};
}

subtest 'a daemon that dies again and again is started again and again' => sub {
	for my $round (1 .. 8) {
		my $old = $p->kill_daemon('smtpd');
		wait_ready($p, 'smtpd', $old);
	}
	is send_to($p, 'anna@example.test') =~ /\A250/, 1, 'and works';
};

# For each recipient the time to ask again is another one.
subtest 'the resolver dies over questions about two recipients' => sub {
	my %had = map { $_ => count_mail($p, $_) } keys %users;
	my $smtp = $p->smtp;
	$smtp->ehlo;
	$smtp->cmd('MAIL FROM:<>');
	$smtp->cmd("RCPT TO:<$_\@example.test>") for sort keys %users;
	$p->kill_daemon('resolver', 'STOP');
	is $smtp->data("Subject: x\n\ntext\n"), 250, 'queued';
	my ($id) = $smtp->last =~ /queued as (\S+)/;
	$p->wait_log(qr/id=\Q$id\E taken/);
	wait_ready($p, 'resolver', $p->kill_daemon('resolver'));
	$p->wait_log(qr/id=\Q$id\E removed/);
	is count_mail($p, $_), $had{$_} + 1, "$_ has it" for sort keys %users;
};

subtest '01-1.1 a second start' => sub {
	my $start = time;
	my ($status, $out, $err) = run_in_vain($p);
	isnt $status, 0, 'fails';
	like "$out$err", qr/already running \(pid $p->{pid}\)/, 'says why';
	cmp_ok time - $start, '<', 5 * $Postroom::Process::PATIENCE, 'soon';
	ok accepts($p, $_), "the first one accepts $_" for @SERVICES;
	like send_to($p, 'anna@example.test'), qr/\A250/, 'and takes mail';
};

subtest '01-2.1 kill -9 of everything right after 250' => sub {
	my $had = count_mail($p, 'bert');
	for my $round (1 .. 3) {
		like send_to($p, 'bert@example.test'), qr/\A250/, 'queued';
		kill 'KILL', $p->{pid}, keys %{ $p->processes };
		$p->wait_for(sub { !$p->is_running && !%{ $p->processes } }, 'all are gone');
		delete $p->{exit_status};
		$p->run;
		$p->wait_for(sub {
			my @active = glob "$p->{dir}/spool/active/*";
			return !@{ $p->queue } && !@active;
		}, 'the queue is empty');
		is count_mail($p, 'bert'), $had + $round, 'delivered once';
	}
};

subtest '09-6.5 the conf file is read at the start' => sub {
	my $path = "$p->{dir}/etc/postroom.conf";
	my $conf = read_file($path);
	my $lines = ($conf =~ tr/\n//) + 1;
	write_file($path, "${conf}key\n");
	like send_to($p, 'anna@example.test'), qr/\A250/, 'editing it changes nothing';
	my $old = $p->main_pid('smtpd');
	$p->stop_running;
	my ($status, $out, $err) = run_in_vain($p);
	isnt $status, 0, 'the next start fails';
	like "$out$err", qr/postroom\.conf:$lines\b/, 'and says where';
	write_file($path, $conf);
	$p->run;
};

subtest '01-1.3 09-6.6 the configuration database cannot be read' => sub {
	$p->stop_running;
	my $path = "$p->{dir}/state/config/config.db";
	my $mode = (stat $path)[2] & 07777;
	chmod 0, $path;
	my $from = length $p->log;
	my ($status, $out, $err) = run_in_vain($p);
	chmod $mode, $path;
	isnt $status, 0, 'the start fails';
	ok !accepts($p, $_), "nothing listens on $_" for @SERVICES;
	is lines_of_log($p, 'configd\[\d+\]: error: .*config\.db', $from), 1, 'the log names the file, once';
	ok !%{ $p->processes }, 'no process stays';
	$p->run;
};

subtest '09-6.6 a folder of databases cannot be entered' => sub {
	$p->stop_running;
	for my $case (['config', 'configd'], ['auth', 'authd'], ['queue', 'queue-manager']) {
		my ($folder, $daemon) = @$case;
		my $path = "$p->{dir}/state/$folder";
		my $mode = (stat $path)[2] & 07777;
		chmod 0, $path;
		my $from = length $p->log;
		my ($status) = run_in_vain($p);
		chmod $mode, $path;
		isnt $status, 0, "without state/$folder the start fails";
		is lines_of_log($p, "$daemon" . '\[\d+\]: error: .*state/' . $folder, $from), 1, "$daemon says so, once";
	}
	$p->run;
	like send_to($p, 'anna@example.test'), qr/\A250/, 'with them all is well';
};

subtest '01-1.5 a port that is taken' => sub {
	$p->stop_running;
	my $taken = IO::Socket::IP->new(LocalHost => $p->host, LocalPort => $p->port('pop3'), Listen => 1, ReuseAddr => 1)
		or die "cannot take the port: $@\n";
	my $from = length $p->log;
	$p->run;
	ok accepts($p, $_), "$_ is served" for qw(smtp submission smtps pop3s);
	my $address = $p->host . ' port ' . $p->port('pop3');
	is lines_of_log($p, "pop3 cannot listen on \Q$address\E", $from), 1, 'the log names address and port';
	close $taken;
	$p->stop_running;
	$p->run;
	ok accepts($p, 'pop3'), 'when it is free it is served';
};

subtest '09-12.2 two instances' => sub {
	my $other = Postroom::Test->start(domain => 'other.test', bind => '127.0.0.2', users => \%users);
	like send_to($other, 'anna@other.test'), qr/\A250/, 'the second takes mail';
	like send_to($p, 'anna@example.test'), qr/\A250/, 'and so does the first';
	$other->stop;
	my $folder = File::Temp::tempdir('postroom-second-XXXXXX', DIR => $Postroom::Process::SCRATCH, CLEANUP => 1);
	chmod 0755, $folder;
	my @command = ($p->program, '-C', "$folder/instance");
	my ($status, $out, $err) = run_program({ timeout => 60 }, @command, 'init', '--domain', 'third.test',
		'--bind', $p->host, '--port-offset', $p->{offset});
	is $status, 0, 'a third one is made' or diag $err;
	($status, $out, $err) = run_program({ timeout => 60 }, @command, 'run');
	isnt $status, 0, 'it does not start';
	my $log = read_file("$folder/instance/log/postroom.log") // '';
	my ($service, $address) = $log =~ /: (\w+) cannot listen on (\S+ port \d+): Address already in use/;
	is $address, $p->host . ' port ' . $p->port($service // 'smtp'), 'its log has address and port of the first that fails';
	like send_to($p, 'anna@example.test'), qr/\A250/, 'the first does not mind';
};

subtest 'SIGTERM ends everything, also with sessions open' => sub {
	my @sessions = map { open_sessions($p) } 1;
	my $data = $p->smtp;
	$data->ehlo;
	$data->cmd('MAIL FROM:<>');
	$data->cmd('RCPT TO:<anna@example.test>');
	is $data->cmd('DATA'), 354, 'one is in the middle of a message';
	my $tls = $p->pop3(service => 'pop3s');
	my $start = time;
	is_deeply [$p->stop_running], [], 'the end is clean';
	cmp_ok time - $start, '<', 15 * $Postroom::Process::PATIENCE, 'within 15 s';
	ok !accepts($p, $_), "nothing listens on $_" for @SERVICES;
	$p->run;
};

my $slow = Postroom::SmtpServer->start(name => 'relay.test', replies => { '.' => 'SLEEP 3 250 2.0.0 taken' });

# Begin to send a message to a server that answers late.
sub send_slowly {
	my ($address) = @_;
	my $had = grep { $_ eq 'DATA' } $slow->commands;
	like send_to($p, $address), qr/\A250/, 'a message for a slow server';
	$p->wait_for(sub { (grep { $_ eq 'DATA' } $slow->commands) > $had }, 'it is being sent', 20);
}

sub times_taken {
	my ($address) = @_;
	return scalar grep { $_->{to}[0] eq $address } $slow->messages;
}

$p->postroom_ok('sender', 'set', 'default', '--method', 'relay', '--servers', $slow->address, '--encryption', 'none');
$p->set('sender.retry' => '1');

subtest 'a message that is being sent at the end is not sent again' => sub {
	send_slowly('first@remote.test');
	is_deeply [$p->stop_running], [], 'the end is clean';
	is times_taken('first@remote.test'), 1, 'sent';
	$p->run;
	$p->wait_for(sub { !@{ $p->queue } }, 'the queue is empty');
	is times_taken('first@remote.test'), 1, 'once';
};

subtest 'kill -9 of the supervisor ends everything; a new start waits for who still works' => sub {
	my @sessions = open_sessions($p);
	send_slowly('second@remote.test');
	my @before = keys %{ $p->processes };
	kill 'KILL', $p->{pid};
	$p->wait_for(sub { !$p->is_running }, 'the supervisor is gone');
	delete $p->{exit_status};
	$p->run;
	$p->wait_for(sub { my $now = $p->processes; !grep { $now->{$_} } @before }, 'all of before are gone', 20);
	pass 'no process of before stays';
	ok $_->is_closed, 'a session of before has ended' for @sessions;
	ok accepts($p, $_), "$_ is served" for @SERVICES;
	$p->wait_for(sub { !@{ $p->queue } }, 'the queue is empty');
	is times_taken('second@remote.test'), 1, 'the message was sent once';
	kill 'KILL', $p->{pid};
	$p->wait_for(sub { !$p->is_running && !%{ $p->processes } }, 'no process stays', 15);
	pass 'no process stays without a new start';
	delete $p->{exit_status};
	$p->run;
};

$p->stop;
done_testing;

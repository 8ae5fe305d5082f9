#!/usr/bin/perl
# What `make run` does once everything is built: make an instance, start it, send a mail through it and show it, stop at
# Ctrl-C without leaving anything, and begin again with the same instance.
use strict;
use warnings;
use lib 't/lib';
use File::Temp qw(tempdir);
use Postroom::Connection;
use Postroom::Need qw(need_program);
use Postroom::Ports;
use Postroom::Process qw(spawn_program run_program read_file write_file wait_until);
use Postroom::Test;
use Test::More;

need_program('curl', 'make');

my $home = tempdir('postroom-test-XXXXXX', DIR => $> == 0 ? '/var/tmp' : '/tmp', CLEANUP => 1);
chmod 0755, $home;
my %PORT = (SMTP => 25, submission => 587, SMTPS => 465, POP3 => 110, POP3S => 995);
my $offset = Postroom::Ports::offset('127.0.0.1', values %PORT);
my $build = Postroom::Test::build_folder();
local @ENV{qw(TRY_HOME TRY_LINK TRY_OFFSET)} = ("$home/try", "$home/run", $offset);
local $ENV{SAN} = 1 if $build =~ /san/;
delete @ENV{qw(MAKEFLAGS MAKELEVEL)};

my $running; # leader of the process group that runs
END { kill 'KILL', -$running if $running }

my $dir = $> == 0 ? "$home/try/instance" : "$home/run";

# Start it as a shell starts a command in a terminal: a process group of its own, which Ctrl-C reaches as a whole.
sub start {
	my ($out) = @_;
	write_file($out, '');
	my $pid = $running = spawn_program({ stdout => $out }, 'setsid', 'scripts/try', $build);
	wait_until(sub {
		return 1 if read_file($out) =~ /^Ctrl-C stops it\.$/m;
		die 'it ended: ' . read_file($out) . "\n" if !kill(0, $pid) || waitpid($pid, 1) > 0;
		return 0;
	}, 'it runs', 120);
	return $pid;
}

sub processes {
	return grep { (read_file("/proc/$_/cmdline") // '') =~ /\Q$home\E/ } map { m{(\d+)} } glob '/proc/[0-9]*';
}

sub press_ctrl_c {
	my ($pid, $out) = @_;
	kill 'INT', -$pid or die "cannot signal: $!\n";
	my $status;
	wait_until(sub { waitpid($pid, 1) > 0 ? do { $status = $?; 1 } : 0 }, 'it ends', 20);
	$running = undef;
	is $status, 0, 'Ctrl-C ends it well';
	like read_file($out), qr/^Stopped\.\n\z/m, 'it says so';
	is_deeply [processes()], [], 'no process stays';
}

my %shown;
subtest 'the first run' => sub {
	my $pid = start("$home/first");
	my $text = read_file("$home/first");
	like $text, qr/^Sending a mail .* by SMTP, port @{[$offset + 25]} \.\.\.$/m, 'in by SMTP';
	like $text, qr/^Reading it by POP3, port @{[$offset + 110]}:\n\n    Return-Path: .*^    Subject: Mail \d\d:\d\d:\d\d\n    \n    It works\.$/ms,
		'and out by POP3';
	for my $name (sort keys %PORT) {
		like $text, qr/\b$name @{[$offset + $PORT{$name}]}\b/, "the port of $name is shown";
		my $client = Postroom::Connection->connect(port => $offset + $PORT{$name}, tls => scalar($name =~ /S\z/));
		like $client->line, $name =~ /POP/ ? qr/\A\+OK/ : qr/\A220 /, 'and served';
	}
	%shown = $text =~ /(postmaster|anna), password (\S+)$/mg;
	for my $user (sort keys %shown) {
		my ($status, undef, $err) = run_program('curl', '-sS', '--user', "$user:$shown{$user}", "pop3://127.0.0.1:@{[$offset + 110]}/");
		is $status, 0, "the password of $user is right" or diag $err;
	}
	my ($commands) = $text =~ /^What to try next[^\n]*\n(.*)^Ctrl-C/ms;
	for my $command (grep { !/user add/ } $commands =~ /^ +(.*)$/mg) {
		my ($status, $out, $err) = run_program('sh', '-c', $command);
		is $status, 0, $command =~ s{\Q$home\E}{}gr or diag "$out$err";
	}
	my ($status, $out, $err) = run_program('scripts/try', $build);
	isnt $status, 0, 'a second one beside it fails';
	like $err, qr/already running/, 'and says why';
	press_ctrl_c($pid, "$home/first");
};

subtest 'the second run' => sub {
	my $pid = start("$home/second");
	my $text = read_file("$home/second");
	my %again = $text =~ /(postmaster|anna), password (\S+)$/mg;
	is_deeply \%again, \%shown, 'the same instance, the same passwords';
	my ($first) = read_file("$home/first") =~ /^    \tid (\S+)/m;
	unlike $text, qr/\Q$first\E/, 'the mail shown is a new one';
	press_ctrl_c($pid, "$home/second");
};

subtest 'by root in a folder that others cannot enter' => sub {
	plan skip_all => 'needs root' if $> != 0;
	is readlink "$home/run", $dir, './run is a link';
	is +(stat "$home/try/instance/etc/try-out")[2] & 0777, 0600, 'passwords are in a file of root';
};

done_testing;

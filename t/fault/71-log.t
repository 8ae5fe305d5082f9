#!/usr/bin/perl
# The log writer: what daemons log stands in the file at once, whole lines, also when the writer is killed again and again,
# when the supervisor dies, and when the instance ends.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Process qw(read_file wait_until);
use Postroom::Test;
use Test::More;
use Time::HiRes qw(sleep);

my $p = Postroom::Test->start(users => { anna => 'secret' });

sub writer { return ($p->pids('log-writer'))[0] }

# A line for each message that smtpd took, by its id.
sub lines_of {
	my ($ids) = @_;
	my $log = $p->log;
	my %count;
	$count{$1}++ while $log =~ /^\S+Z smtpd\[\d+\]: info: id=(\S+) queued .* service=smtp$/mg;
	return map { $count{$_} // 0 } @$ids;
}

sub send_messages {
	my ($count) = @_;
	my $smtp = $p->smtp;
	my @ids;
	for (1 .. $count) {
		my $answer = $smtp->send_message('a@elsewhere.test', ['anna@example.test'], "Subject: logged\n\nbody\n");
		push @ids, $answer =~ /queued as (\S+)/ ? $1 : die "not taken: $answer\n";
	}
	return @ids;
}

sub is_whole {
	my ($what) = @_;
	my @odd = grep { !/^\d{4}-\d\d-\d\dT[\d:.]+Z [\w-]+\[\d+\]: \w+: \S.*\z/ } split /\n/, $p->log;
	ok !@odd, "$what: whole lines alone";
	diag $_ for @odd;
	return;
}

subtest 'lines are there at once, each once' => sub {
	for (1 .. 20) {
		my ($id) = send_messages(1);
		is_deeply [lines_of([$id])], [1], "the line of $id";
	}
	is_whole('quietly');
};

subtest 'standard error is no file' => sub {
	for my $daemon (qw(smtpd pop3d authd configd deliver queue-manager)) {
		like readlink("/proc/" . $p->main_pid($daemon) . "/fd/2"), qr/\Apipe:/, $daemon;
	}
};

subtest 'the writer killed: started again, nothing lost' => sub {
	my @ids;
	for (1 .. 6) {
		my $before = wait_until(\&writer, 'the writer runs');
		push @ids, send_messages(10);
		kill 'KILL', $before or die "cannot kill: $!\n";
		push @ids, send_messages(10); # they wait in the pipe
		wait_until(sub { my $now = writer(); $now && $now != $before }, 'another one runs', 5);
	}
	my @missing = grep { $_ == 0 } lines_of(\@ids);
	ok !@missing, scalar(@ids) . ' messages, each with its line';
	like $p->log, qr/the log writer ended; starting it again/, 'and the log tells';
};

subtest 'told to end it goes on: daemons may still have something to say' => sub {
	my $pid = writer();
	kill $_, $pid for qw(TERM INT HUP);
	my @ids = send_messages(3);
	is_deeply [lines_of(\@ids)], [1, 1, 1], 'written';
	is writer(), $pid, 'by the same';
};

subtest 'at the end the rest is written' => sub {
	my $pid = writer();
	kill 'STOP', $pid;
	my @ids = send_messages(5);
	my $before = read_file($p->log_path);
	kill 'TERM', $p->{pid};
	sleep 0.3;
	kill 'CONT', $pid;
	is_deeply [$p->stop_running], [], 'ended';
	unlike $before, qr/\Q$ids[0]\E/, 'was not there before';
	is_deeply [lines_of(\@ids)], [(1) x 5], 'is there afterwards';
	like $p->log, qr/postroom\[\d+\]: info: ended\n\z/, 'and the end is told last';
	$p->run;
};

subtest 'the supervisor killed: daemons tell how they end, then the writer ends too' => sub {
	my $pid = writer();
	my @ids = send_messages(5);
	kill 'KILL', $p->{pid};
	wait_until(sub { !-e "/proc/$pid" || read_file("/proc/$pid/stat") =~ /\) Z/ }, 'the writer ends', 20);
	is_deeply [lines_of(\@ids)], [(1) x 5], 'all is written';
	$p->is_running;
	delete $p->{exit_status};
	$p->run;
	is_whole('after all');
};

$p->stop;
done_testing;

package Postroom::Process;

=head1 NAME

Postroom::Process - run programs, wait for things, without hanging for ever

=head1 SYNOPSIS

    my ($status, $out, $err) = run_program({stdin => "secret\n", timeout => 30}, 'postroom', 'user', 'list');
    my $pid = spawn_program({stdout => '/tmp/log', user => 'nobody'}, 'nsd', '-d');
    stop_process($pid);
    wait_until(sub { -e $file }, 'the file appears', 10);

=head1 FUNCTIONS

=over

=item run_program(\%options, @command)

Returns exit status (128 + number where a signal ended it), standard output and standard error.

=item spawn_program(\%options, @command)

Starts a program in the background, its output in the file C<stdout>; returns its pid.

=item stop_process($pid, $signal, $seconds)

Ends a process that we started: TERM, then KILL. Returns its wait status, undef where it was gone.

=item wait_until($condition, $what, $seconds)

Calls the condition until it is true and returns its value; dies with C<$what> after the time (default 30 s).

=back

=cut

use strict;
use warnings;
use Exporter 'import';
use File::Spec;
use File::Temp ();
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(run_program spawn_program stop_process wait_until read_file write_file);

# Everything waits longer when somebody measures or sanitizes.
our $PATIENCE = $ENV{POSTROOM_PATIENCE} // 1;

# Where instances and servers of tests lie, below what other users can enter.
our $SCRATCH = $ENV{POSTROOM_SCRATCH} // ($> == 0 ? '/var/tmp' : File::Spec->tmpdir);

sub read_file {
	my ($path) = @_;
	open my $file, '<:raw', $path or return;
	local $/;
	my $text = <$file>;
	return $text // '';
}

sub write_file {
	my ($path, $text) = @_;
	open my $file, '>:raw', $path or die "cannot write $path: $!\n";
	print {$file} $text;
	close $file or die "cannot write $path: $!\n";
	return $path;
}

sub wait_until {
	my ($condition, $what, $seconds) = @_;
	my $end = time + ($seconds // 30) * $PATIENCE;
	my $pause = 0.005;
	for (;;) {
		my $result = $condition->();
		return $result if $result;
		die "waited in vain: $what\n" if time > $end;
		sleep $pause;
		$pause *= 1.5 if $pause < 0.1;
	}
}

sub exec_child {
	my ($options, $in, $out, $err, @command) = @_;
	open STDIN, '<', $in or POSIX::_exit(127);
	open STDOUT, '>>', $out or POSIX::_exit(127);
	open STDERR, '>>', $err or POSIX::_exit(127);
	if (defined $options->{user} && $> == 0) {
		my ($uid, $gid) = (getpwnam $options->{user})[2, 3];
		POSIX::_exit(126) if !defined $uid;
		($(, $)) = ($gid, "$gid $gid");
		($<, $>) = ($uid, $uid);
	}
	chdir $options->{folder} if defined $options->{folder};
	{ no warnings 'exec'; exec { $command[0] } @command; }
	print STDERR "cannot run $command[0]: $!\n";
	POSIX::_exit(127);
}

sub fork_child {
	my @arguments = @_;
	my $pid = fork // die "cannot fork: $!\n";
	exec_child(@arguments) if $pid == 0;
	return $pid;
}

sub exit_status {
	my ($status) = @_;
	return $status & 127 ? 128 + ($status & 127) : $status >> 8;
}

sub run_program {
	my $options = ref $_[0] eq 'HASH' ? shift : {};
	my @command = @_;
	my $folder = File::Temp->newdir;
	my $in = defined $options->{stdin} ? write_file("$folder/in", $options->{stdin}) : '/dev/null';
	chmod 0755, $folder;
	my $pid = fork_child($options, $in, "$folder/out", "$folder/err", @command);
	my $status;
	if (!eval {
		wait_until(sub { waitpid($pid, WNOHANG) == $pid ? do { $status = $?; 1 } : 0 }, "@command ends",
			$options->{timeout} // 60);
	}) {
		kill 'KILL', $pid;
		waitpid $pid, 0;
		die "@command did not end in time\n" . (read_file("$folder/err") // '');
	}
	return (exit_status($status), read_file("$folder/out") // '', read_file("$folder/err") // '');
}

sub spawn_program {
	my ($options, @command) = @_;
	my $out = $options->{stdout} // '/dev/null';
	return fork_child($options, '/dev/null', $out, $options->{stderr} // $out, @command);
}

sub stop_process {
	my ($pid, $signal, $seconds) = @_;
	return if !defined $pid || !kill $signal // 'TERM', $pid;
	my $status;
	return $status if eval {
		wait_until(sub { waitpid($pid, WNOHANG) != 0 ? do { $status = $?; 1 } : 0 }, "process $pid ends", $seconds // 20);
	};
	kill 'KILL', $pid;
	waitpid $pid, 0;
	return $?;
}

1;

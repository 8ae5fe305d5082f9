package Postroom::Hijack;

=head1 NAME

Postroom::Hijack - make a running process do system calls, as one that was taken over would

=head1 SYNOPSIS

    need_hijack();                                         # SKIP without gdb, or where it may not attach
    my @results = hijack($pid, ['openat', AT_FDCWD, '/etc/passwd', O_RDONLY], ['kill', 1, 0]);
    is $results[0]{errno}, EACCES;                         # value is the call's result, -1 with errno

=head1 DESCRIPTION

gdb stops the process, lets it do each call by the C library's syscall(2), with the sandbox and user that it has
(Hijack.c), and lets it go on. Numbers are passed as they are, every other word as a pointer to it with a NUL behind; a
reference to a word: the bytes alone, without NUL; C<[-1]>: what the call before gave. A descriptor that a call made is
closed at the end.

=over

=item hijack($pid, @calls)

One result for each call. Dies where gdb cannot do it; the process goes on in any case.

=item need_hijack()

SKIPs the test where it cannot work.

=item call_number($name)

The number of a system call on this machine, undef where the headers have none.

=item constant($header, $name)

The value of a constant of the C headers, as C<constant('fcntl.h', 'O_TMPFILE')>.

=back

=cut

use strict;
use warnings;
use Exporter 'import';
use File::Temp ();
use Postroom::Need qw(need_program);
use Postroom::Process qw(run_program read_file wait_until write_file);
use Test::More;

our @EXPORT_OK = qw(hijack need_hijack call_number constant);

use constant {
	MAP_PROTECTION => 7,  # PROT_READ | PROT_WRITE | PROT_EXEC
	MAP_FLAGS      => 34, # MAP_PRIVATE | MAP_ANONYMOUS
	PAGE           => 4096,
	# struct call of Hijack.c: number, kinds, arguments, makes_descriptor, value
	CALL_FORM => 'q q6 q6 q q',
	CALL_SIZE => 15 * 8,
	NUMBER    => 0,
	POINTER   => 1,
	RESULT    => 2,
};

my %MAKES_DESCRIPTOR = map { $_ => 1 } qw(open openat openat2 socket memfd_create epoll_create1 inotify_init1 timerfd_create
	eventfd2 signalfd4 fanotify_init userfaultfd io_uring_setup bpf perf_event_open pidfd_open open_by_handle_at creat accept
	accept4 fsopen open_tree);

sub need_hijack {
	need_program('gdb', 'cc', 'objcopy');
	plan(skip_all => 'gdb and sanitizers do not go together') if ($ENV{POSTROOM_BUILD} // '') =~ /san/;
	my $pid = fork // die "cannot fork: $!\n";
	if ($pid == 0) {
		exec 'sleep', 60;
	}
	wait_until(sub { read_file("/proc/$pid/comm") eq "sleep\n" }, 'sleep begins');
	my $works = eval { (hijack($pid, ['getpid']))[0]{value} == $pid };
	my $reason = $@;
	kill 'KILL', $pid;
	waitpid $pid, 0;
	plan(skip_all => "gdb cannot attach to processes here: $reason") if !$works;
	return;
}

# What the C preprocessor makes of an expression with these headers; once each.
my %known;

sub expand {
	my ($header, $expression) = @_;
	return $known{$header}{$expression} //= do {
		my ($status, $out, $err) = run_program({ stdin => "#include <$header>\npostroom_value $expression\n" },
			'cc', '-D_GNU_SOURCE', '-E', '-P', '-');
		die "cc -E: $err" if $status != 0;
		$out =~ /^postroom_value (.*)$/m ? $1 : '';
	};
}

sub call_number {
	my ($name) = @_;
	my $number = expand('sys/syscall.h', "SYS_$name");
	return $number =~ /\A\d+\z/ ? $number : undef;
}

sub constant {
	my ($header, $name) = @_;
	my $text = expand($header, $name);
	$text =~ s/\bsizeof\s*\((long|int)\)/$1 eq 'long' ? 8 : 4/ge;
	$text =~ s/'(.)'/ord $1/ge;
	die "$header: $name is not a number: $text\n" if $text !~ /\A[\s0-9a-fA-FxULul()|&~<+-]+\z/;
	$text =~ s/(?<=[0-9a-fA-F])[UL]+\b//gi;
	$text =~ s/\b(0[0-7]+)\b/oct $1/ge;
	$text =~ s/\b(0x[0-9a-f]+)\b/hex $1/gei;
	return eval $text;
}

# What runs in the process, compiled once.
my $code;

sub code {
	return $code //= do {
		my $folder = File::Temp->newdir;
		(my $source = __FILE__) =~ s/pm\z/c/;
		for my $command (
			['cc', '-Os', '-fPIC', '-ffreestanding', '-fno-stack-protector', '-fno-asynchronous-unwind-tables', '-c', '-o',
				"$folder/code.o", $source],
			['objcopy', '-O', 'binary', '-j', '.text', "$folder/code.o", "$folder/code"],
		) {
			my ($status, undef, $err) = run_program(@$command);
			die "@$command: $err" if $status != 0;
		}
		read_file("$folder/code");
	};
}

sub aligned { return $_[0] . "\0" x (-length($_[0]) % 16) }

# The calls, what they point to, the code: as it is to lie in the process. Returns it and where the code begins.
sub lay_out {
	my (@calls) = @_;
	my ($table, $data) = ('', '');
	for my $call (@calls) {
		my ($name, @given) = @$call;
		my (@kinds, @arguments);
		for my $argument (@given) {
			if (ref $argument eq 'ARRAY') {
				push @kinds, RESULT;
				push @arguments, $argument->[0];
			} elsif (!ref $argument && $argument =~ /\A-?\d+\z/) {
				push @kinds, NUMBER;
				push @arguments, $argument;
			} else {
				$data = aligned($data);
				push @kinds, POINTER;
				push @arguments, @calls * CALL_SIZE + length $data;
				$data .= ref $argument ? $$argument : "$argument\0";
			}
		}
		die "$name: a system call has six arguments\n" if @arguments > 6;
		push @$_, (0) x (6 - @$_) for \@kinds, \@arguments;
		my $number = $name =~ /\A\d+\z/ ? $name : call_number($name) // die "there is no system call $name\n";
		$table .= pack CALL_FORM, $number, @kinds, @arguments, $MAKES_DESCRIPTOR{$name} ? 1 : 0, 0;
	}
	my $block = aligned($table . $data);
	return ($block . code(), length $block);
}

sub hijack {
	my ($pid, @calls) = @_;
	my $folder = File::Temp->newdir;
	my ($block, $code_at) = lay_out(@calls);
	my $size = (int(length($block) / PAGE) + 1) * PAGE;
	my $function = '((long(*)(long,long,long,long,long,long,long))syscall)';
	my $map = join ', ', call_number('mmap'), 0, $size, MAP_PROTECTION, MAP_FLAGS, -1, 0;
	my $unmap = join ', ', call_number('munmap'), '$block', $size, 0, 0, 0, 0;
	my $run = join ', ', '$block', scalar @calls, call_number('close'), '(long)&syscall',
		'((long(*)(void))__errno_location)()';
	write_file("$folder/block", $block);
	my $script = write_file("$folder/script", join "\n",
		'set confirm off', 'set pagination off',
		"set \$block = $function($map)",
		"restore $folder/block binary \$block",
		"set \$done = ((long(*)(long,long,long,long,long))(\$block + $code_at))($run)",
		"dump binary memory $folder/result \$block \$block+" . @calls * CALL_SIZE,
		"set \$done = $function($unmap)",
		'detach', '');
	my (undef, $out, $err) = run_program('gdb', '-nx', '-q', '-batch', '-iex', 'set debuginfod enabled off', '-p', $pid, '-x',
		$script);
	my $table = read_file("$folder/result") // '';
	die "gdb could not do it in process $pid\n$out$err" if length $table != @calls * CALL_SIZE;
	return map {
		my $value = (unpack CALL_FORM, substr $table, $_ * CALL_SIZE, CALL_SIZE)[-1];
		$value >= 0 ? { value => $value, errno => 0 } : { value => -1, errno => -$value };
	} 0 .. $#calls;
}

1;

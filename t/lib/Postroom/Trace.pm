package Postroom::Trace;

=head1 NAME

Postroom::Trace - strace attached to daemons of an instance: what they call, and failures given to them

=head1 SYNOPSIS

    need_trace();                                               # before the start; SKIP where strace may not attach
    my $trace = Postroom::Trace->attach([$p->pids('smtpd')], calls => ['fsync', 'linkat']);
    $trace->detach;
    for my $call ($trace->calls) { ... $call->{name}, {pid}, {arguments}, {result}, {begin}, {end} }
    my $trace = Postroom::Trace->attach([$pid], calls => ['fsync'], inject => ['fsync:error=EIO:when=2+3']);
    $trace->injected;                                           # how many calls failed by our doing

=head1 DESCRIPTION

Children that the processes fork from now on are traced too. C<begin> and C<end> number the lines in which a call was
seen to begin and to end: they order the calls of all processes traced. Descriptors stand with what they are:
C<5E<lt>/dir/fileE<gt>>.

=cut

use strict;
use warnings;
use Exporter 'import';
use File::Temp;
use Postroom::Need qw(find_program);
use POSIX ();
use Postroom::Process qw(spawn_program stop_process wait_until read_file);
use Test::More ();

our @EXPORT_OK = qw(need_trace);

sub need_trace {
	Test::More::plan(skip_all => 'needs the program strace') if !find_program('strace');
	my $child = spawn_program({}, 'sleep', '60');
	my $trace = eval { __PACKAGE__->attach([$child], calls => ['read']) };
	my $reason = $@;
	$trace->detach if $trace;
	stop_process($child);
	Test::More::plan(skip_all => "strace may not attach here: $reason") if !$trace;
	# LeakSanitizer cannot look at a process that is traced already
	$ENV{ASAN_OPTIONS} = join ':', grep { defined } $ENV{ASAN_OPTIONS}, 'detect_leaks=0';
}

sub attach {
	my ($class, $pids, %options) = @_;
	my $self = bless { owner => $$, folder => File::Temp->newdir('postroom-trace-XXXXXX', TMPDIR => 1) }, $class;
	$self->{pid} = spawn_program({ stdout => "$self->{folder}/messages" }, find_program('strace'), '-f', '-y', '-s',
		'64', '-o', "$self->{folder}/trace", '-e', 'trace=' . join(',', @{ $options{calls} }), '-e', 'signal=none',
		(map { ('-e', "inject=$_") } @{ $options{inject} // [] }), map { ('-p', $_) } @$pids);
	wait_until(sub {
		my $text = read_file("$self->{folder}/messages") // '';
		die $text if !$self->is_attached;
		return @$pids == (() = $text =~ /Process \d+ attached/g);
	}, 'strace is attached', 20);
	return $self;
}

sub is_attached {
	my ($self) = @_;
	return $self->{pid} && waitpid($self->{pid}, POSIX::WNOHANG()) == 0;
}

sub detach {
	my ($self) = @_;
	stop_process(delete $self->{pid}) if $self->{pid} && $self->{owner} == $$;
	return $self;
}

sub text { return read_file("$_[0]{folder}/trace") // '' }

sub injected {
	my ($self) = @_;
	return scalar(() = $self->text =~ /\(INJECTED\)$/mg);
}

sub calls {
	my ($self) = @_;
	my (@calls, %begun);
	my $number = 0;
	for my $line (split /\n/, $self->text) {
		my ($pid, $rest) = $line =~ /\A(\d+) +(.*)\z/ or next;
		$number++;
		my $begin = $number;
		if ($rest =~ /\A(.*?) <unfinished \.\.\.>\z/) {
			$begun{$pid} = [$1, $number];
			next;
		}
		if ($rest =~ /\A<\.\.\. \w+ resumed>(.*)\z/) {
			next if !$begun{$pid};
			($rest, $begin) = ("$begun{$pid}[0]$1", $begun{$pid}[1]);
			delete $begun{$pid};
		}
		my ($name, $arguments, $result) = $rest =~ /\A(\w+)\((.*)\) += (.*)\z/ or next;
		push @calls, { pid => $pid, name => $name, arguments => $arguments, result => $result, begin => $begin,
			end => $number };
	}
	return @calls;
}

sub DESTROY {
	my ($self) = @_;
	local ($?, $@);
	$self->detach;
}

1;

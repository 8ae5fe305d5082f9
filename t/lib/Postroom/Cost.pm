package Postroom::Cost;

=head1 NAME

Postroom::Cost - what work costs of the processor, by program, however busy the machine is

=head1 SYNOPSIS

    my ($cost, $sum) = Postroom::Cost::of(sub { $p->processes }, 1000, sub { ...; send 1000 messages });
    printf "%.3f ms, %.0f page faults\n", @{ $cost->{smtpd} };

=head1 FUNCTIONS

=over

=item of($processes, $count, $work)

What each program uses for one of C<$count> pieces of work: program to [milliseconds of user and system time, minor page
faults], and the sum of all. Children that ended meanwhile count for their parent. C<$processes> gives what the method of
that name of Postroom::Test does, pid to [program, ...]; what the kernel's own threads do for them is not counted.

=back

=cut

use strict;
use warnings;
use POSIX ();
use Postroom::Process qw(read_file);

use constant TICK_MS => 1000 / POSIX::sysconf(POSIX::_SC_CLK_TCK);

# Milliseconds and faults by program up to now. Children that ended count for their parent, so only sums by program can be
# compared (proc(5)).
sub look {
	my ($processes) = @_;
	my %used;
	for my $pid (keys %$processes) {
		my $stat = read_file("/proc/$pid/stat") // next;
		my @fields = split / /, $stat =~ s/\A.*\) //sr; # from the third on
		my $sum = $used{ $processes->{$pid}[0] } //= [0, 0];
		$sum->[0] += TICK_MS * ($fields[11] + $fields[12] + $fields[13] + $fields[14]);
		$sum->[1] += $fields[7] + $fields[8];
	}
	return \%used;
}

sub of {
	my ($processes, $count, $work) = @_;
	my $before = look($processes->());
	$work->();
	my $after = look($processes->());
	my %cost;
	my $all = [0, 0];
	for my $name (keys %$after) {
		for my $i (0, 1) {
			$cost{$name}[$i] = ($after->{$name}[$i] - ($before->{$name} // [0, 0])->[$i]) / $count;
			$all->[$i] += $cost{$name}[$i];
		}
	}
	return (\%cost, $all);
}

1;

package Postroom::Ports;

=head1 NAME

Postroom::Ports - free TCP and UDP ports, also when many tests run at a time

=head1 DESCRIPTION

C<offset()> gives a value for C<init --port-offset> whose ports are all free, and keeps it from other tests (a lock
file for each block of ports) until this process ends. C<port()> gives one port that is free for TCP and UDP.

=cut

use strict;
use warnings;
use Fcntl qw(:flock);
use IO::Socket::IP;
use Socket qw(SOCK_STREAM SOCK_DGRAM);

use constant { FIRST_OFFSET => 11000, LAST_OFFSET => 31000, STEP => 1000 };

my $LOCK_FOLDER = '/tmp/postroom-test-ports';
my @locks;

sub is_free {
	my ($address, $port, @types) = @_;
	for my $type (@types) {
		my $socket = IO::Socket::IP->new(
			LocalHost => $address, LocalPort => $port, Type => $type,
			($type == SOCK_STREAM ? (Listen => 1, ReuseAddr => 1) : ()),
		) or return 0;
		close $socket;
	}
	return 1;
}

sub offset {
	my ($address, @ports) = @_;
	mkdir $LOCK_FOLDER and chmod 01777, $LOCK_FOLDER;
	for (my $offset = FIRST_OFFSET; $offset <= LAST_OFFSET; $offset += STEP) {
		open my $lock, '>>', "$LOCK_FOLDER/$offset" or next;
		chmod 0666, "$LOCK_FOLDER/$offset";
		next if !flock $lock, LOCK_EX | LOCK_NB;
		next if grep { !is_free($address, $offset + $_, SOCK_STREAM) } @ports;
		push @locks, $lock;
		return $offset;
	}
	die "no block of ports is free\n";
}

sub port {
	my ($address) = @_;
	$address //= '127.0.0.1';
	for (1 .. 100) {
		my $socket = IO::Socket::IP->new(LocalHost => $address, LocalPort => 0, Type => SOCK_STREAM, Listen => 1)
			or die "no free port: $@\n";
		my $port = $socket->sockport;
		close $socket;
		return $port if is_free($address, $port, SOCK_STREAM, SOCK_DGRAM);
	}
	die "no port is free\n";
}

1;

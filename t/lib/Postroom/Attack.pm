package Postroom::Attack;

=head1 NAME

Postroom::Attack - many attackers at once, each from an address of its own

=head1 SYNOPSIS

    my $attack = Postroom::Attack->start($p, clients => 25, sessions => 8);   # 200 sessions
    ... what good clients do meanwhile ...
    $attack->stop;
    $attack->addresses;                                # of all attackers, as 127.1.0.1
    $attack->pids;                                     # their processes

=head1 DESCRIPTION

Each attacker is a process with so many sessions open at a time, which it opens again as they end, until C<stop>. They
take turns at five kinds: wrong passwords; relaying; unknown recipients; nonsense written octet by octet; commands that do
not exist before a TLS handshake that is never ended. Where a connection is refused the next
one comes a second later.

=cut

use strict;
use warnings;
use MIME::Base64 qw(encode_base64);
use POSIX ();
use Postroom::Connection;
use Time::HiRes qw(sleep time);

use constant { REST => 0.05, STEPS => 6, RETRY => 1 };

# What an attacker writes in a session, step by step. A step of two: text, and how it goes out.
my %KINDS = (
	logins  => ["EHLO a\r\n", map { 'AUTH PLAIN ' . encode_base64("\0anna\0guess$_", '') . "\r\n" } 1 .. 5],
	relay   => ["EHLO a\r\n", "MAIL FROM:<a\@b.test>\r\n", map { "RCPT TO:<x$_\@remote.test>\r\n" } 1 .. 4],
	unknown => ["EHLO a\r\n", "MAIL FROM:<a\@b.test>\r\n", map { "RCPT TO:<nobody$_\@example.test>\r\n" } 1 .. 4],
	slow    => [map { split //, "NONSENSE\r\n" } 1 .. 6],
	tls     => ["EHLO a\r\n", ("NONSENSE\r\n") x 4, "STARTTLS\r\n", "\x16\x03\x01\x02\x00\x01"],
);
my @NAMES = sort keys %KINDS;

sub start {
	my ($class, $p, %options) = @_;
	my $self = bless { owner => $$, pids => [] }, $class;
	for my $n (0 .. $options{clients} - 1) {
		my $address = sprintf '127.1.%d.%d', $n % @NAMES, 1 + $n / @NAMES;
		push @{ $self->{addresses} }, $address;
		my $pid = fork // die "cannot fork: $!\n";
		if (!$pid) {
			$SIG{$_} = 'DEFAULT' for qw(TERM INT HUP);
			POSIX::nice(19); # their own machines do that work
			eval { attack($p, $address, $KINDS{ $NAMES[$n % @NAMES] }, $options{sessions}) };
			POSIX::_exit(0);
		}
		push @{ $self->{pids} }, $pid;
	}
	return $self;
}

sub addresses { return @{ $_[0]{addresses} } }
sub pids { return @{ $_[0]{pids} } }

sub stop {
	my ($self) = @_;
	return if $self->{owner} != $$;
	kill 'KILL', @{ $self->{pids} };
	waitpid $_, 0 for @{ $self->{pids} };
	$self->{pids} = [];
	return;
}

sub DESTROY {
	my ($self) = @_;
	local ($?, $@);
	$self->stop;
}

# One attacker: a step in each of its sessions, again and again.
sub attack {
	my ($p, $address, $steps, $count) = @_;
	my (@sessions, @not_before);
	for (;;) {
		for my $slot (0 .. $count - 1) {
			next if time < ($not_before[$slot] // 0);
			my $session = $sessions[$slot] //= open_session($p, $address) // next;
			next if $session->{step} <= @$steps + STEPS && go_on($session, $steps);
			$not_before[$slot] = time + RETRY if $session->{step} < 2; # refused
			$sessions[$slot] = undef;
		}
		sleep REST;
	}
}

sub open_session {
	my ($p, $address) = @_;
	my $connection = eval { Postroom::Connection->connect(host => $p->host, port => $p->port('smtp'), local => $address) };
	return $connection && { connection => $connection, step => 0 };
}

# Write the next step, if any; read what there is. False: the session is over.
sub go_on {
	my ($session, $steps) = @_;
	my $connection = $session->{connection};
	my $step = $steps->[ $session->{step}++ ];
	return 0 if defined $step && !$connection->send_raw($step);
	while ($connection->more) {
		return 0 if !defined $connection->line;
	}
	return !$connection->is_closed(0);
}

1;

package Postroom::Connection;

=head1 NAME

Postroom::Connection - a client of a line protocol, plain or under TLS; base of Postroom::Smtp and Postroom::Pop3

=head1 METHODS

=over

=item connect($class, port => $port, [host, local, tls, timeout])

C<tls>: TLS from the start. C<local>: the address to come from (127.0.0.2 is a stranger of its own).

=item send_raw($bytes), line(), more()

Write bytes; read one line (without its CRLF), undef at the end of the connection; is there something to read now?

=item start_tls(), is_closed(), close(), tls_version()

=back

Certificates are not checked: a test instance has one it signed itself.

=cut

use strict;
use warnings;
use IO::Select;
use IO::Socket::IP;
use IO::Socket::SSL;
use Time::HiRes qw(time);

sub connect {
	my ($class, %options) = @_;
	my $self = bless { timeout => $options{timeout} // 60, buffer => '' }, $class;
	$self->{socket} = IO::Socket::IP->new(
		PeerHost => $options{host} // '127.0.0.1',
		PeerPort => $options{port},
		Timeout  => $self->{timeout},
		(defined $options{local} ? (LocalHost => $options{local}) : ()),
	) or die "cannot connect to port $options{port}: $@\n";
	$self->start_tls if $options{tls};
	return $self;
}

sub start_tls {
	my ($self) = @_;
	$self->{buffer} = '';
	IO::Socket::SSL->start_SSL($self->{socket}, SSL_verify_mode => SSL_VERIFY_NONE, Timeout => $self->{timeout})
		or die "TLS handshake failed: $SSL_ERROR\n";
	$self->{tls} = 1;
	return $self;
}

sub tls_version {
	my ($self) = @_;
	return $self->{tls} ? $self->{socket}->get_sslversion : '';
}

sub send_raw {
	my ($self, $bytes) = @_;
	local $SIG{PIPE} = 'IGNORE';
	while (length $bytes) {
		my $count = syswrite $self->{socket}, $bytes;
		return 0 if !defined $count;
		substr $bytes, 0, $count, '';
	}
	return 1;
}

# Wait for bytes; false at the end of the connection.
sub fill {
	my ($self, $seconds) = @_;
	return 0 if $self->{closed};
	my $pending = $self->{tls} && $self->{socket}->pending;
	if (!$pending && !IO::Select->new($self->{socket})->can_read($seconds)) {
		die "no answer within $seconds s\n" if $seconds > 0;
		return 0;
	}
	my $count = sysread $self->{socket}, $self->{buffer}, 65536, length $self->{buffer};
	$self->{closed} = 1 if !$count;
	return $count ? 1 : 0;
}

sub line {
	my ($self) = @_;
	my $end;
	while (($end = index $self->{buffer}, "\n") < 0) {
		$self->fill($self->{timeout}) or return;
	}
	my $line = substr $self->{buffer}, 0, $end + 1, '';
	$line =~ s/\r?\n\z//;
	return $line;
}

sub more {
	my ($self) = @_;
	return length $self->{buffer} || $self->fill(0);
}

# Has the peer closed? Waits for it; what it still says is thrown away.
sub is_closed {
	my ($self, $seconds) = @_;
	my $end = time + ($seconds // 10);
	while (!$self->{closed} && time < $end) {
		eval { $self->fill($end - time) } or last;
	}
	return $self->{closed} ? 1 : 0;
}

sub close {
	my ($self) = @_;
	$self->{socket}->close if $self->{socket};
	$self->{closed} = 1;
	return;
}

1;

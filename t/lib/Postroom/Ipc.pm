package Postroom::Ipc;

=head1 NAME

Postroom::Ipc - ask a daemon as another one does (common/ipc/ipc.h, doc/ipc.md)

=head1 SYNOPSIS

    my $authd = Postroom::Ipc->connect($p, 'authd', 'webadmin');
    my $answer = $authd->ask('web-login', user => 'anna', password => 'secret', peer => '127.0.0.1', tls => 0);
    # $answer->{status}, $answer->{session}; a field that repeats: @{ $answer->{all}{browser} }

=head1 DESCRIPTION

Requests and answers of up to 64 kB, without descriptors. Whoever runs the test must be root, or the one user of the
instance, as the sockets belong to their callers.

=cut

use strict;
use warnings;
use IO::Select;
use IO::Socket::UNIX;
use Socket qw(SOCK_SEQPACKET);

use constant { MAGIC => 0x50525031, HEADER => 16, FIELD => 6, PATIENCE => 20 };

sub connect {
	my ($class, $p, $callee, $caller) = @_;
	my $socket = IO::Socket::UNIX->new(Type => SOCK_SEQPACKET, Peer => $p->dir . "/run/$callee/$caller.sock")
		or die "cannot reach $callee: $!\n";
	return bless { callee => $callee, socket => $socket, sequence => 0 }, $class;
}

sub send {
	my ($self, $op, @fields) = @_;
	my $text = '';
	for (unshift @fields, 'op', $op; @fields; splice @fields, 0, 2) {
		my ($key, $value) = @fields;
		$text .= pack('S L', length $key, length $value) . $key . $value;
	}
	my $packet = pack('L4', MAGIC, ++$self->{sequence}, 0, length $text) . $text;
	defined syswrite($self->{socket}, $packet) or die "cannot ask $self->{callee}: $!\n";
	return $self->{sequence};
}

sub receive {
	my ($self) = @_;
	IO::Select->new($self->{socket})->can_read(PATIENCE) or die "$self->{callee} does not answer\n";
	sysread($self->{socket}, my $packet, HEADER + 65537) or die "$self->{callee} hung up\n";
	my (undef, $sequence) = unpack 'L2', $packet;
	my $rest = substr $packet, HEADER;
	my %answer = (all => {}, sequence => $sequence);
	while (length $rest) {
		my ($key_length, $value_length) = unpack 'S L', $rest;
		my ($key, $value) = (substr($rest, FIELD, $key_length), substr $rest, FIELD + $key_length, $value_length);
		push @{ $answer{all}{$key} }, $value;
		$answer{$key} //= $value;
		substr($rest, 0, FIELD + $key_length + $value_length) = '';
	}
	return \%answer;
}

sub ask {
	my ($self, $op, @fields) = @_;
	$self->send($op, @fields);
	return $self->receive;
}

1;

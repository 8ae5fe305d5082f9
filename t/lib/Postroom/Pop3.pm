package Postroom::Pop3;

=head1 NAME

Postroom::Pop3 - a POP3 client for tests

=head1 SYNOPSIS

    my $pop3 = $p->pop3;                     # connected, greeting read
    $pop3->cmd('USER anna');                 # "+OK ..." or "-ERR ...", undef: closed
    $pop3->login('anna', 'secret');          # USER and PASS; the last answer
    $pop3->auth('SCRAM-SHA-256', 'anna', 'secret');
    my ($count, $size) = $pop3->stat;
    my ($status, @lines) = $pop3->multi('UIDL');
    my $text = $pop3->retr(1);               # with CRLF, dots undone; undef: -ERR
    $pop3->quit;

=cut

use strict;
use warnings;
use parent 'Postroom::Connection';
use MIME::Base64;
use Postroom::Sasl;

sub connect {
	my ($class, %options) = @_;
	my $self = Postroom::Connection::connect($class, %options);
	$self->{last} = $self->{greeting} = $self->line;
	return $self;
}

sub greeting { return $_[0]{greeting} }
sub last { return $_[0]{last} }

sub cmd {
	my ($self, $line) = @_;
	$self->send_raw("$line\r\n");
	return $self->{last} = $self->line;
}

sub is_ok {
	my ($self) = @_;
	return defined $self->{last} && $self->{last} =~ /\A\+OK/ ? 1 : 0;
}

# The lines of a multi-line answer, as they are meant.
sub rest {
	my ($self) = @_;
	my @lines;
	for (;;) {
		my $line = $self->line;
		die "the connection ended within an answer\n" if !defined $line;
		last if $line eq '.';
		$line =~ s/\A\.//;
		push @lines, $line;
	}
	return @lines;
}

sub multi {
	my ($self, $command) = @_;
	my $status = $self->cmd($command);
	return ($status, $self->is_ok ? $self->rest : ());
}

sub login {
	my ($self, $user, $password) = @_;
	$self->cmd("USER $user");
	return $self->is_ok ? $self->cmd("PASS $password") : $self->{last};
}

sub auth {
	my ($self, $mechanism, $user, $password, %options) = @_;
	my $client = Postroom::Sasl->new($mechanism, $user, $password, %options);
	my $first = ($options{initial} // 1) ? $client->initial : undef;
	my $answer = $self->cmd("AUTH $mechanism" . (defined $first ? ' ' . encode_base64($first, '') : ''));
	while (defined $answer && $answer =~ /\A\+ (.*)\z/) {
		$answer = $self->cmd(encode_base64($client->respond(decode_base64($1)), ''));
	}
	return $answer;
}

sub stls {
	my ($self) = @_;
	my $answer = $self->cmd('STLS');
	$self->start_tls if $self->is_ok;
	return $answer;
}

sub capa {
	my ($self) = @_;
	my ($status, @lines) = $self->multi('CAPA');
	return { map { my ($word, $value) = split / /, $_, 2; (uc $word => $value // '') } @lines };
}

sub stat {
	my ($self) = @_;
	return $self->cmd('STAT') =~ /\A\+OK (\d+) (\d+)/ ? ($1, $2) : ();
}

# Number to size, number to unique id.
sub list {
	my ($self) = @_;
	my ($status, @lines) = $self->multi('LIST');
	return { map { split / /, $_, 2 } @lines };
}

sub uidl {
	my ($self) = @_;
	my ($status, @lines) = $self->multi('UIDL');
	return { map { split / /, $_, 2 } @lines };
}

sub retr {
	my ($self, $number) = @_;
	my ($status, @lines) = $self->multi("RETR $number");
	return $self->is_ok ? join('', map { "$_\r\n" } @lines) : undef;
}

sub top {
	my ($self, $number, $count) = @_;
	my ($status, @lines) = $self->multi("TOP $number $count");
	return $self->is_ok ? join('', map { "$_\r\n" } @lines) : undef;
}

sub dele {
	my ($self, $number) = @_;
	return $self->cmd("DELE $number");
}

sub quit {
	my ($self) = @_;
	my $answer = $self->cmd('QUIT');
	$self->close;
	return $answer;
}

1;

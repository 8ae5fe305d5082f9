package Postroom::Smtp;

=head1 NAME

Postroom::Smtp - an SMTP client for tests: says exactly what it is told to

=head1 SYNOPSIS

    my $smtp = $p->smtp;                              # connected, greeting read
    my ($code, @lines) = $smtp->cmd('EHLO me.test');  # scalar context: the code
    $smtp->ehlo->{SIZE};                              # EHLO's keywords
    $smtp->starttls; $smtp->auth('PLAIN', $user, $password);
    my $reply = $smtp->send_message('a@b', ['c@d'], $text);   # the last reply, "250 2.0.0 ..."
    $smtp->last;                                      # the text of the last reply

=head1 METHODS

=over

=item cmd($line), reply(), last(), code()

Send a line and read its reply; read one more reply (after pipelined commands); the last reply as text and its code.
Code 0: the connection is closed.

=item ehlo($name)

EHLO, and its keywords with their values as a reference to a hash.

=item auth($mechanism, $user, $password, %options)

A whole login; returns the final code. C<initial =E<gt> 0>: no initial response. C<authzid =E<gt> ...>.

=item data($text), send_message($from, \@to, $text)

DATA with dots doubled and line ends made CRLF, its final code; MAIL to the final reply, which is returned as text: of
the first command that was refused, or of the message. Recipients that are refused are passed over while one is taken.

=item starttls()

STARTTLS with the handshake; returns the code.

=back

=cut

use strict;
use warnings;
use parent 'Postroom::Connection';
use MIME::Base64;
use Postroom::Sasl;

sub connect {
	my ($class, %options) = @_;
	my $self = Postroom::Connection::connect($class, %options);
	$self->reply;
	$self->{greeting} = $self->{last};
	return $self;
}

sub greeting { return $_[0]{greeting} }
sub last { return $_[0]{last} }
sub code { return $_[0]{code} }

sub reply {
	my ($self) = @_;
	my @lines;
	for (;;) {
		my $line = $self->line;
		last if !defined $line;
		push @lines, $line;
		last if $line !~ /\A\d{3}-/;
	}
	$self->{last} = join "\n", @lines;
	$self->{code} = @lines && $lines[-1] =~ /\A(\d{3})(?: |\z)/ ? $1 : 0;
	return wantarray ? ($self->{code}, map { substr $_, 4 } grep { length >= 4 } @lines) : $self->{code};
}

sub cmd {
	my ($self, $line) = @_;
	$self->send_raw("$line\r\n");
	return $self->reply;
}

sub ehlo {
	my ($self, $name) = @_;
	my ($code, undef, @lines) = $self->cmd('EHLO ' . ($name // 'client.test'));
	return {} if $code != 250;
	my %extensions;
	for my $line (@lines) {
		my ($word, $value) = split / /, $line, 2;
		$extensions{ uc $word } = $value // '' if defined $word;
	}
	return \%extensions;
}

sub starttls {
	my ($self) = @_;
	my $code = $self->cmd('STARTTLS');
	$self->start_tls if $code == 220;
	return $code;
}

sub auth {
	my ($self, $mechanism, $user, $password, %options) = @_;
	my $client = Postroom::Sasl->new($mechanism, $user, $password, %options);
	my $first = ($options{initial} // 1) ? $client->initial : undef;
	my $code = $self->cmd("AUTH $mechanism" . (defined $first ? ' ' . encode_base64($first, '') : ''));
	while ($code == 334) {
		my ($challenge) = $self->{last} =~ /\A334 ?(.*)\z/;
		$code = $self->cmd(encode_base64($client->respond(decode_base64($challenge)), ''));
	}
	return $code;
}

sub data {
	my ($self, $text) = @_;
	my $code = $self->cmd('DATA');
	return $code if $code != 354;
	$text =~ s/\r?\n/\r\n/g;
	$text .= "\r\n" if $text ne '' && $text !~ /\r\n\z/;
	$text =~ s/^\./../mg;
	$self->send_raw("$text.\r\n");
	return scalar $self->reply;
}

sub send_message {
	my ($self, $from, $to, $text) = @_;
	my $taken = 0;
	$self->ehlo if !$self->{greeted}++;
	return $self->{last} if $self->cmd("MAIL FROM:<$from>") != 250;
	for my $recipient (@$to) {
		$taken++ if $self->cmd("RCPT TO:<$recipient>") =~ /\A25/;
	}
	return $self->{last} if !$taken;
	$self->data($text);
	return $self->{last};
}

sub quit {
	my ($self) = @_;
	my $code = $self->cmd('QUIT');
	$self->close;
	return $code;
}

1;

package Postroom::Marionette;

=head1 NAME

Postroom::Marionette - run JavaScript inside a Thunderbird that was started with --marionette

=head1 SYNOPSIS

    my $tb = Postroom::Marionette->connect($port);   # waits until it listens
    my $value = $tb->run('return Services.appinfo.version', @arguments);

=head1 DESCRIPTION

The protocol: a message is its length, a colon and a JSON list: [0, number, command, parameters] and
[1, number, error, result]. Scripts run in the chrome context, with all rights of the program; a promise that one returns
is waited for.

=cut

use strict;
use warnings;
use IO::Socket::INET;
use JSON::PP qw(decode_json encode_json);
use Postroom::Process qw(wait_until);

sub connect {
	my ($class, $port) = @_;
	my $self = bless { count => 0, buffer => '' }, $class;
	wait_until(sub { $self->{socket} = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") }, 'Thunderbird listens', 60);
	$self->message;
	$self->call('WebDriver:NewSession', {});
	$self->call('Marionette:SetContext', { value => 'chrome' });
	return $self;
}

sub message {
	my ($self) = @_;
	for (;;) {
		if ($self->{buffer} =~ /\A(\d+):/ && length $self->{buffer} >= length($1) + 1 + $1) {
			my ($size, $start) = ($1, length($1) + 1);
			my $json = substr $self->{buffer}, $start, $size;
			substr $self->{buffer}, 0, $start + $size, '';
			return decode_json($json);
		}
		sysread $self->{socket}, $self->{buffer}, 65536, length $self->{buffer} or die "Thunderbird hung up\n";
	}
}

sub call {
	my ($self, $command, $parameters) = @_;
	my $json = encode_json([0, ++$self->{count}, $command, $parameters]);
	$self->{socket}->syswrite(length($json) . ":$json");
	my $answer = $self->message;
	die "$command: " . encode_json($answer->[2]) . "\n" if $answer->[2];
	return ref $answer->[3] eq 'HASH' ? $answer->[3]{value} : $answer->[3];
}

sub run {
	my ($self, $script, @arguments) = @_;
	return $self->call('WebDriver:ExecuteScript', { script => $script, args => \@arguments });
}

1;

package Postroom::Mailauth;

=head1 NAME

Postroom::Mailauth - ask the library of common/mailauth from a test

=head1 SYNOPSIS

    my $m = Postroom::Mailauth->new(zones => { 'a.test' => [['TXT', 'v=spf1 -all'], ['A', '192.0.2.1']] });
    my $m = Postroom::Mailauth->new(dir => $p->dir, caller => 'smtpd');     # with the instance's dnsd
    is $m->ask('spf', ip => '192.0.2.1', helo => 'x.test', local => 'x', domain => 'a.test')->{result}, 'fail';

=head1 DESCRIPTION

Runs t/tools/mailauth, whose head says which questions there are and what they answer.

=cut

use strict;
use warnings;
use IPC::Open2 qw(open2);
use JSON::PP ();

my $json = JSON::PP->new->utf8->canonical;

sub new {
	my ($class, %options) = @_;
	my $program = ($ENV{POSTROOM_BUILD} // 'build') . '/t/tools/mailauth';
	die "$program is not built (make unit)\n" if !-x $program;
	my $self = bless {}, $class;
	$self->{pid} = open2($self->{answers}, $self->{questions}, $program, $options{dir} ? @options{qw(dir caller)} : ());
	$self->say_line($options{zones} // {}) if !$options{dir};
	return $self;
}

sub say_line {
	my ($self, $line) = @_;
	local $SIG{PIPE} = 'IGNORE';
	print { $self->{questions} } $json->encode($line), "\n";
	$self->{questions}->flush;
	return;
}

sub ask {
	my ($self, $question, %fields) = @_;
	$self->say_line({ ask => $question, %fields });
	my $line = readline($self->{answers}) // die "mailauth died\n";
	return $json->decode($line);
}

sub DESTROY {
	my ($self) = @_;
	local ($?, $@);
	close $self->{questions};
	waitpid $self->{pid}, 0;
	return;
}

1;

package Postroom::Sink;

=head1 NAME

Postroom::Sink - smtp-sink (of the package postfix): takes any number of messages, fast

=head1 SYNOPSIS

    my $sink = Postroom::Sink->start(keep => 1, options => ['-w', '1']);
    $sink->port;
    $sink->messages;     # the texts kept, each with smtp-sink's own X-... lines on top
    $sink->count;        # how many it took, kept or not
    $sink->sessions;     # over how many connections
    $sink->stop;

=cut

use strict;
use warnings;
use File::Temp;
use IO::Socket::IP;
use Postroom::Need qw(find_program);
use Postroom::Ports;
use Postroom::Process qw(spawn_program stop_process wait_until read_file);

sub start {
	my ($class, %options) = @_;
	my $self = bless { host => '127.0.0.1', owner => $$, %options }, $class;
	$self->{folder} = File::Temp->newdir('postroom-sink-XXXXXX', TMPDIR => 1);
	chmod 0777, $self->{folder};
	$self->{port} //= Postroom::Ports::port($self->{host});
	my @user = $> == 0 ? ('-u', 'nobody') : ();
	my @keep = $self->{keep} ? ('-d', "$self->{folder}/message.") : ();
	my $program = find_program('smtp-sink') // die "smtp-sink is not installed\n";
	$self->{pid} = spawn_program({ stdout => "$self->{folder}/log", folder => "$self->{folder}" }, $program, @user, @keep,
		'-c', @{ $self->{options} // [] }, "$self->{host}:$self->{port}", 100);
	wait_until(sub { IO::Socket::IP->new(PeerHost => $self->{host}, PeerPort => $self->{port}) }, 'smtp-sink accepts', 10);
	return $self;
}

sub port { return $_[0]{port} }

sub messages {
	my ($self) = @_;
	return map { read_file($_) } sort glob "$self->{folder}/message.*";
}

# smtp-sink tells how many there were after each.
sub told {
	my ($self, $word) = @_;
	open my $log, '<', "$self->{folder}/log" or return 0;
	seek $log, -200, 2 if -s $log > 200;
	my @counts = (<$log> // '') =~ /\b$word=(\d+)\b[^\r]*\r/g;
	return $counts[-1] // 0;
}

sub count    { return $_[0]->told('mesg') }
sub sessions { return $_[0]->told('sess') }

sub stop {
	my ($self) = @_;
	stop_process(delete $self->{pid}) if $self->{pid} && $self->{owner} == $$;
	return;
}

sub DESTROY {
	my ($self) = @_;
	local ($?, $@);
	$self->stop;
}

1;

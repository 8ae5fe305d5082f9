package Postroom::Socks;

=head1 NAME

Postroom::Socks - SOCKS proxies for tests: Dante, and one that does what a test tells it

=head1 SYNOPSIS

    my $proxy = Postroom::Socks->dante;                # SOCKS 4 and 5, without a login
    my $proxy = Postroom::Socks->stub(to => $port, reply => "\0\x5a" . "\0" x 6);
    $proxy->port; $proxy->log; $proxy->stop;

A stub speaks version 4 and 4A: what it was asked with is in C<asked>, in hexadecimal digits, one line a connection. It
answers with C<reply> and, where that grants, connects to C<to>, whatever was asked for. With C<login =E<gt> [user,
password]> it speaks version 5 instead.

=cut

use strict;
use warnings;
use File::Temp;
use IO::Select;
use IO::Socket::IP;
use POSIX ();
use Postroom::Ports;
use Postroom::Process qw(stop_process read_file write_file wait_until);

sub prepare {
	my ($class, %options) = @_;
	my $self = bless { %options, owner => $$, port => Postroom::Ports::port('127.0.0.1') }, $class;
	$self->{folder} = File::Temp->newdir('postroom-socks-XXXXXX', TMPDIR => 1);
	return $self;
}

sub dante {
	my $self = prepare(@_);
	my $folder = $self->{folder};
	chmod 0755, "$folder";
	write_file("$folder/log", '');
	chmod 0666, "$folder/log";
	write_file("$folder/conf", <<"END");
logoutput: $folder/log
internal: 127.0.0.1 port = $self->{port}
external: lo
clientmethod: none
socksmethod: none
user.privileged: root
user.unprivileged: nobody
client pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }
socks pass { from: 127.0.0.0/8 to: 0.0.0.0/0 log: connect }
END
	$self->{pid} = fork // die "cannot fork: $!\n";
	if ($self->{pid} == 0) {
		open STDOUT, '>', '/dev/null';
		open STDERR, '>', "$folder/errors";
		exec('danted', '-f', "$folder/conf", '-p', "$folder/pid") or POSIX::_exit(127);
	}
	wait_until(sub { IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => $self->{port}) }, 'the proxy listens');
	return $self;
}

sub stub {
	my $self = prepare(@_);
	write_file("$self->{folder}/asked", '');
	my $listener = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => $self->{port}, Listen => 10, ReuseAddr => 1)
		or die "cannot listen: $@\n";
	$self->{pid} = fork // die "cannot fork: $!\n";
	if ($self->{pid} == 0) {
		eval { while (my $client = $listener->accept) { $self->serve($client) } };
		POSIX::_exit(0);
	}
	return $self;
}

sub hear {
	my ($client, $size) = @_;
	my $bytes = '';
	while (length $bytes < $size) {
		sysread($client, $bytes, $size - length $bytes, length $bytes) or last;
	}
	return $bytes;
}

sub hear_text {
	my ($client) = @_;
	my $text = '';
	while ((my $octet = hear($client, 1)) ne '') { $text .= $octet; last if $octet eq "\0" }
	return $text;
}

sub note {
	my ($self, $bytes) = @_;
	open my $file, '>>', "$self->{folder}/asked" or return;
	print {$file} unpack('H*', $bytes), "\n";
	close $file;
	return;
}

sub talk_4 {
	my ($self, $client) = @_;
	my $asked = hear($client, 8);
	my $is_name = substr($asked, 4, 3) eq "\0\0\0" && substr($asked, 7, 1) ne "\0";
	$asked .= hear_text($client);
	$asked .= hear_text($client) if $is_name;
	$self->note($asked);
	syswrite $client, $self->{reply};
	return substr($self->{reply}, 1, 1) eq "\x5a";
}

sub talk_5 {
	my ($self, $client) = @_;
	my $asked = hear($client, 2);
	$asked .= hear($client, ord substr $asked, 1);
	syswrite $client, "\5\2";
	my ($user, $password) = map { hear($client, ord hear($client, 1)) } hear($client, 1) && (1, 2);
	my $granted = $user eq $self->{login}[0] && $password eq $self->{login}[1];
	syswrite $client, "\1" . ($granted ? "\0" : "\1");
	return 0 if !$granted;
	my $head = hear($client, 4);
	my $type = ord substr $head, 3;
	my $address = $type == 3 ? hear($client, 1) : '';
	$address .= hear($client, $type == 1 ? 4 : $type == 4 ? 16 : ord $address);
	$self->note($asked . $head . $address . hear($client, 2));
	syswrite $client, "\5\0\0\1" . "\0" x 6;
	return 1;
}

sub serve {
	my ($self, $client) = @_;
	return if !($self->{login} ? $self->talk_5($client) : $self->talk_4($client));
	my $server = IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => $self->{to}) or return;
	my $select = IO::Select->new($client, $server);
	while (my @ready = $select->can_read(30)) {
		for my $from (@ready) {
			sysread($from, my $bytes, 65536) or return;
			syswrite +($from == $client ? $server : $client), $bytes;
		}
	}
	return;
}

sub port { return $_[0]{port} }
sub log { return read_file("$_[0]{folder}/log") // '' }
sub asked { return [ split /\n/, read_file("$_[0]{folder}/asked") // '' ] }

sub stop {
	my ($self) = @_;
	return if !$self->{pid} || $self->{owner} != $$;
	stop_process(delete $self->{pid});
	return;
}

sub DESTROY {
	local ($@, $?);
	$_[0]->stop;
	return;
}

1;

package Postroom::WebServer;

=head1 NAME

Postroom::WebServer - a web server by HTTPS that does what a test tells it

=head1 SYNOPSIS

    my $web = Postroom::WebServer->start(pair => $ca->issue('mta-sts.a.test'), host => '127.0.0.7', pages => {
        '/.well-known/mta-sts.txt' => { type => 'text/plain', body => "version: STSv1\n..." },
        '/token'                   => [{ status => 400, json => { error => 'slow_down' } }, { json => {...} }],
    });
    $web->port;
    $web->set(pages => {...});         # from now on
    $web->requests;                    # [{ method, path, host, body }, ...]
    $web->stop;

A page is an answer (C<status>, 200; C<type>; C<body> or C<json>; C<headers>), or a list of them, one after the other; the last
one stays. Certificates may be several: C<pairs =E<gt> { name =E<gt> pair }>, by SNI.

=cut

use strict;
use warnings;
use Fcntl qw(:flock);
use File::Temp;
use IO::Socket::IP;
use IO::Socket::SSL;
use JSON::PP;
use POSIX ();
use Postroom::Process qw(stop_process read_file write_file);

my $json = JSON::PP->new->latin1->canonical;

sub start {
	my ($class, %options) = @_;
	my $self = bless { host => '127.0.0.1', pages => {}, owner => $$, %options }, $class;
	$self->{folder} = File::Temp->newdir('postroom-web-XXXXXX', TMPDIR => 1);
	write_file("$self->{folder}/requests", '');
	$self->set(pages => $self->{pages});
	my $listener = IO::Socket::IP->new(LocalHost => $self->{host}, LocalPort => $self->{port} // 0, Listen => 20, ReuseAddr => 1)
		or die "cannot listen: $@\n";
	$self->{port} = $listener->sockport;
	$self->{pid} = fork // die "cannot fork: $!\n";
	if ($self->{pid} == 0) {
		eval { $self->serve($listener) };
		POSIX::_exit(0);
	}
	close $listener;
	return $self;
}

sub port { return $_[0]{port} }

sub set {
	my ($self, %options) = @_;
	write_file("$self->{folder}/pages.new", $json->encode($options{pages}));
	rename "$self->{folder}/pages.new", "$self->{folder}/pages" or die "cannot change the pages: $!\n";
	write_file("$self->{folder}/turns", '{}');
	return $self;
}

sub requests {
	my ($self) = @_;
	return map { $json->decode($_) } split /\n/, read_file("$self->{folder}/requests");
}

sub serve {
	my ($self, $listener) = @_;
	local $SIG{PIPE} = 'IGNORE';
	my %pairs = $self->{pairs} ? %{ $self->{pairs} } : ('' => $self->{pair});
	my ($any) = values %pairs;
	$pairs{''} //= $any;
	while (my $socket = $listener->accept) {
		eval {
			local $SIG{ALRM} = sub { die "too slow\n" };
			alarm 10;
			IO::Socket::SSL->start_SSL($socket, SSL_server => 1,
				SSL_cert_file => { map { $_ => $pairs{$_}[0] } keys %pairs }, SSL_key_file => { map { $_ => $pairs{$_}[1] } keys %pairs })
				or die "TLS failed\n";
			$self->answer($socket);
		};
		alarm 0;
		close $socket;
	}
	return;
}

sub answer {
	my ($self, $socket) = @_;
	my ($method, $path) = (<$socket> // '') =~ /\A(\w+) (\S+)/ or return;
	my ($length, $host, $body) = (0, '', '');
	while (my $line = <$socket>) {
		last if $line eq "\r\n";
		$length = $1 if $line =~ /\AContent-Length: (\d+)/i;
		$host = $1 if $line =~ /\AHost: (\S+)/i;
	}
	read $socket, $body, $length if $length;
	open my $log, '>>', "$self->{folder}/requests" or die "cannot write: $!\n";
	print {$log} $json->encode({ method => $method, path => $path, host => $host, body => $body }), "\n";
	close $log or die "cannot write: $!\n";
	my $page = $self->page($path) // { status => 404, body => "not here\n" };
	$body = $page->{json} ? $json->encode($page->{json}) : $page->{body} // '';
	my $type = $page->{type} // ($page->{json} ? 'application/json' : 'text/plain');
	print {$socket} 'HTTP/1.1 ', $page->{status} // 200, " so\r\nContent-Type: $type\r\nContent-Length: ", length $body, "\r\n",
		(map { "$_\r\n" } @{ $page->{headers} // [] }), "Connection: close\r\n\r\n", $body;
	return;
}

sub page {
	my ($self, $path) = @_;
	my $page = $json->decode(read_file("$self->{folder}/pages"))->{$path};
	return $page if ref $page ne 'ARRAY';
	my $turns = $json->decode(read_file("$self->{folder}/turns"));
	my $turn = $turns->{$path}++ // 0;
	write_file("$self->{folder}/turns", $json->encode($turns));
	return $page->[$turn < @$page ? $turn : -1];
}

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

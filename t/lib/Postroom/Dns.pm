package Postroom::Dns;

=head1 NAME

Postroom::Dns - an authoritative DNS server (nsd) with the zones of a test

=head1 SYNOPSIS

    my $dns = Postroom::Dns->start(zones => {
        'remote.test' => {
            '@'   => ['MX 10 mx1.remote.test.', 'MX 20 mx2.remote.test.'],
            'mx1' => ['A 127.0.0.1', 'AAAA ::1'],
            'mx2' => ['A 127.0.0.1'],
            'www' => ['CNAME mx1.remote.test.'],
            'txt' => ['TXT "some text"'],
        },
    });
    $p->set('dns.servers' => $dns->address);      # 127.0.0.1:PORT
    $dns->change(zones => {...});                  # other zones from now on
    $dns->stop;

Any record type that nsd knows may be used. TTLs are one second, or C<ttl>. Names of no zone are refused by nsd (REFUSED), names in
a zone without records give NXDOMAIN. C<start> returns when every zone answers.

C<broken =E<gt> ['broken.test']>: zones whose records are lost, SERVFAIL. C<edns_size =E<gt> 512>: octets of an answer
by UDP; longer ones are truncated, and asked for again by TCP.

C<signed =E<gt> ['safe.test']>: zones that are signed (DNSSEC); C<anchor('safe.test')> is the DS record for dns.trust-anchors.
C<forged =E<gt> ['lie.test']>: signed ones of which each record was changed after that, so that none validates.

C<watched =E<gt> 1>: C<questions> lists the names that were asked for by UDP since its last call, in lower case.

=cut

use strict;
use warnings;
use File::Temp;
use IO::Select;
use IO::Socket::IP;
use POSIX ();
use Postroom::Need qw(find_program);
use Postroom::Ports;
use Postroom::Process qw(run_program spawn_program stop_process wait_until read_file write_file);
use Socket qw(SOCK_DGRAM);

use constant { TYPE_SOA => 6, CLASS_IN => 1 };

sub start {
	my ($class, %options) = @_;
	my $self = bless { host => '127.0.0.1', zones => {}, broken => [], signed => [], forged => [], edns_size => 1232, serial => 0, owner => $$, %options }, $class;
	$self->{folder} = File::Temp->newdir('postroom-dns-XXXXXX', TMPDIR => 1);
	chmod 0755, $self->{folder};
	$self->{port} = Postroom::Ports::port($self->{host});
	$self->run;
	$self->watch if $self->{watched};
	return $self;
}

sub port { return $_[0]{watch_port} // $_[0]{port} }
sub address { return "$_[0]{host}:" . $_[0]->port }

# Stand between the one who asks and nsd, and write down what is asked.
sub watch {
	my ($self) = @_;
	my $server = IO::Socket::IP->new(LocalHost => $self->{host}, LocalPort => 0, Type => SOCK_DGRAM) or die "no socket: $@\n";
	$self->{watch_port} = $server->sockport;
	$self->{seen} = "$self->{folder}/questions";
	write_file($self->{seen}, '');
	$self->{watcher} = fork // die "cannot fork: $!\n";
	return if $self->{watcher};
	$self->pass_on($server) while 1;
	POSIX::_exit(1);
}

sub pass_on {
	my ($self, $server) = @_;
	my $from = $server->recv(my $question, 4096) // return;
	my ($name, $at) = ('', 12);
	while ((my $len = ord(substr($question, $at, 1) // "\0")) > 0) {
		$name .= lc(substr $question, $at + 1, $len) . '.';
		$at += $len + 1;
	}
	open my $seen, '>>', $self->{seen} or return;
	print {$seen} "$name\n";
	close $seen or return;
	my $nsd = IO::Socket::IP->new(PeerHost => $self->{host}, PeerPort => $self->{port}, Type => SOCK_DGRAM) or return;
	$nsd->send($question);
	return if !IO::Select->new($nsd)->can_read(2) || !defined $nsd->recv(my $answer, 65535);
	return $server->send($answer, 0, $from);
}

sub questions {
	my ($self) = @_;
	my @names = split /\.?\n/, read_file($self->{seen});
	write_file($self->{seen}, '');
	return @names;
}

sub change {
	my ($self, %options) = @_;
	$self->{zones} = $options{zones};
	stop_process(delete $self->{pid});
	return $self->run;
}

sub run {
	my ($self) = @_;
	my $folder = "$self->{folder}";
	$self->{serial}++;
	my $conf = <<"END";
server:
	ip-address: $self->{host}\@$self->{port}
	username: ""
	chroot: ""
	database: ""
	zonesdir: "$folder"
	pidfile: "$folder/nsd.pid"
	xfrdfile: "$folder/xfrd.state"
	xfrdir: "$folder"
	zonelistfile: "$folder/zone.list"
	server-count: 1
	ipv4-edns-size: $self->{edns_size}
remote-control:
	control-enable: no
END
	for my $zone (sort keys %{ $self->{zones} }) {
		write_file("$folder/$zone.zone", $self->zone_text($zone));
		$self->sign($zone) if grep { $_ eq $zone } @{ $self->{signed} }, @{ $self->{forged} };
		$conf .= qq(zone:\n\tname: "$zone"\n\tzonefile: "$zone.zone"\n);
	}
	$conf .= qq(zone:\n\tname: "$_"\n\tzonefile: "missing.$_.zone"\n) for @{ $self->{broken} };
	write_file("$folder/nsd.conf", $conf);
	my $program = find_program('nsd') // die "nsd is not installed\n";
	$self->{pid} = spawn_program({ stdout => "$folder/log" }, $program, '-d', '-c', "$folder/nsd.conf");
	for my $zone (keys %{ $self->{zones} }) {
		eval { wait_until(sub { $self->answers($zone) }, "nsd serves $zone", 20) }
			or die $@ . (read_file("$folder/log") // '');
	}
	return $self;
}

# Sign a zone's file, with the key that it had before or a new one.
sub sign {
	my ($self, $zone) = @_;
	my $file = "$self->{folder}/$zone.zone";
	my $key = $self->{keys}{$zone} //= $self->make_key($zone);
	my ($status, undef, $err) = run_program('ldns-signzone', '-o', $zone, '-f', "$file.signed", $file, $key);
	die "ldns-signzone: $err" if $status != 0;
	my $text = read_file("$file.signed");
	$text =~ s/(\tTLSA\t\d \d \d )(\w)/$1 . ($2 eq '0' ? '1' : '0')/gie if grep { $_ eq $zone } @{ $self->{forged} };
	write_file($file, $text);
	return;
}

sub make_key {
	my ($self, $zone) = @_;
	my ($status, $name, $err) = run_program('sh', '-c', 'cd "$0" && ldns-keygen -k -a ECDSAP256SHA256 "$1"', "$self->{folder}", $zone);
	die "ldns-keygen: $err" if $status != 0;
	chomp $name;
	return "$self->{folder}/$name";
}

sub anchor {
	my ($self, $zone) = @_;
	my ($record) = read_file("$self->{keys}{$zone}.ds") =~ /^(\S.*\bDS\b.*?)\s*(?:;.*)?$/m;
	$record =~ s/\s+/ /g;
	return $record;
}

sub zone_text {
	my ($self, $zone) = @_;
	my $records = $self->{zones}{$zone};
	my $text = "\$ORIGIN $zone.\n\$TTL " . ($self->{ttl} // 1) . "\n\@ SOA ns.$zone. hostmaster.$zone. $self->{serial} 3600 600 86400 1\n"
		. "\@ NS ns.$zone.\n";
	$text .= "ns A $self->{host}\n" if !$records->{ns};
	for my $name (sort keys %$records) {
		$text .= "$name $_\n" for ref $records->{$name} ? @{ $records->{$name} } : $records->{$name};
	}
	return $text;
}

# Is there an answer to the question for the zone's SOA record?
sub answers {
	my ($self, $zone) = @_;
	my $socket = IO::Socket::IP->new(PeerHost => $self->{host}, PeerPort => $self->{port}, Type => SOCK_DGRAM) or return 0;
	my $question = join('', map { chr(length) . $_ } split /\./, $zone) . "\0" . pack('nn', TYPE_SOA, CLASS_IN);
	$socket->send(pack('n6', 4711, 0x0100, 1, 0, 0, 0) . $question);
	return 0 if !IO::Select->new($socket)->can_read(0.2);
	defined $socket->recv(my $answer, 4096) or return 0;
	return 0 if length $answer < 12;
	my ($id, $flags, undef, $answer_count) = unpack 'n4', $answer;
	return $id == 4711 && ($flags & 15) == 0 && $answer_count == 1;
}

sub stop {
	my ($self) = @_;
	return if $self->{owner} != $$;
	stop_process(delete $self->{$_}) for grep { $self->{$_} } qw(watcher pid);
	return;
}

sub DESTROY {
	my ($self) = @_;
	local ($?, $@);
	$self->stop;
}

1;

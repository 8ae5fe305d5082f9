#!/usr/bin/perl
# Many connections at once that want nothing, or take their time: how many are taken the settings say, memory goes with
# that, and others are served. CONNECTIONS=10000 makes it as many.
use strict;
use warnings;
use lib 't/lib';
use IO::Socket::INET;
use POSIX qw(sysconf _SC_OPEN_MAX);
use Postroom::Process qw(read_file);
use Postroom::Test;
use Postroom::Web;
use Socket qw(inet_aton pack_sockaddr_in SOCK_STREAM AF_INET);
use Test::More;
use Time::HiRes qw(time);

my $COUNT = $ENV{CONNECTIONS} // 1000;
my ($MAX, $PER_ADDRESS, $TIMEOUT) = ($COUNT / 10, $COUNT / 100, 6);
plan skip_all => "needs $COUNT descriptors" if sysconf(_SC_OPEN_MAX) < $COUNT + 200;

my $p = Postroom::Test->start(
	users => { anna => 'secret-a' },
	set   => { 'web.max-connections' => $MAX, 'web.connections-per-address' => $PER_ADDRESS, 'web.timeout' => $TIMEOUT },
);
my $LOGIN = "POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n";
my @SAYINGS = ('', "GET /login HTTP/1.1\r\nX-A: ", "$LOGIN\{", "\x16\x03");

sub connect_from {
	my ($address, $words) = @_;
	socket(my $socket, AF_INET, SOCK_STREAM, 0) or die "socket: $!";
	bind $socket, pack_sockaddr_in(0, inet_aton($address)) or die "bind $address: $!";
	connect $socket, pack_sockaddr_in($p->port('web'), inet_aton($p->host)) or return undef;
	syswrite $socket, $words if $words ne '';
	return $socket;
}

# Kilobytes of all processes of webadmin, what they share counted once; and how many they are.
sub memory {
	my ($sum, $count) = (0, 0);
	for my $pid ($p->pids('webadmin')) {
		my ($pss) = (read_file("/proc/$pid/smaps_rollup") // '') =~ /^Pss:\s+(\d+)/m or next;
		$sum += $pss;
		$count++;
	}
	return ($sum, $count);
}

sub served {
	my ($address) = @_;
	my $begin = time;
	my $reply = eval { Postroom::Web->new($p, local => $address)->get('/login') };    # 0: the connection was closed
	return ($reply ? $reply->{status} : 0, time - $begin);
}

subtest 'all from one address: it has its share, others are served' => sub {
	my @open = map { connect_from('127.0.2.1', $SAYINGS[$_ % @SAYINGS]) } 1 .. $COUNT;
	is scalar(grep { defined } @open), $COUNT, "$COUNT connections";
	my ($status, $seconds) = served('127.0.2.2');
	is $status, 200, 'who comes from elsewhere is served meanwhile';
	$p->wait_for(sub { (memory())[1] <= 2 * $PER_ADDRESS + 1 }, 'no more processes than one address may have, carriers of TLS with them');
	my ($kilobytes, $count) = memory();
	diag sprintf '%d connections of one address: %d processes, %d MB; another client waited %.2f s', $COUNT, $count, $kilobytes / 1024, $seconds
		if $ENV{CONNECTIONS};
};

subtest 'from many addresses: no more than there may be, and when they are gone all is as before' => sub {
	my @open = map { connect_from('127.0.3.' . (1 + $_ % 50), $SAYINGS[$_ % @SAYINGS]) } 1 .. $COUNT;
	is scalar(grep { defined } @open), $COUNT, "$COUNT connections";
	my ($kilobytes, $count);
	$p->wait_for(sub { ($kilobytes, $count) = memory(); $count > $MAX }, 'as many as there may be are taken, one for each and the listener');
	cmp_ok $count, '<=', 2 * $MAX + 1, 'no more: the listener, and at most two for each under TLS';
	cmp_ok $kilobytes, '<', 1024 * (20 + $MAX), 'a megabyte for each that is taken, at most';
	my ($status, $seconds) = served('127.0.4.1');
	isnt $status, 200, 'one more is refused, not kept waiting';
	diag sprintf '%d connections of 50 addresses: %d processes, %d MB; the next was refused after %.2f s', $COUNT, $count, $kilobytes / 1024,
		$seconds if $ENV{CONNECTIONS};
	# they are silent still, and their sockets open
	$p->wait_for(sub { (served('127.0.4.1'))[0] == 200 }, 'when their time is over the next is served', 3 * $TIMEOUT);
	cmp_ok scalar(grep { defined } @open), '==', $COUNT, 'though none of them went by itself';
};

is scalar(grep { /webadmin.*(?:ended by signal|crash)/ } $p->log), 0, 'no process died';
$p->stop;
done_testing;

#!/usr/bin/perl
# Destinations that never answer hold sessions, but not all of them, and not all places in line; others get theirs, known or
# not.
use strict;
use warnings;
use lib 't/lib';
use IO::Select;
use IO::Socket::IP;
use Postroom::Dns;
use Postroom::Outgoing;
use Postroom::Ports;
use Postroom::Queued;
use Postroom::Sink;
use Postroom::Test;
use Test::More;

use constant { SESSIONS => 8, HELD => 6, SILENT => 16, GOOD => 30 };

my $port = Postroom::Ports::port();
my $good = Postroom::Sink->start(host => '127.0.0.2', port => $port);
my $silent = IO::Socket::IP->new(LocalHost => '127.0.0.3', LocalPort => $port, Listen => 100, ReuseAddr => 1)
	or die "no socket: $@\n";
my $dns = Postroom::Dns->start(ttl => 3600, zones => { 'many.test' => {
	good => 'A 127.0.0.2', silent => 'A 127.0.0.3', known => 'MX 10 good', new => 'MX 10 good',
	(map { ("s$_" => 'MX 10 silent') } 1 .. SILENT) } });
my $p = Postroom::Test->start(relay => ['127.0.0.1'],
	set => { 'dns.servers' => $dns->address, 'sender.mx-port' => $port, 'sender.max-sessions' => SESSIONS });
my $out = Postroom::Outgoing->new($p);
my @held; # connections that wait for a greeting

# How many do, still: what is readable has ended, as nobody speaks before the greeting.
sub held {
	while (IO::Select->new($silent)->can_read(0)) { push @held, scalar $silent->accept }
	@held = grep { !IO::Select->new($_)->can_read(0) } @held;
	return scalar @held;
}

# What was sent goes once that is known; the rest does not.
sub waits_still {
	my ($count) = @_;
	my $waiting = sub { return scalar(() = glob $p->dir . '/spool/active/*') };
	$p->wait_for(sub { $waiting->() <= $count }, 'what was sent is removed', 10);
	is $waiting->(), $count, 'the mail of the others waits still';
	return;
}

subtest 'mail to a domain that takes it passes dozens that wait for others that do not answer' => sub {
	$out->wait_gone($out->submit('first@known.many.test'));
	is $good->count, 1, 'one domain is known to take mail';
	Postroom::Queued::fill($p, map { my $to = $_; map { "user\@s$to.many.test" } 1 .. 5 } 1 .. SILENT);
	$p->wait_for(sub { held() == HELD }, 'silent ones hold sessions', 20);
	my @ids = map { $out->submit("user$_\@known.many.test") } 1 .. GOOD;
	$p->wait_for(sub { held() <= HELD or die "a quarter of the sessions is kept from them\n"; $good->count == GOOD + 1 },
		'all for it have left', 20);
	waits_still(5 * SILENT);
};

subtest 'a domain of which nothing is known gets its turn long before they are given up' => sub {
	$out->submit('first@new.many.test');
	$p->wait_for(sub { $good->count == GOOD + 2 }, 'its message has left', 30);
	waits_still(5 * SILENT);
	$p->wait_log(qr/mx s\d+[.]many[.]test \d+ does not answer soon, and others wait/, 5);
	is_deeply [grep { $_->{attempts} } @{ $p->postroom_json('queue', 'list') }], [],
		'and no attempt was counted where a server was not given its time';
};

$p->stop;
done_testing;

#!/usr/bin/perl
# Which DNS servers are asked, and how their test tells the good from the bad.
use strict;
use warnings;
use lib 't/lib';
use IO::Socket::IP;
use JSON::PP;
use Postroom::Dns;
use Postroom::Mailauth;
use Postroom::Need qw(need_program);
use Postroom::Test;
use Socket qw(SOCK_DGRAM);
use Test::More;

need_program('nsd');

use constant { A => 1 };

my $good = Postroom::Dns->start(zones => { 'a.test' => { '@' => 'A 192.0.2.1', map { ("h$_" => 'A 192.0.2.2') } 1 .. 9 } });
my $liar = Postroom::Dns->start(zones => { 'a.test' => { '@' => 'A 192.0.2.1', '*' => 'A 192.0.2.66' } });
my $silent = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => 0, Type => SOCK_DGRAM) or die "no socket: $@\n";
my $dead = '127.0.0.1:' . $silent->sockport;
my $p = Postroom::Test->start;
my $m = Postroom::Mailauth->new(dir => $p->dir, caller => 'smtpd');

subtest '07-13.1 a list by hand is used and shown, and one of two may be silent' => sub {
	$p->set('dns.servers' => "$dead, " . $good->address);
	is $p->postroom_ok('dns', 'servers'), "$dead\n" . $good->address . "\n", 'both are shown';
	is_deeply decode_json($p->postroom_ok('dns', 'servers', '--json')),
		{ servers => [$dead, $good->address], detected => JSON::PP::false }, 'also for programs';
	is $m->ask('query', name => "h$_.a.test", type => A)->{status}, 'found', "question $_ has its answer" for 1 .. 9;
	$p->postroom_ok('unset', 'dns.servers');
	like $p->postroom_ok('dns', 'servers'), qr/^\(detected: dns\.servers is empty\)$/m, 'empty: the system is asked which';
};

subtest '07-13.2 the test of the servers' => sub {
	$p->set('dns.servers' => $good->address);
	my $text = $p->postroom_ok('dns', 'test', 'a.test');
	like $text, qr/^\Q@{[$good->address]}\E\n  a\.test: 192\.0\.2\.1, \d+ ms\n  no-[0-9a-f]+\.a\.test: not found, \d+ ms\n\z/, 'good';
	$p->set('dns.servers' => $good->address . ',' . $liar->address);
	my ($status, $out) = $p->postroom('dns', 'test', 'a.test');
	is $status, 1, 'something is wrong';
	like $out, qr/^\Q@{[$liar->address]}\E\n  a\.test: .*\n  no-[0-9a-f]+\.a\.test: 192\.0\.2\.66, \d+ ms\n  wrong: it answers for names that do not exist/m,
		'the one that answers everything';
	is scalar(() = $out =~ /wrong:/g), 1, 'that one alone';
	($status, $out) = $p->postroom('dns', 'test', 'missing.test', '--json');
	is $status, 1;
	like decode_json($out)->[0]{fault}, qr/does not answer as it should/, 'no such zone: REFUSED';
};

subtest '07-13.3 what is no server is refused' => sub {
	my ($status, undef, $error) = $p->postroom('set', 'dns.servers', 'abc');
	is $status, 1, 'refused';
	like $error, qr/"abc" is not a server/, 'with the reason';
};

undef $m;
$p->stop;
done_testing;

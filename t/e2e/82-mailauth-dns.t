#!/usr/bin/perl
# What SPF and DKIM ask the DNS, through dnsd and a real server: answers of every kind, also those that go wrong.
use strict;
use warnings;
use lib 't/lib';
use IO::Socket::IP;
use Postroom::Dns;
use Postroom::Mailauth;
use Postroom::Need qw(need_program);
use Postroom::Test;
use Socket qw(SOCK_DGRAM);
use Test::More;
use Time::HiRes qw(time);

need_program('nsd');

use constant { A => 1, MX => 15, TXT => 16, AAAA => 28 };

my $long = join ' ', map { sprintf 'ip4:192.0.2.%d', $_ } 1 .. 250; # some 4 kB
my @chain = map { ("c$_" => ['CNAME c' . ($_ + 1) . '.a.test.']) } 1 .. 7;
my %zones = (
	'a.test' => {
		'@'      => ['TXT "v=spf1 " "ip4:127.0.0.7 " "-all"', 'TXT "something else"', 'MX 10 mx.a.test.'],
		'mx'     => ['A 192.0.2.1', 'A 192.0.2.2', 'AAAA 2001:db8::1'],
		'six'    => ['AAAA 2001:db8::1'],
		'alias'  => ['CNAME mx.a.test.'],
		'loop'   => ['CNAME loop2.a.test.'],
		'loop2'  => ['CNAME loop.a.test.'],
		'dead'   => ['CNAME nothing.a.test.'],
		'away'   => ['CNAME www.broken.test.'],
		'c8'     => ['TXT "v=spf1 +all"'],
		'\\035x+y' => ['A 127.0.0.2'],
		'many'   => [map { "A 10.1.$_.1" } 0 .. 199],
		'long'   => ['TXT "v=spf1 " ' . join(' ', map { qq("$_") } "$long -all" =~ /(.{1,255})/g)],
		@chain,
	},
);
my $dns = Postroom::Dns->start(zones => \%zones, broken => ['broken.test']);
my $p = Postroom::Test->start(set => { 'dns.servers' => $dns->address });
my $m = Postroom::Mailauth->new(dir => $p->dir, caller => 'smtpd');

sub query {
	my ($name, $type, %more) = @_;
	return $m->ask('query', name => $name, type => $type, %more);
}

sub spf {
	my ($domain, $ip) = @_;
	return $m->ask('spf', ip => $ip // '192.0.2.9', helo => 'x.test', local => 'x', domain => $domain);
}

subtest 'records, no data, no such name' => sub {
	my $answer = query('mx.a.test', A);
	is $answer->{status}, 'found';
	is_deeply [sort @{ $answer->{records} }], ['c0000201', 'c0000202'], 'both addresses';
	is_deeply query('MX.A.test.', AAAA)->{records}, ['20010db8000000000000000000000001'], 'whatever the case';
	is_deeply query('a.test', MX)->{records}, ['000a' . unpack('H*', "\2mx\1a\4test\0")], 'a name in rdata is not compressed';
	is query('six.a.test', A)->{status}, 'nodata';
	is query('nothing.a.test', A)->{status}, 'nxdomain';
	is query('#x+y.a.test', A)->{status}, 'found', 'octets that no host has';
	is query("a b\\.a.test", A)->{status}, 'nxdomain', 'and what would mean something to a library';
};

subtest 'aliases' => sub {
	is scalar @{ query('alias.a.test', A)->{records} }, 2, 'one';
	is query('alias.a.test', TXT)->{status}, 'nodata', 'whose end has no such records';
	is query('dead.a.test', A)->{status}, 'nxdomain', 'whose end does not exist';
	is spf('c1.a.test')->{result}, 'pass', 'a chain of seven';
	isnt query('loop.a.test', A)->{status}, 'found', 'a circle';
	is query('away.a.test', A)->{status}, 'temporary', 'whose end nobody knows now';
};

subtest 'errors are temporary' => sub {
	my $answer = query('www.broken.test', A);
	is $answer->{status}, 'temporary', 'SERVFAIL';
	like $answer->{reason}, qr/www\.broken\.test.*SERVFAIL/, 'and says so';
	is query('www.elsewhere.test', A)->{status}, 'temporary', 'REFUSED';
	is spf('www.broken.test')->{result}, 'temperror', 'SPF';
};

subtest 'records of one name, SPF' => sub {
	is spf('a.test')->{result}, 'fail', 'strings are joined, another TXT record is passed over';
	is spf('a.test', '127.0.0.7')->{result}, 'pass';
	is spf('a.test', '::ffff:127.0.0.7')->{result}, 'pass', 'IPv4 written in IPv6';
	is spf('nothing.a.test')->{result}, 'none';
};

for my $size (1232, 512) {
	subtest "answers longer than $size octets come by TCP" => sub {
		$dns->{edns_size} = $size;
		$dns->change(zones => \%zones);
		$p->set('dns.servers' => ''); # nothing remembered
		$p->set('dns.servers' => $dns->address);
		is scalar @{ query('many.a.test', A)->{records} }, 200, '200 addresses';
		is spf('long.a.test', '192.0.2.250')->{result}, 'pass', 'the end of a record of 4 kB';
		is spf('long.a.test', '192.0.2.251')->{result}, 'fail';
	};
}

subtest 'no answer' => sub {
	my $silent = IO::Socket::IP->new(LocalHost => '127.0.0.1', Type => SOCK_DGRAM, Proto => 'udp');
	$p->set('dns.servers' => '127.0.0.1:' . $silent->sockport);
	my $answer = query('mx.a.test', A, limit => 700);
	is $answer->{status}, 'temporary', 'in time';
	cmp_ok $answer->{ms}, '<', 2500, 'it does not wait longer than it was told';
	cmp_ok $answer->{ms}, '>=', 600, 'nor much shorter';
	$p->set('dns.servers' => $dns->address);
	is query('six.a.test', AAAA)->{status}, 'found', 'the channel still works';
};

subtest 'dnsd ends and comes back' => sub {
	$p->kill_daemon('dnsd', 'KILL');
	is query('mx.a.test', A)->{status}, 'temporary', 'on a channel that is broken';
	my $again;
	$p->wait_for(sub {
		$again = Postroom::Mailauth->new(dir => $p->dir, caller => 'smtpd');
		$again->ask('query', name => 'mx.a.test', type => A)->{status} eq 'found';
	}, 'dnsd answers again');
	is scalar @{ $again->ask('query', name => 'mx.a.test', type => A)->{records} }, 2;
};

undef $m;
$p->stop;
$dns->stop;
done_testing;

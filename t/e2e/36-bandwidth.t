#!/usr/bin/perl
# How fast connections may be: limits of their own, pools, bandwidth.lua. Times are compared with one another.
use strict;
use warnings;
use lib 't/lib';
use IO::Select;
use Postroom::Process qw(read_file write_file);
use Postroom::Test;
use Test::More;
use Time::HiRes qw(time);

my $p = Postroom::Test->start(users => { map { $_ => 'secret' } qw(anna bert theboss) });
my $domain = $p->domain;
my $SIZE = 60_000;
my $text = "Subject: x\n\n" . ('x' x 70 . "\n") x ($SIZE / 71);

for my $user (qw(anna bert theboss)) {
	$p->smtp->send_message('a@x.test', ["$user\@$domain"], $text);
	$p->wait_for(sub { my $pop3 = $p->pop3; $pop3->login($user, 'secret') =~ /\A\+OK/ && ($pop3->stat)[0] }, "$user has mail");
}

# A download that has been asked for: [connection, octets that are missing].
sub begin {
	my ($protocol, $user, %options) = @_;
	my $connection = Postroom::Connection->connect(host => $p->host, port => $p->port($protocol), %options);
	$connection->line;
	my $login = $protocol =~ /\Apop3/ ? "USER $user\r\nPASS secret\r\n" : "a LOGIN $user secret\r\nb SELECT INBOX\r\n";
	$connection->send_raw($login);
	for (;;) {
		my $line = $connection->line // die "$protocol does not let $user in\n";
		last if $line =~ /\Ab OK|\A\+OK.*octets|\A\+OK \d|\A\+OK .*messages/;
		die "$protocol: $line\n" if $line =~ /\A(?:-ERR|[ab] NO)/;
	}
	$connection->send_raw($protocol =~ /\Apop3/ ? "RETR 1\r\n" : "c FETCH 1 BODY[]\r\n");
	return $connection;
}

sub is_whole {
	my ($connection) = @_;
	while (defined(my $line = $connection->line)) {
		return 1 if $line eq '.' || $line =~ /\Ac OK/;
	}
	return 0;
}

# Seconds that all take, side by side.
sub seconds {
	my @connections = map { begin(@$_) } @_;
	my $begin = time;
	is_whole($_) or die "a download ended early\n" for @connections;
	return time - $begin;
}

sub ratio_ok {
	my ($got, $than, $least, $most, $what) = @_;
	my $ratio = $got / $than;
	ok $ratio >= $least && $ratio <= $most, "$what: " . sprintf '%.2f', $ratio;
	return;
}

my $free = seconds(['imap', 'anna']);
my ($alone, $two);

subtest '05-3.1 a limit for each connection' => sub {
	$p->set('imap.bandwidth' => 40_000);
	$alone = seconds(['imap', 'anna']);
	ratio_ok($alone, $SIZE / 40_000, 0.6, 3, 'one takes its time');
	cmp_ok $alone, '>', 2 * $free, 'which is longer than without';
	ratio_ok(seconds(['imap', 'anna'], ['imap', 'bert']), $alone, 0.6, 1.5, 'two take no longer');
	ratio_ok(seconds(['imaps', 'anna', tls => 1]), $alone, 0.6, 1.6, 'as does one under TLS');
	$p->postroom_ok('unset', 'imap.bandwidth');
};

subtest '05-3.2 07-15.1 a pool is shared by services' => sub {
	$p->set('bandwidth.pools' => '1 office=40000', 'imap.bandwidth' => 'pool 1', 'pop3.bandwidth' => 'pool 1');
	$alone = seconds(['imap', 'anna']);
	$two = seconds(['imap', 'anna'], ['pop3', 'bert']);
	ratio_ok($two, $alone, 1.5, 2.6, 'two take twice as long as one');
};

subtest '05-3.3 07-15.2 pools that are part of another' => sub {
	$p->set('bandwidth.pools' => '1=-3,2=-3,3=40000', 'pop3.bandwidth' => 'pool 2');
	ratio_ok(seconds(['imap', 'anna'], ['pop3', 'bert']), $alone, 1.5, 2.6, 'they share it');
	my $running = begin('imap', 'anna');
	$p->set('bandwidth.pools' => '1=-3,2=-3,3=0');
	ok is_whole($running), 'one that runs';
	cmp_ok seconds(['imap', 'anna'], ['pop3', 'bert']), '<', $alone / 2, 'without a limit both are fast';
};

subtest '05-3.4 07-15.4 what cannot be' => sub {
	for my $pools ('1=-3,3=-1', '1=-2, 2=-1', '5=-5', '0=1', '1001=1', '1=-1001', '1=x', '1=1,1=2') {
		my ($status, undef, $err) = $p->postroom('set', 'bandwidth.pools', $pools);
		is $status, 1, "$pools is refused";
		like $err, qr/bandwidth\.pools: .*pool/, 'with the reason';
	}
	my ($status) = $p->postroom('set', 'imap.bandwidth', 'pool 1001');
	is $status, 1, 'there is no such pool';
};

my $script = $p->dir . '/etc/scripts/bandwidth.lua';

subtest '05-3.5 07-15.3 the script decides' => sub {
	$p->set('bandwidth.pools' => '1=40000', 'imap.bandwidth' => 0, 'pop3.bandwidth' => 0);
	write_file($script, 'function GetBandwidth(p) if p.username == "theboss" or p.clientip == "127.0.0.9" then return 0 end return -1 end');
	ratio_ok(seconds(['imap', 'anna']), $alone, 0.6, 1.6, 'the pool it names');
	cmp_ok seconds(['imap', 'theboss']), '<', $alone / 2, 'none for one user';
	cmp_ok seconds(['pop3', 'anna', local => '127.0.0.9']), '<', $alone / 2, 'none for one client';
	my $smtp = $p->smtp;
	$smtp->ehlo;
	my $begin = time;
	like $smtp->send_message('a@x.test', ["anna\@$domain"], $text), qr/\A250/, 'sent before the login';
	my $before = time - $begin;
	is $smtp->auth('PLAIN', 'theboss', 'secret'), 235, 'login';
	$begin = time;
	like $smtp->send_message('a@x.test', ["anna\@$domain"], $text), qr/\A250/, 'sent after it';
	cmp_ok time - $begin, '<', $before / 2, 'is faster';
};

subtest '05-3.6 a script that is none' => sub {
	$p->set('imap.bandwidth' => 40_000);
	write_file($script, 'function GetBandwidth(p');
	ratio_ok(seconds(['imap', 'anna']), $alone, 0.6, 1.6, 'the limit of the service holds');
	$p->wait_for(sub { (read_file($p->dir . '/log/luaerrors.log') // '') =~ /bandwidth\.lua.*bandwidth\.lua:1:/ }, 'the error is logged');
	write_file($script, 'function GetBandwidth(p) return "much" end');
	ratio_ok(seconds(['imap', 'anna']), $alone, 0.6, 1.6, 'as with an answer that is none');
	$p->script('bandwidth');
};

subtest 'without statusd the service decides' => sub {
	write_file($script, 'function GetBandwidth(p) return -1 end');
	$p->set('bandwidth.pools' => '1=2000', 'imap.bandwidth' => 200_000);
	my $imap = begin('imap', 'anna');
	$p->kill_daemon('statusd');
	my $begin = time;
	ok is_whole($imap), 'the download goes on';
	cmp_ok time - $begin, '<', $SIZE / 2000 / 2, 'faster than its pool would let it';
};

$p->stop;
done_testing;

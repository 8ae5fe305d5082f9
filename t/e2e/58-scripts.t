#!/usr/bin/perl
# Scripts by hand: listed, compiled, run. What the server makes of them is in the tests of each.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Process qw(write_file);
use Postroom::Test;
use Test::More;
use Time::HiRes ();

my $p = Postroom::Test->start(users => { anna => 'anna-secret' }, set => { 'bandwidth.pools' => '1=30000' });
my $scripts = $p->dir . '/etc/scripts';

subtest '09-5.10 GetBandwidth throttles one client; what cannot be compiled is told with its line' => sub {
	write_file("$scripts/bandwidth.lua", 'function GetBandwidth(p) if p.clientip == "127.0.0.9" then return -1 end return 0 end');
	my $text = "Subject: large\n\n" . ('x' x 70 . "\n") x 600;
	my %seconds;
	for my $address ('127.0.0.1', '127.0.0.9') {
		my $smtp = $p->smtp(local => $address);
		$smtp->ehlo;
		my $begin = Time::HiRes::time();
		like $smtp->send_message('a@b.test', ['anna@' . $p->domain], $text), qr/\A250/, "a message from $address";
		$seconds{$address} = Time::HiRes::time() - $begin;
	}
	cmp_ok $seconds{'127.0.0.9'}, '>', 1, 'that client is in the pool';
	cmp_ok $seconds{'127.0.0.1'}, '<', $seconds{'127.0.0.9'}, 'another is not';
	write_file($p->dir . '/wrong.lua', "x = = 1\n");
	my ($status, $out, $err) = $p->postroom('script', 'check', "$scripts/bandwidth.lua", $p->dir . '/wrong.lua');
	is $status, 1, 'check refuses';
	like $err, qr/wrong\.lua:1: unexpected symbol near '='/, 'line 1';
	unlike $err, qr/bandwidth/, 'and that alone';
};

subtest 'list' => sub {
	mkdir "$scripts/anna";
	write_file("$scripts/anna/delivery.lua", 'function DeliverMessage() end');
	write_file("$scripts/mine.lua", 'if x');
	my %row = map { $_->{script} => $_ } @{ $p->postroom_json('script', 'list') };
	is_deeply [sort keys %row], ['anna/delivery.lua', 'bandwidth.lua', 'mine.lua'], 'all';
	is $row{'anna/delivery.lua'}{called}, 'yes', 'one of a user';
	is $row{'mine.lua'}{called}, 'no', 'one that nobody calls';
	like $row{'mine.lua'}{error}, qr/\Amine\.lua:1: .*near <eof>/, 'with what is wrong';
	is $row{'bandwidth.lua'}{error}, '', 'or nothing';
};

subtest 'run' => sub {
	write_file($p->dir . '/hello.lua', "print(6*7)\nprint('and', string.rep('x', 3))\n");
	is $p->postroom_ok('script', 'run', $p->dir . '/hello.lua'), "42\nand xxx\n", 'what it prints';
	write_file($p->dir . '/fails.lua', "print('before')\nerror('on purpose')\n");
	my ($status, $out, $err) = $p->postroom('script', 'run', $p->dir . '/fails.lua');
	is $status, 1, 'an error';
	is $out, "before\n", 'with what came before';
	like $err, qr/fails\.lua.*:2: on purpose/, 'and where';
	($status, $out, $err) = $p->postroom('script', 'run', $p->dir . '/none.lua');
	is $status, 1, 'no such file';
	write_file($p->dir . '/system.lua', 'os.execute("true")');
	($status) = $p->postroom('script', 'run', $p->dir . '/system.lua');
	is $status, 1, 'no way to the system';
};

$p->stop;
done_testing;

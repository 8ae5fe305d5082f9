#!/usr/bin/perl
# Where mail goes after the setup wizard: nowhere without a relay's name, else by the DNS servers that it asked for.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Browser qw(browse need_browser);
use Postroom::Dns;
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

need_browser();
my $relay = Postroom::SmtpServer->start;
my %answers = (server => '127.0.0.1:9', domains => 'example.com', relay => '');

sub send_out { my ($p, $to) = @_; return $p->smtp->send_message('kate@example.com', [$to], "Subject: out\n\nx\n") }

subtest '01-4.4 a relay without a name: what is for elsewhere stays in the queue' => sub {
	my $p = Postroom::Test->start(users => { kate => 'kate-secret' }, relay => ['127.0.0.1'], 
		set => { 'dns.servers' => '127.0.0.1:9', 'server.offer-wizard' => 'off' });
	$p->postroom_ok('sender', 'set', 'default', '--method', 'relay', '--servers', '127.0.0.1:' . $relay->port);
	browse($p, 't/web/wizard_ways.mjs', \%answers);
	is_deeply $p->postroom_json('sender', 'list'), [], 'there is no sender';
	like send_out($p, 'x@far.test'), qr/\A250/, 'it is taken';
	my $waiting;
	$p->wait_for(sub { ($waiting) = @{ $p->postroom_json('queue', 'list') } }, 'it is in the queue');
	$p->postroom_ok('queue', 'retry', '--all');
	like send_out($p, 'kate@example.com'), qr/\A250/, 'one behind it';
	$p->wait_for(sub {
		my $pop3 = $p->pop3;
		$pop3->login('kate', 'kate-secret');
		my ($count) = $pop3->stat;
		$pop3->quit;
		return $count;
	}, 'is delivered');
	($waiting) = @{ $p->postroom_json('queue', 'list') };
	is_deeply [map { $_->{address} } @{ $waiting->{recipients} }], ['x@far.test'], 'it stays';
	is $relay->connections, 0, 'nobody connected to the relay that was there before';
	unlike $p->log, qr/ sender\[\d+\]: .*\Q$waiting->{id}\E/, 'no attempt is logged';
	$p->stop;
};

subtest '01-4.5 directly: the servers that were entered are asked, and they alone' => sub {
	my $dns = Postroom::Dns->start(watched => 1, zones => { 'far.test' => { '@' => 'MX 10 mx.far.test.', mx => 'A 127.0.0.1' } });
	my $other = Postroom::Dns->start(watched => 1, zones => { 'far.test' => { '@' => 'MX 10 mx.far.test.', mx => 'A 127.0.0.1' } });
	my $p = Postroom::Test->start(users => { kate => 'kate-secret' }, relay => ['127.0.0.1'],
		set => { 'dns.servers' => $other->address, 'sender.mx-port' => $relay->port, 'server.offer-wizard' => 'off' });
	$other->questions;
	browse($p, 't/web/wizard_ways.mjs', { %answers, dns => $dns->address });
	is $p->postroom_ok('dns', 'servers'), $dns->address . "\n", 'it is set';
	$other->questions;    # what was under way
	like send_out($p, 'x@far.test'), qr/\A250/, 'taken';
	$p->wait_for(sub { grep { $_ eq 'far.test' } $dns->questions }, 'its server is asked for the domain');
	is_deeply [grep { /far\.test/ } $other->questions], [], 'no other one is';
	browse($p, 't/web/wizard_ways.mjs', { %answers, dns => '' });
	like $p->postroom_ok('dns', 'servers'), qr/^\(detected: dns\.servers is empty\)$/m, 'blank: those of the system';
	$p->stop;
};

done_testing;

#!/usr/bin/perl
# Connections that reach everything through a SOCKS proxy: a real one, and one that shows what it was asked.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Need qw(need_program);
use Postroom::Pop3Server;
use Postroom::Ports;
use Postroom::SmtpServer;
use Postroom::Socks;
use Postroom::Test;
use Test::More;

need_program('danted');

my $pop3 = Postroom::Pop3Server->start(password => 'Quetzal-17');
my $smtp = Postroom::SmtpServer->start;
my $dante = Postroom::Socks->dante;
my $p = Postroom::Test->start(users => { anna => 'anna-secret' }, relay => ['127.0.0.1'],
	set => { 'proxy.socks-port' => $dante->port, 'sender.retry' => '1', 'collect.timeout' => 5 });

$p->postroom_ok('connection', 'set', 'default', 'socks', 'on');
$p->postroom_ok('sender', 'set', 'default', '--method', 'relay', '--servers', '127.0.0.1:' . $smtp->port, '--encryption', 'none');
$p->postroom_ok({ stdin => "Quetzal-17\n" }, 'collector', 'add', 'isp', '--password-stdin', 'pop3.server', '127.0.0.1', 'pop3.port',
	$pop3->port, 'pop3.username', 'box', 'route', 'user', 'target', 'anna');

sub put { $pop3->put("From: a\@x.test\nSubject: $_[0]\n\nx\n"); return }

sub result {
	my ($status, $out, $err) = $p->postroom('collector', 'run', 'isp', '--wait');
	return $out . $err;
}

subtest '07-12.3 without an address of the proxy nothing is connected to' => sub {
	my $before = $pop3->connections;
	like result(), qr/the SOCKS proxy of the connection default: proxy\.socks-server is not set/, 'the result says so';
	is $pop3->connections, $before, 'there was no direct attempt';
};

$p->set('proxy.socks-server' => '127.0.0.1');

subtest '04-2.4 a collector reaches its server only through the proxy' => sub {
	for my $version ('4', '4a', '5') {
		my $before = () = $dante->log =~ /pass.*tcp\/connect/g;
		$p->set('proxy.socks-version' => $version);
		put("by $version");
		like result(), qr/Connection successful, 1 message/, "version $version";
		$p->wait_for(sub { my $now = () = $dante->log =~ /pass.*tcp\/connect/g; $now > $before }, 'the log of the proxy has it');
	}
};

subtest 'a sender, too' => sub {
	my $before = () = $dante->log =~ /pass.*tcp\/connect/g;
	like $p->smtp->send_message('anna@example.test', ['bob@far.test'], "Subject: out\n\nx\n"), qr/\A250/, 'taken';
	ok $smtp->wait_messages(1), 'it arrives';
	my $port = $smtp->port;
	like $dante->log, qr/\b127\.0\.0\.1\.$port\b/, 'through the proxy';
	like $p->log, qr/host=127\.0\.0\.1\[127\.0\.0\.1\]:$port delivered/, 'the log names the server';
};

subtest '04-2.4 with the proxy down the result names the proxy' => sub {
	my $port = Postroom::Ports::port('127.0.0.1');
	$p->set('proxy.socks-port' => $port);
	my $before = $pop3->connections;
	like result(), qr/the SOCKS proxy: cannot connect to 127\.0\.0\.1 port $port/, 'so it does';
	is $pop3->connections, $before, 'there was no direct attempt';
};

subtest '07-12.2 what a proxy of version 4 is asked, and what it refuses' => sub {
	my $stub = Postroom::Socks->stub(to => $pop3->port, reply => "\0\x5a" . "\0" x 6);
	$p->set('proxy.socks-port' => $stub->port, 'proxy.socks-version' => '4', 'proxy.socks-user' => 'joe');
	put('by a stub');
	like result(), qr/Connection successful, 1 message/, 'granted';
	is_deeply $stub->asked, [ sprintf '0401%04x7f0000016a6f6500', $pop3->port ], '04 01 port address userid 00';
	$stub->stop;

	$stub = Postroom::Socks->stub(to => $pop3->port, reply => "\0\x5b" . "\0" x 6);
	$p->set('proxy.socks-port' => $stub->port);
	my $before = $pop3->connections;
	like result(), qr/the SOCKS proxy 127\.0\.0\.1 port \d+, asked for 127\.0\.0\.1 port \d+: it refused or failed to connect \(91\)/, 'refused';
	is $pop3->connections, $before, 'there was no direct attempt';

	$p->postroom_ok('collector', 'set', 'isp', 'pop3.server', 'pop.nowhere.test');
	like result(), qr/cannot find the server pop\.nowhere\.test/, 'version 4 needs an address';
	$p->set('proxy.socks-version' => '4a');
	result();
	is $stub->asked->[-1], sprintf('0401%04x000000016a6f6500%s00', $pop3->port, unpack 'H*', 'pop.nowhere.test'), 'version 4a takes a name';
	$p->postroom_ok('collector', 'set', 'isp', 'pop3.server', '127.0.0.1');
};

subtest 'version 5 with a login' => sub {
	my $stub = Postroom::Socks->stub(to => $pop3->port, login => [ 'joe', 'Ocelot-3' ]);
	$p->set('proxy.socks-port' => $stub->port, 'proxy.socks-version' => '5', 'proxy.socks-password' => 'Ocelot-3');
	put('with a login');
	like result(), qr/Connection successful, 1 message/, 'granted';
	is_deeply $stub->asked, [ sprintf '05020002' . '050100017f000001%04x', $pop3->port ], 'RFC 1928';
	$p->set('proxy.socks-password' => 'wrong');
	like result(), qr/it refused the login of joe/, 'refused';
	unlike $p->log, qr/Ocelot-3/, 'no log has the password';
};

subtest 'a proxy that speaks something else, or hangs up' => sub {
	my $stub = Postroom::Socks->stub(to => $pop3->port, reply => 'HTTP/1.1');
	$p->set('proxy.socks-port' => $stub->port, 'proxy.socks-version' => '4');
	like result(), qr/it does not speak SOCKS 4/, 'another protocol';
	$stub->stop;
	$stub = Postroom::Socks->stub(to => $pop3->port, reply => "\0\x5b");
	$p->set('proxy.socks-port' => $stub->port);
	like result(), qr/the SOCKS proxy .*: it closed the connection/, 'half an answer';
};

$_->stop for $pop3, $smtp, $dante;
$p->stop;
done_testing;

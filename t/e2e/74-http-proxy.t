#!/usr/bin/perl
# An HTTP proxy: what the server itself asks by HTTPS goes through it, and nothing else.
use strict;
use warnings;
use lib 't/lib';
use File::Temp;
use IO::Select;
use IO::Socket::IP;
use POSIX ();
use Postroom::Ca;
use Postroom::Dns;
use Postroom::Need qw(need_program);
use Postroom::Outgoing;
use Postroom::Pop3Server;
use Postroom::Ports;
use Postroom::Process qw(read_file stop_process write_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Postroom::WebServer;
use Test::More;

need_program('nsd');

my $PORT = Postroom::Ports::port();
my $ca = Postroom::Ca->new;
my $web = Postroom::WebServer->start(pair => $ca->issue('mta-sts.a.test'), pages => {
	'/.well-known/mta-sts.txt' => { body => "version: STSv1\r\nmode: enforce\r\nmx: mx.a.test\r\nmax_age: 86400\r\n" } });
my $folder = File::Temp->newdir('postroom-proxy-XXXXXX', TMPDIR => 1);
my $listener = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => 0, Listen => 20) or die "cannot listen: $@\n";
write_file("$folder/asked", '');

# Carry what comes from either side to the other until one ends.
sub carry {
	my ($one, $two) = @_;
	my $select = IO::Select->new($one, $two);
	while (my @ready = $select->can_read(30)) {
		for my $from (@ready) {
			sysread $from, my $bytes, 65536 or return;
			syswrite $from == $one ? $two : $one, $bytes;
		}
	}
	return;
}

# A proxy that notes what it is asked for and takes all there is to the web server of the test.
sub proxy {
	while (my $client = $listener->accept) {
		next if fork;
		my $head = '';
		1 while $head !~ /\r\n\r\n/ && sysread $client, $head, 4096, length $head;
		open my $log, '>>', "$folder/asked" or POSIX::_exit(1);
		print {$log} $head =~ /\A(.*?)\r\n/, "\n";
		close $log;
		my $server = IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => $web->port) or POSIX::_exit(1);
		syswrite $client, "HTTP/1.1 200 Connection established\r\n\r\n";
		carry($client, $server);
		POSIX::_exit(0);
	}
	return;
}

my $pid = fork // die "cannot fork: $!\n";
if ($pid == 0) {
	local $SIG{CHLD} = 'IGNORE';
	proxy();
	POSIX::_exit(0);
}
sub asked { return grep { length } split /\n/, read_file("$folder/asked") }

# mta-sts.a.test has no address here: the proxy alone finds it.
my $dns = Postroom::Dns->start(zones => { 'a.test' => { '@' => 'MX 10 mx.a.test.', mx => 'A 127.0.0.2', '_mta-sts' => 'TXT "v=STSv1; id=1;"' } });
my $right = Postroom::SmtpServer->start(host => '127.0.0.2', port => $PORT, tls => 1, pair => $ca->issue('mx.a.test'));
my $pop3 = Postroom::Pop3Server->start(password => 'secret');
local $ENV{SSL_CERT_FILE} = $ca->file;
my $p = Postroom::Test->start(
	users => { anna => 'anna-secret' },
	relay => ['127.0.0.1'],
	set   => { 'dns.servers' => $dns->address, 'sender.mx-port' => $PORT, 'proxy.http-server' => '127.0.0.1', 'proxy.http-port' => $listener->sockport },
);
my $out = Postroom::Outgoing->new($p);

subtest '07-12.1 the server\'s own requests go through the proxy, collectors and senders do not' => sub {
	$out->wait_gone($out->submit('x@a.test'));
	is_deeply [asked()], ['CONNECT mta-sts.a.test:443 HTTP/1.1'], 'the policy was fetched by CONNECT';
	ok +($right->messages)[0]{tls}, 'and kept to';
	$pop3->put("From: a\@x.test\nSubject: collected\n\nx\n");
	$p->postroom_ok({ stdin => "secret\n" }, 'collector', 'add', 'isp', '--password-stdin', 'pop3.server', '127.0.0.1', 'pop3.port', $pop3->port,
		'pop3.username', 'box', 'route', 'user', 'target', 'anna');
	$p->postroom_ok('connect', '--wait', 'default');
	is scalar($pop3->connections), 1, 'a collector ran';
	is scalar(my @all = asked()), 1, 'and did not touch it';
};

$p->stop;
stop_process($pid);
done_testing;

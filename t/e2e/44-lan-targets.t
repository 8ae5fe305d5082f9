#!/usr/bin/perl
# Targets in the form SMTP:address@server (specification 01, 12): a named server, its login, its own queue.
use strict;
use warnings;
use lib 't/lib';
use IO::Socket::IP;
use Postroom::Lan;
use Postroom::Ports;
use Postroom::SmtpServer;
use Test::More;

my $lan = Postroom::Lan->start;
my $p = $lan->{p};
my $domain = $p->domain;

# Who asks the DNS is heard here, and gets no answer.
my $dns = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => 0, Proto => 'udp', Blocking => 0);
$p->set('dns.servers' => '127.0.0.1:' . $dns->sockport);
$p->postroom_ok('list', 'add', 'desk', '--type', 'distribution', '--public');

sub members {
	my (@targets) = @_;
	$p->postroom_ok('list', 'member', 'bulk-delete', 'desk', '*', '--yes');
	$p->postroom_ok('list', 'member', 'add', 'desk', @targets);
	return;
}

sub lan_queue { return $p->postroom_json('lan', 'queue') }

subtest '01-12.1 the member of a list, at a server that is named' => sub {
	my $server = Postroom::SmtpServer->start;
	members('SMTP:bob@example.com@' . $server->address);
	$lan->submit("desk\@$domain");
	is_deeply [map { $_->{to} } $server->wait_messages(1)], [['bob@example.com']], 'RCPT TO has the address without the server';
	my @questions;
	while (defined $dns->recv(my $packet, 1500)) {
		push @questions, $packet if $packet =~ /example\x03com/;
	}
	is_deeply \@questions, [], 'nobody asked the DNS for its domain';
};

subtest '01-12.2 a login' => sub {
	my $server = Postroom::SmtpServer->start(auth => { fred => 'mypass' });
	members('SMTP:bob@example.com@fred:mypass@' . $server->address);
	$lan->submit("desk\@$domain");
	$server->wait_messages(1);
	is_deeply [map { /\A(AUTH|MAIL)/ ? $1 : () } $server->commands], [qw(AUTH MAIL)], 'AUTH goes before MAIL';
	members('SMTP:carol@example.com@fred:wrong@' . $server->address);
	my $id = $lan->submit("desk\@$domain");
	my $shown;
	$p->wait_for(sub { ($shown = $p->postroom_ok('queue', 'show', $id, '--json')) =~ /535/ }, 'the reply of who refuses it is kept', 20);
	unlike $shown . $p->postroom_ok('queue', 'show', $id) . $p->postroom_ok('lan', 'queue'), qr/:wrong|=wrong/, 'no list shows the password';
	is scalar(grep { $_->{id} eq $id } @{ lan_queue() }), 1, 'with the message in the queue of the LAN';
	$p->postroom_ok('lan', 'delete', $id);
};

subtest '01-12.3 a server that is down' => sub {
	my $port = Postroom::Ports::port('127.0.0.1');
	$p->set('sender.retry' => 3600, 'lan.retry' => 1);
	members("SMTP:dora\@example.com\@127.0.0.1:$port");
	my $id = $lan->submit("desk\@$domain");
	$p->wait_for(sub { grep { $_->{id} eq $id && $_->{attempts} > 0 } @{ lan_queue() } }, 'it waits', 20);
	my $server = Postroom::SmtpServer->start(port => $port);
	is_deeply [map { $_->{to} } $server->wait_messages(1)], [['dora@example.com']], 'and is tried again at its own interval';
	$lan->wait_gone($id);
	$p->postroom_ok('unset', 'sender.retry');
};

subtest '01-12.4 targets that are no good' => sub {
	for (['SMTP:bob@example.com', qr/server/], ['SMTP:@host', qr/recipient|address|server/], ['SMTP:bob@example.com@host:99999', qr/port/]) {
		my ($target, $reason) = @$_;
		for my $command (['list', 'member', 'add', 'desk', $target], ['mapping', 'add', "away\@$domain", $target]) {
			my ($status, undef, $err) = $p->postroom(@$command);
			is $status, 1, "@$command is refused";
			like $err, $reason, 'with the reason';
		}
	}
};

subtest '01-12.5 what is shown of a password' => sub {
	members('SMTP:bob@example.com@fred:mypass@192.168.1.1:587');
	$p->postroom_ok('mapping', 'add', "away\@$domain", 'SMTP:bob@example.com@fred:mypass@192.168.1.1:587');
	for my $command (['list', 'member', 'list', 'desk'], ['mapping', 'list'], ['resolve', "away\@$domain"]) {
		my $shown = $p->postroom_ok(@$command);
		like $shown, qr/SMTP:bob\@example\.com\@fred:\*{5}\@192\.168\.1\.1:587/, "@$command";
		unlike $shown, qr/mypass/, 'without the password';
	}
};

$p->stop;
done_testing;

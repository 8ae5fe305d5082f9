#!/usr/bin/perl
# What a server needs before mail flows: postroom check, and the same for the web.
use strict;
use warnings;
use lib 't/lib';
use JSON::PP qw(decode_json);
use Postroom::Ipc;
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start;

# The exit status, and what is missing.
sub check {
	my ($status, $out) = $p->postroom('check');
	return ($status, join ',', $out =~ /^(\w[\w ]*?) +MISSING: /mg);
}

subtest '01-4.7 what is missing is named, and nothing once all is there' => sub {
	is_deeply [check()], [1, 'Users'], 'as init leaves it, users alone';
	$p->add_user(anna => 'anna-secret');
	is_deeply [check()], [0, ''], 'then nothing: a connection that is always there needs no schedule';
	$p->postroom_ok(qw(connection delete default));
	$p->postroom_ok(qw(user delete anna --yes));
	is_deeply [check()], [1, 'Connection,Sender,Schedule,Users'], 'nothing is there but the domain';
	$p->postroom_ok(qw(connection add provider default on));
	$p->postroom_ok(qw(sender add provider --method relay --servers 127.0.0.1:1 --encryption none));
	$p->add_user(anna => 'anna-secret');
	is_deeply [check()], [1, 'Schedule'], 'a connection that has to be started';
	$p->postroom_ok(qw(schedule add --name nights --enabled off));
	is_deeply [check()], [1, 'Schedule'], 'an item that is not enabled starts none';
	$p->postroom_ok(qw(schedule set 1 --enabled on));
	is_deeply [check()], [0, ''], 'enabled';
};

subtest 'the web sees the same' => sub {
	my $authd = Postroom::Ipc->connect($p, 'authd', 'webadmin');
	my $broker = Postroom::Ipc->connect($p, 'brokerd', 'webadmin');
	my $session = $authd->ask('web-login', user => 'postmaster', password => $p->password, peer => '127.0.0.1', tls => 0)->{session};
	my $answer = $broker->ask('ask', session => $session, peer => '127.0.0.1', callee => 'configd', request => 'checklist');
	my @items = map { decode_json($_) } @{ $answer->{all}{item} };
	is_deeply [map { $_->{key} } @items], [qw(domains default-domain connection sender schedule users)], 'each thing';
	is_deeply [grep { !$_->{done} } @items], [], 'all are there';
	is_deeply $p->postroom_json('check'), \@items, 'as at the command line';
};

done_testing;

#!/usr/bin/perl
# Who gets a recipient's mail: mappings, users, postmaster, and the explanation of it.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Test;
use Test::More;

my @USERS = qw(bob fred.a fred.b fred kate);
my $p = Postroom::Test->start(
	domain => 'mycompany.test', domains => ['second.test'],
	users => { map { $_ => "$_-secret" } @USERS },
	relay => ['127.0.0.9'],
);
my $domain = $p->domain;

# Send to each address from an address that may not relay; the replies to RCPT.
sub send_to {
	my (@addresses) = @_;
	my $smtp = $p->smtp;
	$smtp->ehlo('client.test');
	$smtp->cmd('MAIL FROM:<someone@outside.test>');
	my @replies = map { $smtp->cmd("RCPT TO:<$_>"); $smtp->last } @addresses;
	$smtp->data("Subject: test\n\nbody\n") if grep { /\A250/ } @replies;
	$smtp->quit;
	return @replies;
}

# How many messages each user has by now; they are deleted. Only users with mail are named.
sub counts {
	my %counts;
	$p->wait_for(sub { !@{ $p->queue } }, 'all is delivered', 20);
	for my $user (@USERS, 'postmaster') {
		my $pop3 = $p->pop3;
		$pop3->login($user, $user eq 'postmaster' ? $p->password : "$user-secret");
		my ($count) = $pop3->stat;
		$counts{$user} = $count if $count;
		$pop3->cmd("DELE $_") for 1 .. $count;
		$pop3->quit;
	}
	return \%counts;
}

sub map_address { $p->postroom_ok('mapping', 'add', @_) }
sub unmap { $p->postroom_ok('mapping', 'delete', @_) }

subtest '01-10.1 no mapping' => sub {
	is_deeply [send_to("fred\@$domain")], ['250 2.1.5 OK'], 'accepted';
	is_deeply counts(), { fred => 1 }, 'fred alone';
	send_to("FRED\@Second.Test");
	is_deeply counts(), { fred => 1 }, 'at any local domain, in any case';
};

subtest '01-10.2 a mapping takes the mail of a user' => sub {
	map_address('fred', 'kate');
	send_to("fred\@$domain");
	is_deeply counts(), { kate => 1 }, 'kate alone';
	map_address('fred', 'fred');
	send_to("fred\@$domain");
	is_deeply counts(), { fred => 1, kate => 1 }, 'both, one copy each';
	unmap('fred', $_) for qw(kate fred);
};

subtest '01-10.3 a mapping without a user, and neither' => sub {
	map_address('sales', 'fred');
	my @replies = send_to("sales\@$domain", "nobody\@$domain");
	is $replies[0], '250 2.1.5 OK', 'sales';
	like $replies[1], qr/\A550 5\.1\.1 /, 'nobody';
	is_deeply counts(), { fred => 1 }, 'delivered to fred';
};

subtest '01-10.6 01-10.9 full addresses' => sub {
	map_address("fred\@$domain", 'fred.a');
	map_address('fred@second.test', 'fred.b');
	map_address('someone@somewhere-else.test', 'fred');
	send_to("fred\@$domain");
	is_deeply counts(), { 'fred.a' => 1 }, 'one domain';
	send_to('fred@second.test');
	is_deeply counts(), { 'fred.b' => 1 }, 'the other';
	my @replies = send_to('someone@somewhere-else.test', 'other@somewhere-else.test');
	is $replies[0], '250 2.1.5 OK', 'a mapped address of a foreign domain';
	like $replies[1], qr/\A530 5\.7\.0 /, 'and no other of it';
	is_deeply counts(), { fred => 1 }, 'delivered to fred';
	unmap("fred\@$domain", 'fred.a');
};

subtest 'postmaster always exists' => sub {
	is_deeply [send_to('postmaster', "PostMaster\@$domain", 'abuse@second.test')], [('250 2.1.5 OK') x 3], 'accepted';
	is_deeply counts(), { postmaster => 1 }, 'one copy';
};

subtest 'a user whose logins are off still gets mail' => sub {
	$p->postroom_ok('user', 'disable', 'bob');
	is_deeply [send_to("bob\@$domain")], ['250 2.1.5 OK'], 'accepted';
	$p->postroom_ok('user', 'enable', 'bob');
	is_deeply counts(), { bob => 1 }, 'and there';
};

subtest 'explanation' => sub {
	my $text = $p->postroom_ok('resolve', "sales\@$domain");
	like $text, qr/$domain is a local domain/, 'the domain';
	like $text, qr/the mapping sales -> fred matches/, 'the mapping';
	like $text, qr/\bfred\b.*\z/s, 'the target';
	like scalar $p->postroom_ok('resolve', 'x@outside.test'), qr/another server/, 'remote';
};

$p->stop;
done_testing;

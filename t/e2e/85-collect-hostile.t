#!/usr/bin/perl
# Collecting from hostile servers: answers that trickle or never end, numbers that are none; loops; too little room. Each
# run ends soon, and leaves nothing half.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Collectors qw(run_collector);
use Postroom::Pop3Server;
use Postroom::Test;
use Test::More;
use Time::HiRes qw(time);

my $p = Postroom::Test->start(
	users => { fred => 'freds-secret' },
	set   => { 'collect.timeout' => 2, 'collect.largest-message' => 1 },
);
my $count = 0;

# A server, and its collector, which gives all to fred.
sub make {
	my (%options) = @_;
	my $settings = delete $options{settings} // [];
	my $server = Postroom::Pop3Server->start(capa => ['UIDL', 'TOP', 'PIPELINING'], %options);
	my $name = 'c' . ++$count;
	$p->postroom_ok({ stdin => "secret\n" }, 'collector', 'add', $name, '--password-stdin', 'pop3.server' => '127.0.0.1',
		'pop3.port' => $server->port, 'pop3.username' => 'box', 'route' => 'user', 'target' => 'fred', @{$settings});
	return ($server, $name);
}

sub letter {
	my ($subject) = @_;
	return "From: Ann <ann\@far.test>\nTo: fred\@example.test\nSubject: $subject\n\nThis is $subject.\n";
}

sub fred {
	my ($pattern) = @_;
	$p->wait_for(sub { !@{ $p->queue } && !glob($p->dir . '/spool/*/new/*') }, 'the queue is empty');
	my $pop3 = $p->pop3;
	$pop3->login('fred', 'freds-secret');
	my @subjects = map { join('', $pop3->top($_, 0)) =~ /^Subject: (.*?)\r?$/m ? $1 : '' } 1 .. ($pop3->stat)[0];
	$pop3->quit;
	my @found = sort grep { $_ =~ $pattern } @subjects;
	return @found;
}

subtest 'answers that trickle, or never end' => sub {
	my @cases = (
		['one octet a second', PASS => 'TRICKLE', qr/did not answer to "PASS \*\*\*\*\*" in time/],
		['one octet a second of a message', RETR => 'TRICKLE', qr/did not answer to "(?:RETR|message)" in time/],
		['silence', STAT => 'SLEEP 20', qr/did not answer to "STAT" in time/],
		['a line without end', STAT => 'ENDLESS', qr/connection was lost on "STAT"/],
		['a list without end', UIDL => 'ENDLESS-LINES', qr/connection was lost on "UIDL": more than/],
		['a message without end', RETR => 'ENDLESS-LINES', qr/has more than 1048576 octets/],
		['nonsense', STAT => 'BYTES hello', qr/did not answer|no answer of POP3/],
		['numbers that are none', STAT => '+OK many messages', qr/does not say how many messages there are/],
		['a number that is too large', STAT => '+OK 99999999 1', qr/does not say how many messages there are/],
	);
	for my $case (@cases) {
		my ($what, $verb, $reply, $expected) = @{$case};
		my ($server, $name) = make();
		$server->put(letter("hostile: $what"));
		$server->set_reply($verb => $reply);
		my $began = time;
		like run_collector($p, $name), $expected, "$what: the run fails";
		cmp_ok time - $began, '<', 15, 'soon';
		$server->stop;
	}
	is scalar(fred(qr/\Ahostile/)), 0, 'nothing half was delivered';
	is_deeply [glob $p->dir . '/spool/collector/tmp/*'], [], 'nor left in the drop';
};

subtest 'loops' => sub {
	my ($server, $name) = make();
	$server->put(join('', map { "Received: from x by y; Thu, 1 Jan 2026 10:00:0$_ +0000\n" x 3 } 0 .. 9) . letter('loop'));
	$server->put(letter('no loop'));
	is run_collector($p, $name), 'Connection successful, 1 message', 'a message that has been everywhere';
	is_deeply [fred(qr/loop/)], ['no loop'], 'is not delivered';
	is scalar($server->remaining), 1, 'but left';
	$server->stop;
};

# Administrators are told that a collector could not begin; how often.
sub wait_told {
	my ($pattern) = @_;
	my @mails;
	$p->wait_for(sub {
		my $pop3 = $p->pop3;
		$pop3->login('postmaster', $p->password);
		@mails = grep { $_ =~ $pattern } map { $pop3->retr($_) } 1 .. ($pop3->stat)[0];
		$pop3->quit;
		scalar @mails;
	}, "administrators are told: $pattern");
	return scalar @mails;
}

subtest '07-10.3 07-10.4 too little room' => sub {
	my ($server, $name) = make();
	$server->put(letter('room'));
	$p->set('collect.disk-session' => 100_000_000);
	like run_collector($p, $name), qr/\ANot enough disk space: \d+ MB are free/, 'on the disk: no session';
	is $server->connections, 0, 'the server is not contacted';
	is wait_told(qr/Not enough disk space: \d+ MB are free/), 1, 'by one mail';
	$p->set('collect.disk-session' => 0, 'collect.memory' => 100_000_000);
	like run_collector($p, $name), qr/\ANot enough memory/, 'in memory';
	is $server->connections, 0, 'not contacted either';
	is wait_told(qr/Not enough memory: \d+ MB are free/), 1, 'by one mail';
	$p->set('collect.memory' => 0, 'collect.disk-message' => 100_000_000);
	is run_collector($p, $name), 'Connection successful, no messages', 'for a message: it waits at the server';
	$p->set('collect.disk-message' => 0);
	is run_collector($p, $name), 'Connection successful, 1 message', 'until there is';
	$server->stop;
};

$p->stop;
done_testing;

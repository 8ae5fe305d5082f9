#!/usr/bin/perl
# Collecting from bad servers: connections that end at each point of the dialogue, wrong sizes, identities that repeat,
# change or hold blanks, refusals in the middle. Nothing is lost or comes twice.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Collectors qw(run_collector);
use Postroom::Pop3Server;
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(
	users => { fred => 'freds-secret' },
	set   => { 'collect.timeout' => 2 },
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

subtest 'the connection ends at each point, one after the other' => sub {
	for my $way ('DROP', 'HALF') {
		my ($server, $name) = make();
		my @points = ('CONNECT', 'CAPA', 'USER box', 'PASS', 'STAT', 'LIST', 'UIDL', 'RETR 1', 'RETR 2', 'RETR 3', 'DELE 1',
			'DELE 3', 'QUIT');
		for my $point (@points) {
			$server->put(letter("$way at $point, $_")) for 1 .. 3;
			$server->set_reply($point => $way);
			like run_collector($p, $name), qr/closed unexpectedly|is no answer of POP3/, "$way at $point";
			$server->set_reply($point => undef);
			like run_collector($p, $name), qr/\AConnection successful/, 'the next run does the rest';
			is scalar($server->remaining), 0, 'nothing is left';
		}
		is_deeply [fred(qr/\A$way at/)], [sort map { my $point = $_; map { "$way at $point, $_" } 1 .. 3 } @points],
			"each message came once ($way)";
		$server->stop;
	}
};

subtest 'a message that the server does not have any more' => sub {
	my ($server, $name) = make();
	$server->put(letter("gone $_")) for 1 .. 3;
	$server->set_reply('RETR 2' => q{-ERR Can't open the message file - it's gone!});
	is run_collector($p, $name), 'Connection successful, 2 messages', 'the others are collected';
	is_deeply [fred(qr/\Agone/)], ['gone 1', 'gone 3'], 'and delivered';
	like $p->log, qr/message 2 is passed over: .*it's gone!/, 'the log says which one was not';
	$server->set_reply('RETR 2' => undef);
	run_collector($p, $name);
	is_deeply [fred(qr/\Agone/)], ['gone 1', 'gone 2', 'gone 3'], 'it is tried again';
	$server->stop;
};

subtest 'DELE that is refused' => sub {
	my ($server, $name) = make();
	$server->put(letter('undeletable'));
	$server->set_reply(DELE => '-ERR no');
	run_collector($p, $name) for 1, 2;
	is scalar($server->remaining), 1, 'it stays';
	is_deeply [fred(qr/\Aundeletable/)], ['undeletable'], 'and is delivered once';
	$server->stop;
};

subtest 'wrong sizes, sizes that are refused' => sub {
	for my $case (['far too small', size => sub { 1 }], ['far too large', size => sub { 1_000_000_000 }], ['none', no_list => 1]) {
		my ($what, @options) = @{$case};
		my ($server, $name) = make(@options);
		$server->put(letter("size $what"));
		$p->set('collect.disk-message' => 0);
		is run_collector($p, $name), 'Connection successful, 1 message', "$what: collected";
		$server->stop;
	}
	is scalar(fred(qr/\Asize/)), 3, 'all are there';
};

subtest 'identities with blanks, of any length, that repeat, that change' => sub {
	my ($server, $name) = make(settings => ['leave-days' => 5]);
	$server->put(letter('blanks'), uidl => 'an id with  blanks');
	$server->put(letter('long'), uidl => 'x' x 900);
	$server->put(letter('bytes'), uidl => "\xff\xfe\t<\x80>");
	is run_collector($p, $name), 'Connection successful, 3 messages', 'strange identities';
	is run_collector($p, $name), 'Connection successful, no messages', 'are known again';
	$server->stop;

	($server, $name) = make(settings => ['leave-days' => 5]);
	$server->put(letter("repeated $_"), uidl => 'same') for 1, 2, 2;
	is run_collector($p, $name), 'Connection successful, 3 messages', 'three with the same identity are three';
	is run_collector($p, $name), 'Connection successful, no messages', 'and known again';
	$server->put(letter('repeated 3'), uidl => 'same');
	is run_collector($p, $name), 'Connection successful, 1 message', 'a fourth is fetched';
	is_deeply [fred(qr/\Arepeated/)], ['repeated 1', 'repeated 2', 'repeated 2', 'repeated 3'], 'each came once';
	$server->stop;

	($server, $name) = make();
	$server->put(letter("changing $_")) for 1, 2;
	$server->set_reply(QUIT => 'DROP');
	run_collector($p, $name);
	$server->set_reply(QUIT => undef);
	$server->put(letter('changing 3'));
	is run_collector($p, $name), 'Connection successful, 1 message', 'as long as they stay the same nothing comes twice';
	is_deeply [fred(qr/\Achanging/)], ['changing 1', 'changing 2', 'changing 3'], 'each came once';
	$server->put(letter('changing 4'), uidl => 'uidl-reused');
	run_collector($p, $name);
	$server->put(letter('changing 5'), uidl => 'uidl-reused');
	run_collector($p, $name);
	is scalar(fred(qr/\Achanging 5/)), 0, 'an identity that is given to another message within collect.hold-uidls days hides it';
	$p->set('collect.hold-uidls' => 0);
	$server->put(letter('changing 6'), uidl => 'uidl-reused-2');
	run_collector($p, $name);
	$server->put(letter('changing 7'), uidl => 'uidl-reused-2');
	run_collector($p, $name);
	is scalar(fred(qr/\Achanging 7/)), 1, 'with 0 days it does not';
	$p->postroom_ok('unset', 'collect.hold-uidls');
	$server->stop;
};

subtest 'a message of megabytes' => sub {
	my ($server, $name) = make();
	$p->postroom_ok('set', 'collect.timeout', 20); # the server takes its time to count so many octets
	$server->put(letter('megabytes') . ('0123456789' x 7 . "\n") x 20_000);
	$server->put(letter('behind megabytes'));
	is run_collector($p, $name), 'Connection successful, 2 messages', 'is collected as others are';
	is_deeply [fred(qr/megabytes/)], ['behind megabytes', 'megabytes'], 'and delivered';
	$p->postroom_ok('set', 'collect.timeout', 2);
	$server->stop;
};

subtest 'no CAPA, no pipelining, no TOP' => sub {
	my ($server, $name) = make(capa => undef, no_top => 1);
	$server->put(letter("antique $_")) for 1 .. 3;
	is run_collector($p, $name), 'Connection successful, 3 messages', 'an old server';
	is scalar(fred(qr/\Aantique/)), 3, 'all are there';
	$server->stop;
};

subtest 'line ends' => sub {
	my ($server, $name) = make();
	$server->put("From: a\@far.test\nSubject: bare ends\n\na\rb\nc\n", bytes => 1);
	like run_collector($p, $name), qr/did not answer|in time/, 'a message with LF alone does not end for who wants CRLF';
	$p->set('collect.any-line-endings' => 'on');
	is run_collector($p, $name), 'Connection successful, 1 message', 'with any line ends it does';
	$p->postroom_ok('unset', 'collect.any-line-endings');
	fred(qr/./);
	my $pop3 = $p->pop3;
	$pop3->login('fred', 'freds-secret');
	my $text = join "\r\n", $pop3->retr(($pop3->stat)[0]);
	$pop3->quit;
	like $text, qr/Subject: bare ends\r?\n(?s:.*)a\r?\nb\r?\nc\r?\n/, 'and they are CRLF now';
	$server->stop;
};

$p->stop;
done_testing;

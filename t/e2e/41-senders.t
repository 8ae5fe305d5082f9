#!/usr/bin/perl
# Several mail senders: which messages each takes, passes, order, limits, return paths.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Outgoing;
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(
	users => { anna => 'anna-secret', bert => 'bert-secret' },
	set   => { 'sender.retry' => '600,1800' },
);
my $domain = $p->domain;
my $out = Postroom::Outgoing->new($p);
my $first = Postroom::SmtpServer->start;
my $second = Postroom::SmtpServer->start;
$p->postroom_ok(qw(sender set default --method relay --encryption none --servers), $first->address);
$p->postroom_ok(qw(sender add second --method relay --encryption none --servers), $second->address);
$out->continuous('second', 'off');


sub set_sender { return $p->postroom_ok('sender', 'set', @_) }
sub unset_sender { my ($name, @keys) = @_; $p->postroom_ok('sender', 'unset', $name, $_) for @keys; return }
sub subjects { my ($server) = @_; return map { $_->{data} =~ /^Subject: (.*)\r$/m } $server->messages }

subtest '04-10.1 of a message to two, a sender takes one; the other waits for the second sender' => sub {
	set_sender('default', 'filter', "skip: to matches \"*\@example.com\"\nattempt: all");
	my $id = $out->submit(['a@example.com', 'b@x.test']);
	my ($sent) = $first->wait_messages(1);
	is_deeply $sent->{to}, ['b@x.test'], 'b is sent';
	my $message = $out->wait_state($id, 'waiting');
	is_deeply [map { "$_->{address} $_->{state}" } @{ $message->{recipients} }], ['a@example.com waiting', 'b@x.test done'],
		'a waits';
	is scalar(my @none = $second->messages), 0, 'the second sender is not started by that';
	like $out->run_pass('second'), qr/^sent +1\n.*^Connection successful$/ms, 'a pass of the second sends it';
	is_deeply(($second->messages)[0]{to}, ['a@example.com'], 'to a alone');
	$out->wait_gone($id);
};

subtest '04-10.2 what no rule decides' => sub {
	set_sender('default', 'filter', 'Attempt: size <= 50kB');
	my $id = $out->submit('large@x.test', size => 60_000);
	$out->wait_state($id, 'waiting');
	set_sender('default', 'filter', 'Skip: retries >= 5');
	$out->wait_gone($id);
	is +($first->wait_messages(2))[1]{to}[0], 'large@x.test', 'what is not skipped is attempted';
};

subtest '04-10.3 regular expressions, with their case or without' => sub {
	my $count = () = $first->messages;
	set_sender('default', 'filter', 'attempt: to regexp /[abc]@company\.(org|com)$/');
	my $id = $out->submit('A@COMPANY.com');
	$out->wait_state($id, 'waiting');
	is scalar(my @none = $first->messages), $count, 'not without i';
	set_sender('default', 'filter', 'attempt: to regexp /[abc]@company\.(org|com)$/i');
	is +($first->wait_messages($count + 1))[-1]{to}[0], 'A@company.com', 'with i, by the domain in lower case';
	$out->wait_gone($id);
};

subtest '04-10.4 a filter that is not understood is refused with its line' => sub {
	my ($status, undef, $error) = $p->postroom('sender', 'set', 'default', 'filter', 'Attempt size > 5');
	is $status, 1, 'refused';
	like $error, qr/line 1: the colon is missing/, 'why, and where';
	unset_sender('default', 'filter');
};

subtest '02-17.1 02-17.2 held, retry and final' => sub {
	$out->continuous('default', 'off');
	my $id = $out->submit('bob@x.test');
	$out->wait_state($id, 'waiting');
	$p->postroom_ok('queue', 'hold', $id);
	like $out->run_pass('default'), qr/^sent +0$/m, 'a held one is not tried';
	is $out->waiting($id)->{state}, 'held', 'it is there';
	$p->postroom_ok('queue', 'release', $id);
	like $out->run_pass('default'), qr/^sent +1$/m, 'released, it is';
	$out->wait_gone($id);

	$first->set_reply(RCPT => '451 4.2.1 later');
	$id = $out->submit('bob@x.test');
	$out->wait_state($id, 'waiting');
	like $out->run_pass('default'), qr/^deferred +1\n.*451 4\.2\.1 later/ms, 'the answer is the result';
	like $out->run_pass('default'), qr/^deferred +0$/m, 'its time has not come';
	is $out->waiting($id)->{attempts}, 1, 'not tried';
	$p->postroom_ok('queue', 'retry', $id);
	$out->wait_state($id, 'waiting');
	like $out->run_pass('default'), qr/^deferred +1$/m, 'retry: in the next pass';
	is_deeply [$p->postroom('queue', 'final', $id)], [0, "1 message\n", ''], 'final';
	$p->postroom_ok('queue', 'retry', $id);
	$out->wait_state($id, 'waiting');
	$out->run_pass('default');
	my ($report) = $out->wait_mails('anna', 1);
	like $report, qr/451 4\.2\.1 later/, 'the sender has a report';
	$out->wait_gone($id);
	$first->set_reply(RCPT => '250 2.1.5 ok');
};

subtest '04-10.5 retry times, with passes at any time' => sub {
	$first->set_reply(RCPT => '451 4.2.1 later');
	$out->continuous('default', 'on');
	my $id = $out->submit('bob@x.test');
	$out->wait_attempts($id, 1);
	$out->later(9);
	is $out->waiting($id)->{attempts}, 1, 'after nine minutes it still waits';
	$out->later(1);
	$out->wait_attempts($id, 2);
	$out->later(29);
	is $out->waiting($id)->{attempts}, 2, 'the second time is longer';
	$out->later(1);
	$out->wait_attempts($id, 3);
	$out->later(30);
	$out->wait_attempts($id, 4);
	$out->continuous('default', 'off');
	$out->later(31);
	$out->wait_state($id, 'waiting');
	is $out->waiting($id)->{attempts}, 4, 'without a pass nothing is tried';
	like $out->run_pass('default'), qr/^deferred +1$/m, 'with one it is';
	$p->postroom_ok('queue', 'delete', '--all');
	$first->set_reply(RCPT => '250 2.1.5 ok');
};

subtest '04-10.9 02-13.4 order: priority, then size or age' => sub {
	$p->postroom_ok('user', 'set', 'bert', 'send.priority', 1);
	$out->wait_gone($_) for map { $_->{id} } @{ $p->queue };
	set_sender('default', 'threads', 1);
	for my $order ([], ['small-first'], ['reverse'], ['small-first', 'reverse']) {
		my @before = subjects($first);
		set_sender('default', $_, 'on') for @$order;
		my @ids = ($out->submit('a@x.test', subject => 'old large', size => 9000), $out->submit('a@x.test', subject => 'new small'),
			$out->submit('a@x.test', subject => 'urgent', size => 5000, user => 'bert', from => "bert\@$domain"));
		$out->wait_state($_, 'waiting') for @ids;
		$out->run_pass('default');
		my @now = subjects($first);
		my @rest = @$order == 1 ? ('new small', 'old large') : ('old large', 'new small');
		is_deeply [@now[@before .. $#now]], ['urgent', @rest], "in order: @$order";
		unset_sender('default', @$order);
	}
	unset_sender('default', 'threads');
};

subtest '04-10.8 return paths' => sub {
	my $path = sub {
		my ($from) = @_;
		my $count = () = $first->messages;
		$out->submit('a@x.test', from => $from);
		$out->run_pass('default');
		return ($first->wait_messages($count + 1))[$count]{from};
	};
	set_sender('default', 'return-path', 'foreign', 'return-path.address', "forward\@$domain");
	is $path->("anna\@$domain"), "anna\@$domain", 'a local one stays';
	is $path->('stranger@else.test'), "forward\@$domain", 'a foreign one is replaced';
	is $path->(''), '', 'the null one stays';
	set_sender('default', 'return-path', 'always', 'return-path.null', "no-reply\@$domain");
	is $path->("anna\@$domain"), "forward\@$domain", 'always';
	is $path->(''), "no-reply\@$domain", 'the null one gets its own';
	is +($p->postroom('sender', 'set', 'default', 'return-path.address', 'nobody'))[0], 1, 'an address has a domain';
	unset_sender('default', 'return-path', 'return-path.address', 'return-path.null');
};

subtest '04-11.4 recipients of one transaction' => sub {
	set_sender('default', 'max-recipients', 15);
	my $count = () = $first->messages;
	my $id = $out->submit([map { "r$_\@x.test" } 1 .. 100]);
	$out->wait_state($id, 'waiting'); # all of them are resolved
	$out->run_pass('default');
	my @messages = $first->wait_messages($count + 7);
	is_deeply [sort { $b <=> $a } map { scalar @{ $_->{to} } } @messages[$count .. $#messages]], [15, 15, 15, 15, 15, 15, 10], 'seven transactions';
	unset_sender('default', 'max-recipients');
};

subtest 'messages of one session' => sub {
	set_sender('default', 'session.messages', 2);
	my @ids = map { $out->submit("s$_\@x.test") } 1 .. 3;
	$out->wait_state($_, 'waiting') for @ids;
	like $out->run_pass('default'), qr/^sent +2$/m, 'two in one pass';
	$p->wait_for(sub { return @{ $p->queue } == 1 }, 'one waits', 10);
	like $out->run_pass('default'), qr/^sent +1$/m, 'for the next';
	unset_sender('default', 'session.messages');
};

subtest '04-11.5 messages within a time' => sub {
	set_sender('default', 'limit.messages', 5, 'limit.messages-minutes', 60);
	my @ids = map { $out->submit("w$_\@x.test") } 1 .. 6;
	$out->wait_state($_, 'waiting') for @ids;
	like $out->run_pass('default'), qr/^sent +5$/m, 'five';
	like $out->run_pass('default'), qr/^sent +0$/m, 'and no more';
	$out->later(30);
	like $out->run_pass('default'), qr/^sent +0$/m, 'nor after half an hour and a restart';
	$out->continuous('default', 'on');
	$out->later(29);
	is scalar(grep { $_->{to}[0] eq 'w6@x.test' } $first->messages), 0, 'a continuous sender waits, too';
	$out->later(2);
	$out->wait_gone($_) for @ids;
	unset_sender('default', 'limit.messages', 'limit.messages-minutes');
};

$p->stop;
done_testing;

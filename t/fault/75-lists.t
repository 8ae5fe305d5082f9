#!/usr/bin/perl
# listd killed again and again while it distributes: each member gets each post once, held posts and digests survive.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Lists;
use Postroom::Process qw(write_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;
use Time::HiRes qw(sleep);

my $ROUNDS = $ENV{ROUNDS} // 8;
my $COUNT = 400;
my $p = Postroom::Test->start(users => { bert => 'bert-secret', mod => 'mod-secret' }, set => { 'sender.retry' => 2 });
my $domain = $p->domain;
my $lists = Postroom::Lists->new($p);
my $server = Postroom::SmtpServer->start;
$p->postroom_ok(qw(sender set default --method relay --encryption none --servers), $server->address);
write_file($p->dir . '/members', join '', map { "member$_\@big.test\n" } 1 .. $COUNT);
$lists->make('slow', mailing => [], 'slow-posting' => 'on');
$lists->make('fast', mailing => [], moderation => 'all', moderator => 'mod', public => 'on');
$p->postroom_ok('list', 'member', 'import', $_, $p->dir . '/members') for qw(slow fast);

sub kill_some {
	my ($rounds) = @_;
	for (1 .. $rounds) {
		sleep rand 0.4;
		my $pid = eval { $p->main_pid('listd') } or next;
		kill 'KILL', $pid;
		$p->wait_for(sub { ($p->main_pid('listd') // $pid) != $pid }, 'listd is back', 20);
	}
	return;
}

sub is_complete {
	my ($from, $what) = @_;
	my %seen;
	$p->wait_for(sub {
		%seen = ();
		my @messages = $server->messages;
		$seen{$_}++ for map { @{ $_->{to} } } @messages[$from .. $#messages];
		return keys %seen >= $COUNT;
	}, "$what: all", 60);
	$p->wait_for(sub { !@{ $p->queue } }, 'the queue is empty', 30);
	my @messages = $server->messages;
	%seen = ();
	$seen{$_}++ for map { @{ $_->{to} } } @messages[$from .. $#messages];
	return is_deeply [grep { $seen{$_} != 1 } sort keys %seen], [], "$what: each member once";
}

subtest 'slow posting' => sub {
	like $lists->send(from => "bert\@$domain", to => "slow\@$domain"), qr/\A250 /, 'a post is taken';
	kill_some($ROUNDS);
	is_complete(0, 'slow posting');
};

subtest 'a post that is held, and approved' => sub {
	my $before = $server->messages;
	like $lists->send(from => "bert\@$domain", to => "fast\@$domain"), qr/\A250 /, 'a post is taken';
	kill_some(2);
	my $held;
	$p->wait_for(sub { $held = eval { $p->postroom_json(qw(list held)) }; return $held && @$held }, 'it waits', 30);
	is scalar(@$held), 1, 'once';
	$p->postroom_ok('list', 'approve', $held->[0]{number});
	kill_some(3);
	is_complete($before, 'approved');
	is scalar($lists->wait_mails('mod', 1)), 1, 'one notice to the moderator';
};

$server->stop;
$p->stop;
done_testing;

#!/usr/bin/perl
# kill -9 of IMAP sessions, their listeners, deliver and everything while clients append, copy, move, flag and expunge
# and mail is delivered: what was acknowledged is there once, no UID is given again, no change is unheard of, and
# `postroom mailbox verify` finds nothing. ROUNDS (10) with some kills each; SEED repeats the choices.
use strict;
use warnings;
use lib 't/lib';
use Postroom::ImapSwarm;
use Postroom::Load;
use Postroom::Test;
use Test::More;
use Time::HiRes qw(time);

use constant { CLIENTS => 8, OPERATIONS => 40, KILLS => 3, OPERATIONS_PER_DELIVERY => 12 };

my $rounds = $ENV{ROUNDS} // 10;
my $seed = $ENV{SEED} // int(time * 1000) % 1_000_000;
my @DAEMONS = ('imapd', 'imapd', 'imapd', 'imap-login', 'deliver', 'queue-manager');

diag("SEED=$seed");
srand $seed;
my $p = Postroom::Test->start(users => { anna => 'secret' });
my $swarm = Postroom::ImapSwarm->new(port => $p->port('imap'), user => 'anna', password => 'secret', clients => CLIENTS,
	folders => ['INBOX', 'one', 'two']);
my (%killed, @kills, $next_delivery);

sub kill_all {
	my @all = keys %{ $p->processes };
	kill 'KILL', $p->{pid}, @all;
	$p->wait_for(sub { !$p->is_running && !%{ $p->processes } }, 'all processes are gone');
	delete $p->{exit_status};
	$killed{everything}++;
	$p->run;
	return;
}

# The daemon, one of its sessions, or both.
sub kill_some {
	return kill_all() if rand() < 0.1;
	my $daemon = $DAEMONS[rand @DAEMONS];
	my $processes = $p->processes;
	my @all = grep { $processes->{$_}[0] eq $daemon } keys %$processes;
	my @main = grep { $processes->{$_}[1] == $p->{pid} } @all;
	my @sessions = grep { $processes->{$_}[1] != $p->{pid} } @all;
	my $how = rand;
	my ($what, @victims) = $how < 0.5 && @sessions ? ("$daemon session", $sessions[rand @sessions])
		: $how < 0.75 ? ($daemon, @main) : ("$daemon with sessions", @all);
	$killed{$what}++ if kill 'KILL', @victims;
	return;
}

# SMTP while daemons die: taken, refused, or cut off.
sub deliver {
	my $id = $swarm->next_id('smtp');
	my $answer = eval {
		$p->smtp->send_message('a@remote.test', ['anna@example.test'], Postroom::Load::text($id));
	} // '';
	$swarm->{ledger}->deliver($id, $answer =~ /\A250/ ? 1 : 0) if $answer !~ /\A[45]/;
	return;
}

sub on_turn {
	if (@kills && $swarm->{operations} >= $kills[0]) {
		shift @kills;
		kill_some();
	}
	if ($swarm->{operations} >= $next_delivery) {
		$next_delivery = $swarm->{operations} + OPERATIONS_PER_DELIVERY;
		deliver();
	}
	return;
}

# Clients at work and kills, then rest.
sub work_and_kill {
	my $begin = $swarm->{operations};
	@kills = sort { $a <=> $b } map { $begin + 1 + int rand CLIENTS * OPERATIONS - 10 } 1 .. KILLS;
	$next_delivery = $begin;
	local $swarm->{may_break} = 1;
	{
		local $swarm->{on_turn} = \&on_turn;
		$swarm->run_phase(OPERATIONS) or return 0;
	}
	return $swarm->settle;
}

for my $round (1 .. $rounds) {
	my $agree = eval {
		work_and_kill() && do {
			$p->wait_for(sub { my $queue = eval { $p->queue }; $queue && !@$queue }, 'all mail is delivered', 60);
			$swarm->check_phase;
		};
	};
	diag($@) if $@;
	my ($status, $out, $err) = $p->postroom('mailbox', 'verify', 'anna');
	is $status, 0, "round $round: the mailbox is whole" or diag($out, $err);
	ok $agree, "round $round: $swarm->{operations} operations, all that was acknowledged is there" or last;
}
$swarm->stop if !$swarm->complaints;
is_deeply [$swarm->complaints], [], 'nothing to complain of';
diag($_) for $swarm->transcripts;
diag('killed: ' . join ', ', map { "$_ $killed{$_}" } sort keys %killed);
diag($swarm->{ledger}->summary);
$p->stop;
done_testing;

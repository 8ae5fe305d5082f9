#!/usr/bin/perl
# System calls that fail, one kind after the other, in IMAP sessions while clients append, copy, move, flag and expunge:
# what fails is refused with NO or ends the session; what was acknowledged is there once, no UID is given again, no
# change is unheard of, and `postroom mailbox verify` finds nothing. Arguments: calls to try alone. SEED repeats the
# clients' choices.
use strict;
use warnings;
use lib 't/lib';
use Postroom::ImapSwarm;
use Postroom::Test;
use Postroom::Trace qw(need_trace);
use Test::More;
use Time::HiRes qw(time);

use constant { CLIENTS => 6, OPERATIONS => 15, ENOUGH => 3, MANY => 20, PHASES_MAX => 6 };

need_trace();

# Which calls fail how, and which of them (strace(1), "when"; each session counts its own).
my @CASES = (
	['linkat', 'EIO', '2+3'],
	['linkat', 'ENOSPC', '1+4'],
	['renameat', 'EIO', '1+3'],
	['fdatasync', 'EIO', '2+5'],
	['fsync', 'EIO', '1+3'],
	['write', 'EIO', '1+3'],
	['write', 'ENOSPC', '2+3'],
	['pwrite64', 'EIO', '5+11'],
	['pwrite64', 'ENOSPC', '7+13'],
	['pread64', 'EIO', '11+31'],
	['openat', 'ENOSPC', '3+5'],
	['openat', 'EMFILE', '2+7'],
	['unlinkat', 'EIO', '2+3'],
	['sync_file_range', 'EIO', '1+2'],
	['flock', 'EINTR', '3+7'],
);

my $seed = $ENV{SEED} // int(time * 1000) % 1_000_000;
diag("SEED=$seed");
srand $seed;
my $p = Postroom::Test->start(users => { anna => 'secret' });
my $swarm = Postroom::ImapSwarm->new(port => $p->port('imap'), user => 'anna', password => 'secret', clients => CLIENTS,
	folders => ['INBOX', 'one', 'two']);

# Clients at work until enough calls failed, then rest. After many no more fail: what a session needs to begin could fail
# each time.
sub work_with_failures {
	my ($call, $error, $when) = @_;
	my $attach = sub {
		return eval { Postroom::Trace->attach([$p->pids('imapd')], calls => [$call],
			inject => ["$call:error=$error:when=$when"]) };
	};
	# a session that ends just now cannot be attached to
	my $trace = $attach->() // $attach->() // die $@;
	local $swarm->{may_break} = 1;
	local $swarm->{on_turn} = sub { $trace->detach if $trace->injected >= MANY };
	for (1 .. PHASES_MAX) {
		$swarm->run_phase(OPERATIONS) or last;
		last if $trace->injected >= ENOUGH;
	}
	$trace->detach;
	$swarm->settle;
	return $trace->injected;
}

ok $swarm->run_phase(OPERATIONS) && $swarm->check_phase, 'without failures all agree';
for my $case (@CASES) {
	my ($call, $error) = @$case;
	next if @ARGV && !grep { $_ eq $call } @ARGV;
	my $right = subtest "$call fails with $error" => sub {
		my $before = $swarm->{ledger}->summary;
		my $failed = eval { work_with_failures(@$case) };
		diag($@) if $@;
		my ($status, $out, $err) = $p->postroom('mailbox', 'verify', 'anna');
		is $status, 0, 'the mailbox is whole' or diag($out, $err);
		ok eval { $swarm->check_phase }, 'all that was acknowledged is there' or diag($@);
		cmp_ok $failed //= 0, '>=', ENOUGH, 'enough calls failed';
		isnt $swarm->{ledger}->summary, $before, 'and some worked';
		note "$failed calls failed; ", $swarm->{ledger}->summary;
	};
	last if !$right;
}
$swarm->stop if !$swarm->complaints;
is_deeply [$swarm->complaints], [], 'nothing to complain of';
diag($_) for $swarm->transcripts;
$p->stop;
done_testing;

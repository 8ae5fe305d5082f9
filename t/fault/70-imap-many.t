#!/usr/bin/perl
# Many IMAP clients at random on one mailbox: what each is told agrees with the RFCs, with the others, and with what was
# acknowledged; also with mail delivered meanwhile. CLIENTS (20), PHASES (3) with OPERATIONS (60) of each client; SEED
# repeats the clients' choices. Minutes: CLIENTS=50 PHASES=20 OPERATIONS=200.
use strict;
use warnings;
use lib 't/lib';
use Postroom::ImapLedger;
use Postroom::ImapResponse qw(parse_response);
use Postroom::ImapSwarm;
use Postroom::ImapView;
use Postroom::Load;
use Postroom::Test;
use Test::More;

use constant OPERATIONS_PER_DELIVERY => 50;

my $clients = $ENV{CLIENTS} // 20;
my $phases = $ENV{PHASES} // 3;
my $operations = $ENV{OPERATIONS} // 60;
my $seed = $ENV{SEED} // int(time * 1000) % 1_000_000;

# What a checker that hears these responses complains of; "?" before one: no command is in progress.
sub complaints_of {
	my ($options, @lines) = @_;
	my $ledger = Postroom::ImapLedger->new(folders => ['INBOX']);
	my $view = Postroom::ImapView->new(who => 'c', ledger => $ledger, folder => 'INBOX', %$options);
	for my $line (@lines) {
		my $idle = (my $text = $line) =~ s/\A\?//;
		$view->apply(parse_response("* $text\r\n"), expunge => !$idle, command => 'x', stamp => '');
		$view->tagged('NONE') if $line =~ /HIGHESTMODSEQ/;
	}
	return join '; ', $ledger->complaints;
}

subtest 'the checker sees what is wrong' => sub {
	my $qresync = { condstore => 1, qresync => 1 };
	my @three = ('3 EXISTS', map { "$_ FETCH (UID ${_}0 FLAGS () MODSEQ ($_))" } 1 .. 3);
	my @cases = (
		['nothing', '', $qresync, @three, 'VANISHED 20', '3 EXISTS', '2 FETCH (UID 30 FLAGS (x) MODSEQ (4))'],
		['nothing without extensions', '', {}, '2 EXISTS', '1 FETCH (FLAGS ())', '1 EXPUNGE',
			'1 FETCH (UID 7 FLAGS ())'],
		['EXISTS that shrinks', 'EXISTS falls from 3 to 2', {}, '3 EXISTS', '2 EXISTS'],
		['EXPUNGE where none may be', 'EXPUNGE while x', {}, '3 EXISTS', '?2 EXPUNGE'],
		['EXPUNGE beyond the end', 'EXPUNGE of 4, of 3', {}, '3 EXISTS', '4 EXPUNGE'],
		['EXPUNGE instead of VANISHED', 'although QRESYNC', $qresync, @three, '1 EXPUNGE'],
		['VANISHED of who is not there', 'VANISHED names UID 25', $qresync, @three, 'VANISHED 25'],
		['FETCH beyond the end', 'FETCH of 4, of 3', {}, '3 EXISTS', '4 FETCH (FLAGS ())'],
		['another UID', 'message 2 has UID 21 instead of 20', $qresync, @three, '2 FETCH (UID 21 MODSEQ (9) FLAGS ())'],
		['UIDs in disorder', 'message 1 has UID 9, 2 has 8', {}, '3 EXISTS', '1 FETCH (UID 9)', '2 FETCH (UID 8)'],
		['no MODSEQ', 'FETCH without MODSEQ', $qresync, @three, '2 FETCH (UID 20 FLAGS ())'],
		['MODSEQ that falls', 'falls from 2 to 1', $qresync, @three, '2 FETCH (UID 20 MODSEQ (1) FLAGS ())'],
		['two states of one MODSEQ', 'at MODSEQ 2 has \(x\)', $qresync, @three,
			'2 FETCH (UID 20 MODSEQ (2) FLAGS (x))'],
		['a change kept back', 'below the HIGHESTMODSEQ 8', $qresync, @three, 'OK [HIGHESTMODSEQ 8] x',
			'2 FETCH (UID 20 MODSEQ (7) FLAGS (x))'],
	);
	for my $case (@cases) {
		my ($name, $expected, $options, @lines) = @$case;
		like complaints_of($options, @lines), $expected eq '' ? qr/\A\z/ : qr/\A[^;]*$expected[^;]*\z/, $name;
	}
	my $ledger = Postroom::ImapLedger->new(folders => ['INBOX']);
	my $then = $ledger->folder_then('INBOX');
	$ledger->assign('c', 'INBOX', 1, $then, id => 'm-1');
	$ledger->assign('c', 'INBOX', 2, $then, id => 'm-2');
	$ledger->assign('c', 'INBOX', 2, $then, id => 'm-3');
	$ledger->entry('INBOX', 4);
	$ledger->check_contents(INBOX => { 1 => Postroom::Load::text('m-9'), 4 => Postroom::Load::text('m-4') });
	is_deeply [$ledger->complaints], ['c: UID 2 of INBOX is given a second time',
		'c: UID 2 of INBOX is m-2, and is told to be m-3', 'UID 1 of INBOX should be m-1 and is m-9', 'UID 2 of INBOX is lost', 'UID 4 of INBOX came from nowhere (m-4)'],
		'UIDs given twice, mixed up, lost, and found';
};

diag("SEED=$seed");
srand $seed;
my $p = Postroom::Test->start(users => { anna => 'secret' }, set => { 'imap.logins-per-user' => 0 });
my $swarm = Postroom::ImapSwarm->new(port => $p->port('imap'), user => 'anna', password => 'secret',
	clients => $clients,
	folders => ['INBOX', 'one', 'two'], on_turn => \&deliver_now_and_then);

sub deliver_now_and_then {
	my ($self) = @_;
	return if $self->{operations} < ($self->{next_delivery} //= OPERATIONS_PER_DELIVERY);
	$self->{next_delivery} = $self->{operations} + OPERATIONS_PER_DELIVERY;
	my $id = $self->next_id('smtp');
	$self->{ledger}->deliver($id, $p->smtp->send_message('a@remote.test', ['anna@example.test'],
		Postroom::Load::text($id))
		=~ /\A250/ ? 1 : 0);
}

for my $phase (1 .. $phases) {
	my $done = eval {
		$swarm->run_phase($operations);
		local $swarm->{on_turn};
		$p->wait_for(sub { !@{ $p->queue } }, 'all mail is delivered');
		$swarm->check_phase;
	};
	diag($@) if $@;
	ok $done, "phase $phase: $swarm->{operations} operations of $clients clients, all agree" or last;
}
$swarm->stop if !$swarm->complaints;
is_deeply [$swarm->complaints], [], 'nothing to complain of';
diag($_) for $swarm->transcripts;
diag($swarm->{ledger}->summary);
$p->stop;
done_testing;

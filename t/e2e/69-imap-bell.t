#!/usr/bin/perl
# No change is unheard of: whatever happens a moment before, at or after the beginning of a client's IDLE, or while it
# runs a command with NOTIFY, it hears of at once. SEED repeats the moments, ROUNDS (100) makes it longer.
use strict;
use warnings;
use lib 't/lib';
use Compress::Raw::Zlib ();
use Postroom::Process;
use Postroom::Test;
use Test::More;
use Time::HiRes qw(sleep time);

use constant { AT_ONCE_S => 2, SPREAD_S => 0.005, FLUSH_END => "\0\0\xff\xff" };

my $rounds = $ENV{ROUNDS} // 100;
my $seed = $ENV{SEED} // int(time * 1000) % 1_000_000;
diag("SEED=$seed");
srand $seed;
my %USERS = map { $_ => "$_-secret" } qw(anna bert carl dora emil frida gert);
my $p = Postroom::Test->start(users => \%USERS);

sub imap {
	my ($user, $folder) = @_;
	my $imap = $p->imap;
	$imap->login($user, $USERS{$user});
	$imap->is_ok or die "$user cannot log in: " . $imap->last->{raw} . "\n";
	$imap->select($folder) if defined $folder;
	return $imap;
}

sub message { return "Subject: $_[0]\r\n\r\nBody $_[0]\r\n" }

# What the client heard last of all that may come, as numbers that grow or change with each change of the other one.
sub listener {
	my ($imap, $count) = @_;
	return { imap => $imap, count => $count, EXISTS => 0, EXPUNGE => 0, FETCH => 0, flags => '' };
}

sub hear {
	my ($listener, $response) = @_;
	my $type = $response->{type};
	return if $response->{tag} ne '*' || !exists $listener->{$type};
	$listener->{$type}++;
	$listener->{count} = $response->{number} if $type eq 'EXISTS';
	$listener->{count}-- if $type eq 'EXPUNGE';
	$listener->{flags} = join ' ', grep { $_ ne '\Recent' } @{ $response->{items}{FLAGS} }
		if $type eq 'FETCH' && $response->{number} == 1;
	return;
}

sub hears {
	my ($listener, $what, $condition) = @_;
	my $end = time + AT_ONCE_S * $Postroom::Process::PATIENCE;
	while (!$condition->()) {
		my $left = $end - time;
		my $response = $left > 0 ? eval { $listener->{imap}->response($left) } : undef;
		return fail "$what: heard in time" if !$response;
		hear($listener, $response);
	}
	return 1;
}

# One in front of the other, up to 5 ms apart.
sub about_the_same_time {
	my (@actions) = rand() < 0.5 ? @_ : reverse @_;
	$actions[0]->();
	sleep(rand SPREAD_S);
	return $actions[1]->();
}

# Three changes in one packet: a flag, a message that comes, one that goes.
sub three_changes {
	my ($other, $round) = @_;
	my $flag = $round % 2 ? '+' : '-';
	my $text = message($round);
	my $size = length $text;
	$other->send_raw("s$round STORE 1 ${flag}FLAGS.SILENT (\\Flagged)\r\nd$round STORE 2 +FLAGS.SILENT (\\Deleted)\r\n"
			. "a$round APPEND INBOX {$size+}\r\n$text\r\ne$round EXPUNGE\r\n");
	return;
}

# After so many rounds the client knows what there is, heard without asking.
sub run_rounds {
	my ($listener, $other, $begin, $end) = @_;
	for my $round (1 .. $rounds) {
		my %before = %$listener;
		about_the_same_time(sub { $begin->($round) }, sub { three_changes($other, $round) });
		$other->wait for 1 .. 4;
		hears($listener, "round $round", sub {
			return $listener->{EXISTS} > $before{EXISTS} && $listener->{EXPUNGE} > $before{EXPUNGE} && $listener->{count} == 3
				&& $listener->{flags} eq ($round % 2 ? '\Flagged' : '');
		}) or return 0;
		$end->($round);
	}
	return 1;
}

sub fill {
	my ($user) = @_;
	my $other = imap($user, 'INBOX');
	$other->append('INBOX', message("old $_")) for 1 .. 3;
	return $other;
}

sub idle_rounds {
	my ($imap, $other) = @_;
	my $listener = listener($imap, 3);
	return run_rounds($listener, $other, sub { $imap->send_raw("i$_[0] IDLE\r\n") }, sub {
		my ($round) = @_;
		$imap->send_raw("DONE\r\n");
		my $response;
		do { hear($listener, $response = $imap->response) } while $response->{tag} ne "i$round";
	});
}

subtest 'changes about the beginning of IDLE' => sub {
	my $other = fill('anna');
	ok idle_rounds(imap('anna', 'INBOX'), $other), "$rounds times three changes";
};

subtest 'the same, compressed and under TLS' => sub {
	my $other = fill('bert');
	my $imap = $p->imap(service => 'imaps');
	$imap->login('bert', $USERS{bert});
	$imap->compress;
	$imap->select('INBOX');
	ok idle_rounds($imap, $other), "$rounds times three changes";
};

subtest 'changes while commands run, with NOTIFY' => sub {
	my $other = fill('carl');
	my $imap = imap('carl', 'INBOX');
	$imap->cmd('NOTIFY SET (selected (MessageNew MessageExpunge FlagChange)) (personal (MessageNew MessageExpunge MailboxName))');
	ok $imap->is_ok, 'NOTIFY';
	ok run_rounds(listener($imap, 3), $other, sub { $imap->send_raw("n$_[0] NOOP\r\n") }, sub { }),
		"$rounds times three changes";
};

subtest 'delivery about the beginning of IDLE' => sub {
	my $imap = imap('dora', 'INBOX');
	my $smtp = $p->smtp;
	my $listener = listener($imap, 0);
	for my $round (1 .. $rounds / 4) {
		about_the_same_time(sub { $imap->send_raw("i$round IDLE\r\n") },
			sub { $smtp->send_message('bert@example.test', ['dora@example.test'], message($round)) });
		hears($listener, "message $round", sub { $listener->{count} == $round }) or last;
		$imap->send_raw("DONE\r\n");
		$imap->wait("i$round");
	}
	is $listener->{count}, int($rounds / 4), 'each is heard of';
};

# Its deflate gives all but the last four octets of a flush first; they say nothing, and come later.
subtest 'a packet without content is not the end of IDLE (RFC 4978)' => sub {
	my ($imap, $other) = (imap('emil'), fill('emil'));
	$imap->compress;
	$imap->select('INBOX');
	my $listener = listener($imap, 3);
	my ($packed, $flush) = ('', '');
	$imap->{deflate}->deflate("i1 IDLE\r\n", $packed);
	$imap->{deflate}->flush($flush, Compress::Raw::Zlib::Z_SYNC_FLUSH());
	($packed .= $flush) =~ s/\Q@{[FLUSH_END]}\E\z// or die "that is no flush\n";
	Postroom::Connection::send_raw($imap, $packed);
	is $imap->wait_for(sub { $_[0]{tag} ne '*' })->{tag}, '+', 'IDLE';
	Postroom::Connection::send_raw($imap, FLUSH_END);
	for my $round (1 .. 5) {
		$other->cmd('STORE 1 ' . ($round % 2 ? '+' : '-') . 'FLAGS (\Flagged)');
		hears($listener, "change $round", sub { $listener->{FETCH} >= $round }) or last;
	}
	$imap->send_raw("DONE\r\n");
	is $imap->wait('i1')->{type}, 'OK', 'DONE';
};

subtest 'a change is told while its client sends a long message' => sub {
	my ($imap, $other) = (imap('frida'), fill('frida'));
	$imap->select('INBOX');
	my $listener = listener($imap, 3);
	$imap->idle;
	$other->send_raw("s1 STORE 1 +FLAGS (\\Flagged)\r\na1 APPEND INBOX {10+}\r\n01234");
	ok hears($listener, 'STORE', sub { $listener->{FETCH} == 1 }), 'before all of it is there';
	is $other->wait('s1')->{type}, 'OK', 'STORE';
	$other->send_raw("56789\r\n");
	is $other->wait('a1')->{type}, 'OK', 'APPEND';
	ok hears($listener, 'APPEND', sub { $listener->{count} == 4 }), 'and what follows';
};

subtest 'NOTIFY leaves out what the client did, not what happened meanwhile (RFC 5465 5)' => sub {
	my ($imap, $other) = map { imap('gert') } 1 .. 2;
	$other->cmd('CREATE Lists');
	$imap->cmd('NOTIFY SET (personal (MessageNew MessageExpunge MailboxName))');
	$imap->send_raw('c1 CREATE ');
	$other->append('Lists', message(1));
	$imap->send_raw("Mine\r\n");
	my $status = $imap->wait_for(sub { $_[0]{type} eq 'STATUS' }, AT_ONCE_S * $Postroom::Process::PATIENCE);
	is $status->{options}{MESSAGES}, 1, 'a message came';
	is $imap->wait('c1')->{type}, 'OK', 'CREATE';
	is scalar $imap->untagged('LIST'), 0, 'of what it made itself it is not told';
};

$p->stop;
done_testing;

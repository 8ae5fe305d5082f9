#!/usr/bin/perl
# How many SEARCHes of a user may run at a time, across processes (05-services, IMAP limits).
use strict;
use warnings;
use lib 't/lib';
use Postroom::Test;
use Test::More;
use Time::HiRes qw(sleep time);

my $p = Postroom::Test->start(users => { anna => 'secret' }, set => { 'imap.full-text-search' => 'off' });
my $LIMIT = 2;
my $long = "Subject: long\r\n\r\n" . ("\xc3\xa4\xc3\xb6 x" x 12 . "\r\n") x 15_000;

sub session {
	my $imap = $p->imap;
	$imap->login('anna', 'secret');
	$imap->select('INBOX');
	return $imap;
}

# The time a process has computed, in hundredths of a second.
sub ticks {
	my ($pid) = @_;
	open my $file, '<', "/proc/$pid/stat" or die "process $pid: $!";
	my @fields = split ' ', <$file> =~ s/\A.*\) //r;
	return $fields[11] + $fields[12];
}

my $first = session();
$first->append('INBOX', $long) for 1 .. 25;
$first->logout;

# Sessions are stopped in the middle of a long search; their processes are the last that the log names.
my (@busy, @pids);
for (1 .. $LIMIT) {
	my $imap = session();
	my $log = $p->log_path;
	open my $file, '<', $log or die "$log: $!";
	my ($pid) = reverse map { /imapd\[(\d+)\]: info: session began/ ? $1 : () } <$file>;
	push @pids, $pid;
	push @busy, [$imap, $imap->start('SEARCH BODY nowhere')];
	my $idle = ticks($pid);
	sleep 0.005 while ticks($pid) < $idle + 4;
	kill STOP => $pid;
}

my $third = session();

subtest '05-13.4 the third SEARCH waits for 30 seconds, then NO' => sub {
	my $begin = time;
	my $answer = $third->cmd('SEARCH BODY nowhere');
	is $answer->{type}, 'NO', 'refused';
	like $answer->{raw}, qr/Too many concurrent searches - try again later/, 'with the text';
	cmp_ok time - $begin, '>=', 29, 'after the wait';
	is $third->cmd('SEARCH UNSEEN')->{type}, 'OK', 'a short one needs no turn';
};

subtest '05-13.4 it runs when another one ends' => sub {
	my $tag = $third->start('SEARCH BODY nowhere');
	ok !eval { $third->fill(1) }, 'it waits';
	kill CONT => $pids[0];
	is $busy[0][0]->wait($busy[0][1])->{type}, 'OK', 'another one ends';
	is $third->wait($tag)->{type}, 'OK', 'then it runs';
};

kill CONT => @pids;
is $busy[1][0]->wait($busy[1][1])->{type}, 'OK', 'the last one ends';
$p->stop;
done_testing;

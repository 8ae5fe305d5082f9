#!/usr/bin/perl
# IMAP sessions while daemons die and come back, settings change, and the server stops: who can go on does, who cannot is
# told, and what happens afterwards is heard of as before.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Process qw(read_file);
use Postroom::Test;
use Test::More;

use constant AT_ONCE_S => 5;

my %USERS = (anna => 'anna-secret', bert => 'bert-secret');
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

sub hears {
	my ($imap, $type) = @_;
	return eval { $imap->wait_for(sub { $_[0]{type} eq $type }, AT_ONCE_S * $Postroom::Process::PATIENCE) };
}

sub deliver {
	my $smtp = $p->smtp;
	$smtp->send_message('bert@example.test', ['anna@example.test'], message('delivered'));
	return $smtp->quit;
}

# A daemon dies and is there again.
sub restart {
	my ($daemon) = @_;
	my $old = $p->kill_daemon($daemon);
	return $p->wait_for(sub {
		my ($pid) = (read_file("$p->{dir}/run/status") // '') =~ /^\Q$daemon\E (\d+) ready/m;
		return $pid && $pid != $old;
	}, "$daemon is back", 30);
}

# What a client needs all day.
sub works {
	my ($imap, $what) = @_;
	my @failed = grep { $imap->cmd($_)->{type} ne 'OK' } 'NOOP', 'SELECT INBOX', 'FETCH 1 (BODY.PEEK[])', 'STORE 1 +FLAGS (\Seen)',
		'SEARCH TEXT Body', 'COPY 1 INBOX', 'STATUS INBOX (MESSAGES)', 'LIST "" *';
	return is "@failed", '', $what;
}

imap('anna')->append('INBOX', message($_)) for 1 .. 2;

for my $daemon (qw(authd statusd configd deliver queue-manager imap-login historyd)) {
	subtest "$daemon dies" => sub {
		my ($imap, $other) = map { imap('anna', 'INBOX') } 1 .. 2;
		$imap->idle;
		restart($daemon);
		works($other, 'a session goes on');
		ok hears($imap, 'EXISTS'), 'and so does who is in IDLE';
		$imap->done;
		$imap->idle;
		deliver();
		ok hears($imap, 'EXISTS'), 'which hears of a delivery';
		works(imap('anna'), 'and a new one begins');
	};
}

subtest 'authd dies: what needs it is refused for now' => sub {
	my $imap = imap('anna', 'INBOX');
	is $imap->cmd('SETACL INBOX bert lr')->{type}, 'OK', 'an access list';
	my $guest = imap('bert');
	is $guest->cmd('STATUS "#users/anna/INBOX" (MESSAGES)')->{type}, 'OK', 'a shared folder';
	restart('authd');
	is $imap->cmd('SETACL INBOX bert lrs')->{type}, 'NO', 'whoever is asked is not there';
	is $imap->last->{code}, 'UNAVAILABLE', 'and that passes';
	works($imap, 'all else goes on');
	$imap = imap('anna', 'INBOX');
	is $imap->cmd('SETACL INBOX bert lrs')->{type}, 'OK', 'a new session has a channel';
	is imap('bert')->cmd('SELECT "#users/anna/INBOX"')->{type}, 'OK', 'the folder is shared as before';
};

subtest 'imapd dies: sessions end, and the next ones hear all' => sub {
	my $imap = imap('anna', 'INBOX');
	is $imap->append('INBOX', message('before'))->{type}, 'OK', 'a message';
	my $count = $imap->status('INBOX', 'MESSAGES')->{MESSAGES};
	restart('imapd');
	ok $imap->is_closed, 'the session is gone';
	($imap, my $other) = map { imap('anna', 'INBOX') } 1 .. 2;
	is $imap->status('INBOX', 'MESSAGES')->{MESSAGES}, $count, 'what was there is there';
	$imap->idle;
	$other->cmd('STORE 1 +FLAGS (\Flagged)');
	ok hears($imap, 'FETCH'), 'another session is heard of';
	deliver();
	ok hears($imap, 'EXISTS'), 'and a delivery';
	my $pop3 = $p->pop3;
	$pop3->login('anna', $USERS{anna});
	$pop3->dele(1);
	$pop3->quit;
	ok hears($imap, 'EXPUNGE'), 'and what POP3 removes';
};

# Within its sandbox a session cannot read settings again: they hold for who logs in from then on.
subtest 'settings change while sessions run' => sub {
	my ($imap, $other) = map { imap('anna', 'INBOX') } 1 .. 2;
	$imap->idle;
	$p->set('imap.idle' => 0);
	my $new = imap('anna', 'INBOX');
	is $new->cmd('IDLE')->{type}, 'BAD', 'IDLE is turned off';
	ok !$new->has('IDLE'), 'and not announced';
	ok $other->has('IDLE'), 'who was told before may use it';
	$new->append('INBOX', message('later'));
	ok hears($imap, 'EXISTS'), 'who is in it stays';
	is $imap->done->{type}, 'OK', 'until the end';
	$p->postroom_ok('unset', 'imap.idle');
	works($imap, 'all of it');
};

# RFC 9051 3.4: no connection is closed without a BYE.
subtest 'sessions are ended by the administrator, and by a reload' => sub {
	my ($imap, $idle) = map { imap('anna', 'INBOX') } 1 .. 2;
	my $session = $p->postroom_json('sessions', '--user', 'anna')->[0] or return fail 'the session is listed';
	$p->postroom_ok('sessions', 'end', $session->{id});
	my ($ended, $other) = map { $_->cmd('NOOP') && $_->is_ok ? () : $_ } $imap, $idle;
	ok $ended && !$other, 'one of them ends';
	like $ended && $ended->bye, qr/ends this session/, 'after a BYE';
	($imap, $idle) = map { imap('anna', 'INBOX') } 1 .. 2;
	$idle->idle;
	$imap->send_raw('n1 NOO');
	$p->postroom_ok('reload');
	ok hears($_, 'BYE'), 'a BYE' for $imap, $idle;
	ok $_->is_closed, 'and the end' for $imap, $idle;
	$p->wait_log(qr/reload: starting every daemon anew/);
	works(imap('anna'), 'a new session begins');
};

subtest 'the server stops' => sub {
	my ($imap, $idle) = map { imap('anna', 'INBOX') } 1 .. 2;
	is $imap->append('INBOX', message('last'))->{type}, 'OK', 'acknowledged';
	my $count = $imap->status('INBOX', 'MESSAGES')->{MESSAGES};
	$idle->idle;
	$p->stop_running;
	ok hears($_, 'BYE'), 'a session is told' for $imap, $idle;
	ok $_->is_closed, 'and ends' for $imap, $idle;
	$p->run;
	is imap('anna')->status('INBOX', 'MESSAGES')->{MESSAGES}, $count, 'and what it wrote is there';
	my ($status, undef, $err) = $p->postroom('mailbox', 'verify', 'anna');
	is $status, 0, 'the mailbox is whole' or diag($err);
};

$p->stop;
done_testing;

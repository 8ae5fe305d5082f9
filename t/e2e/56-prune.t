#!/usr/bin/perl
# Prune rules: what `postroom maintain` removes, and what it leaves.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { map { $_ => "$_-secret" } qw(anna bob) });

# Put messages into a folder: [subject, date as the server got it, flags].
sub fill {
	my ($user, $folder, @messages) = @_;
	my $imap = $p->imap;
	$imap->login($user, "$user-secret");
	$imap->cmd(qq{CREATE "$folder"}) if $folder ne 'INBOX';
	for my $message (@messages) {
		my ($subject, $date, $flags) = @$message;
		my $text = "Subject: $subject\r\nDate: Mon, 1 Jan 2001 00:00:00 +0000\r\n\r\nx\r\n";
		$imap->cmd(sprintf qq{APPEND "%s" (%s) "%s" {%d+}\r\n%s}, $folder, $flags, $date, length $text, $text);
	}
	$imap->logout;
	return;
}

sub subjects {
	my ($user, $folder) = @_;
	my $imap = $p->imap;
	$imap->login($user, "$user-secret");
	$imap->cmd(qq{EXAMINE "$folder"});
	$imap->cmd('FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])');
	my @subjects = map { $_->{raw} =~ /Subject: (\S+)/ ? $1 : () } $imap->untagged('FETCH');
	$imap->logout;
	return "@subjects";
}

sub refused {
	my ($pattern, @arguments) = @_;
	my ($status, undef, $err) = $p->postroom(@arguments);
	is $status, 1, 'refused';
	return like $err, $pattern, 'with the reason';
}

my $old = '01-Jan-2020 10:00:00 +0000';
my @now = (localtime)[3, 4, 5];
my $today = sprintf '%02d-%s-%d 00:00:00 +0000', $now[0], (qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec))[$now[1]], $now[2] + 1900;

subtest '02-14.1 06-5.7 what is old and marked as deleted, everywhere' => sub {
	fill('anna', 'INBOX', ['old', $old, ''], ['gone', $old, '\Deleted'], ['marked', $today, '\Deleted']);
	fill('anna', 'Archive', ['gone', $old, '\Deleted \Seen'], ['kept', $old, '\Seen']);
	$p->postroom_ok('prune', 'add');
	is $p->postroom_ok('maintain'), '', 'a new rule removes nothing';
	$p->postroom_ok('prune', 'set', 1, '--folder', '*', '--age', 30, '--spam', 'off');
	like $p->postroom_ok('maintain'), qr/: 1 messages removed from INBOX\n.*: 1 messages removed from Archive\n/, 'counted';
	is subjects('anna', 'INBOX'), 'old marked', 'the inbox';
	is subjects('anna', 'Archive'), 'kept', 'another folder';
	$p->postroom_ok('mailbox', 'undelete', 'anna', '--since', '2000-01-01');
	like subjects('anna', 'Archive'), qr/gone/, 'and it can be undone';
};

subtest '02-14.2 02-14.3 one folder, by the time of arrival' => sub {
	fill('bob', 'Archive', ['old', $old, ''], ['today', $today, '']);
	fill('bob', 'Archive/2016', ['old', $old, '']);
	$p->postroom_ok('user', 'set', 'bob', 'prune.global', 'off');
	$p->postroom_ok('user', 'prune', 'add', 'bob', '--folder', 'Archive', '--age', 30, '--deleted', 'off', '--spam', 'off');
	$p->postroom_ok('maintain', 'bob');
	is subjects('bob', 'Archive'), 'today', 'what came today stays, whatever its Date says';
	is subjects('bob', 'Archive/2016'), 'old', 'a folder below is another';
};

subtest 'read and flagged, size' => sub {
	fill('bob', 'Box', ['read', $old, '\Seen'], ['star', $old, '\Seen \Flagged'], ['unread', $old, '']);
	$p->postroom_ok('user', 'prune', 'set', 'bob', 1, '--folder', 'Box', '--read', 'read', '--flagged', 'unflagged', '--size', 100000);
	$p->postroom_ok('maintain', 'bob');
	is subjects('bob', 'Box'), 'read star unread', 'none is as big';
	$p->postroom_ok('user', 'prune', 'set', 'bob', 1, '--size', 10);
	$p->postroom_ok('maintain', 'bob');
	is subjects('bob', 'Box'), 'star unread', 'read and without a flag';
};

subtest '02-14.4 rules without effect, and ages that are none' => sub {
	refused(qr/anna uses the prune rules of the server/, 'user', 'prune', 'add', 'anna', '--folder', 'INBOX');
	refused(qr/age: must be a number/, 'prune', 'add', '--age', $_) for '-1', 'abc';
	$p->postroom_ok('user', 'set', 'bob', 'prune.global', 'on');
	fill('bob', 'Box', ['again', $old, '\Seen']);
	$p->postroom_ok('maintain', 'bob');
	is subjects('bob', 'Box'), 'star unread again', 'own rules have no effect';
	refused(qr/bob uses the prune rules of the server/, 'user', 'prune', 'delete', 'bob', 1);
};

subtest 'an instance in the foreground does it once a day' => sub {
	$p->postroom_ok('user', 'set', 'bob', 'prune.global', 'off');
	$p->postroom_ok('user', 'prune', 'set', 'bob', 1, '--folder', 'Box', '--age', 30, '--deleted', 'off', '--spam', 'off', '--read', 'read', '--flagged', 'unflagged');
	my $stamp = $p->dir . '/state/maintained';
	ok -e $stamp, 'it knows when it did';
	unlike $p->log, qr/the daily work on mailboxes/, 'a new instance has not done it';
	$p->stop_running;
	utime time - 2 * 86400, time - 2 * 86400, $stamp;
	$p->run;
	$p->wait_log(qr/the daily work on mailboxes is done/, 30);
	is subjects('bob', 'Box'), 'star unread', 'where it was missed, soon after the start';
	cmp_ok time - (stat $stamp)[9], '<', 3600, 'and notes the time';
};

$p->stop;
done_testing;

#!/usr/bin/perl
# IMAP as its RFCs have it: keeping in step (CONDSTORE, QRESYNC), hearing of changes (NOTIFY, contexts), and what a session
# meets when others change the folder, the settings or the server below it.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Test;
use Test::More;
use Time::HiRes qw(time);

my %USERS = map { $_ => "$_-secret" } qw(anna bert carl dora emil frida gert hans ida jens);
my $p = Postroom::Test->start(users => \%USERS);

sub imap {
	my ($user, $folder, @enable) = @_;
	my $imap = $p->imap;
	$imap->login($user, $USERS{$user});
	$imap->enable(@enable) if @enable;
	$imap->select($folder) if defined $folder;
	return $imap;
}

sub fill {
	my ($imap, $folder, @subjects) = @_;
	$imap->append($folder, "Subject: $_\r\n\r\nBody of $_\r\n") for @subjects;
	return ok $imap->is_ok, scalar(@subjects) . " messages in $folder";
}

# Raw untagged responses of the last command, without "* ", one a line.
sub heard {
	my ($imap, $type) = @_;
	return join "\n", map { $_->{raw} =~ s/\A\* //r =~ s/\s+\z//r } grep { !defined $type || $_->{type} =~ /\A$type\z/ } $imap->untagged;
}

# What is heard without a command up to a response of this type.
sub hear {
	my ($imap, $type) = @_;
	my @raw;
	$imap->wait_for(sub { push @raw, $_[0]{raw} =~ s/\A\* //r =~ s/\s+\z//r; $_[0]{type} eq $type }, 10);
	return join "\n", @raw;
}

sub answer { my ($imap, @command) = @_; return $imap->cmd(@command)->{raw} =~ s/\Aa[0-9]+ //r =~ s/\s+\z//r }

subtest 'RFC 7162 3.2.4: UID and MODSEQ with each change' => sub {
	my $imap = imap('anna', 'INBOX', 'CONDSTORE');
	fill($imap, 'INBOX', 1 .. 3);
	$imap->cmd('STORE 1 +FLAGS (\Flagged)');
	like heard($imap, 'FETCH'), qr/\A1 FETCH \(UID 1 FLAGS \(\\Flagged \\Recent\) MODSEQ \(\d+\)\)\z/, 'STORE';
	$imap->cmd('STORE 1 +FLAGS.SILENT (\Answered)');
	like heard($imap, 'FETCH'), qr/\A1 FETCH \(UID 1 MODSEQ \(\d+\)\)\z/, 'silent';
	$imap->cmd('STORE 1 +FLAGS.SILENT (\Answered)');
	is heard($imap), '', '3.1.11: what changes nothing has no MODSEQ';
	$imap->cmd('FETCH 2 BODY[TEXT]');
	like heard($imap, 'FETCH'), qr/\A2 FETCH \(UID 2 FLAGS \(\\Seen \\Recent\) MODSEQ \(\d+\) BODY\[TEXT\]/, 'a FETCH that sets \Seen';
	$imap->cmd('FETCH 2 BODY[TEXT]');
	like heard($imap, 'FETCH'), qr/\A2 FETCH \(BODY\[TEXT\]/, 'and one that does not';
	is answer($imap, 'STORE 1,3 (UNCHANGEDSINCE 4) +FLAGS.SILENT (\Draft)'),
		'OK [MODIFIED 1] Some messages were changed meanwhile', '3.1.3: what was changed is left alone';
	like heard($imap, 'FETCH'), qr/\A3 FETCH \(UID 3 MODSEQ \(\d+\)\)\z/, 'the other is not';
	like answer($imap, 'STORE 3 (UNCHANGEDSINCE 0) +FLAGS ($x)'), qr/\AOK \[MODIFIED 3\]/, 'nothing is older than 0';
};

subtest 'RFC 7162 3.2: what raises HIGHESTMODSEQ' => sub {
	my $imap = imap('bert', 'INBOX', 'QRESYNC');
	fill($imap, 'INBOX', 1 .. 3);
	my $modseq = sub { $imap->status('INBOX', 'HIGHESTMODSEQ')->{HIGHESTMODSEQ} };
	my $before = $modseq->();
	$imap->cmd('SETMETADATA INBOX (/private/comment "x")');
	cmp_ok $modseq->(), '>', $before, 'an annotation';
	$before = $modseq->();
	$imap->cmd('STORE 1 +FLAGS.SILENT (\Deleted)');
	like answer($imap, 'EXPUNGE'), qr/\AOK \[HIGHESTMODSEQ \d+\] /, '3.2.7: EXPUNGE tells it';
	is heard($imap, 'VANISHED'), 'VANISHED 1', 'with VANISHED';
	cmp_ok $modseq->(), '>', $before + 1, 'and raises it';
	$imap->cmd('STORE 1 +FLAGS.SILENT (\Deleted)');
	$before = $modseq->();
	is answer($imap, 'CLOSE'), 'OK CLOSE completed', '3.2.8: CLOSE must not';
	cmp_ok $modseq->(), '>', $before, 'but raises it, too';
};

subtest 'RFC 7162 3.2.5, 3.2.6, 3.2.10: VANISHED' => sub {
	my ($one, $two) = (imap('carl', undef, 'QRESYNC'), imap('carl'));
	fill($one, 'INBOX', 1 .. 8);
	my $uidvalidity = $one->select('INBOX')->{uidvalidity};
	$two->select('INBOX');
	$two->cmd('STORE 1:2 +FLAGS.SILENT (\Deleted)');
	$two->cmd('EXPUNGE');
	$one->cmd('FETCH 3 (UID)');
	is heard($one, 'VANISHED'), '', 'not in FETCH';
	like heard($one, 'OK'), qr/\[HIGHESTMODSEQ 9\]/, 'which says how far the client may believe';
	$one->cmd('UID SEARCH 3:4');
	is heard($one), "SEARCH 3 4\nOK [HIGHESTMODSEQ 9] VANISHED is yet to come", 'nor in UID SEARCH with numbers';
	$one->cmd('UID FETCH 1:* (UID) (CHANGEDSINCE 9 VANISHED)');
	unlike heard($one, 'VANISHED'), qr/EARLIER/, 'what the client counts is not of earlier';
	like heard($one, 'VANISHED'), qr/\AVANISHED 1:2\z/, 'but told as it goes';
	$one->cmd('UID FETCH 1:3 (UID) (CHANGEDSINCE 9 VANISHED)');
	is heard($one, 'VANISHED'), 'VANISHED (EARLIER) 1:2', 'what went before';
	is answer($one, $_) =~ s/ .*//r, 'BAD', $_ for 'FETCH 1 (UID) (CHANGEDSINCE 1 VANISHED)', 'UID FETCH 1 (UID) (VANISHED)';
	$one->select('INBOX', "(QRESYNC ($uidvalidity 9))");
	is heard($one, 'VANISHED'), 'VANISHED (EARLIER) 1:2', 'SELECT';
	like heard($one), qr/\AOK \[CLOSED\]/, '3.2.11: CLOSED comes first';
	$one->select('INBOX', "(QRESYNC ($uidvalidity 9 2:3))");
	is heard($one, 'VANISHED'), 'VANISHED (EARLIER) 2', 'of UIDs that the client knows';
	$one->select('INBOX', "(QRESYNC ($uidvalidity 9 1:8 (1:2 3:4)))");
	is heard($one, 'VANISHED'), '', 'the client knows that numbers have moved';
	$one->select('INBOX', '(QRESYNC (1 9))');
	is heard($one, 'VANISHED'), '', 'another UIDVALIDITY';
	fill($two, 'INBOX', 9);
	$two->cmd('UID STORE 9 +FLAGS.SILENT (\Deleted)');
	$two->cmd('EXPUNGE');
	$one->cmd('NOOP');
	is heard($one, 'VANISHED'), '', 'nobody hears of what was not there for him';
};

subtest 'RFC 2180 4, RFC 5530: numbers of messages that went' => sub {
	my ($one, $two) = map { imap('dora') } 1 .. 2;
	fill($one, 'INBOX', 1 .. 3);
	$one->cmd('CREATE to');
	$_->select('INBOX') for $one, $two;
	$two->cmd('STORE 2 +FLAGS.SILENT (\Deleted)');
	$two->cmd('EXPUNGE');
	$one->cmd('FETCH 1 (UID)');
	$one->cmd('FETCH 1:3 (UID)');
	is heard($one), "1 FETCH (UID 1)\n2 FETCH (UID 2)\n3 FETCH (UID 3)", '4.1: they can be read';
	like answer($one, 'STORE 2 +FLAGS (\Seen)'), qr/\AOK \[EXPUNGEISSUED\]/, 'STORE';
	like answer($one, 'COPY 1:2 to'), qr/\ANO \[EXPUNGEISSUED\]/, 'COPY does not say that there are copies';
	is heard($one), '2 EXPUNGE', 'and here it is told';
	is $one->status('to', 'MESSAGES')->{MESSAGES}, 0, 'there are none';
	like answer($one, 'COPY 1:2 to'), qr/\AOK \[COPYUID \d+ 1,3 1:2\]/, 'now there are';
};

subtest 'RFC 5465: NOTIFY' => sub {
	my ($one, $two) = map { imap('emil') } 1 .. 2;
	fill($two, 'INBOX', 1 .. 3);
	$two->cmd("CREATE $_") for 'misc', 'box (USE (\Archive))';
	$one->select('INBOX');
	fill($two, 'INBOX', 4);
	$one->cmd('NOTIFY SET (selected NONE)');
	is heard($one, 'EXISTS'), '4 EXISTS', '3.1: what happened so far is told';
	fill($two, 'INBOX', 5);
	$one->cmd('NOOP');
	is heard($one), '', 'nothing after it';
	$one->cmd('NOTIFY SET STATUS (selected (MessageNew (UID FLAGS) MessageExpunge FlagChange))'
			. ' (mailboxes misc (MessageNew MessageExpunge FlagChange)) (personal (MailboxName SubscriptionChange))');
	like heard($one, 'STATUS'), qr/\ASTATUS misc \(UIDVALIDITY \d+ UIDNEXT 1 MESSAGES 0 UNSEEN 0 HIGHESTMODSEQ \d+\)\z/,
		'3.1: FlagChange asks for HIGHESTMODSEQ, too';
	fill($one, 'INBOX', 6);
	is heard($one, 'FETCH'), '', '5.2: no FETCH of what the client appends';
	$one->cmd('COPY 1 INBOX');
	is heard($one, 'FETCH|EXISTS'), '7 EXISTS', 'or copies';
	fill($two, 'INBOX', 8);
	is hear($one, 'FETCH'), "8 EXISTS\n8 RECENT\n8 FETCH (UID 8 FLAGS (\\Recent))", 'but of what others do';
	$two->select('INBOX');
	$two->cmd('UID STORE 2 +FLAGS.SILENT (\Flagged)');
	is hear($one, 'FETCH'), '2 FETCH (UID 2 FLAGS (\Flagged \Recent))', '5.1: with its UID';
	$two->cmd('SUBSCRIBE box');
	is hear($one, 'LIST'), 'LIST (\Subscribed \HasNoChildren \Archive) "/" box', '5.5: with all attributes';
	$two->cmd('RENAME misc other');
	is hear($one, 'LIST'), 'LIST (\HasNoChildren) "/" other ("OLDNAME" (misc))', '5.4: with its old name';
	$two->cmd('DELETE other');
	is hear($one, 'LIST'), 'LIST (\NonExistent \HasNoChildren) "/" other', 'or that it is gone';
	like answer($one, 'NOTIFY SET (personal (AnnotationChange))'), qr/\ANO \[BADEVENT \(MessageNew /, '3.1: an event that is not there';
	is answer($one, "NOTIFY SET $_") =~ s/ .*//r, 'BAD', $_
		for '(selected (MessageNew))', '(selected (FlagChange))', '(selected (MailboxName))', '(selected NONE) (selected-delayed NONE)';
};

subtest 'RFC 5267, RFC 5465 7: searches that go on' => sub {
	my ($one, $two) = map { imap('frida') } 1 .. 2;
	fill($two, 'INBOX', 'b', 'd');
	$one->select('INBOX');
	$one->cmd('NOTIFY SET (selected (MessageNew MessageExpunge FlagChange))');
	my $bad = 'SEARCH RETURN (UPDATE (UID NONSENSE)) ALL';
	is answer($one, $bad) =~ s/ .*//r, 'BAD', $bad;
	$one->cmd('UID SORT RETURN (UPDATE COUNT) (SUBJECT) UTF-8 ALL');
	like heard($one), qr/\AESEARCH \(TAG "a\d+"\) UID COUNT 2\z/, 'a sort';
	my $sort = "a$one->{count}";
	fill($two, 'INBOX', 'c');
	is hear($one, 'ESEARCH'), qq{3 EXISTS\n3 RECENT\nESEARCH (TAG "$sort") UID ADDTO (2 3)}, 'between the two';
	$one->cmd(qq{CANCELUPDATE "$sort"});
	$one->cmd('SEARCH RETURN (COUNT UPDATE (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])) SUBJECT boss');
	my $search = "a$one->{count}";
	fill($two, 'INBOX', 'boss');
	is hear($one, 'ESEARCH'), "4 EXISTS\n4 RECENT\n4 FETCH (UID 4 BODY[HEADER.FIELDS (SUBJECT)] {17}\r\nSubject: boss\r\n\r\n)\n"
		. qq{ESEARCH (TAG "$search") ADDTO (0 4)}, 'UPDATE fetches what is new';
	$two->select('INBOX');
	$two->cmd('STORE 4 +FLAGS.SILENT (\Deleted)');
	$two->cmd('EXPUNGE');
	like hear($one, 'EXPUNGE'), qr/ESEARCH \(TAG "$search"\) REMOVEFROM \(0 4\)\n4 EXPUNGE\z/, 'it leaves before it goes';
	$one->send_raw("$search SORT RETURN (UPDATE) (DATE) UTF-8 ALL\r\n");
	like $one->wait($search)->{raw}, qr/\A$search BAD /, '4.3: a tag is used once';
};

subtest 'RFC 4731, 5182, 9394: results' => sub {
	my $imap = imap('gert', 'INBOX');
	fill($imap, 'INBOX', 1 .. 6);
	my $found = sub { $imap->cmd($_[0]); return heard($imap) =~ s/ESEARCH \(TAG "a\d+"\)/ESEARCH/r };
	is $found->('SEARCH RETURN (SAVE MIN MAX) ALL'), 'ESEARCH MIN 1 MAX 6', 'MIN, MAX';
	is $found->('UID SEARCH $'), 'SEARCH 1 6', 'are what is saved';
	is $found->('SEARCH RETURN (SAVE MIN COUNT) ALL'), 'ESEARCH MIN 1 COUNT 6', 'with COUNT';
	is $found->('SEARCH $'), 'SEARCH 1 2 3 4 5 6', 'all is';
	is $found->('SEARCH RETURN (SAVE PARTIAL -1:-2 MIN) ALL'), 'ESEARCH MIN 1 PARTIAL (-1:-2 5:6)', 'PARTIAL, from the end';
	is $found->('SEARCH $'), 'SEARCH 1 5 6', 'is, too';
	is $found->('UID SEARCH RETURN (PARTIAL 7:9) ALL'), 'ESEARCH UID PARTIAL (7:9 NIL)', 'nothing there';
	is $found->('UID FETCH 1:* (UID) (PARTIAL -1:-2)'), "5 FETCH (UID 5)\n6 FETCH (UID 6)", 'FETCH';
	is $found->('SEARCH RETURN (ALL) NOT ALL'), 'ESEARCH', 'no message, no ALL';
	is answer($imap, 'SEARCH RETURN (ALL PARTIAL 1:2) ALL') =~ s/ .*//r, 'BAD', 'ALL and PARTIAL';
	is $found->('SORT RETURN (ALL) (REVERSE SUBJECT) UTF-8 ALL'), 'ESEARCH ALL 6,5,4,3,2,1', 'RFC 5267 3.2: ranges only rise';
};

subtest 'a folder that others delete, rename, and make again' => sub {
	my ($one, $two) = map { imap('hans') } 1 .. 2;
	$one->cmd('CREATE x');
	fill($one, 'x', 1, 2);
	my $before = $one->status('x', 'UIDVALIDITY', 'MAILBOXID');
	$two->select('x');
	$one->cmd('RENAME x y');
	is $two->cmd('STORE 1 +FLAGS (\Seen)')->{type}, 'OK', 'renamed, it stays selected';
	is_deeply $one->status('y', 'UIDVALIDITY', 'MAILBOXID'), $before, 'RFC 8474 4: with its id';
	$one->cmd('DELETE y');
	like answer($two, 'STORE 1 +FLAGS (\Flagged)'), qr/\ANO \[NONEXISTENT\]/, 'deleted, it cannot be changed';
	ok defined $two->bye, 'and the session ends';
	$one->cmd('CREATE x');
	my $after = $one->status('x', 'UIDVALIDITY', 'MAILBOXID', 'UIDNEXT');
	cmp_ok $after->{UIDVALIDITY}, '>', $before->{UIDVALIDITY}, 'another UIDVALIDITY';
	isnt "@{ $after->{MAILBOXID} }", "@{ $before->{MAILBOXID} }", 'and id';
};

$p->stop;
done_testing;

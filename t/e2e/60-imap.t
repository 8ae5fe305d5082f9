#!/usr/bin/perl
# IMAP: the core of the session: selecting, what other sessions hear, APPEND, COPY, MOVE, EXPUNGE, IDLE, NOTIFY, CONDSTORE
# and QRESYNC, and what is refused.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Test;
use Test::More;
use Time::HiRes qw(time);

my %USERS = map { $_ => "$_-secret" } qw(anna bert carl dora emil frida gert hans ida jens kate lars mia nils otto);
my $p = Postroom::Test->start(users => \%USERS);

sub imap {
	my ($user, $folder) = @_;
	my $imap = $p->imap;
	$imap->login($user, $USERS{$user});
	ok $imap->is_ok, "$user is logged in" or diag explain $imap->last;
	$imap->select($folder) if defined $folder;
	return $imap;
}

# The responses of the last command, in short: "2 EXPUNGE", "VANISHED 4,5", "1 FETCH".
sub heard {
	my ($imap, @types) = @_;
	my %wanted = map { $_ => 1 } @types;
	return join ', ', map { (defined $_->{number} ? "$_->{number} " : '') . $_->{type} . ($_->{uids} ? " @{ $_->{uids} }" : '') }
		grep { !@types || $wanted{ $_->{type} } } $imap->untagged;
}

sub message {
	my ($number) = @_;
	return "Subject: $number\r\n\r\nBody $number\r\n";
}

sub fill {
	my ($imap, $folder, $count) = @_;
	$imap->append($folder, message($_)) for 1 .. $count;
	return ok $imap->is_ok, "$count messages in $folder";
}

sub flags_of {
	my ($imap, $uid) = @_;
	my $fetched = $imap->fetch("UID $uid", '(FLAGS)');
	my ($message) = values %$fetched;
	return join ' ', sort grep { $_ ne '\Recent' } @{ $message->{FLAGS} };
}

subtest '01-18.1 01-7.2 three sessions, one expunges' => sub {
	my @imap = map { imap('anna') } 1 .. 3;
	fill($imap[0], 'INBOX', 4);
	$_->select('INBOX') for @imap;
	$imap[1]->idle;
	$imap[0]->cmd('STORE 2:3 +FLAGS (\Deleted)');
	my $begin = time;
	$imap[0]->cmd('EXPUNGE');
	is heard($imap[0], 'EXPUNGE'), '2 EXPUNGE, 2 EXPUNGE', 'who does it is told';
	my $response = $imap[1]->wait_for(sub { $_[0]{type} eq 'EXPUNGE' }, 10);
	is $response->{number}, 2, 'in IDLE it is heard';
	cmp_ok time - $begin, '<', 2, 'at once';
	$imap[1]->wait_for(sub { $_[0]{type} eq 'EXPUNGE' }, 10);
	$imap[1]->done;
	$imap[2]->cmd('NOOP');
	is heard($imap[2], 'EXPUNGE'), '2 EXPUNGE, 2 EXPUNGE', 'otherwise with the next command';
};

subtest '01-18.2 delivery by SMTP in IDLE' => sub {
	my $imap = imap('bert', 'INBOX');
	$imap->idle;
	my $smtp = $p->smtp;
	like $smtp->send_message('sender@remote.test', ['bert@example.test'], message(1)), qr/\A250/, 'delivered';
	my $begin = time;
	ok $imap->wait_for(sub { $_[0]{type} eq 'EXISTS' && $_[0]{number} == 1 }, 10), 'EXISTS';
	cmp_ok time - $begin, '<', 2, 'within two seconds';
	is $imap->done->{type}, 'OK', 'DONE';
};

subtest '01-18.3 APPEND is seen by others' => sub {
	my ($one, $two) = map { imap('carl') } 1 .. 2;
	$one->cmd('CREATE "Sent Items"');
	ok $two->select('Sent Items'), 'the other one has it open';
	$one->append('Sent Items', message(1), '\Seen');
	$two->cmd('NOOP');
	is heard($two, 'EXISTS'), '1 EXISTS', 'and sees the message';
	like $two->fetch(1, '(BODY.PEEK[])')->{1}{'BODY[]'}, qr/Body 1/, 'and can read it';
};

subtest '01-18.4 subscriptions are the client\'s' => sub {
	my $imap = imap('dora');
	my $listed = sub {
		my ($command) = @_;
		$imap->cmd(qq{$command "" "*"});
		return scalar grep { $_->{raw} =~ /Projects/ } $imap->untagged;
	};
	$imap->cmd('CREATE Projects');
	is $listed->('LSUB'), 0, 'CREATE does not subscribe';
	$imap->cmd('SUBSCRIBE Projects');
	$imap->cmd('DELETE Projects');
	is $listed->('LSUB'), 1, 'DELETE does not unsubscribe';
	is $listed->('LIST'), 0, 'LIST shows what there is';
	is $imap->cmd('SELECT Projects')->{type}, 'NO', 'it cannot be selected';
};

subtest '01-18.5 what is done stays' => sub {
	my $imap = imap('emil');
	fill($imap, 'INBOX', 2);
	$imap->cmd('CREATE Archive');
	$imap->select('INBOX');
	is $imap->cmd('COPY 1 Archive')->{code}, 'COPYUID', 'COPY';
	$imap->cmd('STORE 2 +FLAGS (\Answered)');
	$imap->logout;
	$imap = imap('emil', 'INBOX');
	is flags_of($imap, 2), '\Answered', 'flags';
	is_deeply $imap->search('SEARCH UNSEEN'), [1, 2], 'unseen ones';
	is $imap->select('Archive')->{exists}, 1, 'the copy';
};

subtest '01-18.6 wrong state, wrong folder' => sub {
	my $imap = $p->imap;
	like $imap->cmd('SELECT INBOX')->{type}, qr/NO|BAD/, 'before the login';
	$imap = imap('frida');
	is $imap->cmd('SELECT nofolder')->{type}, 'NO', 'no such folder';
	is $imap->cmd('FETCH 1 FLAGS')->{type}, 'BAD', 'nothing is selected';
	is $imap->cmd('LOGIN frida x')->{type}, 'BAD', 'logged in already';
	is $imap->cmd('NOSUCH')->{type}, 'BAD', 'no such command';
	is $imap->cmd('NOOP')->{type}, 'OK', 'the connection is kept';
};

subtest '05-13.5 copies keep flags and dates, or do not' => sub {
	my $imap = imap('gert');
	$imap->cmd('APPEND INBOX (\Flagged) "17-Jul-1996 02:44:25 -0700" ', \message(1));
	$imap->select('INBOX');
	$imap->cmd('COPY 1 INBOX');
	my $copy = $imap->fetch(2, '(FLAGS INTERNALDATE)')->{2};
	ok((grep { $_ eq '\Flagged' } @{ $copy->{FLAGS} }), 'flagged');
	is $copy->{INTERNALDATE}, '17-Jul-1996 09:44:25 +0000', 'its date';
	$p->set('imap.copy-keeps-flags' => 'off');
	my $new = imap('gert', 'INBOX');
	$new->cmd('COPY 1 INBOX');
	$copy = $new->fetch(3, '(FLAGS INTERNALDATE)')->{3};
	is_deeply [grep { $_ ne '\Recent' } @{ $copy->{FLAGS} }], [], 'not flagged';
	unlike $copy->{INTERNALDATE}, qr/1996/, 'of today';
	$p->set('imap.copy-keeps-flags' => 'on');
};

subtest '05-13.6 IDLE can be turned off' => sub {
	my $imap = imap('gert');
	ok $imap->has('IDLE'), 'announced';
	$p->set('imap.idle' => 'off');
	$imap = imap('gert');
	ok !$imap->has('IDLE'), 'not announced';
	is $imap->cmd('IDLE')->{type}, 'BAD', 'nor taken';
	$p->set('imap.idle' => 'on');
};

subtest 'numbers move only when they may' => sub {
	my ($one, $two) = map { imap('hans') } 1 .. 2;
	fill($one, 'INBOX', 5);
	$_->select('INBOX') for $one, $two;
	$two->cmd('STORE 1,3 +FLAGS.SILENT (\Deleted)');
	is heard($two, 'FETCH'), '', '.SILENT is silent';
	$two->cmd('EXPUNGE');
	# RFC 9051 7.5.1: not in FETCH, STORE, SEARCH
	for my $command ('FETCH 5 (UID)', 'STORE 5 +FLAGS (\Seen)', 'SEARCH ALL') {
		$one->cmd($command);
		is heard($one, 'EXPUNGE'), '', "no EXPUNGE in $command";
	}
	is $one->fetch(5, '(UID)')->{5}{UID}, 5, 'number 5 is still UID 5';
	$one->cmd('UID FETCH 5 (FLAGS)');
	is heard($one, 'EXPUNGE'), '1 EXPUNGE, 2 EXPUNGE', 'EXPUNGE in UID FETCH';
	is $one->fetch(3, '(UID)')->{3}{UID}, 5, 'now it is number 3';
	$two->cmd('STORE 3 FLAGS (\Answered blue)');
	$one->cmd('NOOP');
	my ($fetch) = $one->untagged('FETCH');
	is_deeply [sort grep { $_ ne '\Recent' } @{ $fetch->{items}{FLAGS} }], [qw(\Answered blue)], 'flags of others are told';
	ok((grep { $_ eq 'blue' } map { @{ $_->{data}[0] } } $one->untagged('FLAGS')), 'and a new keyword in FLAGS');
};

subtest 'CONDSTORE and QRESYNC' => sub {
	my ($one, $two) = map { imap('ida') } 1 .. 2;
	fill($one, 'INBOX', 6);
	is_deeply [$one->enable('QRESYNC')], ['QRESYNC'], 'enabled';
	my $before = $one->select('INBOX');
	$two->select('INBOX');
	$two->cmd('STORE 2,4 +FLAGS.SILENT (\Deleted)');
	$two->cmd('EXPUNGE');
	$two->cmd('STORE 1 +FLAGS.SILENT (\Flagged)');
	$one->cmd("STORE 1:6 (UNCHANGEDSINCE $before->{highestmodseq}) +FLAGS.SILENT (\\Seen)");
	is $one->last->{code}, 'MODIFIED', 'changed meanwhile';
	is $one->last->{code_data}[0], '1', 'the first';
	is heard($one, 'EXPUNGE', 'VANISHED'), '', 'nothing vanishes in STORE';
	is_deeply [map { $_->{code_data}[0] } grep { ($_->{code} // '') eq 'HIGHESTMODSEQ' } $one->untagged('OK')],
		[$before->{highestmodseq}], 'the client is told how far it may believe (RFC 7162 section 6)';
	$one->cmd('NOOP');
	is heard($one, 'VANISHED'), 'VANISHED 2 4', 'VANISHED instead of EXPUNGE';
	$one->logout;

	my $again = imap('ida');
	$again->enable('QRESYNC');
	is $again->cmd('SELECT INBOX (QRESYNC (1))')->{type}, 'BAD', 'two arguments at least';
	$again->cmd("SELECT INBOX (QRESYNC ($before->{uidvalidity} $before->{highestmodseq}))");
	my ($vanished) = $again->untagged('VANISHED');
	is_deeply [$vanished->{earlier}, @{ $vanished->{uids} }], [1, 2, 4], 'VANISHED (EARLIER)';
	is_deeply [map { $_->{items}{UID} } $again->untagged('FETCH')], [1, 3, 5, 6], 'those that changed';
	$again->cmd("SELECT INBOX (QRESYNC ($before->{uidvalidity} $before->{highestmodseq} 4:5 (1,2 1,3)))");
	is heard($again, 'VANISHED'), 'VANISHED 4', 'of known UIDs only';
	is_deeply [map { $_->{items}{UID} } $again->untagged('FETCH')], [5], 'these too';
	$again->cmd('SELECT INBOX (QRESYNC (1 1))');
	is heard($again, 'VANISHED', 'FETCH'), '', 'another UIDVALIDITY: nothing';
	is(imap('ida')->cmd('SELECT INBOX (QRESYNC (1 1))')->{type}, 'BAD', 'not enabled');
};

subtest 'COPY, MOVE, UID EXPUNGE, CLOSE' => sub {
	my $imap = imap('jens');
	fill($imap, 'INBOX', 5);
	$imap->select('INBOX');
	is $imap->cmd('COPY 1 nowhere')->{code}, 'TRYCREATE', 'it could be made';
	is $imap->cmd('UID COPY 99 INBOX')->{type}, 'OK', 'UIDs that are not there are passed over';
	is $imap->cmd('COPY 9 INBOX')->{type}, 'BAD', 'numbers are not';
	$imap->cmd('CREATE Box');
	my $moved = $imap->cmd('MOVE 2,4 Box');
	my @order = map { $_->{code} // "$_->{number} $_->{type}" } $imap->untagged;
	is_deeply \@order, ['COPYUID', '2 EXPUNGE', '3 EXPUNGE'], 'RFC 6851 4.3: COPYUID before EXPUNGE';
	is $imap->last->{type}, 'OK', 'moved';
	$imap->cmd('STORE 1:3 +FLAGS.SILENT (\Deleted)');
	$imap->cmd('UID EXPUNGE 3:4');
	is heard($imap, 'EXPUNGE'), '2 EXPUNGE', 'of these UIDs alone';
	$imap->cmd('EXAMINE INBOX');
	is $imap->last->{code}, 'READ-ONLY', 'EXAMINE';
	ok((grep { ($_->{code} // '') eq 'CLOSED' } $imap->untagged('OK')), 'CLOSED for what was selected');
	is $imap->cmd($_)->{type}, 'NO', "$_ is refused" for 'EXPUNGE', 'STORE 1 FLAGS (\Seen)', 'MOVE 1 Box';
	is $imap->cmd('CLOSE')->{type}, 'OK', 'CLOSE';
	is $imap->select('INBOX')->{exists}, 2, 'removes nothing then';
	$imap->cmd('CLOSE');
	is heard($imap), '', 'CLOSE says nothing of what goes';
	is $imap->select('INBOX')->{exists}, 0, 'and it went';
	is $imap->select('Box')->{exists}, 2, 'the moved ones are there';
	is $imap->cmd('UNSELECT')->{type}, 'OK', 'UNSELECT';
	is $imap->cmd('CHECK')->{type}, 'BAD', 'nothing is selected';
};

subtest 'APPEND' => sub {
	my $imap = imap('kate');
	is $imap->cmd('APPEND nowhere ', \message(1))->{code}, 'TRYCREATE', 'no such folder';
	$imap->{literal_plus} = 1;
	is $imap->cmd('APPEND nowhere ', \message(1))->{code}, 'TRYCREATE', 'also where the message comes unasked';
	my $two = $imap->cmd('APPEND INBOX (\Seen) ', \message(1), ' (\Draft blue) "17-Jul-1996 02:44:25 -0700" ', \message(2));
	is_deeply [$two->{code}, $two->{code_data}[1]], ['APPENDUID', '1:2'], 'two at a time (RFC 3502)';
	is $imap->cmd('APPEND INBOX ', \message(3), ' ', \'')->{type}, 'NO', 'an empty one takes all back';
	is $imap->select('INBOX')->{exists}, 2, 'nothing was added';
	is flags_of($imap, 2), '\Draft blue', 'flags and keywords';
	my $odd = "Subject: odd\r\n\r\nbare\nline\rends and \xff\r\n";
	$imap->append('INBOX', $odd);
	is $imap->fetch(3, '(BODY.PEEK[])')->{3}{'BODY[]'}, $odd, 'octets are kept as they are';
	is $imap->append('INBOX', "Subject: \0\r\n\r\n")->{type}, 'BAD', 'a NUL is not for a literal';
	my $large = "Subject: large\r\n\r\n" . ('0123456789abcdef' x 4 . "\r\n") x 20000;
	is $imap->append('INBOX', $large)->{type}, 'OK', 'a large one';
	is $imap->fetch(4, '(BODY.PEEK[])')->{4}{'BODY[]'}, $large, 'comes back';
	my ($limit) = map { /\AAPPENDLIMIT=(\d+)\z/ } keys %{ $imap->capability };
	ok $limit, 'APPENDLIMIT';
	$imap->send_raw('t1 APPEND INBOX {' . ($limit + 1) . "}\r\n");
	is $imap->wait('t1')->{code}, 'TOOBIG', 'refused before it is sent';
	is $imap->cmd('NOOP')->{type}, 'OK', 'the connection goes on';
	is $imap->cmd('UID REPLACE 2 INBOX (\Seen) ', \message(9))->{type}, 'OK', 'REPLACE (RFC 8508)';
	is heard($imap, 'EXPUNGE', 'EXISTS'), '2 EXPUNGE, 4 EXISTS', 'one comes, one goes';
};

subtest 'CATENATE (RFC 4469)' => sub {
	my $imap = imap('kate');
	$imap->cmd('CREATE Drafts2');
	my $selected = $imap->select('Drafts2');
	$imap->append('Drafts2', "Subject: old\r\nX: 1\r\n\r\nThe body\r\n");
	my $url = "/Drafts2;UIDVALIDITY=$selected->{uidvalidity}/;UID=1";
	$imap->cmd('APPEND Drafts2 (\Draft) CATENATE (TEXT ', \"Subject: new\r\n\r\n", qq{ URL "$url/;SECTION=TEXT" TEXT }, \"end\r\n", ')');
	is $imap->last->{code}, 'APPENDUID', 'put together';
	is $imap->fetch(2, '(BODY.PEEK[])')->{2}{'BODY[]'}, "Subject: new\r\n\r\nThe body\r\nend\r\n", 'as it should be';
	is flags_of($imap, 2), '\Draft', 'with flags';
	$imap->cmd('APPEND Drafts2 CATENATE (URL "/;UID=1/;SECTION=HEADER" TEXT ', \"x\r\n", ')');
	is $imap->fetch(3, '(BODY.PEEK[])')->{3}{'BODY[]'}, "Subject: old\r\nX: 1\r\n\r\nx\r\n", 'relative to the selected folder';
	for my $bad ('/Drafts2/;UID=99', '/Nowhere/;UID=1', 'http://x/', "/Drafts2;UIDVALIDITY=1/;UID=1", 'imap://other/Drafts2/;UID=1') {
		is $imap->cmd(qq{APPEND Drafts2 CATENATE (URL "$bad" TEXT }, \"x\r\n", ')')->{code}, 'BADURL', "not $bad";
	}
	is $imap->cmd('APPEND Drafts2 CATENATE (FILE x)')->{type}, 'BAD', 'neither TEXT nor URL';
	is $imap->select('Drafts2')->{exists}, 3, 'what failed left nothing';
};

subtest 'bad input' => sub {
	my $imap = imap('lars', 'INBOX');
	my @bad = (
		'FETCH', 'FETCH 0 FLAGS', 'FETCH 1:x FLAGS', 'STORE 1 FLAGS', 'SELECT', 'SELECT "open', 'SELECT "&Jjo!"',
		'STORE 1 FLAGS (\Nosuch)', 'APPEND INBOX (\Recent) {3}', 'ENABLE', 'UID', 'UID NOOP', 'NOOP now', 'COPY 1',
		'SEARCH ' . '(' x 1000, 'SELECT ' . 'x' x 70000, "SELECT \"\xff\"", 'EXPUNGE 1', 'IDLE 1', 'NOTIFY', 'NOTIFY SET (x y)',
	);
	for my $command (@bad) {
		is $imap->cmd($command)->{type}, 'BAD', 'BAD: ' . substr($command =~ s/[^ -~]/?/gr, 0, 40);
		$imap->cmd('NOOP');
	}
	$imap->send_raw("t1 SELECT {600000}\r\n");
	is $imap->wait('t1')->{type}, 'NO', 'a literal too large is refused before it is sent';
	$imap->send_raw("t2 LIST {600000+}\r\n" . 'x' x 600000 . "\r\nt3 NOOP\r\n");
	is $imap->wait('t2')->{type}, 'NO', 'or read away';
	is $imap->wait('t3')->{type}, 'OK', 'and the next command is found';
	$imap->cmd('SEARCH ' . 'NOT ' x 1000 . 'ALL');
	$imap->cmd('NOOP');
	for my $limit ('The line is too long', 'Parentheses are nested too deep', 'search keys are nested too deeply', 'The literal is too large') {
		ok $p->wait_log(qr/limit exceeded, user=lars peer=\S+: .*$limit/), "logged: $limit";
	}
	$imap->cmd("NONSENSE $_") for 1 .. 49;
	is $imap->last->{type}, 'BAD', 'nonsense';
	$imap->cmd('NONSENSE');
	like $imap->bye // '', qr/bad commands/, 'too much nonsense ends the connection';
};

subtest 'pipelining' => sub {
	my $imap = imap('mia');
	fill($imap, 'INBOX', 3);
	my @tags = map { $imap->start($_) } 'SELECT INBOX', 'STORE 1 +FLAGS (\Seen)', 'FETCH 1:3 (FLAGS)', 'NOOP';
	is $imap->wait($_)->{type}, 'OK', 'in order' for @tags;
	$imap->send_raw("i1 IDLE\r\nDONE\r\ni2 NOOP\r\n");
	is $imap->wait->{tag}, '+', 'IDLE';
	is $imap->wait('i1')->{type}, 'OK', 'DONE';
	is $imap->wait('i2')->{type}, 'OK', 'what comes behind';
};

subtest 'NOTIFY (RFC 5465)' => sub {
	my ($one, $two) = map { imap('nils') } 1 .. 2;
	$two->cmd('CREATE Lists');
	$one->select('INBOX');
	is $one->cmd('NOTIFY SET (selected (Nonsense))')->{code}, 'BADEVENT', 'an event that is not known';
	is $one->cmd('NOTIFY SET (selected (MessageNew))')->{type}, 'BAD', 'MessageNew needs MessageExpunge';
	is $one->cmd('NOTIFY SET (selected (MessageNew (nosuch) MessageExpunge))')->{type}, 'BAD', 'what FETCH does not know';
	$one->cmd('NOTIFY SET STATUS (selected (MessageNew (uid body.peek[header.fields (subject)]) MessageExpunge)) '
			. '(personal (MessageNew MessageExpunge MailboxName SubscriptionChange))');
	is $one->last->{type}, 'OK', 'NOTIFY SET';
	my %stated = map { /STATUS (\S+)/ => 1 } map { $_->{raw} } $one->untagged('STATUS');
	ok $stated{Lists} && !$stated{INBOX}, 'a STATUS for each that is not selected';
	$two->append('Lists', message(1));
	my $status = $one->wait_for(sub { $_[0]{type} eq 'STATUS' }, 10);
	is $status->{options}{MESSAGES}, 1, 'STATUS without a command';
	$two->append('INBOX', message(2));
	ok $one->wait_for(sub { $_[0]{type} eq 'EXISTS' }, 10), 'EXISTS of the selected folder';
	my $fetch = $one->wait_for(sub { $_[0]{type} eq 'FETCH' }, 10);
	like $fetch->{raw}, qr/Subject: 2/, 'with what was asked for';
	$two->select('INBOX');
	$two->cmd('STORE 1 +FLAGS (\Deleted)');
	$two->cmd('EXPUNGE');
	ok $one->wait_for(sub { $_[0]{type} eq 'EXPUNGE' }, 10), 'EXPUNGE';
	$two->cmd('CREATE New');
	like $one->wait_for(sub { $_[0]{type} eq 'LIST' }, 10)->{raw}, qr/New/, 'LIST of a new folder';
	$two->cmd('RENAME New Newer');
	like $one->wait_for(sub { $_[0]{type} eq 'LIST' }, 10)->{raw}, qr/Newer.*OLDNAME.*New/, 'of a renamed one';
	$two->cmd('SUBSCRIBE Newer');
	like $one->wait_for(sub { $_[0]{type} eq 'LIST' }, 10)->{raw}, qr/\\Subscribed.*Newer/, 'of a subscription';
	$two->cmd('DELETE Newer');
	like $one->wait_for(sub { $_[0]{type} eq 'LIST' }, 10)->{raw}, qr/\\NonExistent.*Newer/, 'of one that went';
	is $one->cmd('NOTIFY NONE')->{type}, 'OK', 'NOTIFY NONE';
	$two->append('INBOX', message(3));
	$one->cmd('NOOP');
	is heard($one, 'EXISTS'), '', 'nothing is told any more';
};

subtest 'IDLE hears of a change within 100 ms' => sub {
	my ($one, $two) = map { imap('otto', 'INBOX') } 1 .. 2;
	fill($two, 'INBOX', 1);
	$one->cmd('NOOP');
	$one->idle;
	my @times;
	for my $round (1 .. 10) {
		my $begin = time;
		$two->cmd('STORE 1 ' . ($round % 2 ? '+' : '-') . 'FLAGS.SILENT (\Flagged)');
		$one->wait_for(sub { $_[0]{type} eq 'FETCH' }, 10);
		push @times, time - $begin;
	}
	my ($median) = (sort { $a <=> $b } @times)[5];
	diag sprintf 'a change is heard after %.1f ms (median)', $median * 1000;
	ok $median < 1, 'heard at once';
	$one->done;
};

$p->stop;
done_testing;

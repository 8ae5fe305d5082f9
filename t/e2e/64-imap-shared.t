#!/usr/bin/perl
# Folders of other users, and who may do what with them: "#users/<owner>/...", access lists (RFC 4314), groups.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Test;
use Test::More;
use Time::HiRes qw(sleep time);

my $p = Postroom::Test->start(users => { map { $_ => "$_-secret" } qw(karen anna bert) });

sub logged_in {
	my ($user) = @_;
	my $imap = $p->imap;
	$imap->login($user, "$user-secret");
	die "$user: " . $imap->last->{raw} if !$imap->is_ok;
	return $imap;
}

my ($karen, $anna, $bert) = map { logged_in($_) } qw(karen anna bert);

# "NO NOPERM"
sub result {
	my ($imap, @pieces) = @_;
	my $answer = $imap->cmd(@pieces);
	return join ' ', grep { defined } $answer->{type}, $answer->{code};
}

# The untagged responses of a command as lines, sorted; a command that fails dies.
sub lines {
	my ($imap, @pieces) = @_;
	my $answer = $imap->cmd(@pieces);
	die "@pieces: $answer->{raw}" if $answer->{type} ne 'OK';
	return [sort map { $_->{raw} =~ s/\r?\n\z//r } $imap->untagged];
}

sub ok_command {
	my ($imap, @pieces) = @_;
	my $answer = $imap->cmd(@pieces);
	die "@pieces: $answer->{raw}" if $answer->{type} ne 'OK';
	return $answer;
}

sub message {
	my ($subject) = @_;
	return "Subject: $subject\r\n\r\nText of $subject.\r\n";
}

# A folder of Karen's with messages of these subjects, shared with Anna by these rights.
sub shared_folder {
	my ($name, $rights, @subjects) = @_;
	$karen->cmd("DELETE $name");
	ok_command($karen, "CREATE $name");
	ok_command($karen, "SETACL $name anna $rights") if $rights ne '';
	$karen->append($name, message($_)) for @subjects;
	return "#users/karen/$name";
}

sub subjects {
	my ($imap, $set) = @_;
	my $found = $imap->fetch($set // '1:*', '(ENVELOPE)');
	return join ',', map { $found->{$_}{ENVELOPE}[1] } sort { $a <=> $b } keys %$found;
}

sub wait_gone {
	my ($pid) = @_;
	for (1 .. 500) {
		return if !grep { $_ == $pid } $p->pids('imapd');
		sleep 0.01;
	}
	die "process $pid does not end\n";
}

subtest '01-5.3 the namespaces, and the top level without others' => sub {
	is_deeply lines($anna, 'NAMESPACE'), ['* NAMESPACE (("" "/")) (("#users/" "/")) NIL'], 'NAMESPACE';
	is_deeply [grep { /#users/ } @{ lines($anna, 'LIST "" "%"') }], [], 'nothing is shared: nothing is told';
	like join(' ', @{ lines($anna, 'LIST "" "%"') }), qr/"\/" INBOX/, 'INBOX is';
	ok $anna->has('ACL') && $anna->has('RIGHTS=kxte'), 'ACL is announced';
};

subtest 'access lists: set, changed, read, removed' => sub {
	ok_command($karen, 'CREATE Work');
	is_deeply lines($karen, 'MYRIGHTS Work'), ['* MYRIGHTS Work lrswipkxteacd'], 'MYRIGHTS of the owner';
	is_deeply lines($karen, 'GETACL Work'), ['* ACL Work karen lrswipkxteacd'], 'GETACL of what is not shared';
	is result($karen, 'SETACL Work anna lr'), 'OK', 'SETACL';
	is result($karen, 'SETACL Work Anna +swt'), 'OK', 'more rights, the name in another case';
	is result($karen, 'SETACL Work anna -w'), 'OK', 'fewer';
	is result($karen, 'SETACL Work anyone l'), 'OK', 'anyone';
	is result($karen, 'SETACL Work -bert l'), 'OK', 'negative rights';
	is_deeply lines($karen, 'GETACL Work'), ['* ACL Work karen lrswipkxteacd -bert l anyone l anna lrstd'], 'GETACL';
	is result($karen, 'SETACL Work anna lrd'), 'OK', 'old letters';
	is_deeply lines($karen, 'GETACL Work'), ['* ACL Work karen lrswipkxteacd -bert l anyone l anna lrted'], 'stand for new ones';
	is result($karen, 'DELETEACL Work -bert'), 'OK', 'DELETEACL';
	is result($karen, 'DELETEACL Work anyone'), 'OK', 'of anyone';
	is result($karen, 'SETACL Work anna ""'), 'OK', 'no rights';
	is_deeply lines($karen, 'GETACL Work'), ['* ACL Work karen lrswipkxteacd'], 'all are gone';
	is result($karen, 'SETACL Work nobody lr'), 'NO NONEXISTENT', 'a user that does not exist';
	is result($karen, 'SETACL Work $none lr'), 'NO NONEXISTENT', 'nor such a group';
	is result($karen, 'SETACL Work anna lrQ'), 'BAD', 'a letter that is none';
	is result($karen, 'SETACL Work karen lr'), 'NO NOPERM', "the owner's own rights are not for him to set";
	is result($karen, 'SETACL Nowhere anna lr'), 'NO NONEXISTENT', 'a folder that is not there';
	is_deeply lines($karen, 'LISTRIGHTS Work anna'), ['* LISTRIGHTS Work anna "" l r s w i p k x t e a c d'], 'LISTRIGHTS';
	is_deeply lines($karen, 'LISTRIGHTS Work karen'), ['* LISTRIGHTS Work karen lrswipkxteacd'], 'of the owner';
};

subtest 'a shared folder is seen, opened and read' => sub {
	is result($anna, 'SELECT #users/karen/Work'), 'NO NONEXISTENT', 'not before it is shared';
	my $name = shared_folder('Work', 'lr', qw(one two));
	is_deeply lines($anna, 'LIST "" "#users/*"'), [
		'* LIST (\HasNoChildren) "/" #users/karen/Work', '* LIST (\NonExistent \Noselect \HasChildren) "/" #users/karen',
	], 'LIST tells of it, and of the level above';
	is_deeply [grep { /#users/ } @{ lines($anna, 'LIST "" "%"') }], ['* LIST (\NonExistent \Noselect \HasChildren) "/" #users'],
		'and "%" of the top';
	is_deeply lines($anna, 'LIST "" "#users/karen/%" RETURN (STATUS (MESSAGES UNSEEN))'), [
		'* LIST (\HasNoChildren) "/" #users/karen/Work', '* STATUS #users/karen/Work (MESSAGES 2 UNSEEN 2)',
	], 'LIST with STATUS';
	is_deeply lines($anna, "STATUS $name (MESSAGES)"), ["* STATUS $name (MESSAGES 2)"], 'STATUS';
	is_deeply lines($anna, "MYRIGHTS $name"), ["* MYRIGHTS $name lr"], 'MYRIGHTS';
	my $selected = $anna->select($name);
	is $selected->{exists}, 2, 'SELECT';
	is $selected->{read_only}, 1, 'for reading only';
	is subjects($anna), 'one,two', 'FETCH';
	$anna->cmd('FETCH 1 BODY[]');
	unlike $anna->fetch('1', '(FLAGS)')->{1}{FLAGS} && "@{ $anna->fetch('1', '(FLAGS)')->{1}{FLAGS} }", qr/\\Seen/, 'no \Seen without "s"';
	is_deeply $anna->search('SEARCH SUBJECT two'), [2], 'SEARCH';
	is result($anna, 'STORE 1 +FLAGS (\Seen)'), 'NO READ-ONLY', 'STORE is refused';
	is result($anna, 'UNSELECT'), 'OK', 'UNSELECT';
	is result($anna, 'FETCH 1 FLAGS'), 'BAD', 'then nothing is selected';
	is result($bert, "SELECT $name"), 'NO NONEXISTENT', 'who has no rights does not know that it is there';
	is result($anna, 'SELECT #users/karen/INBOX'), 'NO NONEXISTENT', 'nor does Anna of others';
	is result($anna, 'SELECT #users/nobody/INBOX'), 'NO NONEXISTENT', 'a user that does not exist looks the same';
	is result($anna, 'SELECT ', \$name), 'OK READ-ONLY', 'the name as a literal';
	is result($anna, 'SELECT INBOX'), 'OK READ-WRITE', 'back to one of her own';
	is scalar($anna->untagged('EXISTS')), 1, 'which is the one that is selected';
	is result($anna, 'SELECT #users/KAREN/Work'), 'OK READ-ONLY', "the owner's name in another case";
	$anna->cmd('UNSELECT');
};

subtest 'each right allows what it says' => sub {
	my %needed = (
		s => ['STORE 1 +FLAGS (\Seen)'], w => ['STORE 1 +FLAGS (\Flagged)'], t => ['STORE 1 +FLAGS (\Deleted)'],
		e => ['EXPUNGE'],
	);
	for my $right (sort keys %needed) {
		my @others = grep { $_ ne $right } qw(s w t e);
		my $name = shared_folder('Rights', "lr$right", 'one');
		$anna->select($name);
		is result($anna, @{ $needed{$right} }), 'OK', "$right: @{ $needed{$right} }";
		is result($anna, @{ $needed{$_} }), 'NO NOPERM', "without $_" for @others;
		$anna->cmd('UNSELECT');
	}
	my $name = shared_folder('Rights', 'lr', 'one');
	is result($anna, "APPEND $name ", \message('new')), 'NO NOPERM', 'APPEND without "i"';
	is result($anna, "CREATE $name/Below"), 'NO NOPERM', 'CREATE without "k"';
	is result($anna, "DELETE $name"), 'NO NOPERM', 'DELETE without "x"';
	is result($anna, "RENAME $name $name-2"), 'NO NOPERM', 'RENAME without "x"';
	is result($anna, "GETACL $name"), 'NO NOPERM', 'GETACL without "a"';
	is result($anna, "SETACL $name bert lr"), 'NO NOPERM', 'SETACL';
	ok_command($karen, 'SETACL Rights anna lrik');
	like result($anna, "APPEND $name (\\Seen \\Flagged) ", \message('new')), qr/\AOK APPENDUID/, 'APPEND with "i"';
	$anna->select($name);
	is_deeply [grep { !/Recent/ } @{ $anna->fetch('2', '(FLAGS)')->{2}{FLAGS} }], [], 'without the flags that she may not set';
	is result($anna, "CREATE $name/Below"), 'OK MAILBOXID', 'CREATE with "k"';
	is_deeply lines($anna, "MYRIGHTS $name/Below"), ["* MYRIGHTS $name/Below lrikc"], 'which takes over the list';
	is result($anna, 'CREATE #users/karen/Top'), 'NO NOPERM', 'but at the top nobody else makes folders';
	ok_command($karen, 'SETACL Rights/Below anna lrx');
	is result($anna, "RENAME $name/Below $name/Low"), 'OK', 'RENAME with "x", and "k" above';
	is result($anna, "RENAME $name/Low Mine"), 'NO CANNOT', 'not to another mailbox';
	is result($anna, "DELETE $name/Low"), 'OK', 'DELETE with "x"';
	$anna->cmd('UNSELECT');
};

subtest 'some flags of several may be set: those are' => sub {
	my $name = shared_folder('Flags', 'lrs', 'one');
	ok_command($karen, 'SELECT Flags');
	ok_command($karen, 'STORE 1 FLAGS (\Flagged $Mine)');
	like join(' ', @{ lines($anna, "SELECT $name") }), qr/PERMANENTFLAGS \(\\Seen\)/, 'PERMANENTFLAGS says which';
	is result($anna, 'STORE 1 FLAGS (\Seen \Answered)'), 'OK', 'STORE';
	is join(' ', sort grep { !/Recent/ } @{ $anna->fetch('1', '(FLAGS)')->{1}{FLAGS} }), '$Mine \Flagged \Seen', 'the rest stays';
	ok_command($karen, 'UNSELECT');
	ok_command($anna, 'UNSELECT');
};

subtest 'who has "a" shares on' => sub {
	my $name = shared_folder('Office', 'lra', 'one');
	is_deeply lines($anna, "GETACL $name"), ["* ACL $name karen lrswipkxteacd anna lra"], 'GETACL';
	is result($bert, "SELECT $name"), 'NO NONEXISTENT', 'Bert does not see it';
	is result($anna, "SETACL $name bert lr"), 'OK', 'until Anna says so';
	is result($bert, "SELECT $name"), 'OK READ-ONLY', 'then he does';
	is result($anna, "SETACL $name karen lr"), 'NO NOPERM', "the owner's rights stay his";
	is result($anna, "DELETEACL $name bert"), 'OK', 'and takes it back';
	my $answer = $bert->cmd('NOOP');
	like $bert->bye // '', qr/not shared any more/, 'who has it open is told';
	$bert = logged_in('bert');
};

subtest '01-18.1 changes are heard of at once, both ways' => sub {
	my $name = shared_folder('Live', 'lrswite', qw(one two three));
	$anna->select($name);
	ok_command($karen, 'SELECT Live');
	$anna->idle;
	my $began = time;
	$karen->cmd('STORE 2 +FLAGS (\Deleted)');
	ok $anna->wait_for(sub { $_[0]{type} eq 'FETCH' }, 5), 'a flag';
	$karen->cmd('EXPUNGE');
	ok $anna->wait_for(sub { $_[0]{type} eq 'EXPUNGE' && $_[0]{number} == 2 }, 5), 'what the owner removes';
	$karen->append('Live', message('four'));
	ok $anna->wait_for(sub { $_[0]{type} eq 'EXISTS' && $_[0]{number} == 3 }, 5), 'what comes';
	is $anna->done->{type}, 'OK', 'DONE';
	$karen->idle;
	ok_command($anna, 'STORE 1 +FLAGS (\Deleted)');
	ok_command($anna, 'EXPUNGE');
	ok $karen->wait_for(sub { $_[0]{type} eq 'EXPUNGE' }, 5), 'and what the guest does';
	is $karen->done->{type}, 'OK', 'DONE';
	ok_command($_, 'UNSELECT') for $anna, $karen;
};

subtest 'COPY and MOVE between mailboxes' => sub {
	my $name = shared_folder('Desk', 'lrswite', qw(one two three));
	$anna->cmd('DELETE Mine');
	ok_command($anna, 'CREATE Mine');
	my $uidvalidity = $anna->status('Mine', 'UIDVALIDITY')->{UIDVALIDITY};
	ok_command($karen, 'SELECT Desk');
	ok_command($karen, 'STORE 1 FLAGS (\Flagged $Red)');
	my $date = $karen->fetch('1', '(INTERNALDATE)')->{1}{INTERNALDATE};
	$anna->select($name);
	my $answer = $anna->cmd('COPY 1:2 Mine');
	is "$answer->{type} $answer->{code}", 'OK COPYUID', 'COPY from there';
	like $answer->{raw}, qr/COPYUID $uidvalidity 1:2 1:2\]/, 'COPYUID is of the folder here';
	$answer = $anna->cmd('MOVE 3 Mine');
	is $answer->{type}, 'OK', 'MOVE from there';
	like join('', map { $_->{raw} } $anna->untagged), qr/COPYUID $uidvalidity 3 3\].*\* 3 EXPUNGE/s, 'COPYUID, then EXPUNGE';
	is subjects($anna), 'one,two', 'what was moved is gone there';
	$anna->select('Mine');
	is subjects($anna), 'one,two,three', 'and all are here';
	my $first = $anna->fetch('1', '(FLAGS INTERNALDATE BODY.PEEK[])')->{1};
	is join(' ', sort grep { !/Recent/ } @{ $first->{FLAGS} }), '$Red \Flagged', 'with flags';
	is $first->{INTERNALDATE}, $date, 'and dates';
	is $first->{'BODY[]'}, message('one'), 'as they were';
	$uidvalidity = $anna->status($name, 'UIDVALIDITY')->{UIDVALIDITY};
	$answer = $anna->cmd("UID MOVE 3 $name");
	is $answer->{type}, 'OK', 'MOVE to there';
	like join('', map { $_->{raw} } $anna->untagged), qr/COPYUID $uidvalidity 3 4\].*\* 3 EXPUNGE/s, 'COPYUID is of the folder there';
	is $anna->status($name, 'MESSAGES')->{MESSAGES}, 3, 'where it is';
	ok_command($karen, 'SETACL Desk anna lri');
	is result($anna, "COPY 1 $name"), 'OK COPYUID', 'COPY with "i" alone';
	$anna->select($name);
	is result($anna, 'MOVE 1 Mine'), 'NO NOPERM', 'MOVE from where nothing may be removed';
	ok_command($karen, 'SETACL Desk anna lr');
	is result($anna, 'COPY 1 Nowhere'), 'NO TRYCREATE', 'a target that is not there';
	is result($anna, "COPY 1 #users/karen/Nowhere"), 'NO NONEXISTENT', 'nor among those of the owner';
	$anna->select('Mine');
	is result($anna, "COPY 1 $name"), 'NO NOPERM', 'COPY without "i"';
	is result($anna, "MOVE 1 $name"), 'NO NOPERM', 'nor MOVE, which leaves it';
	is subjects($anna), 'one,two', 'where it was';
};

subtest '02-15.4 what is moved to another user: counts and sizes on both sides, flags and dates' => sub {
	my $theirs = shared_folder('Given', 'lrswipte', 'first');
	my $own = 'Giving';
	ok_command($anna, "CREATE $own");
	my $date = '"12-Mar-2019 10:20:30 +0100"';
	ok_command($anna, "APPEND $own (\\Flagged \\Answered urgent) $date ", \message('given'));
	ok_command($anna, "APPEND $own ", \message('kept'));
	my $size = sub { my ($imap, $folder) = @_; my $status = $imap->status($folder, 'MESSAGES', 'SIZE'); [@$status{qw(MESSAGES SIZE)}] };
	my %length = map { $_ => length message($_) } qw(first given kept);
	is_deeply $size->($anna, $own), [2, $length{given} + $length{kept}], 'what she has';
	is_deeply $size->($karen, 'Given'), [1, $length{first}], 'what the other has';
	$anna->select($own);
	ok_command($anna, "MOVE 1 $theirs");
	is_deeply $size->($anna, $own), [1, $length{kept}], 'one is left';
	is_deeply $size->($karen, 'Given'), [2, $length{first} + $length{given}], 'one came';
	$karen->select('Given');
	my $moved = $karen->fetch(2, '(FLAGS INTERNALDATE)')->{2};
	is_deeply [sort grep { $_ ne '\\Recent' } @{ $moved->{FLAGS} }], ['\\Answered', '\\Flagged', 'urgent'], 'its flags';
	is $moved->{INTERNALDATE}, '12-Mar-2019 09:20:30 +0000', 'its date, said in UTC';
	$karen->cmd('CLOSE');
	$anna->cmd('CLOSE');
};

subtest 'between two others, and within one' => sub {
	my $from = shared_folder('Desk', 'lrswite', qw(one two));
	my $within = shared_folder('Shelf', 'lrswi');
	ok_command($bert, 'CREATE Box');
	ok_command($bert, 'SETACL Box anna lrsi');
	$anna->select($from);
	my $answer = $anna->cmd('UID MOVE 1 #users/bert/Box');
	is $answer->{type}, 'OK', 'MOVE from one to the other';
	is $anna->status('#users/bert/Box', 'MESSAGES')->{MESSAGES}, 1, 'it is there';
	is result($anna, "COPY 1 $within"), 'OK COPYUID', 'COPY within one';
	is $anna->status($within, 'MESSAGES')->{MESSAGES}, 1, 'it is there, too';
	is subjects($anna), 'two', 'and what is left';
	$anna->select('#users/bert/Box');
	is subjects($anna), 'one', 'another one selected';
	is scalar($anna->untagged('FETCH')), 1, 'whose answers come';
	ok_command($anna, 'UNSELECT');
	$anna->append($within, 'x' x 3_000_000 . "\r\n");
	is $anna->last->{type}, 'OK', 'a large message';
	$anna->select($within);
	is length $anna->fetch('2', '(BODY[])')->{2}{'BODY[]'}, 3_000_002, 'comes back';
	ok_command($anna, 'UNSELECT');
};

subtest 'REPLACE' => sub {
	my $name = shared_folder('Drafts2', 'lrswite', qw(one two));
	$anna->select($name);
	my $answer = $anna->cmd("REPLACE 1 $name ", \message('new one'));
	is $answer->{type}, 'OK', 'within a shared folder' or diag $answer->{raw};
	is subjects($anna), 'two,new one', 'the old one is gone';
	is $anna->cmd('UID REPLACE 2 Mine ', \message('for me'))->{type}, 'OK', 'from there to her own';
	is subjects($anna), 'new one', 'the old one is gone';
	is result($anna, "REPLACE 5 $name ", \message('x')), 'BAD', 'a number that is none';
	$anna->select('Mine');
	like subjects($anna), qr/,for me\z/, 'the new one is there';
	is $anna->cmd("REPLACE * $name ", \message('for her'))->{type}, 'OK', 'and back';
	$anna->select($name);
	is subjects($anna), 'new one,for her', 'is there';
	ok_command($karen, 'SETACL Drafts2 anna lri');
	is result($anna, "REPLACE 1 $name ", \message('x')), 'NO NOPERM', 'not without the rights';
	ok_command($anna, 'UNSELECT');
};

subtest 'all extensions work there' => sub {
	my $name = shared_folder('All', 'lrswite', qw(alpha beta gamma));
	my $imap = logged_in('anna');
	is join(' ', $imap->enable('QRESYNC', 'IMAP4rev2')), 'QRESYNC IMAP4REV2', 'ENABLE';
	is $imap->compress->{type}, 'OK', 'COMPRESS';
	like join('', @{ lines($imap, "SELECT $name") }), qr/\* LIST \(\) "\/" #users\/karen\/All.*HIGHESTMODSEQ/, 'SELECT of rev2';
	my $modseq = $imap->status($name, 'HIGHESTMODSEQ')->{HIGHESTMODSEQ};
	is_deeply $imap->search('UID SORT (REVERSE SUBJECT) UTF-8 ALL'), [3, 2, 1], 'SORT';
	is_deeply [map { $_->{raw} =~ /ALL (\S+)\r/ } @{ [$imap->cmd('SEARCH RETURN (SAVE ALL) SUBJECT ', \'beta'), $imap->untagged('ESEARCH')] }],
		[2], 'SEARCH with a literal';
	is_deeply [keys %{ $imap->fetch('$', '(FLAGS)') }], [2], '"$"';
	ok_command($imap, 'STORE $ +FLAGS.SILENT (\Deleted)');
	like join('', @{ lines($imap, 'EXPUNGE') }), qr/\* VANISHED 2\r?\n?\z/, 'EXPUNGE says VANISHED';
	my $uidvalidity = $imap->status($name, 'UIDVALIDITY')->{UIDVALIDITY};
	ok_command($imap, 'UNSELECT');
	like join('', @{ lines($imap, "SELECT $name (QRESYNC ($uidvalidity $modseq))") }), qr/VANISHED \(EARLIER\) 2/, 'SELECT (QRESYNC ...)';
	my @tags = map { $imap->start($_) } 'NOOP', 'STATUS INBOX (MESSAGES)', 'FETCH 1 FLAGS', 'UNSELECT', 'NOOP';
	is join(' ', map { $imap->wait($_)->{type} } @tags), 'OK OK OK OK OK', 'pipelined commands of both';
	is result($imap, "SELECT $name \0"), 'BAD', 'nonsense';
	is result($imap, "STATUS $name (NONSENSE)"), 'BAD', 'what is wrong there';
	is result($imap, 'NOOP'), 'OK', 'and on it goes';
	my $umlauts = shared_folder('&ANw-bung/&ANw-ber', 'lr', 'one');
	is_deeply [grep { /ANw-ber/ } @{ lines($anna, 'LIST "" "#users/karen/*"') }], ["* LIST (\\HasNoChildren) \"/\" $umlauts"],
		'names beyond ASCII, in modified UTF-7';
	is result($anna, "SELECT $umlauts"), 'OK READ-ONLY', 'as they were told';
	is result($imap, "SELECT \"#users/karen/\xc3\x9cbung/\xc3\x9cber\""), 'OK READ-ONLY', 'and in UTF-8';
	ok_command($_, 'UNSELECT') for $anna, $imap;
	my $secure = $p->imap(service => 'imaps');
	$secure->login('anna', 'anna-secret');
	is $secure->select($name)->{exists}, 2, 'under TLS';
};

subtest 'a session there that dies' => sub {
	my $name = shared_folder('Dying', 'lr', 'one');
	my %before = map { $_ => 1 } $p->pids('imapd');
	my $imap = logged_in('anna');
	$imap->cmd("STATUS $name (MESSAGES)");
	my @new = grep { !$before{$_} } $p->pids('imapd');
	is scalar(@new), 2, 'one for her mailbox, one in the other';
	my ($there) = sort { $b <=> $a } @new;
	kill 'KILL', $there;
	wait_gone($there);
	is result($imap, "STATUS $name (MESSAGES)"), 'NO UNAVAILABLE', 'what was asked for is not there';
	is result($imap, "STATUS $name (MESSAGES)"), 'OK', 'but then it is again';
	$imap->select($name);
	($there) = sort { $b <=> $a } grep { !$before{$_} } $p->pids('imapd');
	kill 'KILL', $there;
	wait_gone($there);
	is result($imap, 'NOOP'), 'NO UNAVAILABLE', 'with the selected folder';
	like $imap->bye // '', qr/cannot be reached/, 'the session ends';
};

subtest 'more owners than sessions' => sub {
	my @owners = map { "owner$_" } 1 .. 18;
	for my $owner (@owners) {
		$p->add_user($owner, "$owner-secret");
		my $imap = logged_in($owner);
		ok_command($imap, 'SETACL INBOX anna lr');
		$imap->logout;
	}
	my $imap = logged_in('anna');
	is scalar(grep { m{#users/owner\d+/INBOX} } @{ lines($imap, 'LIST "" "#users/*"') }), 18, 'all are told of';
	my $before = $p->pids('imapd');
	is result($imap, "SELECT #users/$owners[0]/INBOX"), 'OK READ-ONLY', 'the first can be opened';
	is result($imap, "STATUS #users/$_/INBOX (MESSAGES)"), 'OK', $_ for @owners[1 .. 17];
	is result($imap, 'FETCH 1:* FLAGS'), 'OK', 'and stays';
	$imap->logout;
};

subtest 'groups' => sub {
	$p->postroom_ok('group', 'add', 'sales');
	$p->postroom_ok('group', 'add-member', 'sales', 'bert');
	my $name = shared_folder('Offers', '', 'one');
	is result($karen, 'SETACL Offers $sales lr'), 'OK', 'SETACL of a group';
	is_deeply lines($karen, 'GETACL Offers'), ['* ACL Offers karen lrswipkxteacd $sales lr'], 'GETACL';
	$bert = logged_in('bert');
	is result($bert, "SELECT $name"), 'OK READ-ONLY', 'a member opens it';
	is result($anna, "SELECT $name"), 'NO NONEXISTENT', 'who is none does not';
	ok_command($karen, 'SETACL Offers -bert r');
	is result(logged_in('bert'), "SELECT $name"), 'NO NOPERM', 'a right that is taken from one of them';
	ok_command($karen, 'DELETEACL Offers -bert');
	ok_command($karen, 'SETACL Offers anyone l');
	is_deeply lines($anna, 'LIST "" "#users/karen/Offers"'), ["* LIST (\\HasNoChildren) \"/\" $name"], 'anyone sees it';
	is result($anna, "SELECT $name"), 'NO NOPERM', 'seeing is not reading';
	ok_command($karen, "DELETEACL Offers $_") for 'anyone', '$sales';
};

subtest '05-13.7 fake access to the levels above' => sub {
	ok_command($karen, 'SETACL INBOX anna lr');
	for my $name ('#users', '#users/karen') {
		is result($anna, "SELECT $name"), 'NO NONEXISTENT', "$name, off";
	}
	is result($anna, 'SELECT #users/karen/Inbox'), 'OK READ-ONLY', 'what is shared opens, INBOX in any case';
	$p->set('imap.fake-access' => 'on');
	my $again = logged_in('anna');
	for my $name ('#users', '#users/karen') {
		my $selected = $again->select($name);
		is $selected && $selected->{exists}, 0, "$name, on";
		is scalar(keys %{ $again->fetch('1:*', '(FLAGS)') }), 0, 'and is empty';
		is_deeply $again->search('SEARCH ALL'), [], 'to SEARCH too';
		is $again->status($name, 'MESSAGES')->{MESSAGES}, 0, 'and STATUS';
	}
	is result($again, 'SELECT #users/bert/Nothing'), 'NO NONEXISTENT', 'what is no level of anything is not there';
	is result($again, 'SELECT #users/karen/Inbox'), 'OK READ-ONLY', 'what is shared opens';
	$p->set('imap.fake-access' => 'off');
	ok_command($anna, 'UNSELECT');
	ok_command($karen, 'DELETEACL INBOX anna');
};

subtest '02-15.2 the owner, restricted by the administrator' => sub {
	ok_command($karen, 'CREATE Kept');
	$p->postroom_ok('mailbox', 'acl', 'karen', 'Kept', 'owner', 'lrswipktea');
	is result($karen, 'DELETE Kept'), 'NO NOPERM', 'DELETE';
	is result($karen, 'RENAME Kept Lost'), 'NO NOPERM', 'RENAME';
	like result($karen, 'APPEND Kept ', \message('one')), qr/\AOK/, 'APPEND works';
	is result($karen, 'SETACL Kept karen lrswipkxtea'), 'NO NOPERM', 'he cannot lift that';
	$p->postroom_ok('mailbox', 'acl', 'karen', 'Kept', 'bert', 'lr');
	like $p->postroom_ok('mailbox', 'acl', 'karen', 'Kept'), qr/\bbert\s+lr\b/, 'the administrator shares folders, too';
	is result(logged_in('bert'), 'SELECT #users/karen/Kept'), 'OK READ-ONLY', 'which works at once';
	$p->postroom_ok('mailbox', 'acl', 'karen', 'Kept', 'owner', '');
	is result($karen, 'DELETE Kept'), 'OK', 'and gives the owner his rights back';
};

subtest 'renamed users keep their rights, deleted ones leave none' => sub {
	my $name = shared_folder('Names', 'lr', 'one');
	$p->postroom_ok('user', 'rename', 'anna', 'anne');
	is_deeply lines($karen, 'GETACL Names'), ['* ACL Names karen lrswipkxteacd anne lr'], 'the list has the new name';
	$p->postroom_ok('user', 'rename', 'anne', 'anna');
	$p->postroom_ok('user', 'add', 'carl', '--no-password');
	ok_command($karen, 'SETACL Names carl lr');
	$p->postroom_ok('user', 'delete', 'carl', '--yes');
	is_deeply lines($karen, 'GETACL Names'), ['* ACL Names karen lrswipkxteacd anna lr'], 'one who is gone is not named';
};

subtest 'quota, metadata and subscriptions of others\' folders' => sub {
	my $name = shared_folder('Desk', 'lrwi', 'one');
	is result($anna, "SUBSCRIBE $name"), 'OK', 'SUBSCRIBE';
	is_deeply lines($anna, 'LSUB "" "#users/*"'), ["* LSUB () \"/\" $name"], 'LSUB';
	is_deeply lines($anna, 'LIST (SUBSCRIBED) "" "#users/*"'), ["* LIST (\\Subscribed \\HasNoChildren) \"/\" $name"], 'LIST';
	is_deeply lines($karen, 'LSUB "" "Desk"'), [], 'the owner has not';
	is result($anna, "SETMETADATA $name (/shared/comment \"for all\")"), 'OK', 'SETMETADATA';
	is_deeply lines($karen, 'GETMETADATA Desk /shared/comment'), ['* METADATA Desk (/shared/comment "for all")'], 'the owner reads it';
	is result($anna, "SETMETADATA $name (/private/comment \"mine\")"), 'NO METADATA', 'private entries are the owner\'s';
	ok_command($karen, 'SETMETADATA Desk (/private/comment "secret")');
	unlike join('', @{ lines($anna, "GETMETADATA $name /private/comment") }), qr/secret/, 'and stay so';
	like result($anna, "GETQUOTAROOT $name"), qr/\AOK/, 'GETQUOTAROOT';
};

done_testing;

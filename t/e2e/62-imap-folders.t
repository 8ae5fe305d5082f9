#!/usr/bin/perl
# IMAP folders: making, renaming, removing, subscribing, listing; STATUS, METADATA, QUOTA, NAMESPACE, COMPRESS.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { anna => 'anna-secret', bert => 'bert-secret' });

sub logged_in {
	my ($user) = @_;
	my $imap = $p->imap;
	$imap->login($user, "$user-secret");
	return $imap;
}

my $imap = logged_in('anna');

# The untagged responses of a command as lines, sorted; a command that fails dies.
sub lines {
	my ($command) = @_;
	my $answer = $imap->cmd($command);
	die "$command: $answer->{raw}" if $answer->{type} ne 'OK';
	return [sort map { $_->{raw} =~ s/\r?\n\z//r } $imap->untagged];
}

# "NO TRYCREATE"
sub result {
	my $answer = $imap->cmd(@_);
	return join ' ', grep { defined } $answer->{type}, $answer->{code};
}

sub made {
	for my $name (@_) {
		my $answer = $imap->cmd("CREATE $name");
		die "$name: $answer->{raw}" if $answer->{type} ne 'OK';
	}
	return;
}

# Remove all but INBOX, and all subscriptions.
sub cleared {
	$imap->cmd('LSUB "" "*"');
	$imap->cmd("UNSUBSCRIBE $_") for map { $_->{raw} =~ /(\S+|"[^"]*")\r?\n\z/ } $imap->untagged('LSUB');
	$imap->cmd('LIST "" "*"');
	$imap->cmd("DELETE $_") for map { $_->{raw} =~ /(\S+|"[^"]*")\r?\n\z/ } $imap->untagged('LIST');
	return;
}

subtest 'a new user has the default folders, with their use, subscribed' => sub {
	is_deeply lines('LIST "" "*"'), [
		'* LIST (\HasNoChildren \Drafts) "/" Drafts', '* LIST (\HasNoChildren \Sent) "/" "Sent Items"',
		'* LIST (\HasNoChildren \Trash) "/" "Deleted Items"', '* LIST (\HasNoChildren) "/" INBOX',
	], 'LIST';
	is_deeply lines('LSUB "" "*"'), [map { "* LSUB () \"/\" $_" } '"Deleted Items"', '"Sent Items"', 'Drafts', 'INBOX'], 'LSUB';
	is result('RENAME Drafts Entwurf'), 'OK', 'they may be renamed';
	is result('DELETE "Deleted Items"'), 'OK', 'and removed';
	my $again = logged_in('anna');
	$again->cmd('LIST "" "*"');
	is scalar(() = $again->untagged('LIST')), 3, 'and do not come back at the next login';
	$p->set('mailbox.sent-folder' => 'Gesendet');
	$p->set('mailbox.trash-folder' => '');
	my $bert = logged_in('bert');
	$bert->cmd('LIST "" "*"');
	is join('|', sort map { $_->{raw} =~ /"\/" (.*?)\r?\n/ } $bert->untagged('LIST')), 'Drafts|Gesendet|INBOX',
		'users who come later have what the settings say';
};

subtest '01-18.4 subscriptions are the client\'s alone' => sub {
	cleared();
	made('Projects');
	is_deeply lines('LSUB "" "*"'), [], 'CREATE does not subscribe';
	is result('SUBSCRIBE Projects'), 'OK', 'SUBSCRIBE';
	is result('DELETE Projects'), 'OK', 'DELETE';
	is_deeply lines('LSUB "" "*"'), ['* LSUB () "/" Projects'], 'LSUB still shows it';
	is_deeply lines('LIST "" "Projects"'), [], 'LIST does not';
	like result('SELECT Projects'), qr/\ANO/, 'SELECT fails';
	is_deeply lines('LIST (SUBSCRIBED) "" "*"'), ['* LIST (\NonExistent \Noselect \Subscribed \HasNoChildren) "/" Projects'],
		'LIST (SUBSCRIBED) says that it is not there';
	is result('UNSUBSCRIBE Projects'), 'OK', 'UNSUBSCRIBE';
	is_deeply lines('LSUB "" "*"'), [], 'it is gone';
};

subtest 'CREATE' => sub {
	cleared();
	like result('CREATE a/b/c'), qr/\AOK MAILBOXID/, 'with the levels above it';
	is_deeply lines('LIST "" "*"'), ['* LIST (\HasChildren) "/" a', '* LIST (\HasChildren) "/" a/b', '* LIST (\HasNoChildren) "/" INBOX',
		'* LIST (\HasNoChildren) "/" a/b/c'], 'they are there';
	like result('CREATE d/'), qr/\AOK/, 'a delimiter at the end';
	is_deeply lines('LIST "" d*'), ['* LIST (\HasNoChildren) "/" d'], 'is no part of the name';
	is result('CREATE d'), 'NO ALREADYEXISTS', 'twice';
	is result('CREATE inbox'), 'NO ALREADYEXISTS', 'INBOX';
	is result('CREATE a//b'), 'NO CANNOT', 'an empty level';
	is result('CREATE /x'), 'NO CANNOT', 'at the begin too';
	is result('CREATE "#users/bert"'), 'NO CANNOT', 'somebody else\'s namespace';
	is result('CREATE "b&AOQ-h"'), 'OK MAILBOXID', 'modified UTF-7';
	is_deeply lines('LIST "" b%'), ['* LIST (\HasNoChildren) "/" b&AOQ-h'], 'goes both ways';
	is result('CREATE "b&AOQ"'), 'BAD', 'where it is right';
	my $utf8 = logged_in('anna');
	$utf8->enable('IMAP4rev2');
	$utf8->cmd('LIST "" b%');
	like(($utf8->untagged('LIST'))[0]{raw}, qr/"b\xc3\xa4h"/, 'UTF-8 where it is enabled');
	is $utf8->cmd("CREATE \"\xc3\xbc\"")->{type}, 'OK', 'in commands as well';
	is_deeply lines('LIST "" "&APw-"'), ['* LIST (\HasNoChildren) "/" &APw-'], 'and the other client sees it its way';
};

subtest 'DELETE' => sub {
	cleared();
	is result('DELETE INBOX'), 'NO CANNOT', 'INBOX stays';
	is result('DELETE none'), 'NO NONEXISTENT', 'what is not there';
	made('a/b');
	is result('DELETE a'), 'OK', 'with folders below it';
	is_deeply lines('LIST "" "%"'), ['* LIST (\HasNoChildren) "/" INBOX', '* LIST (\NonExistent \Noselect \HasChildren) "/" a'],
		'a level stays';
	is result('DELETE a'), 'NO HASCHILDREN', 'which is no folder';
	like result('SELECT a'), qr/\ANO/, 'nor can be selected';
	made('gone');
	$imap->select('gone');
	is result('DELETE gone'), 'OK', 'the one that is selected';
	is result('FETCH 1 FLAGS'), 'BAD', 'is selected no more';
	is result('NOOP'), 'OK', 'and the session goes on';
};

subtest 'RENAME' => sub {
	cleared();
	made(qw(a/b/c d));
	is result('RENAME a e/f'), 'OK', 'with all below it';
	is_deeply [map { /(\S+)\z/ } @{ lines('LIST "" "*"') }], [qw(e e/f e/f/b INBOX d e/f/b/c)], 'all have moved, a level was made';
	is result('RENAME d e'), 'NO ALREADYEXISTS', 'not over another';
	is result('RENAME none x'), 'NO NONEXISTENT', 'what is not there';
	is result('RENAME e e/x'), 'NO CANNOT', 'not into itself';
	is result('DELETE e'), 'OK', 'a level without a folder';
	is result('RENAME e g'), 'OK', 'can be renamed too';
	is_deeply [map { /(\S+)\z/ } @{ lines('LIST "" "g*"') }], [qw(g g/f g/f/b g/f/b/c)], 'with what is below it';
	$imap->append('INBOX', "Subject: x\r\n\r\nx\r\n");
	is result('RENAME INBOX old'), 'OK', 'INBOX';
	is_deeply lines('STATUS INBOX (MESSAGES)'), ['* STATUS INBOX (MESSAGES 0)'], 'is empty then';
	is_deeply lines('STATUS old (MESSAGES)'), ['* STATUS old (MESSAGES 1)'], 'its messages are in the new one';
};

subtest 'LIST: patterns' => sub {
	cleared();
	made(qw(foo foo/bar foo/bar/baz food));
	my $names = sub { join ' ', sort map { /(\S+)\z/ } @{ lines("LIST $_[0]") } };
	is $names->('"" "%"'), 'INBOX foo food', '%';
	is $names->('"" "foo/%"'), 'foo/bar', 'foo/%';
	is $names->('foo/ %'), 'foo/bar', 'a reference';
	is $names->('"" "foo*"'), 'foo foo/bar foo/bar/baz food', 'foo*';
	is $names->('"" "*%"'), 'INBOX foo foo/bar foo/bar/baz food', 'both';
	is $names->('"" inbox'), 'INBOX', 'INBOX in any case';
	is $names->('"" FOO'), '', 'others not';
	is $names->('"" (food foo/b%)'), 'foo/bar food', 'several';
	is_deeply lines('LIST "" ""'), ['* LIST (\Noselect) "/" ""'], 'what separates levels';
};

# RFC 5258 section 5, examples 9 and others, with the subscriptions given there.
subtest 'LIST: selection and return options' => sub {
	cleared();
	made(qw(foo2 foo2/bar1 foo2/bar2 baz2 baz2/bar2 baz2/bar22 baz2/bar222 eps2 eps2/mamba qux2/bar2));
	$imap->cmd('DELETE qux2');
	$imap->cmd("SUBSCRIBE $_") for qw(foo2/bar1 foo2/bar2 baz2/bar2 baz2/bar22 baz2/bar222 eps2 eps2/mamba qux2/bar2);
	my $without_children = sub { [sort map { s/ ?\\Has\w+//r } @{ lines($_[0]) }] };
	is_deeply $without_children->('LIST (RECURSIVEMATCH SUBSCRIBED) "" "*2"'), [sort
		'* LIST () "/" foo2 ("CHILDINFO" ("SUBSCRIBED"))', map({ "* LIST (\\Subscribed) \"/\" $_" }
		'foo2/bar2', 'baz2/bar2', 'baz2/bar22', 'baz2/bar222', 'eps2 ("CHILDINFO" ("SUBSCRIBED"))', 'qux2/bar2')], 'example 9';
	is_deeply $without_children->('LIST (SUBSCRIBED) "" "*2"'),
		[sort map { "* LIST (\\Subscribed) \"/\" $_" } qw(foo2/bar2 baz2/bar2 baz2/bar22 baz2/bar222 eps2 qux2/bar2)], 'without';
	is result('LIST (RECURSIVEMATCH) "" "*"'), 'BAD', 'RECURSIVEMATCH alone';
	is result('LIST (REMOTE RECURSIVEMATCH) "" "*"'), 'BAD', 'nor with REMOTE';
	is result('LIST (NONSENSE) "" "*"'), 'BAD', 'an unknown option';
	is_deeply lines('LIST "" "eps2*" RETURN (SUBSCRIBED CHILDREN)'),
		['* LIST (\Subscribed \HasChildren) "/" eps2', '* LIST (\Subscribed \HasNoChildren) "/" eps2/mamba'], 'RETURN (SUBSCRIBED CHILDREN)';
	is_deeply lines('LSUB "" "%"'), ['* LSUB () "/" eps2', map { "* LSUB (\\Noselect) \"/\" $_" } qw(baz2 foo2 qux2)],
		'LSUB of a level above';
	is_deeply lines('LIST "" "eps2" RETURN (STATUS (MESSAGES UNSEEN))'),
		['* LIST (\HasChildren) "/" eps2', '* STATUS eps2 (MESSAGES 0 UNSEEN 0)'], 'RETURN (STATUS)';
	$imap->cmd('SETMETADATA eps2 (/private/comment "mine")');
	is_deeply lines('LIST "" "eps2" RETURN (METADATA (/private/comment))'),
		['* LIST (\HasChildren) "/" eps2', '* METADATA eps2 (/private/comment "mine")'], 'RETURN (METADATA)';
};

subtest 'special use' => sub {
	cleared();
	like result('CREATE Archive (USE (\archive))'), qr/\AOK/, 'CREATE with USE';
	is_deeply lines('LIST (SPECIAL-USE) "" "*"'), ['* LIST (\HasNoChildren \Archive) "/" Archive'], 'LIST (SPECIAL-USE)';
	is_deeply lines('LIST "" Archive RETURN (SPECIAL-USE)'), ['* LIST (\HasNoChildren \Archive) "/" Archive'], 'RETURN (SPECIAL-USE)';
	is result('CREATE X (USE (\Nonsense))'), 'NO USEATTR', 'an unknown use';
	is result('CREATE X (USE (\Archive))'), 'NO USEATTR', 'one that another folder has';
	is_deeply lines('LIST "" X'), [], 'is not made then';
};

subtest 'STATUS' => sub {
	cleared();
	made('S');
	my $text = "Subject: x\r\n\r\nx\r\n";
	$imap->append('S', $text, '\Seen');
	$imap->append('S', $text, '\Deleted');
	my $folder = $imap->select('S');
	$imap->cmd('UNSELECT');
	my $status = $imap->status('S',
		qw(MESSAGES UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE DELETED-STORAGE HIGHESTMODSEQ APPENDLIMIT));
	is_deeply [@$status{qw(MESSAGES UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE DELETED-STORAGE HIGHESTMODSEQ APPENDLIMIT)}],
		[2, @$folder{qw(uidnext uidvalidity)}, 1, 1, 2 * length $text, 1, $folder->{highestmodseq}, 104857600], 'all of it';
	like lines('STATUS S (MAILBOXID)')->[0], qr/\A\* STATUS S \(MAILBOXID \(F\d+\)\)\z/, 'MAILBOXID';
	is result('STATUS none (MESSAGES)'), 'NO NONEXISTENT', 'of none';
	is result('STATUS S (NONSENSE)'), 'BAD', 'an unknown item';
	is result('STATUS S ()'), 'BAD', 'no item';
};

subtest 'METADATA' => sub {
	cleared();
	made('M');
	is result('SETMETADATA M (/private/comment "a" /shared/comment ', \"b\r\nc", ' /private/vendor/x/y "z")'), 'OK', 'SETMETADATA';
	is_deeply lines('GETMETADATA M (/PRIVATE/comment /private/none)'), ['* METADATA M (/private/comment "a" /private/none NIL)'],
		'GETMETADATA; names have no case';
	is_deeply lines('GETMETADATA (DEPTH 1) M /private/vendor/x'), ['* METADATA M (/private/vendor/x/y "z")'], 'DEPTH 1';
	is_deeply lines('GETMETADATA (DEPTH 1) M /private/vendor'), [], 'which is one level';
	is_deeply lines('GETMETADATA M (DEPTH infinity) /private/vendor'), ['* METADATA M (/private/vendor/x/y "z")'],
		'infinity, and where the examples of RFC 5464 have the options';
	is result('GETMETADATA (MAXSIZE 1) M (/private/comment /shared/comment)'), 'OK METADATA', 'MAXSIZE';
	like $imap->last->{raw}, qr/\[METADATA LONGENTRIES 4\]/, 'tells what was left out';
	is result('SETMETADATA M (/private/comment NIL)'), 'OK', 'NIL removes';
	is_deeply lines('GETMETADATA M /private/comment'), ['* METADATA M (/private/comment NIL)'], 'it is gone';
	is result('SETMETADATA M (/private/x ', \('x' x 65537), ')'), 'NO METADATA', 'a value that is too large';
	is result("GETMETADATA M $_"), 'BAD', $_ for '/comment', '/private//x', '/private/x/', '/private/*';
	is_deeply lines('GETMETADATA "" /shared/admin'), ['* METADATA "" (/shared/admin "mailto:postmaster@example.test")'], 'the server';
	is result('SETMETADATA "" (/shared/comment "x")'), 'NO NOPERM', 'is not one user\'s';
	is result('SETMETADATA none (/private/comment "x")'), 'NO NONEXISTENT', 'no such folder';
};

subtest 'QUOTA' => sub {
	is_deeply lines('GETQUOTAROOT INBOX'), ['* QUOTAROOT INBOX'], 'none';
	is result('GETQUOTA ""'), 'NO NONEXISTENT', 'so there is no root';
	$p->set('mailbox.quota' => 10);
	my $other = logged_in('anna');
	$other->append('INBOX', "Subject: x\r\n\r\n" . "x\r\n" x 1000);
	$other->cmd('GETQUOTAROOT INBOX');
	is_deeply [sort map { $_->{raw} =~ s/\r?\n\z//r =~ s/STORAGE \d+/STORAGE n/r } $other->untagged],
		['* QUOTA "" (STORAGE n 10240)', '* QUOTAROOT INBOX ""'], 'one root';
	is $other->cmd('SETQUOTA "" (STORAGE 5)')->{code}, 'NOPERM', 'which is the administrator\'s';
};

subtest 'NAMESPACE, COMPRESS' => sub {
	like lines('NAMESPACE')->[0], qr/\A\* NAMESPACE \(\("" "\/"\)\) /, 'NAMESPACE';
	my $squeezed = logged_in('anna');
	ok $squeezed->has('COMPRESS=DEFLATE'), 'announced';
	is $squeezed->cmd('COMPRESS LZW')->{type}, 'BAD', 'no other way';
	$squeezed->compress;
	$squeezed->append('INBOX', "Subject: y\r\n\r\n" . "yyyyyyyyyyyyyyyyyyyy\r\n" x 5000);
	$squeezed->select('INBOX');
	my $fetched = $squeezed->fetch('*', '(BODY.PEEK[])');
	is length((values %$fetched)[0]{'BODY[]'}), 14 + 22 * 5000, 'a message goes both ways';
	is $squeezed->cmd('COMPRESS DEFLATE')->{code}, 'COMPRESSIONACTIVE', 'once';
	$squeezed->idle;
	$imap->append('INBOX', "Subject: z\r\n\r\nz\r\n");
	ok $squeezed->wait_for(sub { $_[0]{type} eq 'EXISTS' }, 10), 'IDLE works under it';
	is $squeezed->done->{type}, 'OK', 'and ends';
	my $both = $p->imap(service => 'imaps');
	$both->login('anna', 'anna-secret');
	$both->compress;
	is $both->cmd('NOOP')->{type}, 'OK', 'under TLS as well';
};

subtest 'a mailbox\'s other sessions see what happens to folders' => sub {
	my $other = logged_in('anna');
	made('Shared-view');
	$other->cmd('LIST "" Shared-view');
	is scalar(() = $other->untagged('LIST')), 1, 'made';
	$other->select('Shared-view');
	is result('DELETE Shared-view'), 'OK', 'removed while another has it selected';
	$other->cmd('NOOP');
	ok defined $other->bye || !$other->is_ok, 'which ends that session, or says so';
};

subtest 'what was selected and is removed leaves nothing behind' => sub {
	made('Left');
	$imap->append($_, "Subject: x\r\n\r\nx\r\n") for 'Left', 'INBOX';
	$imap->select('Left');
	$imap->search('SEARCH RETURN (SAVE) ALL');
	is result('DELETE Left'), 'OK', 'removed while it is selected';
	$imap->select('INBOX');
	$imap->cmd('SEARCH $');
	my ($found) = $imap->untagged('SEARCH');
	is_deeply $found && $found->{found} // [], [], 'RFC 5182 2.1: the saved result went with the selection';
	$imap->cmd('STORE 1:* +FLAGS.SILENT (\Deleted)');
	$imap->cmd('CLOSE');
};

done_testing;

#!/usr/bin/perl
# The IMAP server against its RFCs, line by line: RFC 9051 and 3501, LIST and its extensions, METADATA, APPEND and its
# extensions, and what is no IMAP at all.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { anna => 'anna-secret' });

sub logged_in {
	my $imap = $p->imap;
	$imap->login('anna', 'anna-secret');
	return $imap;
}

# What a command is answered with, up to its tagged response or a "+", as it is on the wire; its tag is "t".
sub answer {
	my ($imap, $command) = @_;
	$imap->send_raw("t $command\r\n");
	my $text = '';
	while (defined(my $line = $imap->line)) {
		$text .= "$line\n";
		last if $line =~ /\A(?:t |\+|\* BAD)/;
	}
	return $text;
}

# A non-synchronising literal.
sub literal {
	my ($text) = @_;
	return '{' . length($text) . "+}\r\n$text";
}

my $imap = logged_in();

subtest 'RFC 9051 6.1.3, 6.2.2, 6.2.3: before the login' => sub {
	my $fresh = $p->imap;
	like $fresh->greeting->{raw}, qr/\A\* OK \[CAPABILITY IMAP4rev1 IMAP4rev2 [^\]]*AUTH=PLAIN/, 'greeting with CAPABILITY';
	like answer($fresh, 'SELECT INBOX'), qr/\At BAD /, 'SELECT is not allowed yet';
	like answer($fresh, 'AUTHENTICATE FOO'), qr/\At NO /, 'a mechanism that is none';
	is answer($fresh, 'AUTHENTICATE PLAIN'), "+ \n", 'an empty challenge';
	$fresh->send_raw("*\r\n");
	like $fresh->line, qr/\At BAD /, 'cancelled with "*"';
	answer($fresh, 'AUTHENTICATE PLAIN');
	$fresh->send_raw("!!!\r\n");
	like $fresh->line, qr/\At BAD /, 'what is not base64 is BAD, not NO';
	like answer($fresh, 'LOGIN anna wrong'), qr/\At NO \[AUTHENTICATIONFAILED\] /, 'RFC 5530 code';
	like answer($fresh, 'LOGIN ' . literal('anna') . ' ' . literal('anna-secret')), qr/\At OK \[CAPABILITY [^\]]*UIDPLUS/,
		'LOGIN with literals; CAPABILITY in the answer';
	like answer($fresh, 'LOGIN anna anna-secret'), qr/\At BAD /, 'no second login';
	like answer($fresh, 'STARTTLS'), qr/\At BAD /, 'no STARTTLS after the login';
	is answer($fresh, 'LOGOUT'), "* BYE Good bye\nt OK LOGOUT completed\n", 'LOGOUT: BYE first';
};

subtest 'RFC 9051 2.2.1, 4.3, 9: what is no command' => sub {
	my $bad = logged_in();
	for (["\r\n", qr/\A\* BAD /], ["a\r\n", qr/\Aa BAD /], ["a  NOOP\r\n", qr/\Aa BAD /], ["+ NOOP\r\n", qr/\A\* BAD /],
		["a\0 NOOP\r\n", qr/\A\* BAD /], ["a NOOP \r\n", qr/\Aa BAD /], ["a XYZZY\r\n", qr/\Aa BAD /],
		["a UID NOOP\r\n", qr/\Aa BAD /], ['a NOOP ' . 'x' x 70_000 . "\r\n", qr/\Aa BAD /],
		['a LIST "" ' . '(' x 100 . "x\r\n", qr/\Aa BAD /], ["a SELECT {9999999}\r\n", qr/\Aa NO \[TOOBIG\] /],
		['a SELECT {600000+}' . "\r\n" . 'x' x 600_000 . "\r\n", qr/\Aa NO \[TOOBIG\] /],
		["a XYZZY {5+}\r\nab cd foo\r\n", qr/\Aa BAD /], ["a SELECT {3+}\r\na\0b\r\n", qr/\Aa BAD /]) {
		my ($bytes, $expected) = @$_;
		$bad->send_raw($bytes);
		like $bad->line, $expected, substr($bytes, 0, 30) =~ s/([^ -~])/sprintf '\\x%02x', ord $1/ger;
		is answer($bad, 'NOOP'), "t OK NOOP completed\n", '... and the connection is in step';
	}
	my $huge = $p->imap;
	$huge->send_raw("a LOGIN {99999999999999999999+}\r\nb NOOP\r\n");
	ok $huge->is_closed, 'RFC 7888 4: a literal larger than any number ends the connection, its octets are no commands';
};

subtest 'RFC 3501 6.3.1: SELECT for a client that enabled nothing' => sub {
	like answer($imap, 'APPEND INBOX (\Seen $Work) "17-Jul-1996 02:44:25 -0700" ' . literal("Subject: one\r\n\r\nbody")),
		qr/\At OK \[APPENDUID (\d+) 1\] /, 'APPENDUID';
	answer($imap, 'APPEND INBOX ' . literal("Subject: two\r\n\r\nbody"));
	like answer($imap, 'SELECT iNbOx'), qr/\A
		\*\ FLAGS\ \(\\Answered\ \\Flagged\ \\Deleted\ \\Seen\ \\Draft\ \$Work\)\n
		\*\ OK\ \[PERMANENTFLAGS\ \(\\Answered\ \\Flagged\ \\Deleted\ \\Seen\ \\Draft\ \\\*\)\]\ \w+\n
		\*\ 2\ EXISTS\n\*\ 2\ RECENT\n\*\ OK\ \[UNSEEN\ 2\]\ [^\n]+\n\*\ OK\ \[UIDVALIDITY\ \d+\]\ \w+\n
		\*\ OK\ \[UIDNEXT\ 3\]\ \w+\n\*\ OK\ \[HIGHESTMODSEQ\ \d+\]\ \w+\n\*\ OK\ \[MAILBOXID\ \(F\d+\)\]\ \w+\n
		t\ OK\ \[READ-WRITE\]\ SELECT\ completed\n\z/x, 'all that has to come, and RECENT, UNSEEN';
	is answer($imap, 'FETCH 1 (FLAGS INTERNALDATE)'),
		qq{* 1 FETCH (FLAGS (\\Seen \\Recent \$Work) INTERNALDATE "17-Jul-1996 09:44:25 +0000")\nt OK FETCH completed\n},
		'\Recent; the date';
	is answer($imap, 'SEARCH RECENT'), "* SEARCH 1 2\nt OK SEARCH completed\n", 'an untagged SEARCH';
	like answer($imap, 'SEARCH CHARSET FOO ALL'), qr/\At NO \[BADCHARSET \(UTF-8 US-ASCII/, 'BADCHARSET';
	like answer($imap, 'FETCH 99 UID'), qr/\At BAD /, 'no such number';
	is answer($imap, 'UID FETCH 99 UID'), "t OK UID FETCH completed\n", 'no such UID';
	like answer($imap, 'STORE 1 FLAGS (\Recent)'), qr/\At BAD /, '\Recent is not the client\'s';
	like answer($imap, 'COPY 1 nosuch'), qr/\At NO \[TRYCREATE\] /, 'TRYCREATE';
	like answer($imap, 'SELECT nosuch'), qr/\A\* OK \[CLOSED\] Closed\nt NO \[NONEXISTENT\] /, 'a SELECT that fails';
	like answer($imap, 'FETCH 1 UID'), qr/\At BAD /, '... leaves nothing selected';
};

subtest 'RFC 9051 6.3.2, 6.4.4, 7.3.4: what IMAP4rev2 changes' => sub {
	my $rev2 = logged_in();
	is answer($rev2, 'ENABLE FOO IMAP4rev2'), "* ENABLED IMAP4rev2\nt OK ENABLE completed\n", 'ENABLE passes over what it does not know';
	my $selected = answer($rev2, 'SELECT inbox');
	like $selected, qr/^\* LIST \(\) "\/" INBOX \("OLDNAME" \(inbox\)\)$/m, 'SELECT: LIST, with OLDNAME where the name was another';
	unlike $selected, qr/RECENT|UNSEEN/, 'neither RECENT nor UNSEEN';
	like answer($rev2, 'SELECT INBOX'), qr/^\* LIST \(\) "\/" INBOX$/m, 'without OLDNAME where it was the same';
	is answer($rev2, 'SEARCH 1:2'), qq{* ESEARCH (TAG "t") ALL 1:2\nt OK SEARCH completed\n}, 'ESEARCH';
	is answer($rev2, 'SEARCH SUBJECT nosuch'), qq{* ESEARCH (TAG "t")\nt OK SEARCH completed\n}, 'no ALL where nothing was found';
};

subtest 'RFC 9051 5.1, RFC 6855 3: names are Net-Unicode' => sub {
	my $rev2 = logged_in();
	answer($rev2, 'ENABLE IMAP4rev2');
	like answer($rev2, qq{CREATE "Entwu\xcc\x88rfe"}), qr/\A\* LIST \(\) "\/" "Entw\xc3\xbcrfe" \("OLDNAME" \("Entwu\xcc\x88rfe"\)\)\nt OK /,
		'CREATE makes a decomposed name composed, and says so';
	like answer($rev2, qq{SELECT "Entwu\xcc\x88rfe"}), qr/^\* LIST \(\) "\/" "Entw\xc3\xbcrfe" \("OLDNAME" .*^t OK /ms, 'SELECT finds it by either name';
	like answer($rev2, qq{STATUS "Entw\xc3\xbcrfe" (MESSAGES)}), qr/\A\* STATUS "Entw\xc3\xbcrfe" \(MESSAGES 0\)\n/, 'STATUS';
	like answer($rev2, qq{LIST "" "Entwu\xcc\x88*"}), qr/\A\* LIST \(\\HasNoChildren\) "\/" "Entw\xc3\xbcrfe"\n/, 'LIST';
	like answer($imap, 'LIST "" Entw*'), qr/\A\* LIST \(\\HasNoChildren\) "\/" Entw&APw-rfe\n/, 'modified UTF-7 for who enabled nothing';
	is answer($rev2, qq{APPEND "Entwu\xcc\x88rfe" } . literal('a: b')) =~ s/(?<=APPENDUID).*//sr,
		qq{* LIST () "/" "Entw\xc3\xbcrfe" ("OLDNAME" ("Entwu\xcc\x88rfe"))\n* 1 EXISTS\nt OK [APPENDUID}, 'APPEND';
	is answer($rev2, qq{RENAME "Entwu\xcc\x88rfe" "\xe2\x84\xab/"}),
		qq{* LIST () "/" "\xc3\x85" ("OLDNAME" ("Entwu\xcc\x88rfe"))\nt OK RENAME completed\n}, 'RENAME';
	is answer($rev2, qq{RENAME "\xc3\x85" "Entw\xc3\xbcrfe"}), "t OK RENAME completed\n", '... nothing where both were well written';
	answer($rev2, 'UNSELECT');
	is answer($rev2, qq{DELETE "Entwu\xcc\x88rfe"}),
		qq{* LIST (\\NonExistent) "/" "Entw\xc3\xbcrfe" ("OLDNAME" ("Entwu\xcc\x88rfe"))\nt OK DELETE completed\n}, 'DELETE';
	like answer($rev2, qq{CREATE "x$_"}), qr/\At NO \[CANNOT\] /, 'no control characters or separators' for "\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9";
	like answer($rev2, qq{CREATE "\xff"}), qr/\At BAD /, 'what is not UTF-8';
	like answer($imap, "CREATE $_"), qr/\At BAD /, "$_ is no modified UTF-7" for '&', '&AGE-', '"&AOQ"', '&AOQ-&AOQ-', '&2D0-';
};

subtest 'RFC 9051 6.3.4: CREATE, 6.3.5: DELETE, 6.3.6: RENAME' => sub {
	like answer($imap, 'CREATE a/b/'), qr/\At OK \[MAILBOXID \(F\d+\)\] /, 'a delimiter at the end';
	like answer($imap, 'CREATE a'), qr/\At NO \[ALREADYEXISTS\] /, 'the level above was made';
	like answer($imap, 'CREATE inbox'), qr/\At NO \[ALREADYEXISTS\] /, 'INBOX is there';
	like answer($imap, 'DELETE a'), qr/\At OK /, 'DELETE';
	is answer($imap, 'LIST "" a*'),
		qq{* LIST (\\NonExistent \\Noselect \\HasChildren) "/" a\n* LIST (\\HasNoChildren) "/" a/b\nt OK LIST completed\n},
		'... leaves what is below';
	like answer($imap, 'DELETE a'), qr/\At NO \[HASCHILDREN\] /, '... and then refuses';
	like answer($imap, 'RENAME a/b a/b/c'), qr/\At NO \[CANNOT\] /, 'not into itself';
	like answer($imap, 'CREATE x (USE (\All))'), qr/\At NO \[USEATTR\] /, 'RFC 6154 3: a use that is not offered';
	my ($first) = answer($imap, 'STATUS a/b (UIDVALIDITY)') =~ /(\d+)\)/;
	answer($imap, "$_ a/b") for 'DELETE', 'CREATE';
	my ($second) = answer($imap, 'STATUS a/b (UIDVALIDITY)') =~ /(\d+)\)/;
	cmp_ok $second, '>', $first, 'a folder that is made again has a larger UIDVALIDITY';
	answer($imap, 'DELETE a');
};

subtest 'RFC 9051 6.3.5, RFC 5267 4.3: DELETE of the selected folder ends all that was about it' => sub {
	my $gone = logged_in();
	answer($gone, "$_ gone") for 'CREATE', 'SELECT';
	$gone->send_raw("u SEARCH RETURN (UPDATE SAVE) ALL\r\n");
	1 while $gone->line !~ /\Au /;
	like answer($gone, 'DELETE gone'), qr/\A\* OK \[CLOSED\] [^\n]+\nt OK /, 'CLOSED';
	unlike answer($gone, 'SELECT INBOX'), qr/ESEARCH/, 'its searches are not kept up to date in the next folder';
	like answer($gone, 'CANCELUPDATE "u"'), qr/\At BAD /, '... they are gone';
};

subtest 'RFC 9051 6.3.9, RFC 5258, RFC 3348: LIST' => sub {
	answer($imap, "SUBSCRIBE $_") for 'a/b', 'nosuch/below';
	is answer($imap, 'LIST "" ""'), qq{* LIST (\\Noselect) "/" ""\nt OK LIST completed\n}, 'the delimiter';
	is answer($imap, 'LIST "#users/bert" ""'), qq{* LIST (\\Noselect) "/" "#users/"\nt OK LIST completed\n}, 'the root of a rooted reference';
	is answer($imap, 'LIST "#news" ""'), qq{* LIST (\\Noselect) "/" ""\nt OK LIST completed\n}, '... which others are not';
	is answer($imap, 'LIST (SUBSCRIBED RECURSIVEMATCH) "" a%'),
		qq{* LIST (\\NonExistent \\Noselect \\HasChildren) "/" a ("CHILDINFO" ("SUBSCRIBED"))\nt OK LIST completed\n}, 'CHILDINFO';
	is answer($imap, 'LIST (SUBSCRIBED) "" n*'),
		qq{* LIST (\\NonExistent \\Noselect \\Subscribed \\HasNoChildren) "/" nosuch/below\nt OK LIST completed\n}, 'subscribed, but not there';
	like answer($imap, "LIST ($_) \"\" *"), qr/\At BAD /, "($_) is BAD" for 'RECURSIVEMATCH', 'RECURSIVEMATCH REMOTE', 'FOO';
	like answer($imap, 'LIST "" * RETURN (FOO)'), qr/\At BAD /, 'an unknown return option';
	is answer($imap, 'LIST "" (INBOX nosuch a) RETURN (STATUS (MESSAGES UIDNEXT))'),
		qq{* LIST (\\HasNoChildren) "/" INBOX\n* STATUS INBOX (MESSAGES 2 UIDNEXT 3)\n} .
		qq{* LIST (\\NonExistent \\Noselect \\HasChildren) "/" a\nt OK LIST completed\n}, 'RFC 5819 2: no STATUS where there is no folder';
	is answer($imap, 'LSUB "" a%'), qq{* LSUB (\\Noselect) "/" a\nt OK LSUB completed\n}, 'RFC 3501 6.3.9: LSUB with %';
};

subtest 'RFC 5464: METADATA' => sub {
	my $done = "t OK GETMETADATA completed\n";
	is answer($imap, 'GETMETADATA INBOX /private/comment'), "* METADATA INBOX (/private/comment NIL)\n$done", 'NIL';
	like answer($imap, 'SETMETADATA INBOX (/private/comment "mine" /private/x/y "z")'), qr/\At OK /, 'set';
	is answer($imap, 'GETMETADATA INBOX (DEPTH infinity) (/private)'),
		qq{* METADATA INBOX (/private/comment "mine" /private/x/y "z")\n$done}, '4.2.2: all that is private';
	is answer($imap, 'GETMETADATA INBOX (DEPTH 1) /private'), qq{* METADATA INBOX (/private/comment "mine")\n$done}, 'one level of it';
	is answer($imap, 'GETMETADATA INBOX (MAXSIZE 3) /private/comment'), "t OK [METADATA LONGENTRIES 4] Some values are larger\n", '4.2.1: MAXSIZE';
	like answer($imap, "SETMETADATA INBOX (/private/comment ~" . literal("a\0b") . ')'), qr/\At OK /, '5: a value with NUL is a literal8';
	$imap->send_raw("t GETMETADATA INBOX /private/comment\r\n");
	is $imap->line, '* METADATA INBOX (/private/comment ~{3}', '... and comes back as one';
	is $imap->line, "a\0b)", 'octet by octet';
	$imap->line;
	like answer($imap, 'SETMETADATA INBOX (/private/comment ' . literal("a\0b") . ')'), qr/\At BAD /, 'not in a plain literal';
	like answer($imap, "SETMETADATA INBOX ($_ \"x\")"), qr/\At BAD /, "$_ is no name to set" for '/private', '/foo/x', '/private//x';
	is answer($imap, 'GETMETADATA Drafts /private/specialuse'), qq{* METADATA Drafts (/private/specialuse "\\\\Drafts")\n$done},
		'RFC 6154 4: what a folder is for';
	like answer($imap, 'SETMETADATA INBOX (/private/specialuse "\\\\Drafts")'), qr/\At NO \[USEATTR\] /, '... which one folder is at a time';
	like answer($imap, 'SETMETADATA INBOX (/private/specialuse "\\\\All")'), qr/\At NO \[USEATTR\] /, '... and not what is not offered';
	like answer($imap, 'SETMETADATA Drafts (/private/specialuse "\\\\drafts \\\\archive \\\\Drafts")'), qr/\At OK /, 'set';
	like answer($imap, 'LIST "" Drafts RETURN (SPECIAL-USE)'), qr/ \\Drafts \\Archive\) /, '... LIST says it';
	like answer($imap, 'SETMETADATA Drafts (/private/specialuse NIL)'), qr/\At OK /, 'removed';
	is answer($imap, 'GETMETADATA Drafts /private/specialuse'), "* METADATA Drafts (/private/specialuse NIL)\n$done", '... it is gone';
	like answer($imap, 'SETMETADATA "" (/shared/comment "x")'), qr/\At NO \[NOPERM\] /, 'the server\'s own';
};

subtest 'RFC 9051 6.3.12, RFC 3502, RFC 4469, RFC 7889, RFC 8508: APPEND and REPLACE' => sub {
	answer($imap, 'CREATE drafts2');
	answer($imap, 'SELECT drafts2');
	is answer($imap, 'APPEND nosuch {10}'), "t NO [TRYCREATE] There is no such folder\n", 'refused before the literal is asked for';
	like answer($imap, 'APPEND drafts2 {99999999999}'), qr/\At NO \[TOOBIG\] /, 'and so is what is too large';
	like answer($imap, 'APPEND drafts2 ' . literal('a: b') . ' ' . literal('')), qr/\At NO /, 'RFC 3502: an empty one stores nothing at all';
	like answer($imap, 'APPEND drafts2 ' . literal("a: b\r\n\r\n1") . ' (\Seen) ' . literal("c: d\r\n\r\n2")),
		qr/\A\* 2 EXISTS\n\* 2 RECENT\nt OK \[APPENDUID \d+ 1:2\] /, 'two';
	like answer($imap, 'APPEND drafts2 CATENATE (URL "/drafts2/;UID=1/;SECTION=HEADER" TEXT ' . literal('new') . ')'),
		qr/^t OK \[APPENDUID \d+ 3\] /m, 'CATENATE';
	is answer($imap, 'FETCH 3 BODY.PEEK[]'), "* 3 FETCH (BODY[] {11}\na: b\n\nnew)\nt OK FETCH completed\n", 'what it made';
	like answer($imap, 'APPEND drafts2 CATENATE (URL "/drafts2/;UID=99")'), qr/\At NO \[BADURL \/drafts2\/;UID=99\] /, 'BADURL';
	like answer($imap, 'REPLACE 3 drafts2 ' . literal("e: f\r\n\r\n3")),
		qr/\A\* OK \[APPENDUID \d+ 4\] [^\n]+\n\* 3 EXPUNGE\n\* 3 EXISTS\n\* 3 RECENT\nt OK REPLACE completed\n/, 'RFC 8508 3.4: REPLACE';
	like answer($imap, 'REPLACE 1 nosuch {10}'), qr/\At NO \[TRYCREATE\] /, 'REPLACE into nowhere';
};

subtest 'RFC 9051 6.4.5, 7.5.2, RFC 3516: FETCH of parts' => sub {
	answer($imap, 'APPEND drafts2 ' . literal(join "\r\n", 'Content-Type: multipart/mixed; boundary=X', '', '--X',
		'Content-Transfer-Encoding: base64', '', 'AAEC', '--X', 'Content-Transfer-Encoding: x-foo', '', 'abc', '--X--', ''));
	my $ok = "t OK FETCH completed\n";
	is answer($imap, 'FETCH 4 BINARY.SIZE[1]'), "* 4 FETCH (BINARY.SIZE[1] 3)\n$ok", 'BINARY.SIZE';
	$imap->send_raw("t FETCH 4 BINARY.PEEK[1]\r\n");
	is $imap->line, '* 4 FETCH (BINARY[1] ~{3}', 'octets with NUL are a literal8';
	is $imap->line, "\0\1\2)", 'decoded';
	$imap->line;
	like answer($imap, 'FETCH 4 BINARY.PEEK[2]'), qr/^t NO \[UNKNOWN-CTE\] /m, 'UNKNOWN-CTE';
	is answer($imap, 'FETCH 4 BODY.PEEK[1]<1.2>'), "* 4 FETCH (BODY[1]<1> {2}\nAE)\n$ok", 'a piece of a part';
	is answer($imap, 'FETCH 4 BODY.PEEK[]<9999.2>'), qq{* 4 FETCH (BODY[]<9999> "")\n$ok}, 'behind the end';
	like answer($imap, "FETCH 4 $_"), qr/\At BAD /, "$_ is BAD" for 'BODY[]<0.0>', 'BODY[0]', 'BODY[MIME]', '(ALL)', '()', 'FOO';
};

$p->stop;
done_testing;

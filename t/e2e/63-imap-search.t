#!/usr/bin/perl
# IMAP SEARCH, SORT and THREAD (RFC 9051 6.4.4, RFC 3501, 4731, 5032, 5182, 5256, 5267, 5957, 7162, 8514, 9394), with and
# without the full-text index.
use strict;
use warnings;
use lib 't/lib';
use MIME::Base64;
use Postroom::Test;
use Test::More;
use Time::HiRes qw(sleep time);

my $p = Postroom::Test->start(users => { map { $_ => 'secret' } qw(anna bert cora dora emil) });

sub lines { return join '', map { "$_\r\n" } @_ }

sub client {
	my ($user) = @_;
	my $imap = $p->imap;
	$imap->login($user, 'secret');
	return $imap;
}

# The lines that a command is answered by, without those that tell of the folder.
sub answer {
	my ($imap, @pieces) = @_;
	my $tag = $imap->cmd(@pieces);
	my @lines = map { $_->{raw} =~ s/\r\n\z//r } grep { $_->{type} =~ /\A(?:SEARCH|ESEARCH|SORT|THREAD|NO|BAD)\z/ } $imap->untagged;
	return join "\n", map { s/\(TAG "[^"]+"\)/(TAG)/r } @lines;
}

sub found {
	my ($imap, @pieces) = @_;
	my $answer = answer($imap, @pieces);
	return $answer =~ /\A\* (?:SEARCH|SORT) ?([0-9 ]*)\z/ ? $1 : ($imap->last->{raw} . $answer);
}

my @MAIL = (
	lines(
		'Date: Wed, 1 Jan 2020 23:30:00 -0800', 'From: "Bob Miller" <bob@example.com>', 'To: Anna <anna@example.test>', 'Cc: team@x.test',
		'Subject: Weekly meeting', 'Message-ID: <m1@x>', 'X-Mark: one', '', 'The minutes of Monday.', 'Second line.'
	),
	lines(
		'Date: Thu, 2 Jan 2020 10:00:00 +0000', 'From: =?utf-8?q?J=C3=BCrgen_M=C3=BCller?= <jm@sub.example.com>', 'To: list@x.test',
		'Subject: Re: =?iso-8859-1?q?Gr=FC=DFe_aus?=', ' =?iso-8859-1?q?_K=F6ln?=', 'In-Reply-To: <m1@x>', 'Message-ID: <m2@x>',
		'Content-Type: text/plain; charset=iso-8859-1', 'Content-Transfer-Encoding: quoted-printable', '', 'Caf=E9 und Stra=DFe. mee=', 'ting'
	),
	lines(
		'Date: Fri, 3 Jan 2020 10:00:00 +0000', 'From: zoe@example.com', 'To: bob@example.com', 'Bcc: hidden@x.test', 'Subject: Re: Weekly meeting',
		'References: <m1@x>', 'Message-ID: <m3@x>', 'Content-Type: multipart/mixed; boundary=b', '', '--b', 'X-Part: partfield', '',
		'inside a part', '--b', 'Content-Type: application/octet-stream', '', 'binarysecret', '--b', 'Content-Type: text/html; charset=utf-8',
		'Content-Transfer-Encoding: base64', '', encode_base64("<p>Hello <b>w&ouml;rld</b></p>", ''), '--b--'
	),
	lines('From: nobody', 'Subject: no date', '', 'x' x 5000),
);

sub fill {
	my ($imap) = @_;
	my @dates = ('01-Feb-2020 12:00:00 +0000', '02-Feb-2020 23:59:59 +0000', '03-Feb-2020 00:00:00 +0000', '03-Feb-2020 01:00:00 +0200');
	my @flags = ('(\Seen)', '(\Flagged work)', '(\Answered \Deleted)', '(\Draft)');
	for my $i (0 .. $#MAIL) {
		$imap->cmd("APPEND INBOX $flags[$i] \"$dates[$i]\" ", \$MAIL[$i]);
		is $imap->last->{type}, 'OK', 'appended ' . ($i + 1);
	}
	$imap->select('INBOX');
}

my $imap = client('anna');
fill($imap);

# Every key, and which of the four messages it finds.
my @KEYS = (
	['ALL', '1 2 3 4'], ['ANSWERED', '3'], ['UNANSWERED', '1 2 4'], ['DELETED', '3'], ['UNDELETED', '1 2 4'], ['DRAFT', '4'],
	['UNDRAFT', '1 2 3'], ['FLAGGED', '2'], ['UNFLAGGED', '1 3 4'], ['SEEN', '1'], ['UNSEEN', '2 3 4'], ['KEYWORD work', '2'],
	['KEYWORD WORK', '2'], ['UNKEYWORD work', '1 3 4'], ['KEYWORD other', ''], ['NOT SEEN', '2 3 4'], ['NOT NOT SEEN', '1'],
	['OR SEEN FLAGGED', '1 2'], ['OR SEEN (FLAGGED KEYWORD work)', '1 2'], ['(SEEN)', '1'], ['((ALL) (UNSEEN FLAGGED))', '2'],
	['2:3', '2 3'], ['4:2', '2 3 4'], ['*', '4'], ['1,3:*', '1 3 4'], ['NOT 2:3', '1 4'], ['UID 1:2', '1 2'], ['UID 99', ''],
	['UID 99:*', '4'], ['5:9', ''],
	['LARGER 4000', '4'], ['SMALLER 4000', '1 2 3'], ['BEFORE 2-Feb-2020', '1'], ['ON 2-Feb-2020', '2 4'], ['SINCE 3-Feb-2020', '3'],
	['SINCE "2-Feb-2020" BEFORE "3-Feb-2020"', '2 4'], ['YOUNGER 100', ''], ['OLDER 100', '1 2 3 4'],
	['SENTON 1-Jan-2020', '1'], ['SENTBEFORE 2-Jan-2020', '1'], ['SENTSINCE 2-Jan-2020', '2 3'], ['SENTSINCE 1-Jan-1970', '1 2 3'],
	['FROM bob', '1'], ['FROM "BOB MILLER"', '1'], ['FROM example.com', '1 2 3'], ['FROM "miller\\" <bob"', '1'], ['TO bob', '3'],
	['CC team', '1'], ['BCC hidden', '3'], ['SUBJECT "weekly MEETING"', '1 3'], ['SUBJECT re:', '2 3'], ['SUBJECT ""', '1 2 3 4'], ['CC ""', '1'],
	['HEADER X-Mark one', '1'], ['HEADER x-mark ""', '1'], ['HEADER X-Mark two', ''], ['HEADER Message-ID "m3@"', '3'],
	['BODY minutes', '1'], ['BODY MEETING', '2'], ['BODY "monday.' . '"', '1'], ['BODY partfield', ''], ['BODY binarysecret', ''],
	['TEXT meeting', '1 2 3'], ['TEXT partfield', '3'], ['TEXT "x-mark: one"', '1'], ['TEXT binarysecret', ''], ['BODY xxx', '4'],
	['BODY "w"', '3'], ['BODY ""', '1 2 3 4'], ['TEXT meeting NOT FROM bob', '2 3'], ['OR BODY minutes BODY "inside a"', '1 3'],
	['NOT TEXT meeting', '4'],
	['SAVEDSINCE 1-Jan-2020', '1 2 3 4'], ['SAVEDBEFORE 1-Jan-2020', ''], ['SAVEDATESUPPORTED', '1 2 3 4'],
);

# In texts that are not ASCII: literals.
my @LITERAL_KEYS = (
	['FROM', "M\xc3\x9cLLER", '2'], ['SUBJECT', "gr\xc3\xbc\xc3\x9fe aus k\xc3\xb6ln", ''], ['SUBJECT', "gr\xc3\xbc\xc3\x9fe aus  k\xc3\xb6ln", ''],
	['SUBJECT', "GR\xc3\x9c\xc3\x9fE AUS", '2'], ['BODY', "CAF\xc3\x89", '2'], ['TEXT', "stra\xc3\x9fe", '2'], ['BODY', "hello w\xc3\xb6rld", '3'],
);
$LITERAL_KEYS[1][2] = '2';

sub check_all {
	my ($client, $how) = @_;
	is found($client, "SEARCH $_->[0]"), $_->[1], "$how: $_->[0]" for @KEYS;
	is found($client, "SEARCH CHARSET UTF-8 $_->[0] ", \$_->[1]), $_->[2], "$how: $_->[0] ..." for @LITERAL_KEYS;
}

subtest 'every key' => sub {
	check_all($imap, 'looked into');
	is found($imap, 'UID SEARCH SEEN'), '1', 'UIDs';
	is found($imap, 'SEARCH EMAILID M99999'), '', 'no such EMAILID';
};

subtest 'grammar' => sub {
	for my $bad ('', 'FOO', '(SEEN', 'SEEN)', 'NOT', 'OR SEEN', 'FROM', 'ON 99-Foo-2020', 'LARGER x', 'UID', '()', 'SEEN  SEEN', 'YOUNGER 0',
		'RETURN (FOO) ALL', 'RETURN (PARTIAL 0:1) ALL', 'RETURN (ALL PARTIAL 1:2) ALL', 'NOT ' x 300 . 'ALL', '(' x 100 . 'ALL' . ')' x 100) {
		$imap->cmd("SEARCH $bad");
		is $imap->last->{type}, 'BAD', substr $bad, 0, 40;
	}
	$imap->cmd('SEARCH CHARSET NO-SUCH ALL');
	like $imap->last->{raw}, qr/NO \[BADCHARSET/, 'unknown charset';
	is found($imap, 'SEARCH CHARSET ISO-8859-1 BODY ', \"caf\xe9"), '2', 'another charset';
	is found($imap, 'SEARCH ' . 'OR SEEN ' x 150 . 'FLAGGED'), '1 2', 'nested deeply';
};

subtest 'ESEARCH' => sub {
	is answer($imap, 'SEARCH RETURN (MIN MAX COUNT) UNSEEN'), '* ESEARCH (TAG) MIN 2 MAX 4 COUNT 3', 'MIN MAX COUNT';
	is answer($imap, 'SEARCH RETURN () ALL'), '* ESEARCH (TAG) ALL 1:4', 'none is ALL';
	is answer($imap, 'UID SEARCH RETURN (ALL) NOT 3'), '* ESEARCH (TAG) UID ALL 1:2,4', 'UID';
	is answer($imap, 'SEARCH RETURN (MIN ALL COUNT) KEYWORD none'), '* ESEARCH (TAG) COUNT 0', 'nothing found';
	is answer($imap, 'SEARCH RETURN (PARTIAL 2:3) ALL'), '* ESEARCH (TAG) PARTIAL (2:3 2:3)', 'PARTIAL';
	is answer($imap, 'SEARCH RETURN (PARTIAL -1:-2 COUNT) ALL'), '* ESEARCH (TAG) COUNT 4 PARTIAL (-1:-2 3:4)', 'from the end';
	is answer($imap, 'SEARCH RETURN (PARTIAL 7:9) ALL'), '* ESEARCH (TAG) PARTIAL (7:9 NIL)', 'past the end';
	is answer($imap, 'SEARCH RETURN (PARTIAL 4:2) ALL'), '* ESEARCH (TAG) PARTIAL (4:2 2:4)', 'the other way round';
	is answer($imap, 'SEARCH RETURN (ALL CONTEXT) ALL'), '* ESEARCH (TAG) ALL 1:4', 'a hint';
};

subtest 'SEARCHRES' => sub {
	is answer($imap, 'SEARCH RETURN (SAVE) UNSEEN'), '', 'SAVE alone says nothing';
	is found($imap, 'SEARCH $'), '2 3 4', '$';
	is found($imap, 'UID SEARCH $ FLAGGED'), '2', 'with another key';
	is answer($imap, 'SEARCH RETURN (SAVE MIN) UNSEEN'), '* ESEARCH (TAG) MIN 2', 'SAVE MIN';
	is found($imap, 'SEARCH $'), '2', 'that one alone';
	is answer($imap, 'SEARCH RETURN (SAVE MIN COUNT) UNSEEN'), '* ESEARCH (TAG) MIN 2 COUNT 3', 'with COUNT';
	is found($imap, 'SEARCH $'), '2 3 4', 'all';
	is answer($imap, 'SEARCH RETURN (SAVE PARTIAL 1:1 MAX) UNSEEN'), '* ESEARCH (TAG) MAX 4 PARTIAL (1:1 2)', 'RFC 9394 table 1';
	is found($imap, 'SEARCH $'), '2 4', 'both';
	$imap->cmd('SEARCH RETURN (SAVE) FOO');
	is found($imap, 'SEARCH $'), '2 4', 'BAD leaves it';
	$imap->cmd('SEARCH RETURN (SAVE) CHARSET NO-SUCH ALL');
	is found($imap, 'SEARCH $'), '', 'NO empties it';
	is answer($imap, 'UID SEARCH RETURN (SAVE COUNT) 1:2'), '* ESEARCH (TAG) UID COUNT 2', 'saved';
	is join(',', sort keys %{ $imap->fetch('$', 'UID') }), '1,2', 'FETCH $';
};

subtest 'MODSEQ' => sub {
	my $other = client('anna');
	$other->select('INBOX');
	my ($modseq) = answer($other, 'SEARCH MODSEQ 1') =~ /\A\* SEARCH 1 2 3 4 \(MODSEQ (\d+)\)\z/;
	ok $modseq, 'told';
	$other->cmd('STORE 1 +FLAGS (\Flagged)');
	my $next = $modseq + 1;
	is answer($other, "SEARCH MODSEQ \"/flags/\\\\flagged\" all $next"), "* SEARCH 1 (MODSEQ $next)", 'what changed';
	is answer($other, "SEARCH RETURN (MAX) MODSEQ 1"), "* ESEARCH (TAG) MAX 4 MODSEQ " . ($modseq < $next ? $modseq : $next), 'of the one named';
	is answer($other, "SEARCH RETURN (ALL) MODSEQ 1"), "* ESEARCH (TAG) ALL 1:4 MODSEQ $next", 'of all';
	is answer($other, 'SEARCH MODSEQ 999999'), '* SEARCH', 'none';
	like answer($other, 'SORT (ARRIVAL) UTF-8 MODSEQ 1'), qr/\A\* SORT 1 4 2 3 \(MODSEQ $next\)\z/, 'SORT';
	$other->cmd('STORE 1 -FLAGS (\Flagged)');
};

subtest 'IMAP4rev2 is answered by ESEARCH' => sub {
	my $rev2 = client('anna');
	$rev2->enable('IMAP4rev2');
	$rev2->select('INBOX');
	is answer($rev2, 'SEARCH SEEN'), '* ESEARCH (TAG) ALL 1', 'ALL';
	is answer($rev2, 'UID SEARCH KEYWORD none'), '* ESEARCH (TAG) UID', 'nothing';
	is answer($rev2, 'SORT (SIZE) UTF-8 1:2'), '* SORT 1 2', 'SORT stays itself';
};

subtest 'SORT' => sub {
	my $sorter = client('bert');
	my @mail = (
		['Mon, 1 Jan 2024 10:00:00 +0000', '"Zoe" <a@x.test>', 'c@x.test', 'Re: beta', 'k@x.test'],
		['Mon, 1 Jan 2024 12:00:00 +0500', 'b@x.test', 'B@x.test', 'alpha', ''],
		['Mon, 1 Jan 2024 08:00:00 +0000', '=?utf-8?q?=C3=84nne?= <z@x.test>', 'a@x.test', '[list] Fwd: ALPHA (fwd)', 'j@x.test'],
		['', 'C@x.test', '', 'gamma', ''],
	);
	for my $i (0 .. $#mail) {
		my ($date, $from, $to, $subject, $cc) = @{ $mail[$i] };
		$sorter->cmd(
			sprintf('APPEND INBOX "%02d-Jan-2024 00:00:00 +0000" ', 9 - $i),
			\lines(($date ? "Date: $date" : ()), "From: $from", ($to ? "To: $to" : ()), ($cc ? "Cc: $cc" : ()), "Subject: $subject", '', 'x' x (10 * $i)));
	}
	$sorter->select('INBOX');
	my @orders = (
		['(ARRIVAL)', '4 3 2 1'], ['(REVERSE ARRIVAL)', '1 2 3 4'], ['(DATE)', '2 3 1 4'], ['(REVERSE DATE)', '4 1 3 2'], ['(FROM)', '1 2 4 3'],
		['(TO)', '4 3 2 1'], ['(CC)', '2 4 3 1'], ['(SUBJECT)', '2 3 1 4'], ['(SUBJECT REVERSE DATE)', '3 2 1 4'], ['(REVERSE SUBJECT DATE)', '4 1 2 3'],
		['(SIZE)', '4 2 1 3'], ['(DISPLAYFROM)', '3 2 4 1'], ['(DISPLAYTO)', '4 3 2 1'],
	);
	my @sizes = map { length lines(@$_) } map { my ($d, $f, $t, $s, $c) = @{ $mail[$_] };
		[($d ? "Date: $d" : ()), "From: $f", ($t ? "To: $t" : ()), ($c ? "Cc: $c" : ()), "Subject: $s", '', 'x' x (10 * $_)] } 0 .. 3;
	$orders[10][1] = join ' ', map { $_ + 1 } sort { $sizes[$a] <=> $sizes[$b] || $a <=> $b } 0 .. 3;
	for my $round ('read', 'kept') {
		is found($sorter, "SORT $_->[0] UTF-8 ALL"), $_->[1], "$round: $_->[0]" for @orders;
	}
	is found($sorter, 'UID SORT (REVERSE SUBJECT) US-ASCII 1:2'), '1 2', 'of some';
	is answer($sorter, 'SORT RETURN (MIN MAX COUNT ALL) (DATE) UTF-8 ALL'), '* ESEARCH (TAG) MIN 2 MAX 4 COUNT 4 ALL 2:3,1,4', 'ESORT';
	is answer($sorter, 'UID SORT RETURN (PARTIAL 1:2) (REVERSE DATE) UTF-8 ALL'), '* ESEARCH (TAG) UID PARTIAL (1:2 4,1)', 'PARTIAL';
	for my $bad ('() UTF-8 ALL', '(FOO) UTF-8 ALL', '(DATE) UTF-8', '(REVERSE) UTF-8 ALL', 'DATE UTF-8 ALL') {
		$sorter->cmd("SORT $bad");
		is $sorter->last->{type}, 'BAD', $bad;
	}
};

subtest 'THREAD' => sub {
	is answer($imap, 'THREAD REFERENCES UTF-8 ALL'), '* THREAD (1 (2)(3))(4)', 'by references';
	is answer($imap, 'UID THREAD ORDEREDSUBJECT UTF-8 ALL'), '* THREAD (1 3)(2)(4)', 'by subject';
	is answer($imap, 'THREAD REFERENCES UTF-8 2:3'), '* THREAD ((2)(3))', 'siblings whose parent was not searched for';
	is answer($imap, 'THREAD REFERENCES US-ASCII BODY nowhere'), '* THREAD', 'nothing';
	$imap->cmd('THREAD FOO UTF-8 ALL');
	is $imap->last->{type}, 'BAD', 'no such algorithm';
};

subtest 'results that are kept up to date' => sub {
	my ($watcher, $other) = (client('cora'), client('cora'));
	fill($watcher);
	$other->select('INBOX');
	my $answer = answer($watcher, 'UID SEARCH RETURN (UPDATE COUNT) FLAGGED');
	is $answer, '* ESEARCH (TAG) UID COUNT 1', 'answered';
	my $tag = $watcher->last->{tag};
	answer($watcher, 'SORT RETURN (UPDATE ALL) (REVERSE ARRIVAL) UTF-8 NOT DELETED');
	my $sort_tag = $watcher->last->{tag};
	$other->cmd('STORE 1 +FLAGS (\Flagged)');
	my $raw = sub {
		$watcher->cmd('NOOP');
		return join '', map { $_->{raw} } $watcher->untagged;
	};
	my $told = $raw->();
	like $told, qr/\* ESEARCH \(TAG "$tag"\) UID ADDTO \(0 1\)\r\n/, 'ADDTO';
	unlike $told, qr/$sort_tag/, 'nothing for the other';
	$other->cmd('STORE 2 -FLAGS (\Flagged)');
	like $raw->(), qr/\* ESEARCH \(TAG "$tag"\) UID REMOVEFROM \(0 2\)\r\n/, 'REMOVEFROM';
	$other->cmd('STORE 3 -FLAGS (\Deleted)');
	like $raw->(), qr/\* ESEARCH \(TAG "$sort_tag"\) ADDTO \(1 3\)\r\n/, 'in its place: arrived last';
	$other->cmd('STORE 1 +FLAGS (\Deleted)');
	$raw->();
	$other->cmd('STORE 1 -FLAGS (\Deleted)');
	like $raw->(), qr/\* ESEARCH \(TAG "$sort_tag"\) ADDTO \(4 1\)\r\n/, 'arrived first';
	$other->cmd('STORE 4 +FLAGS (\Deleted)');
	$other->cmd('EXPUNGE');
	like $raw->(), qr/ESEARCH \(TAG "$sort_tag"\) REMOVEFROM \(\d 4\)\r\n.*\* 4 EXPUNGE/s, 'REMOVEFROM before EXPUNGE';
	$other->append('INBOX', "Subject: new\r\n\r\nx\r\n");
	like $raw->(), qr/\* 4 EXISTS.*ESEARCH \(TAG "$sort_tag"\) ADDTO \(1 4\)\r\n/s, 'ADDTO behind EXISTS';
	$watcher->cmd("CANCELUPDATE \"$tag\" \"$sort_tag\"");
	is $watcher->last->{type}, 'OK', 'CANCELUPDATE';
	$watcher->cmd("CANCELUPDATE \"$tag\"");
	is $watcher->last->{type}, 'BAD', 'it is not there any more';
	$other->cmd('STORE 2 +FLAGS (\Flagged)');
	unlike $raw->(), qr/ESEARCH/, 'nothing more';
	answer($watcher, 'SEARCH RETURN (UPDATE) ALL') for 1 .. 16;
	like answer($watcher, 'SEARCH RETURN (UPDATE COUNT) ALL'), qr/\A\* ESEARCH \(TAG\) COUNT 4\n\* NO \[NOUPDATE "/, 'too many';
};

subtest 'with the index' => sub {
	my $path = (glob $p->dir . '/state/mail/*/*/index.db')[0];
	ok -e "$path", 'a mailbox';
	my $searcher = client('dora');
	fill($searcher);
	# Enough messages for the index to be asked; none of them is found by the keys.
	$searcher->append('INBOX', "From: filler\r\nSubject: filler\r\n\r\nqq\r\n") for 1 .. 30;
	is found($searcher, 'SEARCH BODY minutes'), '1', 'before there is one';
	my ($index) = map { s/index\.db\z/search.db/r } grep { -s $_ } glob $p->dir . '/state/mail/*/*/index.db';
	my $end = time + 20;
	my @made;
	sleep 0.05 while !(@made = glob $p->dir . '/state/mail/*/*/search.db') && time < $end;
	ok scalar(@made), 'the search made the index';
	my $all = 'UID 1:4 ';
	for my $how ('indexed', 'with newer messages') {
		is found($searcher, "SEARCH $all$_->[0]"), $_->[1], "$how: $_->[0]" for grep { $_->[0] !~ /\A(?:5:9|\*|1,3:\*|UID 99:\*|\d)/ } @KEYS;
		is found($searcher, "SEARCH CHARSET UTF-8 $_->[0] ", \$_->[1]), $_->[2], "$how: $_->[0] ..." for @LITERAL_KEYS;
		is found($searcher, 'SEARCH SUBJECT fill'), join(' ', 5 .. 34), "$how: part of a word" if $how eq 'indexed';
		$searcher->append('INBOX', "From: late\@x.test\r\nSubject: latecomer\r\n\r\nwhatever\r\n") if $how eq 'indexed';
		is found($searcher, 'SEARCH FROM late@x'), '35', 'the newest is found at once';
	}
};

subtest 'without full-text search' => sub {
	$p->postroom('set', 'imap.full-text-search', 'off');
	my $plain = client('emil');
	fill($plain);
	check_all($plain, 'off');
	my @made = glob $p->dir . '/state/mail/*/6/search.db';
	is scalar(@made), 0, 'no index was made';
};

$p->stop;
done_testing;

#!/usr/bin/perl
# IMAP FETCH: every item, section and modifier (RFC 9051 6.4.5 and 7.5.2, 3516, 7162, 8474, 8514, 8970, 9394), also of
# broken messages, and of all of the corpus.
use strict;
use warnings;
use lib 't/lib';
use JSON::PP ();
use MIME::Base64;
use Postroom::Corpus qw(corpus_messages);
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { anna => 'secret', bert => 'secret', many => 'secret' });

my $json = JSON::PP->new->latin1->canonical;

sub as_text { return $json->encode($_[0]) }

sub lines { return join '', map { "$_\r\n" } @_ }

# The envelope of RFC 9051 7.5.2 and a multipart with what a structure can show.
my $PLAIN = lines(
	'Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)', 'From: Terry Gray <gray@cac.washington.edu>',
	'Subject: IMAP4rev2 WG mtg summary and minutes', 'To: imap@cac.washington.edu',
	'cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>', 'Message-Id: <B27397-0100000@cac.washington.edu>',
	'MIME-Version: 1.0', 'Content-Type: TEXT/PLAIN; CHARSET=US-ASCII', '', 'Hello', 'World',
);
my $INNER = lines('From: "Inner \"Q\" One" <inner@x.test>', 'To: Friends: a@b.test, c@d.test;', 'Subject: inside', '', 'inner text');
my $DECODED = join '', map { chr } 0 .. 255;
my $BASE64 = encode_base64($DECODED x 4, "\r\n");
my $MIXED = lines(
	'From: a@b.test', "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=", 'Content-Type: multipart/mixed; boundary="b1"', '', 'preamble',
	'--b1', 'Content-Type: text/plain; charset=iso-8859-1; format=flowed', 'Content-Transfer-Encoding: quoted-printable', '',
	'Gr=FC=DFe =', 'an alle', '--b1', 'Content-Type: application/octet-stream;', " name*0*=utf-8''%e2%82%ac; name*1=\"10.bin\"",
	'Content-Disposition: attachment; filename="a.bin"; size=1024', 'Content-Transfer-Encoding: base64',
	'Content-ID: <1@x>', 'Content-Description: a file', 'Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==', 'Content-Language: de, en',
	'Content-Location: http://x.test/', '', ) . $BASE64 . lines('--b1', 'Content-Type: message/rfc822', '') . $INNER
  . lines('--b1', 'Content-Type: text/x-odd', 'Content-Transfer-Encoding: x-uuencode', '', 'begin 644 x', '--b1--', 'epilogue');

my $imap = $p->imap;
$imap->login('anna', 'secret');
is $imap->append('INBOX', $_)->{type}, 'OK', 'appended' for $PLAIN, $MIXED;
$imap->select('INBOX');

# One item of one message.
sub item {
	my ($number, $item, $name) = @_;
	$name = uc($name // $item =~ s/\.PEEK\[/[/r);
	my $fetched = $imap->fetch($number, $item);
	my $message = $fetched->{$number} // {};
	fail("$item: " . $imap->last->{raw}) if !exists $message->{$name};
	$message->{$name} = [grep { $_ ne '\\Recent' } @{ $message->{$name} }] if $name eq 'FLAGS';
	return $message->{$name};
}

sub raw {
	my ($command) = @_;
	$imap->cmd($command);
	return join '', map { $_->{raw} } $imap->untagged;
}

subtest 'ENVELOPE: the example of RFC 9051 7.5.2' => sub {
	is raw('FETCH 1 ENVELOPE'),
	  '* 1 FETCH (ENVELOPE ("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev2 WG mtg summary and minutes"'
	  . ' (("Terry Gray" NIL "gray" "cac.washington.edu")) (("Terry Gray" NIL "gray" "cac.washington.edu"))'
	  . ' (("Terry Gray" NIL "gray" "cac.washington.edu")) ((NIL NIL "imap" "cac.washington.edu"))'
	  . ' ((NIL NIL "minutes" "CNRI.Reston.VA.US")("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL'
	  . ' "<B27397-0100000@cac.washington.edu>"))' . "\r\n", 'as in the RFC';
	is raw('FETCH 1 ENVELOPE'), raw('UID FETCH 1 ENVELOPE') =~ s/\(UID 1 /(/r, 'the same from what was kept';
	is_deeply item(2, 'ENVELOPE')->[1], '=?utf-8?q?Gr=C3=BC=C3=9Fe?=', 'encoded words stay encoded';
};

subtest 'BODYSTRUCTURE and BODY' => sub {
	is raw('FETCH 1 BODYSTRUCTURE'),
	  qq{* 1 FETCH (BODYSTRUCTURE ("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7bit" 14 2 NIL NIL NIL NIL))\r\n}, 'of a text';
	is raw('FETCH 1 BODY'), qq{* 1 FETCH (BODY ("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7bit" 14 2))\r\n}, 'without extensions';
	my $size = length $BASE64;
	my $inner = length $INNER;
	my $envelope = '(NIL "inside" (("Inner \\"Q\\" One" NIL "inner" "x.test")) (("Inner \\"Q\\" One" NIL "inner" "x.test"))'
	  . ' (("Inner \\"Q\\" One" NIL "inner" "x.test")) ((NIL NIL "Friends" NIL)(NIL NIL "a" "b.test")(NIL NIL "c" "d.test")(NIL NIL NIL NIL))'
	  . ' NIL NIL NIL NIL)';
	$_ -= 2 for $size, $inner;    # the line end before the boundary is the boundary's
	my $lines = () = $INNER =~ /\n/g;
	my $parts = sub {
		my ($x) = @_;
		return '("text" "plain" ("charset" "iso-8859-1" "format" "flowed") NIL NIL "quoted-printable" 20 1' . ($x ? ' NIL NIL NIL NIL' : '') . ')'
		  . qq{("application" "octet-stream" ("name*" "utf-8''%e2%82%ac10.bin") "<1\@x>" "a file" "base64" $size}
		  . ($x ? ' "Q2hlY2sgSW50ZWdyaXR5IQ==" ("attachment" ("filename" "a.bin" "size" "1024")) ("de" "en") "http://x.test/"' : '') . ')'
		  . qq{("message" "rfc822" NIL NIL NIL "7bit" $inner $envelope ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 10 0}
		  . ($x ? ' NIL NIL NIL NIL' : '') . ') ' . ($lines - 1) . ($x ? ' NIL NIL NIL NIL' : '') . ')'
		  . '("text" "x-odd" ("charset" "us-ascii") NIL NIL "x-uuencode" 11 0' . ($x ? ' NIL NIL NIL NIL' : '') . ')';
	};
	is raw('FETCH 2 BODYSTRUCTURE'), '* 2 FETCH (BODYSTRUCTURE (' . $parts->(1) . qq{ "mixed" ("boundary" "b1") NIL NIL NIL))\r\n}, 'of a multipart';
	is raw('FETCH 2 BODY'), '* 2 FETCH (BODY (' . $parts->(0) . qq{ "mixed"))\r\n}, 'BODY of it';
};

subtest 'sections' => sub {
	my ($header) = $MIXED =~ /\A(.*?\r\n\r\n)/s;
	my ($inner_header) = $INNER =~ /\A(.*?\r\n\r\n)/s;
	is item(2, 'BODY.PEEK[]'), $MIXED, 'the whole';
	is item(2, 'RFC822'), $MIXED, 'RFC822';
	is item(2, 'BODY.PEEK[HEADER]'), $header, 'HEADER';
	is item(2, 'RFC822.HEADER'), $header, 'RFC822.HEADER';
	is item(2, 'BODY.PEEK[TEXT]'), substr($MIXED, length $header), 'TEXT';
	is item(2, 'RFC822.TEXT'), substr($MIXED, length $header), 'RFC822.TEXT';
	is item(2, 'RFC822.SIZE'), length $MIXED, 'RFC822.SIZE';
	is item(2, 'BODY.PEEK[1]'), "Gr=FC=DFe =\r\nan alle", 'part 1';
	like item(2, 'BODY.PEEK[1.MIME]'), qr/\AContent-Type: text\/plain.*quoted-printable\r\n\r\n\z/s, 'its MIME header';
	is item(2, 'BODY.PEEK[3]'), $INNER =~ s/\r\n\z//r, 'a message inside';
	is item(2, 'BODY.PEEK[3.HEADER]'), $inner_header, 'its header';
	is item(2, 'BODY.PEEK[3.TEXT]'), 'inner text', 'its text';
	is item(2, 'BODY.PEEK[3.1]'), 'inner text', 'its only part';
	is item(2, 'BODY.PEEK[3.1.MIME]'), $inner_header, 'the header of that';
	is item(2, 'BODY.PEEK[3.HEADER.FIELDS (SUBJECT X)]'), "Subject: inside\r\n\r\n", 'fields of it';
	is item(1, 'BODY.PEEK[1]'), "Hello\r\nWorld\r\n", 'part 1 of what is no multipart';
	is item(2, "BODY.PEEK[$_]"), undef, "no $_" for '5', '1.1', '3.2', '1.HEADER', '1.TEXT', '2.HEADER.FIELDS (To)', '3.1.1';
};

subtest 'header fields' => sub {
	is item(1, 'BODY.PEEK[HEADER.FIELDS (Date FROM)]'),
	  lines('Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)', 'From: Terry Gray <gray@cac.washington.edu>', ''), 'from what is kept';
	is item(1, 'BODY.PEEK[HEADER.FIELDS (X-None)]'), "\r\n", 'none of them: the empty line';
	like raw('FETCH 1 BODY.PEEK[HEADER.FIELDS ("Date" {4+}' . "\r\n" . 'from)]'), qr/BODY\[HEADER\.FIELDS \(Date from\)\] \{/, 'names as strings';
	my $not = item(1, 'BODY.PEEK[HEADER.FIELDS.NOT (Date From Subject To cc)]');
	is $not, lines('Message-Id: <B27397-0100000@cac.washington.edu>', 'MIME-Version: 1.0', 'Content-Type: TEXT/PLAIN; CHARSET=US-ASCII', ''), 'NOT';
};

subtest 'partials' => sub {
	is item(1, 'BODY.PEEK[]<0.10>', 'BODY[]<0>'), substr($PLAIN, 0, 10), 'the beginning';
	is item(1, 'BODY.PEEK[]<7.100000>', 'BODY[]<7>'), substr($PLAIN, 7), 'more than there is';
	is item(1, 'BODY.PEEK[]<100000.1>', 'BODY[]<100000>'), '', 'behind the end';
	is item(1, 'BODY.PEEK[HEADER.FIELDS (Date)]<6.3>', 'BODY[HEADER.FIELDS (Date)]<6>'), 'Wed', 'of fields';
	is item(2, 'BODY.PEEK[3.TEXT]<2.3>', 'BODY[3.TEXT]<2>'), 'ner', 'of a part';
	is item(2, 'BINARY.PEEK[2]<65.3>', 'BINARY[2]<65>'), 'ABC', 'decoded, then counted';
	is item(1, 'BODY.PEEK[]<4294967296.5>', 'BODY[]<4294967296>'), '', '63 bits';
	for my $bad ('<0.0>', '<.5>', '<5>', '<-1.5>', '<0.5') {
		is $imap->cmd("FETCH 1 BODY.PEEK[]$bad")->{type}, 'BAD', $bad;
	}
};

subtest 'BINARY' => sub {
	is item(2, 'BINARY.PEEK[1]'), "Gr\xfc\xdfe an alle", 'quoted-printable';
	is item(2, 'BINARY.PEEK[2]'), $DECODED x 4, 'base64';
	like raw('FETCH 2 BINARY.PEEK[2]'), qr/BINARY\[2\] ~\{1024\}\r\n/, 'with NULs it is a literal8';
	is item(2, 'BINARY.SIZE[2]'), 1024, 'its size';
	is item(2, 'BINARY.SIZE[1]'), 13, 'the other';
	is item(2, 'BINARY.PEEK[3.1]'), 'inner text', 'not encoded';
	is item(2, 'BINARY.PEEK[]'), $MIXED, 'the whole as it is';
	my $answer = $imap->cmd('FETCH 2 BINARY.PEEK[4]');
	is "$answer->{type} $answer->{code}", 'NO UNKNOWN-CTE', 'an encoding that is not known';
	$answer = $imap->cmd('FETCH 2 BINARY.SIZE[4]');
	is "$answer->{type} $answer->{code}", 'NO UNKNOWN-CTE', 'its size neither';
	is $imap->cmd("FETCH 2 $_")->{type}, 'BAD', $_ for 'BINARY[1.MIME]', 'BINARY.SIZE[1]<0.5>', 'BINARY';
};

subtest 'macros and grammar' => sub {
	my $all = $imap->fetch(1, 'ALL')->{1};
	is_deeply [sort keys %$all], [qw(ENVELOPE FLAGS INTERNALDATE RFC822.SIZE)], 'ALL';
	is_deeply [sort keys %{ $imap->fetch(1, 'FAST')->{1} }], [qw(FLAGS INTERNALDATE RFC822.SIZE)], 'FAST';
	is_deeply [sort keys %{ $imap->fetch(1, 'full')->{1} }], [qw(BODY ENVELOPE FLAGS INTERNALDATE RFC822.SIZE)], 'FULL';
	is_deeply [sort keys %{ $imap->fetch('UID 1', 'FLAGS')->{1} }], [qw(FLAGS UID)], 'UID FETCH tells the UID';
	for my $bad ('', '()', 'NOTHING', '(ALL)', '(FLAGS', 'FLAGS)', '(FLAGS  UID)', 'BODY[', 'BODY[0]', 'BODY[1', 'BODY[1.]', 'BODY[MIME]',
		'BODY[HEADER.FIELDS]', 'BODY[HEADER.FIELDS ()]', 'BODY[TEXT.1]', 'BODY.PEEK', 'RFC822.PEEK', 'BODYSTRUCTURE[1]', 'FLAGS (CHANGEDSINCE)',
		'FLAGS (NOTHING)', 'FLAGS (VANISHED)', 'FLAGS (PARTIAL 1:5)', 'UID[1]', 'BODY[' . '1.' x 200 . '1]') {
		is $imap->cmd("FETCH 1 $bad")->{type}, 'BAD', "\"" . substr($bad, 0, 40) . '"';
	}
	is $imap->cmd('FETCH 3 FLAGS')->{type}, 'BAD', 'a number that is not there';
	is $imap->cmd('UID FETCH 77 FLAGS')->{type}, 'OK', 'a UID that is not there';
};

subtest '\\Seen' => sub {
	$imap->cmd('STORE 1:2 -FLAGS.SILENT (\Seen)');
	item(1, 'BODY.PEEK[TEXT]');
	is_deeply item(1, 'FLAGS'), [], 'PEEK does not set it';
	item(1, $_) for 'RFC822.HEADER', 'BINARY.SIZE[1]', 'ENVELOPE', 'BODY';
	is_deeply item(1, 'FLAGS'), [], 'nor do these';
	my $fetched = $imap->fetch(1, 'BODY[TEXT]')->{1};
	is_deeply [sort @{ $fetched->{FLAGS} }], ['\\Recent', '\\Seen'], 'BODY[] sets and tells it';
	is scalar(grep { $_->{type} eq 'FETCH' } $imap->untagged), 1, 'once';
	$fetched = $imap->fetch(2, '(FLAGS BINARY[1])')->{2};
	is_deeply [sort @{ $fetched->{FLAGS} }], ['\\Recent', '\\Seen'], 'BINARY, with FLAGS before it';
	$imap->cmd('STORE 1 -FLAGS.SILENT (\Seen)');
	$imap->cmd('EXAMINE INBOX');
	item(1, 'BODY[]');
	is_deeply item(1, 'FLAGS'), [], 'not where the folder is read only';
	$imap->select('INBOX');
};

subtest 'dates and ids' => sub {
	like item(1, 'INTERNALDATE'), qr/\A[ \d]\d-\w{3}-\d{4} \d\d:\d\d:\d\d [+-]\d{4}\z/, 'INTERNALDATE';
	like item(1, 'SAVEDATE'), qr/\A[ \d]\d-\w{3}-\d{4} \d\d:\d\d:\d\d [+-]\d{4}\z/, 'SAVEDATE';
	my @ids = map { item($_, 'EMAILID')->[0] } 1, 2;
	like $_, qr/\A[A-Za-z0-9_-]{1,255}\z/, 'EMAILID' for @ids;
	isnt $ids[0], $ids[1], 'of two messages';
	$imap->cmd('CREATE Copies');
	if ($imap->cmd('COPY 1 Copies')->{type} eq 'OK') {
		my $other = $p->imap;
		$other->login('anna', 'secret');
		$other->select('Copies');
		is $other->fetch(1, 'EMAILID')->{1}{EMAILID}[0], $ids[0], 'of a copy it is the same';
		$other->logout;
	}
	my %threads = map { $_ => item($_, 'THREADID')->[0] } 1, 2;
	isnt $threads{1}, $threads{2}, 'THREADID of two threads';
	$imap->append('INBOX', lines('From: x@y.test', 'Subject: Re: IMAP4rev2', 'In-Reply-To: <B27397-0100000@cac.washington.edu>', '', 'yes'));
	$imap->cmd('NOOP');
	is item(3, 'THREADID')->[0], $threads{1}, 'an answer is in the thread of what it answers';
};

subtest 'PREVIEW' => sub {
	is item(1, 'PREVIEW'), 'Hello World', 'of a text';
	$imap->append('INBOX', lines('Subject: x', 'Content-Type: text/plain; charset=koi8-r', '', "\xf0\xd2\xc9\xd7\xc5\xd4"));
	$imap->cmd('NOOP');
	is item(4, 'PREVIEW'), "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82", 'of a charset whose module is in no folder that the session sees';
	$imap->cmd('STORE 4 +FLAGS.SILENT (\Deleted)');
	$imap->cmd('EXPUNGE');
	is item(2, 'PREVIEW'), "Gr\xc3\xbc\xc3\x9fe an alle", 'in UTF-8';
	like raw('FETCH 2 PREVIEW'), qr/PREVIEW \{/, 'as a literal while UTF-8 is not enabled';
	is item(1, 'PREVIEW (LAZY)', 'PREVIEW'), 'Hello World', 'LAZY, from what is kept';
	is_deeply [sort keys %{ $imap->fetch(1, '(PREVIEW (LAZY) UID)')->{1} }], [qw(PREVIEW UID)], 'LAZY in a list';
	is $imap->cmd('FETCH 1 PREVIEW (OTHER)')->{type}, 'BAD', 'nothing else';
};

subtest 'CHANGEDSINCE, MODSEQ, VANISHED' => sub {
	my $before = $imap->select('INBOX', '(CONDSTORE)')->{highestmodseq};
	$imap->cmd('STORE 2 +FLAGS (\Flagged)');
	my $changed = $imap->fetch('1:*', "FLAGS (CHANGEDSINCE $before)");
	is_deeply [keys %$changed], [2], 'only what changed';
	cmp_ok $changed->{2}{MODSEQ}, '>', $before, 'with its MODSEQ';
	ok !keys %{ $imap->fetch('1:*', "FLAGS (CHANGEDSINCE $changed->{2}{MODSEQ})") }, 'nothing since';
	cmp_ok item(1, 'MODSEQ'), '<=', $before, 'MODSEQ';
	is $imap->cmd("UID FETCH 1:* FLAGS (CHANGEDSINCE $before VANISHED)")->{type}, 'BAD', 'VANISHED only with QRESYNC';
	$imap->enable('QRESYNC');
	my $uid = item(3, 'UID');
	$imap->cmd('STORE 3 +FLAGS (\Deleted)');
	$imap->cmd('EXPUNGE');
	$imap->cmd("UID FETCH 1:* FLAGS (CHANGEDSINCE $before VANISHED)");
	my ($vanished) = $imap->untagged('VANISHED');
	is_deeply [$vanished->{earlier}, $vanished->{uids}], [1, [$uid]], 'what went is told';
	$imap->cmd("UID FETCH 1:2 FLAGS (CHANGEDSINCE $before VANISHED)");
	is scalar($imap->untagged('VANISHED')), 0, 'of the set alone';
	my $other = $p->imap;
	$other->login('anna', 'secret');
	$other->select('INBOX');
	$other->cmd('FETCH 1 MODSEQ');
	my @codes = map { $_->{code} // '' } $other->untagged('OK');
	is_deeply \@codes, ['HIGHESTMODSEQ'], 'the first to ask for MODSEQ is told HIGHESTMODSEQ (RFC 7162 3.1)';
	$other->logout;
};

subtest 'PARTIAL' => sub {
	my $many = $p->imap;
	$many->login('many', 'secret');
	$many->append('INBOX', "Subject: $_\r\n\r\n") for 1 .. 9;
	$many->select('INBOX');
	my %expected = ('1:3' => [1 .. 3], '8:20' => [8, 9], '10:20' => [], '-1:-3' => [7 .. 9], '-3:-1' => [7 .. 9], '-9:-30' => [1], '-10:-12' => [], '3:3' => [3]);
	for my $range (sort keys %expected) {
		is_deeply [sort { $a <=> $b } keys %{ $many->fetch('UID 1:*', "FLAGS (PARTIAL $range)") }], $expected{$range}, "PARTIAL $range";
	}
	is_deeply [sort keys %{ $many->fetch('UID 3:7', 'FLAGS (PARTIAL -1:-2)') }], [6, 7], 'of a set';
	is $many->cmd("UID FETCH 1:* FLAGS (PARTIAL $_)")->{type}, 'BAD', "PARTIAL $_" for '0:3', '1:-3', '-1:3', '1', 'x';
	$many->logout;
};

subtest 'URLAUTH (RFC 4467)' => sub {
	my ($validity) = map { $_->{options}{UIDVALIDITY} } do { $imap->status('INBOX', 'UIDVALIDITY'); $imap->untagged('STATUS') };
	my $rump = "imap://anna\@mail.example.test/INBOX;UIDVALIDITY=$validity/;UID=1/;SECTION=HEADER.FIELDS%20(Date)";
	my $generate = sub {
		my ($text) = @_;
		$imap->cmd(qq{GENURLAUTH "$text" INTERNAL});
		return ($imap->untagged('GENURLAUTH'))[0] && ($imap->untagged('GENURLAUTH'))[0]{raw} =~ /"([^"]+)"/ ? $1 : undef;
	};
	my $fetch = sub {
		my ($url) = @_;
		$imap->cmd(qq{URLFETCH "$url"});
		my ($raw) = map { $_->{raw} } $imap->untagged('URLFETCH');
		return $raw =~ / NIL\r\n\z/ ? undef : $raw =~ /\{(\d+)\}\r\n(.*)\r\n\z/s ? substr($2, 0, $1) : $raw;
	};
	my $url = $generate->("$rump;URLAUTH=anonymous");
	like $url, qr/\A\Q$rump\E;URLAUTH=anonymous:internal:01[0-9a-f]{64}\z/, 'GENURLAUTH';
	is $fetch->($url), lines('Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)', ''), 'URLFETCH';
	is $fetch->($generate->("$rump;URLAUTH=$_")), lines('Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)', ''), $_ for 'authuser', 'user+anna';
	is $fetch->($generate->("$rump;URLAUTH=$_")), undef, "not for $_" for 'user+bert', 'submit+anna';
	is $fetch->($generate->("$rump;EXPIRE=2001-01-01T00:00:00Z;URLAUTH=anonymous")), undef, 'not when it has expired';
	ok defined $fetch->($generate->("$rump;EXPIRE=2199-01-01T00:00:00+01:00;URLAUTH=anonymous")), 'before that it is';
	is $fetch->($url =~ s/UID=1/UID=2/r), undef, 'another message';
	is $fetch->($url =~ s/(.)\z/$1 eq '0' ? '1' : '0'/er), undef, 'another token';
	is $fetch->("$rump;URLAUTH=anonymous"), undef, 'no token';
	is $fetch->('nonsense'), undef, 'no URL';
	is $imap->cmd(qq{GENURLAUTH "$_" INTERNAL})->{type}, 'BAD', $_ for $rump, '/INBOX/;UID=1;URLAUTH=anonymous', "$rump;URLAUTH=other";
	is $imap->cmd(qq{GENURLAUTH "imap://$_;URLAUTH=anonymous" INTERNAL})->{type}, 'NO', $_
	  for 'bert@x/INBOX/;UID=1', 'anna@x/None/;UID=1', 'anna@x/INBOX;UIDVALIDITY=1/;UID=1', 'anna@x/INBOX/;UID=7777';
	my $answer = $imap->cmd('RESETKEY INBOX INTERNAL');
	is "$answer->{type} $answer->{code}", 'OK URLMECH', 'RESETKEY';
	is $fetch->($url), undef, 'makes all of them worthless';
	ok defined $fetch->($generate->("$rump;URLAUTH=anonymous")), 'until new ones are made';
	is $imap->cmd('RESETKEY')->{type}, 'OK', 'RESETKEY of all folders';
	$imap->cmd('GETMETADATA INBOX /private') if $imap->has('METADATA');
	unlike join('', map { $_->{raw} } $imap->untagged), qr/urlauth/, 'the key is in no metadata';
};

subtest 'long answers' => sub {
	my $text = join '', map { sprintf "%-70d\r\n", $_ } 1 .. 30000;
	my $long = "Subject: long\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n$text\r\n--b\r\n"
	  . "Content-Transfer-Encoding: base64\r\n\r\n" . encode_base64($text, "\r\n") . "--b--\r\n";
	$imap->append('INBOX', $long);
	$imap->cmd('NOOP');
	my ($exists) = map { $_->{number} } $imap->untagged('EXISTS');
	$exists //= 3;
	ok item($exists, 'BODY.PEEK[]') eq $long, 'a message of megabytes';
	ok item($exists, 'BODY.PEEK[1]') eq $text, 'a part';
	ok item($exists, 'BINARY.PEEK[2]') eq $text, 'a decoded part';
	ok item($exists, 'BINARY.PEEK[2]<1000000.70000>', 'BINARY[2]<1000000>') eq substr($text, 1000000, 70000), 'a piece of it';
	is item($exists, 'BINARY.SIZE[2]'), length $text, 'its size';
};

subtest 'all of the corpus' => sub {
	my $folder = '../shared/corpus';
	plan skip_all => 'no corpus' if !-d $folder;
	my $messages = corpus_messages($folder, every => 10);
	my $bert = $p->imap;
	$bert->login('bert', 'secret');
	my @names = sort keys %$messages;
	$bert->append('INBOX', $messages->{$_})->{type} eq 'OK' or fail("APPEND of $_") for @names;
	is $bert->select('INBOX')->{exists}, scalar @names, 'all are there';
	my $fetched = $bert->fetch('1:*', '(ENVELOPE BODYSTRUCTURE BODY RFC822.SIZE PREVIEW THREADID BODY.PEEK[])');
	my $again = $bert->fetch('1:*', '(ENVELOPE BODYSTRUCTURE RFC822.SIZE PREVIEW THREADID BODY.PEEK[HEADER.FIELDS (Subject From)])');
	my ($whole, $same) = (0, 0);
	for my $i (0 .. $#names) {
		my ($first, $second) = ($fetched->{ $i + 1 }, $again->{ $i + 1 });
		$whole++ if $first->{'BODY[]'} eq $messages->{ $names[$i] } && $first->{'RFC822.SIZE'} eq length $messages->{ $names[$i] };
		delete $second->{'BODY[HEADER.FIELDS (SUBJECT FROM)]'};
		delete @$first{ 'BODY[]', 'BODY' };
		$same++ if as_text($first) eq as_text($second);
	}
	is $whole, scalar @names, 'every octet comes back';
	is $same, scalar @names, 'what was kept is what was found';
	$bert->logout;
};

$imap->logout;
done_testing;

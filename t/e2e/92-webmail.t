#!/usr/bin/perl
# Webmail's API: folders, messages, drafts, sending, events, by what a mail program sees of the same mailbox.
use strict;
use warnings;
use lib 't/lib';
use Encode qw(encode_utf8);
use IO::Socket::INET;
use MIME::Base64 qw(decode_base64);
use Postroom::Test;
use Postroom::Webmail;
use Test::More;

my $p = Postroom::Test->start(users => { anna => 'secret-a', bob => 'secret-b' });
my $domain = $p->domain;
my ($anna, $bob) = map { Postroom::Webmail->new($p, $_, 'secret-' . substr $_, 0, 1) } qw(anna bob);

my $mixed = join "\r\n", "From: =?utf-8?q?J=C3=BCrgen?= <j\@example.net>", "To: anna\@$domain", 'Subject: =?utf-8?b?R3LDvMOfZQ==?=',
	'Date: Fri, 20 Nov 2026 10:00:00 +0100', 'Message-ID: <first@example.net>', 'MIME-Version: 1.0',
	'Content-Type: multipart/mixed; boundary=b', '', '--b', 'Content-Type: multipart/alternative; boundary=c', '', '--c',
	'Content-Type: text/plain; charset=iso-8859-1', 'Content-Transfer-Encoding: quoted-printable', '', 'sch=F6n', '--c',
	'Content-Type: text/html', '', '<p>sch&ouml;n <script>alert(1)</script></p>', '--c--', '--b',
	'Content-Type: text/html; name="..\\evil/x\".html"', 'Content-Disposition: attachment; filename="../../a b.html"',
	'Content-Transfer-Encoding: base64', '', 'PGI+eDwvYj4=', '--b--', '';

sub deliver {
	my ($to, $text) = @_;
	my $smtp = $p->smtp;
	like $smtp->send_message('j@example.net', [$to], $text =~ s/\r\n/\n/gr), qr/\A250/, "mail to $to";
	$smtp->quit;
	return;
}

subtest 'a message as it is read' => sub {
	deliver("anna\@$domain", $mixed);
	my $page = $anna->messages('INBOX', 1);
	is $page->{total}, 1, 'one message';
	my ($item) = @{ $page->{items} };
	is $item->{subject}, "Gr\x{fc}\x{df}e", 'its subject is decoded';
	is_deeply $item->{from}, [{ name => "J\x{fc}rgen", address => 'j@example.net' }], 'who it is from';
	is_deeply $item->{flags}, [], 'it is unread';
	ok $item->{attachments}, 'it has an attachment';
	like $item->{preview}, qr/sch\x{f6}n/, 'a preview';
	my $path = Postroom::Webmail::path('INBOX', $page, $item);
	my $message = $anna->ok(GET => $path);
	is $message->{text} =~ s/\s+\z//r, "sch\x{f6}n", 'its text';
	like $message->{html}, qr{<p>sch&ouml;n <script>}, 'its HTML, as it is';
	my ($part) = @{ $message->{parts} };
	is scalar @{ $message->{parts} }, 1, 'one part beside them';
	is_deeply [@$part{qw(part name type size)}], ['2', 'a b.html', 'text/html', 8], 'described, its name without a path';
	my ($status, $bytes, $headers) = $anna->raw(GET => "$path/parts/2");
	is $bytes, '<b>x</b>', 'the part itself';
	is $headers->{'content-type'}, 'application/octet-stream', 'as nothing that a browser would show';
	is $headers->{'content-disposition'}, "attachment; filename*=UTF-8''a%20b.html", 'to be saved';
	like $headers->{'content-security-policy'}, qr/sandbox/, 'and nothing runs in it';
	is +($anna->raw(GET => "$path/parts/7"))[0], 404, 'there is no other';
	my $source = ($anna->raw(GET => "$path/source"))[1];
	like $source, qr/\Q$mixed\E\z/, 'its source';
	is_deeply $anna->messages('INBOX')->{items}[0]{flags}, [], 'reading by the API marks nothing';
	is +($bob->call(GET => $path))[0], 404, 'nobody else has it';
};

subtest 'flags, folders, moving, the trash' => sub {
	my $page = $anna->messages('INBOX');
	my $path = Postroom::Webmail::path('INBOX', $page, $page->{items}[0]);
	$anna->ok(PATCH => $path, { flags => { add => ['\\Seen', '$Work'] } });
	is_deeply [sort @{ $anna->messages('INBOX')->{items}[0]{flags} }], ['$Work', '\\Seen'], 'flags';
	is +($anna->call(PATCH => $path, { flags => { add => ['a b'] } }))[0], 422, 'a flag that is none';
	is +($anna->call(POST => '/mail/folders', { name => "Pr\x{fc}fung/2026" }))[0], 201, 'a folder is made';
	my ($folder) = grep { $_->{name} eq "Pr\x{fc}fung/2026" } @{ $anna->ok(GET => '/mail/folders')->{items} };
	is_deeply [@$folder{qw(messages unseen)}], [0, 0], 'and listed with its counts';
	is +($anna->call(POST => '/mail/folders', { name => "Pr\x{fc}fung/2026" }))[0], 409, 'once';
	$anna->ok(PATCH => $path, { move => "Pr\x{fc}fung/2026" });
	is $anna->messages('INBOX')->{total}, 0, 'the message is moved';
	my $there = $anna->messages('Pr%C3%BCfung%2F2026');
	is $there->{total}, 1, 'to there';
	is +($anna->call(GET => $path))[0], 404, 'and is not where it was';
	my $imap = $p->imap;
	$imap->login('anna', 'secret-a');
	$imap->cmd('LIST "" "*/2026"');
	is scalar(() = $imap->untagged('LIST')), 1, 'a mail program sees the folder';
	$anna->ok(PATCH => '/mail/folders/Pr%C3%BCfung%2F2026', { name => 'Done' });
	$there = $anna->messages('Done');
	is $there->{total}, 1, 'renamed';
	$anna->ok(DELETE => Postroom::Webmail::path('Done', $there, $there->{items}[0]));
	my ($trash) = grep { ($_->{use} // '') eq 'trash' } @{ $anna->ok(GET => '/mail/folders')->{items} };
	is $trash->{messages}, 1, 'what is deleted lies in the trash';
	my $name = $trash->{name} =~ s/ /%20/gr;
	my $bin = $anna->messages($name);
	$anna->ok(DELETE => Postroom::Webmail::path($name, $bin, $bin->{items}[0]));
	is $anna->messages($name)->{total}, 0, 'and is gone where it is deleted there';
	is +($anna->call(DELETE => '/mail/folders/Done'))[0], 204, 'the folder is deleted';
	is +($anna->call(GET => '/mail/folders/Done/messages'))[0], 404, 'it is gone';
};

subtest '02-15.3 the inbox keeps its name' => sub {
	is +($anna->call(PATCH => '/mail/folders/INBOX', { name => 'Other' }))[0], 422, 'refused';
	ok !(grep { $_->{name} eq 'Other' } @{ $anna->ok(GET => '/mail/folders')->{items} }), 'nothing was renamed';
};

subtest 'pages, search, sort, threads' => sub {
	for my $n (1 .. 7) {
		my $re = $n == 7 ? "Re: number 1\r\nReferences: <n1\@example.net>" : "number $n";
		deliver("bob\@$domain", "From: x$n\@example.net\r\nTo: bob\@$domain\r\nSubject: $re\r\nMessage-ID: <n$n\@example.net>\r\n"
			. "\r\nbody of w$n " . 'long ' x (8 - $n) . "\r\n");
		$bob->messages('INBOX', $n);
	}
	my $page = $bob->messages('INBOX', undef, '?limit=3');
	is_deeply [map { $_->{subject} } @{ $page->{items} }], ['Re: number 1', 'number 6', 'number 5'], 'the newest first';
	is $page->{total}, 7, 'of seven';
	$page = $bob->messages('INBOX', undef, '?limit=3&offset=5');
	is_deeply [map { $_->{subject} } @{ $page->{items} }], ['number 2', 'number 1'], 'the last page';
	is_deeply $bob->messages('INBOX', undef, '?offset=99')->{items}, [], 'nothing behind it';
	is_deeply [map { $_->{from}[0]{address} } @{ $bob->messages('INBOX', undef, '?sort=from&limit=2')->{items} }],
		['x1@example.net', 'x2@example.net'], 'sorted by sender';
	is $bob->messages('INBOX', undef, '?search=w4')->{total}, 1, 'a word of the text';
	is $bob->messages('INBOX', undef, '?search=subject:number%20-from:x3')->{total}, 6, 'fields, and what is not wanted';
	is $bob->messages('INBOX', undef, '?search=is:unread%20subject:%22number%206%22')->{total}, 1, 'flags, and words in quotes';
	is +($bob->call(GET => '/mail/folders/INBOX/messages?sort=x'))[0], 400, 'no sort of that kind';
	is +($bob->call(GET => '/mail/folders/INBOX/messages?limit=100000'))[0], 400, 'a page has its limit';
	$page = $bob->messages('INBOX', undef, '?threads=1');
	is $page->{total}, 6, 'six threads';
	is_deeply [map { "$_->{subject} $_->{depth}" } @{ $page->{items} }[0, 1]], ['number 1 0', 'Re: number 1 1'],
		'the one with the newest message first';
	$bob->ok(PATCH => '/mail/folders/INBOX/messages',
		{ uidvalidity => $page->{uidvalidity}, all => JSON::PP::true, search => 'from:x2', flags => { add => ['\\Flagged'] } });
	is_deeply [map { $_->{subject} } @{ $bob->messages('INBOX', undef, '?search=is:flagged')->{items} }], ['number 2'],
		'all that a search finds is changed';
	is +($bob->call(PATCH => '/mail/folders/INBOX/messages', { uidvalidity => 1, uids => [1], delete => JSON::PP::true }))[0], 404,
		'nothing is where the folder is another one';
};

subtest '05-17.1 the page size that a user chose is capped' => sub {
	my $size = sub { return $bob->ok(GET => '/me')->{page_size} };
	my $choose = sub { return +($bob->call(PATCH => '/me', { 'web.page-size' => $_[0] }))[0] };
	is $choose->(20_000), 204, 'chosen';
	is $size->(), 20_000, 'as it was chosen';
	$p->set('webmail.page-size' => 10_000);
	is $size->(), 10_000, 'capped';
	is $choose->(300), 204, 'less';
	is $size->(), 300, 'is as it is chosen';
	$p->postroom_ok(qw(user set bob change.web-name off));
	is $choose->(200), 204, 'whatever else the user may not change';
	$p->postroom_ok(qw(user set bob change.web-name on));
	isnt $choose->('many'), 204, 'a number';
	is $size->(), 200, 'it stays';
};

subtest 'a draft with attachments, sent' => sub {
	my $draft = $anna->ok(POST => '/mail/drafts', { to => 'bob', bcc => 'anna', subject => "\x{2603} snow", text => "one\ntwo\n" });
	is $draft->{folder}, 'Drafts', 'kept among drafts';
	my $place = "/mail/drafts/Drafts/$draft->{uidvalidity}/$draft->{uid}";
	my $bytes = join '', map { chr $_ % 256 } 1 .. 100_000;
	my ($status, $reply) = $anna->raw(POST => "$place/attachments?name=" . 'r%C3%A9sum%C3%A9.bin', $bytes,
		'Content-Type' => 'application/x-test');
	is $status, 201, 'a file is attached';
	$draft = JSON::PP->new->utf8->decode($reply);
	is $anna->messages('Drafts')->{total}, 1, 'the draft is still one';
	my $message = $anna->ok(GET => "/mail/messages/Drafts/$draft->{uidvalidity}/$draft->{uid}");
	is $message->{parts}[0]{name}, "r\x{e9}sum\x{e9}.bin", 'with its name';
	is_deeply [map { $_->{address} } @{ $message->{bcc} }], ["anna\@$domain"], 'Bcc is kept';
	($status, $reply) = $anna->raw(POST => "/mail/drafts/Drafts/$draft->{uidvalidity}/$draft->{uid}/attachments?name=two.txt", 'two',
		'Content-Type' => 'text/plain');
	$draft = JSON::PP->new->utf8->decode($reply);
	my %own = map { $_ => $draft->{$_} } qw(folder uidvalidity uid);
	$message = $anna->ok(GET => "/mail/messages/Drafts/$own{uidvalidity}/$own{uid}");
	is_deeply [map { $_->{part} } @{ $message->{parts} }], [2, 3], 'a second one beside it';
	my $sent = $anna->ok(POST => '/mail/send', { to => "Bob <bob\@$domain>", bcc => 'anna', subject => "\x{2603} snow",
		text => "one\ntwo\n", html => '<p>one</p>', replaces => \%own, attachments => [map { { %own, part => $_ } } '2', '3'] });
	is_deeply $sent->{refused}, [], 'sent to all';
	is $anna->messages('Drafts')->{total}, 0, 'it is no draft any more';
	my $copies = $anna->messages('Sent%20Items');
	is $copies->{total}, 1, 'a copy is kept';
	my $copy = $anna->ok(GET => Postroom::Webmail::path('Sent%20Items', $copies, $copies->{items}[0]));
	is_deeply [map { $_->{address} } @{ $copy->{bcc} }], ["anna\@$domain"], 'which names the blind copy';
	is $anna->messages('INBOX', 1)->{total}, 1, 'that came';
	my $inbox = $bob->messages('INBOX', 8);
	my $path = Postroom::Webmail::path('INBOX', $inbox, $inbox->{items}[0]);
	my $came = $bob->ok(GET => $path);
	is $came->{subject}, "\x{2603} snow", 'its subject came whole';
	is_deeply $came->{bcc}, [], 'without Bcc';
	is $came->{text} =~ s/\s+\z//r, "one\r\ntwo", 'its text';
	is $came->{html} =~ s/\s+\z//r, '<p>one</p>', 'its HTML';
	is_deeply [map { $_->{name} } @{ $came->{parts} }], ["r\x{e9}sum\x{e9}.bin", 'two.txt'], 'its attachments';
	ok +($bob->raw(GET => "$path/parts/2"))[1] eq $bytes, 'byte for byte';
	is +($bob->raw(GET => "$path/parts/3"))[1], 'two', 'both';
	my $source = ($bob->raw(GET => "$path/source"))[1];
	like $source, qr/^Received: .*with ESMTPA/ms, 'it was taken as a submission behind a login';
};

subtest 'a reply, and what it answers' => sub {
	my $inbox = $bob->messages('INBOX');
	my %original = (folder => 'INBOX', uidvalidity => $inbox->{uidvalidity}, uid => $inbox->{items}[0]{uid});
	my $path = Postroom::Webmail::path('INBOX', $inbox, $inbox->{items}[0]);
	my $id = $bob->ok(GET => $path)->{message_id};
	$bob->ok(POST => '/mail/send', { to => "anna\@$domain", subject => 'Re: snow', text => 'yes', answers => { kind => 'reply', %original } });
	my $page = $anna->messages('INBOX', 2);
	my $reply = $anna->ok(GET => Postroom::Webmail::path('INBOX', $page, $page->{items}[0]));
	is $reply->{in_reply_to}, $id, 'In-Reply-To';
	is $reply->{references}, $id, 'References';
	ok +(grep { $_ eq '\\Answered' } @{ $bob->ok(GET => $path)->{flags} }), 'the original is marked as answered';
	$bob->ok(POST => '/mail/send', { to => "anna\@$domain", subject => 'Fwd: snow', text => 'see', attachments => [\%original],
		answers => { kind => 'forward', %original } });
	$page = $anna->messages('INBOX', 3);
	my $forward = $anna->ok(GET => Postroom::Webmail::path('INBOX', $page, $page->{items}[0]));
	is $forward->{parts}[0]{type}, 'message/rfc822', 'the message is attached';
	ok +(grep { $_ eq '$Forwarded' } @{ $bob->ok(GET => $path)->{flags} }), 'and marked as forwarded';
};

subtest '07-1.4 From without being said' => sub {
	my $before = $anna->messages('INBOX')->{total};
	$bob->ok(POST => '/mail/send', { to => 'anna', subject => 'plain', text => 'x' });
	my $page = $anna->messages('INBOX', $before + 1);
	my $source = ($anna->raw(GET => Postroom::Webmail::path('INBOX', $page, $page->{items}[0]) . '/source'))[1];
	like $source, qr/^From: bob\@\Q$domain\E\r$/m, 'the name at the default domain';
};

subtest '02-7.2 a From address that is not the user\'s' => sub {
	$p->postroom_ok('user', 'set', 'bob', 'send.addresses', "own,bob.b\@$domain");
	my ($status, $reply) = $bob->call(POST => '/mail/send', { from => "anna\@$domain", to => 'anna', text => 'forged' });
	is $status, 422, 'refused';
	is $reply->{error}{code}, 'refused', 'by the rule for submissions';
	is +($bob->call(POST => '/mail/send', { from => "bob.b\@$domain", to => 'anna', text => 'x' }))[0], 200, 'one of his own is taken';
	$p->postroom_ok('user', 'set', 'bob', 'send.addresses', 'any');
};

subtest '02-7.4 a message is moved to a member of a group' => sub {
	$p->postroom_ok('group', 'add', 'desk');
	$p->postroom_ok('group', 'add-member', 'desk', 'anna');
	$p->postroom_ok('user', 'set', 'bob', 'web.move-to', '$desk');
	deliver("bob\@$domain", "From: c\@example.net\r\nSubject: for the desk\r\n\r\nplease\r\n");
	my $page;
	$p->wait_for(sub { $page = $bob->messages('INBOX'); return $page->{items}[0]{subject} eq 'for the desk' }, 'it came', 20);
	my $path = Postroom::Webmail::path('INBOX', $page, $page->{items}[0]);
	is_deeply $bob->ok(GET => '/me')->{move_to}, ['anna'], 'who may get it';
	is +($bob->call(POST => "$path/give", { to => 'postmaster' }))[0], 403, 'to who is no member it is refused';
	is +($bob->call(GET => $path))[0], 200, 'and stays';
	my $before = $anna->messages('INBOX')->{total};
	$bob->ok(POST => "$path/give", { to => 'anna' });
	my $came = $anna->messages('INBOX', $before + 1)->{items}[0];
	is "$came->{subject} $came->{from}[0]{address}", 'for the desk c@example.net', 'a member has it, as it was';
	is +($bob->call(GET => $path))[0], 404, 'and the other one not any more';
	$p->postroom_ok('user', 'unset', 'bob', 'web.move-to');
	is +($bob->call(POST => Postroom::Webmail::path('INBOX', $page, $page->{items}[1]) . '/give', { to => 'anna' }))[0], 403, 'nobody may by himself';
};

subtest 'what cannot be sent' => sub {
	is +($bob->call(POST => '/mail/send', { text => 'x' }))[0], 422, 'nobody to send it to';
	my ($status, $reply) = $bob->call(POST => '/mail/send', { to => 'a@@b', text => 'x' });
	is "$status $reply->{error}{field}", '422 to', 'no address';
	($status, $reply) = $bob->call(POST => '/mail/send', { to => "anna\@$domain, nobody\@$domain", text => 'x' });
	is $status, 200, 'one of two exists';
	is_deeply [map { $_->{address} } @{ $reply->{refused} }], ["nobody\@$domain"], 'the other one is told';
	($status) = $bob->call(POST => '/mail/send', { to => "anna\@$domain\r\nX-Evil: 1", subject => "a\r\nX-Evil: 2", text => 'x' });
	my $page = $anna->messages('INBOX');
	my $source = ($anna->raw(GET => Postroom::Webmail::path('INBOX', $page, $page->{items}[0]) . '/source'))[1];
	unlike $source, qr/^X-Evil/m, 'nothing adds a field';
};

subtest '02-15.1 export of a folder' => sub {
	$anna->ok(POST => '/mail/folders', { name => 'Export' });
	my $imap = $p->imap;
	$imap->login('anna', 'secret-a');
	my @texts = map { "Subject: $_\r\n\r\nFrom here\r\n>From there\r\n$_\r\n" } 1 .. 3;
	for my $text (@texts) {
		$imap->append('Export', $text);
		ok $imap->is_ok, 'stored';
	}
	my ($status, $zip) = $anna->raw(GET => '/mail/folders/Export/export?form=eml');
	open my $file, '>:raw', $p->dir . '/export.zip' or die $!;
	print {$file} $zip;
	close $file;
	my @names = split /\n/, `python3 -c 'import zipfile,sys; z=zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print("\\n".join(z.namelist()))' @{[$p->dir]}/export.zip`;
	is_deeply \@names, [map { "Export/$_.eml" } 1 .. 3], 'a file for each message';
	for my $n (1 .. 3) {
		my $text = `python3 -c 'import zipfile,sys; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))' @{[$p->dir]}/export.zip Export/$n.eml`;
		is $text, $texts[$n - 1], 'equal to what is stored';
	}
	($status, $zip) = $anna->raw(GET => '/mail/folders/Export/export?form=mbox');
	open $file, '>:raw', $p->dir . '/export.zip' or die $!;
	print {$file} $zip;
	close $file;
	my $mbox = `python3 -c 'import zipfile,sys; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read("Export.mbox"))' @{[$p->dir]}/export.zip`;
	is scalar(() = $mbox =~ /^From /mg), 3, 'three separators in the mbox';
	is scalar(() = $mbox =~ /^>From here$/mg), 3, 'lines of messages are marked';
	is scalar(() = $mbox =~ /^>>From there$/mg), 3, 'also those that were';
};

subtest 'events' => sub {
	my $socket = IO::Socket::INET->new(PeerAddr => $p->host, PeerPort => $p->port('web'), Timeout => 10) or die "connect: $!";
	print {$socket} "GET /api/v1/mail/events HTTP/1.1\r\nHost: localhost\r\nCookie: " . $anna->cookie . "\r\n\r\n";
	my $seen = '';
	my $read_until = sub {
		my ($pattern) = @_;
		local $SIG{ALRM} = sub { die "no $pattern in $seen\n" };
		alarm 25;
		while ($seen !~ $pattern) {
			sysread $socket, $seen, 4096, length $seen or die "the stream ended: $seen\n";
		}
		alarm 0;
		return 1;
	};
	ok $read_until->(qr/retry:/), 'the stream begins';
	my $page = $anna->messages('INBOX');
	$anna->ok(PATCH => Postroom::Webmail::path('INBOX', $page, $page->{items}[0]), { flags => { add => ['\\Flagged'] } });
	ok $read_until->(qr/event: folder\r?\ndata: \{"name":"INBOX"/), 'a change in another connection is told';
	$anna->ok(POST => '/mail/folders', { name => 'Fresh' });
	ok $read_until->(qr/event: folders/), 'and a new folder';
};

subtest '02-7.1 forwarding within the pattern' => sub {
	$p->postroom_ok('user', 'set', 'anna', 'change.forward-to', '*@mydomain.com');
	is +($anna->call(PATCH => '/me', { forward => 'x@mydomain.com' }))[0], 204, 'an address that it matches';
	is +($anna->call(PATCH => '/me', { forward => 'x@evil.example' }))[0], 403, 'another one';
	is +($anna->call(PATCH => '/me', { forward => 'x@mydomain.com, y@evil.example' }))[0], 403, 'a list with one bad address';
	is $anna->ok(GET => '/me')->{attributes}{forward}, 'x@mydomain.com', 'the good one is there';
	is +($p->postroom('user', 'set', 'anna', 'forward', 'x@evil.example'))[0], 0, 'an administrator may';
	is +($anna->call(PATCH => '/me', { administrator => 'on' }))[0], 403, 'other attributes are not his to change';
};

subtest 'own rules and autoresponders' => sub {
	my $added = $anna->ok(POST => '/me/items/message-rule', { name => 'files', condition => 'Subject CONTAINS WARNING', action => 'COPY Warnings' });
	my $list = $anna->ok(GET => '/me/items/message-rule')->{items};
	is_deeply [map { $_->{name} } @$list], ['files'], 'a rule is there';
	is +($bob->call(GET => '/me/items/message-rule'))[1]{total}, 0, 'nobody else has it';
	is +($anna->call(DELETE => "/me/items/message-rule/$added->{number}"))[0], 204, 'deleted';
	is +($anna->call(GET => '/me/items/lan-rule'))[0], 404, 'what only the server has is not here';
};

subtest 'the frame for messages' => sub {
	my ($status, $body, $headers) = $anna->raw(GET => '/mail/frame');
	like $headers->{'content-security-policy'}, qr/default-src 'none'.*sandbox allow-same-origin/, 'nothing runs, nothing is loaded';
	unlike $headers->{'content-security-policy'}, qr/img-src[^;]*http|script-src|allow-scripts/, 'no pictures from elsewhere';
	like +($anna->raw(GET => '/mail/frame?images=1'))[2]{'content-security-policy'}, qr/img-src[^;]* https:/, 'but where they are wanted';
	$p->postroom_ok('user', 'set', 'anna', 'web.images', 'off');
	my $fresh = Postroom::Webmail->new($p, 'anna', 'secret-a');
	is +($fresh->raw(GET => '/mail/frame?images=1'))[0], 403, '02-7.3 and allowed';
};

subtest '02-10.3 no alias of others' => sub {
	is +($bob->call(POST => '/mappings', { pattern => 'sales', target => 'anna' }))[0], 403, 'a user makes no mapping';
};

$p->stop;
done_testing;

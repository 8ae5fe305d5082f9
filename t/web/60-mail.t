#!/usr/bin/perl
# Webmail in a browser: reading, writing, searching, moving, settings; two browsers at once; a phone; the keyboard alone.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Browser qw(browse need_browser);
use Postroom::Test;
use Test::More;

need_browser();
my $p = Postroom::Test->start(users => { anna => 'anna-secret', bob => 'bob-secret' });
my $smtp = $p->smtp;
for my $n (1 .. 30) {
	like $smtp->send_message('carl@example.net', ['anna@' . $p->domain], "From: Carl <carl\@example.net>\nTo: anna\@example.test\nSubject: number $n\n"
		. "Message-ID: <n$n\@example.net>\n\nThe text of number $n, w$n.\n"), qr/\A250/, "message $n";
}
for my $n (1 .. 3) {
	like $smtp->send_message('carl@example.net', ['bob@' . $p->domain], "From: Carl <carl\@example.net>\nTo: bob\@example.test\nSubject: talk $n\n"
		. "Message-ID: <talk$n\@example.net>\n" . ($n > 1 ? "References: <talk1\@example.net>\n" : '') . "\nx\n"), qr/\A250/, "of a conversation $n";
}
my $hostile = join "\n", 'From: evil@example.net', 'To: anna@example.test', 'Subject: pictures and links', 'MIME-Version: 1.0',
	'Content-Type: text/html', '', '<p style="color:red;background:url(http://evil.test/a)">hello</p><img src="http://evil.test/b.png">',
	'<a href="http://evil.test/c">a link</a><script>parent.ran=1</script><img src=x onerror="parent.ran=1">', '';
like $smtp->send_message('evil@example.net', ['anna@' . $p->domain], $hostile), qr/\A250/, 'HTML';
$smtp->quit;
browse($p, 't/web/mail.mjs', {});
$p->stop;
done_testing;

#!/usr/bin/perl
# Is mail from whom it says: SPF at MAIL, Authentication-Results and DMARC at the end of data. Clients of 127.0.0.1 may
# relay, all others of 127.0.0.0/8 are strangers.
use strict;
use warnings;
use lib 't/lib';
use Digest::SHA qw(sha256);
use IO::Select;
use IO::Socket::IP;
use MIME::Base64 qw(encode_base64);
use Postroom::Dns;
use Postroom::Need qw(need_program);
use Postroom::Process qw(run_program write_file);
use Postroom::Test;
use Socket qw(SOCK_DGRAM);
use Test::More;

need_program('nsd', 'openssl');

my (undef, $key) = run_program({}, 'openssl', 'genrsa', '2048');
my (undef, $public) = run_program({ stdin => $key }, 'openssl', 'rsa', '-pubout');
$public = join '', grep { !/---/ } split /\n/, $public;
my $key_record = 'TXT ' . join ' ', map { qq("$_") } "v=DKIM1; k=rsa; p=$public" =~ /(.{1,250})/g;

my $dns = Postroom::Dns->start(zones => {
	'strict.test' => {
		'@'             => ['TXT "v=spf1 ip4:127.0.0.7 -all exp=why.strict.test"', 'A 127.0.0.1'],
		'why'           => ['TXT "%{i} is none of ours"'],
		'_dmarc'        => ['TXT "v=DMARC1; p=reject"'],
		's1._domainkey' => [$key_record],
	},
	'soft.test'  => { '@' => ['TXT "v=spf1 ~all"'], '_dmarc' => ['TXT "v=DMARC1; p=quarantine"'] },
	'wrong.test' => { '@' => ['TXT "v=spf1 ipv4:127.0.0.7 -all"'] },
	'plain.test' => { '@' => ['A 127.0.0.1'] },
	'mail.example' => { '@' => ['TXT "v=spf1 -all"'] },
});
my $p = Postroom::Test->start(
	users => { anna => 'anna-secret' },
	set   => { 'dns.servers' => $dns->address, 'smtp.spf' => 'on' },
);
$p->relay('127.0.0.1');
my $domain = $p->domain;
my $ID = 'mail.example.test';

sub client {
	my ($local) = @_;
	my $smtp = $p->smtp(local => $local // '127.0.0.2');
	$smtp->ehlo('client.plain.test');
	return $smtp;
}

sub mail_from {
	my ($from, $local) = @_;
	my $smtp = client($local);
	$smtp->cmd("MAIL FROM:<$from>");
	return $smtp->last;
}

# Send a message; its text as anna finds it, or the reply where it was refused.
sub send_and_fetch {
	my ($smtp, $from, $text) = @_;
	my $reply = $smtp->send_message($from, ["anna\@$domain"], $text);
	my ($id) = $reply =~ /queued as (\S+)/ or return $reply;
	$p->wait_log(qr/id=\Q$id\E.*delivered/);
	my $pop3 = $p->pop3;
	$pop3->login('anna', 'anna-secret');
	my ($count) = $pop3->stat;
	my $found = $pop3->retr($count);
	$pop3->quit;
	return $found;
}

# The values of our fields, unfolded.
sub own_results {
	my ($text) = @_;
	my ($header) = $text =~ /\A(.*?)\r?\n\r?\n/s;
	$header =~ s/\r?\n[ \t]+/ /g;
	return $header =~ /^Authentication-Results: (\Q$ID\E;.*?)\r?$/mg;
}

# Signed by strict.test with rsa-sha256, header and body as they stand (RFC 6376 3.4.1, 3.4.3).
sub signed {
	my ($text) = @_;
	my ($header, $body) = $text =~ /\A(.*?\r\n)\r\n(.*)\z/s;
	my ($from) = $header =~ /^(From:.*\r\n)/m;
	my $field = 'DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; d=strict.test; s=s1; h=From; bh='
		. encode_base64(sha256($body), '') . '; b=';
	write_file($p->dir . '/key.pem', $key);
	my ($status, $signature, $err) =
		run_program({ stdin => $from . $field }, 'openssl', 'dgst', '-sha256', '-sign', $p->dir . '/key.pem');
	die "openssl: $err" if $status != 0;
	return $field . encode_base64($signature, '') . "\r\n$text";
}

my $MESSAGE = "From: Bob <bob\@strict.test>\r\nTo: anna\@$domain\r\nSubject: hello\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\n"
	. "Message-ID: <1\@strict.test>\r\n\r\nHello Anna\r\n";

subtest '05-8.6 SPF refuses what the setting names' => sub {
	like mail_from('bob@strict.test'), qr/\A250 /, 'by default nothing';
	$p->set('smtp.spf-reject' => 'fail');
	is mail_from('bob@strict.test'),
		'550 5.7.23 SPF check failed (fail); strict.test explains: 127.0.0.2 is none of ours', 'fail, with the explanation';
	is mail_from('x@mail.example'), '550 5.7.23 SPF check failed (fail): 127.0.0.2 may not send for mail.example', 'without one';
	like mail_from('bob@strict.test', '127.0.0.7'), qr/\A250 /, 'pass';
	like mail_from("x\@$_"), qr/\A250 /, "$_ is not refused" for 'soft.test', 'wrong.test', 'plain.test', 'gone.test';
	like mail_from(''), qr/\A250 /, 'the null sender, whose HELO has no record';
	$p->set('smtp.spf-reject' => 'permerror,softfail');
	like mail_from('x@soft.test'), qr/\A550 5\.7\.23 .*softfail/, 'softfail';
	like mail_from('x@wrong.test'), qr/\A550 5\.7\.23 .*permerror/, 'permerror';
	like mail_from('bob@strict.test'), qr/\A250 /, 'fail is not named';
	$p->set('smtp.spf-reject' => 'fail,temperror', 'smtp.spf' => 'off');
	like mail_from('bob@strict.test'), qr/\A250 /, 'SPF is off';
	$p->set('smtp.spf' => 'on');
	my $smtp = client();
	$smtp->cmd('MAIL FROM:<bob@strict.test>');
	$smtp->cmd('MAIL FROM:<x@plain.test>');
	is $smtp->code, 250, 'a refused sender is no open transaction';
};

subtest '05-8.6 local and authorised senders are not checked' => sub {
	$p->set('smtp.spf-reject' => 'fail', 'smtp.spf-whitelist' => '');
	like mail_from('bob@strict.test', '127.0.0.1'), qr/\A250 /, 'may relay';
	my $smtp = client();
	$smtp->auth('PLAIN', 'anna', 'anna-secret');
	$smtp->cmd('MAIL FROM:<bob@strict.test>');
	is $smtp->code, 250, 'logged in';
	$p->set('smtp.spf-skip-authorised' => 'off');
	like mail_from('bob@strict.test', '127.0.0.1'), qr/\A550 5\.7\.23 /, 'unless that is wanted';
	$p->postroom_ok('unset', $_) for 'smtp.spf-skip-authorised', 'smtp.spf-whitelist';
};

subtest '05-8.7 the SPF whitelist' => sub {
	$p->set('smtp.spf-reject' => 'fail', 'smtp.spf-whitelist' => '127.0.2.0/24 *@*.example');
	like mail_from('x@mail.example', '127.0.2.9'), qr/\A250 /, 'skips the check';
	like mail_from('x@mail.example', '127.0.3.1'), qr/\A550 5\.7\.23 /, 'not from another network';
	like mail_from('bob@strict.test', '127.0.2.9'), qr/\A550 5\.7\.23 /, 'nor for another domain';
	$p->set('smtp.spf-whitelist' => '127.0.2.9 service=2, bob@strict.test service=1');
	like mail_from('x@mail.example', '127.0.2.9'), qr/\A550 5\.7\.23 /, 'an entry for another service';
	like mail_from('bob@strict.test'), qr/\A250 /, 'an entry for this service';
	like mail_from('bert@strict.test'), qr/\A550 5\.7\.23 /, 'another local part';
	my ($status, undef, $err) = $p->postroom('set', 'smtp.spf-whitelist', '300.1.1.1');
	isnt $status, 0, 'a wrong entry is refused';
	like $err, qr/smtp\.spf-whitelist.*300\.1\.1\.1/, 'and named';
	$p->postroom_ok('unset', 'smtp.spf-whitelist');
};

subtest '07-6.1 results are added once, forged ones go' => sub {
	$p->set('smtp.spf-reject' => '');
	my $forged = "Authentication-Results: $ID; dkim=pass header.d=bank.test; auth=pass\r\n"
		. "Authentication-Results: (a comment)\r\n \"MAIL.example.test\" 1; spf=pass\r\n"
		. "Authentication-Results: other.test; spf=pass smtp.mailfrom=x.test\r\n";
	my $text = send_and_fetch(client('127.0.0.7'), 'bob@strict.test', $forged . signed($MESSAGE));
	my @own = own_results($text);
	is scalar @own, 1, 'one field of ours' or diag $text;
	like $own[0], qr/; dkim=pass header\.d=strict\.test header\.s=s1 header\.a=rsa-sha256 header\.b="?\S+"?;/, 'DKIM';
	like $own[0], qr/; spf=pass smtp\.mailfrom=strict\.test;/, 'SPF';
	like $own[0], qr/; dmarc=pass \(p=reject\) header\.from=strict\.test;/, 'DMARC';
	like $own[0], qr/; iprev=\w+ (?:\(\S+\) )?policy\.iprev=127\.0\.0\.7;/, 'iprev';
	like $own[0], qr/; auth=none$/, 'no login';
	like $text, qr/^Authentication-Results: other\.test; spf=pass/m, "another server's stays";
	unlike $text, qr/bank\.test|a comment/, 'what was forged is gone';
	like $text, qr/^Received:.*^Authentication-Results: \Q$ID\E;.*^DKIM-Signature:/ms, 'it stands below Received' or diag $text;
	$p->set('mail-auth.id' => 'our.id');
	$text = send_and_fetch(client(), 'bob@strict.test', "Authentication-Results: our.id; spf=pass\r\n" . $MESSAGE);
	is scalar(() = $text =~ /^Authentication-Results: our\.id;/mg), 1, 'another name for us';
	like $text, qr/^Authentication-Results: our\.id;\r\n\tdkim=none;\r\n\tspf=fail/m, 'what it says of a stranger';
	$p->postroom_ok('unset', 'mail-auth.id');
	$p->set('mail-auth.results' => 'off');
	$text = send_and_fetch(client(), 'bob@strict.test', $forged . $MESSAGE);
	is scalar(() = own_results($text)), 0, 'switched off' or diag $text;
	unlike $text, qr/bank\.test/, 'forged ones go all the same';
	$p->set('mail-auth.results' => 'on');
};

subtest '07-6.1 a changed message, a login' => sub {
	(my $changed = signed($MESSAGE)) =~ s/Hello Anna/Hello Anma/;
	my ($own) = own_results(send_and_fetch(client(), 'bob@strict.test', $changed));
	like $own, qr/; dkim=fail reason="[^"]+" header\.d=strict\.test /, 'DKIM fails';
	like $own, qr/; spf=fail smtp\.mailfrom=strict\.test;/, 'SPF too';
	like $own, qr/; dmarc=fail \(p=reject\) header\.from=strict\.test;/, 'and so does DMARC';
	my $smtp = client();
	$smtp->auth('PLAIN', 'anna', 'anna-secret');
	($own) = own_results(send_and_fetch($smtp, "anna\@$domain", $MESSAGE));
	is $own, "$ID; auth=pass smtp.auth=anna", 'of a user the login alone';
	my @none = own_results(send_and_fetch(client('127.0.0.1'), 'bob@strict.test', $MESSAGE));
	is scalar @none, 0, 'nothing to say of a client that may relay';
};

subtest '07-6.1 programs of this machine cannot forge results either' => sub {
	my $sendmail = ($ENV{POSTROOM_BUILD} // 'build') . '/bin/sendmail';
	my ($status, undef, $err) = run_program({ stdin => "Subject: local\nAuthentication-Results: $ID; spf=pass\n\nx\n" },
		$sendmail, '-C', $p->dir, 'anna');
	is $status, 0, 'taken' or diag $err;
	my $pop3;
	$p->wait_for(sub {
		$pop3 = $p->pop3;
		$pop3->login('anna', 'anna-secret');
		$pop3->top(($pop3->stat)[0], 0) =~ /^Subject: local/m;
	}, 'the message arrives');
	unlike $pop3->retr(($pop3->stat)[0]), qr/Authentication-Results/, 'without what it claimed, and without anything else';
	$pop3->quit;
};

subtest '07-6.2 a gateway has done it all' => sub {
	my $server = IO::Socket::IP->new(LocalHost => '127.0.0.1', Type => SOCK_DGRAM, Proto => 'udp');
	my $forged = "Authentication-Results: $ID; spf=pass smtp.mailfrom=strict.test\r\n";
	$p->set('smtp.spf-reject' => 'fail', 'mail-auth.gateways' => '127.0.4.0/24', 'mail-auth.dmarc-policy' => 'on',
		'dns.servers' => '127.0.0.1:' . $server->sockport);
	my $text = send_and_fetch(client('127.0.4.4'), 'x@unknown.test', $forged . signed($MESSAGE));
	is_deeply [own_results($text)], ["$ID; spf=pass smtp.mailfrom=strict.test"], 'its field stays, no other is added';
	ok !IO::Select->new($server)->can_read(0), 'nobody asked the DNS';
	$p->set('dns.servers' => $dns->address);
	like send_and_fetch(client(), 'bob@strict.test', $forged . signed($MESSAGE)), qr/\A550 5\.7\.23 /, 'others are checked';
	$p->postroom_ok('unset', $_) for 'mail-auth.gateways', 'mail-auth.dmarc-policy', 'smtp.spf-reject';
};

subtest 'the policy of DMARC is applied where that is wanted' => sub {
	like send_and_fetch(client(), 'x@plain.test', $MESSAGE), qr/dmarc=fail/, 'it is not by default';
	$p->set('mail-auth.dmarc-policy' => 'on');
	is send_and_fetch(client(), 'x@plain.test', $MESSAGE), '550 5.7.1 Refused by the DMARC policy of strict.test', 'p=reject';
	like send_and_fetch(client(), 'x@plain.test', signed($MESSAGE)), qr/dmarc=pass/, 'signed, from whatever sender';
	like send_and_fetch(client('127.0.0.7'), 'bob@strict.test', $MESSAGE), qr/dmarc=pass/, 'from where SPF allows it';
	(my $soft = $MESSAGE) =~ s/strict\.test>/soft.test>/;
	like send_and_fetch(client(), 'x@plain.test', $soft), qr/dmarc=fail \(p=quarantine\)/, 'p=quarantine is taken';
	(my $several = $MESSAGE) =~ s/^From: /From: x\@plain.test, /;
	like send_and_fetch(client(), 'x@plain.test', $several), qr/\A550 5\.7\.1 /, 'the strictest of several authors counts';
	like send_and_fetch(client('127.0.0.1'), 'bob@strict.test', $MESSAGE), qr/^Subject: hello/m, 'not for who may relay';
	$p->postroom_ok('unset', 'mail-auth.dmarc-policy');
};

subtest '05-8.6 no answer of the DNS' => sub {
	my $silent = IO::Socket::IP->new(LocalHost => '127.0.0.1', Type => SOCK_DGRAM, Proto => 'udp');
	my ($first, $second) = (client(), client('127.0.0.3'));
	$p->set('smtp.spf-reject' => 'fail', 'dns.servers' => '127.0.0.1:' . $silent->sockport);
	$first->send_raw("MAIL FROM:<bob\@silent.test>\r\n");
	ok !!IO::Select->new($silent)->can_read(10), 'the DNS is asked';
	$p->set('smtp.spf-reject' => 'fail,temperror');
	$second->send_raw("MAIL FROM:<bob\@silent.test>\r\n");
	$first->reply;
	is $first->code, 250, 'temperror is taken';
	$second->reply;
	is $second->last, '451 4.4.3 SPF of silent.test cannot be checked now, try again later', 'or put off';
};

# The names like this that a DNS server which never answers is asked for, up to so many different ones.
sub questions {
	my ($server, $like, $count) = @_;
	my %names;
	while (keys %names < $count && IO::Select->new($server)->can_read(10)) {
		$server->recv(my $packet, 512);
		my @labels = unpack '(C/a)*', substr($packet, 12) =~ s/\0.*//sr;
		my $name = lc join '.', @labels;
		$names{$name} = 1 if $name =~ $like;
	}
	return sort keys %names;
}

subtest 'the DNS is asked for all at once' => sub {
	my $silent = IO::Socket::IP->new(LocalHost => '127.0.0.1', Type => SOCK_DGRAM, Proto => 'udp');
	my $smtp = client('127.0.9.8');
	$p->set('dns.servers' => '127.0.0.1:' . $silent->sockport);
	$smtp->send_raw("MAIL FROM:<bob\@quiet.test>\r\n");
	is_deeply [questions($silent, qr/quiet/, 2)], ['_dmarc.quiet.test', 'quiet.test'], 'while no question has an answer';
};

$p->stop;
$dns->stop;
done_testing;

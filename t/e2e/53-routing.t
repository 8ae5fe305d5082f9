#!/usr/bin/perl
# Assistants, forwardings, redirects by size, and the script that changes them.
use strict;
use warnings;
use lib 't/lib';
use POSIX qw(strftime);
use Postroom::Delivered;
use Postroom::Process qw(write_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { map { $_ => "$_-secret" } qw(kate joe a b c bob big) });
my $d = Postroom::Delivered->new($p);
my $domain = $p->domain;
my $server = Postroom::SmtpServer->start(replies => { RCPT => sub { return $_[1] =~ /dead/ ? '451 4.3.0 later' : '250 2.1.5 ok' } });
$p->postroom_ok('sender', 'set', 'default', '--method', 'relay', '--servers', '127.0.0.1:' . $server->port);

sub user_set {
	my ($user, %values) = @_;
	$p->postroom_ok('user', 'set', $user, $_, $values{$_}) for sort keys %values;
	return;
}

sub user_unset {
	my ($user, @keys) = @_;
	$p->postroom_ok('user', 'unset', $user, $_) for @keys;
	return;
}

sub refused {
	my ($pattern, @arguments) = @_;
	my ($status, undef, $err) = $p->postroom(@arguments);
	is $status, 1, 'refused';
	return like $err, $pattern, 'with the reason';
}

subtest '02-6.1 redirect to an assistant, who passes mail on' => sub {
	user_set('kate', 'assistant' => 'joe', 'assistant.redirect' => 'on');
	my $mark = $d->send(to => ["kate\@$domain"]);
	$d->arrives('joe', 'INBOX', $mark);
	$d->is_not_in('kate', 'INBOX', $mark);
	$mark = $d->send(to => ["kate\@$domain"], from => "joe\@$domain", login => 'joe');
	$d->arrives('kate', 'INBOX', $mark);
	$d->is_not_in('joe', 'INBOX', $mark);
	# who only says that he is the assistant does not get round it
	$mark = $d->send(to => ["kate\@$domain"], from => "joe\@$domain");
	$d->arrives('joe', 'INBOX', $mark);
	$d->is_not_in('kate', 'INBOX', $mark);
	user_unset('kate', 'assistant', 'assistant.redirect');
};

subtest '02-6.2 one level of assistants' => sub {
	user_set('a', 'assistant' => 'b');
	user_set('b', 'assistant' => 'c');
	my $mark = $d->send(to => ["a\@$domain"]);
	$d->arrives($_, 'INBOX', $mark) for qw(a b);
	$d->is_not_in('c', 'INBOX', $mark);
	user_unset($_, 'assistant') for qw(a b);
};

subtest '02-6.3 forward to somebody here and somebody elsewhere' => sub {
	user_set('kate', 'forward' => 'x@remote.example, bob', 'forward.enabled' => 'on');
	my $mark = $d->send(to => ["kate\@$domain"], header => ['Subject: as it was', "X-Odd:\tvalue ", 'To: kate'], body => 'line');
	my $text = $d->arrives('bob', 'INBOX', $mark);
	my ($remote) = $server->wait_messages(1);
	is "@{ $remote->{to} }", 'x@remote.example', 'one for x';
	is $remote->{from}, 'sender@stranger.test', 'the envelope sender is as it was';
	is scalar($d->find('kate', 'INBOX', $mark)), 0, 'and none for the user';
	my ($trace, $rest) = $text =~ /^((?:Return-Path|Delivered-To|Received)[^\n]*\n(?:[ \t][^\n]*\n|(?:Received|Delivered-To):[^\n]*\n)*)(.*)/ms;
	like $rest, qr/\ASubject: as it was\r\nX-Odd:\tvalue \r\nTo: kate\r\nX-Mark: $mark\r\n/, 'the header is as it was';
	like $trace, qr/\(passed on for kate\)/, 'but for the trace';
	like $remote->{data}, qr/\r\nSubject: as it was\r\nX-Odd:\tvalue \r\nTo: kate\r\nX-Mark: $mark\r\n\r\nline\r\n\z/, 'there, too';
	is scalar($server->wait_messages(1)), 1, 'and no other';
	user_set('kate', 'forward.enabled' => 'off');
	$mark = $d->send(to => ["kate\@$domain"]);
	$d->arrives('kate', 'INBOX', $mark);
	$d->is_not_in('bob', 'INBOX', $mark);
	user_unset('kate', 'forward', 'forward.enabled');
};

subtest '02-6.4 redirect and forward together are refused' => sub {
	user_set('kate', 'assistant' => 'joe', 'assistant.redirect' => 'on');
	refused(qr/assistant\.redirect of kate cannot be on while forward/, 'user', 'set', 'kate', 'forward', 'bob');
	user_unset('kate', 'assistant.redirect');
	user_set('kate', 'forward' => 'bob');
	refused(qr/assistant\.redirect of kate cannot be on while forward/, 'user', 'set', 'kate', 'assistant.redirect', 'on');
	user_unset('kate', 'assistant', 'forward');
};

subtest '02-6.5 windows of time' => sub {
	my @later = (strftime('%H:%M', localtime(time + 3600)), strftime('%H:%M', localtime(time + 7200)));
	my @around = (strftime('%H:%M', localtime(time - 3600)), strftime('%H:%M', localtime(time + 3600)));
	user_set('kate', 'forward' => 'bob', 'forward.enabled' => 'on', 'forward.from' => $around[0], 'forward.to' => $around[1]);
	my $mark = $d->send(to => ["kate\@$domain"]);
	$d->arrives('bob', 'INBOX', $mark);
	user_set('kate', 'forward.from' => $later[0], 'forward.to' => $later[1]);
	$mark = $d->send(to => ["kate\@$domain"]);
	$d->arrives('kate', 'INBOX', $mark);
	refused(qr/forward\.from: "2007-01-01" is not YYYYMMDD/, 'user', 'set', 'kate', 'forward.from', '2007-01-01');
	user_unset('kate', 'forward', 'forward.enabled', 'forward.from', 'forward.to');
};

subtest '02-6.7 big messages go elsewhere' => sub {
	user_set('kate', 'big.target' => 'big', 'big.size' => 100, 'big.redirect' => 'on');
	my $large = $d->send(to => ["kate\@$domain"], body => join('', ('x' x 70 . "\r\n") x 3000));
	my $small = $d->send(to => ["kate\@$domain"], body => join('', ('x' x 70 . "\r\n") x 150));
	$d->arrives('big', 'INBOX', $large);
	$d->arrives('kate', 'INBOX', $small);
	$d->is_not_in('kate', 'INBOX', $large);
	$d->is_not_in('big', 'INBOX', $small);
	user_unset('kate', 'big.target', 'big.size', 'big.redirect');
};

subtest 'two users who forward to each other' => sub {
	user_set('a', 'forward' => 'b', 'forward.enabled' => 'on');
	user_set('b', 'forward' => 'a', 'forward.enabled' => 'on');
	my $mark = $d->send(to => ["a\@$domain"]);
	$d->arrives('a', 'INBOX', $mark);
	$d->is_not_in('b', 'INBOX', $mark);
	user_unset($_, 'forward', 'forward.enabled') for qw(a b);
};

subtest '02-6.8 copies of what a user sends' => sub {
	my $count = $server->messages;
	user_set('bob', 'send.copy-to' => 'joe, x@remote.example');
	my $mark = $d->send(to => ["kate\@$domain"], from => "bob\@$domain", login => 'bob', header => ['Subject: mine', "To: kate\@$domain"]);
	my $copy = $d->arrives('joe', 'INBOX', $mark);
	like $copy, qr/^Return-Path: <>\r$/m, 'from nobody: nothing is answered or reported';
	my $outside = ($server->wait_messages($count + 1))[$count];
	is "@{ $outside->{to} }", 'x@remote.example', 'one for x';
	like $outside->{data}, qr/\Q$mark\E.*Hello/s, 'the message';
	unlike $outside->{data}, qr/joe|x\@remote/, 'and nothing names who gets copies';
	unlike $d->arrives('kate', 'INBOX', $mark), qr/joe|x\@remote/, 'nor does what the recipient gets';

	# to another server, which is away: the copies do not wait for it
	my $dead = $d->send(to => ['y@dead.example'], from => "bob\@$domain", login => 'bob');
	$d->arrives('joe', 'INBOX', $dead);
	$server->wait_messages($count + 2);
	$p->postroom_ok('queue', 'delete', '--all');

	my $forged = $d->send(to => ["kate\@$domain"], from => "bob\@$domain");
	$d->arrives('kate', 'INBOX', $forged);
	$d->is_not_in('joe', 'INBOX', $forged);
	user_unset('bob', 'send.copy-to');
};

subtest 'user_redirect.lua' => sub {
	my $folder = $p->dir . '/etc/scripts';
	mkdir $folder;
	mkdir "$folder/kate";
	write_file("$folder/user_redirect.lua", "Forwards = 'joe'\nUseForwards = true\n");
	write_file("$folder/kate/user_redirect.lua", "if SendToNormalRecipient and not UseForwards then\n" .
		"BigRedirect = { Target = 'big', Threshold = 1, Copy = true, Bigger = false }\nend\n");
	chmod 0755, $folder, "$folder/kate";
	chmod 0644, glob("$folder/*.lua"), glob("$folder/kate/*.lua");
	my $mark = $d->send(to => ["bob\@$domain"]);
	$d->arrives('joe', 'INBOX', $mark);
	$d->is_not_in('bob', 'INBOX', $mark);
	$p->script('user_redirect'); # it ran for everybody
	$mark = $d->send(to => ["kate\@$domain"]);
	$d->arrives('big', 'INBOX', $mark);
	$d->arrives('kate', 'INBOX', $mark);
	$p->script('kate/user_redirect');
};

subtest 'signed mail is passed on with every byte of its body' => sub {
	user_set('kate', 'forward' => 'bob', 'forward.enabled' => 'on');
	$p->postroom_ok('user', 'rule', 'add', 'bob', '--action', 'header X-Seen: 1', '--action', 'header Subject: other');
	my $body = join "\r\n", '--b', 'Content-Type: text/plain', '', "trailing \t", '', "=20 \xe4", '--b',
		'Content-Type: application/pkcs7-signature', 'Content-Transfer-Encoding: base64', '', 'AAECAwQ=', '--b--', 'epilogue ';
	my $mark = $d->send(to => ["kate\@$domain"], body => $body, header => ['Subject: signed',
		'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary=b', 'MIME-Version: 1.0']);
	my $text = $d->arrives('bob', 'INBOX', $mark);
	like $text, qr/\r\n\r\n\Q$body\E\r\n\)?\s*\z/, 'the body is as it was';
	like $text, qr/^Content-Type: multipart\/signed; protocol="application\/pkcs7-signature"; micalg=sha-256; boundary=b\r$/m, 'its type too';
	like $text, qr/^X-Seen: 1\r$/m, 'while the rule changed the header';
};

subtest 'encrypted mail is passed on with every byte of its body' => sub {
	my %bodies = (
		'application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m' => "MIAGCSqGSIb3\tDQ \r\n\r\n.line with a dot\r\nAAA=  ",
		'multipart/encrypted; protocol="application/pgp-encrypted"; boundary="b"' => join "\r\n", '--b', 'Content-Type: application/pgp-encrypted', '',
			'Version: 1', '--b', 'Content-Type: application/octet-stream', '', '-----BEGIN PGP MESSAGE-----', '', "hQ \t", '-- ', 'From here',
			'-----END PGP MESSAGE-----', '--b--', "epilogue\t",
	);
	# kate forwards to bob, whose rule changes the header and sends it on to another server; bob's assistant gets a copy
	user_set('bob', assistant => 'joe');
	$p->postroom_ok('user', 'rule', 'add', 'bob', '--action', 'forward far@remote.example');
	$p->set('signature.outgoing.default' => 'a signature', 'signature.internal.default' => 'a signature');
	for my $type (sort keys %bodies) {
		my $count = $server->messages;
		my $mark = $d->send(to => ["kate\@$domain"], body => $bodies{$type}, from => "big\@$domain", login => 'big',
			header => ['Subject: secret', "Content-Type: $type", 'MIME-Version: 1.0']);
		for my $user (qw(bob joe)) {
			like $d->arrives($user, 'INBOX', $mark), qr/\r\n\r\n\Q$bodies{$type}\E\r\n\)?\s*\z/, "$user: the body is as it was";
		}
		my $outside = ($server->wait_messages($count + 1))[$count]{data};
		like $outside, qr/\r\n\r\n\Q$bodies{$type}\E\r\n\z/, 'and so it leaves';
		like $outside, qr/^Content-Type: \Q$type\E\r$/m, 'its type too';
	}
};

$server->stop;
$p->stop;
done_testing;

#!/usr/bin/perl
# Addresses of mail that leaves: domains that stand for others, and reply addresses of users and groups.
use strict;
use warnings;
use lib 't/lib';
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

my $remote = Postroom::SmtpServer->start(extensions => ['8BITMIME', 'PIPELINING']);
my $p = Postroom::Test->start(domain => 'internal', users => { bob => 'bob-secret', fred => 'fred-secret' }, relay => ['127.0.0.9']);
$p->postroom_ok(qw(sender set default --method relay --encryption none --servers), '127.0.0.1:' . $remote->port);

my ($sent, $delivered) = (0, 0);

# What kate outside gets, and what fred gets.
sub both {
	my ($text, %options) = @_;
	my $smtp = $p->smtp(service => $options{login} ? 'submission' : 'smtp', local => $options{login} ? '127.0.0.1' : '127.0.0.9');
	$smtp->ehlo;
	is $smtp->auth('PLAIN', $options{login}, "$options{login}-secret"), 235, 'logged in' if $options{login};
	like $smtp->send_message($options{from} // 'bob@internal', ['kate@customer.test', 'fred@internal'], $text), qr/\A250/, 'taken';
	my @messages = $remote->wait_messages(++$sent);
	my $pop3;
	$delivered++;
	$p->wait_for(sub { $pop3 = $p->pop3; $pop3->login('fred', 'fred-secret'); ($pop3->stat)[0] >= $delivered }, 'fred has it');
	my $inside = $pop3->retr($delivered);
	$pop3->quit;
	return ($messages[-1], map { s/\r\n/\n/gr } $messages[-1]{data}, $inside);
}

subtest '07-2.1 addresses at a fictional domain are rewritten on their way out' => sub {
	$p->set('outgoing.domain-mappings' => 'internal=example.com');
	my $text = "From: bob\@internal\nTo: kate\@customer.test\nCc: fred\@INTERNAL,\n =?utf-8?q?J=C3=B6rg?= <joe\@internal> (bob\@internal)\n"
		. "Reply-To: Team: bob\@internal, a\@b.test;\nDisposition-Notification-To: <bob\@internal>\nMessage-ID: <1\@internal>\n"
		. "References: <2\@internal>\nSubject: mail to bob\@internal\n\nbob\@internal\n";
	my ($message, $outside, $inside) = both($text);
	like $outside, qr/^From: bob\@example\.com$/m, 'From';
	like $outside, qr/^Cc: fred\@example\.com,\n =\?utf-8\?q\?J=C3=B6rg\?= <joe\@example\.com> \(bob\@internal\)$/m, 'Cc keeps folding, words and comments';
	like $outside, qr/^Reply-To: Team: bob\@example\.com, a\@b\.test;$/m, 'in a group';
	like $outside, qr/^Disposition-Notification-To: <bob\@example\.com>$/m, 'where receipts go';
	like $outside, qr/^Message-ID: <1\@internal>\nReferences: <2\@internal>\nSubject: mail to bob\@internal\n\nbob\@internal\n/m, 'nothing else';
	is $message->{from}, 'bob@example.com', 'the return path';
	like $inside, qr/^From: bob\@internal$/m, "fred's copy is as it was";
	like $inside, qr/^\Q$_\E$/m, $_ for split /\n/, "Cc: fred\@INTERNAL,\nReply-To: Team: bob\@internal, a\@b.test;";
};

subtest '07-2.2 a subdomain is another domain' => sub {
	my (undef, $outside) = both("From: x\@sub.internal\nTo: y\@internal.test\n\nx\n");
	like $outside, qr/^From: x\@sub\.internal\nTo: y\@internal\.test$/m, 'as it was';
};

subtest '07-2.3 what looks like an address in a display name is none' => sub {
	my (undef, $outside) = both(qq(From: "bob\@internal (home)" <bob\@internal>\nTo: x\@y.test\n\nx\n));
	like $outside, qr/^From: "bob\@internal \(home\)" <bob\@example\.com>$/m, 'only the address changes';
};

subtest '07-2.4 bad mappings are refused' => sub {
	for my $bad ('internal=a.test,internal=b.test', 'internal=', 'internal', '=a.test', 'a b=c', 'internal=@x') {
		my ($status, undef, $err) = $p->postroom('set', 'outgoing.domain-mappings', $bad);
		is $status, 1, "$bad is refused";
		like $err, qr/outgoing\.domain-mappings/, 'by its name';
	}
	like $p->postroom_ok('get', 'outgoing.domain-mappings'), qr/internal=example\.com$/, 'what was set stays';
	$p->set('outgoing.domain-mappings' => 'internal=Example.ORG, b.test=c.test');
	like $p->postroom_ok('get', 'outgoing.domain-mappings'), qr/internal=example\.org,b\.test=c\.test$/, 'one form';
};

subtest 'one pass, no chains' => sub {
	$p->set('outgoing.domain-mappings' => 'internal=b.test,b.test=c.test');
	my ($message, $outside) = both("From: bob\@internal\nTo: x\@b.test\n\nx\n");
	like $outside, qr/^From: bob\@b\.test\nTo: x\@c\.test$/m, 'each address once';
	is $message->{from}, 'bob@b.test', 'the return path, too';
	$p->set('outgoing.domain-mappings' => '');
};

subtest '02-13.6 the reply address is another for those outside' => sub {
	$p->postroom_ok(qw(user set bob reply-address sales@corp.test));
	my ($message, $outside, $inside) = both("From: \"Bob, B.\" <bob\@internal>\nReply-To: bob\@internal\nTo: x\@y.test\n\nx\n", login => 'bob');
	like $outside, qr/^From: "Bob, B\." <sales\@corp\.test>\nReply-To: sales\@corp\.test\nTo: x\@y\.test$/m, 'outside';
	like $inside, qr/^From: "Bob, B\." <bob\@internal>\nReply-To: bob\@internal$/m, 'fred sees the original';
	is $message->{from}, 'bob@internal', 'the return path is his own';
	(undef, $outside) = both("From: bob\@internal\n\nx\n");
	like $outside, qr/^From: sales\@corp\.test$/m, 'known by his address without a login';
	my ($status, undef, $err) = $p->postroom(qw(user set bob reply-address nonsense));
	is $status, 1, 'what is no address is refused';
	like $err, qr/reply-address must be an address or \*\@DOMAIN/, 'with a reason';
	$p->postroom_ok(qw(user set bob reply-address), '');
};

subtest "06-9.7, 01-8.6 a group's reply address takes the name of each user" => sub {
	$p->postroom_ok(qw(group add sales));
	$p->postroom_ok(qw(group set sales force on));
	$p->postroom_ok(qw(group set sales reply-address *@corp.test));
	$p->postroom_ok(qw(group add-member sales bob --primary));
	my (undef, $outside, $inside) = both("From: Bob <bob\@internal>\n\nx\n", login => 'bob');
	like $outside, qr/^From: Bob <bob\@corp\.test>$/m, 'outside';
	like $inside, qr/^From: Bob <bob\@internal>$/m, 'inside as it was';
};

$p->stop;
done_testing;

#!/usr/bin/perl
# SMTP advanced: names, addresses that look like routes, DSN, Date, recipients in the header, long lines. 127.0.0.1 may
# relay, others are strangers.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { anna => 'anna-secret', bert => 'bert-secret' }, ids => 1);
$p->relay('127.0.0.1');
my $domain = $p->domain;

sub client {
	my ($local, $name) = @_;
	my $smtp = $p->smtp(local => $local // '127.0.0.1');
	$smtp->ehlo($name);
	return $smtp;
}

sub newest {
	my ($user) = @_;
	my $pop3 = $p->pop3;
	$pop3->login($user, "$user-secret");
	my ($count) = $pop3->stat;
	my $text = $count ? $pop3->retr($count) : '';
	$pop3->quit;
	return $text;
}

sub stored {
	my ($smtp, $subject, $to, $text) = @_;
	like $smtp->send_message('a@b.test', $to, $text), qr/\A250 /, "$subject is taken";
	$p->wait_for(sub { newest('anna') =~ /^Subject: \Q$subject\E\r?$/m }, "$subject arrives");
	return newest('anna');
}

subtest '05-10.1 the name in the greeting' => sub {
	like $p->smtp->greeting, qr/\A220 mail\.example\.test /, 'the global one';
	$p->set('smtp.host-name' => 'smtp.example.test');
	like $p->smtp->greeting, qr/\A220 smtp\.example\.test /, 'its own';
	$p->postroom_ok('unset', 'smtp.host-name');
	like $p->smtp->greeting, qr/\A220 mail\.example\.test /, 'the global one again';
};

subtest '05-10.2 names that are refused' => sub {
	$p->set('smtp.refuse-helo' => '.myisp.com');
	my $smtp = $p->smtp;
	is $smtp->cmd('HELO svr23.myisp.com'), 550, 'HELO';
	is $smtp->cmd('EHLO SVR23.MyISP.com'), 550, 'EHLO';
	is $smtp->cmd('MAIL FROM:<a@b.test>'), 503, 'and nothing goes on';
	is $smtp->cmd('HELO myisp.org'), 250, 'another one';
	is $p->smtp->cmd('HELO myisp.com'), 250, 'without the dot neither';
	$p->postroom_ok('unset', 'smtp.refuse-helo');
};

subtest '05-10.3 addresses that look like routes' => sub {
	$p->postroom_ok('mapping', 'add', $_, 'anna') for "a%b\@$domain", "x!y\@$domain";
	my $smtp = client();
	$smtp->cmd('MAIL FROM:<a@b.test>');
	is $smtp->cmd("RCPT TO:<$_\@$domain>"), 553, "$_ is refused" for 'a%b', 'x!y';
	$p->set('smtp.refuse-percent' => 'off');
	is $smtp->cmd("RCPT TO:<a%b\@$domain>"), 250, 'resolved as any other';
	is $smtp->cmd("RCPT TO:<c%b\@$domain>"), 550, 'also where there is none';
	is $smtp->cmd("RCPT TO:<x!y\@$domain>"), 553, 'the other still refused';
	$p->set('smtp.refuse-bang' => 'off');
	is $smtp->cmd("RCPT TO:<x!y\@$domain>"), 250, 'until it is not';
};

subtest '05-10.4 DSN' => sub {
	my $smtp = $p->smtp;
	ok exists $smtp->ehlo->{DSN}, 'announced';
	$p->set('smtp.dsn' => 'off');
	ok !exists $smtp->ehlo->{DSN}, 'not any more';
	is $smtp->cmd('MAIL FROM:<a@b.test> RET=HDRS'), 555, 'RET is unknown';
	is $smtp->cmd('MAIL FROM:<a@b.test>'), 250, 'without it goes';
	is $smtp->cmd("RCPT TO:<anna\@$domain> NOTIFY=SUCCESS"), 555, 'NOTIFY is unknown';
	is $smtp->cmd("RCPT TO:<anna\@$domain>"), 250, 'without it goes';
	$p->postroom_ok('unset', 'smtp.dsn');
};

subtest '05-10.5 Date' => sub {
	my $smtp = client();
	$smtp->auth('PLAIN', 'anna', 'anna-secret');
	like stored($smtp, 'dated', ["anna\@$domain"], "Subject: dated\n\nx\n"), qr/^Date: /m, 'a local sender\'s message gains one';
	unlike stored(client('127.0.1.1'), 'undated', ["anna\@$domain"], "Subject: undated\n\nx\n"), qr/^Date: /m, 'an outside one does not';
	$p->set('smtp.add-date' => 'off');
	$smtp = client();
	$smtp->auth('PLAIN', 'anna', 'anna-secret');
	unlike stored($smtp, 'undated too', ["anna\@$domain"], "Subject: undated too\n\nx\n"), qr/^Date: /m, 'nor with the setting off';
	$p->postroom_ok('unset', 'smtp.add-date');
};

subtest '05-10.6 recipients in the header' => sub {
	$p->set('smtp.add-recipients' => 'on');
	my $text = stored(client('127.0.1.1'), 'seen', ["anna\@$domain", "bert\@$domain"], "To: anna\@$domain\nSubject: seen\n\nx\n");
	is_deeply [$text =~ /^X-Postroom-ORIGRCPT: (.*?)\r?$/mg], ["anna\@$domain", "bert\@$domain"], 'both are named';
	$text = stored(client(), 'unseen', ["anna\@$domain", 'x@remote.test'], "Subject: unseen\n\nx\n");
	unlike $text, qr/ORIGRCPT/, 'not where somebody elsewhere would see it';
	$p->postroom_ok('unset', 'smtp.add-recipients');
};

subtest '05-10.7 long lines' => sub {
	my $long = 'x' x 100_000;
	my $text = stored(client('127.0.1.1'), 'long', ["anna\@$domain"], "Subject: long\n\n$long\n");
	ok index($text, "\n$long\r\n") > 0, 'any length at first';
	$p->set('smtp.max-line-length' => 998);
	my $smtp = client('127.0.1.2');
	like $smtp->send_message('a@b.test', ["anna\@$domain"], "Subject: x\n\n" . 'x' x 999 . "\n"), qr/\A500 5\.5\.6 /, '999 octets are refused';
	$p->wait_for(sub { grep { $_->{number} == 9 && $_->{data} eq 'line too long' } @{ $p->postroom_json('block', 'events', '--client', '127.0.1.2') } }, 'event 9');
	stored($smtp, 'just', ["anna\@$domain"], "Subject: just\n\n" . 'x' x 998 . "\n." . 'y' x 997 . "\n");
	$p->postroom_ok('unset', 'smtp.max-line-length');
};

subtest '05-10.8 too much waits in the queue' => sub {
	$p->set('sender.mx-port' => 1, 'dns.servers' => '127.0.0.1:1');
	for my $n (1 .. 4) {
		my $smtp = client();
		$smtp->auth('PLAIN', 'anna', 'anna-secret');
		like $smtp->send_message("anna\@$domain", ["x$n\@remote.test"], "Subject: $n\n\nx\n"), qr/\A250 /, "message $n is taken";
	}
	$p->wait_for(sub { @{ $p->queue } >= 4 }, 'they wait');
	my $reply = sub {
		my ($user, $to) = @_;
		my $smtp = client();
		$smtp->auth('PLAIN', $user, "$user-secret") if $user;
		$smtp->cmd("MAIL FROM:<bert\@$domain>");
		return scalar $smtp->cmd("RCPT TO:<$to>");
	};
	is $reply->('anna', 'x@remote.test'), 250, 'no limit at first';
	$p->set('smtp.max-queue-per-user' => 3);
	is $reply->('anna', 'x@remote.test'), 452, 'too many of hers';
	is $reply->('bert', 'x@remote.test'), 250, 'another user goes on';
	is $reply->('', 'x@remote.test'), 250, 'so does a client without a login';
	$p->postroom_ok('unset', 'smtp.max-queue-per-user');
	$p->set('smtp.max-queue' => 3);
	is $reply->('bert', 'x@remote.test'), 452, 'too many of all';
	is $reply->('', 'x@remote.test'), 452, 'for everybody';
	is $reply->('anna', "bert\@$domain"), 250, 'mail for users here is taken';
};

$p->stop;
done_testing;

#!/usr/bin/perl
# Copies of messages for who is to see them: by direction, permission, size, chance, hidden recipients, script.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Process qw(write_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

my $remote = Postroom::SmtpServer->start(extensions => ['8BITMIME', 'PIPELINING']);
my %users = map { $_ => "$_-secret" } qw(bob cheryl mike paul anna);
my $p = Postroom::Test->start(users => \%users, relay => ['127.0.0.9'], set => { 'monitor.target' => 'paul' });
my $domain = $p->domain;
$p->postroom_ok(qw(sender set default --method relay --encryption none --servers), '127.0.0.1:' . $remote->port);

my %seen = map { $_ => 0 } keys %users;
my $sent = 0;

# Send as a user, or from outside; what else is told to the header.
sub send_mail {
	my ($from, $to, %options) = @_;
	my $smtp = $p->smtp(service => exists $users{$from} ? 'submission' : 'smtp');
	$smtp->ehlo;
	is $smtp->auth('PLAIN', $from, $users{$from}), 235, "$from is logged in" if exists $users{$from};
	my $text = ($options{header} // '') . "Subject: " . ($options{subject} // 'hello') . "\n\n" . ($options{body} // "text\n");
	like $smtp->send_message($from =~ /@/ ? $from : "$from\@$domain", $to, $text), qr/\A250/, "to @$to";
	$remote->wait_messages(++$sent) if grep { /remote/ } @$to;
	return;
}

sub messages {
	my ($user) = @_;
	my $pop3 = $p->pop3;
	like $pop3->login($user, $users{$user}), qr/\A\+OK/, "$user looks";
	my ($count) = $pop3->stat;
	my @new = map { $pop3->retr($_) =~ s/\r\n/\n/gr } $seen{$user} + 1 .. $count;
	$seen{$user} = $count;
	$pop3->quit;
	return @new;
}

# What came for a user until the queue was empty.
sub copies {
	my ($user) = @_;
	$p->wait_for(sub { !@{ $p->queue } && !glob($p->dir . '/spool/filterd/new/*') }, 'the queue is empty');
	return messages($user);
}

subtest '07-7.1 copies of what leaves' => sub {
	$p->set('monitor.outgoing' => 'all');
	send_mail('bob', ['kate@remote.test'], header => "From: bob\@$domain\nTo: kate\@remote.test\n");
	my @copies = copies('paul');
	is scalar @copies, 1, 'paul has one';
	like $copies[0], qr/^Subject: Mon-outgoing: hello$/m, 'with the prefix';
	like $copies[0], qr/^X-Postroom-Monitored-From: bob\@\Q$domain\E\nX-Postroom-Monitored-To: kate\@remote\.test\nX-Postroom-Monitored-Type: outgoing$/m, 'and who it was';
	like $copies[0], qr/^Return-Path: <>$/m, 'from nobody';
	my $outside = ($remote->wait_messages($sent))[-1]{data};
	unlike $outside, qr/Mon-outgoing|Monitored/, "the remote one has nothing of it";
	like $outside, qr/^Subject: hello\r$/m, 'and is unmodified';
	$p->set('monitor.outgoing' => 'none');
	send_mail('bob', ['kate@remote.test']);
	is scalar(copies('paul')), 0, 'none: no copy';
};

subtest '07-7.2 selected users' => sub {
	$p->set('monitor.outgoing' => 'selected', 'monitor.internal' => 'selected', 'monitor.incoming' => 'selected');
	$p->postroom_ok(qw(user set cheryl monitor on));
	send_mail('cheryl', ['kate@remote.test'], subject => 'of cheryl');
	send_mail('mike', ['kate@remote.test'], subject => 'of mike');
	send_mail('bob', ["mike\@$domain"], subject => 'to mike');
	send_mail('bob', ["cheryl\@$domain"], subject => 'to cheryl');
	send_mail('x@stranger.test', ["cheryl\@$domain"], subject => 'from outside');
	send_mail('x@stranger.test', ["mike\@$domain"], subject => 'from outside to mike');
	is_deeply [sort map { /^Subject: (.*)/m } copies('paul')],
		['Mon-incoming: from outside', 'Mon-internal: to cheryl', 'Mon-outgoing: of cheryl'], "cheryl's alone";
	$p->set("monitor.$_" => 'none') for qw(outgoing internal incoming);
};

subtest 'a message inside and outside counts once for each' => sub {
	$p->set('monitor.outgoing' => 'all', 'monitor.internal' => 'all', 'monitor.prefix-internal' => '');
	send_mail('bob', ['kate@remote.test', "mike\@$domain", "anna\@$domain"]);
	is_deeply [sort map { /^Subject: (.*)/m } copies('paul')], ['Mon-outgoing: hello', 'hello'], 'two copies, a prefix that may be empty';
	$p->set("monitor.$_" => 'none') for qw(outgoing internal);
	messages('anna');
};

subtest '07-7.3 only long messages' => sub {
	$p->set('monitor.outgoing' => 'all', 'monitor.min-size' => 100);
	my $line = 'x' x 70 . "\n";
	send_mail('bob', ['kate@remote.test'], body => $line x int(50 * 1024 / 72));
	is scalar(copies('paul')), 0, '50 kB: none';
	send_mail('bob', ['kate@remote.test'], body => $line x int(150 * 1024 / 72));
	is scalar(copies('paul')), 1, '150 kB: one';
	$p->set('monitor.min-size' => 0);
};

subtest '07-7.4 a random share' => sub {
	$p->set('monitor.sample' => 100, 'monitor.sample-target' => 'anna');
	send_mail('bob', ['kate@remote.test']);
	is scalar(copies('paul')), 1, 'paul has one';
	is scalar(copies('anna')), 1, 'anna has one';
	$p->set('monitor.sample' => 0);
	send_mail('bob', ['kate@remote.test']);
	is scalar(copies('paul')), 1, 'paul has one';
	is scalar(copies('anna')), 0, 'anna has none';
};

subtest '07-7.5 hidden recipients' => sub {
	$p->set('monitor.outgoing' => 'none', 'monitor.bcc-target' => 'anna');
	send_mail('bob', ['kate@remote.test', "mike\@$domain"], header => "To: kate\@remote.test\n");
	my @copies = copies('anna');
	is scalar @copies, 1, 'a copy where one is not listed';
	like $copies[0], qr/^X-Postroom-Monitored-To: kate\@remote\.test, mike\@\Q$domain\E$/m, 'which names all';
	send_mail('bob', ['kate@remote.test', "mike\@$domain"], header => "To: kate\@remote.test\nCc: Mike <MIKE\@$domain>\n");
	is scalar(copies('anna')), 0, 'none where all are';
	send_mail('x@stranger.test', ["mike\@$domain"]);
	is scalar(copies('anna')), 0, "none of strangers' mail";
	$p->set('monitor.bcc-target' => '');
};

subtest '07-7.6 the script says who' => sub {
	my $script = sub {
		write_file($p->dir . '/etc/scripts/new', $_[0]);
		rename $p->dir . '/etc/scripts/new', $p->dir . '/etc/scripts/monitor.lua';
	};
	$p->set('monitor.outgoing' => 'all', 'monitor.internal' => 'all');
	$script->('function MonitorOut() return "noone" end');
	send_mail('bob', ['kate@remote.test']);
	is scalar(copies('paul')), 0, 'nobody';
	$script->('function MonitorOut(sender, user, recipients, subject, size, attachments, to, cc, bcc, ip) '
		. 'if sender == "bob@' . $domain . '" and user == "bob" and recipients[1] == "kate@remote.test" and subject == "hello" and size > 10 '
		. 'and to[1] == "kate@remote.test" and cc[1] == nil and bcc[1] == "mike@' . $domain . '" and ip == "127.0.0.1" and #attachments == 1 '
		. 'and attachments[1].Name == "a.bin" and attachments[1].MIMEType == "application/octet-stream" then return "boss@remote.test;anna" end end '
		. 'function MonitorInternal(sender, recipients) return recipients[1] == "mike" and "noone" or "paul" end');
	send_mail('bob', ['kate@remote.test', "mike\@$domain"], header => "To: kate\@remote.test\nMIME-Version: 1.0\n"
		. "Content-Type: application/octet-stream; name=a.bin\n");
	is scalar(copies('anna')), 1, 'one of two that it named';
	is scalar(copies('paul')), 0, 'not the one that is set';
	my @messages = $remote->wait_messages(++$sent);
	is $messages[-1]{to}[0], 'boss@remote.test', 'the other one is outside';
	like $messages[-1]{data}, qr/^Subject: Mon-outgoing: hello\r$/m, 'and has the copy';
	$p->script('monitor');
};

subtest 'targets are names and addresses' => sub {
	my ($status, undef, $err) = $p->postroom('set', 'monitor.target', 'a b, "');
	is $status, 1, 'others are refused';
	like $err, qr/monitor\.target: "\\?"" is neither a user's name nor an address/, 'with a reason';
};

$p->stop;
done_testing;

#!/usr/bin/perl
# The texts that clients get (specification 09, section 15), and what messages and greetings tell of the server and its
# clients (07, Misc settings). 127.0.0.1 may relay, other addresses are strangers.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Dns;
use Postroom::Need qw(need_program);
use Postroom::Ports;
use Postroom::Process qw(write_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

need_program('nsd');

my $PORT = Postroom::Ports::port();
my $dns = Postroom::Dns->start(zones => {
	'bad.test'    => { '9.1.0.127' => ['A 127.0.0.2'] },
	'remote.test' => { '@' => ['MX 10 mx.remote.test.'], mx => 'A 127.0.0.2' },
});
my $p = Postroom::Test->start(
	users => { anna => 'anna-secret', bob => 'bob-secret' },
	ids   => 1,
	set   => { 'dns.servers' => $dns->address, 'sender.mx-port' => $PORT },
);
$p->access(smtp => '1|2|127.0.0.1|32|1||');
$p->postroom_ok('never-block', 'add', '127.0.2.1'); # what it does here would be too much
my $domain = $p->domain;

sub client {
	my ($local) = @_;
	my $smtp = $p->smtp(local => $local // '127.0.2.1');
	$smtp->ehlo if $smtp->code == 220;
	return $smtp;
}

sub answer {
	my ($smtp, $line) = @_;
	$smtp->cmd($line);
	return $smtp->last;
}

# The reply to a message from a stranger, or to the command that refused it.
sub message {
	my ($smtp, $text) = @_;
	return $smtp->send_message('a@b.test', ["anna\@$domain"], $text // "Subject: x\n\nx\n");
}

sub usable {
	my ($smtp, $text) = @_;
	$smtp->cmd('RSET');
	return is answer($smtp, 'MAIL FROM:<a@b.test>'), '250 2.1.0 OK', "the session goes on after: $text";
}

sub rule {
	$p->postroom_ok('smtp-rule', 'add', '--action', 'reject', map { ('--condition', $_) } @_);
	return;
}

sub no_rules {
	$p->postroom_ok('smtp-rule', 'delete', 1) for @{ $p->postroom_json('smtp-rule', 'list') };
	return;
}

# One scripted session for each row: what is set, what is said, what comes back.
my @ROWS = (
	['550 5.1.1 Recipient not recognised', sub { answer($_[0], 'MAIL FROM:<a@b.test>'); answer($_[0], "RCPT TO:<nobody\@$domain>") }],
	['550 5.7.1 Relaying not allowed! Bad sender IP address', sub {
		my ($smtp) = @_;
		$smtp->auth('PLAIN', 'anna', 'anna-secret');
		answer($smtp, "MAIL FROM:<anna\@$domain>");
		return answer($smtp, 'RCPT TO:<x@remote.test>');
	}],
	['552 5.2.3 Message too large - contact your administrator', sub { message($_[0], 'x' x 2000) }, { 'smtp.max-message-size' => 1000 }],
	['552 5.2.3 Message too large - contact your administrator', sub { answer($_[0], 'MAIL FROM:<a@b.test> SIZE=2000') },
		{ 'smtp.max-message-size' => 1000 }],
	['452 4.3.1 Insufficient system storage', sub { message($_[0]) }, { 'smtp.disk-message' => 1_000_000_000_000 }],
	['554 5.4.6 Too many hops', sub { message($_[0], "Received: x\n" x 21 . "\nx\n") }],
	['550 5.7.1 Mail not allowed because client address 127.0.1.9 found in RBL entry on bad.test', sub { message(client('127.0.1.9')) },
		{ 'smtp.rbl-servers' => 'bad.test' }],
);

subtest '09-15.1 the text of each refusal' => sub {
	for my $row (@ROWS) {
		my ($text, $say, $settings) = @$row;
		$p->set(%$settings) if $settings;
		my $smtp = client();
		is $say->($smtp), $text, $text;
		$p->postroom_ok('unset', $_) for sort keys %{ $settings // {} };
		usable($smtp, $text);
	}
	$p->set('smtp.rbl-servers' => 'bad.test', 'smtp.rbl-action' => 'header');
	like message(client('127.0.1.9'), "Subject: marked\n\nx\n"), qr/\A250 /, 'a listed client where mail is marked';
	like stored('marked'), qr/^X-RBLFound: Sender address 127\.0\.1\.9 found in RBL entry on bad\.test\r?$/m, 'the field';
	$p->postroom_ok('unset', 'smtp.rbl-*');
};

subtest '09-15.1 rules' => sub {
	my %conditions = ('Sender' => 'MailFrom equals a@b.test', 'Recipient' => "ThisRcptTo equals anna\@$domain", 'Message' => 'Subject equals x');
	for my $what (sort keys %conditions) {
		my ($permanent, $temporary) = $what eq 'Message' ? (554, 454) : (550, 450);
		my $smtp = client();
		rule($conditions{$what});
		is message($smtp), "$permanent 5.7.1 $what Prohibited (1)", "$what, for good";
		no_rules();
		rule($conditions{$what}, 'TimeNow -');
		$smtp->cmd('RSET');
		is message($smtp), "$temporary 4.7.1 $what Prohibited (1)", "$what, for the time being";
		no_rules();
		usable($smtp, $what);
	}
};

subtest '09-15.4 a rule with a time' => sub {
	my ($hour) = (localtime)[2];
	my $others = $hour >= 12 ? '0-9' : '14-23'; # hours away, so that the clock may go on
	rule('MailFrom equals a@b.test', 'TimeNow ' . ($hour >= 12 ? '10-' : '-13'));
	is answer(client(), 'MAIL FROM:<a@b.test>'), '450 4.7.1 Sender Prohibited (1)', 'at that time';
	no_rules();
	rule('MailFrom equals a@b.test', "TimeNow $others");
	is answer(client(), 'MAIL FROM:<a@b.test>'), '250 2.1.0 OK', 'at another';
	no_rules();
};

subtest '09-15.1 replies that close' => sub {
	$p->postroom_ok('block', 'add', '127.0.3.1', '--minutes', 5);
	my $blocked = $p->smtp(local => '127.0.3.1');
	is $blocked->greeting, '421 4.7.0 Your connection has been blocked temporarily - try again later.', 'a blocked address';
	ok $blocked->is_closed, 'closed';
	my $pop3 = $p->pop3(local => '127.0.3.1');
	is $pop3->greeting, '-ERR Server access temporarily blocked! Please try again later', 'by POP3';
};

subtest '09-15.3 the eleventh connection' => sub {
	my @sessions = map { $p->smtp(local => '127.0.4.1') } 1 .. 10;
	my $more = $p->smtp(local => '127.0.4.1');
	is $more->greeting, '421 4.3.2 Postroom Too many connections from your IP address - try later', 'is refused';
	ok $more->is_closed, 'and closed';
	is scalar(grep { $_->cmd('NOOP') == 250 } @sessions), 10, 'the first ten go on';
};

subtest '09-15.2 POP3 and IMAP at a time' => sub {
	my @imap = map { $p->imap } 1 .. 3;
	$imap[0]->login('bob', 'bob-secret');
	my $pop3 = $p->pop3;
	like $pop3->login('bob', 'bob-secret'), qr/\A\+OK/, 'side by side';
	is $p->pop3->login('bob', 'bob-secret'), '-ERR [IN-USE] Mailbox Locked', 'not two by POP3';
	$pop3->quit;
	$imap[0]->close;
	$p->set('mailbox.pop3-excludes-imap' => 'on');
	$p->wait_for(sub { my $try = $p->pop3; my $answer = $try->login('bob', 'bob-secret'); $try->quit; $answer =~ /\A\+OK/ }, 'the old session is over');
	$_->login('bob', 'bob-secret') for @imap[1, 2];
	ok $imap[1]->is_ok && $imap[2]->is_ok, 'two IMAP sessions';
	is $p->pop3->login('bob', 'bob-secret'), '-ERR [IN-USE] Mailbox Locked', 'keep POP3 out';
	$_->close for @imap[1, 2];
	$p->wait_for(sub { $pop3 = $p->pop3; $pop3->login('bob', 'bob-secret') =~ /\A\+OK/ }, 'until they end');
	my $late = $p->imap;
	$late->login('bob', 'bob-secret');
	is_deeply [@{ $late->last }{qw(type text)}], ['NO', 'Mailbox Locked'], 'and POP3 keeps IMAP out';
	$pop3->quit;
	$p->postroom_ok('unset', 'mailbox.pop3-excludes-imap');
};

sub stored {
	my ($subject) = @_;
	return $p->wait_for(sub {
		my $pop3 = $p->pop3;
		$pop3->login('anna', 'anna-secret');
		my ($count) = $pop3->stat;
		my @found = grep { /^Subject: \Q$subject\E\r?$/m } map { scalar $pop3->retr($_) } 1 .. $count;
		$pop3->quit;
		return $found[0];
	}, "$subject is stored");
}

subtest '07-14.1 twenty hops' => sub {
	like message(client(), "Received: x\n" x 20 . "Subject: twenty\n\nx\n"), qr/\A250 /, 'are accepted';
	is message(client(), "Received: x\n" x 21 . "Subject: more\n\nx\n"), '554 5.4.6 Too many hops', 'one more is not';
};

subtest '07-8.1 anonymous services' => sub {
	my %greeting = (
		smtp => sub { $p->smtp->greeting },
		pop3 => sub { $p->pop3->greeting },
		imap => sub { Postroom::Connection->connect(port => $p->port('imap'))->line },
	);
	like $greeting{$_}->(), qr/Postroom/, "$_ says what it is" for sort keys %greeting;
	$p->set('server.anonymise' => 'on');
	unlike $greeting{$_}->(), qr/Postroom/, "$_ does not" for sort keys %greeting;
	is $p->pop3->greeting, '+OK POP3 Server Ready', 'in these words';
	$p->postroom_ok('unset', 'server.anonymise');
};

subtest '07-8.2 hidden addresses' => sub {
	message(client(), "Subject: open\n\nx\n");
	like stored('open'), qr/^Received: from client\.test \(\[127\.0\.2\.1\]\)/m, 'off: the address is there';
	$p->set('server.hide-addresses' => 'on');
	message(client(), "Subject: hidden\n\nx\n");
	my $text = stored('hidden');
	like $text, qr/^Received: from user\r?\n\tby mail\.example\.test \(Postroom\) with ESMTP/m, 'on: a user';
	unlike $text, qr/127\.0\.2\.1|client\.test/, 'and nothing else of him';
	$p->postroom_ok('unset', 'server.hide-addresses');
};

subtest '07-8.6 the host name' => sub {
	my $server = Postroom::SmtpServer->start(host => '127.0.0.2', port => $PORT);
	$p->set('server.host-name' => 'mail.x.test');
	like $p->smtp->greeting, qr/\A220 mail\.x\.test /, 'in the greeting';
	client('127.0.0.1')->send_message("anna\@$domain", ['x@remote.test'], "Subject: out\n\nx\n");
	$server->wait_messages(1);
	is_deeply [grep { /\AEHLO/ } $server->commands], ['EHLO mail.x.test'], 'and when sending';
	$p->set('server.host-name' => 'mail.example.test');
	$server->stop;
};

subtest '07-14.6 settings go back to their defaults' => sub {
	$p->set('smtp.max-hops' => 50, 'smtp.timeout' => 100, 'sender.retry' => '60');
	$p->postroom_ok('unset', 'smtp.*');
	is $p->postroom_ok('get', 'smtp.max-hops'), "20\n", 'one of the group';
	is $p->postroom_ok('get', 'smtp.timeout'), "300\n", 'and another';
	is $p->postroom_ok('get', 'sender.retry'), "60\n", 'others are untouched';
	my ($status, undef, $reason) = $p->postroom('unset', 'nothing.*');
	is $status, 1, 'what means none is refused';
	like $reason, qr/no setting matches "nothing\.\*"/, 'with the reason';
};

subtest '09-5.8 Start refuses' => sub {
	my $file = $p->dir . '/etc/scripts/smtpsvr.lua';
	write_file("$file.new", q{function Start() return "421 go away" end});
	chmod 0644, "$file.new";
	rename "$file.new", $file or die "cannot rename: $!\n";
	my $smtp = $p->smtp;
	is $smtp->greeting, '421 go away', 'exactly that';
	ok $smtp->is_closed, 'and closed';
	$p->script('smtpsvr');
};

subtest 'signs of life while a message is looked at' => sub {
	my $silent = IO::Socket::IP->new(LocalHost => '127.0.0.1', Type => Socket::SOCK_DGRAM, Proto => 'udp');
	$p->set('dns.servers' => '127.0.0.1:' . $silent->sockport, 'smtp.keep-alive' => 1);
	my $smtp = client();
	my $reply = message($smtp, "From: a\@slow.test\nSubject: slow\n\nx\n");
	like $reply, qr/\A(?:250-2\.0\.0 The message is being looked at\n)+250 2\.0\.0 OK - queued as \S+\z/, 'and then the result';
	$p->set('dns.servers' => $dns->address);
	$p->postroom_ok('unset', 'smtp.keep-alive');
};

$p->stop;
done_testing;

#!/usr/bin/perl
# The queue itself: what an administrator can do with it, what it refuses, whom it reports to, and that crashes and
# missing daemons lose nothing.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Dns;
use Postroom::Need qw(find_program);
use Postroom::Ports;
use Postroom::Process qw(read_file write_file run_program);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;
use Time::HiRes qw(sleep time);

my $p = Postroom::Test->start(
	users => { anna => 'anna-secret', bert => 'bert-secret' },
	set   => { 'smtp.reject-unknown' => 'off', 'sender.retry' => 60 },
);
my $domain = $p->domain;
my $spool = $p->dir . '/spool';
my $server = Postroom::SmtpServer->start;
$p->postroom_ok(qw(sender set default --method relay --encryption none --servers), $server->address);

sub submit {
	my ($to, %options) = @_;
	my $smtp = $p->smtp;
	$smtp->ehlo('client.test');
	my $from = $options{from} // "anna\@$domain";
	is $smtp->cmd("MAIL FROM:<$from>" . ($options{mail} // '')), 250, 'MAIL' or diag $smtp->last;
	for my $recipient (ref $to ? @$to : $to) {
		is $smtp->cmd("RCPT TO:<$recipient>" . ($options{rcpt} // '')), 250, "RCPT $recipient" or diag $smtp->last;
	}
	is $smtp->data($options{text} // "Subject: test\n\nbody\n"), 250, 'taken' or diag $smtp->last;
	my ($id) = $smtp->last =~ /queued as (\S+)/;
	$smtp->quit;
	return $id;
}

sub waiting {
	my ($id) = @_;
	my ($message) = grep { $_->{id} eq $id } @{ $p->queue };
	return $message;
}

sub wait_state {
	my ($id, $state) = @_;
	my $message;
	$p->wait_for(sub { $message = waiting($id); $message && $message->{state} eq $state }, "$id is $state", 20);
	return $message;
}

sub wait_gone {
	my ($id) = @_;
	$p->wait_for(sub { !waiting($id) }, "$id has left the queue", 20);
	return;
}

sub mails {
	my ($user) = @_;
	my $pop3 = $p->pop3;
	$pop3->login($user, "$user-secret");
	my ($count) = $pop3->stat;
	my @texts = map { $pop3->retr($_) } 1 .. $count;
	$pop3->cmd("DELE $_") for 1 .. $count;
	$pop3->quit;
	return @texts;
}

sub wait_mails {
	my ($user, $count) = @_;
	my @texts;
	$p->wait_for(sub { push @texts, mails($user); return @texts >= $count }, "$count messages for $user", 20);
	return @texts;
}

sub unavailable {
	$server->set_reply(RCPT => '451 4.2.1 try later');
	return;
}

sub available {
	$server->set_reply(RCPT => '250 2.1.5 ok');
	return;
}

subtest 'retry, hold, release, delete' => sub {
	unavailable();
	my $id = submit('bob@remote.test');
	my $message = wait_state($id, 'deferred');
	is $message->{attempts}, 1, 'tried once';
	is $message->{from}, "anna\@$domain", 'from';
	is $message->{recipients}[0]{address}, 'bob@remote.test', 'to';
	is_deeply [$p->postroom('queue', 'hold', $id)], [0, "1 message\n", ''], 'held';
	is waiting($id)->{state}, 'held', 'the listing says so';
	available();
	is_deeply [$p->postroom('queue', 'retry', '--all')], [0, "0 messages\n", ''], 'a held one is not tried';
	$p->kill_daemon('queue-manager', 'KILL');
	$p->wait_for(sub { ($p->postroom('queue', 'count'))[0] == 0 }, 'the queue-manager is back', 20);
	is waiting($id)->{state}, 'held', 'held beyond a crash';
	my ($status, $out) = $p->postroom('queue', 'show', $id);
	is $status, 0, 'show';
	like $out, qr/^State: held\n.*^Subject: test$/ms, 'its state and headers';
	my $before = $server->messages;
	is_deeply [$p->postroom('queue', 'release', $id)], [0, "1 message\n", ''], 'released';
	wait_gone($id);
	is scalar(my @all = $server->messages), $before + 1, 'and sent';

	unavailable();
	$id = submit('bob@remote.test');
	wait_state($id, 'deferred');
	is_deeply [$p->postroom('queue', 'delete', $id)], [0, "1 message\n", ''], 'deleted';
	wait_gone($id);
	ok !-e "$spool/active/$id", 'with its file';
	is_deeply [mails('anna')], [], 'nobody is told';
	is +($p->postroom('queue', 'delete', $id))[0], 1, 'it cannot be deleted twice';
	is +($p->postroom('queue', 'show', '../../etc/passwd'))[0], 1, 'what is no id is refused';
	is +($p->postroom('queue', 'purge'))[0], 2, 'usage';
	available();
};

subtest 'listings' => sub {
	unavailable();
	my @ids = map { submit("r$_\@remote.test") } 1 .. 12;
	push @ids, submit('special@elsewhere.test', from => "bert\@$domain");
	wait_state($_, 'deferred') for @ids;
	my $queue = $p->queue;
	is_deeply [map { $_->{id} } @$queue], [sort @ids], 'all, oldest first';
	is scalar @{ $p->postroom_json('queue', 'list', '--sender', 'bert@*') }, 1, 'by sender';
	is scalar @{ $p->postroom_json('queue', 'list', '--recipient', '*@elsewhere.test') }, 1, 'by recipient';
	is scalar @{ $p->postroom_json('queue', 'list', '--state', 'held') }, 0, 'by state';
	my $counts = $p->postroom_json('queue', 'count');
	is $counts->{deferred}, 13, 'counted';
	like $counts->{warnings}[0], qr/\AMX Send Warning - 451 4\.2\.1 try later/, 'with the warning';
	my $out = (run_program(Postroom::Test::build_folder() . '/bin/mailq', '-C', $p->dir))[1];
	like $out, qr/^\Q$ids[0]\E .* anna\@\Q$domain\E$/m, 'mailq: id and sender';
	like $out, qr/^ +r1\@remote\.test$/m, 'mailq: recipient';
	like $out, qr/^-- \d+ kB in 13 messages\.$/m, 'mailq: sum';
	is_deeply [$p->postroom('queue', 'hold', '--all')], [0, "13 messages\n", ''], 'hold all';
	is_deeply [$p->postroom('queue', 'release', '--all')], [0, "13 messages\n", ''], 'release all';
	available();
	$p->postroom_ok('queue', 'retry', '--all');
	wait_gone($_) for @ids;
	like $p->postroom_ok('queue', 'list'), qr/\AMail queue is empty$/, 'empty';
};

subtest 'an unknown recipient after acceptance: 01-16.3, 01-16.4, 09-15' => sub {
	my $id = submit("nobody\@$domain", mail => ' RET=HDRS ENVID=one+2Btwo', rcpt => ' ORCPT=rfc822;No+2BBody@old.test',
		text => "Subject: lost\n\nsecret body\n");
	my ($report) = wait_mails('anna', 1);
	like $report, qr/^Subject: Mail Delivery Failure\r$/m, 'subject';
	like $report, qr/^From: Mail Delivery System <Mailer_Daemon\@example\.test>\r$/m, 'from';
	like $report, qr/^Return-Path: <>\r$/m, 'the null sender';
	like $report, qr/^Delivery Failure Report\. The following message was incorrectly addressed\.\r$/m, 'the text';
	like $report, qr/^Recipient: "nobody\@\Q$domain\E" is unrecognised\.\r$/m, 'the recipient';
	like $report, qr/^Original-Envelope-Id: one\+two\r$/m, 'ENVID';
	like $report, qr/^Original-Recipient: rfc822; No\+Body\@old\.test\r$/m, 'ORCPT';
	like $report, qr/^Final-Recipient: rfc822; nobody\@\Q$domain\E\r\nAction: failed\r\nStatus: 5\.1\.1\r$/m, 'fields';
	like $report, qr/^Subject: lost\r$/m, "the original's headers";
	unlike $report, qr/secret body/, 'not its body';
	my $silent = submit("nobody\@$domain", from => '');
	wait_gone($silent);
	$p->wait_log(qr/id=\Q$silent\E no report of this: the sender is <>/);
	is_deeply [mails('anna'), mails('bert')], [], 'none for <>';

	my $before = $server->commands;
	submit("nobody\@$domain", from => 'stranger@remote.test');
	$p->wait_for(sub { grep { /^RCPT TO:<stranger\@remote\.test>/i } $server->commands }, 'the report goes out', 20);
	ok +(grep { /^MAIL FROM:<>/i } $server->commands), 'with MAIL FROM:<>';
	$p->wait_for(sub { !@{ $p->queue } }, 'done', 20);
};

subtest 'a report that cannot be delivered is the last' => sub {
	$server->set_reply(RCPT => '550 5.1.1 nobody');
	submit("nobody\@$domain", from => 'stranger@remote.test');
	$p->wait_log(qr/failed to=<stranger\@remote\.test>.*\n.*no report of this: the sender is <>/);
	$p->wait_for(sub { !@{ $p->queue } }, 'nothing is left', 20);
	is_deeply [mails('anna')], [], 'and nobody hears of it';
	available();
};

subtest 'NOTIFY and RET' => sub {
	$server->set_reply(RCPT => '550 5.1.1 no such user');
	wait_gone(submit('bob@remote.test', rcpt => ' NOTIFY=NEVER'));
	wait_gone(submit('bob@remote.test', rcpt => ' NOTIFY=SUCCESS,DELAY'));
	is_deeply [mails('anna')], [], 'no failure report where none is wanted';
	submit('bob@remote.test', rcpt => ' NOTIFY=FAILURE', mail => ' RET=FULL', text => "Subject: full\n\nthe whole body\n");
	my ($report) = wait_mails('anna', 1);
	like $report, qr/^Content-Type: message\/rfc822\r$/m, 'RET=FULL: the message';
	like $report, qr/^the whole body\r$/m, 'with its body';
	like $report, qr/^Remote-MTA: dns; \S+\r\nDiagnostic-Code: smtp; 550 5\.1\.1 no such user\r$/m, "the server's words";
	available();
	submit("bert\@$domain", rcpt => ' NOTIFY=SUCCESS');
	($report) = wait_mails('anna', 1);
	like $report, qr/^Final-Recipient: rfc822; bert\@\Q$domain\E\r\nAction: delivered\r\nStatus: 2\.0\.0\r$/m, 'delivered';
	submit('bob@remote.test', rcpt => ' NOTIFY=SUCCESS');
	($report) = wait_mails('anna', 1);
	like $report, qr/^Action: relayed\r$/m, 'relayed to a server without DSN';
	wait_gone(submit('bob@remote.test'));
	is_deeply [mails('anna')], [], 'nothing on success that was not asked for';
	is scalar wait_mails('bert', 1), 1, 'one copy';
};

# A file as a producer would make it, but for what is wrong with it.
my $count = 0;

sub forge {
	my (%options) = @_;
	my $id = $options{id} // sprintf '64f0a1b2c3d%02x-smtpd-0a1b2c3d', ++$count;
	my $text = $options{text} // "id: $id\nproducer: smtpd\ntime: " . sprintf("%d", time * 1_000_000) . "\nservice: smtp\n"
		. "from: forger\@remote.test\npeer: 127.0.0.1\n" . ($options{lines} // '')
		. join('', map { "to: <$_>\n" } @{ $options{to} // ["anna\@$domain"] }) . "\nSubject: forged\r\n\r\nbody\r\n";
	my $folder = "$spool/smtpd";
	write_file("$folder/tmp/forged", $text);
	my ($uid, $gid) = (stat "$folder/new")[4, 5];
	chown $options{uid} // $uid, $gid, "$folder/tmp/forged" if $> == 0;
	chmod 0640, "$folder/tmp/forged";
	rename "$folder/tmp/forged", "$folder/new/" . ($options{name} // $id) or die "cannot rename: $!";
	return $id;
}

subtest 'an envelope without the right to relay' => sub {
	my $before = $server->messages;
	my $id = forge(to => ["anna\@$domain", 'victim@remote.test']);
	$p->wait_log(qr/id=\Q$id\E to=<victim\@remote\.test> no right to relay/);
	is scalar wait_mails('anna', 1), 1, 'the local recipient has it';
	$p->wait_for(sub { -e "$spool/corrupt/$id" }, 'it is set aside', 20);
	my $token = 'token: smtpd:' . int(time) . ':' . ('0' x 64) . "\n";
	$id = forge(to => ['victim@remote.test'], lines => $token);
	$p->wait_for(sub { -e "$spool/corrupt/$id" }, 'a token of no worth', 20);
	$id = forge(to => ['victim@remote.test'], lines => "token: nobody:1:00\nuser: anna\n");
	$p->wait_for(sub { -e "$spool/corrupt/$id" }, 'an issuer that does not exist', 20);
	is scalar(my @all = $server->messages), $before, 'nothing went out';
	$p->wait_for(sub { !@{ $p->queue } }, 'nothing is left, the administrator knows', 20);
	is_deeply [mails('anna')], [], 'nobody else is told';
};

subtest 'entries that are not what they should be' => sub {
	my @aside = glob "$spool/corrupt/*";
	forge(name => 'not-an-id');
	forge(name => '64f0a1b2c3d4e-other-0a1b2c3d');
	forge(name => '64f0a1b2c3dff-smtpd-0a1b2c3d');   # the envelope says otherwise
	forge(text => "no envelope at all\n");
	forge(text => '');
	forge(to => []);
	forge(lines => "producer: deliver\n");
	symlink '/etc/passwd', "$spool/smtpd/new/64f0a1b2c3da1-smtpd-0a1b2c3d";
	mkdir "$spool/smtpd/new/64f0a1b2c3da2-smtpd-0a1b2c3d";
	my $expected = @aside + 7;
	if ($> == 0) {
		forge(uid => 0);
		$expected++;
	}
	$p->wait_for(sub { my @now = glob "$spool/corrupt/*"; @now >= $expected }, 'all are set aside', 20);
	# the sandbox has no right to move what is no file; it is left where it is, and never opened
	$p->wait_log(qr{smtpd/new/64f0a1b2c3da1-smtpd-0a1b2c3d is refused});
	$p->wait_log(qr{smtpd/new/64f0a1b2c3da2-smtpd-0a1b2c3d is refused});
	is_deeply [glob "$spool/smtpd/new/*0a1b2c3d"], [map { "$spool/smtpd/new/64f0a1b2c3da$_-smtpd-0a1b2c3d" } 1, 2],
		'nothing else is in the drop';
	unlink "$spool/smtpd/new/64f0a1b2c3da1-smtpd-0a1b2c3d";
	rmdir "$spool/smtpd/new/64f0a1b2c3da2-smtpd-0a1b2c3d";
	my $id = submit("bert\@$domain");
	is scalar wait_mails('bert', 1), 1, 'work goes on';
	is_deeply [mails('anna')], [], 'none was delivered';
};

subtest 'daemons that are away' => sub {
	for my $daemon (qw(resolver deliver)) {
		my $pid = $p->main_pid($daemon);
		$p->kill_daemon($daemon, 'STOP');
		my $smtp_needs = $daemon eq 'resolver';
		my $id = $smtp_needs ? forge() : submit("anna\@$domain");
		$p->wait_for(sub { waiting($id) }, 'taken', 20);
		$p->kill_daemon($daemon, 'KILL');
		is scalar wait_mails('anna', 1), 1, "delivered after $daemon came back";
		wait_gone($id);
	}
	$p->kill_daemon('sender', 'KILL');
	my $before = $server->messages;
	wait_gone(submit('bob@remote.test'));
	is scalar(my @all = $server->messages), $before + 1, 'sent after sender came back';
};

subtest 'three crashes hold a message, kill -9 does not' => sub {
	plan skip_all => 'sanitizers have handlers of their own' if Postroom::Test::build_folder() =~ /san/;
	my $crash = sub {
		my ($signal) = @_;
		my $pid = $p->main_pid('queue-manager');
		$p->kill_daemon('queue-manager', $signal);
		$p->wait_for(sub {
			my $now = eval { $p->main_pid('queue-manager') } // 0;
			return $now && $now != $pid && ($p->postroom('queue', 'count'))[0] == 0;
		}, 'the queue-manager is back', 20);
	};
	$p->kill_daemon('resolver', 'STOP');
	my $id = forge();
	$p->wait_for(sub { waiting($id) }, 'taken', 20);
	for my $signal (qw(KILL KILL KILL SEGV SEGV)) {
		$crash->($signal);
		$p->wait_for(sub { (waiting($id) // {})->{state} eq 'active' }, 'tried again', 20);
	}
	$crash->('SEGV');
	wait_state($id, 'held');
	$p->wait_log(qr/id=\Q$id\E held:/);
	$p->kill_daemon('resolver', 'CONT');
	is_deeply [mails('anna')], [], 'held means held';
	$p->postroom_ok('queue', 'release', $id);
	is scalar wait_mails('anna', 1), 1, 'released and delivered';
	wait_gone($id);
};

subtest 'a slow destination delays nobody else' => sub {
	plan skip_all => 'no nsd' if !find_program('nsd');
	my $port = Postroom::Ports::port();
	my $dns = Postroom::Dns->start(zones => {
		'slow.test'  => { '@' => 'MX 10 mx', mx => 'A 127.0.0.2' },
		'quick.test' => { '@' => 'MX 10 mx', mx => 'A 127.0.0.3' },
	});
	my $slow = Postroom::SmtpServer->start(host => '127.0.0.2', port => $port, replies => { '.' => 'SLEEP 3 250 ok' });
	my $quick = Postroom::SmtpServer->start(host => '127.0.0.3', port => $port);
	$p->set('dns.servers' => $dns->address, 'sender.mx-port' => $port);
	$p->postroom_ok(qw(sender set default --method direct --servers), '');
	submit("r$_\@slow.test") for 1 .. 150; # more than the line to it holds
	my $began = time;
	submit('bob@quick.test');
	$quick->wait_messages(1);
	cmp_ok time - $began, '<', 3, 'the other is served meanwhile';
	my @waiting = grep { $_->{state} eq 'waiting' } @{ $p->queue };
	ok scalar @waiting, 'what has no place in the line waits in the table';
	$slow->set_reply('.' => '250 ok');
	$slow->wait_messages(150);
	$p->wait_for(sub { !@{ $p->queue } }, 'all are sent', 30);
	my %to;
	$to{ $_->{to}[0] }++ for $slow->messages;
	is_deeply \%to, { map { ("r$_\@slow.test" => 1) } 1 .. 150 }, 'each once';
};

subtest 'the reserve' => sub {
	is -s "$spool/reserve", 1048576, 'a megabyte is kept for a full disk';
};

$p->stop;
done_testing;

#!/usr/bin/perl
# What a connection that is started does with collectors and senders, against real servers of the test.
use strict;
use warnings;
use lib 't/lib';
use File::Temp ();
use POSIX qw(mktime);
use Postroom::Pop3Server;
use Postroom::Ports;
use Postroom::Process qw(read_file write_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

my $PASSWORD = 'Quetzal-17';
my $scratch = File::Temp->newdir('postroom-connections-XXXXXX', TMPDIR => 1);
chmod 0777, "$scratch";
write_file("$scratch/down", "#!/bin/sh\necho \"down \$POSTROOM_CONNECTION\" >>$scratch/log\nexit 0\n");
chmod 0755, "$scratch/down";
write_file("$scratch/log", '');
chmod 0666, "$scratch/log";
sub downs { return scalar(() = (read_file("$scratch/log") // '') =~ /^down/mg) }

my $p = Postroom::Test->start(users => { anna => 'anna-secret' }, relay => ['127.0.0.1'],
	set => { 'log.connections' => 'on', 'collect.timeout' => 5, 'sender.retry' => '600' });
my $smtp = Postroom::SmtpServer->start;
my ($late, $early) = map { Postroom::Pop3Server->start(password => $PASSWORD) } 1, 2;

sub collector {
	my ($name, $server, @settings) = @_;
	$p->postroom_ok({ stdin => "$PASSWORD\n" }, 'collector', 'add', $name, '--connections', 'office', '--password-stdin', 'pop3.server',
		'127.0.0.1', 'pop3.port', $server->port, 'pop3.username', 'box', 'route', 'user', 'target', 'anna', @settings);
	return;
}

sub connect_now { my @names = @_; my ($status, $out, $err) = $p->postroom('connect', '--wait', @names); return ($status, "$out$err") }
sub submit { return $p->smtp->send_message('anna@example.test', ["$_[0]\@far.test"], "Subject: $_[0]\n\nx\n") }
sub connect_log { return read_file($p->dir . '/log/connect.log') // '' }
sub put { my ($server, $subject) = @_; $server->put("From: a\@x.test\nSubject: $subject\n\nx\n"); return }

# All that a connection may not send, whoever could.
sub settled { $p->wait_for(sub { !grep { $_->{state} eq 'active' } @{ $p->queue } }, 'the queue has looked at all'); return }

$p->postroom_ok('connection', 'set', 'default', 'continuous', 'off', 'default', 'off');
$p->postroom_ok('connection', 'add', 'office', 'default', 'on', 'disconnect-command', "$scratch/down");
$p->postroom_ok('sender', 'add', 'office', '--method', 'relay', '--servers', '127.0.0.1:' . $smtp->port, '--encryption', 'none');
$p->postroom_ok('sender', 'delete', 'default');
collector('late', $late, 'priority', 20);
collector('early', $early, 'priority', 0);

subtest '04-1.4 collectors run by their priority' => sub {
	put($late, 'late');
	put($early, 'early');
	is_deeply [ connect_now() ], [ 0, "office: Connection successful\n" ], 'started';
	like connect_log(), qr/connection office: collector early \(2\) begins.*collector early \(2\): Connection successful, 1 message.*collector late \(1\) begins.*collector late \(1\): /s,
		'the connection log shows the one with 0 first';
	is downs(), 1, 'the disconnect command ran once';
};

subtest '04-3.1 a disabled collector is not contacted' => sub {
	my ($before) = $late->connections;
	$p->postroom_ok('collector', 'set', 'late', 'enabled', 'off');
	is +(connect_now())[0], 0, 'started';
	is $late->connections, $before, 'not contacted';
	$p->postroom_ok('collector', 'set', 'late', 'enabled', 'on');
};

subtest '04-1.5 POP3 first, then SMTP' => sub {
	$p->set('schedule.pop3-then-smtp' => 'on');
	like submit('after'), qr/\A250/, 'taken';
	settled();
	is scalar($smtp->connections), 0, 'a connection that is not continuous waits to be started';
	$late->set_reply(QUIT => 'SLEEP 2 +OK');
	is +(connect_now())[0], 0, 'started';
	is scalar(my @messages = $smtp->messages), 1, 'sent';
	like connect_log(), qr/collector late \(1\): Connection successful[^\n]*\n[^\n]*sender: 1 sent/s, 'after the last collector';
	$late->set_reply(QUIT => '');
	$p->set('schedule.pop3-then-smtp' => 'off');
};

subtest '04-1.6 04-2.5 a login that fails: the words of the server, never the password; the disconnect command runs' => sub {
	my $before = downs();
	$early->set_reply(PASS => '-ERR authorization failed');
	my ($status, $text) = connect_now();
	is $status, 1, 'it failed';
	like $text, qr/office: collector early \(2\): Error from remote server on "PASS \*{5}" -> -ERR authorization failed/, 'why';
	my ($row) = grep { $_->{name} eq 'office' } @{ $p->postroom_json('connection', 'status') };
	like $row->{result}, qr/PASS \*{5}.*-ERR authorization failed/, 'the last result of the connection';
	unlike $p->log . connect_log(), qr/$PASSWORD/, 'no log has the password';
	is downs(), $before + 1, 'the disconnect command ran';
	$early->set_reply(PASS => '');
};

subtest '09-13.6 how the last poll ended: all well, some failed, all failed' => sub {
	my $poll = sub {
		connect_now();
		my ($row) = grep { $_->{name} eq 'office' } @{ $p->postroom_json('connection', 'status') };
		return $row->{outcome};
	};
	is $poll->(), 'ok', 'both collectors work, and there is nothing to send';
	$early->set_reply(PASS => '-ERR no');
	is $poll->(), 'partly', 'one fails, one works';
	$p->stop_running;
	$p->run;
	is +(map { $_->{outcome} } grep { $_->{name} eq 'office' } @{ $p->postroom_json('connection', 'status') })[0], 'partly',
		'kept over a restart';
	$late->set_reply(PASS => '-ERR no');
	is $poll->(), 'failed', 'both fail';
	$late->set_reply(PASS => '');
	is $poll->(), 'partly', 'the other one works';
	$early->set_reply(PASS => '');
};

subtest '04-14.6 mail is sent as it comes; what has to be tried again waits' => sub {
	$p->postroom_ok('connect', '--wait');
	my $before = $smtp->messages;
	$p->set('schedule.send-immediately' => 'on');
	like submit('at-once'), qr/\A250/, 'taken';
	$smtp->wait_messages($before + 1);
	pass 'sent without a schedule';
	$smtp->set_reply(RCPT => '451 4.3.0 later');
	like submit('later'), qr/\A250/, 'another, that is deferred';
	ok $p->wait_log(qr/connection office: sender: 0 sent, 1 deferred.*\n.*disconnect-command: down\n.*connection office: Connection successful/), 'it is tried at once';
	$smtp->set_reply(RCPT => '250 ok');
	$p->set('schedule.send-immediately' => 'off');
	is scalar(my @all = $smtp->messages), $before + 1, 'and then waits';
	is +(connect_now())[0], 0, 'until it is started';
};

subtest 'AutoConnect: as soon as enough messages wait' => sub {
	$p->postroom_ok('queue', 'delete', '--all');
	$p->postroom_ok('connection', 'set', 'office', 'auto-connect.messages', '2');
	my $before = $smtp->messages;
	like submit('one'), qr/\A250/, 'one';
	settled();
	like submit('two'), qr/\A250/, 'two';
	$smtp->wait_messages($before + 2);
	like connect_log(), qr/connection office: started because of what waits to be sent/, 'connect.log says why';
	$p->postroom_ok('connection', 'unset', 'office', 'auto-connect.messages');
};

subtest '04-15.3 a session that is dropped in the middle of a message' => sub {
	$smtp->set_reply('.' => 'DROP');
	like submit('dropped'), qr/\A250/, 'taken';
	settled();
	connect_now();
	ok $p->wait_log(qr/Error with SMTP Client \(office \(\d+\)\): [^\n]*(?:closed|lost)/), 'reported with name and number of the sender';
	ok grep({ $_->{recipients}[0]{address} eq 'dropped@far.test' } @{ $p->queue }), 'the message is still queued';
	$smtp->set_reply('.' => '250 ok');
};

subtest '04-2.2 a fallback runs where no server could be connected to, not where one refuses the login' => sub {
	$p->postroom_ok('connection', 'add', 'second');
	$p->postroom_ok('sender', 'add', 'second', '--method', 'relay', '--servers', '127.0.0.1:' . $smtp->port, '--encryption', 'none');
	$p->postroom_ok('connection', 'set', 'office', 'fallback', 'second');
	$p->postroom_ok('collector', 'set', 'late', 'enabled', 'off');
	$early->set_reply(PASS => '-ERR authorization failed');
	my ($status, $text) = connect_now();
	like $text, qr/\Aoffice: collector early/, 'a refused login is no total failure';
	my $dead = Postroom::Ports::port('127.0.0.1');
	$p->postroom_ok('collector', 'set', 'early', 'pop3.port', $dead);
	$p->postroom_ok('sender', 'set', 'office', '--servers', "127.0.0.1:$dead");
	like submit('fallback'), qr/\A250/, 'a message';
	settled();
	($status, $text) = connect_now();
	is $text, "second: Connection successful\n", 'with all servers dead the fallback runs at once';
	is_deeply [map { $_->{data} =~ /^Subject: fallback/m } $smtp->messages], [1], '... and sends what just failed';
	my ($row) = grep { $_->{name} eq 'office' } @{ $p->postroom_json('connection', 'status') };
	like $row->{result}, qr/cannot connect to 127\.0\.0\.1/, 'the failure is recorded';
	$p->postroom_ok('collector', 'set', 'early', 'pop3.port', $early->port, 'enabled', 'off');
	$early->set_reply(PASS => '');
};

sub run_at {
	my ($hour, $minute, $second) = @_;
	$p->stop_running;
	local $ENV{POSTROOM_CLOCK} = mktime($second, $minute, $hour, 2, 10, 126) - time;
	$p->run;
	return;
}

subtest '04-14.4 an item that wants messages that wait' => sub {
	$p->postroom_ok('schedule', 'add', '--connections', 'office', '--every', '1', '--from', '9:00', '--to', '9:30', '--waiting', '1');
	$p->postroom_ok('queue', 'delete', '--all');
	my $count = () = connect_log() =~ /started by the schedule/g;
	run_at(8, 59, 58);
	my $minute = time + 3;
	$p->wait_for(sub { time > $minute }, 'the minute has come');
	is scalar(() = connect_log() =~ /started by the schedule/g), $count, 'with an empty queue nothing is connected to';
	like submit('waits'), qr/\A250/, 'a message';
	settled();
	run_at(8, 59, 54);
	$p->wait_for(sub { scalar(() = connect_log() =~ /started by the schedule/g) > $count }, 'with one waiting it is', 90);
	$p->postroom_ok('schedule', 'delete', '1');
};

subtest 'people who look for mail start the default connections' => sub {
	$p->set('schedule.people' => 2, 'schedule.people-minutes' => 0);
	$p->add_user(bert => 'bert-secret');
	run_at(11, 59, 52);
	for my $user (qw(anna bert)) {
		my $pop3 = $p->pop3;
		$pop3->login($user, "$user-secret");
		$pop3->quit;
	}
	$p->wait_for(sub { connect_log() =~ /started because people have looked for mail/ }, 'the next minute', 90);
	pass 'they do';
};

$_->stop for $smtp, $late, $early;
$p->stop;
done_testing;

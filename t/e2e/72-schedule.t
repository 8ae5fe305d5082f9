#!/usr/bin/perl
# Connections are started: by hand, by the schedule, by files; their commands, fallbacks and pauses.
use strict;
use warnings;
use lib 't/lib';
use File::Temp ();
use POSIX qw(mktime);
use Postroom::Process qw(read_file write_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

# What commands of connections write: one line each, "up NAME" or "down NAME".
my $scratch = File::Temp->newdir('postroom-schedule-XXXXXX', TMPDIR => 1);
chmod 0777, "$scratch";
write_file("$scratch/$_", "#!/bin/sh\necho \"$_ \$POSTROOM_CONNECTION\" >>$scratch/log\nexit 0\n") for qw(up down);
write_file("$scratch/broken", "#!/bin/sh\necho \"broken \$POSTROOM_CONNECTION\" >>$scratch/log\nexit 3\n");
chmod 0755, map { "$scratch/$_" } qw(up down broken);
write_file("$scratch/log", '');
chmod 0666, "$scratch/log";

sub events { return [ split /\n/, read_file("$scratch/log") // '' ] }
sub forget { write_file("$scratch/log", ''); return }

my $p = Postroom::Test->start(users => { anna => 'anna-secret' }, set => { 'log.connections' => 'on' });

sub connect_now { my @names = @_; my ($status, $out, $err) = $p->postroom({}, 'connect', '--wait', @names); return ($status, $out . $err, $err) }

sub status_of {
	my ($name) = @_;
	my ($row) = grep { $_->{name} eq $name } @{ $p->postroom_json('connection', 'status') };
	return $row;
}

# Run the instance with the schedule's clock at that time of a Monday.
sub run_at {
	my ($hour, $minute, $second) = @_;
	$p->stop_running;
	forget();
	local $ENV{POSTROOM_CLOCK} = mktime($second, $minute, $hour, 2, 10, 126) - time;
	$p->run;
	return;
}

$p->postroom_ok('connection', 'set', 'default', 'default', 'off');
$p->postroom_ok('connection', 'add', $_, 'connect-command', "$scratch/up", 'disconnect-command', "$scratch/down") for qw(office home);
$p->postroom_ok('connection', 'add', 'dead', 'connect-command', '/bin/false', 'disconnect-command', "$scratch/down");
$p->postroom_ok('connection', 'set', 'office', 'default', 'on');

subtest 'by hand' => sub {
	my ($status, $out) = connect_now();
	is $status, 0, 'the default one';
	is $out, "office: Connection successful\n", 'says how it ended';
	is_deeply events(), [ 'up office', 'down office' ], 'its commands ran, in their order';
	forget();
	($status, $out) = connect_now('home', 'office');
	is $out, "home: Connection successful\noffice: Connection successful\n", 'those that are named';
	is_deeply events(), [ 'up home', 'down home', 'up office', 'down office' ], 'one after another';
	($status, undef, my $err) = connect_now('nowhere');
	like $err, qr/there is no connection "nowhere"/, 'refused';
	ok status_of('home')->{outcome} eq 'ok' && status_of('home')->{last} > 0, 'the last result is kept';
	like read_file($p->dir . '/log/connect.log'), qr/connection home: started by hand.*connection home: Connection successful/s, 'connect.log tells';
};

subtest '04-2.1 a connect command that fails: nothing is connected to, the fallback is started' => sub {
	forget();
	my ($status, $out) = connect_now('dead');
	is $status, 1, 'it failed';
	like $out, qr/dead: connect-command: it ended with status 1/, 'and says why';
	is_deeply events(), [], 'what was not brought up is not taken down';
	is status_of('dead')->{result}, 'connect-command: it ended with status 1', 'recorded';
	$p->postroom_ok('connection', 'set', 'dead', 'fallback', 'home');
	($status, $out) = connect_now('dead');
	is $status, 0, 'with a fallback';
	like $out, qr/home: Connection successful/, 'that one ran';
	is_deeply events(), [ 'up home', 'down home' ], 'in the same run';
	is status_of('dead')->{outcome}, 'failed', 'the failure is recorded all the same';
};

subtest '04-2.3 fallbacks in a circle: each is tried once' => sub {
	forget();
	$p->postroom_ok('connection', 'set', 'home', 'connect-command', "$scratch/broken", 'fallback', 'dead');
	my ($status) = connect_now('dead');
	is $status, 1, 'all failed';
	is_deeply events(), ['broken home'], 'once';
	$p->postroom_ok('connection', 'set', 'home', 'connect-command', "$scratch/up");
	$p->postroom_ok('connection', 'unset', 'home', 'fallback');
};

subtest 'commands run without rights, with a clean environment, and not for ever' => sub {
	write_file("$scratch/who", "#!/bin/sh\nid -un >$scratch/whoami\nenv | sort >$scratch/env\n"
			. "cat " . $p->dir . "/state/config/config.db >$scratch/stolen\ntouch " . $p->dir . "/state/settings/x && touch $scratch/written\nexit 0\n");
	chmod 0755, "$scratch/who";
	$p->postroom_ok('connection', 'set', 'home', 'connect-command', "$scratch/who");
	connect_now('home');
	is read_file("$scratch/whoami"), ($> == 0 ? "postroom-schedule\n" : (getpwuid $>)[0] . "\n"), 'as the scheduler';
	like read_file("$scratch/env"), qr/^POSTROOM_CONNECTION=home$/m, 'told which connection';
	unlike read_file("$scratch/env"), qr/NOTIFY_SOCKET|LISTEN_FDS|POSTROOM_SUPERVISOR/, 'and nothing else';
	is read_file("$scratch/stolen"), '', 'it reads no settings' if $> == 0;
	ok !-e "$scratch/written", 'and writes nothing of the instance';
	$p->postroom_ok('connection', 'set', 'home', 'connect-command', "$scratch/up");
};

subtest '04-8.3 after ETRN the disconnect command waits for an incoming session' => sub {
	my $etrn = Postroom::SmtpServer->start(extensions => ['ETRN'], replies => { ETRN => '250 OK queuing started' });
	$p->postroom_ok('connection', 'add', 'feed', 'disconnect-command', "$scratch/down");
	$p->postroom_ok('collector', 'add', 'feed', '--method', 'etrn', '--connections', 'feed', 'etrn.server', '127.0.0.1:' . $etrn->port,
		'etrn.parameters', 'example.test', 'etrn.wait-seconds', '3');
	forget();
	my $begin = time;
	is +(connect_now('feed'))[0], 0, 'nobody comes';
	cmp_ok time - $begin, '>=', 3, 'it waited for the time that is set';
	is_deeply events(), ['down feed'], 'and then went down';

	my $smtp = $p->smtp;
	$p->postroom_ok('connect', 'feed');
	my $over = time + 5;
	$p->wait_for(sub { time > $over }, 'the time is over');
	is_deeply events(), ['down feed'], 'a session that has come is waited for';
	$smtp->quit;
	$p->wait_for(sub { @{ events() } == 2 }, 'it goes down soon after its end');
	pass 'so it does';
	$etrn->stop;
};

subtest '04-14.7 CONNECT.NOW and CONNECT.PAUSE' => sub {
	forget();
	my $now = $p->dir . '/state/schedule/CONNECT.NOW';
	write_file($now, '');
	$p->wait_for(sub { @{ events() } == 2 }, 'the default connection ran');
	is_deeply events(), [ 'up office', 'down office' ], 'once';
	ok !-e $now, 'the file is gone';
	write_file($p->dir . '/state/schedule/CONNECT.PAUSE', '');
	my ($status, undef, $err) = $p->postroom({}, 'connection', 'status');
	like $err, qr/silent while the file CONNECT\.PAUSE is there/, 'the status says so';
};

$p->postroom_ok('schedule', 'add', '--name', 'often', '--connections', '@default,home', '--every', '10', '--from', '9:00', '--to', '10:00');

subtest '04-14.7 with CONNECT.PAUSE the schedule is silent' => sub {
	run_at(8, 59, 58);
	write_file($p->dir . '/state/schedule/CONNECT.NOW', '');
	$p->wait_for(sub { grep { $_ eq 'down office' } @{ events() } }, 'CONNECT.NOW still works');
	$p->wait_log(qr/scheduler.*connection office: Connection successful/);
	my $minute = time + 3;
	$p->wait_for(sub { time > $minute }, 'the minute has come');
	is_deeply events(), [ 'up office', 'down office' ], 'nothing else ran';
	unlink $p->dir . '/state/schedule/CONNECT.PAUSE';
};

subtest '04-14.1 an item runs in its minute' => sub {
	run_at(9, 9, 51);
	$p->wait_for(sub { @{ events() } == 4 }, 'both connections ran');
	is_deeply [ sort @{ events() } ], [ sort 'up office', 'down office', 'up home', 'down home' ], 'at 9:10';
	like $p->log, qr/connection home: started by the schedule/, 'and the log says why';
};

subtest '04-14.5 pausing stops scheduled runs, not those by hand, and lasts' => sub {
	$p->postroom_ok('pause');
	run_at(9, 19, 58);
	my ($status, undef, $err) = $p->postroom({}, 'connection', 'status');
	like $err, qr/the schedule is paused/, 'still, after a restart';
	my ($ended) = connect_now('office');
	is $ended, 0, 'by hand';
	like $p->smtp->send_message('a@x.test', ['anna@example.test'], "Subject: x\n\nx\n"), qr/\A250/, 'incoming mail is taken';
	my $minute = time + 3;
	$p->wait_for(sub { time > $minute }, 'the minute has come');
	is_deeply events(), [ 'up office', 'down office' ], 'nothing else ran';
	$p->postroom_ok('resume');
	ok !-e $p->dir . '/state/schedule/paused', 'resumed';
	ok status_of('home')->{last} > 0, 'results outlive a restart';
};

$p->stop;
done_testing;

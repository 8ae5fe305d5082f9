#!/usr/bin/perl
# What runs when connections are started: collectors and senders, by hand and by the schedule.
use strict;
use warnings;
use lib 't/lib';
use POSIX qw(mktime);
use Postroom::Delivered;
use Postroom::Pop3Server;
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { map { $_ => "$_-secret" } qw(anna bob) });
my $d = Postroom::Delivered->new($p);
my %server = map { $_ => Postroom::Pop3Server->start } qw(often seldom);
my $outside = Postroom::SmtpServer->start;
my $lan = Postroom::SmtpServer->start;

# Two connections, each with its collector; the sender of the first.
$p->postroom_ok('connection', 'set', 'default', 'default', 'off', 'continuous', 'off');
$p->postroom_ok('connection', 'add', $_) for qw(often seldom);
for my $name (qw(often seldom)) {
	$p->postroom_ok('collector', 'add', $name, '--connections', $name);
	$p->postroom_ok({ stdin => "secret\n" }, 'collector', 'set', $name, '--password-stdin', 'pop3.server', '127.0.0.1',
		'pop3.port', $server{$name}->port, 'pop3.username', 'box', 'route', 'user', 'target', 'anna');
}

sub sessions { my ($name) = @_; return scalar grep { /^USER/ } $server{$name}->commands }
sub forget { $_->forget for values %server; return }

subtest '01-11.2 a second sender is refused; a collector of two connections is started by either' => sub {
	$p->postroom_ok('sender', 'add', 'often', '--method', 'relay', '--servers', $outside->address, '--encryption', 'none');
	my ($status, undef, $err) = $p->postroom('sender', 'add', 'often', '--method', 'direct');
	isnt $status, 0, 'refused';
	like $err, qr/often/, 'with a reason';
	$p->postroom_ok('collector', 'set', 'seldom', '--connections', 'often,seldom');
	for my $connection (qw(often seldom)) {
		forget();
		$p->postroom('connect', '--wait', $connection);
		is sessions('seldom'), 1, "started by $connection";
	}
	is sessions('often'), 0, 'the other one is not';
	$p->postroom_ok('collector', 'set', 'seldom', '--connections', 'seldom');
};

subtest '01-11.5 collectors and sender of a connection are at work at the same time' => sub {
	my $mark = $d->send(to => ['you@far.test'], from => 'anna@' . $p->domain, login => 'anna');
	forget();
	$server{often}->set_reply(CONNECT => 'SLEEP 3 +OK slow');
	my $pid = fork // die "cannot fork: $!\n";
	if ($pid == 0) {
		$p->postroom('connect', '--wait', 'often');
		POSIX::_exit(0);
	}
	$outside->wait_messages(1);
	like [$outside->messages]->[0]{data}, qr/$mark/, 'the message is sent';
	is $server{often}->connections, 1, 'the collector is connected by then';
	is sessions('often'), 0, '... and still waits for the greeting';
	waitpid $pid, 0;
	is sessions('often'), 1, 'it goes on after that';
	$server{often}->set_reply(CONNECT => '');
};

# Run the instance with the schedule's clock at that time of a Monday.
sub run_at {
	my ($hour, $minute, $second) = @_;
	$p->stop_running;
	forget();
	local $ENV{POSTROOM_CLOCK} = mktime($second, $minute, $hour, 2, 10, 126) - time;
	$p->run;
	return;
}

# Wait until that minute has been dealt with.
sub minute_is_over {
	my ($name) = @_;
	return $p->wait_for(sub { sessions($name) > 0 }, "a session of $name", 20);
}

subtest '01-11.3 each collector with the frequency of its connection' => sub {
	$p->postroom_ok('schedule', 'add', '--name', 'five', '--connections', 'often', '--every', '5', '--from', '09:00', '--to', '18:00');
	$p->postroom_ok('schedule', 'add', '--name', 'thirty', '--connections', 'seldom', '--every', '30', '--from', '09:00', '--to', '18:00');
	run_at(9, 4, 57);
	minute_is_over('often');
	is sessions('seldom'), 0, 'at 9:05 the one';
	run_at(9, 29, 57);
	minute_is_over($_) for qw(often seldom);
	is_deeply [map { sessions($_) } qw(often seldom)], [1, 1], 'at 9:30 both, once';
};

subtest '01-11.6 paused: nothing is started, all else goes on' => sub {
	$p->postroom_ok('lan-rule', 'add', '--address', '*@lan.test', '--server', $lan->address);
	$p->postroom_ok('pause');
	run_at(9, 29, 58);
	my $in = $d->send(to => ['bob@' . $p->domain]);
	$d->arrives('bob', 'INBOX', $in);
	my $forwarded = $d->send(to => ['x@lan.test'], from => 'anna@' . $p->domain, login => 'anna');
	$lan->wait_messages(1);
	like [$lan->messages]->[0]{data}, qr/$forwarded/, 'LAN forwarding goes on';
	my $later = time + 3;
	$p->wait_for(sub { time > $later }, 'it is past 9:30');
	is_deeply [map { sessions($_) } qw(often seldom)], [0, 0], 'nobody was connected to';
	$p->postroom_ok('resume');
};

$p->finish;
done_testing;

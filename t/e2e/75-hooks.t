#!/usr/bin/perl
# The commands that bring connections up and down: what their failure means, in which order things are done, how long
# they may take; and that what is told of a collector never holds its password.
use strict;
use warnings;
use lib 't/lib';
use File::Temp ();
use Postroom::Outgoing;
use Postroom::Pop3Server;
use Postroom::Process qw(read_file write_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;
use Time::HiRes qw(time);

my $PASSWORD = 'Quetzal-17';
my $scratch = File::Temp->newdir('postroom-hooks-XXXXXX', TMPDIR => 1);
chmod 0777, "$scratch";
sub program { my ($name, $text) = @_; write_file("$scratch/$name", "#!/bin/sh\n$text\n"); chmod 0755, "$scratch/$name"; return "$scratch/$name" }

my $p = Postroom::Test->start(users => { anna => 'anna-secret' }, relay => ['127.0.0.1'], set => { 'log.connections' => 'on' });
my $out = Postroom::Outgoing->new($p);
my $smtp = Postroom::SmtpServer->start;
my $pop3 = Postroom::Pop3Server->start(password => $PASSWORD);
$p->set('notices.administrator' => 'anna');
$p->postroom_ok('connection', 'set', 'default', 'continuous', 'off', 'default', 'off');
$p->postroom_ok('connection', 'add', 'office', 'default', 'on');
$p->postroom_ok('sender', 'add', 'office', '--method', 'relay', '--servers', $smtp->address, '--encryption', 'none');
$p->postroom_ok('sender', 'delete', 'default');
$p->postroom_ok({ stdin => "$PASSWORD\n" }, 'collector', 'add', 'box', '--connections', 'office', '--password-stdin', 'pop3.server',
	'127.0.0.1', 'pop3.port', $pop3->port, 'pop3.username', 'box', 'route', 'user', 'target', 'anna');

sub connect_now { my ($status, $text, $err) = $p->postroom('connect', '--wait'); return ($status, "$text$err") }
sub hooks { $p->postroom_ok('connection', 'set', 'office', @_); return }
sub state { my ($state) = grep { $_->{name} eq 'office' } @{ $p->postroom_json('connection', 'status') }; return $state }
# Lines of online time.
sub summary { return [(read_file($p->dir . '/log/summary.log') // '') =~ /^(\d+,9,.+)$/mg] }
sub told { my ($pattern) = @_; return grep { $_ =~ $pattern } $out->mails('anna') }

subtest '09-2.1 01-23.2 a connect command that fails: the run failed, no collector runs, administrators are told once' => sub {
	hooks('connect-command' => program('refuse', 'exit 1'), 'disconnect-command' => '/bin/true');
	$p->smtp->send_message('anna@example.test', ['you@far.test'], "Subject: waits\n\nx\n");
	for (1, 2) {
		my ($status, $text) = connect_now();
		is $status, 1, 'failed';
		like $text, qr/connect-command: it ended with status 1/, 'and says why';
	}
	is $pop3->connections, 0, 'no collector was started';
	is scalar($smtp->connections), 0, 'nothing was sent';
	is state()->{outcome}, 'failed', 'the last poll is one that failed';
	is state()->{result}, 'connect-command: it ended with status 1', '... with its reason';
	my @mails;
	$p->wait_for(sub { push @mails, told(qr/connect-command/); return @mails }, 'administrators are told');
	like $mails[0], qr/^Subject: .*Connection office cannot be brought up/m, 'which connection it is';
	connect_now();
	is scalar(told(qr/connect-command/)), 0, 'one message';
	is_deeply summary(), [], 'it was not online';
};

subtest '09-2.2 01-23.2 in order: up, collectors and sender, down; and how long it was online' => sub {
	hooks('connect-command' => program('up', 'exit 0'), 'disconnect-command' => program('down', 'sleep 2'));
	$pop3->put("From: a\@x.test\nSubject: one\n\nx\n");
	is_deeply [connect_now()], [0, "office: Connection successful\n"], 'all went well';
	my ($lines) = ($p->log =~ /\A.*connection office: started by hand(.*)\z/s);
	my @order = $lines =~ /connection office: (connect-command|collector box|sender|disconnect-command|Connection)/g;
	is $order[0], 'connect-command', 'the connect command is first';
	is_deeply [@order[-2, -1]], ['disconnect-command', 'Connection'], 'the disconnect command is last';
	is_deeply [sort { $a cmp $b } grep { $_ ne 'disconnect-command' && $_ ne 'connect-command' && $_ ne 'Connection' } @order],
		['collector box', 'collector box', 'sender'], 'collector and sender between them';
	$p->wait_for(sub { @{ summary() } }, 'a line in summary.log');
	my ($when, $code, $seconds, $user) = split /,/, summary()->[0], -1;
	like $when, qr/\A\d{14}\z/, 'when';
	is $code, 9, 'item 9';
	cmp_ok $seconds, '>=', 2, 'its seconds';
	cmp_ok $seconds, '<', 20, '... of this run';
	is $user, '', 'nobody\'s';
	is scalar @{ summary() }, 1, 'one line';
};

subtest '09-2.3 a command that never returns is killed after its time, and failed' => sub {
	my $before = $pop3->connections;
	hooks('connect-command' => program('hang', "trap '' TERM\necho \$\$ >$scratch/pid\nsleep 1000 &\nwhile :; do wait; done"),
		'command-timeout' => 1);
	my $begin = time;
	my ($status, $text) = connect_now();
	is $status, 1, 'failed';
	like $text, qr/connect-command: it took more than 1 seconds and was killed/, 'and says why';
	cmp_ok time - $begin, '<', 15, 'in time';
	my $pid = 0 + (read_file("$scratch/pid") // 0);
	cmp_ok $pid, '>', 1, 'it ran';
	$p->wait_for(sub { !kill 0, $pid }, 'it is gone');
	is $pop3->connections, $before, 'no collector was started';
	hooks('connect-command' => '', 'disconnect-command' => program('hang2', 'exec sleep 1000'));
	($status, $text) = connect_now();
	like $text, qr/disconnect-command: it took more than 1 seconds/, 'the other one, too';
	hooks('disconnect-command' => '');
};

subtest '09-15.6 the password of a collector stands nowhere' => sub {
	$p->postroom_ok('collector', 'set', 'box', 'log', 'on');
	$p->set('log.connections' => 'on');
	$pop3->set_reply(PASS => "-ERR [AUTH] authorization failed for $PASSWORD of box");
	my ($status, $text) = connect_now();
	is $status, 1, 'it failed';
	like $text, qr/PASS \*+.*-ERR.* for \*\*\* of box/, 'the last result, though the server repeats it';
	my @mails;
	$p->wait_for(sub { push @mails, told(qr/Error with Pop3 Client/); return @mails }, 'administrators are told');
	$p->wait_for(sub { (read_file($p->dir . '/log/pop3clt.log') // '') =~ /PASS/ }, 'the session is logged');
	my %texts = (result => $text, mail => "@mails", status => state()->{result}, log => $p->log,
		collector => join('', ($p->postroom('collector', 'show', 'box'))[1, 2]), export => join('', ($p->postroom('export'))[1, 2]),
		map { ($_ => read_file($_) // '') } glob $p->dir . '/log/*.l*');
	unlike $texts{$_}, qr/\Q$PASSWORD\E/, "not in $_" for sort keys %texts;
};

$p->finish;
done_testing;

#!/usr/bin/perl
# kill -9 at every step of collecting: of the session and of the daemon, at each call by which something becomes durable
# or is said to the server. Nothing is lost, nothing comes twice.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Pop3Server;
use Postroom::Test;
use Postroom::Trace qw(need_trace);
use Test::More;

need_trace();

# System calls, and how many of each process are tried: the last that a run makes, or more.
my @STEPS = (
	[linkat     => 1 .. 3],                     # a message parked in the drop
	[fdatasync  => 1 .. 6],                     # messages synced; what became of them committed
	[renameat   => 1 .. 3],                     # a message let go
	[fsync      => 1 .. 3],                     # the folders
	[sendmsg    => 1 .. 8, 10, 12, 14, 16, 18], # commands to the server, words to the daemon and its answers
	[unlinkat   => 1],                          # what is not to be there is swept
);
my $PER_ROUND = 3;

my $p = Postroom::Test->start(users => { fred => 'freds-secret' }, set => { 'collect.timeout' => 5 });
my $server = Postroom::Pop3Server->start(capa => ['UIDL', 'TOP', 'PIPELINING']);
$p->postroom_ok({ stdin => "secret\n" }, qw(collector add box --password-stdin pop3.server 127.0.0.1 pop3.port),
	$server->port, qw(pop3.username box route user target fred));

sub daemon_is_there {
	$p->wait_for(sub { ($p->postroom('collector', 'history'))[0] == 0 }, 'the collector is back', 20);
	return;
}

my (@killed, @survived);

# One round: put messages, kill at that call, let it recover, collect what is left.
sub killed_at {
	my ($call, $when) = @_;
	$server->put("From: a\@far.test\nSubject: $call $when message $_\n\nbody $call $when $_\n") for 1 .. $PER_ROUND;
	my $trace = Postroom::Trace->attach([$p->main_pid('collector')], calls => [$call],
		inject => ["$call:signal=KILL:when=$when"]);
	my ($first) = $p->postroom('collector', 'run', 'box', '--wait');
	$trace->detach;
	push @{ $first == 0 ? \@survived : \@killed }, "$call $when";
	daemon_is_there();
	my ($status, $out) = $p->postroom('collector', 'run', 'box', '--wait');
	is $status, 0, "killed at $call $when: the next run does the rest" or diag $out;
	is scalar($server->remaining), 0, 'and leaves nothing at the server';
	return;
}

for my $step (@STEPS) {
	my ($call, @when) = @{$step};
	killed_at($call, $_) for @when;
}

$p->wait_for(sub { !@{ $p->queue } && !glob($p->dir . '/spool/*/new/*') }, 'the queue is empty', 20);
my $pop3 = $p->pop3;
$pop3->login('fred', 'freds-secret');
my %count;
for my $number (1 .. ($pop3->stat)[0]) {
	$count{$1}++ if join('', $pop3->top($number, 0)) =~ /^Subject: (.*?)\r?$/m;
}
$pop3->quit;
cmp_ok scalar(@killed), '>=', 15, 'most rounds hit something' or diag "not hit: @survived";
is scalar(keys %count), (@killed + @survived) * $PER_ROUND, '04-4.3 no message is lost';
is_deeply [grep { $count{$_} != 1 } sort keys %count], [], '04-4.3 none is there twice';
is_deeply [glob $p->dir . '/spool/collector/tmp/*'], [], 'nothing is left in the drop';
$server->stop;
$p->stop;
done_testing;

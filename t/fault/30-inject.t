#!/usr/bin/perl
# System calls that fail, one kind after the other, in smtpd, queue-manager, deliver, sender and pop3d under load: what
# fails is put off or tried again; nothing acknowledged is lost or there twice. Arguments: daemons, or calls, to try
# alone.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Dns;
use Postroom::Load;
use Postroom::Need qw(need_program);
use Postroom::Test;
use Postroom::Trace qw(need_trace);
use Test::More;
use Time::HiRes qw(sleep time);

need_program('nsd');
need_trace();

use constant { ENOUGH => 3, LOAD_MAX_S => 5, SINGLE_SYNCS_S => 60 };

# Which calls of which daemon fail how, and which of them (strace(1), "when").
my @CASES = (
	[smtpd => 'write', 'EIO', '5+7'],
	[smtpd => 'fdatasync', 'EIO', '2+3'],
	[smtpd => 'fsync', 'EIO', '2+3'],
	[smtpd => 'linkat', 'EIO', '2+3'],
	[smtpd => 'linkat', 'ENOSPC', '2+3'],
	[smtpd => 'openat', 'ENOSPC', '3+5'],
	['queue-manager' => 'write', 'EIO', '5+7'],
	['queue-manager' => 'pwrite64', 'EIO', '5+7'],
	['queue-manager' => 'pwrite64', 'ENOSPC', '5+7'],
	['queue-manager' => 'pread64', 'EIO', '5+7'],
	['queue-manager' => 'fsync', 'EIO', '2+3'],
	['queue-manager' => 'fdatasync', 'EIO', '2+3'],
	['queue-manager' => 'renameat2', 'EIO', '2+5'],
	['queue-manager' => 'openat', 'EIO', '5+7'],
	['queue-manager' => 'openat', 'ENOMEM', '5+7'],
	['queue-manager' => 'unlinkat', 'EIO', '2+5'],
	[deliver => 'write', 'EIO', '5+7'],
	[deliver => 'write', 'ENOSPC', '5+7'],
	[deliver => 'pwrite64', 'EIO', '5+7'],
	[deliver => 'pread64', 'EIO', '5+7'],
	[deliver => 'fdatasync', 'EIO', '2+5'],
	[deliver => 'fsync', 'EIO', '2+5'],
	[deliver => 'syncfs', 'EIO', '1+2', SINGLE_SYNCS_S],    # where the disk was slow, deliver does without for so long
	[deliver => 'renameat', 'EIO', '2+5'],
	[deliver => 'linkat', 'EIO', '1+2'],
	[deliver => 'openat', 'ENOSPC', '5+7'],
	[sender => 'write', 'EIO', '5+7'],
	[sender => 'pread64', 'EIO', '2+3'],
	[pop3d => 'pwrite64', 'EIO', '5+7'],
	[pop3d => 'unlinkat', 'EIO', '2+3'],
	[pop3d => 'fdatasync', 'EIO', '1+2'],
);

my %users = (anna => 'anna-secret', bert => 'bert-secret');
my $dns = Postroom::Dns->start(zones => { 'remote.test' => { '@' => 'MX 10 mx.remote.test.', mx => 'A 127.0.0.1' } });
my $p = Postroom::Test->start(users => \%users, set => {
	'dns.servers' => $dns->address, 'sender.retry' => '1', 'smtp.disk-connect' => 0, 'smtp.disk-message' => 0,
});

# Load while calls of one daemon fail, until some have.
sub try_case {
	my ($load, $daemon, $call, $error, $when, $patience) = @_;
	my $trace = Postroom::Trace->attach([$p->pids($daemon)], calls => [$call],
		inject => ["$call:error=$error:when=$when"]);
	my $end = time + LOAD_MAX_S + ($patience // 0);
	$load->start;
	sleep 0.1 while $trace->injected < ENOUGH && time < $end;
	sleep 0.3;
	$load->stop;
	$trace->detach;
	return $trace->injected;
}

my $load = Postroom::Load->new(p => $p, users => \%users, remote => 'remote.test', clients => 4);
my $acknowledged = 0;
$p->set('sender.mx-port' => $load->remote_port);

for my $case (@CASES) {
	my ($daemon, $call, $error, $when) = @$case;
	next if @ARGV && !grep { $_ eq $daemon || $_ eq $call } @ARGV;
	my $right = subtest "$daemon: $call fails with $error" => sub {
		my $start = time;
		my $failed = try_case($load, @$case);
		$load->settle;
		my $account = $load->account;
		is_deeply $account->{$_}, [], "nothing $_" for qw(lost twice returned broken wrong);
		note sprintf '%d calls failed; %d messages acknowledged, %.1f s; in all %d put off, %d cut off, %d sent twice',
			$failed, $account->{acknowledged} - $acknowledged, time - $start, @$account{qw(refused cut)},
			scalar keys %{ $account->{sent_twice} };
		ok $failed, 'some calls failed';
		ok $account->{acknowledged} > $acknowledged, 'some messages went through';
		$acknowledged = $account->{acknowledged};
	};
	last if !$right;
}

$p->stop;
done_testing;

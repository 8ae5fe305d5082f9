#!/usr/bin/perl
# kill -9 at every step of collecting by POP3: of the session and of the daemon, at each call by which something becomes
# durable or is said to the server. Nothing is lost, nothing comes twice.
use strict;
use warnings;
use lib 't/lib';
use Postroom::KilledCollector;
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

my $p = Postroom::Test->start(users => { fred => 'freds-secret' }, set => { 'collect.timeout' => 5 });
my $server = Postroom::Pop3Server->start(capa => ['UIDL', 'TOP', 'PIPELINING']);
$p->postroom_ok({ stdin => "secret\n" }, qw(collector add box --password-stdin pop3.server 127.0.0.1 pop3.port),
	$server->port, qw(pop3.username box route user target fred));
my $rounds = Postroom::KilledCollector->new($p, 'box');
my %mailbox = (put => sub { $server->put($_) for @_ }, remaining => sub { scalar $server->remaining });
for my $step (@STEPS) {
	my ($call, @when) = @{$step};
	$rounds->killed_at($call, $_, %mailbox) for @when;
}
$rounds->finish('fred', 'freds-secret');
$server->stop;
$p->stop;
done_testing;

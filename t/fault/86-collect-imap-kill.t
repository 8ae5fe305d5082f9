#!/usr/bin/perl
# kill -9 at every step of collecting by IMAP: of the session and of the daemon, at each call by which something becomes
# durable or is said to the server, where messages are deleted there and where they are moved. Nothing is lost, nothing
# comes twice.
use strict;
use warnings;
use lib 't/lib';
use Postroom::KilledCollector;
use Postroom::Test;
use Postroom::Trace qw(need_trace);
use Test::More;

need_trace();

my @STEPS = (
	[linkat    => 1 .. 3],                     # a message parked in the drop
	[fdatasync => 1 .. 6],                     # messages synced; what became of them committed
	[renameat  => 1 .. 3],                     # a message let go
	[fsync     => 1 .. 2],                     # the folders
	[sendmsg   => 1 .. 8, 10, 12, 14, 16, 18], # commands to the server, words to the daemon and its answers
);

my $p = Postroom::Test->start(users => { fred => 'freds-secret' }, set => { 'collect.timeout' => 5 });
my $provider = Postroom::Test->start(users => { box => 'box-secret' });
my $box = $provider->imap;
$box->login('box', 'box-secret');
$box->cmd('CREATE Done');
$p->postroom_ok({ stdin => "box-secret\n" }, qw(collector add box --method imap --password-stdin imap.server 127.0.0.1 imap.port),
	$provider->port('imap'), qw(imap.username box imap.encryption none route user target fred));
my $rounds = Postroom::KilledCollector->new($p, 'box');
my %mailbox = (
	put       => sub { $box->append('INBOX', s/\n/\r\n/gr) for @_ },
	remaining => sub { $box->select('INBOX')->{exists} },
);
my $moves = 0;
for my $step (@STEPS) {
	my ($call, @when) = @{$step};
	for my $number (@when) {
		$p->postroom_ok(qw(collector set box imap.move-to), $moves++ % 2 ? 'Done' : '');
		$rounds->killed_at($call, $number, %mailbox);
	}
}
$rounds->finish('fred', 'freds-secret');
$box->logout;
$provider->stop;
$p->stop;
done_testing;

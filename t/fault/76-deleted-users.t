#!/usr/bin/perl
# Large mailboxes of users who are deleted go, whatever is killed meanwhile and when; those of others stay as they are.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Ipc;
use Postroom::Test;
use Test::More;
use Time::HiRes qw(sleep);

my $ROUNDS = $ENV{ROUNDS} // 8;
my $FILES = 3000;

my %users = (stays => 'stays-secret', map { ("goes$_" => "goes$_-secret") } 1 .. $ROUNDS);
my $p = Postroom::Test->start(users => \%users, set => { 'login.password-cost' => 1 });
my %uid = map { $_->{name} => $_->{uid} } @{ $p->postroom_json('user', 'list') };

sub folder { return sprintf '%s/state/mail/%02d/%d', $p->dir, $uid{ $_[0] } % 100, $uid{ $_[0] } }

sub messages_of { return scalar(() = glob folder($_[0]) . '/msg/1/0/*') }

sub count_stays {
	my $pop3 = $p->pop3;
	$pop3->login('stays', 'stays-secret');
	my ($found) = $pop3->cmd('STAT') =~ /\A\+OK (\d+)/;
	$pop3->cmd('QUIT');
	return $found;
}

like $p->smtp->send_message('a@example.test', [map { "$_\@example.test" } sort keys %users], "Subject: one\n\nfor all\n"), qr/\A250/, 'mail for all';
$p->wait_for(sub { !grep { messages_of($_) == 0 } keys %users }, 'all have it', 20);

srand($ENV{SEED} // 1);
for my $round (1 .. $ROUNDS) {
	my $name = "goes$round";
	my $folder = folder($name);
	my ($message) = glob "$folder/msg/1/0/*";
	link $message, "$message-$_" or die "link: $!" for 1 .. $FILES;
	$p->postroom_ok('user', 'delete', $name, '--yes');
	my $victim = $round % 2 ? 'deliver' : 'configd';
	sleep rand 0.05;
	$p->kill_daemon($victim, 'KILL');
	$p->wait_for(sub { !-e $folder && !-e "$folder.gone" }, "it goes, though $victim was killed", 30);
	pass "round $round: $victim";
}
is count_stays(), 1, 'the other user has his mail';
is messages_of('stays'), 1, 'in one file';

subtest 'deliver believes nobody that a user is gone who is there' => sub {
	my $deliver = Postroom::Ipc->connect($p, 'deliver', 'configd');
	is $deliver->ask('mailbox-discard', uid => $uid{stays})->{status}, 'denied', 'his mailbox stays';
	is $deliver->ask('mailbox-discard', uid => 0)->{status}, 'protocol', 'no number of a user';
	is $deliver->ask('mailbox-discard', uid => '../7')->{status}, 'protocol', 'no number at all';
	is $deliver->ask('usage', uid => $uid{stays})->{status}, 'protocol', 'configd has nothing else to ask';
	is count_stays(), 1, 'all is there';
};

$p->stop;
done_testing;

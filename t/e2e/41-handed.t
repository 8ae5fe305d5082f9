#!/usr/bin/perl
# Messages of the queue that an administrator gives to a user: moved and copied, and what becomes of that when daemons
# are killed meanwhile.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Outgoing;
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(
	users => { anna => 'anna-secret', bob => 'bob-secret' },
	set   => { 'sender.retry' => '600' },
);
my $out = Postroom::Outgoing->new($p);
my $server = Postroom::SmtpServer->start;
$p->postroom_ok(qw(sender set default --method relay --encryption none --servers), $server->address);
$out->continuous('default', 'off');

# Subjects of bob's messages in a folder.
sub subjects {
	my ($folder) = @_;
	my $imap = $p->imap;
	$imap->login('bob', 'bob-secret');
	my $selected = $imap->select($folder);
	my $texts = $selected && $selected->{exists} ? $imap->fetch('1:*', '(BODY.PEEK[])') : {};
	$imap->logout;
	return map { $texts->{$_}{'BODY[]'} =~ /^Subject: (.*?)\r?$/m } sort { $a <=> $b } keys %$texts;
}

sub sent { return scalar(() = $server->messages) }
sub waiting { my @ids = map { $out->submit('x@x.test', subject => $_) } @_; $out->wait_state($_, 'waiting') for @ids; return @ids }

subtest '02-17.6 Move removes the entry and the user can read the message; Copy keeps the entry' => sub {
	my ($moved, $copied) = waiting('moved', 'copied');
	is_deeply [$p->postroom('queue', 'move', $moved, '--to-user', 'BOB')], [0, "1 message\n", ''], 'moved';
	$out->wait_gone($moved);
	is_deeply [subjects('INBOX')], ['moved'], 'he has it';
	is_deeply [$p->postroom('queue', 'copy', $copied, '--to-user', 'bob', '--folder', 'Some/Folder')], [0, "1 message\n", ''], 'copied';
	$p->wait_for(sub { (subjects('Some/Folder'))[0] }, 'it is in the folder');
	is_deeply [subjects('Some/Folder')], ['copied'], 'once';
	is $out->waiting($copied)->{state}, 'waiting', 'and waits as before';
	$p->postroom_ok('queue', 'copy', $copied, '--to-user', 'bob', '--folder', 'Some/Folder');
	$p->wait_for(sub { subjects('Some/Folder') == 2 }, 'copied again, it is there again');
	$out->run_pass('default');
	$out->wait_gone($copied);
	is sent(), 1, 'the copied one is sent, the moved one is not';
	like [$server->messages]->[0]{data}, qr/^Subject: copied/m, '... as it was';
	is_deeply [$out->mails('anna')], [], 'their sender hears of nothing';
};

subtest '02-17.6 past the rules of the user; what cannot be is said' => sub {
	my ($id) = waiting('ruled');
	$p->postroom_ok('user', 'rule', 'add', 'bob', '--condition', 'Subject contains ruled', '--action', 'move Ruled');
	$p->postroom_ok('queue', 'copy', $id, '--to-user', 'bob');
	$p->wait_for(sub { grep { $_ eq 'ruled' } subjects('INBOX') }, 'it is where it was to go');
	for ([['move', $id, '--to-user', 'nobody'], qr/no user "nobody"/], [['copy', $id, '--to-user', 'bob', '--folder', "a\tb"], qr/no name of a folder/],
		[['move', '0-smtpd-0', '--to-user', 'bob'], qr/no message|not the id/]) {
		my ($arguments, $words) = @$_;
		my ($status, undef, $error) = $p->postroom('queue', @$arguments);
		is $status, 1, "refused: @$arguments";
		like $error, $words, 'with the reason';
	}
	is +($p->postroom('queue', 'move', $id))[0], 2, 'without a user';
	is $out->waiting($id)->{state}, 'waiting', 'it waits still';
	$p->postroom_ok('queue', 'delete', $id);
	$out->wait_gone($id);
};

subtest '02-17.6 a held message is copied and stays held; moved it is gone; one that is being sent is busy' => sub {
	my ($held) = waiting('held');
	$p->postroom_ok('queue', 'hold', $held);
	$p->postroom_ok('queue', 'copy', $held, '--to-user', 'bob', '--folder', 'Held');
	$p->wait_for(sub { (subjects('Held'))[0] }, 'it is in the folder');
	is $out->waiting($held)->{state}, 'held', 'held still';
	$p->postroom_ok('queue', 'move', $held, '--to-user', 'bob', '--folder', 'Held');
	$out->wait_gone($held);
	is_deeply [subjects('Held')], ['held', 'held'], 'and moved';
	$server->set_reply(DATA => 'SLEEP 3 354 go on');
	my ($busy) = waiting('busy');
	my $before = sent();
	my $pid = fork // die "cannot fork: $!\n";
	if ($pid == 0) { $out->run_pass('default'); POSIX::_exit(0) }
	$p->wait_for(sub { (() = grep { /^DATA/ } $server->commands) > $before }, 'it is being sent');
	my ($status, undef, $error) = $p->postroom('queue', 'move', $busy, '--to-user', 'bob');
	like $error, qr/is busy/, 'not while it is being sent';
	waitpid $pid, 0;
	is sent(), $before + 1, 'it is sent';
	$server->set_reply(DATA => '354 go on');
};

subtest '02-17.6 kill -9 of queue-manager and deliver: each is there once, none is sent' => sub {
	my $before = sent();
	my @ids = waiting(map { "kill-$_" } 1 .. 12);
	$p->postroom_ok('queue', 'hold', $_) for @ids[0 .. 2];
	for my $i (0 .. $#ids) {
		$p->postroom_ok('queue', $i < 2 ? 'copy' : 'move', $ids[$i], '--to-user', 'bob', '--folder', 'Killed');
		$p->kill_daemon($i % 3 ? 'queue-manager' : 'deliver');
		$p->wait_for(sub { ($p->postroom('queue', 'count'))[0] == 0 }, 'it is back');
	}
	$p->wait_for(sub { subjects('Killed') == @ids }, 'all are there', 30);
	$out->wait_gone($_) for @ids[2 .. $#ids];
	is_deeply [sort map { s/kill-//r } subjects('Killed')], [sort 1 .. 12], 'each once';
	is $out->waiting($_)->{state}, 'held', 'a copied one is held still' for @ids[0, 1];
	is sent(), $before, 'none was sent';
};

$p->finish;
done_testing;

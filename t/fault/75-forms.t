#!/usr/bin/perl
# A message with another form for outside than for inside, and the queue-manager killed at each moment: every recipient
# gets it once, in the form that is his, and nothing stays behind.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Process qw(write_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

my $remote = Postroom::SmtpServer->start;
my $p = Postroom::Test->start(users => { bert => 'bert-secret' },
	set => { 'sender.retry' => 600, 'signature.outgoing.default' => 'OUTSIDE', 'signature.internal.default' => 'INSIDE' });
my $active = $p->dir . '/spool/active';
$p->postroom_ok(qw(sender set default --method relay --encryption none --servers), $remote->address);

sub submit {
	my (@to) = @_;
	my $smtp = $p->smtp;
	like $smtp->send_message("bert\@example.test", [@to], "Subject: forms\n\nbody\n"), qr/\A250/, 'taken';
	my ($id) = $smtp->last =~ /queued as (\S+)/;
	$smtp->quit;
	return $id;
}

sub restart_queue_manager {
	$p->kill_daemon('queue-manager', 'KILL');
	$p->wait_for(sub { ($p->postroom('queue', 'count'))[0] == 0 }, 'the queue-manager is back', 20);
	return;
}

sub bodies_inside {
	my $pop3 = $p->pop3;
	$pop3->login('bert', 'bert-secret');
	my ($count) = $pop3->stat;
	my @texts = map { $pop3->retr($_) =~ s/\r//gr } 1 .. $count;
	$pop3->cmd("DELE $_") for 1 .. $count;
	$pop3->quit;
	return map { s/\A.*?\n\n//sr } @texts;
}

sub wait_inside {
	my @bodies;
	$p->wait_for(sub { push @bodies, bodies_inside(); @bodies >= 1 }, 'bert has his', 20);
	return @bodies;
}

sub bodies_outside {
	return map { $_->{data} =~ s/\r//gr =~ s/\A.*?\n\n//sr } $remote->messages;
}

sub nothing_left {
	my ($id) = @_;
	$p->wait_for(sub { my @files = glob "$active/$id*"; !@files }, 'nothing is left in active/', 20);
	return;
}

my $INSIDE = "body\n\nINSIDE\n";
my $OUTSIDE = "body\n\nOUTSIDE\n";

subtest 'while filterd is being asked' => sub {
	kill 'STOP', $p->main_pid('filterd');
	my $id = submit("bert\@example.test", 'kate@remote.test');
	$p->wait_for(sub { -e "$active/$id" }, 'it is in the queue', 20);
	restart_queue_manager();
	kill 'CONT', $p->main_pid('filterd');
	is_deeply [wait_inside()], [$INSIDE], 'inside';
	$remote->wait_messages(1);
	is_deeply [bodies_outside()], [$OUTSIDE], 'outside';
	nothing_left($id);
};

subtest 'while one waits' => sub {
	$remote->set_reply(RCPT => '451 4.2.1 later');
	my $id = submit("bert\@example.test", 'kate@remote.test');
	$p->wait_log(qr/id=\Q$id\E deferred/);
	is_deeply [wait_inside()], [$INSIDE], 'inside';
	ok -e "$active/$id.out", 'the other form lies beside it';
	$p->set('signature.outgoing.default' => 'CHANGED');
	restart_queue_manager();
	$remote->set_reply(RCPT => undef);
	$p->postroom_ok('queue', 'retry', $id);
	$remote->wait_messages(2);
	is((bodies_outside())[-1], $OUTSIDE, 'it goes as it was prepared');
	is_deeply [bodies_inside()], [], 'bert gets nothing twice';
	nothing_left($id);
};

subtest 'the other form is lost' => sub {
	$remote->set_reply(RCPT => '451 4.2.1 later');
	my $id = submit('kate@remote.test');
	$p->wait_log(qr/id=\Q$id\E deferred/);
	$p->kill_daemon('queue-manager', 'KILL');
	unlink "$active/$id.out" or die "$id.out: $!\n";
	$p->wait_for(sub { ($p->postroom('queue', 'count'))[0] == 0 }, 'the queue-manager is back', 20);
	$remote->set_reply(RCPT => undef);
	$p->postroom_ok('queue', 'retry', $id);
	$remote->wait_messages(3);
	is((bodies_outside())[-1], "body\n\nCHANGED\n", 'it is made again');
	nothing_left($id);
};

subtest 'what belongs to no message' => sub {
	$p->kill_daemon('queue-manager', 'KILL');
	write_file("$active/0123456789abc-smtpd-01234567$_", 'orphan') for qw(.in .out);
	$p->wait_for(sub { ($p->postroom('queue', 'count'))[0] == 0 }, 'the queue-manager is back', 20);
	$p->kill_daemon('queue-manager', 'KILL');
	$p->wait_for(sub { ($p->postroom('queue', 'count'))[0] == 0 }, 'and again', 20);
	nothing_left('0123456789abc-smtpd-01234567');
	is_deeply [glob $p->dir . '/spool/corrupt/*'], [], 'it is not set aside';
};

subtest 'a deleted message takes its forms along' => sub {
	$remote->set_reply(RCPT => '451 4.2.1 later');
	my $id = submit('kate@remote.test');
	$p->wait_log(qr/id=\Q$id\E deferred/);
	ok -e "$active/$id.out", 'there it is';
	$p->postroom_ok('queue', 'delete', $id);
	nothing_left($id);
};

$p->stop;
done_testing;

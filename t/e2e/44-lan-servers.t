#!/usr/bin/perl
# LAN forwarding to real servers: Postfix, and other Postrooms: one that greylists, one that refuses the login, one that
# is dead and comes back.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Need qw(find_program);
use Postroom::Peer;
use Postroom::Ports;
use Postroom::Process qw(read_file wait_until);
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { anna => 'anna-secret' }, set => { 'lan.retry' => 1 }, relay => ['127.0.0.5']);
my $second = Postroom::Test->start(
	domain => 'second.test',
	users  => { carl => 'carl-secret' },
	set    => { 'smtp.greylist' => 'on', 'smtp.greylist-wait' => 1 },
	relay  => ['127.0.0.5'],
);

sub submit {
	my ($to, $subject) = @_;
	my $smtp = $p->smtp;
	like $smtp->send_message('stranger@elsewhere.test', [$to], "Subject: $subject\n\nbody\n"), qr/\A250/, "taken for $to";
	my ($id) = $smtp->last =~ /queued as (\S+)/;
	$smtp->quit;
	return $id;
}

sub subjects {
	my ($server, $user) = @_;
	my $pop3 = $server->pop3;
	$pop3->login($user, "$user-secret");
	my ($count) = $pop3->stat;
	my @subjects = map { $pop3->retr($_) =~ /^Subject: (.*?)\r?$/m ? $1 : () } 1 .. $count;
	$pop3->quit;
	return @subjects;
}

subtest 'a Postroom that greylists' => sub {
	$p->postroom_ok('lan-rule', 'add', '--address', '*@second.test', '--server', '127.0.0.1:' . $second->port('smtp'));
	my $id = submit('carl@second.test', 'greylisted');
	$p->wait_log(qr/id=\Q$id\E deferred to=<carl\@second\.test> .*Greylisted/);
	$second->wait_for(sub { grep { $_ eq 'greylisted' } subjects($second, 'carl') }, 'the next attempt passes', 30);
	$second->set('smtp.greylist' => 'off');
	is_deeply [subjects($second, 'carl')], ['greylisted'], 'once';
};

subtest 'a Postroom that refuses the login' => sub {
	$p->postroom_ok({ stdin => "wrong\n" }, qw(lan-rule set 1 --username carl --password-stdin));
	my $id = submit('carl@second.test', 'with a login');
	$p->wait_log(qr/id=\Q$id\E deferred to=<carl\@second\.test>.* 535 /);
	is scalar(@{ $p->postroom_json('lan', 'queue') }), 1, 'it waits';
	$p->postroom_ok({ stdin => "carl-secret\n" }, qw(lan-rule set 1 --username carl --password-stdin));
	$second->postroom_ok('user', 'unlock', 'carl') if grep { /carl/ } $second->postroom_ok('user', 'locks');
	$p->postroom_ok('queue', 'retry', $id);
	$second->wait_for(sub { grep { $_ eq 'with a login' } subjects($second, 'carl') }, 'the right one is taken', 30);
};

subtest 'a Postroom that is dead, and comes back' => sub {
	is_deeply [$second->stop_running], [], 'stopped';
	my $id = submit('carl@second.test', 'while away');
	$p->wait_log(qr/id=\Q$id\E deferred to=<carl\@second\.test>/);
	$second->run;
	$second->wait_for(sub { grep { $_ eq 'while away' } subjects($second, 'carl') }, 'it arrives in the end', 30);
};

subtest 'recipients are verified at a Postroom' => sub {
	$p->postroom_ok('lan-verifier', 'add', '--server', '127.0.0.1:' . $second->port('smtp'), '--type', 'call-forward');
	my $smtp = $p->smtp;
	$smtp->ehlo;
	$smtp->cmd('MAIL FROM:<stranger@elsewhere.test>');
	is $smtp->cmd('RCPT TO:<nobody@second.test>'), 550, 'who does not exist there';
	is $smtp->cmd('RCPT TO:<carl@second.test>'), 250, 'who does';
	$smtp->quit;
};

subtest 'recipients are verified by Minger, before an SMTP session' => sub {
	my $server = '127.0.0.1:' . $second->port('smtp');
	$second->set('minger.secret' => 'between the two');
	$p->set('lan.minger-port' => $second->{offset} + 4069);
	$p->postroom_ok({ stdin => "between the two\n" }, qw(lan-verifier add --type minger --password-stdin --server), $server);
	my $smtp = $p->smtp;
	$smtp->ehlo;
	$smtp->cmd('MAIL FROM:<stranger@elsewhere.test>');
	is $smtp->cmd('RCPT TO:<noone@second.test>'), 550, 'who does not exist there';
	is $smtp->cmd('RCPT TO:<postmaster@second.test>'), 250, 'who does';
	$smtp->quit;
	unlike $second->log, qr/postmaster\@second\.test> .*MAIL FROM|<noone\@second/, 'the other server saw no SMTP session about them';
	$p->postroom_ok({ stdin => "another\n" }, qw(lan-verifier set 2 --password-stdin));
	is $p->smtp->send_message('stranger@elsewhere.test', ['absent@second.test'], "Subject: x\n\nx\n") =~ /\A250/, 1,
		'without the right secret nobody can say: taken';
	$p->postroom_ok('lan-verifier', 'delete', 1) for 1 .. 2;
};

subtest 'Postfix' => sub {
	plan skip_all => 'needs root and Postfix' if $> != 0 || !find_program('postfix');
	my $postfix = Postroom::Peer->postfix(domain => 'third.test', user => 'friend', port => Postroom::Ports::port('127.0.0.1'));
	$p->postroom_ok('lan-rule', 'add', '--address', '*@old.test', '--server', "127.0.0.1:$postfix->{port}", '--rewrite', '*@third.test');
	my $id = submit('friend@old.test', 'for Postfix');
	my @files;
	wait_until(sub { @files = glob "$postfix->{maildir}/new/*"; @files }, 'Postfix has it', 30);
	my $text = read_file($files[0]);
	like $text, qr/^Subject: for Postfix$/m, 'the message';
	like $text, qr/^(?:Delivered-To|X-Original-To): friend\@third\.test$/m, 'for the address it was rewritten to';
	like $text, qr/^Return-Path: <stranger\@elsewhere\.test>$/m, 'from its sender';
	$p->wait_for(sub { !-e $p->dir . "/spool/active/$id" }, 'it has left the queue', 20);
	$postfix->stop;
};

$second->stop;
$p->stop;
done_testing;

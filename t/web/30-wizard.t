#!/usr/bin/perl
# The setup wizard, from a fresh instance to a message that a server got: what it asks, what it makes, what it leaves alone.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Browser qw(browse need_browser);
use Postroom::Pop3Server;
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

need_browser();
my $relay = Postroom::SmtpServer->start(auth => { me => 'isp-secret' });
my $mailbox = Postroom::Pop3Server->start(password => 'isp-secret');
my $p = Postroom::Test->start(users => { kate => 'kate-secret' }, relay => ['127.0.0.1']);

sub names { my ($what) = @_; return [map { $_->{name} } @{ $p->postroom_json($what, 'list') }] }

browse($p, 't/web/wizard.mjs', { relay => '127.0.0.1:' . $relay->port, server => '127.0.0.1:' . $mailbox->port });

subtest '01-4.2 what the wizard made' => sub {
	is_deeply names('connection'), ['isp'], 'one connection';
	my ($sender, @others) = @{ $p->postroom_json('sender', 'list') };
	is_deeply [$sender->{name}, $sender->{method}, $sender->{servers}, $sender->{username}, scalar @others],
		['isp', 'relay', '127.0.0.1:' . $relay->port, 'me', 0], 'one sender, by the relay, with a login';
	my ($collector, @more) = @{ $p->postroom_json('collector', 'list') };
	is_deeply [$collector->{name}, $collector->{method}, scalar @more], ['isp', 'pop3', 0], 'one collector';
	my %domain = map { $_->{name} => 1 } @{ $p->postroom_json('domain', 'list') };
	ok $domain{'example.com'} && $domain{'example.org'}, 'both local domains';
	my $schedule = $p->postroom_json('schedule', 'list');
	is_deeply [map { "$_->{name} $_->{enabled}" } @$schedule], ['isp off'], 'one item of the schedule, which is off';
	is scalar($mailbox->connections), 0, 'nothing was collected';
	done_testing;
};

subtest 'a message goes out by the relay' => sub {
	like $p->smtp->send_message('kate@example.com', ['x@far.test'], "Subject: out\n\nx\n"), qr/\A250/, 'taken';
	my ($message) = $relay->wait_messages(1);
	is $message->{to}[0], 'x@far.test', 'and sent';
	done_testing;
};

subtest 'a message is fetched and delivered' => sub {
	$mailbox->put("From: a\@x.test\nTo: kate\@example.org\nSubject: in\n\nx\n");
	$p->postroom_ok('connect', '--wait');
	$p->wait_for(sub {
		my $pop3 = $p->pop3;
		$pop3->login('kate', 'kate-secret');
		my ($count) = $pop3->stat;
		$pop3->quit;
		return $count;
	}, 'it is there');
	pass 'it is in the mailbox';
	done_testing;
};
$p->stop;
done_testing;

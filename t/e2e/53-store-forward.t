#!/usr/bin/perl
# Store and forward: a message waits in the Inbox until the user's other server has it.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Delivered;
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { map { $_ => "$_-secret" } qw(anna bob) }, set => { 'lan.retry' => 1 });
my $d = Postroom::Delivered->new($p);
my $domain = $p->domain;
my $server = Postroom::SmtpServer->start(auth => { fred => 'bibble' });

sub refused {
	my ($value, $pattern) = @_;
	my ($status, undef, $err) = $p->postroom('user', 'set', 'anna', 'store-forward', $value);
	is $status, 1, "$value is refused";
	return like $err, $pattern, 'with the reason';
}

subtest 'what it is set to' => sub {
	refused('anna@far.test', qr/store-forward must be SMTP:ADDRESS/);
	refused('SMTP:anna@far.test', qr/store-forward/);
	$p->postroom_ok('user', 'set', 'anna', 'store-forward' => "SMTP:anna\@far.test\@fred:bibble\@127.0.0.1:" . $server->port);
};

subtest '02-13.2 the server has it, and it leaves the Inbox' => sub {
	my $mark = $d->send;
	my ($message) = $server->wait_messages(1);
	is_deeply $message->{to}, ['anna@far.test'], 'the address there';
	is $message->{from}, 'sender@stranger.test', 'the sender';
	is $message->{user}, 'fred', 'with the login';
	like $message->{data}, qr/^X-Mark: \Q$mark\E\r$/m, 'the message';
	$d->settled;
	$d->is_not_in('anna', 'INBOX', $mark);
	is scalar($server->messages), 1, 'once';
	my $other = $d->send(to => ["bob\@$domain"]);
	$d->arrives('bob', 'INBOX', $other);
	unlike $p->log, qr/bibble/, 'no password in the log';
};

subtest '02-13.2 what is deleted meanwhile is not sent any more' => sub {
	$server->set_reply(RCPT => '451 4.3.2 down');
	my ($gone, $stays) = map { $d->send } 1 .. 2;
	$d->arrives('anna', 'INBOX', $_) for $gone, $stays;
	my $pop3 = $p->pop3;
	$pop3->login('anna', 'anna-secret');
	my ($count) = $pop3->stat;
	is $count, 2, 'both are in the Inbox';
	for my $number (1 .. $count) {
		like $pop3->cmd("DELE $number"), qr/\A\+OK/, 'deleted' if $pop3->retr($number) =~ /$gone/;
	}
	$pop3->quit;
	$server->set_reply(RCPT => undef);
	my $message = ($server->wait_messages(2))[1];
	like $message->{data}, qr/$stays/, 'the other one is sent';
	$d->settled;
	is scalar($server->messages), 2, 'and nothing else';
	$d->is_not_in('anna', 'INBOX', $_) for $gone, $stays;
	$p->wait_log(qr/is not sent on: it was deleted from the Inbox/);
};

subtest 'what goes elsewhere, or into another folder' => sub {
	$p->postroom_ok('user', 'rule', 'add', 'anna', '--condition', 'Subject contains aside', '--action', 'move Aside');
	my $mark = $d->send(header => ['Subject: aside']);
	$d->arrives('anna', 'Aside', $mark);
	$d->settled;
	is scalar($server->messages), 2, 'is not sent';
	$p->postroom_ok('user', 'unset', 'anna', 'store-forward');
	$mark = $d->send;
	$d->arrives('anna', 'INBOX', $mark);
};

$server->stop;
$p->stop;
done_testing;

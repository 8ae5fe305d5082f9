#!/usr/bin/perl
# Mail that its sender wants to go later (FUTURERELEASE, RFC 4865): offered to users, kept over crashes, sent once, and only if
# who wrote it still may.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Outgoing;
use Postroom::SmtpServer;
use Postroom::Test;
use POSIX qw(strftime);
use Test::More;
use Time::HiRes qw(time);

my $p = Postroom::Test->start(users => { map { $_ => "$_-secret" } qw(anna bert carl dora) });
my $domain = $p->domain;
my $out = Postroom::Outgoing->new($p);
my $server = Postroom::SmtpServer->start;
$p->postroom_ok(qw(sender set default --method relay --encryption none --servers), $server->address);

# A session behind a login.
sub session {
	my ($user) = @_;
	my $smtp = $p->smtp;
	$smtp->ehlo('client.test');
	$smtp->auth(PLAIN => $user, "$user-secret");
	$smtp->cmd('EHLO client.test');
	return $smtp;
}

# The id of a message that is taken to go later.
sub later {
	my ($user, $hold, $subject, @to) = @_;
	my $smtp = session($user);
	$smtp->cmd("MAIL FROM:<$user\@$domain> $hold");
	$smtp->cmd("RCPT TO:<$_>") for @to;
	$smtp->data("Subject: $subject\n\nlater\n");
	my ($id) = $smtp->last =~ /queued as (\S+)/ or die 'not taken: ' . $smtp->last;
	$smtp->quit;
	return $id;
}

my $stamp = sub { return strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $_[0]) };
my $subjects = sub { return scalar grep { /^Subject: $_[0]\r?$/m } map { $_->{data} } $server->messages };

subtest 'RFC 4865 who is offered it, and how far ahead' => sub {
	my $smtp = $p->smtp;
	$smtp->cmd('EHLO client.test');
	unlike $smtp->last, qr/FUTURERELEASE/, 'nobody is before a login';
	$smtp->cmd("MAIL FROM:<anna\@$domain> HOLDFOR=60");
	like $smtp->last, qr/\A555 5\.5\.4/, 'nor may anybody use it';
	$smtp->quit;
	$smtp = session('anna');
	my ($seconds, $until) = $smtp->last =~ /^250[- ]FUTURERELEASE (\d+) (\S+)/m;
	is $seconds, 90 * 86400, 'users are, for 90 days';
	ok defined $until && $until le $stamp->(time + 90 * 86400 + 60) && $until gt $stamp->(time + 89 * 86400), 'as a time, too';
	for my $wrong ('HOLDFOR=0', 'HOLDFOR=x', 'HOLDFOR', 'HOLDUNTIL=tomorrow', 'HOLDFOR=' . (91 * 86400), 'HOLDUNTIL=' . $stamp->(time + 91 * 86400),
		'HOLDFOR=60 HOLDUNTIL=' . $stamp->(time + 60)) {
		$smtp->cmd("MAIL FROM:<anna\@$domain> $wrong");
		like $smtp->last, qr/\A501 5\.5\.4/, "refused: $wrong";
	}
	$p->set('smtp.future-release' => 0);
	$smtp = session('anna');
	unlike $smtp->last, qr/FUTURERELEASE/, 'not where the administrator does not want it';
	$p->postroom_ok('unset', 'smtp.future-release');
	$smtp->quit;
};

subtest 'it waits for its time, and goes by itself' => sub {
	my $begun = time;
	my $id = later('anna', 'HOLDFOR=4', 'soon', 'x@there.test', "bert\@$domain");
	my $message = $out->wait_state($id, 'held on a timer');
	cmp_ok abs($message->{held_until} - $begun - 4), '<', 3, 'until then';
	$p->postroom_ok('queue', 'retry', '--all');
	$out->wait_gone($id);
	cmp_ok time - $begun, '>=', 3.5, 'not earlier, also where all mail is tried again';
	is $subjects->('soon'), 1, 'to other servers';
	is scalar(grep { /^Subject: soon\r?$/m } $out->wait_mails('bert', 1)), 1, 'and to users';
};

subtest 'kill -9, and a machine that was off at its time' => sub {
	my $id = later('anna', 'HOLDUNTIL=' . $stamp->(time + 86400), 'tomorrow', 'x@there.test');
	$out->wait_state($id, 'held on a timer');
	$p->kill_daemon('queue-manager');
	$out->wait_state($id, 'held on a timer');
	is $subjects->('tomorrow'), 0, 'it waits still';
	$out->change_database("UPDATE message SET release = strftime('%s', 'now') - 60");
	$out->wait_gone($id);
	is $subjects->('tomorrow'), 1, 'it went at once, once';
	my @ids = map { later('anna', 'HOLDFOR=2', 'burst', 'x@there.test') } 1 .. 10;
	$p->kill_daemon('queue-manager');
	$out->wait_gone($_) for @ids;
	is $subjects->('burst'), 10, 'each of ten went once while the queue-manager was killed';
};

subtest 'who wrote it is looked at again' => sub {
	my $id = later('carl', 'HOLDUNTIL=' . $stamp->(time + 86400), 'gone', 'x@there.test', "bert\@$domain");
	$out->wait_state($id, 'held on a timer');
	$p->postroom_ok('user', 'delete', 'carl', '--yes');
	$out->change_database("UPDATE message SET release = strftime('%s', 'now') - 1");
	$out->wait_gone($id);
	is $subjects->('gone'), 0, 'a user who was deleted sends nothing any more';
	is scalar($out->mails('bert')), 0, 'to nobody';
	$id = later('dora', 'HOLDUNTIL=' . $stamp->(time + 86400), 'inside', 'x@there.test', "bert\@$domain");
	$out->wait_state($id, 'held on a timer');
	$p->postroom_ok('user', 'set', 'dora', 'send.internet', 'off');
	$out->change_database("UPDATE message SET release = strftime('%s', 'now') - 1");
	$out->wait_gone($id);
	is $subjects->('inside'), 0, 'nor out of the house who may not any more';
	is scalar($out->wait_mails('bert', 1)), 1, 'inside it goes';
	like +($out->wait_mails('dora', 1))[0], qr{may\s+not\s+send\s+to\s+other\s+servers}, 'and the sender is told';
};

subtest 'an administrator sends it at once' => sub {
	my $id = later('anna', 'HOLDFOR=86400', 'now', 'x@there.test');
	$out->wait_state($id, 'held on a timer');
	$p->postroom_ok('queue', 'release', $id);
	$out->wait_gone($id);
	is $subjects->('now'), 1, 'released by hand';
};

$p->stop;
done_testing;

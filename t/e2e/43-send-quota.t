#!/usr/bin/perl
# Sending quotas: how much users may send in a period, what they hear beyond it, what the administrator sees of it.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(domain => 'mycompany.test', relay => [], users => { map { $_ => 'secret-Pw' } qw(anna bert carl) });
$p->postroom_ok('sender', 'set', 'default', '--method', 'relay', '--servers', '127.0.0.1:1');

sub attribute { return $p->postroom_ok('user', 'set', @_) }

sub login {
	my ($user) = @_;
	my $smtp = $p->smtp;
	$smtp->ehlo;
	$smtp->auth('PLAIN', $user, 'secret-Pw');
	return $smtp;
}

# Send one message in a session; the last reply.
sub send_one {
	my ($smtp, $from, $to, $body) = @_;
	$smtp->send_message("$from\@mycompany.test", $to, "To: someone\nSubject: x\n\n" . ($body // "x\n"));
	my $reply = $smtp->last;
	$smtp->cmd('RSET');
	return $reply;
}

sub usage {
	my ($user) = @_;
	return { map { $_->{measure} => "$_->{used}/$_->{limit}($_->{percent}%)" } @{ $p->postroom_json('user', 'quota', '--user', $user) } };
}

subtest '07-16.4 ten messages and twenty per cent' => sub {
	attribute('anna', 'send-quota.messages', 10);
	$p->set('send-quota.extra' => 20);
	my $smtp = login('anna');
	my @replies = map { send_one($smtp, 'anna', ['bert@mycompany.test']) } 1 .. 13;
	is scalar(grep { /\A250 / } @replies[0 .. 11]), 12, 'twelve are taken';
	like $replies[12], qr/\A451 4\.7\.1 /, 'the thirteenth is refused';
	like send_one(login('anna'), 'anna', ['bert@mycompany.test']), qr/\A451 4\.7\.1 /, 'also in another session';
	like send_one(login('bert'), 'bert', ['anna@mycompany.test']), qr/\A250 /, 'others go on';
	is_deeply usage('anna'), { messages => '12/10(120%)' }, 'what the administrator sees';
	is_deeply usage('bert'), {}, 'nothing of who has no limit';
	$p->wait_log(qr/smtpd\[\d+\]: info: uid=\d+ has sent too much: messages/);
	attribute('anna', 'send-quota.messages', 11);
	like send_one(login('anna'), 'anna', ['bert@mycompany.test']), qr/\A250 /, 'a higher limit counts at once';
	$p->set('send-quota.extra' => 0);
	$p->postroom_ok('user', 'unset', 'anna', 'send-quota.messages');
	like send_one($smtp, 'anna', ['bert@mycompany.test']), qr/\A250 /, 'none: in the first session, too';
};

subtest 'recipients, here and elsewhere' => sub {
	attribute('bert', 'send-quota.recipients', 4, 'send-quota.remote-recipients', 1);
	my $smtp = login('bert');
	$smtp->cmd('MAIL FROM:<bert@mycompany.test>');
	my @codes = map { 0 + $smtp->cmd("RCPT TO:<$_>") } 'anna@mycompany.test', 'x@far.example', 'y@far.example', 'carl@mycompany.test',
		'bert@mycompany.test', 'postmaster@mycompany.test';
	is "@codes", '250 250 452 250 250 452', 'each by its limits';
	like $smtp->last, qr/\A452 4\.5\.3 /, 'with its code';
	$smtp->data("To: all\n\nx\n");
	like $smtp->last, qr/\A250 /, 'those that were accepted get it';
	is_deeply usage('bert'), { 'recipients' => '4/4(100%)', 'remote-recipients' => '1/1(100%)' }, 'all is used';
	like send_one($smtp, 'bert', ['anna@mycompany.test']), qr/\A452 4\.5\.3 /, 'the next recipient is one too many';
	$p->postroom_ok('user', 'unset', 'bert', 'send-quota.recipients', 'send-quota.remote-recipients');
};

subtest 'messages elsewhere' => sub {
	attribute('carl', 'send-quota.remote-messages', 1);
	my $smtp = login('carl');
	like send_one($smtp, 'carl', ['x@far.example']), qr/\A250 /, 'the first';
	like send_one($smtp, 'carl', ['x@far.example']), qr/\A451 4\.7\.1 /, 'the second';
	like send_one($smtp, 'carl', ['anna@mycompany.test']), qr/\A250 /, 'to a colleague';
	$p->postroom_ok('user', 'unset', 'carl', 'send-quota.remote-messages');
};

subtest '08-9.5 octets, and octets times recipients' => sub {
	attribute('carl', 'send-quota.octets-recipients', 10000, 'send-quota.octets', 5000, 'send-quota.messages', 100);
	my $smtp = login('carl');
	my $before = usage('carl');
	like send_one($smtp, 'carl', [map { "$_\@mycompany.test" } qw(anna bert carl)], 'x' x 900 . "\n"), qr/\A250 /, 'to three';
	my $after = usage('carl');
	my %used = map { $_ => ($after->{$_} =~ m{(\d+)/})[0] - ($before->{$_} =~ m{(\d+)/})[0] } keys %$after;
	cmp_ok $used{octets}, '>', 900, 'octets';
	is $used{'octets-recipients'}, 3 * $used{octets}, 'three times as much with the recipients';
	is $used{messages}, 1, 'one message';
	is $smtp->cmd('MAIL FROM:<carl@mycompany.test> SIZE=6000'), 451, 'refused by its declared size';
	like send_one($smtp, 'carl', ['anna@mycompany.test'], join '', ('x' x 70 . "\n") x 80), qr/\A451 4\.7\.1 /, 'or when it is there';
	is_deeply usage('carl'), $after, 'what is refused does not count';
	$p->postroom_ok('user', 'unset', 'carl', map { "send-quota.$_" } qw(octets-recipients octets messages));
};

subtest 'a period' => sub {
	attribute('anna', 'send-quota.messages', 1, 'send-quota.period', 'day');
	my ($row) = @{ $p->postroom_json('user', 'quota', '--user', 'anna') };
	my @local = localtime $row->{since};
	is "@local[0 .. 2]", '0 0 0', 'from midnight';
	my ($status, undef, $err) = $p->postroom('user', 'set', 'anna', 'send-quota.period', 'year');
	like $err, qr/send-quota\.period must be hours, day, week or month, not "year"/, 'there is no such period';
	($status, undef, $err) = $p->postroom('user', 'quota', '--user', 'nobody');
	like $err, qr/there is no user "nobody"/, 'and no such user';
	like $p->postroom_ok('user', 'quota'), qr/^anna +messages +\d+ +1 /m, 'of all';
};

subtest 'policyd is away: not now' => sub {
	$p->kill_daemon('policyd', 'STOP');
	my $smtp = login('anna');
	is $smtp->cmd('MAIL FROM:<anna@mycompany.test>'), 451, 'who has a limit has to wait';
	like $smtp->last, qr/\A451 4\.3\.0 /, 'with its code';
	is login('bert')->cmd('MAIL FROM:<bert@mycompany.test>'), 250, 'who has none is not asked about';
	$p->kill_daemon('policyd', 'CONT');
};

$p->stop;
done_testing;

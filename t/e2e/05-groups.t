#!/usr/bin/perl
# What groups force, and what there must always be: in every service, not in the settings alone.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { map { $_ => "$_-secret" } qw(anna bert carl) }, relay => ['127.0.0.9']);

sub refused {
	my ($pattern, @command) = @_;
	my ($status, undef, $err) = $p->postroom(@command);
	is $status, 1, "refused: @command";
	return like $err, $pattern, 'says why';
}

sub as_user {
	my ($user) = @_;
	my $smtp = $p->smtp(service => 'submission');
	$smtp->ehlo('client.test');
	$smtp->starttls;
	$smtp->ehlo('client.test');
	return ($smtp, $smtp->auth('PLAIN', $user, "$user-secret"));
}

sub by_pop3 { my ($user) = @_; return $p->pop3->login($user, "$user-secret") }
sub count { my ($user) = @_; my $pop3 = $p->pop3; $pop3->login($user, "$user-secret"); my ($count) = $pop3->stat; $pop3->quit; return $count }

# Replies to RCPT of a message that a user sends.
sub rcpt {
	my ($user, @to) = @_;
	my ($smtp) = as_user($user);
	$smtp->cmd("MAIL FROM:<$user\@example.test>");
	my @codes = map { scalar $smtp->cmd("RCPT TO:<$_>") } @to;
	$smtp->quit;
	return @codes;
}

$p->postroom_ok('group', 'add', 'form3');

subtest '01-8.1 a group that is not enabled' => sub {
	$p->postroom_ok('group', 'add-member', 'form3', $_, '--primary') for qw(anna bert);
	$p->postroom_ok('group', 'set', 'form3', 'enabled', 'off');
	my $wrong = $p->pop3->login('carl', 'wrong-secret');
	is by_pop3('anna'), $wrong, 'POP3 answers as to a wrong password';
	my $imap = $p->imap;
	$imap->login('bert', 'bert-secret');
	ok !$imap->is_ok, 'IMAP refuses';
	is((as_user('anna'))[1], 535, 'SMTP refuses');
	like by_pop3('carl'), qr/\A\+OK/, 'others are not concerned';
	like $p->smtp->send_message('x@far.test', ['anna@example.test'], "Subject: x\n\ny\n"), qr/\A250 /, 'mail is still taken';
	$p->postroom_ok('group', 'unset', 'form3', 'enabled');
	like by_pop3('anna'), qr/\A\+OK/, 'on again, at once';
	$p->wait_for(sub { count('anna') == 1 }, 'and the mail is there', 20);
};

subtest '01-8.2 01-8.3 values that a group gives, or forces' => sub {
	$p->postroom_ok('group', 'add', 'quiet');
	$p->postroom_ok('group', 'set', 'quiet', 'send.internet', 'off');
	$p->postroom_ok('group', 'add-member', 'quiet', 'carl', '--primary');
	is_deeply [rcpt('carl', 'far@away.test', 'anna@example.test')], [550, 250], 'who joins gets the value';
	$p->postroom_ok('user', 'set', 'carl', 'send.internet', 'on');
	is_deeply [rcpt('carl', 'far@away.test')], [250], 'which may be changed';
	$p->postroom_ok('group', 'set', 'quiet', 'force', 'on');
	is_deeply [rcpt('carl', 'far@away.test', 'anna@example.test')], [550, 250], 'forced: whatever is his own';
	refused(qr/the group quiet forces send\.internet of the user carl/, 'user', 'set', 'carl', 'send.internet', 'on');
	$p->postroom_ok('group', 'unset', 'quiet', 'send.internet');
	is_deeply [rcpt('carl', 'far@away.test')], [250], 'what the group leaves open is his own again, though it forces';
};

subtest '01-8.5 the largest message of a group' => sub {
	$p->postroom_ok('group', 'set', 'quiet', 'send.max-size', 102400);
	my ($smtp) = as_user('carl');
	is $smtp->cmd('MAIL FROM:<carl@example.test> SIZE=153600'), 250, 'nothing is known of recipients yet';
	is $smtp->cmd('RCPT TO:<far@away.test>'), 552, 'too large to leave';
	is $smtp->cmd('RCPT TO:<anna@example.test>'), 250, 'but not to stay inside';
	$p->postroom_ok('group', 'unset', 'quiet', 'send.max-size');
};

subtest '01-8.7 a group that gets no mail from outside' => sub {
	$p->postroom_ok('group', 'set', 'quiet', 'receive.internet', 'off');
	my $smtp = $p->smtp;
	$smtp->ehlo('far.test');
	$smtp->cmd('MAIL FROM:<x@far.test>');
	is $smtp->cmd('RCPT TO:<carl@example.test>'), 550, 'strangers: nobody';
	is_deeply [rcpt('anna', 'carl@example.test')], [250], 'from inside: he is there';
	$p->postroom_ok('group', 'unset', 'quiet', 'receive.internet');
};

subtest '01-6.2 02-3.7 there is always an administrator' => sub {
	my $last = qr/there must be an enabled user who is an administrator/;
	refused($last, 'user', 'set', '*', 'administrator', 'off');
	refused($last, 'user', 'set', 'postmaster', 'enabled', 'off');
	my ($status, undef, $err) = $p->postroom({ stdin => "name,administrator\npostmaster,off\n" }, 'user', 'import', '--update', '-');
	is $status, 1, 'nor by a table';
	like $err, $last, 'says why';
	$p->postroom_ok('group', 'set', 'form3', 'administrator', 'off', 'force', 'on');
	refused($last, 'group', 'add-member', 'form3', 'postmaster', '--primary');
	refused($last, 'user', 'delete', 'postmaster');
	$p->postroom_ok('user', 'set', 'carl', 'administrator', 'on');
	$p->postroom_ok('user', 'set', 'postmaster', 'administrator', 'off');
	refused($last, 'user', 'set', 'carl', 'administrator', 'off');
	$p->postroom_ok('user', 'set', 'postmaster', 'administrator', 'on');
};

subtest '02-3.5 02-10.1 02-10.2 what goes with a user' => sub {
	$p->postroom_ok('mapping', 'add', 'sales', 'bert');
	$p->postroom_ok('list', 'add', 'team', 'bert', 'anna');
	is_deeply [map { $_->{pattern} } @{ $p->postroom_json('mapping', 'list', '--target', 'bert') }], ['sales'], 'his aliases';
	is $p->smtp->send_message('x@far.test', ['sales@example.test'], "Subject: x\n\ny\n") =~ /\A250 / ? 1 : 0, 1, 'mail to one';
	$p->wait_for(sub { count('bert') == 1 }, 'arrives', 20);
	$p->postroom_ok('user', 'delete', 'bert', '--yes');
	my $smtp = $p->smtp;
	$smtp->ehlo('far.test');
	$smtp->cmd('MAIL FROM:<x@far.test>');
	is $smtp->cmd('RCPT TO:<sales@example.test>'), 550, 'unknown, once he is gone';
	is_deeply [map { $_->{address} } @{ $p->postroom_json('list', 'member', 'list', 'team') }], ['anna'], 'he left all lists';
	is_deeply $p->postroom_json('mapping', 'list'), [], 'and his aliases are gone';
};

$p->stop;
done_testing;

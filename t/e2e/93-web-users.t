#!/usr/bin/perl
# What administrators see of users in the browser, and users of their folders: signs of autoresponders and locks, access that is
# off, passwords that nothing shows.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Test;
use Postroom::Webmail;
use POSIX qw(strftime);
use Test::More;

my $p = Postroom::Test->start(users => { map { $_ => "$_-secret" } qw(anna bob carl) });
my $domain = $p->domain;
my $admin = Postroom::Webmail->new($p, 'postmaster', $p->password);
my $anna = Postroom::Webmail->new($p, 'anna', 'anna-secret');

# The row of the list of users.
sub row {
	my ($name) = @_;
	return (grep { $_->{name} eq $name } @{ $admin->ok(GET => '/users')->{items} })[0];
}

sub pop3 {
	my (%options) = @_;
	return $p->pop3(local => '127.0.0.2', %options);
}

subtest '02-2.1 an autoresponder by its dates' => sub {
	is row('anna')->{responder}, 'none', 'without one';
	$anna->ok(POST => '/me/items/autoresponder', { name => 'Away', text => ['I am away'] });
	my $number = $anna->ok(POST => '/me/items/autoresponder-rule',
		{ name => 'Away', responder => 'Away', 'date-from' => '2016-08-01', 'date-to' => '2016-08-14' })->{number};
	is row('anna')->{responder}, 'inactive', 'on another date';
	my ($from, $to) = map { strftime('%Y-%m-%d', localtime(time + $_ * 86400)) } -1, 1;
	$anna->ok(PATCH => "/me/items/autoresponder-rule/$number", { 'date-from' => $from, 'date-to' => $to });
	is row('anna')->{responder}, 'active', 'when today is within them';
};

subtest '02-2.4 the padlock' => sub {
	$p->set('login.lockout-failures' => 3, 'login.lockout-time' => 6);
	ok !row('bob')->{locked}, 'there is none at first';
	for (1 .. 3) {
		my $pop3 = pop3();
		$pop3->login('bob', 'wrong');
		$pop3->quit;
	}
	$p->wait_for(sub { row('bob')->{locked} }, 'a padlock after three wrong passwords', 3);
	unlike pop3()->login('bob', 'bob-secret'), qr/\A\+OK/, 'which means what it says';
	$p->wait_for(sub { !row('bob')->{locked} }, 'it disappears when the time is over', 20);
	like pop3()->login('bob', 'bob-secret'), qr/\A\+OK/, 'and the account is open';
	$p->postroom_ok('unset', $_) for 'login.lockout-failures', 'login.lockout-time';
};

subtest '02-4.1 access that is off' => sub {
	$p->postroom_ok('user', 'set', 'carl', 'enabled', 'off');
	my $smtp = $p->smtp;
	like $smtp->send_message("anna\@$domain", ["carl\@$domain"], "Subject: x\n\nx\n"), qr/\A250/, 'mail is delivered';
	my ($right, $wrong) = map { pop3()->login('carl', $_) } 'carl-secret', 'wrong';
	like $right, qr/\A-ERR/, 'POP3 refuses the right password';
	is $right, $wrong, 'in the words for a wrong one';
	my $refused = !eval { Postroom::Webmail->new($p, 'carl', 'carl-secret') };
	ok $refused, 'the web, too';
	$p->postroom_ok('user', 'set', 'carl', 'administrator', 'on');
	ok eval { Postroom::Webmail->new($p, 'carl', 'carl-secret')->ok(GET => '/users') }, 'but not to an administrator'
		or diag $@;
	like pop3()->login('carl', 'carl-secret'), qr/\A-ERR/, 'whom POP3 refuses all the same';
};

subtest '05-17.8 names of folders for new accounts' => sub {
	$anna->ok(GET => '/mail/folders');
	$p->set('mailbox.drafts-folder' => 'Unfinished', 'mailbox.sent-folder' => 'Gone');
	$p->add_user('dora', 'dora-secret');
	my $dora = Postroom::Webmail->new($p, 'dora', 'dora-secret');
	my %of = map { my $who = $_; ($who => { map { ($_->{use} // '') => $_->{name} } @{ $who->ok(GET => '/mail/folders')->{items} } }) } $dora, $anna;
	is_deeply [@{ $of{$dora} }{qw(drafts sent)}], ['Unfinished', 'Gone'], 'a new account gets them';
	is_deeply [@{ $of{$anna} }{qw(drafts sent)}], ['Drafts', 'Sent Items'], 'an old one keeps its own';
	is $dora->ok(POST => '/mail/drafts', { text => 'x' })->{folder}, 'Unfinished', 'drafts go there';
};

subtest '02-5.4 passwords are shown nowhere' => sub {
	$admin->ok(PUT => '/users/anna/password', { password => 'Seen-Never-7' });
	$p->postroom_ok({ stdin => "Seen-Never-8\n" }, qw(sender set default --method relay --servers relay.test --user me --password-stdin));
	my @answers = map { ($admin->raw(GET => $_))[1] } '/users', '/users/anna', '/users/anna/attributes', '/users/export', '/senders',
		'/senders/default', '/settings', '/me';
	unlike $_, qr/Seen-Never/, 'not in what the API answers' for @answers;
	unlike $p->postroom_ok('export'), qr/Seen-Never/, 'nor in an export';
	$p->settle_log;
	unlike $p->log, qr/Seen-Never|anna-secret/, 'nor in the log';
};

$p->stop;
done_testing;

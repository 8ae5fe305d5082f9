#!/usr/bin/perl
# Rights of users: what they may log in to and until when, whom they may write to, who may write to them, how much.
use strict;
use warnings;
use lib 't/lib';
use POSIX qw(strftime);
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(domain => 'mycompany.test', users => { map { $_ => 'secret-Pw' } qw(anna bert carl) });

# The tagged response to LOGIN, without its tag.
sub imap_login { return $p->imap->login($_[0], 'secret-Pw')->{raw} =~ s/\A\S+ //r }

sub smtp_login {
	my ($user) = @_;
	my $smtp = $p->smtp;
	$smtp->ehlo;
	$smtp->auth('PLAIN', $user, 'secret-Pw');
	return $smtp;
}

# The reply to RCPT of a session that is logged in as $user, or to its MAIL where that is refused.
sub rcpt {
	my ($user, $to, $parameters) = @_;
	my $smtp = smtp_login($user);
	if ($smtp->cmd("MAIL FROM:<$user\@mycompany.test>" . ($parameters // '')) == 250) { $smtp->cmd("RCPT TO:<$to>") }
	my $reply = $smtp->last;
	$smtp->quit;
	return $reply;
}

# The reply to RCPT of a stranger.
sub stranger_rcpt {
	my ($from, $to) = @_;
	my $smtp = $p->smtp;
	$smtp->ehlo;
	$smtp->cmd("MAIL FROM:<$from>");
	$smtp->cmd("RCPT TO:<$to>");
	my $reply = $smtp->last;
	$smtp->quit;
	return $reply;
}

sub attribute { return $p->postroom_ok('user', 'set', @_) }

subtest '02-9.1 allowed protocols' => sub {
	attribute('anna', 'protocols', 'smtp, pop3');
	is imap_login('anna'), imap_login('nobody'), 'IMAP answers as for an unknown user';
	like imap_login('anna'), qr/\ANO /, 'which is NO';
	like $p->pop3->login('anna', 'secret-Pw'), qr/\A\+OK/, 'POP3 still works';
	is smtp_login('anna')->code, 235, 'and SMTP';
	attribute('anna', 'protocols', 'imap');
	like imap_login('anna'), qr/\AOK /, 'IMAP again';
	is smtp_login('anna')->code, 535, 'and SMTP no more';
	$p->wait_log(qr/user=anna .*reason=protocol not allowed for this user/);
	attribute('anna', 'protocols', 'pop3');
	$p->access('pop3', '0|2|127.0.0.1|32|0||', '1|0||0|0||');
	unlike $p->pop3->greeting, qr/\A\+OK/, 'the access list comes first';
	$p->postroom_ok('access', 'defaults', '--list', 'pop3');
	$p->postroom_ok('user', 'unset', 'anna', 'protocols');
};

subtest '02-4.2 an account expires at the end of a day' => sub {
	my $day = 24 * 60 * 60;
	$p->set('login.lockout-failures' => 0);
	attribute('bert', 'expires', strftime('%Y-%m-%d', localtime));
	like $p->pop3->login('bert', 'secret-Pw'), qr/\A\+OK/, 'on the last day';
	attribute('bert', 'expires', strftime('%Y-%m-%d', localtime(time - $day)));
	is $p->pop3->login('bert', 'secret-Pw'), $p->pop3->login('bert', 'wrong'), 'after it, as with a wrong password';
	$p->wait_log(qr/user=bert .*reason=account expired/);
	like stranger_rcpt('x@outside.example', 'bert@mycompany.test'), qr/\A250 /, 'mail still comes';
	my ($status, undef, $err) = $p->postroom('user', 'set', 'bert', 'expires', '2026-02-30');
	like $err, qr/expires must be a day, as 2026-12-31/, 'no such day';
	$p->postroom_ok('user', 'unset', 'bert', 'expires');
	like $p->pop3->login('bert', 'secret-Pw'), qr/\A\+OK/, 'never';
};

subtest 'lists in the command line, exported and imported' => sub {
	$p->postroom_ok('permission', 'add', 'target-black', '*@Bad.Example');
	$p->postroom_ok('permission', 'add', 'Sender-White', 'boss@corp.example', '--user', 'carl');
	is_deeply $p->postroom_json('permission', 'list'), [
		{ list => 'target-black', user => '', pattern => '*@bad.example' },
		{ list => 'sender-white', user => 'carl', pattern => 'boss@corp.example' },
	], 'all of them';
	is_deeply $p->postroom_json('permission', 'list', '--user', 'carl'),
		[{ list => 'sender-white', user => 'carl', pattern => 'boss@corp.example' }], 'those of a user';
	for my $wrong ([qr/a list is target-white, .*not "black"/, 'add', 'black', '*@x.example'],
		[qr/"bad\.example" is no pattern of addresses/, 'add', 'target-black', 'bad.example'],
		[qr/is on the list already/, 'add', 'target-black', '*@bad.EXAMPLE'],
		[qr/is not on the list/, 'remove', 'target-white', '*@bad.example'],
		[qr/there is no user "eve"/, 'add', 'target-black', '*@x.example', '--user', 'eve']) {
		my ($reason, @arguments) = @$wrong;
		my ($status, undef, $err) = $p->postroom('permission', @arguments);
		is $status, 1, "refused: @arguments";
		like $err, $reason, 'says why';
	}
	my $text = $p->postroom_ok('export');
	like $text, qr/^\[permission\]\nlist = sender-white\nuser = carl\npattern = boss\@corp\.example$/m, 'export';
	$p->postroom_ok('permission', 'remove', 'target-black', '*@bad.example');
	$p->postroom_ok('permission', 'add', 'target-black', '*@worse.example', '--user', 'anna');
	my $changes = $p->postroom_ok({ stdin => $text }, 'import', '-');
	like $changes, qr/\*\@bad\.example added to the list target-black of all/, 'import adds';
	like $changes, qr/\*\@worse\.example removed from the list target-black of user anna/, 'and removes';
	is $p->postroom_ok('export'), $text, 'the round trip';
	$p->postroom_ok('permission', 'remove', 'target-black', '*@bad.example');
	$p->postroom_ok('permission', 'remove', 'sender-white', 'boss@corp.example', '--user', 'carl');
};

$p->stop;
done_testing;

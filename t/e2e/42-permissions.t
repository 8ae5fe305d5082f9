#!/usr/bin/perl
# Rights of users: what they may log in to and until when, whom they may write to, who may write to them, how much.
use strict;
use warnings;
use lib 't/lib';
use POSIX qw(strftime);
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(domain => 'mycompany.test', relay => [], users => { map { $_ => 'secret-Pw' } qw(anna bert carl) });

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

subtest '02-3.1 names of users' => sub {
	for my $wrong (['a b', qr/consists of letters, digits/], ['x@y', qr/consists of letters, digits/], ['x' x 33, qr/at most 32 characters/],
		['', qr/must not be empty/], ['BERT', qr/exists already/], ["\x{c3}\x{a4}nne", qr/consists of letters, digits/]) {
		my ($name, $rule) = @$wrong;
		my ($status, undef, $err) = $p->postroom('user', 'add', $name, '--no-password');
		is $status, 1, "\"$name\" is refused";
		like $err, $rule, 'with the rule';
	}
	$p->postroom_ok('user', 'add', 'a.b_c-1', '--no-password');
	my @names = sort map { $_->{name} } @{ $p->postroom_json('user', 'list') };
	is_deeply \@names, ['a.b_c-1', 'anna', 'bert', 'carl', 'postmaster'], 'the one that is right is there, no other';
};

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

# The reply to the end of a message of who is logged in as $user, or to what was refused before it.
sub submit {
	my ($user, $from, $to, $message) = @_;
	my $smtp = smtp_login($user);
	$smtp->send_message($from, $to, $message);
	my $reply = $smtp->last;
	$smtp->quit;
	return $reply;
}

# Recipients of who is logged in as $user, each with the code that is wanted.
sub rcpt_codes {
	my ($user, %expected) = @_;
	return is_deeply { map { $_ => substr rcpt($user, $_), 0, 3 } keys %expected }, \%expected, "RCPT of $user";
}

subtest '07-9.1 all lists are empty' => sub {
	rcpt_codes('anna', 'x@bad.test' => 250, 'bert@mycompany.test' => 250);
	like stranger_rcpt('x@spam.test', 'anna@mycompany.test'), qr/\A250 /, 'from outside';
};

subtest '02-9.2 sending to the Internet' => sub {
	attribute('anna', 'send.internet', 'off');
	rcpt_codes('anna', 'bert@mycompany.test' => 250, 'x@far.example' => 550);
	like rcpt('anna', 'x@far.example'), qr/\A550 5\.7\.1 /, 'with its code';
	rcpt_codes('bert', 'x@far.example' => 250);
	$p->postroom_ok('user', 'unset', 'anna', 'send.internet');
	$p->postroom_ok('permission', 'add', 'target-black', '*@bad.example', '--user', 'anna');
	rcpt_codes('anna', 'x@bad.example' => 550, 'x@ok.example' => 250);
	$p->postroom_ok('permission', 'remove', 'target-black', '*@bad.example', '--user', 'anna');
	$p->postroom_ok('permission', 'add', 'target-white', '*@ok.example', '--user', 'anna');
	rcpt_codes('anna', 'x@ok.example' => 250, 'x@other.example' => 550, 'bert@mycompany.test' => 250);
	rcpt_codes('bert', 'x@other.example' => 250);
	$p->postroom_ok('permission', 'remove', 'target-white', '*@ok.example', '--user', 'anna');
};

subtest '07-9.2 the global black list, and the white list of a user' => sub {
	$p->postroom_ok('permission', 'add', 'target-black', '*@bad.test');
	rcpt_codes('anna', 'x@bad.test' => 550, 'x@good.test' => 250, 'bert@mycompany.test' => 250);
	$p->postroom_ok('permission', 'add', 'target-white', 'x@bad.test', '--user', 'anna');
	rcpt_codes('anna', 'x@bad.test' => 250, 'y@bad.test' => 550);
	rcpt_codes('bert', 'x@bad.test' => 550);
	$p->postroom_ok('permission', 'remove', 'target-white', 'x@bad.test', '--user', 'anna');
	$p->postroom_ok('permission', 'remove', 'target-black', '*@bad.test');
};

subtest '07-9.3 the global white list' => sub {
	$p->postroom_ok('permission', 'add', 'target-black', 'a@ok.test', '--user', 'anna');
	$p->postroom_ok('permission', 'add', 'target-white', '*@ok.test');
	rcpt_codes('anna', 'a@ok.test' => 550, 'b@ok.test' => 250, 'c@other.test' => 550);
	rcpt_codes('bert', 'a@ok.test' => 250, 'c@other.test' => 550);
	$p->postroom_ok('permission', 'remove', 'target-black', 'a@ok.test', '--user', 'anna');
	$p->postroom_ok('permission', 'remove', 'target-white', '*@ok.test');
};

sub messages {
	my ($user) = @_;
	my $pop3 = $p->pop3;
	$pop3->login($user, 'secret-Pw');
	my ($count) = $pop3->stat;
	$pop3->quit;
	return $count;
}

subtest '07-9.4 the global black list of senders' => sub {
	$p->postroom_ok('permission', 'add', 'sender-black', '*@spam.test');
	is stranger_rcpt('x@spam.test', 'anna@mycompany.test'), stranger_rcpt('x@spam.test', 'nobody@mycompany.test'),
		'as if there was no such user';
	like stranger_rcpt('x@fine.test', 'anna@mycompany.test'), qr/\A250 /, 'others may';
	like stranger_rcpt('', 'anna@mycompany.test'), qr/\A250 /, 'and delivery reports';
	$p->postroom_ok('permission', 'add', 'sender-white', 'boss@spam.test', '--user', 'bert');
	like stranger_rcpt('boss@spam.test', 'bert@mycompany.test'), qr/\A250 /, 'who is on a white list of the user';
	like stranger_rcpt('boss@spam.test', 'carl@mycompany.test'), qr/\A550 /, 'which is for him alone';
	$p->postroom_ok('permission', 'remove', 'sender-white', 'boss@spam.test', '--user', 'bert');
	$p->postroom_ok('permission', 'remove', 'sender-black', '*@spam.test');
};

subtest '02-9.3 receiving from the Internet' => sub {
	attribute('anna', 'receive.internet', 'off');
	$p->postroom_ok('mapping', 'add', 'both', $_) for 'anna', 'bert';
	is stranger_rcpt('x@far.example', 'anna@mycompany.test'), stranger_rcpt('x@far.example', 'nobody@mycompany.test'),
		'outside senders hear what they hear of an unknown address';
	rcpt_codes('bert', 'anna@mycompany.test' => 250);
	my %before = map { $_ => messages($_) } 'anna', 'bert';
	my $smtp = $p->smtp;
	$smtp->ehlo;
	like $smtp->send_message('x@far.example', ['both@mycompany.test'], "Subject: to both\n\nx\n"), qr/\A250/,
		'one of two behind an address';
	$p->wait_for(sub { messages('bert') == $before{bert} + 1 }, 'the message to bert');
	is messages('anna'), $before{anna}, 'he alone gets it';
	$p->postroom_ok('mapping', 'delete', 'both', $_) for 'anna', 'bert';
	$p->postroom_ok('user', 'unset', 'anna', 'receive.internet');
};

subtest '02-9.4 blind copies' => sub {
	attribute('anna', 'send.bcc', 'off');
	my @to = map { "$_\@mycompany.test" } 'bert', 'carl';
	like submit('anna', 'anna@mycompany.test', \@to, "To: bert\@mycompany.test\nSubject: x\n\nx\n"), qr/\A550 5\.7\.1 /,
		'one recipient is not named';
	like submit('anna', 'anna@mycompany.test', \@to,
		"To: bert\@mycompany.test\nCc: \"Carl, the\" <CARL\@MyCompany.test>\nSubject: x\n\nx\n"), qr/\A250 /, 'all are named';
	like submit('bert', 'bert@mycompany.test', \@to, "To: bert\@mycompany.test\nSubject: x\n\nx\n"), qr/\A250 /,
		'somebody else may';
	$p->postroom_ok('user', 'unset', 'anna', 'send.bcc');
};

subtest '02-9.5 the size of messages to the Internet' => sub {
	attribute('anna', 'send.max-size', '102400');
	like rcpt('anna', 'x@far.example', ' SIZE=200000'), qr/\A552 5\.3\.4 /, 'as declared';
	like rcpt('anna', 'bert@mycompany.test', ' SIZE=200000'), qr/\A250 /, 'to a local user';
	my $large = "To: x\@far.example\nSubject: x\n\n" . ('x' x 70 . "\n") x 2000;
	like submit('anna', 'anna@mycompany.test', ['x@far.example'], $large), qr/\A552 5\.3\.4 /, 'not declared';
	like submit('anna', 'anna@mycompany.test', ['bert@mycompany.test'], $large), qr/\A250 /, 'to a local user';
	$p->postroom_ok('user', 'unset', 'anna', 'send.max-size');
};

subtest '02-4.5 06-9.3 06-9.6 what a group forces' => sub {
	$p->postroom_ok('group', 'add', 'inside');
	$p->postroom_ok('group', 'set', 'inside', 'force', 'on', 'send.internet', 'off');
	attribute('carl', 'send.internet', 'on');
	$p->postroom_ok('group', 'add-member', 'inside', 'carl', '--primary');
	rcpt_codes('carl', 'x@far.example' => 550, 'bert@mycompany.test' => 250);
	$p->postroom_ok('group', 'unset', 'inside', 'send.internet');
	rcpt_codes('carl', 'x@far.example' => 250);
	$p->postroom_ok('group', 'set', 'inside', 'send.max-size', '102400');
	like rcpt('carl', 'x@far.example', ' SIZE=200000'), qr/\A552 /, 'a large message to outside';
	like rcpt('carl', 'bert@mycompany.test', ' SIZE=200000'), qr/\A250 /, 'the same to a colleague';
	$p->postroom_ok('group', 'delete', 'inside');
};

subtest 'addresses that a user may send as' => sub {
	my $mail = sub {
		my ($from) = @_;
		my $smtp = smtp_login('anna');
		$smtp->cmd("MAIL FROM:<$from>");
		return substr $smtp->last, 0, 9;
	};
	$p->postroom_ok('mapping', 'add', 'info', 'anna');
	attribute('anna', 'send.addresses', 'own, *@club.example');
	is $mail->('anna@mycompany.test'), '250 2.1.0', 'her own';
	is $mail->('info@mycompany.test'), '250 2.1.0', 'an alias';
	is $mail->('anna@club.example'), '250 2.1.0', 'one that is listed';
	is $mail->('bert@mycompany.test'), '553 5.7.1', 'another user\'s';
	is $mail->('x@far.example'), '553 5.7.1', 'somebody else\'s';
	is $mail->(''), '250 2.1.0', 'none at all, as for receipts';
	my @to = ('bert@mycompany.test');
	like submit('anna', 'anna@mycompany.test', \@to, "From: Bert <bert\@mycompany.test>\nTo: $to[0]\n\nx\n"), qr/\A553 5\.7\.1 /,
		'From counts as well';
	like submit('anna', 'anna@mycompany.test', \@to, "From: Anna <INFO\@mycompany.test>\nTo: $to[0]\n\nx\n"), qr/\A250 /, 'an alias';
	$p->postroom_ok('user', 'unset', 'anna', 'send.addresses');
	is $mail->('bert@mycompany.test'), '250 2.1.0', 'any, by default';
};

subtest 'without a login the sender\'s address restricts, and never permits' => sub {
	$p->relay('127.0.0.1');
	attribute('anna', 'send.internet', 'off');
	$p->postroom_ok('permission', 'add', 'target-black', '*@bad.test');
	$p->postroom_ok('permission', 'add', 'target-white', 'x@bad.test', '--user', 'bert');
	like stranger_rcpt('anna@mycompany.test', 'x@far.example'), qr/\A550 5\.7\.1 /, 'as anna';
	like stranger_rcpt('bert@mycompany.test', 'x@far.example'), qr/\A250 /, 'as bert';
	like stranger_rcpt('bert@mycompany.test', 'x@bad.test'), qr/\A550 5\.7\.1 /, 'his list is for who logged in';
	like rcpt('bert', 'x@bad.test'), qr/\A250 /, 'as he did now';
	like stranger_rcpt('printer@mycompany.test', 'x@bad.test'), qr/\A550 5\.7\.1 /, 'the lists for all are for all';
	$p->postroom_ok('permission', 'remove', 'target-white', 'x@bad.test', '--user', 'bert');
	$p->postroom_ok('permission', 'remove', 'target-black', '*@bad.test');
	$p->postroom_ok('user', 'unset', 'anna', 'send.internet');
};

subtest '02-9.6 Everyone' => sub {
	$p->postroom_ok('user', 'set', 'bert', 'in-everyone', 'off');
	my %before = map { $_ => messages($_) } 'anna', 'bert';
	like submit('anna', 'anna@mycompany.test', ['everyone@mycompany.test'], "Subject: to all\n\nx\n"), qr/\A250/, 'mail to everyone';
	$p->wait_for(sub { messages('anna') == $before{anna} + 1 }, 'it reaches anna');
	is messages('bert'), $before{bert}, 'and not bert, who is not in it';
	$p->postroom_ok('user', 'unset', 'bert', 'in-everyone');
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

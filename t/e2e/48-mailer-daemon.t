#!/usr/bin/perl
# Mail to the server's own address: commands of users, who may do what, what is never answered.
use strict;
use warnings;
use lib 't/lib';
use MIME::QuotedPrint qw(decode_qp);
use Postroom::Lists qw(header);
use Postroom::Process qw(read_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { map { $_ => "$_-secret" } qw(anna bob postbox) });
my $domain = $p->domain;
my $lists = Postroom::Lists->new($p);
my $server = Postroom::SmtpServer->start;
$p->postroom_ok(qw(sender set default --method relay --encryption none --servers), $server->address);
$p->set('notices.administrator' => 'postbox');

# Send to the mailer daemon; after a login where one is named.
sub order {
	my ($subject, $text, %mail) = @_;
	my $smtp = $p->smtp(service => $mail{login} ? 'submission' : 'smtp');
	$smtp->ehlo('client.test');
	is $smtp->auth('PLAIN', $mail{login}, "$mail{login}-secret"), 235, "$mail{login} is logged in" if $mail{login};
	my $from = $mail{from} // ($mail{login} // 'out') . "\@$domain";
	my $header = $mail{header} // '';
	like $smtp->send_message($from, [$mail{to} // "Mailer_Daemon\@$domain"], "From: <$from>\nSubject: $subject\n$header\n$text"), qr/\A250/, "taken: $subject";
	return $smtp->quit;
}

sub is_set {
	my ($user, %expected) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my %value = map { $_->{key} => $_->{value} } @{ $p->postroom_json('user', 'get', $user) };
	return is_deeply { map { $_ => $value{$_} } keys %expected }, \%expected, "settings of $user";
}

sub body {
	my ($mail) = @_;
	return decode_qp(Postroom::Lists::body($mail));
}

# Until all has been worked off.
sub settle {
	return $p->wait_for(sub { my @names = map { glob $p->dir . "/spool/$_" } 'active/*', '*/new/*'; !@names }, 'the spool is empty', 20);
}

subtest '02-21.1 forwarding of who logged in' => sub {
	order('Set Forwarding', "FORWARD TO x\@y.test\n-- \nFORWARD OFF\n", login => 'bob');
	# the confirmation comes before anything is forwarded only where forwarding is off; it goes where his mail goes
	my ($mail) = $server->wait_messages(1, 20);
	is_deeply $mail->{to}, ['x@y.test'], 'the confirmation follows the new setting';
	like $mail->{data}, qr/^From: Mail System <Mailer_Daemon\@\Q$domain\E>\r$/m, 'from the mailer daemon';
	is_set('bob', 'forward' => 'x@y.test', 'forward.enabled' => 'on');
	order('Set Forwarding', "forward off\n", login => 'bob');
	$mail = $lists->take('bob', qr/\ARe: Set Forwarding\z/);
	like body($mail), qr/The settings of bob were changed\.\r?\nForward to: x\@y\.test\r?\nForwarding is off\./, 'confirmation in his Inbox';
	is join('', header($mail, 'Auto-Submitted')), 'auto-replied', 'and says what it is';
	is_set('bob', 'forward' => 'x@y.test', 'forward.enabled' => 'off');
	order('query forwarding', "\n", login => 'bob', to => "mailer-daemon\@$domain");
	like body($lists->take('bob', qr/\ARe: query forwarding\z/)), qr/\AForward to: x\@y\.test\r?\nForwarding is off\./, 'as he asked';
	order('Set Assistant', "ASSISTANT TO anna; z\@y.test\n", login => 'bob');
	like body($lists->take('bob', qr/\ARe: Set Assistant\z/)), qr/Assistants: anna,z\@y\.test/, 'assistants';
	order('Set Assistant', "ASSISTANT OFF\n", login => 'bob');
	like body($lists->take('bob', qr/\ARe: Set Assistant\z/)), qr/There is no assistant/, 'none any more';
};

subtest 'forged commands change nothing' => sub {
	order('Set Forwarding', "FORWARD TO thief\@y.test\n", from => "bob\@$domain");
	like body($lists->take('bob', qr/\ARe: Set Forwarding\z/)), qr/Nothing was changed: commands are taken only from who logged in/, 'no login';
	order('Set Forwarding', "USERNAME bob\nPASSWORD bob-secret\nFORWARD TO thief\@y.test\n", from => "anna\@$domain");
	like body($lists->take('anna', qr/\ARe: Set Forwarding\z/)), qr/Nothing was changed/, 'passwords are not taken';
	order('Set Forwarding', "USERNAME bob\nFORWARD TO thief\@y.test\n", login => 'anna');
	like body($lists->take('anna', qr/\ARe: Set Forwarding\z/)), qr/Nothing was changed: only your own settings/, 'another account';
	# what is passed on to it was not written to it
	$p->postroom_ok('user', 'set', 'anna', 'forward' => "Mailer_Daemon\@$domain", 'forward.enabled' => 'on');
	order('Set Forwarding', "FORWARD TO thief\@y.test\n", login => 'bob', to => "anna\@$domain");
	settle();
	$p->postroom_ok('user', 'unset', 'anna', 'forward', 'forward.enabled');
	is_set('bob', 'forward' => 'x@y.test', 'forward.enabled' => 'off');
};

subtest '02-21.2 by name and password' => sub {
	$p->set('control.by-password' => 'on');
	order('Set Forwarding', "USERNAME bob\nPASSWORD wrong\nFORWARD TO anna\n", from => 'far@away.test');
	my $mail;
	$p->wait_for(sub { ($mail) = grep { "@{ $_->{to} }" eq 'far@away.test' } $server->wait_messages(0) }, 'an answer', 20);
	is $mail->{from}, '', 'to the return path, and from nobody';
	like $mail->{data}, qr/Nothing was changed: name or password is wrong/, 'says failure';
	is_set('bob', 'forward' => 'x@y.test', 'forward.enabled' => 'off');
	$p->wait_for(sub { (read_file($p->dir . '/log/security.log') // '') =~ /login failed: service=control client=127\.0\.0\.1 user=bob .*reason=wrong password$/m },
		'security.log has it', 20);
	order('Password', "USERNAME bob\nPASSWORD bob-secret\nNEWPASSWORD new-secret\n", login => 'anna');
	like body($lists->take('anna', qr/\ARe: Password\z/)), qr/The settings of bob were changed/, 'who knows the password may';
	my $pop3 = $p->pop3;
	like $pop3->login('bob', 'new-secret'), qr/\A\+OK/, 'the new password holds';
	my ($count) = $pop3->stat;
	like join('', map { $pop3->retr($_) } 1 .. $count), qr/Your settings were changed by a message from anna/, 'and bob is told';
	$pop3->quit;
	$lists->left('anna'); # what she got as bob's assistant
	$p->postroom_ok('user', 'set', 'bob', 'protocols' => 'smtp,imap,pop3');
	order('Set Assistant', "USERNAME bob\nPASSWORD new-secret\nASSISTANT TO anna\n", login => 'anna');
	like body($lists->take('anna', qr/\ARe: Set Assistant\z/)), qr/Nothing was changed: name or password is wrong/, 'without the right to it';
	$p->postroom_ok('user', 'unset', 'bob', 'protocols');
	$p->set('control.by-password' => 'off');
};

subtest '02-21.3 the rights of users hold' => sub {
	$p->postroom_ok('user', 'set', 'anna', 'change.forward-to' => "/^(bob|kate)\@(y\.test|$domain)\$/");
	order('Set Forwarding', "FORWARD TO bob, evil\@y.test\n", login => 'anna');
	like body($lists->take('anna', qr/\ARe: Set Forwarding\z/)), qr/does not allow mail to be passed on to evil\@y\.test/, 'refused by the pattern';
	is_set('anna', 'forward' => '', 'forward.enabled' => 'off');
	$p->postroom_ok('user', 'set', 'anna', 'change.forwards' => 'off', 'change.password' => 'off');
	for my $command (['Set Forwarding' => 'FORWARD ON'], ['Set Assistant' => 'ASSISTANT TO bob'], ['Password' => 'NEWPASSWORD other-secret']) {
		order($command->[0], "$command->[1]\n", login => 'anna');
		like body($lists->take('anna', qr/\ARe: $command->[0]\z/)), qr/Nothing was changed: the administrator does not allow it/, $command->[0];
	}
	$p->postroom_ok('user', 'unset', 'anna', 'change.forwards', 'change.password', 'change.forward-to');
	$p->set('login.password-min-length' => 5);
	order('Password', "NEWPASSWORD x\n", login => 'anna');
	like body($lists->take('anna', qr/\ARe: Password\z/)), qr/Nothing was changed: the password must have at least/, 'a password that is none';
};

subtest 'an answer to a question that nobody asked' => sub {
	order('Re: Download query: hello [id 0123456789abcdef0123456789abcdef]', "yes\n", from => "anna\@$domain");
	like body($lists->take('anna', qr/\ARe: Re: Download query/)), qr/Nothing was changed: there is no such question/, 'is told so';
};

subtest '02-21.4 07-14.5 what is not understood' => sub {
	$p->set('server.mailer-daemon' => 'post');
	$lists->left($_) for qw(anna postbox);
	order('hello', "who are you?\n", to => "post\@$domain", from => "anna\@$domain");
	my $mail = $lists->take('anna', qr/\ARe: hello\z/);
	like body($mail), qr/Your message was not understood.*Set Forwarding/s, 'says so, and what there is';
	is join('', header($mail, 'From')), "Mail System <post\@$domain>", 'from its name';
	settle();
	is_deeply [$lists->left('postbox')], [], 'the administrator is not told';
	$p->set('control.report-bad' => 'on');
	order('hello', "again\n", to => "post\@$domain", from => "anna\@$domain");
	$lists->take('anna', qr/\ARe: hello\z/);
	like body($lists->take('postbox', qr/not understood/)), qr/From: anna\@\Q$domain\E/, 'but where it is set';
	for my $quiet ({ from => '' }, { from => "anna\@$domain", header => "Auto-Submitted: auto-replied\n" }, { from => "anna\@$domain", header => "Precedence: bulk\n" }) {
		order('hello', "bounce\n", to => "post\@$domain", %$quiet);
	}
	settle();
	is_deeply [$lists->left('anna')], [], 'a bounce and automatic mail get no reply';
	# a report about mail that cannot be delivered
	$server->set_reply(RCPT => '550 5.1.1 nobody');
	order('gone', "text\n", to => 'x@remote.test', login => 'anna');
	is join('', header($lists->take('anna', qr/\AMail Delivery Failure/), 'From')), "Mail Delivery System <post\@$domain>", 'bounces come from it';
};

$server->stop;
$p->stop;
done_testing;

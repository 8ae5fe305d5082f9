#!/usr/bin/perl
# What the administrator writes to users of a group or list, with what is known of each filled in.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Lists qw(header body);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { map { $_ => "$_-secret" } qw(anna bob carl) });
my $domain = $p->domain;
my $lists = Postroom::Lists->new($p);
my $server = Postroom::SmtpServer->start;
$p->postroom_ok(qw(sender set default --method relay --encryption none --servers), $server->address);
$p->postroom_ok(qw(list add team anna bob far@remote.test));

# Write to a group or list; what is printed.
sub tell_users {
	my ($to, $text, @options) = @_;
	return $p->postroom_ok({ stdin => $text }, 'user', 'message', $to, '--file', '-', @options);
}

sub settle {
	return $p->wait_for(sub { my @names = map { glob $p->dir . "/spool/$_" } 'active/*', '*/new/*'; !@names }, 'the spool is empty', 20);
}

subtest '02-19.2 local members of a list get it' => sub {
	is tell_users('team', "<Subject: Dear {username}>\nTomorrow there is no mail.\n"), "2 sent, 0 skipped, 0 failed\n", 'two';
	for my $user (qw(anna bob)) {
		my $mail = $lists->take($user, qr/\ADear $user\z/);
		like body($mail), qr/Tomorrow there is no mail\./, 'the text';
		is join('', header($mail, 'From')), "Mail System <Mailer_Daemon\@$domain>", 'from the mailer daemon';
	}
	settle();
	is scalar($server->messages), 0, 'nothing left this server';
	is_deeply [$lists->left('carl')], [], 'and who is not on the list has none';
	is tell_users('everyone', "hello\n"), "4 sent, 0 skipped, 0 failed\n", 'all users';
	$lists->take($_, qr/\AMessage from your Mail Administrator\z/) for qw(anna bob carl);
	my ($status, undef, $err) = $p->postroom({ stdin => "hello\n" }, 'user', 'message', 'nobody', '--file', '-');
	is $status, 1, 'a name that is none is refused';
	like $err, qr/there is no group, list or user "nobody"/, 'with the reason';
};

subtest '02-19.3 a script decides who gets it' => sub {
	$p->postroom_ok('user', 'set', 'anna', 'mailbox.quota' => 2);
	my $text = "Quota: {lua}if MailboxQuota ~= 0 then print(MailboxQuota) else DontSend = 1 end{/lua} of {Username}, {messagecount}/{MailboxSize}\n";
	is tell_users('team', $text), "1 sent, 1 skipped, 0 failed\n", 'who has no quota gets nothing';
	like body($lists->take('anna', qr/Administrator/)), qr{^Quota: 2097152\s+of anna, 0/0\r?$}m, 'filled in';
	settle();
	is_deeply [$lists->left('bob')], [], 'nothing for bob';
	my ($status, undef, $err) = $p->postroom({ stdin => "{lua}if Username == 'bob' then error('oh') end{/lua}x\n" }, 'user', 'message', 'team', '--file', '-');
	is $status, 1, 'an error shows in the status';
	like $err, qr/bob gets no message: the text cannot be filled in/, 'and who it keeps it from';
	$lists->take('anna', qr/Administrator/);
	($status) = $p->postroom({ stdin => "{lua}while true do end{/lua}x\n" }, 'user', 'message', 'bob', '--file', '-');
	is $status, 1, 'one that does not end is ended';
};

subtest '02-19.4 the address book; HTML is text' => sub {
	$p->postroom_ok('user', 'set', 'anna', 'directory' => "cn: Anna A.\no: House");
	tell_users('team', "<Subject: {ldap_o}!>\n<b>{ldap_cn}</b> {ldap_nothing}{unknown} {lua}print(LDAP.CN or 'none'){/lua}\n");
	my $mail = $lists->take('anna', qr/\AHouse!\z/);
	like body($mail), qr/^<b>Anna A\.<\/b> \{unknown\} Anna A\./m, 'what is in it';
	is join('', header($mail, 'Content-Type')), 'text/plain; charset=utf-8', 'as text';
	like body($lists->take('bob', qr/\A!\z/)), qr/^<b><\/b> \{unknown\} none/m, 'empty where the user has none';
};

subtest 'saving and looking first' => sub {
	my $shown = tell_users('bob', "<Subject: For {username}>\nlater\n", '--save', '--preview');
	is $shown, "To: bob\nSubject: For bob\n\nlater\n\n", 'shown';
	settle();
	is_deeply [$lists->left('bob')], [], 'and not sent';
	is $p->postroom_ok('user', 'message', 'bob'), "1 sent, 0 skipped, 0 failed\n", 'what was saved';
	$lists->take('bob', qr/\AFor bob\z/);
};

$server->stop;
$p->stop;
done_testing;

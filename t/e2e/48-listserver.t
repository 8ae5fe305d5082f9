#!/usr/bin/perl
# The ListServer: joining and leaving by mail, tokens, what it refuses, whom it never answers.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Lists qw(header body);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { map { $_ => "$_-secret" } qw(anna bert carl mod postbox) });
my $domain = $p->domain;
my $lists = Postroom::Lists->new($p);
my $server = Postroom::SmtpServer->start;
my $robot = "listserver\@$domain";
$p->postroom_ok(qw(sender set default --method relay --encryption none --servers), $server->address);
$p->set('notices.administrator' => 'postbox');

sub set_list {
	my ($name, %values) = @_;
	$p->postroom_ok('list', 'set', $name, $_, '--', $values{$_}) for sort keys %values;
	return;
}

# Commands of a user, and the text of the answer.
sub ask {
	my ($user, $text, %mail) = @_;
	$lists->send(from => "$user\@$domain", to => $robot, text => $text, %mail);
	return $lists->take($user, qr/\ARe: /);
}

# The token that a user is asked to confirm.
sub token {
	my ($user) = @_;
	my ($token) = join('', header($lists->take($user, qr/\Aconfirm/), 'Subject')) =~ /\Aconfirm ([0-9a-f]{32})\z/;
	return $token;
}

sub is_members {
	my ($list, @members) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my @found;
	$p->wait_for(sub { @found = $lists->members($list); return "@found" eq join ' ', sort @members }, "members of $list", 20);
	return is_deeply \@found, [sort @members], "members of $list: @members";
}

$lists->make('offers', mailing => ['anna'], subscribe => 'on', verify => 'off', comment => 'What we sell');
$lists->make('safe', mailing => [], subscribe => 'on');
$lists->make('closed', mailing => ['anna'], moderator => 'mod');
$lists->make('hidden', mailing => [], subscribe => 'on', confidential => 'on');

subtest '03-5.1 an outsider joins' => sub {
	$lists->send(from => 'out@x.test', to => $robot, subject => 'sub offers');
	is_members('offers', 'anna', 'out@x.test');
	my @mails = $server->wait_messages(2, 30);
	my ($welcome) = grep { join('', header($_->{data}, 'Subject')) =~ /Welcome/ } @mails;
	my ($answer) = grep { join('', header($_->{data}, 'Subject')) =~ /\ARe: sub offers/ } @mails;
	$welcome->{data} =~ s/=\r\n//g;
	like $welcome->{data}, qr/To remove yourself from this list, send a message to \Q$robot\E.*unsubscribe offers/s, 'the welcome text';
	is_deeply [map { $_->{from} } @mails], ['', ''], 'null return path';
	is_deeply [header($answer->{data}, 'Auto-Submitted')], ['auto-replied'], 'and marked as an answer';
	like $answer->{data}, qr/> sub offers\r\n.*is a member of offers now/s, 'which has the command and its result';
};

subtest '03-5.2 verification' => sub {
	like ask('bert', "subscribe safe\n"), qr/asks for confirmation/, 'the answer';
	my $token = token('bert');
	ok $token, 'a token comes';
	is_members('safe');
	like ask('bert', "confirm 0123456789abcdef0123456789abcdef\n"), qr/unknown/, 'a wrong token changes nothing';
	is_members('safe');
	$lists->send(from => "bert\@$domain", to => $robot, subject => "Re: confirm $token");
	is_members('safe', 'bert');
	$lists->take('bert', $_) for qr/\ARe: /, qr/\AWelcome to safe/;
	like ask('bert', "confirm $token\n"), qr/unknown, or it was used/, 'it works once';
	$p->postroom_ok(qw(list member remove safe bert));
	ask('bert', "subscribe safe\n");
	token('bert');
	ask('bert', "subscribe safe\n") for 1 .. 3;
	is scalar($lists->left('bert')), 0, 'who is asked once is not asked again and again';
};

subtest '03-5.3 leaving all' => sub {
	$p->postroom_ok(qw(list member add), $_, 'bert') for qw(offers safe);
	set_list('safe', verify => 'off');
	my $answer = ask('bert', "unsubscribe *\n");
	like $answer, qr/"offers" succeeded.*"safe" succeeded/s, 'each is reported';
	is_members('offers', 'anna', 'out@x.test');
	is_members('safe');
	$lists->take('bert', qr/\AGoodbye from $_/) for qw(offers safe);
	like ask('bert', "unsubscribe *\n"), qr/a member of no list here/, 'and none is left';
	set_list('safe', verify => 'on');
};

subtest '03-5.4 lists and users' => sub {
	my $answer = ask('bert', "lists\n");
	like $answer, qr/offers +What we sell/, 'names and comments';
	unlike $answer, qr/hidden/, 'not the confidential one';
	like ask('anna', "users offers\n"), qr/may not see/, 'members are not shown';
	set_list('offers', 'member-list' => 'on');
	like ask('anna', "users offers\n"), qr/anna\@\Q$domain\E.*out\@x\.test/s, 'unless the option is on, to members';
	like ask('bert', "users offers\n"), qr/may not see/, 'not to others';
};

subtest '03-5.5 what cannot be joined' => sub {
	like ask('bert', "subscribe closed\n"), qr/cannot subscribe themselves/, 'a list without subscriptions';
	like ask('bert', "subscribe nosuch\n"), qr/There is no list "nosuch"/, 'no list';
	is_members('closed', 'anna');
};

subtest '03-5.6 the subject of an unsubscribe link' => sub {
	$p->postroom_ok(qw(list member add offers bert));
	$lists->send(from => "bert\@$domain", to => $robot, subject => 'unsubscribe+offers');
	is_members('offers', 'anna', 'out@x.test');
	like $lists->take('bert', qr/\AGoodbye/), qr/Unsubscription from "offers" succeeded/, 'and the goodbye text';
	$lists->take('bert', qr/\ARe: /);
};

subtest '03-5.7 no command' => sub {
	like ask('bert', "Dear Sirs,\n", subject => 'hello'), qr/That is no command/, 'answered with an error';
	my ($notice) = $lists->wait_mails('postbox', 1);
	like $notice, qr/message without a command/, 'and told to the administrator';
	$p->set('listserver.ignore-bad' => 'on', 'listserver.report-bad' => 'off');
	$lists->send(from => "bert\@$domain", to => $robot, text => "Dear Sirs,\n");
	like ask('bert', "help\n"), qr/subscribe LIST/, 'the next message is answered';
	is_deeply [$lists->left('bert')], [], 'the one before was not';
	$p->postroom_ok('unset', $_) for qw(listserver.ignore-bad listserver.report-bad);
};

subtest '03-5.8 remote administration' => sub {
	like ask('anna', "add closed x\@y.test\n"), qr/may not change/, 'a member';
	like ask('mod', "add closed x\@y.test\n"), qr/may not change/, 'a moderator, where it is off';
	set_list('closed', 'remote-administration' => 'on', 'inform-moderators' => 'on', 'welcome-added' => 'on', welcome => "Hello!\nAnd welcome.");
	like ask('mod', "add closed x\@y.test\n"), qr/asks for confirmation/, 'with it on a token comes';
	is_members('closed', 'anna');
	my $token = token('mod');
	my $before = $server->messages;
	$lists->send(from => "mod\@$domain", to => $robot, text => "confirm $token\n");
	is_members('closed', 'anna', 'x@y.test');
	my @mails = $server->wait_messages($before + 1, 30);
	like $mails[-1]{data}, qr/Hello!\r\nAnd welcome\./, 'the own welcome text';
	ok $lists->take('mod', qr/x\@y\.test subscribed/), 'moderators are told';
	$lists->take('mod', qr/\ARe: /);
	like ask('anna', "add closed z\@y.test\n"), qr/may not change/, 'a member still may not';
};

subtest 'somebody else\'s address' => sub {
	$p->postroom_ok(qw(list member add offers bert));
	like ask('anna', "unsubscribe offers bert\@$domain\n"), qr/asks for confirmation/, 'is asked first';
	is_members('offers', 'anna', 'bert', 'out@x.test');
	my $token = token('bert');
	$lists->send(from => "bert\@$domain", to => $robot, text => "confirm $token\n");
	is_members('offers', 'anna', 'out@x.test');
	$lists->take('bert', $_) for qr/\ARe: /, qr/\AGoodbye/;
};

subtest 'who is never answered' => sub {
	my @automatic = ("Precedence: bulk\n", "Precedence: junk\n", "Auto-Submitted: auto-generated\n");
	$lists->send(from => "bert\@$domain", to => $robot, subject => 'sub offers', header => $_) for @automatic;
	$lists->send(from => '', header_from => "<bert\@$domain>", to => $robot, subject => 'sub offers');
	$lists->send(from => "bert\@$domain", header_from => "<mailer-daemon\@$domain>", to => $robot, subject => 'sub offers');
	my $count = 0;
	$p->wait_for(sub { $count = () = $p->log =~ /ListServer from=.* is not answered/g; return $count >= 5 }, 'all are looked at', 20);
	is_deeply [$lists->left('bert')], [], 'none is answered';
	is_members('offers', 'anna', 'out@x.test');
	is scalar(() = ask('bert', "lists\n" x 30) =~ /^> lists/gm), 20, 'at most twenty commands';
};

subtest 'a ListServer of its own' => sub {
	set_list('hidden', listserver => "hidden-server\@$domain", verify => 'off');
	like ask('carl', "subscribe hidden\n"), qr/There is no list "hidden"/, 'the general one does not know its list';
	$lists->send(from => "carl\@$domain", to => "hidden-server\@$domain", subject => 'subscribe hidden');
	is_members('hidden', 'carl');
	my @mails = map { $lists->take('carl', $_) } qr/\ARe: /, qr/\AWelcome/;
	is_deeply [map { header($_, 'From') } @mails], [("ListServer <hidden-server\@$domain>") x 2], 'it answers in its own name';
	$lists->send(from => "carl\@$domain", to => "hidden-server\@$domain", subject => 'subscribe offers');
	like $lists->take('carl', qr/\ARe: /), qr/There is no list "offers"/, 'and knows no other list';
};

subtest 'mail bombs' => sub {
	set_list('closed', moderation => 'all', public => 'on');
	$lists->left('mod');
	my $smtp = $p->smtp;
	$smtp->send_message('bomb@x.test', ["closed\@$domain"], "From: <bomb\@x.test>\nSubject: $_\n\nboom\n") for 1 .. 40;
	$p->wait_for(sub { @{ $p->postroom_json(qw(list held)) } == 40 }, 'all wait', 30);
	my $notices = $lists->wait_mails('mod', 20);
	is $notices + $lists->mails('mod'), 20, 'the moderator is told of twenty within the hour';
	$smtp->send_message("carl\@$domain", [$robot], "From: <carl\@$domain>\nSubject: x\n\nhelp\n") for 1 .. 40;
	$p->wait_log(qr/carl\@\Q$domain\E gets no answer/, 30);
	cmp_ok scalar($lists->left('carl')), '<=', 20, 'one address gets twenty answers at most';
};

$server->stop;
$p->stop;
done_testing;

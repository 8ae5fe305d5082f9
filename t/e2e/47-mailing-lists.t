#!/usr/bin/perl
# Mailing lists: who may post, what members get, moderation, return address, archive and digests.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Lists qw(header body);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(
	users => { map { $_ => "$_-secret" } qw(anna bert carl mod) },
	set   => { 'sender.retry' => 2, 'smtp.max-recipients' => 1000 },
);
my $domain = $p->domain;
my $lists = Postroom::Lists->new($p);
my $server = Postroom::SmtpServer->start;
$p->postroom_ok(qw(sender set default --method relay --encryption none --servers), $server->address);

sub set_list {
	my ($name, %values) = @_;
	$p->postroom_ok('list', 'set', $name, $_, '--', $values{$_}) for sort keys %values;
	return;
}

subtest '03-4.3 what members get by default' => sub {
	$lists->make('plain', mailing => ['anna'], public => 'on', moderator => 'mod');
	like $lists->send(from => 'ann@x.test', header_from => 'Ann <ann@x.test>', to => "plain\@$domain",
		header => "Received: from a.test\nReturn-Receipt-To: ann\@x.test\n"), qr/\A250 /, 'a stranger posts';
	my ($mail) = $lists->wait_mails('anna', 1);
	is_deeply [header($mail, 'From')], ["Ann <plain\@$domain>"], 'From';
	is_deeply [header($mail, 'Precedence')], ['bulk'], 'Precedence';
	is_deeply [grep { /a\.test/ } header($mail, 'Received')], [], 'no Received from before the list';
	is_deeply [header($mail, 'Reply-To')], ["mod\@$domain"], 'Reply-To';
	is_deeply [header($mail, 'List-Id')], ["<plain.$domain>"], 'List-Id';
	is body($mail), "text\r\n", 'the body';
};

subtest '03-4.2 modifiers' => sub {
	set_list('plain', 'header-modifiers' => "Reply-To:plain\@$domain\nReturn-Receipt-To:");
	$lists->send(from => 'ann@x.test', to => "plain\@$domain",
		header => "Reply-To: a\@x.test\nReply-To: b\@x.test\nReturn-Receipt-To: ann\@x.test\n");
	my ($mail) = $lists->wait_mails('anna', 1);
	is_deeply [header($mail, 'Reply-To')], ["plain\@$domain"], 'one Reply-To';
	is_deeply [header($mail, 'Return-Receipt-To')], [], 'no Return-Receipt-To';
};

subtest '03-4.4 codes, and what is refused' => sub {
	set_list('plain', 'header-modifiers' => 'X-Codes: 100%% %z %O');
	$lists->send(from => 'ann@x.test', to => "plain\@$domain");
	my ($mail) = $lists->wait_mails('anna', 1);
	is_deeply [header($mail, 'X-Codes')], ['100% %z ann@x.test'], 'codes';
	my ($status, undef, $err) = $p->postroom('list', 'set', 'plain', 'header-modifiers', "Sender:%m\nno colon");
	isnt $status, 0, 'a line without a colon is refused';
	like $err, qr/header-modifiers.*no colon/, 'and shown';
};

subtest '03-4.5 slow posting; 01-9.4 each with his own address' => sub {
	my @remote = map { "m$_\@remote.test" } 1 .. 3;
	$lists->make('news', mailing => ['anna', @remote], 'header-modifiers' => 'Precedence:bulk', 'subject-prefix' => '[news]');
	$lists->send(from => "bert\@$domain", to => "news\@$domain", subject => 'Re: hello');
	my ($fast) = $server->wait_messages(1, 30);
	is_deeply [sort @{ $fast->{to} }], \@remote, 'one message for all that are elsewhere';
	is_deeply [header($fast->{data}, 'To')], ["news\@$domain"], 'To is the list';
	is_deeply [header($fast->{data}, 'Subject')], ['Re: [news] hello'], 'the prefix';
	set_list('news', 'slow-posting' => 'on');
	$lists->send(from => "bert\@$domain", to => "news\@$domain");
	my (undef, @slow) = $server->wait_messages(4, 30);
	is_deeply [map { scalar @{ $_->{to} } } @slow], [1, 1, 1], 'a message for each';
	is_deeply [sort map { header($_->{data}, 'To') } @slow], [map { "<$_>" } @remote], 'with his own address in To';
	is_deeply [map { $_->{to}[0] } sort { $a->{to}[0] cmp $b->{to}[0] } @slow], \@remote, 'which is where it goes';
	my @mails = $lists->wait_mails('anna', 2);
	is_deeply [header($mails[1], 'To')], ["<anna\@$domain>"], 'a local member too';
};

subtest '03-4.6 the return address' => sub {
	set_list('news', 'slow-posting' => 'off', 'return-address' => "carl\@$domain");
	$server->set_reply(RCPT => '550 5.1.1 no such user');
	my $before = $server->messages;
	$lists->send(from => "bert\@$domain", to => "news\@$domain");
	my ($report) = $lists->wait_mails('carl', 1);
	like $report, qr/m1\@remote\.test/, 'the report goes to the return address';
	is_deeply [grep { /remote\.test/ } $lists->mails('bert')], [], 'not to who posted';
	$server->set_reply(RCPT => undef);
	$lists->send(from => "bert\@$domain", to => "news\@$domain");
	my @messages = $server->wait_messages($before + 1, 30);
	is $messages[-1]{from}, "carl\@$domain", 'it is MAIL FROM';
	$lists->wait_mails('anna', 2);
};

subtest '03-4.7 spam' => sub {
	my @spam = (from => 'ann@x.test', to => "offers\@$domain", header => "X-Postroom-Spam: 120 - Rule(120.0)\n");
	$lists->make('offers', mailing => ['anna'], public => 'on', 'spam-threshold' => 100, archive => 'on');
	like $lists->send(@spam), qr/\A250 /, 'accepted';
	$lists->send(from => 'ann@x.test', to => "offers\@$domain", subject => 'good', header => "X-Postroom-Spam: 99\n");
	my ($mail) = $lists->wait_mails('anna', 1);
	is_deeply [header($mail, 'Subject')], ['good'], 'without a redirection it reaches nobody';
	set_list('offers', 'spam-redirect' => 'bert');
	$lists->send(@spam);
	is_deeply [header(($lists->wait_mails('bert', 1))[0], 'From')], ['<ann@x.test>'], 'with one it is redirected as it came';
	set_list('offers', 'spam-threshold' => -1);
	$lists->send(@spam);
	$lists->wait_mails('anna', 1);
	pass 'without a threshold it is distributed';
};

subtest '03-4.8 who may post' => sub {
	$lists->make('club', mailing => ['anna', 'friend@x.test'], public => 'on', 'who-may-post' => 'members', moderator => 'mod');
	$lists->send(from => "carl\@$domain", to => "club\@$domain");
	my ($report) = $lists->wait_mails('carl', 1);
	like $report, qr/only members may post/, 'a stranger to the list is told so';
	set_list('club', refused => 'discard');
	$lists->send(from => "carl\@$domain", to => "club\@$domain");
	$lists->send(from => 'friend@x.test', to => "club\@$domain", subject => 'from a member');
	is_deeply [header(($lists->wait_mails('anna', 1))[0], 'Subject')], ['from a member'], 'a member posts';
	is_deeply [$lists->mails('carl')], [], 'refused ones can vanish';
	set_list('club', banned => "*\@x.test");
	$lists->send(from => 'friend@x.test', to => "club\@$domain");
	$p->wait_log(qr/discarded: 5\.7\.1 you may not post/);
	pass 'who is banned does not';
};

subtest '03-4.8 moderation' => sub {
	set_list('club', banned => '', moderation => 'all');
	$lists->send(from => 'friend@x.test', to => "club\@$domain", subject => 'first');
	my ($notice) = $lists->wait_mails('mod', 1);
	like $notice, qr/message\/rfc822.*Subject: first/s, 'the moderator gets it';
	my ($token) = $notice =~ /^approve ([0-9a-f]{32})\r?$/m;
	ok $token, 'with a token';
	is_deeply [$lists->mails('anna')], [], 'members do not';
	$lists->send(from => "carl\@$domain", to => "listserver\@$domain", text => "approve $token\n");
	like +($lists->wait_mails('carl', 1))[0], qr/unknown/, 'nobody else can approve';
	$lists->send(from => "mod\@$domain", to => "listserver\@$domain", text => "approve $token\n");
	is_deeply [header(($lists->wait_mails('anna', 1))[0], 'Subject')], ['first'], 'the moderator approves';
	like +($lists->wait_mails('mod', 1))[0], qr/is approved/, 'and is told so';
	$lists->send(from => "mod\@$domain", to => "listserver\@$domain", text => "approve $token\n");
	like +($lists->wait_mails('mod', 1))[0], qr/unknown, or a decision/, 'once';
	$lists->send(from => "mod\@$domain", to => "club\@$domain", subject => 'own');
	is_deeply [header(($lists->wait_mails('anna', 1))[0], 'Subject')], ['own'], 'posts of a moderator do not wait';
	$lists->send(from => 'friend@x.test', to => "club\@$domain", subject => $_) for qw(second third);
	$p->wait_for(sub { @{ $p->postroom_json(qw(list held)) } == 2 }, 'two wait', 20);
	my @held = @{ $p->postroom_json(qw(list held --list club)) };
	$p->postroom_ok('list', 'reject', $held[0]{number});
	$p->postroom_ok('list', 'approve', $held[1]{number});
	is_deeply [header(($lists->wait_mails('anna', 1))[0], 'Subject')], [$held[1]{subject}], 'the command line decides as well';
	is_deeply $p->postroom_json(qw(list held)), [], 'nothing waits any more';
};

subtest 'loops, automatic answers, lists in lists' => sub {
	$lists->make('inner', mailing => ['anna']);
	$lists->make('outer', mailing => ['inner', 'bert']);
	$p->postroom_ok(qw(list member add inner outer));
	$lists->mails($_) for qw(anna bert);
	$lists->send(from => "carl\@$domain", to => "outer\@$domain", subject => 'around');
	$lists->wait_mails($_, 1) for qw(anna bert);
	$p->wait_log(qr/discarded: it came back to the list/);
	is scalar($lists->mails($_)), 0, "$_ gets it once" for qw(anna bert);
	$lists->send(from => "carl\@$domain", to => "inner\@$domain", header => "Auto-Submitted: auto-replied\n");
	$p->wait_log(qr/discarded: it is an automatic answer/);
	pass 'an automatic answer is no post';
};

subtest '03-4.9 archive and digests' => sub {
	my ($status, undef, $err) = $p->postroom(qw(list add daily --type mailing carl));
	is $status, 0, 'a list for digests';
	set_list('daily', 'digest-of' => 'offers');
	($status, undef, $err) = $p->postroom(qw(list set daily digest-days 7));
	isnt $status, 0, 'a period longer than messages are kept is not accepted';
	like $err, qr/keep-days/, 'and it says why';
	set_list('offers', 'header-modifiers' => 'Precedence:bulk');
	my $before = @{ $p->postroom_json(qw(list archive offers)) };
	$lists->send(from => 'ann@x.test', to => "offers\@$domain", subject => $_, text => "text of $_\n") for 'offer one', 'offer two';
	$p->wait_for(sub { @{ $p->postroom_json(qw(list archive offers)) } == $before + 2 }, 'both are kept', 20);
	my ($kept) = grep { $_->{subject} eq 'offer two' } @{ $p->postroom_json(qw(list archive offers)) };
	like $p->postroom_ok('list', 'message', $kept->{number}), qr/text of offer two/, 'and can be seen';
	my $all = $before + 2;
	is $p->postroom_ok(qw(list digest daily)), "$all messages\n", 'the digest has them all';
	my ($digest) = $lists->wait_mails('carl', 1);
	like join('', header($digest, 'Subject')), qr/\Adaily digest \d{4}-\d\d-\d\d\z/, 'its subject';
	like $digest, qr/Content-Type: multipart\/digest.*Subject: offer one.*text of offer one.*Subject: offer two.*text of offer two/s, 'both are in it';
	like $digest, qr/\d\. offer one.*\d\. offer two.*multipart\/digest/s, 'after a table of contents';
	is $p->postroom_ok(qw(list digest daily)), "0 messages\n", 'nothing new, no digest';
};

$server->stop;
$p->stop;
done_testing;

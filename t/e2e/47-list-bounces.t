#!/usr/bin/perl
# Members whose mail comes back; presets of lists; members behind a server of the LAN; signatures of others.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Lists qw(header body);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { map { $_ => "$_-secret" } qw(anna mod) });
my $domain = $p->domain;
my $lists = Postroom::Lists->new($p);
my $server = Postroom::SmtpServer->start(replies => { RCPT => sub { $_[1] =~ /fritz/ ? '550 5.1.1 nobody' : undef } });
$p->postroom_ok(qw(sender set default --method relay --encryption none --servers), $server->address);

my $got = 0;    # messages that the relay has had

# Post something, and have what the relay gets of it, by recipient.
sub post {
	my ($list, $count) = @_;
	like $lists->send(from => 'ann@x.test', header_from => 'Ann <ann@x.test>', to => "$list\@$domain"), qr/\A250 /, 'posted';
	my @messages = $server->wait_messages($got + $count);
	@messages = @messages[$got .. $#messages];
	$got = $got + $count;
	return { map { $_->{to}[0] => $_ } @messages };
}

# A report on a message that went out, as the remote's server would send it.
sub report {
	my ($path, $action, $from) = @_;
	my $smtp = $p->smtp;
	$smtp->ehlo('mx.far.test');
	my $reply = $smtp->send_message($from // '', [$path], <<"END");
From: mailer-daemon\@far.test
To: $path
Subject: Undeliverable
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

It is like that.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.far.test

Final-Recipient: rfc822; someone\@far.test
Action: $action
Status: 5.1.1

--b--
END
	$smtp->quit;
	return $reply;
}

sub bounces { return [map { "$_->{address} $_->{days} " . ($_->{suspended} ? 'suspended' : 'active') } @{ $p->postroom_json('list', 'bounces', 'news') }] }

sub settled { my ($want) = @_; return $p->wait_for(sub { "@{ bounces() }" eq $want }, "bounces are $want", 20) }

$lists->make('news', mailing => ['dora@far.test', 'emil@far.test'], public => 'on', moderator => 'mod', 'return-address' => "anna\@$domain");

subtest 'without a limit' => sub {
	my $sent = post('news', 1);
	my ($message) = values %$sent;
	is_deeply [sort @{ $message->{to} }], ['dora@far.test', 'emil@far.test'], 'one message for all';
	is $message->{from}, "anna\@$domain", 'reports go to the return address';
};

subtest 'a member whose mail comes back gets no more' => sub {
	$p->postroom_ok('list', 'set', 'news', 'bounce-limit', '1');
	my $sent = post('news', 2);
	my %path = map { $_ => $sent->{$_}{from} } keys %$sent;
	like $path{'dora@far.test'}, qr/\Alist-bounce-[0-9a-f]{24}\@\Q$domain\E\z/, 'a return path of its own';
	isnt $path{'dora@far.test'}, $path{'emil@far.test'}, 'for each member';
	like report($path{'dora@far.test'}, 'failed', 'evil@x.test'), qr/\A250 /, 'what has a sender is no report';
	like report($path{'dora@far.test'}, 'delayed'), qr/\A250 /, 'a delay';
	my ($delay) = $lists->wait_mails('anna', 1);
	is_deeply [header($delay, 'Subject')], ['Undeliverable'], 'is passed on to the return address';
	$server->wait_messages(++$got);    # the answer to evil
	like report('list-bounce-' . '0' x 24 . "\@$domain", 'failed'), qr/\A250 /, 'a token that was never given';
	is_deeply bounces(), [], 'none of these counts';
	like report($path{'dora@far.test'}, 'failed'), qr/\A250 /, 'a failure';
	settled('dora@far.test 1 suspended');
	my ($note) = $lists->wait_mails('mod', 1);
	like join('', header($note, 'Subject')), qr/news: mail to dora\@far\.test comes back/, 'the moderator is told';
	$sent = post('news', 1);
	is_deeply [keys %$sent], ['emil@far.test'], 'the next post goes to the others alone';
	is $sent->{'emil@far.test'}{from}, $path{'emil@far.test'}, 'by the same return path as before';
	my ($status, undef, $err) = $p->postroom('list', 'forgive', 'news', 'emil@far.test');
	like $err, qr/no mail of news to "emil\@far\.test" came back/, 'nothing to forgive';
	$p->postroom_ok('list', 'forgive', 'news', 'dora@far.test');
	is_deeply [sort keys %{ post('news', 2) }], ['dora@far.test', 'emil@far.test'], 'forgiven';
};

subtest 'reports count once a day, and may end a membership' => sub {
	$p->postroom_ok('list', 'set', 'news', 'bounce-limit', '2');
	my $path = post('news', 2)->{'dora@far.test'}{from};
	report($path, 'failed') for 1, 2;
	settled('dora@far.test 1 active');
	$p->postroom_ok('list', 'set', 'news', 'bounce-limit', '1');
	$p->postroom_ok('list', 'set', 'news', 'bounce-action', 'remove');
	report($path, 'failed');
	$p->wait_for(sub { @{ $p->postroom_json('list', 'member', 'list', 'news') } == 1 }, 'the member is gone', 20);
	is_deeply [map { $_->{address} } @{ $p->postroom_json('list', 'member', 'list', 'news') }], ['emil@far.test'], 'that one';
	$lists->wait_mails('mod', 1);
};

subtest 'our own reports come there too' => sub {
	$p->postroom_ok('list', 'member', 'add', 'news', 'fritz@far.test');
	$lists->send(from => 'ann@x.test', header_from => 'Ann <ann@x.test>', to => "news\@$domain");
	$p->wait_for(sub { @{ $p->postroom_json('list', 'member', 'list', 'news') } == 1 }, 'a recipient that the relay refused', 20);
	$server->wait_messages(++$got);
	my ($note) = $lists->wait_mails('mod', 1);
	like join('', header($note, 'Subject')), qr/mail to fritz\@far\.test comes back/, 'and the moderator is told';
};

subtest 'presets' => sub {
	$p->postroom_ok('list', 'add', 'talk', '--preset', 'discussion', 'anna');
	my %set = map { $_->{key} => $_->{value} } @{ $p->postroom_json('list', 'show', 'talk') };
	is_deeply [@set{qw(type who-may-post subscribe bounce-limit)}], ['mailing', 'members', 'on', 7], 'a discussion';
	$p->relay('127.0.0.9');
	like $lists->send(from => "anna\@$domain", to => "talk\@$domain", local => '127.0.0.9'), qr/\A250/, 'a member posts';
	my ($mail) = $lists->wait_mails('anna', 1);
	is_deeply [header($mail, 'Reply-To')], ["<talk\@$domain>"], 'answers go to the list';
	$p->postroom_ok('list', 'add', 'tell', '--preset', 'announcement', 'anna');
	%set = map { $_->{key} => $_->{value} } @{ $p->postroom_json('list', 'show', 'tell') };
	is $set{'who-may-post'}, 'moderators', 'an announcement';
	my ($status, undef, $err) = $p->postroom('list', 'add', 'none', '--preset', 'party');
	like $err, qr/a preset is announcement or discussion, not "party"/, 'no such preset';
	(undef, undef, $err) = $p->postroom('list', 'show', 'none');
	like $err, qr/there is no list/, 'and no list';
};

subtest 'LAN rules hold for members' => sub {
	my $lan = Postroom::SmtpServer->start;
	$p->postroom_ok('lan-rule', 'add', '--address', '*@corp.test', '--server', $lan->address, '--rewrite', '*@inner.test');
	$lists->make('lan', mailing => ['greta@corp.test'], public => 'on');
	$lists->send(from => 'ann@x.test', to => "lan\@$domain");
	my ($message) = $lan->wait_messages(1);
	is_deeply $message->{to}, ['greta@inner.test'], 'the copy goes to that server, as the rule says';
	$lan->stop;
};

subtest 'what somebody signed stays as it is' => sub {
	$lists->make('signed', mailing => ['anna'], public => 'on', signature => 'THE LIST');
	$lists->send(from => 'ann@x.test', to => "signed\@$domain");
	is body($lists->wait_mails('anna', 1)), "text\r\nTHE LIST\r\n", 'a message that nobody signed has the text of the list';
	my $dkim = "DKIM-Signature: v=1; a=rsa-sha256; d=x.test; s=a; h=from; bh=; b=\n";
	$lists->send(from => 'ann@x.test', to => "signed\@$domain", header => $dkim);
	is body($lists->wait_mails('anna', 1)), "text\r\n", 'no text is added to it';
	$p->postroom_ok('list', 'set', 'signed', 'break-signatures', 'on');
	$lists->send(from => 'ann@x.test', to => "signed\@$domain", header => $dkim);
	is body($lists->wait_mails('anna', 1)), "text\r\nTHE LIST\r\n", 'but where that is wanted';
};

$p->stop;
$server->stop;
done_testing;

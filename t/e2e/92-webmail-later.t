#!/usr/bin/perl
# Webmail: letters that go later, by the API of the pages: listed, sent by themselves, at once, or not at all.
use strict;
use warnings;
use lib 't/lib';
use IO::Socket::INET;
use Postroom::Outgoing;
use Postroom::Test;
use Postroom::Webmail;
use Test::More;

my $p = Postroom::Test->start(users => { anna => 'secret-a', bob => 'secret-b' });
my $domain = $p->domain;
my $out = Postroom::Outgoing->new($p);
my ($anna, $bob) = map { Postroom::Webmail->new($p, $_, 'secret-' . substr $_, 0, 1) } qw(anna bob);

# Those that wait, once there are so many.
sub scheduled {
	my ($count) = @_;
	my $list;
	$p->wait_for(sub { $list = $anna->ok(GET => '/mail/scheduled'); return @{ $list->{items} } == $count }, "$count wait", 20);
	return $list;
}

subtest 'a letter waits, with its blind copies, and goes by itself' => sub {
	my $at = time + 6;
	my $sent = $anna->ok(POST => '/mail/send', { to => "Bob <bob\@$domain>", bcc => 'anna', subject => "sp\x{e4}ter", text => 'later', at => $at });
	is_deeply $sent->{refused}, [], 'taken for all';
	my $list = scheduled(1);
	my ($item) = @{ $list->{items} };
	is $item->{at}, $at, 'it says when it goes';
	is $item->{subject}, "sp\x{e4}ter", 'and what it is';
	is_deeply $item->{to}, [{ name => 'Bob', address => "bob\@$domain" }], 'and to whom';
	my ($folder) = grep { ($_->{use} // '') eq 'scheduled' } @{ $anna->ok(GET => '/mail/folders')->{items} };
	is $folder->{messages}, 1, 'a mail program sees it in a folder for that';
	is $anna->messages('Sent%20Items')->{total}, 0, 'it does not lie among what was sent';
	is $bob->messages('INBOX')->{total}, 0, 'nor is it there yet';
	is scalar @{ $bob->ok(GET => '/mail/scheduled')->{items} }, 0, 'nobody else sees it';
	is +($bob->call(DELETE => "/mail/scheduled/$item->{id}"))[0], 404, 'nor takes it back';
	my $page = $bob->messages('INBOX', 1);
	my $came = $bob->ok(GET => Postroom::Webmail::path('INBOX', $page, $page->{items}[0]));
	cmp_ok time, '>=', $at, 'it came at its time';
	is $came->{date}, $at, 'which is its date';
	is_deeply $came->{bcc}, [], 'without its blind copies';
	scheduled(0);
	my $copies = $anna->messages('Sent%20Items');
	is $copies->{total}, 1, 'its copy is among what was sent then';
	is_deeply [map { $_->{address} } @{ $anna->ok(GET => Postroom::Webmail::path('Sent%20Items', $copies, $copies->{items}[0]))->{bcc} }],
		["anna\@$domain"], 'with its blind copies';
};

subtest 'taken back, it is a draft; or it goes at once' => sub {
	$anna->ok(POST => '/mail/send', { to => 'bob', subject => 'doubts', text => 'x', at => time + 3600 });
	my ($item) = @{ scheduled(1)->{items} };
	my $place = $anna->ok(DELETE => "/mail/scheduled/$item->{id}");
	is $place->{folder}, 'Drafts', 'it lies among the drafts';
	is $anna->ok(GET => "/mail/messages/Drafts/$place->{uidvalidity}/$place->{uid}")->{subject}, 'doubts', 'at the place that is told';
	$p->wait_for(sub { !$out->waiting($item->{id}) }, 'the queue has it no more', 20);
	is +($anna->call(DELETE => "/mail/scheduled/$item->{id}"))[0], 404, 'once';
	$anna->ok(POST => '/mail/send', { to => 'bob', subject => 'hurry', text => 'x', at => time + 3600, replaces => { map { $_ => $place->{$_} } qw(folder uidvalidity uid) } });
	($item) = @{ scheduled(1)->{items} };
	is $anna->messages('Drafts')->{total}, 0, 'what was a draft is none while it waits';
	$anna->ok(POST => "/mail/scheduled/$item->{id}/send");
	my $page = $bob->messages('INBOX', 2);
	is $page->{items}[0]{subject}, 'hurry', 'it came now';
	scheduled(0);
	is $anna->messages('Sent%20Items')->{total}, 2, 'and lies among what was sent';
};

subtest 'what is no time, and what went meanwhile' => sub {
	for my $at (time - 10, 'tomorrow', time + 400 * 86400) {
		is +($anna->call(POST => '/mail/send', { to => 'bob', text => 'x', at => $at }))[0], 422, "refused: $at";
	}
	scheduled(0);
	$anna->ok(POST => '/mail/send', { to => 'bob', subject => 'slow', text => 'x', at => time + 3600 });
	my ($item) = @{ scheduled(1)->{items} };
	$p->postroom_ok('queue', 'release', $item->{id});
	$bob->messages('INBOX', 3);
	my ($status, $reply) = $anna->call(DELETE => "/mail/scheduled/$item->{id}");
	is "$status $reply->{error}{code}", '409 gone', 'nobody takes back what has gone';
	is $anna->messages('Drafts')->{total}, 0, 'it is no draft';
};

subtest '09-15.7 another program has the port for mail' => sub {
	$p->stop_running;
	my $other = IO::Socket::INET->new(LocalAddr => $p->host, LocalPort => $p->port('smtp'), Listen => 5, ReuseAddr => 1) or die "no socket: $!\n";
	$p->run;
	my $user = Postroom::Webmail->new($p, 'anna', 'secret-a');
	is_deeply $user->ok(POST => '/mail/send', { to => 'bob', subject => 'around', text => 'x' })->{refused}, [], 'webmail sends all the same';
	is $user->messages('Sent%20Items')->{items}[0]{subject}, 'around', 'and keeps its copy';
	my $receiver = Postroom::Webmail->new($p, 'bob', 'secret-b');
	is $receiver->messages('INBOX', 4)->{items}[0]{subject}, 'around', 'it came';
};

$p->stop;
done_testing;

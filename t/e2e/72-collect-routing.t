#!/usr/bin/perl
# Whom collected messages are for: by their header, by what the collector is set to; and what becomes of those that are
# for nobody. The tables of t/unit/common/collecting have the fine points.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Collecting;
use Postroom::Process qw(read_file write_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

my @users = qw(bill bob fred joe kate user);
my $p = Postroom::Test->start(users => { map { $_ => "$_-secret" } @users });
my $c = Postroom::Collecting->new($p, 'accepted-domains' => 'mycompany.com');
my $d = $c->{d};
my $outside = Postroom::SmtpServer->start;
$p->postroom_ok('sender', 'set', 'default', '--method', 'relay', '--servers', $outside->address);

# Is a message in the INBOX of these users, and of no others?
sub is_for {
	my ($mark, @expected) = @_;
	my @found = grep { $d->find($_, 'INBOX', $mark) } @users;
	return is_deeply \@found, [sort @expected], "$mark is for " . (@expected ? "@expected" : 'nobody');
}

# Mails for the administrator since the last call, by a part of their subject.
my %seen;

sub reports {
	my ($pattern) = @_;
	my $imap = $p->imap;
	$imap->login('postmaster', $p->password);
	$imap->cmd('SELECT INBOX');
	$imap->cmd('UID SEARCH ALL');
	my ($found) = $imap->untagged('SEARCH');
	my @new = grep { !$seen{$_}++ } $found->{raw} =~ /\b(\d+)\b/g;
	my @texts;
	for my $uid (@new) {
		$imap->cmd("UID FETCH $uid (BODY.PEEK[])");
		my ($fetched) = $imap->untagged('FETCH');
		push @texts, $fetched->{raw};
	}
	$imap->logout;
	return grep { /$pattern/ } @texts;
}

subtest '04-6.1 accepted domains' => sub {
	my $mark = $c->put(['To: bill@mycompany.com', 'Cc: kate@other.test']);
	$c->run;
	is_for($mark, 'bill');
	is reports(qr/./), 0, 'no error';
};

subtest '04-6.2 special fields, and the order' => sub {
	$c->set('special-fields' => 'X-RCPTTO');
	my $mark = $c->put(['X-RCPTTO: fred@mycompany.com', 'To: bill@mycompany.com']);
	$c->run;
	is_for($mark, 'fred');
	$c->set('order' => 'special, standard, stop-if-found, received');
	$mark = $c->put(['X-RCPTTO: fred@mycompany.com', 'To: bill@mycompany.com']);
	$c->run;
	is_for($mark, 'bill', 'fred');
	$c->reset;
};

subtest '04-6.3 the forms of special fields' => sub {
	$c->set('special-fields' => "Delivered-To: 547-*\nX-R: /<([^>]+)>/g");
	my $one = $c->put(['Delivered-To: 547-user@mycompany.com', 'To: list@x.test']);
	my $two = $c->put(['X-R: <kate@mycompany.com> and <joe@mycompany.com>']);
	$c->run;
	is_for($one, 'user');
	is_for($two, 'joe', 'kate');
	my ($status, undef, $err) = $p->postroom('collector', 'set', 'isp', 'special-fields', 'X-R: /(/');
	isnt $status, 0, 'an invalid regular expression is refused';
	like $err, qr/line 1: the regular expression is wrong/, 'it says where and why';
	$c->reset;
};

subtest '09-14.1 the five entries, and a message that none of them helps' => sub {
	my @entries = (
		['Delivered-To:', 'Delivered-To: user@mycompany.com'],
		['X-RCPT-To: *', 'X-RCPT-To: user@mycompany.com'],
		['Delivered-To: 547-*', 'Delivered-To: 547-user@mycompany.com'],
		['Delivered-To: 547-* confirmed', 'Delivered-To: 547-user@mycompany.com confirmed'],
		['Delivered-To: 547-* ~', 'Delivered-To: 547-user@mycompany.com any text'],
		['X-Recipient: /<([^>@]+@[a-z0-9.-]+)>/ig', 'X-Recipient: for <user@mycompany.com>'],
	);
	for my $entry (@entries) {
		$c->set('special-fields' => $entry->[0]);
		my $mark = $c->put([$entry->[1], 'To: friends@x.test']);
		$c->run;
		is_for($mark, 'user');
	}
	my $mark = $c->put(['To: friends@x.test', 'Subject: lost one']);
	$c->run;
	is_for($mark);
	is reports(qr/$mark/), 1, 'it is with whom the settings name';
	$c->reset;
};

subtest '04-6.4 Received alone' => sub {
	my @header = ('Received: from a.test by b.test for <joe@mycompany.com>; Mon, 1 Jan 2024 00:00:00 +0000');
	my $mark = $c->put([], top => \@header);
	$c->run;
	is_for($mark, 'joe');
	$c->set('order' => 'special, stop-if-found, standard');
	$mark = $c->put([], top => \@header);
	$c->run;
	is_for($mark);
	is reports(qr/$mark/), 1, 'a routing error';
	$c->reset;
};

subtest '04-6.5 a line of an mbox before the header' => sub {
	my @line = ('From someone@x.test Mon Jan  1 00:00:00 2024');
	my $mark = $c->put(['To: bill@mycompany.com'], top => \@line);
	$c->run;
	is_for($mark, 'bill');
	unlike [$d->find('bill', 'INBOX', $mark)]->[0], qr/^From someone/m, 'it is dropped';
	$c->set('ignore-from-line' => 'off');
	$mark = $c->put(['To: bill@mycompany.com'], top => \@line);
	$c->run;
	is_for($mark);
	is reports(qr/$mark/), 1, 'a routing error';
	$c->reset;
};

subtest '01-10.7 an address that is elsewhere' => sub {
	$p->postroom_ok('mapping', 'add', 'gone', '*REMOTE');
	my $both = $c->put(['To: gone@mycompany.com, fred@mycompany.com']);
	my $alone = $c->put(['To: gone@mycompany.com']);
	$c->run;
	is_for($both, 'fred');
	is_for($alone);
	is reports(qr/./), 0, 'no error message';
	is scalar(grep { $_->{data} =~ /\Q$both\E|\Q$alone\E/ } $outside->messages), 0, 'nothing is sent out again';
};

subtest '01-10.8 a FROM mapping' => sub {
	$p->postroom_ok('mapping', 'add', 'customer@ourclient.org', 'fred', '--type', 'from');
	my $mark = $c->put(['From: Customer <customer@ourclient.org>', 'To: friends@x.test']);
	my $beside = $c->put(['From: Customer <customer@ourclient.org>', 'To: bill@mycompany.com']);
	$c->run;
	is_for($mark, 'fred');
	is_for($beside, 'bill', 'fred');
	my $smtp = $p->smtp;
	$smtp->ehlo('x.test');
	$smtp->send_message('customer@ourclient.org', ['bob@' . $p->domain], "X-Mark: by-smtp\r\n\r\nHello\r\n");
	$d->settled;
	is_for('by-smtp', 'bob');
	is reports(qr/./), 0, 'no error message';
};

subtest 'a mapping from elsewhere, and default mappings off' => sub {
	$p->postroom_ok('mapping', 'add', 'bob@mycompany.com', 'kate');
	$c->set('default-mappings' => 'off');
	my $mark = $c->put(['To: bob@mycompany.com, joe@mycompany.com']);
	$c->run;
	is_for($mark, 'kate');
	$p->postroom_ok('mapping', 'delete', 'bob@mycompany.com', 'kate');
	$c->reset;
};

subtest 'all to a user, and folder' => sub {
	$c->set('route' => 'user', 'target' => 'fred Customers, bob');
	my $mark = $c->put(['To: bill@mycompany.com']);
	$c->run;
	is_for($mark, 'bob');
	is scalar($d->find('fred', 'Customers', $mark)), 1, 'in the folder';
	$c->reset;
};

subtest '04-6.6 routing errors' => sub {
	my @header = ('Return-Path: <sender@far.test>', 'From: sender@far.test', 'To: nobody@mycompany.com', 'Subject: lost');
	my $bounces = sub {
		my ($mark) = @_;
		return grep { $_->{from} eq '' && "@{ $_->{to} }" =~ /sender\@far\.test/ && $_->{data} =~ /$mark/ } $outside->messages;
	};
	my $mark = $c->put(\@header);
	$c->run;
	my @reports = reports(qr/$mark/);
	is @reports, 1, '1: one mail for the administrator';
	like $reports[0], qr{Content-Type: message/rfc822.*X-Mark: \Q$mark\E}s, '... with the original attached';
	like $reports[0], qr/nobody\@mycompany\.com: nobody here/, '... and why';
	is $bounces->($mark), 0, 'no bounce';

	$c->set('error' => 'message-admin');
	$mark = $c->put(\@header);
	$c->run;
	@reports = reports(qr/$mark/);
	is @reports, 1, '2: the message itself';
	unlike $reports[0], qr{message/rfc822}, '... and nothing else';

	$c->set('error' => 'report-address', 'error-target' => 'kate');
	$mark = $c->put(\@header);
	$c->run;
	is scalar($d->find('kate', 'INBOX', { subject => 'No recipient: lost' })), 1, '3: a report to an address';

	$c->set('error' => 'message-address', 'error-target' => 'kate Lost');
	$mark = $c->put(\@header);
	$c->run;
	is scalar($d->find('kate', 'Lost', $mark)), 1, '4: the message to an address';

	$c->set('error' => 'bounce', 'bounce-text' => 'Nobody of that name works here');
	$mark = $c->put(\@header);
	my $spam = $c->put([@header, 'X-Spam-Status: Yes, score=120.5 required=5']);
	my $null = $c->put(['Return-Path: <>', @header[1 .. 3]]);
	$c->run;
	$p->wait_for(sub { $bounces->($mark) == 1 }, '5: one bounce with a null return path', 10);
	like +($bounces->($mark))[0]{data}, qr/Nobody of that name works here/, '... with the words of the settings';
	is_for($mark);
	is reports(qr/$mark/), 0, '... and no local copy';
	is $bounces->($spam), 0, 'none above the spam limit';
	is scalar(grep { $_->{data} =~ /$null/ } $outside->messages), 0, 'none to a null return path';

	$c->set('error' => 'ignore');
	$mark = $c->put(\@header);
	$c->run;
	is_for($mark);
	is reports(qr/$mark/), 0, '6: nothing';
	is $bounces->($mark), 0, '... anywhere';
	like $p->log, qr/collector isp: no recipient for a message from=<sender\@far\.test>/, '... but a line in the log';

	$c->set('error' => 'message-address', 'bounce' => 'on');
	$mark = $c->put(\@header);
	$c->run;
	is scalar($d->find('kate', 'Lost', $mark)), 1, 'the extra bounce: the message goes where it is to go';
	$p->wait_for(sub { $bounces->($mark) == 1 }, '... and a bounce, too', 10);
	$c->reset;
};

subtest '04-6.7 all to a server' => sub {
	my $lan = Postroom::SmtpServer->start(auth => { joe => 'letmein' });
	$c->set('route' => 'forward', 'target' => 'office@lan.test',
		'forward-server' => 'joe:letmein@' . $lan->address);
	my @marks = map { $c->put(["To: bill\@mycompany.com", "Subject: $_"]) } 1 .. 3;
	$c->run;
	$lan->wait_messages(3);
	for my $mark (@marks) {
		my @found = grep { $_->{data} =~ /$mark/ } $lan->messages;
		is @found, 1, "$mark came";
		is_deeply $found[0]{to}, ['office@lan.test'], '... for the one address';
	}
	ok scalar(grep { /^AUTH / } $lan->commands), 'after a login';
	unlike $p->log, qr/letmein/, 'whose password is in no log';
	my $address = $lan->address;
	my $shown = $p->postroom_ok('collector', 'show', 'isp') . $p->postroom_ok('collector', 'show', 'isp', '--json');
	is scalar(() = $shown =~ /joe:\*{5}\@\Q$address\E/g), 2, 'shown with stars';
	unlike $shown . $p->postroom_ok('export'), qr/letmein/, 'the password is not shown, nor exported';
	is system('grep', '-rq', 'letmein', map { $p->dir . "/state/$_" } qw(config settings)), 1 << 8, '... nor in a file of settings';
	$p->postroom_ok('collector', 'set', 'isp', 'forward-server', "joe:*****\@$address");
	my $again = $c->put(['To: bill@mycompany.com', 'Subject: again']);
	$c->run;
	$lan->wait_messages(4);
	is scalar(grep { $_->{data} =~ /$again/ } $lan->messages), 1, 'with stars it goes on,';
	unlike $p->log, qr{the secret lfwd/\w+ was deleted}, '... with the password that there is';
	my ($status, undef, $error) = $p->postroom('collector', 'set', 'isp', 'forward-server', 'joe:*****@other.test');
	isnt $status, 0, 'but not for another server';
	like $error, qr/needs its password/, '... which is said';
	$c->reset;
	like $p->log, qr{the secret lfwd/\w+ was deleted}, 'what nobody needs any more is forgotten';
};

subtest 'collect explain says the same' => sub {
	my $file = $p->dir . '/message';
	write_file($file, "From: a\@b.test\r\nTo: bill\@mycompany.com, nobody\@mycompany.com\r\nCc: kate\@other.test\r\n\r\nHello\r\n");
	my $answer = $p->postroom_json('collect', 'explain', $file, '--collector', 'isp');
	is_deeply $answer->{recipients}, ['bill@mycompany.com'], 'recipients';
	is_deeply [grep { /nobody\@mycompany\.com is nobody here|kate\@other\.test is of another domain/ } @{ $answer->{steps} }],
		[@{ $answer->{steps} }[1, 2]], 'why not the others';
	$c->set('order' => 'stop, standard');
	$answer = $p->postroom_json('collect', 'explain', $file);
	my (undef, undef, $warnings) = $p->postroom('collector', 'set', 'isp', 'order', 'special, stop, standard, special', 'accepted-domains',
		'mycompany.com; *');
	like $warnings, qr/warning: order: step 3, "standard", is never reached/, 'a step that is never reached is told as it is set,';
	like $warnings, qr/warning: order: step 4, "special", is never reached/, '... each of them,';
	like $warnings, qr/warning: accepted-domains: with \* every address counts/, '... and that all addresses count';
	is +($p->postroom('collector', 'set', 'isp', 'order', 'standard, received'))[2], '', 'nothing where nothing is odd';
	$p->postroom_ok('collector', 'unset', 'isp', 'order');
	$p->postroom_ok('collector', 'set', 'isp', 'accepted-domains', 'mycompany.com');
	is $answer->{error}, 'report-admin', 'nobody is left';
	like $answer->{warnings}[1], qr/step 2, "standard", is never reached/, 'an order that makes no sense is told';
	isnt +($p->postroom('collect', 'explain', $file, '--collector', 'none'))[0], 0, 'a collector that is not there';
	$c->reset;
};

$p->finish;
done_testing;

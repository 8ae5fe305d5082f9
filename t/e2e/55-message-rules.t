#!/usr/bin/perl
# Message rules of users, as they act on real deliveries.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Delivered;
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { map { $_ => "$_-secret" } qw(anna bob carl) });
my $domain = $p->domain;
my $d = Postroom::Delivered->new($p);

# A rule of anna's: options, conditions, actions, each a string or a list.
sub rule {
	my ($conditions, $actions, %options) = @_;
	$p->postroom_ok('user', 'rule', 'add', $options{user} // 'anna', (map { ('--condition', $_) } @$conditions),
		(map { ('--action', $_) } @$actions), map { ("--$_", $options{$_}) } grep { $_ ne 'user' } sort keys %options);
	return;
}

sub no_rules {
	my ($user) = @_;
	$user //= 'anna';
	$p->postroom_ok('user', 'rule', 'delete', $user, 1) for @{ $p->postroom_json('user', 'rule', 'list', $user) };
	return;
}

subtest '02-11.1 copy and move to a folder that is made' => sub {
	rule(['Subject contains warning'], ['copy Testrule']);
	my $mark = $d->send(header => ['Subject: A WARNING of rain']);
	$d->arrives('anna', 'INBOX', $mark);
	$d->arrives('anna', 'Testrule', $mark);
	no_rules();
	rule(['Subject contains warning'], ['move Testrule']);
	$mark = $d->send(header => ['Subject: A WARNING of snow']);
	$d->arrives('anna', 'Testrule', $mark);
	$d->is_not_in('anna', 'INBOX', $mark);
	no_rules();
};

subtest '02-11.2 a rule that asks which rule matched before' => sub {
	rule(['Subject contains cat', 'Subject contains cow', 'Subject contains dog'], ['flag 1'], name => 'A', match => 'any');
	rule(['From contains boss', 'RuleMatch equals A'], ['copy Both'], name => 'B');
	my $both = $d->send(header => ['Subject: a cow', 'From: boss@x.test']);
	my $other = $d->send(header => ['Subject: a horse', 'From: boss@x.test']);
	$d->arrives('anna', 'Both', $both);
	$d->arrives('anna', 'INBOX', $other);
	$d->is_not_in('anna', 'Both', $other);
	no_rules();
};

subtest '02-11.3 negation and case' => sub {
	rule(['not Subject contains dog'], ['copy Not']);
	rule(['case Subject contains dog'], ['copy Case']);
	my $mark = $d->send(header => ['Subject: The Dog']);
	$d->arrives('anna', 'INBOX', $mark);
	$d->is_not_in('anna', 'Not', $mark);
	$d->is_not_in('anna', 'Case', $mark);
	$mark = $d->send(header => ['Subject: The cat']);
	$d->arrives('anna', 'Not', $mark);
	no_rules();
};

subtest '02-11.4 rules for incoming messages alone' => sub {
	rule([], ['copy Outside'], types => 'incoming');
	my $mark = $d->send();
	$d->arrives('anna', 'Outside', $mark);
	$mark = $d->send(login => 'bob', from => "bob\@$domain");
	$d->arrives('anna', 'INBOX', $mark);
	$d->is_not_in('anna', 'Outside', $mark);
	# a report, which the server makes itself
	my $smtp = $p->smtp(service => 'submission');
	$smtp->ehlo('client.test');
	$smtp->starttls == 220 && $smtp->ehlo('client.test');
	$smtp->auth(PLAIN => "anna", 'anna-secret');
	$smtp->send_message("anna\@$domain", ['nobody@nowhere.invalid'], "Subject: x\r\nX-Mark: reported\r\n\r\nx\r\n");
	$p->wait_for(sub { my $imap = $p->imap; $imap->login('anna', 'anna-secret'); $imap->cmd('SELECT INBOX');
			$imap->cmd('SEARCH FROM "mailer"'); my ($found) = $imap->untagged('SEARCH'); $imap->logout; $found->{raw} =~ /\d/ },
		'the report', 30);
	my $imap = $p->imap;
	$imap->login('anna', 'anna-secret');
	$imap->cmd('SELECT Outside');
	$imap->cmd('SEARCH ALL');
	my ($found) = $imap->untagged('SEARCH');
	is scalar(() = $found->{raw} =~ /\b\d+\b/g), 1, 'only the one from outside';
	$imap->logout;
	no_rules();
};

subtest '02-11.5 stop, and the order of rules' => sub {
	rule([], ['copy First', 'stop'], name => 'first');
	rule([], ['copy Second'], name => 'second');
	my $mark = $d->send();
	$d->arrives('anna', 'First', $mark);
	$d->is_not_in('anna', 'Second', $mark);
	$p->postroom_ok('user', 'rule', 'move', 'anna', 'second', 1);
	$mark = $d->send();
	$d->arrives('anna', 'Second', $mark);
	$d->arrives('anna', 'First', $mark);
	no_rules();
};

subtest '02-11.6 sizes are numbers' => sub {
	rule(['Size greater 9'], ['copy Big']);
	rule(['Size less 9'], ['copy Small']);
	my $mark = $d->send();
	$d->arrives('anna', 'Big', $mark);
	$d->is_not_in('anna', 'Small', $mark);
	no_rules();
};

subtest '02-11.7 header fields and keywords' => sub {
	rule([], ['header MyHeader: blob', 'header X-Old:', 'header Subject: another', 'keyword work', 'mark-read 1', 'flag']);
	my $mark = $d->send(header => ['Subject: one', 'X-Old: x']);
	my $text = $d->arrives('anna', 'INBOX', $mark);
	like $text, qr/FLAGS \((?=[^)]*\bwork\b)(?=[^)]*\\Seen)(?=[^)]*\\Flagged)/, 'flags and keyword';
	like $text, qr/^MyHeader: blob\r$/m, 'added';
	like $text, qr/^Subject: another\r$/m, 'changed';
	unlike $text, qr/^X-Old/m, 'removed';
	like $text, qr/\r\n\r\nHello\r\n/, 'and the body is as it was';
	no_rules();
};

subtest '02-11.8 delete and forward' => sub {
	rule([], ['delete 1', 'forward bob', 'copy Kept']);
	my $mark = $d->send();
	my $text = $d->arrives('bob', 'INBOX', $mark);
	$d->is_not_in('anna', $_, $mark) for qw(INBOX Kept);
	no_rules();
};

subtest '02-11.9 who sends a forward' => sub {
	rule([], ["forward bob\@$domain"]);
	rule(['Subject contains special'], ["forward carl\@$domain", 'forward-from special@boss.test']);
	my $mark = $d->send(header => ['Subject: special']);
	like $d->arrives('bob', 'INBOX', $mark), qr/^Return-Path: <anna\@\Q$domain\E>\r$/m, 'the user';
	like $d->arrives('carl', 'INBOX', $mark), qr/^Return-Path: <special\@boss\.test>\r$/m, 'or who the rule names';
	no_rules();
};

subtest 'a circle of forwards ends' => sub {
	rule([], ['forward bob']);
	rule([], ['forward anna'], user => 'bob');
	my $mark = $d->send();
	$d->arrives('bob', 'INBOX', $mark);
	$d->settled;
	my @copies = $d->find('anna', 'INBOX', $mark);
	is scalar @copies, 2, 'her own, and the one that came back';
	no_rules();
	no_rules('bob');
};

subtest 'many users of one message, some with rules' => sub {
	rule([], ['move Elsewhere']);
	my $mark = $d->send(to => [map { "$_\@$domain" } qw(anna bob carl)]);
	$d->arrives('anna', 'Elsewhere', $mark);
	$d->arrives($_, 'INBOX', $mark) for qw(bob carl);
	$d->is_not_in('anna', 'INBOX', $mark);
	no_rules();
};

$p->stop;
done_testing;

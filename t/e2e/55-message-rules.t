#!/usr/bin/perl
# Message rules of users, as they act on real deliveries.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { map { $_ => "$_-secret" } qw(anna bob carl) });
my $domain = $p->domain;
my $sent = 0;

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

# Send a message; returns a text by which it is found.
sub send_mail {
	my (%options) = @_;
	my $mark = 'mark-' . ++$sent . '-end';
	my $smtp = $p->smtp(service => $options{login} ? 'submission' : 'smtp');
	$smtp->ehlo('client.test');
	if ($options{login}) {
		$smtp->starttls == 220 && $smtp->ehlo('client.test');
		$smtp->auth(PLAIN => $options{login}, "$options{login}-secret");
	}
	my $text = join "\r\n", @{ $options{header} // ['Subject: a message'] }, "X-Mark: $mark", '', $options{body} // 'Hello', '';
	like $smtp->send_message($options{from} // 'sender@stranger.test', $options{to} // ["anna\@$domain"], $text), qr/\A250/, 'taken';
	return $mark;
}

# The messages with a mark in a folder: [flags, text] each.
sub find_in {
	my ($user, $folder, $mark) = @_;
	my $imap = $p->imap;
	$imap->login($user, "$user-secret");
	my @found;
	if ($imap->cmd(qq{SELECT "$folder"})->{type} eq 'OK') {
		$imap->cmd(qq{SEARCH HEADER X-Mark "$mark"});
		my ($search) = $imap->untagged('SEARCH');
		for my $number ($search->{raw} =~ /\b(\d+)\b/g) {
			$imap->cmd("FETCH $number (FLAGS BODY.PEEK[])");
			push @found, join '', map { $_->{raw} } $imap->untagged('FETCH');
		}
	}
	$imap->logout;
	return @found;
}

sub arrives {
	my ($user, $folder, $mark) = @_;
	my @found;
	$p->wait_for(sub { @found = find_in($user, $folder, $mark) }, "a message in $folder of $user", 20);
	is scalar @found, 1, "one in $folder of $user";
	return $found[0];
}

# Its delivery is over: the queue has let it go.
sub is_over {
	my ($mark) = @_;
	return $p->wait_for(sub { !@{ $p->queue } && !glob $p->dir . '/spool/*/new/*' }, 'the queue is empty', 20);
}

sub is_not_in {
	my ($user, $folder, $mark) = @_;
	is_over($mark);
	return is scalar(find_in($user, $folder, $mark)), 0, "none in $folder of $user";
}

subtest '02-11.1 copy and move to a folder that is made' => sub {
	rule(['Subject contains warning'], ['copy Testrule']);
	my $mark = send_mail(header => ['Subject: A WARNING of rain']);
	arrives('anna', 'INBOX', $mark);
	arrives('anna', 'Testrule', $mark);
	no_rules();
	rule(['Subject contains warning'], ['move Testrule']);
	$mark = send_mail(header => ['Subject: A WARNING of snow']);
	arrives('anna', 'Testrule', $mark);
	is_not_in('anna', 'INBOX', $mark);
	no_rules();
};

subtest '02-11.2 a rule that asks which rule matched before' => sub {
	rule(['Subject contains cat', 'Subject contains cow', 'Subject contains dog'], ['flag 1'], name => 'A', match => 'any');
	rule(['From contains boss', 'RuleMatch equals A'], ['copy Both'], name => 'B');
	my $both = send_mail(header => ['Subject: a cow', 'From: boss@x.test']);
	my $other = send_mail(header => ['Subject: a horse', 'From: boss@x.test']);
	arrives('anna', 'Both', $both);
	arrives('anna', 'INBOX', $other);
	is_not_in('anna', 'Both', $other);
	no_rules();
};

subtest '02-11.3 negation and case' => sub {
	rule(['not Subject contains dog'], ['copy Not']);
	rule(['case Subject contains dog'], ['copy Case']);
	my $mark = send_mail(header => ['Subject: The Dog']);
	arrives('anna', 'INBOX', $mark);
	is_not_in('anna', 'Not', $mark);
	is_not_in('anna', 'Case', $mark);
	$mark = send_mail(header => ['Subject: The cat']);
	arrives('anna', 'Not', $mark);
	no_rules();
};

subtest '02-11.4 rules for incoming messages alone' => sub {
	rule([], ['copy Outside'], types => 'incoming');
	my $mark = send_mail();
	arrives('anna', 'Outside', $mark);
	$mark = send_mail(login => 'bob', from => "bob\@$domain");
	arrives('anna', 'INBOX', $mark);
	is_not_in('anna', 'Outside', $mark);
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
	my $mark = send_mail();
	arrives('anna', 'First', $mark);
	is_not_in('anna', 'Second', $mark);
	$p->postroom_ok('user', 'rule', 'move', 'anna', 'second', 1);
	$mark = send_mail();
	arrives('anna', 'Second', $mark);
	arrives('anna', 'First', $mark);
	no_rules();
};

subtest '02-11.6 sizes are numbers' => sub {
	rule(['Size greater 9'], ['copy Big']);
	rule(['Size less 9'], ['copy Small']);
	my $mark = send_mail();
	arrives('anna', 'Big', $mark);
	is_not_in('anna', 'Small', $mark);
	no_rules();
};

subtest '02-11.7 header fields and keywords' => sub {
	rule([], ['header MyHeader: blob', 'header X-Old:', 'header Subject: another', 'keyword work', 'mark-read 1', 'flag']);
	my $mark = send_mail(header => ['Subject: one', 'X-Old: x']);
	my $text = arrives('anna', 'INBOX', $mark);
	like $text, qr/FLAGS \((?=[^)]*\bwork\b)(?=[^)]*\\Seen)(?=[^)]*\\Flagged)/, 'flags and keyword';
	like $text, qr/^MyHeader: blob\r$/m, 'added';
	like $text, qr/^Subject: another\r$/m, 'changed';
	unlike $text, qr/^X-Old/m, 'removed';
	like $text, qr/\r\n\r\nHello\r\n/, 'and the body is as it was';
	no_rules();
};

subtest '02-11.8 delete and forward' => sub {
	rule([], ['delete 1', 'forward bob', 'copy Kept']);
	my $mark = send_mail();
	my $text = arrives('bob', 'INBOX', $mark);
	is_not_in('anna', $_, $mark) for qw(INBOX Kept);
	no_rules();
};

subtest '02-11.9 who sends a forward' => sub {
	rule([], ["forward bob\@$domain"]);
	rule(['Subject contains special'], ["forward carl\@$domain", 'forward-from special@boss.test']);
	my $mark = send_mail(header => ['Subject: special']);
	like arrives('bob', 'INBOX', $mark), qr/^Return-Path: <anna\@\Q$domain\E>\r$/m, 'the user';
	like arrives('carl', 'INBOX', $mark), qr/^Return-Path: <special\@boss\.test>\r$/m, 'or who the rule names';
	no_rules();
};

subtest 'a circle of forwards ends' => sub {
	rule([], ['forward bob']);
	rule([], ['forward anna'], user => 'bob');
	my $mark = send_mail();
	arrives('bob', 'INBOX', $mark);
	is_over($mark);
	my @copies = find_in('anna', 'INBOX', $mark);
	is scalar @copies, 2, 'her own, and the one that came back';
	no_rules();
	no_rules('bob');
};

subtest 'many users of one message, some with rules' => sub {
	rule([], ['move Elsewhere']);
	my $mark = send_mail(to => [map { "$_\@$domain" } qw(anna bob carl)]);
	arrives('anna', 'Elsewhere', $mark);
	arrives($_, 'INBOX', $mark) for qw(bob carl);
	is_not_in('anna', 'INBOX', $mark);
	no_rules();
};

$p->stop;
done_testing;

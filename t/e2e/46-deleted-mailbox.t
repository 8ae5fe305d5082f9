#!/usr/bin/perl
# What becomes of the mail of users who are deleted: it goes, with the user's other files; mail under way comes back.
use strict;
use warnings;
use lib 't/lib';
use Fcntl qw(:flock);
use Postroom::Process qw(run_program write_file);
use Postroom::Test;
use Test::More;

my %users = map { $_ => "$_-secret" } qw(anna bert kate lea mia nora);
my $p = Postroom::Test->start(users => \%users, set => { 'login.password-cost' => 1 });
my %uid = map { $_->{name} => $_->{uid} } @{ $p->postroom_json('user', 'list') };
my @gone; # numbers that names had before

sub folder { return sprintf '%s/state/mail/%02d/%d', $p->dir, $uid{ $_[0] } % 100, $uid{ $_[0] } }

sub is_there { return grep { -e $_ } map { (folder($_), folder($_) . '.gone') } @_ }

sub send_to {
	my ($from, @to) = @_;
	like $p->smtp->send_message("$from\@example.test", [map { "$_\@example.test" } @to], "Subject: to @to\n\nbody\n"), qr/\A250/, "to @to";
	return;
}

sub delivered {
	my ($name, $count) = @_;
	$p->wait_for(sub {
		my $pop3 = $p->pop3;
		$pop3->login($name, "$name-secret");
		my ($found) = $pop3->cmd('STAT') =~ /\A\+OK (\d+)/;
		$pop3->cmd('QUIT');
		return $found == $count;
	}, "$name has $count", 20);
	return pass "$name has $count";
}

subtest 'a mailbox with mail goes when that was confirmed, and nobody else\'s' => sub {
	send_to('anna', 'kate', 'bert');
	delivered('kate', 1);
	delivered('bert', 1);
	my $file = $p->dir . '/file.txt';
	write_file($file, "sent along\n");
	$p->postroom_ok('user', 'media', 'add', 'kate', $file);
	my $media = $p->dir . "/state/mail/_media/$uid{kate}";
	ok -d $media, 'she has a file of her autoresponders';
	my ($status, $out, $err) = $p->postroom({ stdin => "no\n" }, qw(user delete Kate));
	is $status, 1, 'not without a yes';
	like $out, qr/\Akate, and \d+ octets of mail\n\z/, 'it says what would go';
	like $err, qr/nothing was changed/, 'and that it did not';
	ok is_there('kate'), 'her mailbox is there';
	($status) = $p->postroom({ stdin => "yes\n" }, qw(user delete Kate));
	is $status, 0, 'with one';
	$p->wait_for(sub { !is_there('kate') && !-e $media }, 'her mailbox goes, and her files', 20);
	delivered('bert', 1);
	$p->wait_log(qr/mailbox of the deleted user uid=$uid{kate} is removed/);
	like $p->smtp->send_message('anna@example.test', ['kate@example.test'], "Subject: late\n\nbody\n"), qr/\A550/, 'she is unknown';
};

subtest 'who has no mail is deleted without a question, and many at once with one' => sub {
	is(($p->postroom({ stdin => '' }, qw(user delete lea)))[0], 0, 'one without mail');
	$p->wait_for(sub { !is_there('lea') }, 'nothing is left', 20);
	send_to('anna', 'mia');
	delivered('mia', 1);
	my ($status, $out) = $p->postroom({ stdin => "yes\n" }, 'user', 'delete', 'mia,nora');
	is $status, 0, 'two';
	like $out, qr/^mia, and \d+ octets of mail\nnora\n2 users deleted\n\z/m, 'it says who has mail';
	$p->wait_for(sub { !is_there('mia', 'nora') }, 'both mailboxes go', 20);
};

subtest 'the number of a user who was deleted is given to nobody' => sub {
	$p->add_user('kate', 'kate-secret');
	my ($kate) = grep { $_->{name} eq 'kate' } @{ $p->postroom_json('user', 'list') };
	cmp_ok $kate->{uid}, '>', $uid{nora}, 'another number';
	my $pop3 = $p->pop3;
	$pop3->login('kate', 'kate-secret');
	like $pop3->cmd('STAT'), qr/\A\+OK 0 /, 'and nothing of the old mail';
	$pop3->cmd('QUIT');
	push @gone, $uid{kate};
	$uid{kate} = $kate->{uid};
};

subtest 'mail on its way to one who is deleted comes back, and makes no mailbox' => sub {
	send_to('anna', 'kate');
	delivered('kate', 1);
	open my $lock, '+<', folder('kate') . '/lock' or die "lock: $!";
	flock $lock, LOCK_EX or die "flock: $!";
	send_to('bert', 'kate');
	$p->wait_log(qr/deferred for user uid=$uid{kate}: the mailbox is locked/, 20);
	$p->postroom_ok(qw(user delete kate --yes));
	$p->wait_log(qr/mailbox of the deleted user uid=$uid{kate} stays for now: the mailbox is locked/, 20);
	ok is_there('kate'), 'a mailbox that somebody writes to waits';
	my ($waiting) = @{ $p->queue };
	$p->postroom_ok('queue', 'retry', $waiting->{id});
	delivered('bert', 2);
	my $pop3 = $p->pop3;
	$pop3->login('bert', 'bert-secret');
	my $report = join "\n", $pop3->multi('RETR 2');
	like $report, qr/^Final-Recipient: rfc822; ?kate\@example\.test\r?$/mi, 'he is told';
	like $report, qr/^Status: 5\.1\.1\r?$/mi, 'that there is no such recipient';
	$pop3->cmd('QUIT');
	$p->wait_for(sub { !@{ $p->queue } }, 'nothing waits any more', 20);
	close $lock or die "close: $!";
	$p->kill_daemon('configd', 'KILL');
	$p->wait_for(sub { !is_there('kate') }, 'it goes when it is free, also where configd was killed meanwhile', 20);
};

subtest 'the mailbox of who was deleted while nothing ran goes at the next start' => sub {
	send_to('anna', 'bert');
	delivered('bert', 3);
	is_deeply [$p->stop_running], [], 'stopped';
	my ($status, $out) = $p->postroom({ stdin => "no\n" }, qw(user delete bert));
	is $status, 1, 'a question, as nobody can tell what there is';
	like $out, qr/^bert, and the mail of this user$/m, 'it says so';
	$p->postroom_ok(qw(user delete bert --yes));
	ok is_there('bert'), 'it is there';
	$p->run;
	$p->wait_for(sub { !is_there('bert') }, 'it goes', 20);
};

subtest 'who was deleted is remembered until a minute later nothing is left' => sub {
	my $database = $p->dir . '/state/config/config.db';
	my $rows = sub { return (run_program('sqlite3', $database, 'SELECT uid FROM deleted_user ORDER BY uid'))[1] };
	is $rows->(), join('', map { "$_\n" } sort { $a <=> $b } @gone, @uid{qw(bert kate lea mia nora)}), 'all are';
	is_deeply [$p->stop_running], [], 'stopped';
	run_program('sqlite3', $database, 'UPDATE deleted_user SET since = since - 60');
	$p->run;
	$p->wait_for(sub { $rows->() eq '' }, 'and forgotten', 20);
};

$p->stop;
done_testing;

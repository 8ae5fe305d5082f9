#!/usr/bin/perl
# What became of a message: told in order, found again, and forgotten in time.
use strict;
use warnings;
use lib 't/lib';
use Postroom::SmtpServer;
use Postroom::Test;
use Postroom::Webmail;
use Test::More;

my $relay = Postroom::SmtpServer->start;
my $p = Postroom::Test->start(users => { anna => 'secret-a', bob => 'secret-b' }, relay => ['127.0.0.1']);
my $domain = $p->domain;
$p->postroom_ok('sender', 'set', 'default', '--method', 'relay', '--servers', '127.0.0.1:' . $relay->port);
$p->postroom_ok('mapping', 'add', 'sales', 'anna');
$p->postroom_ok('user', 'rule', 'add', 'bob', '--name', 'r', '--condition', 'Subject contains filed', '--action', 'move Found');
my $admin = Postroom::Webmail->new($p, 'postmaster', $p->password);

sub send_to {
	my ($subject, @to) = @_;
	my $smtp = $p->smtp;
	my $reply = $smtp->send_message('j@example.net', \@to, "Subject: $subject\n\nx\n");
	$smtp->quit;
	return $reply =~ /queued as (\S+)/ ? $1 : die "not taken: $reply\n";
}

# Its lines without their times, once one of them is like this.
sub lines {
	my ($id, $last) = @_;
	my @lines;
	$p->wait_for(sub {
		my ($status, $out) = $p->postroom('trace', $id);
		@lines = $status == 0 ? split /\n/, $out : ();
		return scalar grep { $_ =~ $last } @lines;
	}, "$id is traced");
	like $_, qr/\A\d{4}-\d\d-\d\d \d\d:\d\d:\d\d: \S/, 'a time and a text' for @lines;
	return map { s/\A.{19}: //r } @lines;
}

sub history_db {
	my ($sql) = @_;
	open my $out, '-|', 'sqlite3', $p->dir . '/state/history/log.db', $sql or die "sqlite3: $!\n";
	chomp(my $value = <$out> // '');
	close $out or die "sqlite3: $sql: $?\n";
	return $value;
}

my $mapped = send_to('x', "sales\@$domain");

subtest '06-7.6 a mapped delivery: what came, the mapping, where it went' => sub {
	my @lines = lines($mapped, qr/Stored/);
	is_deeply \@lines, ['MAIL FROM:<j@example.net>', "RCPT TO:<sales\@$domain>", 'Found Mapping sales to anna', 'Distribute message to anna',
		'Stored in anna:INBOX UID 1'], 'in order';
	my $told = $admin->ok(GET => "/trace/$mapped");
	is_deeply [map { s/\A.{19}: //r } @{ $told->{line} }], \@lines, 'the same by the API';
	is $told->{message}[0]{to}, "sales\@$domain", 'and whom it was to';
};

subtest 'what is elsewhere, what is filed, what fails' => sub {
	my @lines = lines(send_to('filed', "bob\@$domain", 'x@far.test', "nobody-here\@far.test"), qr/Stored/);
	ok +(grep { /\AStored in bob:Found UID 1\z/ } @lines), 'a rule of the user';
	my ($id) = map { $_->{id} } grep { $_->{to} =~ /far\.test/ } @{ $admin->ok(GET => '/trace?to=far.test')->{items} };
	@lines = lines($id, qr/\Asent: nobody-here|: sent: nobody-here/);
	ok +(grep { /\ADistribute message to another server for x\@far\.test\z/ } @lines), 'where it goes';
	ok +(grep { /\Asent: x\@far\.test, host .*250/ } @lines), 'what the other server said';
};

subtest 'searched for' => sub {
	my $ids = sub { join ' ', map { $_->{id} } @{ $admin->ok(GET => "/trace?$_[0]")->{items} } };
	is $ids->('to=SALES'), $mapped, 'by recipient, in any case';
	is $ids->("id=$mapped"), $mapped, 'by id';
	is $ids->('any=s?les@*'), $mapped, 'anywhere, with a pattern';
	is $ids->('any=%25'), '', 'what means something to a database means nothing here';
	is $ids->('from=example.net&to=sales&client=127.'), $mapped, 'by several';
	is $ids->('since=' . (time + 60)), '', 'since then';
	is $ids->('from=nobody'), '', 'there is none';
	like $p->postroom_ok('trace', '--to', 'sales'), qr/^\Q$mapped\E /m, 'at the command line';
	is $p->postroom_json('trace', '--any', 'sales')->[0]{id}, $mapped, 'for programs';
	my ($status) = $p->postroom('trace', 'no-such-id');
	isnt $status, 0, 'nothing is known of another';
	is +($admin->call(GET => '/trace/no-such-id'))[0], 404, 'by the API';
};

subtest '06-7.6 after seven days it is gone' => sub {
	is $p->postroom_ok('get', 'trace.days'), "7\n", 'seven';
	my $young = send_to('y', "anna\@$domain");
	lines($young, qr/Stored/);
	is_deeply [$p->stop_running], [], 'stopped';
	my $week = 7 * 24 * 3600 * 1_000_000;
	for my $table ('trace', 'trace_line') {
		history_db("UPDATE $table SET time = time - " . ($week + 60_000_000) . " WHERE id = '$mapped'");
		history_db("UPDATE $table SET time = time - " . ($week - 3600_000_000) . " WHERE id = '$young'");
	}
	is history_db("SELECT count(*) FROM trace_line WHERE id = '$mapped'"), 5, 'it was there';
	$p->run;
	my ($status) = $p->postroom('trace', $mapped);
	isnt $status, 0, 'it is forgotten';
	like $p->postroom_ok('trace', $young), qr/Stored in anna/, 'what is an hour younger is not';
};

subtest 'trace.days 0: nothing is kept' => sub {
	$p->set('trace.days' => 0);
	my $id;
	for (1 .. 2) {    # the first one tells queue-manager to look at the settings
		$id = send_to('z', "anna\@$domain");
		$p->wait_for(sub { $p->log =~ /id=\Q$id\E delivered/ }, 'it is delivered');
	}
	is_deeply [$p->stop_running], [], 'stopped';
	is history_db("SELECT count(*) FROM trace_line WHERE id = '$id'"), 0, 'no line';
};

done_testing;

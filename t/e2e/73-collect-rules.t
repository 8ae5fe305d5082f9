#!/usr/bin/perl
# Download rules: what becomes of messages that wait at a server, before and after they are fetched.
use strict;
use warnings;
use lib 't/lib';
use DBI;
use Postroom::Collecting;
use Postroom::Process qw(read_file write_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

my @users = qw(bob fred kate);
my $p = Postroom::Test->start(users => { map { $_ => "$_-secret" } @users });
my $domain = $p->domain;
my $c = Postroom::Collecting->new($p, 'accepted-domains' => 'company.com', rules => 'on');
my $d = $c->{d};
my $server = $c->{server};
my $outside = Postroom::SmtpServer->start;
$p->postroom_ok('sender', 'set', 'default', '--method', 'relay', '--servers', $outside->address);

# The rules: each an action, a parameter or undef, conditions.
sub rules {
	my (@rules) = @_;
	$p->postroom_ok('download-rule', 'delete', $_->{number}) for reverse @{ $p->postroom_json('download-rule', 'list') };
	my $number = 0;
	for my $rule (@rules) {
		my ($action, $parameter, @conditions) = @$rule;
		$p->postroom_ok('download-rule', 'add', '--name', 'r' . ++$number, '--action', $action,
			(defined $parameter ? ('--parameter', $parameter) : ()), map { ('--condition', $_) } @conditions);
	}
	return;
}

my $large = ('y' x 70 . "\n") x 60;

sub waits { return scalar grep { $_->{data} =~ /$_[0]/ } $server->remaining }
sub is_in { return is scalar($d->find($_[0], $_[1] // 'INBOX', $_[2])), 1, "in " . ($_[1] // 'INBOX') . " of $_[0]" }

sub message {
	my (%options) = @_;
	return $c->put(['Return-Path: <a@far.test>', 'From: ' . ($options{from} // 'A <a@far.test>'),
		'To: ' . ($options{to} // 'kate@company.com'), 'Subject: ' . ($options{subject} // 'a message'),
		@{ $options{header} // [] }], body => $options{body});
}

# What collect.db says of messages, turned back: as if it had happened so many days ago.
sub days_pass {
	my ($days) = @_;
	$p->kill_daemon('collector');
	my $db = DBI->connect('dbi:SQLite:dbname=' . $p->dir . '/state/collect/collect.db', '', '', { RaiseError => 1 });
	my $seconds = $days * 86400;
	$db->do("UPDATE message SET first_seen = first_seen - $seconds, asked = CASE asked WHEN 0 THEN 0 ELSE asked - $seconds END");
	$db->disconnect;
	return;
}

subtest '04-5.1 deleted by its header alone' => sub {
	rules(['Delete Silently', undef, 'Subject contains buy'], ['download', undef, 'Always 1']);
	my $bad = message(subject => 'please buy this');
	my $good = message();
	$c->run;
	is_in('kate', undef, $good);
	is scalar($d->find('kate', 'INBOX', $bad)), 0, 'the other is not';
	is waits($bad), 0, 'it is gone';
	is scalar($c->commands('TOP')), 2, 'TOP for both';
	is scalar($c->commands('RETR')), 1, 'RETR for one';
};

subtest '04-5.2 the first match wins' => sub {
	rules(['redirect', 'bob', 'Subject contains one'], ['redirect', 'fred', 'Subject contains one two']);
	my $mark = message(subject => 'one two');
	$c->run;
	is_in('bob', undef, $mark);
	$p->postroom_ok('download-rule', 'move', 1, 2);
	$mark = message(subject => 'one two');
	$c->run;
	is_in('fred', undef, $mark);
};

subtest '04-5.3 redirected to a folder and an inbox' => sub {
	rules(['redirect', 'fred Customers, bob', 'From contains customer']);
	my $mark = message(from => 'customer@far.test');
	$c->run;
	is_in('fred', 'Customers', $mark);
	is_in('bob', 'INBOX', $mark);
	is scalar($d->find('fred', 'INBOX', $mark)), 0, 'not in his inbox';
	is scalar($d->find('kate', 'INBOX', $mark)), 0, 'not for whom the header names';
};

subtest 'copied, to somebody elsewhere too' => sub {
	rules(['copy', 'bob, watch@elsewhere.test', 'Always 1']);
	my $mark = message();
	$c->run;
	is_in('kate', undef, $mark);
	is_in('bob', undef, $mark);
	$p->wait_for(sub { grep { $_->{data} =~ /$mark/ && "@{ $_->{to} }" =~ /watch\@elsewhere/ } $outside->messages }, 'sent out', 10);
	pass 'the rule may send it out';
};

subtest '04-5.4 query: asked, answered; or deleted after 14 days' => sub {
	rules(['query', undef, 'Size greater 3000']);
	my $mark = message(body => $large, subject => 'the large one');
	my $lost = message(body => $large, subject => 'the lost one');
	$c->run;
	is waits($mark), 1, 'it stays';
	is scalar($d->find('kate', 'INBOX', $mark)), 0, 'it is not fetched';
	my ($query) = $d->find('kate', 'INBOX', { subject => 'the large one' });
	like $query, qr/^Subject: Download query: the large one \[id ([0-9a-f]{32})\]/m, 'kate is asked';
	like $query, qr/^X-Mark: $mark/m, '... and sees the header';
	unlike $query, qr/yyyyyyyyyy/, '... not the body';
	my ($token) = $query =~ /\[id ([0-9a-f]{32})\]/;
	$c->run;
	is scalar($d->find('kate', 'INBOX', { subject => 'Download query: the large' })), 1, 'she is asked once';

	my ($from) = $query =~ /^From: .*<([^>]+)>/m;
	my $smtp = $p->smtp;
	$smtp->ehlo('client.test');
	$smtp->send_message("kate\@$domain", [$from], "From: kate\@$domain\r\nSubject: Re: Download query: the large one [id $token]\r\n\r\nyes\r\n");
	$d->settled;
	$c->run;
	is_in('kate', undef, $mark);
	is waits($mark), 0, 'it is gone from the server';
	is waits($lost), 1, 'the other stays';
	days_pass(13);
	$c->run;
	is waits($lost), 1, 'for 13 days';
	days_pass(2);
	$c->run;
	is waits($lost), 0, 'not for 15';
	is scalar($d->find('kate', 'INBOX', $lost)), 0, 'and it was not delivered';
};

subtest '04-5.5 ignored for some hours' => sub {
	my $hour = (localtime)[2];
	my ($now, $later) = ("$hour-" . ($hour + 1) % 24, ($hour + 3) % 24 . '-' . ($hour + 4) % 24);
	rules(['ignore', undef, 'Size greater 3000', "TimeNow $now"]);
	my $mark = message(body => $large);
	$c->run;
	is waits($mark), 1, 'ignored at this hour';
	$p->postroom_ok('download-rule', 'set', 1, '--condition', 'Size greater 3000', '--condition', "TimeNow $later");
	$c->run;
	is_in('kate', undef, $mark);
};

subtest '04-5.6 raw values' => sub {
	my $bob = 'Bob Wright <bob@far.test>';
	rules(['redirect', 'bob', 'From equals bob@far.test']);
	my $mark = message(from => $bob);
	$c->run;
	is_in('kate', undef, $mark);
	rules(['redirect', 'bob', 'From contains bob@far.test']);
	$mark = message(from => $bob);
	$c->run;
	is_in('bob', undef, $mark);
	rules(['redirect', 'bob', 'not From contains bob@far.test']);
	$mark = message(from => $bob);
	my $other = message();
	$c->run;
	is_in('kate', undef, $mark);
	is_in('bob', undef, $other);
};

subtest '04-5.7 if, else, end-if; what is refused' => sub {
	rules(['if', undef, 'Subject contains never'], ['redirect', 'bob'], ['else'], ['redirect', 'fred'], ['end-if']);
	my $mark = message();
	$c->run;
	is_in('fred', undef, $mark);
	rules();
	my ($status, undef, $err) = $p->postroom('download-rule', 'add', '--action', 'else');
	isnt $status, 0, 'else without if is refused';
	like $err, qr/rule 1: action: an else without an if/, '... with a reason';
	($status, undef, $err) = $p->postroom('download-rule', 'add', '--action', 'ignore', '--condition', 'Subject regex /(/');
	isnt $status, 0, 'an invalid regular expression is refused';
	like $err, qr/condition 1: the regular expression is wrong/, '... with a reason';
	is_deeply $p->postroom_json('download-rule', 'list'), [], 'nothing was stored';
};

subtest '04-5.8 a header that later rules do not see' => sub {
	rules(['Set Header and Continue', 'X-Seen: yes'], ['redirect', 'bob', 'X-Seen contains yes']);
	my $mark = message();
	$c->run;
	my ($text) = $d->find('kate', 'INBOX', $mark);
	like $text, qr/^X-Seen: yes\r?$/m, 'delivered with the header, to whom it was for';
};

subtest '04-5.9 who is touched bears the name of the rule' => sub {
	rules(['copy', 'bob', 'Subject contains touched']);
	my $touched = message(subject => 'touched');
	my $other = message(subject => 'left alone');
	my $log = $p->dir . '/log/dlrules.log';
	my $before = read_file($log);
	$c->run;
	like [$d->find('kate', 'INBOX', $touched)]->[0], qr/^X-Postroom-Rules: r1: copy\r?$/m, 'in the message';
	unlike [$d->find('kate', 'INBOX', $other)]->[0], qr/^X-Postroom-Rules/m, 'not in the other';
	my $lines;
	$p->wait_for(sub { ($lines = substr read_file($log), length $before) =~ /touched/ }, 'dlrules.log', 10);
	like $lines, qr/collector=isp uidl=\S+ rule=1 "r1" copy bob from=<a\@far\.test> subject="touched"/, 'in dlrules.log';
	unlike $lines, qr/left alone/, 'not the other';
};

subtest 'deleted, with a warning; rejected' => sub {
	rules(['delete-warn', undef, 'Subject contains warn'], ['delete-warn-other', 'bob', 'Subject contains other'],
		['reject', undef, 'Subject contains reject']);
	my $warn = message(subject => 'warn her');
	my $other = message(subject => 'other man');
	my $reject = message(subject => 'reject it');
	my $machine = message(subject => 'reject a machine', header => ['Auto-Submitted: auto-replied']);
	$c->run;
	is waits($_), 0, 'gone' for $warn, $other, $reject, $machine;
	is scalar($c->commands('RETR')), 0, 'none was fetched';
	is scalar($d->find('kate', 'INBOX', { subject => 'Message deleted: warn her' })), 1, 'kate is told';
	is scalar($d->find('bob', 'INBOX', { subject => 'Message deleted: other man' })), 1, 'bob is told';
	my $reports = sub { my ($mark) = @_; return grep { $_->{from} eq '' && $_->{data} =~ /$mark/ } $outside->messages };
	$p->wait_for(sub { $reports->($reject) == 1 }, 'the sender hears of it', 10);
	is $reports->($machine), 0, 'a machine does not';
};

subtest 'headers only; too large with rules' => sub {
	rules(['headers', undef, 'Subject contains digest']);
	my $mark = message(subject => 'digest', body => "the body\n");
	$c->run;
	my ($text) = $d->find('kate', 'INBOX', $mark);
	like $text, qr/^Subject: digest/m, 'the header';
	unlike $text, qr/the body/, '... without the body';
	is scalar($c->commands('RETR')), 0, 'it was not fetched';
	$c->set('max-size' => 3);
	my $large = message(subject => 'far too large', body => $large);
	$c->run;
	is waits($large), 1, 'a large one stays';
	is scalar($d->find('kate', 'INBOX', { subject => 'Download query: far too large' })), 1, 'its recipient is asked';
	$c->reset;
};

# Of the table "Actions" of specification 04: what kate, for whom the message is, and bob, whom the rule names, get, and
# whether the message stays at the server for the days that it is left there.
my %actions = (
	'download'             => ['message', '',        1],
	'download-delete'      => ['message', '',        0],
	'redirect'             => ['',        'message', 1],
	'redirect-delete'      => ['',        'message', 0],
	'copy'                 => ['message', 'message', 1],
	'copy-delete'          => ['message', 'message', 0],
	'ignore'               => ['',        '',        1],
	'query'                => ['query',   '',        1],
	'redirect-query'       => ['',        'query',   1],
	'copy-query'           => ['query',   'query',   1],
	'delete-warn'          => ['warning', '',        0],
	'delete-warn-other'    => ['',        'warning', 0],
	'delete-copy-warning'  => ['warning', 'warning', 0],
	'delete'               => ['',        '',        0],
	'headers'              => ['header',  '',        1],
	'redirect-headers'     => ['',        'header',  1],
	'copy-headers'         => ['header',  'header',  1],
	'reject'               => ['',        '',        0],
	'set-header-stop'      => ['message', '',        1],
	'stop'                 => ['message', '',        1],
);

# What somebody got of a message: its kinds.
sub gets {
	my ($user, $subject) = @_;
	return join ' ', map { /^Subject: Download query: /m ? 'query' : /^Subject: Message deleted: /m ? 'warning' : /^the body of it/m ? 'message' : 'header' }
		$d->find($user, 'INBOX', { subject => $subject });
}

subtest 'all actions that end the rules' => sub {
	$c->set('leave-days' => 3);
	my @names = sort keys %actions;
	rules(map { [$_, /redirect|copy|other/ ? 'bob' : /header-stop/ ? 'X-Seen: yes' : undef, "Subject equals =$_="] } @names);
	my %mark = map { $_ => message(subject => "=$_=", body => "the body of it\n") } @names;
	$c->run;
	for my $name (@names) {
		is_deeply [gets('kate', "=$name="), gets('bob', "=$name="), waits($mark{$name})], $actions{$name}, $name;
	}
	like [$d->find('kate', 'INBOX', $mark{'set-header-stop'})]->[0], qr/^X-Seen: yes\r?$/m, 'set-header-stop: with its header';
	$p->wait_for(sub { grep { $_->{from} eq '' && $_->{data} =~ /$mark{reject}/ } $outside->messages }, 'reject: the sender hears of it', 10);
	rules();
	$c->reset;
};

subtest 'the test command' => sub {
	rules(['ignore', undef, 'Size greater 5000', 'TimeNow 8:00-18:00'], ['redirect', 'bob', 'Rcpt fred', 'Collector isp']);
	my $file = $p->dir . '/message';
	write_file($file, "From: a\@b.test\r\nTo: fred\@company.com\r\n\r\nHello\r\n");
	my $answer = $p->postroom_json('download-rule', 'test', $file, '--size', 6000, '--time', '2026-11-21 10:00');
	is $answer->{action}, 'ignore', 'at ten';
	$answer = $p->postroom_json('download-rule', 'test', $file, '--size', 6000, '--time', '2026-11-21 18:30');
	is $answer->{action}, 'redirect', 'at half past six';
	is_deeply $answer->{recipients}, ['bob'], '... to bob';
	is_deeply [map { $_->{result} } @{ $answer->{rules} }], ['does not match', 'runs'], 'what each rule did';
};

$p->finish;
done_testing;

#!/usr/bin/perl
# Messages from outside that come again are not delivered again to who got them.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Delivered;
use Postroom::Pop3Server;
use Postroom::Process qw(read_file run_program);
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { map { $_ => "$_-secret" } qw(anna bob carl) }, set => { 'duplicates.days' => 2 });
my $d = Postroom::Delivered->new($p);
my $domain = $p->domain;
my $kept = $p->dir . '/state/mail/_duplicates';

sub header {
	my (%other) = @_;
	my %fields = ('Message-ID' => '<1@x.test>', From => 'Ann <a@x.test>', Subject => 'one', Date => 'Fri, 20 Nov 2026 10:00:00 +0000',
		To => "bob\@$domain", %other);
	return [map { "$_: $fields{$_}" } grep { defined $fields{$_} } sort keys %fields];
}

subtest '07-8.3 once to each' => sub {
	my $box = Postroom::Pop3Server->start(password => 'Quetzal-17');
	$box->put(join "\n", @{ header() }, 'X-Mark: collected', '', 'Hello', '');
	$p->postroom_ok({ stdin => "Quetzal-17\n" }, 'collector', 'add', 'box', '--password-stdin', 'pop3.server' => '127.0.0.1',
		'pop3.port' => $box->port, 'pop3.username' => 'box', 'route' => 'user', 'target' => 'bob');
	$p->postroom_ok('collector', 'run', 'box', '--wait');
	$d->arrives('bob', 'INBOX', 'collected');
	# by another way, with another envelope and other trace fields
	$p->set('duplicates.save' => 'on');
	my $again = $d->send(to => ["bob\@$domain", "anna\@$domain"], from => 'list@y.test', header => ['Received: from y.test by z.test; Fri, 20 Nov 2026 10:00:01 +0000', @{ header() }]);
	$d->arrives('anna', 'INBOX', $again);
	$d->is_not_in('bob', 'INBOX', $again);
	my @files = glob "$kept/*";
	is scalar @files, 1, 'one is kept';
	like read_file($files[0]), qr/^Message-ID: <1\@x\.test>\r\n(?s:.*)\Q$again\E/m, 'the message';
	my $third = $d->send(to => ["bob\@$domain", "anna\@$domain"], header => header());
	$d->is_not_in($_, 'INBOX', $third) for qw(anna bob);
	is scalar(() = glob "$kept/*"), 2, 'a file each, however many have it';
	# days go by
	is +(run_program({}, 'sqlite3', $p->dir . '/state/mail/answers/answers.db', 'UPDATE seen SET time = time - 3 * 86400'))[0], 0, 'three days later';
	my $late = $d->send(to => ["bob\@$domain"], header => header());
	$d->arrives('bob', 'INBOX', $late);
	$box->stop;
};

subtest 'what is not the same' => sub {
	for my $other ([Subject => 'two'], ['Message-ID' => '<2@x.test>'], [Date => 'Fri, 20 Nov 2026 10:00:02 +0000'], [Cc => 'c@x.test'], [From => 'b@x.test']) {
		my $mark = $d->send(to => ["bob\@$domain"], header => header(@$other));
		$d->arrives('bob', 'INBOX', $mark);
	}
	for (1 .. 2) {
		$d->arrives('bob', 'INBOX', $d->send(to => ["bob\@$domain"], header => header('Message-ID' => undef)));
		$d->arrives('anna', 'INBOX', $d->send(header => header(), from => "bob\@$domain", login => 'bob'));
	}
};

subtest 'nothing is made of a duplicate; it is delivered where it cannot be kept' => sub {
	$p->postroom_ok('user', 'set', 'bob', 'assistant' => 'carl');
	my $mark = $d->send(to => ["bob\@$domain"], header => header());
	$d->is_not_in($_, 'INBOX', $mark) for qw(bob carl);
	rename $kept, "$kept.away" or die "rename: $!";
	$mark = $d->send(to => ["bob\@$domain"], header => header());
	$d->arrives($_, 'INBOX', $mark) for qw(bob carl);
	rename "$kept.away", $kept;
	$p->set('duplicates.days' => 0);
	$mark = $d->send(to => ["bob\@$domain"], header => header());
	$d->arrives('bob', 'INBOX', $mark);
};

$p->stop;
done_testing;

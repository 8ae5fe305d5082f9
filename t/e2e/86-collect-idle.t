#!/usr/bin/perl
# A collector that stays connected (imap.idle): what comes at the provider arrives here without anybody asking; a run by
# hand, changed settings, a pause of the schedule, and a lost connection meanwhile.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Collectors qw(run_collector);
use Postroom::Test;
use Test::More;

my $PASSWORD = 'Quetzal-17';
my $p = Postroom::Test->start(users => { fred => 'freds-secret' });
my $provider = Postroom::Test->start(users => { box => $PASSWORD });
my $box = $provider->imap;
$box->login('box', $PASSWORD);
$box->cmd('CREATE Spam');
$box->cmd('CREATE Other');

sub put { return $box->append($_[0], "From: Ann <ann\@far.test>\r\nSubject: $_[1]\r\n\r\nHello\r\n") }

sub fred_has {
	my ($subject) = @_;
	my $imap = $p->imap;
	$imap->login('fred', 'freds-secret');
	my $exists = $imap->select('INBOX')->{exists};
	my $found = $exists ? grep { $_->{'BODY[]'} =~ /^Subject: \Q$subject\E\r$/m } values %{ $imap->fetch('1:*', 'BODY.PEEK[]') } : 0;
	$imap->logout;
	return $found;
}

sub sessions { return scalar(() = $p->pids('collector')) - 1 }

$p->postroom_ok({ stdin => "$PASSWORD\n" }, qw(collector add push --method imap --password-stdin imap.server 127.0.0.1 imap.port),
	$provider->port('imap'), qw(imap.username box imap.encryption none route user target fred imap.idle on), 'imap.folders',
	"INBOX\nSpam");

subtest 'mail arrives as it comes' => sub {
	put('INBOX', 'before');
	is run_collector($p, 'push'), 'Connection successful, 1 message', 'the first run ends as any';
	is sessions(), 1, 'but its session stays';
	for my $number (1 .. 3) {
		put('INBOX', "pushed $number");
		$p->wait_for(sub { fred_has("pushed $number") == 1 }, 'a message that comes is there', 20);
	}
	is sessions(), 1, 'all by one session';
	my $runs = $p->postroom_json(qw(collector history --collector push));
	is scalar(grep { $_->{messages} == 1 && $_->{ok} } @$runs), 4, 'each is in the history';
};

subtest 'a run by hand' => sub {
	my ($session) = grep { $_ != $p->main_pid('collector') } $p->pids('collector');
	put('Spam', 'in another folder');
	is run_collector($p, 'push'), 'Connection successful, 1 message', 'collects all folders';
	is run_collector($p, 'push'), 'Connection successful, no messages', 'as often as it is wanted';
	ok((grep { $_ == $session } $p->pids('collector')), 'over the same connection');
};

subtest 'other folders' => sub {
	put('Spam', 'found in time');
	$p->postroom_ok(qw(collector set push imap.look-seconds 1));
	$p->wait_for(sub { fred_has('found in time') == 1 }, 'are looked at every so many seconds', 30);
	put('Spam', 'found again');
	$p->wait_for(sub { fred_has('found again') == 1 }, '... again and again', 20);
	my ($session) = grep { $_ != $p->main_pid('collector') } $p->pids('collector');
	$p->postroom_ok(qw(collector unset push imap.look-seconds));
	$p->wait_for(sub { my @pids = $p->pids('collector'); @pids == 2 && !grep { $_ == $session } @pids }, 'that, too, begins anew', 30);
	is fred_has('found in time') + fred_has('found again'), 2, 'each comes once';
};

subtest 'changed settings' => sub {
	put('INBOX', 'before any change');
	$p->wait_for(sub { fred_has('before any change') == 1 }, 'it rests', 30);
	my ($session) = grep { $_ != $p->main_pid('collector') } $p->pids('collector');
	$p->postroom_ok({ stdin => "$PASSWORD\n" }, qw(collector add other --method imap --password-stdin imap.server 127.0.0.1 imap.port),
		$provider->port('imap'), qw(imap.username box imap.encryption none route user target fred imap.idle on imap.folders Other));
	$p->postroom_ok(qw(collector run other --wait));
	my %before = map { $_ => 1 } $p->pids('collector');
	$p->postroom_ok(qw(mapping add elsewhere@example.test fred));
	$p->postroom_ok(qw(collector set other max-size 100000));
	$p->wait_for(sub { my @pids = $p->pids('collector'); @pids == 3 && grep { !$before{$_} } @pids }, 'another begins anew', 30);
	ok((grep { $_ == $session } $p->pids('collector')), 'a mapping, or a setting of another: it stays where it is');
	$p->postroom_ok(qw(collector delete other));
	$p->postroom_ok(qw(collector set push max-size 100000));
	$p->wait_for(sub { my @pids = $p->pids('collector'); @pids == 2 && !grep { $_ == $session } @pids }, 'it begins anew', 30);
	is sessions(), 1, 'there is one session, a new one';
	put('INBOX', 'after the change');
	$p->wait_for(sub { fred_has('after the change') == 1 }, 'and goes on', 20);
	$p->postroom_ok(qw(collector set push imap.idle off));
	$p->wait_for(sub { sessions() == 0 }, 'it ends where it is not to stay any more', 30);
	like run_collector($p, 'push'), qr/\AConnection successful/, 'then it runs';
	is sessions(), 0, 'and goes';
	$p->postroom_ok(qw(collector set push imap.idle on));
};

subtest 'a pause' => sub {
	run_collector($p, 'push');
	is sessions(), 1, 'it stays';
	$p->postroom_ok('pause');
	$p->wait_for(sub { sessions() == 0 }, 'a pause of the schedule ends it', 20);
	$p->postroom_ok('resume');
	run_collector($p, 'push');
	is sessions(), 1, 'it comes back with the next run';
};

subtest 'a daemon that it asked is another one now' => sub {
	run_collector($p, 'push');
	my ($session) = grep { $_ != $p->main_pid('collector') } $p->pids('collector');
	my $dnsd = $p->kill_daemon('dnsd', 'KILL');
	$p->wait_for(sub { ($p->main_pid('dnsd') // $dnsd) != $dnsd }, 'dnsd runs again');
	put('INBOX', 'behind the restart');
	$p->wait_for(sub { fred_has('behind the restart') == 1 }, 'mail is collected all the same', 30);
	my @now = grep { $_ != $p->main_pid('collector') } $p->pids('collector');
	ok @now == 1 && $now[0] != $session, 'by a new session, which can ask the new one';
};

subtest 'a lost connection' => sub {
	my $failed = grep { !$_->{ok} } @{ $p->postroom_json(qw(collector history --collector push)) };
	$provider->kill_daemon('imapd', 'TERM');
	$p->wait_for(sub { sessions() == 0 }, 'the session ends', 20);
	is scalar(grep { !$_->{ok} } @{ $p->postroom_json(qw(collector history --collector push)) }), $failed, 'which is no failed run';
	$p->wait_for(sub { run_collector($p, 'push') =~ /\AConnection successful/ }, 'the next run makes a new one', 20);
	is sessions(), 1, 'which stays';
};

$box->logout;
$provider->stop;
$p->stop;
done_testing;

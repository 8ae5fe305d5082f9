#!/usr/bin/perl
# What may run at a time, across processes: FETCHes, SEARCHes, logins of a user, sessions from an address; without statusd.
# Run by root it has a network of its own, for an address that is not this machine's loopback.
use strict;
use warnings;
use lib 't/lib';
use IO::Select;
use IO::Socket::UNIX;
use Postroom::Test;
use Socket qw(SOCK_SEQPACKET);
use Test::More;
use Time::HiRes qw(sleep time);

my $outside = '192.0.2.1';
if ($> == 0 && !$ENV{POSTROOM_OWN_NETWORK}) {
	local $ENV{POSTROOM_OWN_NETWORK} = 1;
	my $own = "ip link set lo up && ip address add $outside/32 dev lo";
	exec 'unshare', '--net', 'sh', '-c', "$own && exec \"\$@\"", 'sh', $^X, $0 if system("unshare --net sh -c '$own' 2>/dev/null") == 0;
}

my $FETCH_SECONDS = 40;
my $BIG = 16_000_000; # octets: more than the kernel takes for a client that does not read
my $BIG_FETCH = 'FETCH 1 BODY.PEEK[]';

my $p = Postroom::Test->start(
	users => { map { ($_ => "$_-secret") } qw(anna bert carl) },
	set => { 'imap.full-text-search' => 'off' },
);

sub logged_in {
	my ($user, %options) = @_;
	my $folder = delete $options{folder};
	my $imap = $p->imap(%options);
	$imap->login($user, "$user-secret")->{type} eq 'OK' or die $imap->last->{raw};
	$imap->select($folder // 'INBOX') or die $imap->last->{raw};
	return $imap;
}

# A session of the user, and its process.
sub traced {
	my ($user, %options) = @_;
	my %before = map { ($_->{pid} => 1) } @{ $p->postroom_json('sessions', '--user', $user) };
	my $imap = logged_in($user, %options);
	my @new;
	$p->wait_for(sub { @new = grep { !$before{ $_->{pid} } } @{ $p->postroom_json('sessions', '--user', $user) }; @new == 1 },
		'its process', 10);
	return ($imap, $new[0]{pid});
}

# Ask statusd as a session does: is there room below a limit? What it gives is freed at once.
sub is_full {
	my ($class, $user, $limit) = @_;
	my $socket = IO::Socket::UNIX->new(Type => SOCK_SEQPACKET, Peer => $p->dir . '/run/statusd/imapd.sock') or die "no statusd: $!\n";
	my $sequence = 0;
	my $tell = sub {
		my $text = '';
		while (my ($key, $value) = splice @_, 0, 2) {
			$text .= pack('S L', length $key, length $value) . $key . $value;
		}
		syswrite($socket, pack('L4', 0x50525031, ++$sequence, 0, length $text) . $text) or die "cannot ask: $!\n";
	};
	$tell->(op => 'session-begin', service => 'probe', peer => 'local', tls => 0);
	$tell->(op => 'slot', class => $class, key => $user, limit => $limit, total => 0, wait => 0);
	sysread $socket, my $answer, 65536 or die "statusd ended: $!\n";
	return $answer =~ /limit/ ? 1 : 0;
}

sub wait_full {
	my ($class, $user, $limit) = @_;
	$p->wait_for(sub { is_full($class, $user, $limit) }, "$limit of $class", 20);
	return;
}

# Read all of an answer, which is too long to be taken apart; gives the tagged line.
sub drain {
	my ($imap, $tag) = @_;
	my ($tail, $octets) = ('', 0);
	for (;;) {
		return "$1 after " . ($octets > $BIG ? 'all' : $octets) if $tail =~ /^$tag (\w+ [^\r]*)\r\n\z/m;
		sysread $imap->{socket}, my $bytes, 1 << 20 or die "the connection ended\n";
		$octets += length $bytes;
		$tail = substr "$tail$bytes", -1000;
	}
}

sub is_silent {
	my ($imap, $seconds) = @_;
	return !IO::Select->new($imap->{socket})->can_read($seconds // 0.5);
}

sub answer { return "$_[0]{type} $_[0]{text}" }

# INBOX: one that takes long to send, one that is small; "many": what takes seconds to search.
for my $user (qw(anna bert)) {
	my $imap = logged_in($user);
	$imap->append('INBOX', "Subject: big\r\n\r\n" . ('x' x 78 . "\r\n") x ($BIG / 80 + 10));
	$imap->append('INBOX', "Subject: small\r\n\r\nsmall\r\n");
	$imap->cmd('CREATE many');
	$imap->append('many', "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-15\r\n"
		. "Content-Transfer-Encoding: quoted-printable\r\n\r\n" . ('x=FC' x 18 . "\r\n") x ($BIG / 74));
	$imap->select('many');
	$imap->cmd('COPY 1 many')->{type} eq 'OK' or die $imap->last->{raw} for 1 .. 19;
	$imap->logout;
}

my @waiting; # [session, tag, expected, since when, for how long]: what is to end by its time is looked at last

subtest '05-13.4 five FETCHes of a user at a time; the sixth waits until one ends' => sub {
	my @five = map { logged_in('anna') } 1 .. 5;
	my @tags = map { $_->start($BIG_FETCH) } @five;
	wait_full('imap-fetch', 'anna', 5);
	my $sixth = logged_in('anna');
	my $tag = $sixth->start($BIG_FETCH);
	ok is_silent($sixth), 'it waits';
	my $bert = logged_in('bert');
	is drain($bert, $bert->start($BIG_FETCH)), 'OK FETCH completed after all', 'another user does not';
	my $small = logged_in('anna');
	is $small->cmd('FETCH 2 BODY.PEEK[]')->{type}, 'OK', 'nor does what is done at once';
	is drain($five[0], $tags[0]), 'OK FETCH completed after all', 'one of the five ends';
	is drain($sixth, $tag), 'OK FETCH completed after all', 'the sixth has its turn';
	$tag = $sixth->start($BIG_FETCH);
	wait_full('imap-fetch', 'anna', 5);
	push @waiting, [$small, $small->start($BIG_FETCH), 'NO Too many current FETCHes active', time, $FETCH_SECONDS];
	$p->set('imap.fetches' => 5);
	my $last = logged_in('bert');
	push @waiting, [$last, $last->start($BIG_FETCH), 'NO Too many current FETCHes active', time, $FETCH_SECONDS];
	$p->set('imap.fetches' => 50);
	push @waiting, map { [$_] } @five, $sixth;
};

# Sessions that are stopped in the middle of a SEARCH hold its turn.
sub stopped_search {
	my ($user, $limit) = @_;
	my ($imap, $pid) = traced($user, folder => 'many');
	for (1 .. 20) {
		my $tag = $imap->start('SEARCH BODY nothing');
		wait_full('imap-search', $user, $limit);
		kill 'STOP', $pid;
		return ($imap, $tag, $pid) if is_full('imap-search', $user, $limit);
		kill 'CONT', $pid;
		$imap->wait($tag);
	}
	die "no SEARCH is caught in the middle\n";
}

subtest '05-13.4 two SEARCHes of a user at a time; the third waits until one ends, however it does' => sub {
	my @two = map { [stopped_search('anna', $_)] } 1, 2;
	my $third = logged_in('anna');
	my $tag = $third->start('SEARCH BODY small');
	ok is_silent($third), 'a third waits, for it is much that it has to read';
	is_deeply logged_in('bert')->search('SEARCH BODY small'), [2], 'another user does not';
	is_deeply logged_in('anna')->search('SEARCH 2 BODY small'), [2], 'nor does what is done at once';
	kill 'KILL', $two[0][2];
	is $third->wait($tag)->{type}, 'OK', 'one of the two dies: the third has its turn';
	is_deeply [map { @{ $_->{found} } } grep { $_->{found} } $third->untagged], [2], 'and finds';
	$p->wait_log(qr/died by signal 9/, 10);
	$p->set('imap.searches-per-user' => 1);
	my $next = logged_in('anna');
	$tag = $next->start('SEARCH BODY small');
	ok is_silent($next), 'a limit that was lowered holds for new sessions';
	kill 'CONT', $two[1][2];
	is $two[1][0]->wait($two[1][1])->{type}, 'OK', 'the other one goes on to its end';
	# on a slow machine the other one's end may come after the next one's patience
	my $turn = $next->wait($tag)->{type} eq 'OK' ? $next->last : $next->cmd('SEARCH BODY small');
	is $turn->{type}, 'OK', 'which is the turn of the next';
	$p->set('imap.searches-per-user' => 2);
};

subtest '05-13.3 many logins of one user at the same moment' => sub {
	$p->set('imap.logins-per-user' => 3);
	my @sessions = map { $p->imap } 1 .. 8;
	my @tags = map { $_->start('LOGIN carl carl-secret') } @sessions;
	my %answers;
	$answers{ answer($sessions[$_]->wait($tags[$_])) }++ for 0 .. 7;
	is_deeply \%answers, { 'OK Logged in' => 3, 'NO Too many logins for this user' => 5 }, 'as many as there may be';
	is $p->imap->login('bert', 'bert-secret')->{type}, 'OK', 'another user still logs in';
	$p->set('imap.logins-per-user' => 20);
};

subtest '05-13.3 sessions from one address' => sub {
	plan(skip_all => 'needs root, for a network of its own') if !$ENV{POSTROOM_OWN_NETWORK};
	$p->access(imap => '1|0||1|0||', "1|2|$outside|32|0||");
	$p->set('imap.connections-per-address' => 3);
	my @three = map { logged_in($_, local => $outside) } qw(anna bert carl);
	my $fourth = $p->imap(local => $outside);
	my $answer = $fourth->login('carl', 'carl-secret');
	is answer($answer), 'NO Too many connections from this address!', 'the fourth is refused, whoever it is';
	is $fourth->cmd('NOOP')->{type}, 'OK', 'its connection stays';
	is $p->imap->login('carl', 'carl-secret')->{type}, 'OK', 'from elsewhere there is room';
	$three[0]->logout;
	$p->wait_for(sub { $fourth->login('carl', 'carl-secret')->{type} eq 'OK' }, 'a place', 10);
	is $fourth->cmd('NOOP')->{type}, 'OK', 'where one has left, the next may come';
	$p->set('imap.connections-per-address' => 100);
};

subtest '05-13.4 who waited long enough is told' => sub {
	for my $case (grep { @$_ > 1 } @waiting) {
		my ($imap, $tag, $expected, $begin, $seconds) = @$case;
		my $answer = $imap->wait($tag);
		is answer($answer), $expected, $expected;
		my $took = time - $begin;
		ok $took > $seconds - 1, sprintf 'after %.0f s', $took;
		is $imap->cmd('NOOP')->{type}, 'OK', 'and the connection stays';
	}
};

subtest 'statusd killed: who waits goes on, and nobody waits any more' => sub {
	wait_full('imap-fetch', 'anna', 5); # those of the first test, who still do not read
	my ($imap, $tag) = (logged_in('anna'));
	$tag = $imap->start($BIG_FETCH);
	ok is_silent($imap), 'a FETCH waits';
	my $pid = $p->main_pid('statusd');
	$p->kill_daemon('statusd');
	is drain($imap, $tag), 'OK FETCH completed after all', 'and goes on when statusd is gone';
	is $imap->cmd('SEARCH BODY small')->{type}, 'OK', 'SEARCH too';
	$p->wait_for(sub { my $new = $p->main_pid('statusd'); $new && $new != $pid }, 'statusd is started again', 10);
	my @six = map { logged_in('bert') } 1 .. 6;
	my @tags = map { $_->start($BIG_FETCH) } @six;
	wait_full('imap-fetch', 'bert', 5);
	is scalar(grep { is_silent($_, 0.2) } @six), 1, 'and counts those who come then';
};

$p->stop;
done_testing;

#!/usr/bin/perl
# Collecting from IMAP mailboxes: a second Postroom and Dovecot as providers, and servers that do harm.
use strict;
use warnings;
use lib 't/lib';
use File::Temp;
use IO::Socket::IP;
use POSIX ();
use Postroom::Collectors qw(add_collector run_collector);
use Postroom::Imap;
use Postroom::ImapServer;
use Postroom::Need qw(find_program);
use Postroom::Peer;
use Postroom::Ports;
use Postroom::Process qw(read_file);
use Postroom::Test;
use Test::More;

my $PASSWORD = 'Quetzal-17';
my $p = Postroom::Test->start(users => { fred => 'freds-secret', kate => 'kates-secret' }, set => { 'collect.timeout' => 5 });
my $provider = Postroom::Test->start(users => { box => $PASSWORD });

sub box { my $imap = $provider->imap; $imap->login('box', $PASSWORD); return $imap }

sub letter {
	my ($subject, $body) = @_;
	return "From: Ann <ann\@far.test>\r\nTo: fred\@example.test\r\nSubject: $subject\r\n\r\n" . ($body // "This is $subject.\r\n");
}

sub put {
	my ($folder, @letters) = @_;
	my $imap = box();
	$imap->cmd("CREATE \"$folder\"") if $folder ne 'INBOX';
	$imap->append($folder, $_) for @letters;
	$imap->logout;
	return;
}

sub count_at_provider {
	my ($folder) = @_;
	my $imap = box();
	my $count = $imap->select($folder)->{exists};
	$imap->logout;
	return $count;
}

# The texts of all messages in a folder of a user here, once nothing is on its way.
sub texts {
	my ($user, $folder) = @_;
	$p->wait_for(sub { !@{ $p->queue } && !glob($p->dir . '/spool/*/new/*') }, 'the queue is empty');
	my $imap = $p->imap;
	$imap->login($user, $user eq 'fred' ? 'freds-secret' : 'kates-secret');
	my $exists = ($imap->select($folder) // {})->{exists};
	my @texts = $exists ? map { $_->{'BODY[]'} } values %{ $imap->fetch('1:*', 'BODY.PEEK[]') } : ();
	$imap->logout;
	return @texts;
}

sub subjects { my ($user, $folder) = @_; return sort map { /^Subject: (.*?)\r?$/m ? $1 : '' } texts($user, $folder) }

subtest 'a folder is collected, and what was collected is deleted there' => sub {
	my $body = "A line\r\n.dot\r\n\r\n" . 'long ' x 2000 . "\r\nlast line\r\n";
	put('INBOX', letter('bytes', $body), map { letter("plain $_") } 1 .. 30);
	add_collector($p, 'plain', imap => $provider->port('imap'), password => $PASSWORD);
	is_deeply [run_collector($p, 'plain')], [0, 'Connection successful, 31 messages'], 'its result';
	is_deeply [grep { /plain/ } subjects('fred', 'INBOX')], [sort map { "plain $_" } 1 .. 30], 'all are there, once';
	my ($text) = grep { /^Subject: bytes/m } texts('fred', 'INBOX');
	is substr($text, -length $body), $body, 'octet by octet';
	like $text, qr/^Received: from 127\.0\.0\.1 \(\[127\.0\.0\.1\]\)\r\n\tby \S+ \(Postroom\) with IMAP\r\n/m, 'and how it came';
	is count_at_provider('INBOX'), 0, 'none is left there';
	is_deeply [run_collector($p, 'plain')], [0, 'Connection successful, no messages'], 'then there is none';
	my ($message) = @{ $p->postroom_json('collector', 'messages', 'plain') };
	is $message->{from}, 'ann@far.test', 'what was collected can be listed';
	$p->postroom_ok('collector', 'delete', 'plain');
};

subtest 'folders with targets of their own' => sub {
	put('INBOX', letter('wanted'));
	put('Spam', letter('unwanted'));
	add_collector($p, 'two', imap => $provider->port('imap'), password => $PASSWORD, 'imap.folders' => "INBOX\nSpam = kate Junk");
	is_deeply [run_collector($p, 'two')], [0, 'Connection successful, 2 messages'], 'both are collected';
	is_deeply [grep { /wanted/ } subjects('fred', 'INBOX')], ['wanted'], 'one goes where all go';
	is_deeply [subjects('kate', 'Junk')], ['unwanted'], 'the other into the folder that is named';
	for (["INBOX\nINBOX", qr/twice/], ['', qr/at least one/], ['Spam = ', qr/./]) {
		my ($status, undef, $err) = $p->postroom('collector', 'set', 'two', 'imap.folders', $_->[0]);
		is $status, 1, 'what is no list of folders is refused';
		like $err, $_->[1], 'with the reason';
	}
	$p->postroom_ok('collector', 'set', 'two', 'imap.folders', "INBOX\nNowhere");
	like run_collector($p, 'two'), qr/folder Nowhere: Error from remote server on "SELECT" -> p\d+ NO/, 'a folder that is not there';
	$p->postroom_ok('collector', 'delete', 'two');
};

subtest 'left there for some days; moved instead of deleted' => sub {
	put('INBOX', letter('left'));
	add_collector($p, 'left', imap => $provider->port('imap'), password => $PASSWORD, 'leave-days' => 3);
	like run_collector($p, 'left'), qr/, 1 message\z/, 'it is fetched';
	like run_collector($p, 'left'), qr/no messages/, 'once';
	is count_at_provider('INBOX'), 1, 'and stays there';
	put('Done', letter('an old one'));
	$p->postroom_ok('collector', 'set', 'left', 'leave-days', 0);
	$p->postroom_ok('collector', 'set', 'left', 'imap.move-to', 'Done');
	like run_collector($p, 'left'), qr/no messages/, 'when its time is over';
	is count_at_provider('INBOX'), 0, 'it leaves the folder';
	is count_at_provider('Done'), 2, 'for the other one';
	$p->postroom_ok('collector', 'delete', 'left');
};

subtest 'encryption, logins' => sub {
	put('INBOX', letter('secret'));
	add_collector($p, 'secure', imap => $provider->port('imap'), password => $PASSWORD, 'imap.encryption' => 'starttls', log => 'on');
	like run_collector($p, 'secure'), qr/\ATLS handshake failed: .*certificate/, 'a certificate of nobody is refused';
	$p->postroom_ok('collector', 'set', 'secure', 'imap.verify', 'off');
	for my $method (qw(automatic login scram plain)) {
		$p->postroom_ok('collector', 'set', 'secure', 'imap.authentication', $method);
		like run_collector($p, 'secure'), qr/\AConnection successful/, "STARTTLS, $method";
	}
	$p->postroom_ok('collector', 'set', 'secure', 'imap.encryption', 'tls');
	$p->postroom_ok('collector', 'set', 'secure', 'imap.port', $provider->port('imaps'));
	like run_collector($p, 'secure'), qr/\AConnection successful/, 'TLS from the first octet';
	$p->postroom_ok({ stdin => "Wrong-$PASSWORD\n" }, 'collector', 'set', 'secure', '--password-stdin');
	for my $method (qw(login plain)) {
		$p->postroom_ok('collector', 'set', 'secure', 'imap.authentication', $method);
		my ($status, $text) = run_collector($p, 'secure');
		is $status, 1, "$method with a wrong password fails";
		like $text, qr/\AError from remote server on ".*\*{5}" -> p\d+ NO/, 'in the words of the server';
		unlike $text, qr/\Q$PASSWORD\E/, 'without the password';
	}
	$p->settle_log;
	unlike $p->log . (read_file($p->dir . '/log/pop3clt.log') // ''), qr/\Q$PASSWORD\E/, 'which is in no log';
	$p->postroom_ok('collector', 'delete', 'secure');
};

subtest 'Dovecot' => sub {
	plan skip_all => 'needs dovecot' if !find_program('dovecot');
	my $maildir = File::Temp->newdir(TEMPLATE => 'postroom-XXXXXX', DIR => $Postroom::Process::SCRATCH);
	chmod 0777, $maildir;
	my $port = Postroom::Ports::port('127.0.0.1');
	my $dovecot = Postroom::Peer->dovecot(user => 'box', password => $PASSWORD, imap => $port, maildir => "$maildir/m");
	my $imap = $dovecot->imap;
	$imap->login('box', $PASSWORD);
	$imap->cmd('CREATE "Spam"');
	$imap->append('INBOX', letter("dove $_")) for 1 .. 10;
	$imap->append('Spam', letter('dove spam'));
	$imap->logout;
	add_collector($p, 'dove', imap => $port, password => $PASSWORD, 'imap.folders' => "INBOX\nSpam = kate Junk", 'rules' => 'on');
	is_deeply [run_collector($p, 'dove')], [0, 'Connection successful, 11 messages'], 'all are collected';
	is scalar(grep { /\Adove \d/ } subjects('fred', 'INBOX')), 10, 'by the routing';
	is_deeply [grep { /dove/ } subjects('kate', 'Junk')], ['dove spam'], 'and by the folder';
	like run_collector($p, 'dove'), qr/no messages/, 'none is left';
	$p->postroom_ok('collector', 'delete', 'dove');
	$dovecot->stop;
};

# Forty messages by several commands at a time, in the orders that a server may like.
for my $order ('', qw(reversed behind mixed)) {
	my $what = $order || 'as they are';
	subtest "answers in their order: $what" => sub {
		my $server = Postroom::ImapServer->start(messages => [map { letter("$what $_") } 1 .. 40], order => $order, capability => 'UIDPLUS');
		add_collector($p, 'ordered', imap => $server->port, password => $PASSWORD, 'imap.authentication' => 'login');
		is_deeply [run_collector($p, 'ordered')], [0, 'Connection successful, 40 messages'], 'all are collected';
		is_deeply [grep { /\A\Q$what\E/ } subjects('fred', 'INBOX')], [sort map { "$what $_" } 1 .. 40], 'each is there once';
		my @commands = $server->commands;
		my @fetches = grep { /\AUID FETCH .*BODY/ } @commands;
		is scalar(@fetches), 3, 'many by one command' if $order ne 'behind';
		cmp_ok scalar(@fetches), '>', 20, 'one by one where it cannot be told which is which' if $order eq 'behind';
		is scalar(() = "@commands" =~ /UID EXPUNGE ([\d,:]+)/g), 1, 'deleted by one command';
		is_deeply [sort { $a <=> $b } map { /UID EXPUNGE (.*)/ ? $server->uids($1) : () } @commands], [101 .. 140], '... all of them';
		$server->stop;
		$p->postroom_ok('collector', 'delete', 'ordered');
	};
}

subtest 'headers first, in any order' => sub {
	my $server = Postroom::ImapServer->start(messages => [map { letter("ruled $_") } 1 .. 40], order => 'mixed');
	$p->postroom_ok('download-rule', 'add', '--action', 'ignore', '--condition', 'Subject matches *7');
	add_collector($p, 'ruled', imap => $server->port, password => $PASSWORD, 'imap.authentication' => 'login', 'rules' => 'on');
	is_deeply [run_collector($p, 'ruled')], [0, 'Connection successful, 36 messages'], 'those are collected that a rule lets in';
	is_deeply [grep { /\Aruled/ } subjects('fred', 'INBOX')], [sort map { "ruled $_" } grep { !/7\z/ } 1 .. 40], 'each once';
	is scalar(grep { /BODY\.PEEK\[HEADER\]/ } $server->commands), 3, 'headers come by few commands, too';
	$server->stop;
	$p->postroom_ok('download-rule', 'delete', 1);
	$p->postroom_ok('collector', 'delete', 'ruled');
};

subtest 'messages that cannot be had' => sub {
	my $server = Postroom::ImapServer->start(messages => [map { letter("partly $_") } 1 .. 20], broken => 105, gone => 118);
	add_collector($p, 'partly', imap => $server->port, password => $PASSWORD, 'imap.authentication' => 'login');
	is_deeply [run_collector($p, 'partly')], [0, 'Connection successful, 18 messages'], 'the others are collected';
	is scalar(grep { /\Apartly/ } subjects('fred', 'INBOX')), 18, 'and there';
	is_deeply [map { /UID STORE (\S+)/ ? grep { $_ == 105 || $_ == 118 } $server->uids($1) : () } $server->commands], [],
		'what was not had is not deleted';
	$p->settle_log;
	like $p->log, qr/message 105 is passed over: .*cannot read a message/, 'the log tells of the one';
	like $p->log, qr/message 118 is no longer there/, '... and of the other';
	$server->stop;
	$p->postroom_ok('collector', 'delete', 'partly');
};

# A server that says what it is told: one text behind each line that it reads.
sub hostile {
	my (@says) = @_;
	my $listener = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => 0, Listen => 5) or die "no port: $@\n";
	my $pid = fork // die "fork: $!\n";
	if ($pid == 0) {
		while (my $client = $listener->accept) {
			$client->autoflush;
			local $SIG{PIPE} = 'IGNORE';
			for my $text (@says) {
				print $client $text or last;
				last if !defined <$client>;
			}
			close $client;
		}
		POSIX::_exit(0);
	}
	return ($listener->sockport, $pid);
}

subtest 'servers that do harm' => sub {
	my @login = ("* OK hello\r\n", "* CAPABILITY IMAP4rev1\r\np1 OK\r\n", "p2 OK\r\n", "* CAPABILITY IMAP4rev1\r\np3 OK\r\n",
		"* 1 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\np4 OK\r\n");
	my $list = "* 1 FETCH (UID 5 RFC822.SIZE 40)\r\np5 OK\r\n";
	my %cases = (
		'a greeting that is none'    => [["SSH-2.0\r\n"], qr/no answer of IMAP/],
		'BYE'                        => [["* BYE go away\r\n"], qr/-> \* BYE go away/],
		'an endless line'            => [['* OK ' . 'x' x 200_000 . "\r\n"], qr/lost on "connection"/],
		'the end within a message'   => [[@login, $list, "* 1 FETCH (UID 5 BODY[] {40}\r\nFrom: a\r\n"], qr/closed unexpectedly|in time/],
		'a message without an end'   => [[@login, $list, "* 1 FETCH (UID 5 BODY[] {99999999999}\r\nx"], qr/more than \d+ octets/],
		'another tag'                => [[@login, "p77 OK\r\n"], qr/answer to another command/],
		'a question out of place'    => [[@login, "+ go on\r\n"], qr/wants more/],
		'NO behind a message'        => [[@login, $list, "* 1 FETCH (UID 5 BODY[] {1}\r\nx)\r\np6 NO sorry\r\n"], qr/NO sorry/],
		'a literal where none belongs' => [[@login, "* LIST {900000}\r\n"], qr/literal of 900000 octets/],
	);
	for my $what (sort keys %cases) {
		my ($says, $expected) = @{ $cases{$what} };
		my ($port, $pid) = hostile(@$says);
		add_collector($p, 'hostile', imap => $port, password => $PASSWORD, 'imap.authentication' => 'login');
		my ($status, $text) = run_collector($p, 'hostile');
		is $status, 1, "$what: the run fails";
		like $text, $expected, 'in a way that can be told';
		kill 'KILL', $pid;
		waitpid $pid, 0;
		$p->postroom_ok('collector', 'delete', 'hostile');
	}
	is scalar(glob $p->dir . '/spool/collector/{tmp,new}/*') // '', '', 'nothing of them stays in the spool';
};

$provider->stop;
$p->stop;
done_testing;

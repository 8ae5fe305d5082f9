#!/usr/bin/perl
# An account with all its folders, flags and dates copied into a mailbox here (collector copy), from a second Postroom and
# from Dovecot: exactly once, also where the copy is killed at any step and begun again.
use strict;
use warnings;
use lib 't/lib';
use File::Temp;
use IO::Socket::IP;
use POSIX ();
use Postroom::Collectors qw(add_collector);
use Postroom::Imap;
use Postroom::Need qw(find_program);
use Postroom::Peer;
use Postroom::Ports;
use Postroom::Process qw(spawn_program);
use Postroom::Test;
use Test::More;

my $PASSWORD = 'Quetzal-17';
my @FOLDERS = ('INBOX', 'Projects', 'Projects/Élan', 'Sent');
my $p = Postroom::Test->start(users => { fred => 'freds-secret', kate => 'kates-secret', otto => 'ottos-secret' });

sub letter {
	my ($subject) = @_;
	return "From: Ann <ann\@far.test>\r\nTo: box\@far.test\r\nSubject: $subject\r\n\r\n.This is $subject.\r\n";
}

# Five letters for each folder, with flags and dates of their own.
sub fill {
	my ($imap, $separator) = @_;
	$imap->login('box', $PASSWORD);
	for my $folder (@FOLDERS) {
		(my $name = $folder) =~ s{/}{$separator}g;
		$name =~ s/É/&AMk-/;
		$imap->cmd("CREATE \"$name\"") if $name ne 'INBOX';
		for my $number (1 .. 5) {
			my $text = letter("$folder $number");
			my $flags = (qw(\Seen \Flagged \Answered), 'Work $Forwarded', '')[$number - 1];
			$imap->cmd("APPEND \"$name\" ($flags) \"1$number-Feb-2020 10:11:12 +0100\" ", \$text);
		}
	}
	$imap->logout;
	return;
}

# Everything a user has: "folder: subject, flags, date, octets", sorted.
sub contents {
	my ($imap, $user, $password, @folders) = @_;
	my @found;
	$imap->login($user, $password);
	for my $folder (@folders) {
		my $selected = $imap->select($folder =~ s/É/&AMk-/r) or next;
		next if !$selected->{exists};
		for my $message (values %{ $imap->fetch('1:*', '(FLAGS INTERNALDATE BODY.PEEK[])') }) {
			my $flags = join ' ', sort grep { !/Recent/ } @{ $message->{FLAGS} };
			push @found, "$folder: $flags, $message->{INTERNALDATE}, $message->{'BODY[]'}";
		}
	}
	$imap->logout;
	@found = sort @found;
	return \@found;
}

sub copy {
	my (@arguments) = @_;
	my ($status, $out, $err) = $p->postroom('collector', 'copy', @arguments);
	return ($status, $out . $err);
}

my $provider = Postroom::Test->start(users => { box => $PASSWORD });
fill(scalar $provider->imap, '/');
my $there = contents(scalar $provider->imap, 'box', $PASSWORD, @FOLDERS);
is scalar(@$there), 20, 'what there is to be copied';
# what is for sent mail there, if it says so, goes where that is here
my @HERE = ('INBOX', 'Projects', 'Projects/Élan', 'Sent');

subtest 'a second Postroom' => sub {
	add_collector($p, 'other', imap => $provider->port('imap'), password => $PASSWORD, enabled => 'off');
	my ($status, $text) = copy('other', 'fred', '--dry-run');
	is $status, 0, 'it can be tried';
	like $text, qr/^\s+5  Projects$/m, 'which tells what there is';
	like $text, qr/^20 messages, of which 20 are not here yet$/m, 'and what would be copied';
	is scalar @{ contents(scalar $p->imap, 'fred', 'freds-secret', @HERE) }, 0, 'nothing is';
	($status, $text) = copy('other', 'fred');
	is $status, 0, 'copied';
	like $text, qr/^20 messages of \d+ folders copied, 0 were there already$/m, 'all of it';
	is_deeply contents(scalar $p->imap, 'fred', 'freds-secret', @HERE), $there, 'with folders, flags and dates, octet for octet';
	is_deeply contents(scalar $provider->imap, 'box', $PASSWORD, @FOLDERS), $there, 'nothing changed there';
	my $imap = $provider->imap;
	$imap->login('box', $PASSWORD);
	$imap->append('INBOX', letter('late'));
	$imap->logout;
	like +(copy('other', 'fred'))[1], qr/^1 message of \d+ folders copied, 20 were there already$/m, 'then what is new';
	like +(copy('other', 'otto', '--folder', 'Old'))[1], qr/^21 messages of/m, 'into a folder';
	is_deeply [map { s/^Old\///r } @{ contents(scalar $p->imap, 'otto', 'ottos-secret', map { "Old/$_" } @HERE[1 .. 3]) }],
		[grep { !/^INBOX/ } @$there], 'with those below it';
};

subtest 'killed while it copies, at each step' => sub {
	plan skip_all => 'needs strace' if !find_program('strace');
	my ($killed, $status, $text) = (0);
	for my $step (['fdatasync', 1], ['sendmsg', 4], ['sendmsg', 8], ['rename', 1], ['fsync', 1], ['fsync', 2], ['recvmsg', 9]) {
		my ($call, $when) = @$step;
		my ($ended) = $p->postroom('collector', 'copy', 'other', 'kate', '--dry-run');
		is $ended, 0, 'between';
		my @tracer = ('strace', '-f', '-o', '/dev/null', '-e', "trace=$call", '-e', "inject=$call:signal=KILL:when=$when");
		my $pid = spawn_program({ stdout => '/dev/null', stderr => '/dev/null' }, @tracer, $p->program, '-C', $p->dir,
			qw(collector copy other kate));
		waitpid $pid, 0;
		$killed++ if $? != 0;
		$p->wait_for(sub { 1 == scalar(() = $p->pids('collector')) }, 'the session has ended');
	}
	cmp_ok $killed, '>=', 4, 'most were killed';
	($status, $text) = copy('other', 'kate');
	is $status, 0, 'then the rest' or diag $text;
	my @subjects = map { /^Subject: (.*?)\r?$/m ? $1 : () } @{ contents(scalar $p->imap, 'kate', 'kates-secret', @HERE) };
	is_deeply [sort @subjects], [sort 'late', map { my $f = $_; map { "$f $_" } 1 .. 5 } @FOLDERS], 'each is there once';
};

subtest 'Dovecot' => sub {
	plan skip_all => 'needs dovecot' if !find_program('dovecot');
	my $maildir = File::Temp->newdir(TEMPLATE => 'postroom-XXXXXX', DIR => $Postroom::Process::SCRATCH);
	chmod 0777, $maildir;
	my $port = Postroom::Ports::port('127.0.0.1');
	my $dovecot = Postroom::Peer->dovecot(user => 'box', password => $PASSWORD, imap => $port, maildir => "$maildir/m");
	fill(scalar $dovecot->imap, '.');
	add_collector($p, 'dove', imap => $port, password => $PASSWORD, enabled => 'off');
	my ($status, $text) = copy('dove', 'fred', '--folder', 'Dove');
	is $status, 0, 'copied' or diag $text;
	is_deeply [map { s/^Dove\///r } @{ contents(scalar $p->imap, 'fred', 'freds-secret', map { "Dove/$_" } @HERE[1 .. 3]) }],
		[grep { !/^INBOX/ } @$there], 'with folders, flags and dates';
	like +(copy('dove', 'fred', '--folder', 'Dove'))[1], qr/^0 messages of \d+ folders copied, 20 were there already$/m, 'once';
	$dovecot->stop;
};

# A server that says what it is told: one text behind each line that it reads.
sub scripted {
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

subtest 'folders that are views, what they are for, odd orders' => sub {
	my @letters = map { "Subject: scripted $_\r\n\r\nx\r\n" } 1 .. 3;
	my $size = length $letters[0];
	my ($port, $pid) = scripted("* OK hello\r\n", "* CAPABILITY IMAP4rev1 XLIST\r\np1 OK\r\n", "p2 OK\r\n",
		"* CAPABILITY IMAP4rev1 XLIST\r\np3 OK\r\n",
		"* XLIST (\\HasNoChildren \\Inbox) \"/\" \"INBOX\"\r\n* XLIST (\\HasNoChildren \\AllMail) \"/\" \"[Gmail]/All Mail\"\r\n"
			. "* XLIST (\\Noselect) \"/\" \"[Gmail]\"\r\n* XLIST (\\HasNoChildren \\Sent) \"/\" {17}\r\n[Gmail]/Sent \"Mail\r\np4 OK\r\n",
		"* 0 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\np5 OK\r\n", "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\np6 OK\r\n",
		join('', map { "* $_ FETCH (RFC822.SIZE $size INTERNALDATE \" 1-Jan-2021 00:00:00 +0000\" FLAGS (\\Seen) UID 1$_)\r\n" } 1 .. 3)
			. "p7 OK\r\n",
		"* 3 FETCH (UID 13 BODY[] {$size}\r\n$letters[2])\r\n* 1 FETCH (BODY[] {$size}\r\n$letters[0] UID 11)\r\n"
			. "* 2 FETCH (UID 12 BODY[] {$size}\r\n$letters[1])\r\np8 OK\r\n",
		"* 1 FETCH (BODY[] {$size}\r\n$letters[0] UID 11)\r\np9 OK\r\n", "p10 OK bye\r\n");
	add_collector($p, 'scripted', imap => $port, password => $PASSWORD, enabled => 'off', 'imap.authentication' => 'login');
	my ($status, $text) = copy('scripted', 'otto');
	like $text, qr/^3 messages of 2 folders copied/, 'those that are views are left out' or diag $text;
	my $found = contents(scalar $p->imap, 'otto', 'ottos-secret', 'Sent Items');
	is_deeply [map { /Subject: (.*?)\r/ } @$found], [map { "scripted $_" } 1 .. 3], 'sent mail goes to its folder here, each once';
	kill 'KILL', $pid;
	waitpid $pid, 0;
};

subtest 'what is refused' => sub {
	$p->postroom_ok(qw(collector add pop --method pop3 pop3.server 127.0.0.1));
	for ([['pop', 'fred'], qr/by IMAP alone/], [['nobody', 'fred'], qr/no collector "nobody"/], [['other', 'nobody'], qr/no user nobody/]) {
		my ($status, $text) = copy(@{ $_->[0] });
		is $status, 1, "copy @{ $_->[0] }: refused";
		like $text, $_->[1], 'with the reason';
	}
	$provider->stop;
	my ($status, $text) = copy('other', 'fred');
	is $status, 1, 'a server that is not there';
	like $text, qr/127\.0\.0\.1|connect/i, 'is told';
};

$p->stop;
done_testing;

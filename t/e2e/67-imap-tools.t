#!/usr/bin/perl
# Programs of the command line at a mailbox: curl, fetchmail, mutt and neomutt, openssl; and what phones say.
use strict;
use warnings;
use lib 't/lib';
use File::Temp;
use Postroom::Clients qw(needs run_client runs_ok message put remote_state folder_state);
use Postroom::Process qw(read_file run_program write_file);
use Postroom::Test;
use Test::More;

my %USERS = map { $_ => "$_-secret" } qw(anna bert carl dora emil frida);
my $p = Postroom::Test->start(users => \%USERS);
my $scratch = File::Temp->newdir;
chmod 0755, $scratch;
local $ENV{HOME} = "$scratch";

sub imap {
	my ($user) = @_;
	my $imap = $p->imap;
	$imap->login($user, $USERS{$user});
	$imap->is_ok or die "$user cannot log in: " . $imap->last->{raw} . "\n";
	return $imap;
}

subtest 'curl' => sub {
	needs('curl');
	my $imap = imap('anna');
	$imap->cmd('CREATE Work');
	put($imap, 'INBOX', "mail $_", $_ == 2 ? '\\Seen' : '') for 1 .. 3;
	my $file = write_file("$scratch/upload", message('uploaded'));
	my %ways = (imap => ['--ssl-reqd'], imaps => []);
	for my $scheme (sort keys %ways) {
		my $url = "$scheme://127.0.0.1:" . $p->port($scheme);
		my @curl = ('curl', '-sSk', @{ $ways{$scheme} }, '--user', 'anna:anna-secret');
		like runs_ok("$scheme: LIST", @curl, "$url/"), qr{^\* LIST \([^)]*\) "/" "?Work"?\r$}m, 'the folder';
		is runs_ok("$scheme: FETCH", @curl, "$url/INBOX;UID=2"), message('mail 2'), 'the message';
		is runs_ok("$scheme: a section", @curl, "$url/INBOX;UID=3;SECTION=TEXT"), "Body of mail 3\r\n", 'its text';
		like runs_ok("$scheme: SEARCH", @curl, "$url/INBOX?SUBJECT%20%22mail%203%22"), qr/^\* SEARCH 3\r$/m, 'finds it';
		like runs_ok("$scheme: STATUS", @curl, "$url/", '-X', 'STATUS INBOX (MESSAGES UIDNEXT)'),
			qr/^\* STATUS "?INBOX"? \(MESSAGES 3 UIDNEXT 4\)\r$/m, 'the numbers';
		runs_ok("$scheme: APPEND", @curl, '--upload-file', $file, "$url/Work");
		runs_ok("$scheme: STORE", @curl, "$url/INBOX", '-X', 'STORE 1 +FLAGS (\\Flagged)');
	}
	my ($status) = run_client('curl', '-sSk', '--user', 'anna:wrong', 'imaps://127.0.0.1:' . $p->port('imaps') . '/');
	is $status, 67, 'a wrong password is refused as a login';
	is_deeply folder_state($imap, 'Work'), { uploaded => 'S x2' }, 'both uploads, which curl marks as seen';
	is_deeply folder_state($imap, 'INBOX'), { 'mail 1' => 'F', 'mail 2' => 'S', 'mail 3' => 'S' }, 'what it read and marked';
};

subtest 'fetchmail' => sub {
	needs('fetchmail');
	my $imap = imap('bert');
	put($imap, 'INBOX', "mail $_") for 1 .. 3;
	my @ways = (['in clear, keep', 'imap', 'sslproto ""', 'keep', 3], ['STARTTLS, keep', 'imap', 'sslproto "TLS1.2+"', 'keep', 3],
		['TLS, delete', 'imaps', 'ssl', 'no keep', 0]);
	for my $one (@ways) {
		my ($way, $service, $tls, $keep, $left) = @$one;
		my $mbox = "$scratch/mbox $way";
		my $conf = write_file("$scratch/fetchmailrc", <<"END");
poll 127.0.0.1 protocol IMAP port @{[$p->port($service)]} timeout 20
	user "bert" password "bert-secret" $tls no sslcertck $keep fetchall mda "cat >>'$mbox'"
END
		chmod 0600, $conf;
		my @command = ('fetchmail', '--nosyslog', '--pidfile', "$scratch/pid", '-f', $conf);
		runs_ok("$way: fetches", @command);
		my @got = sort { $a cmp $b } (read_file($mbox) // '') =~ /^(Body of mail \d)\r?$/mg;
		is_deeply \@got, ['Body of mail 1', 'Body of mail 2', 'Body of mail 3'], 'each message once';
		is $imap->status('INBOX', 'MESSAGES')->{MESSAGES}, $left, "$left are left";
		is +(run_program(@command))[0], 1, 'none is left to fetch' if !$left;
	}
};

# The same keys in both: flag, save to another folder (which deletes), delete, mark as read, write back.
for my $case (['mutt', 'carl'], ['neomutt', 'dora']) {
	my ($program, $user) = @$case;
	subtest $program => sub {
		needs($program);
		my $imap = imap($user);
		$imap->cmd('CREATE Work');
		put($imap, 'INBOX', "mail $_") for 1 .. 5;
		my $url = "imaps://$user\@127.0.0.1:" . $p->port('imaps');
		mkdir "$scratch/$program-cache";
		my $conf = write_file("$scratch/$program.rc", <<"END");
set imap_pass="$USERS{$user}" folder="$url/" spoolfile="$url/INBOX" header_cache="$scratch/$program-cache" ssl_verify_host=no
set ssl_verify_dates=no ssl_force_tls=yes certificate_file="@{[Postroom::Clients::trust($p, "$scratch")]}"
set sort=mailbox-order confirmappend=no delete=yes quit=yes move=no beep=no wait_key=no mark_old=no resolve=no
push "<jump>1<enter><flag-message><jump>2<enter><save-message><kill-line>=Work<enter><jump>3<enter><delete-message>\\
<jump>4<enter><clear-flag>N<sync-mailbox><quit>"
END
		local $ENV{TERM} = 'xterm';
		runs_ok('runs', 'script', '-qec', "$program -n -F $conf", '/dev/null');
		is_deeply folder_state($imap, 'INBOX'), { 'mail 1' => 'F', 'mail 4' => 'S', 'mail 5' => '' }, 'INBOX';
		is_deeply folder_state($imap, 'Work'), { 'mail 2' => '' }, 'the other folder';
		is $imap->status('Work', 'UIDNEXT')->{UIDNEXT}, 2, 'it was put there once';
	};
}

subtest 'openssl s_client with STARTTLS' => sub {
	needs('openssl');
	my $out = runs_ok('talks', { timeout => 15, stdin => "a LOGIN emil emil-secret\nb SELECT INBOX\nc LOGOUT\n" }, 'openssl', 's_client',
		'-quiet', '-crlf', '-ign_eof', '-starttls', 'imap', '-connect', '127.0.0.1:' . $p->port('imap'));
	like $out, qr/^$_/m, "it reads $_" for 'a OK', '\* 0 EXISTS', 'b OK', '\* BYE', 'c OK';
};

# Say these lines; literals as references. Each has to be answered with OK.
sub all_are_ok {
	my ($imap, @commands) = @_;
	for my $command (@commands) {
		my @pieces = ref $command ? @$command : $command;
		my $answer = $imap->cmd(@pieces);
		is $answer->{type}, 'OK', $pieces[0] or diag $answer->{raw};
	}
}

sub hears {
	my ($imap, $what, $change) = @_;
	$imap->idle;
	$change->();
	ok $imap->wait_for(sub { $_[0]{type} eq $what }, 20), "IDLE: $what";
	is $imap->done->{type}, 'OK', 'DONE';
}

# Sequences as these programs send them; each is a user's morning: look, read, answer, put away.
my %HABITS = (
	'iOS Mail' => ['ID ("name" "iPhone Mail" "version" "21F90" "os" "iOS" "os-version" "17.5")', 'CAPABILITY', 'NAMESPACE',
		'LIST "" "" RETURN (SPECIAL-USE)', 'LIST "" "*" RETURN (SPECIAL-USE SUBSCRIBED)',
		'STATUS INBOX (MESSAGES UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ)', 'SELECT INBOX (CONDSTORE)',
		'UID SEARCH RETURN (ALL) 1:* NOT DELETED',
		'UID FETCH 1:3 (INTERNALDATE UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (date subject from to cc message-id in-reply-to'
			. ' references content-type x-priority)])', 'UID FETCH 2 (BODYSTRUCTURE BODY.PEEK[HEADER])', 'UID FETCH 2 BODY.PEEK[1]<0.262144>',
		'UID STORE 2 +FLAGS.SILENT (\Seen)', 'UID COPY 1 Archive', 'UID STORE 1 +FLAGS.SILENT (\Deleted)', 'UID EXPUNGE 1'],
	'K-9 Mail' => ['ID ("name" "K-9 Mail" "version" "6.804")', 'NAMESPACE', 'LIST (SPECIAL-USE) "" "*"', 'LIST "" "*" RETURN (SPECIAL-USE)',
		'LSUB "" "*"', 'EXAMINE INBOX', 'CLOSE', 'SELECT INBOX', 'UID SEARCH 1:3 NOT DELETED',
		'UID FETCH 1:3 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (date subject from content-type to cc reply-to'
			. ' message-id references in-reply-to list-unsubscribe sender x-k9mail-identity x-chat-version)])', 'UID FETCH 2 (BODYSTRUCTURE)',
		'UID FETCH 2 (UID BODY.PEEK[TEXT]<0.32768>)', 'UID STORE 2 +FLAGS.SILENT (\Seen)', 'UID MOVE 1 Archive'],
	'Outlook' => ['CAPABILITY', 'ID ("name" "Microsoft Outlook" "version" "16.0")', 'LIST "" "*" RETURN (SUBSCRIBED)', 'LSUB "" "*"',
		'LIST "" "INBOX"', 'LIST "" "Archive/%"', 'STATUS "INBOX" (UIDNEXT UIDVALIDITY MESSAGES UNSEEN)', 'SELECT "INBOX"',
		'UID FETCH 1:* (UID FLAGS)', 'UID SEARCH SINCE 1-Jan-2020 UNDELETED',
		'UID FETCH 1:3 (UID FLAGS RFC822.SIZE ENVELOPE INTERNALDATE BODY.PEEK[HEADER])', 'UID FETCH 2 (BODY.PEEK[] UID RFC822.SIZE)',
		'UID STORE 2 +FLAGS (\Seen)', 'NOOP', 'UID COPY 1 "Archive"', 'UID STORE 1 +FLAGS (\Deleted)', 'CHECK', 'EXPUNGE'],
);

for my $name (sort keys %HABITS) {
	subtest "habits of $name" => sub {
		my $user = 'frida';
		my $other = imap($user);
		for my $folder ('INBOX', 'Archive') {    # each program finds the same
			$other->cmd("CREATE $folder") if $folder ne 'INBOX' && !defined $other->status($folder, 'MESSAGES');
			$other->select($folder);
			$other->cmd('STORE 1:* +FLAGS.SILENT (\Deleted)');
			$other->cmd('EXPUNGE');
		}
		put($other, 'INBOX', "mail $_") for 1 .. 3;
		my $first = $other->status('INBOX', 'UIDNEXT')->{UIDNEXT} - 3;
		my $phone = $p->imap(service => 'imaps');
		$phone->auth('PLAIN', $user, $USERS{$user});
		my @commands = map { s/(UID (?:FETCH|STORE|COPY|MOVE|EXPUNGE|SEARCH)) (\d)(?::(\d))?/
			"$1 " . ($first + $2 - 1) . (defined $3 ? ':' . ($first + $3 - 1) : '')/er } @{ $HABITS{$name} };
		all_are_ok($phone, @commands);
		hears($phone, 'EXISTS', sub { put($other, 'INBOX', 'new') });
		hears($phone, 'FETCH', sub { $other->select('INBOX'); $other->cmd('STORE 1 +FLAGS (\Flagged)') });
		all_are_ok($phone, ['APPEND "Sent Items" (\Seen) ', \message('answer')], 'LOGOUT');
		is_deeply folder_state($other, 'INBOX'), { 'mail 2' => 'FS', 'mail 3' => '', new => '' }, 'INBOX afterwards';
		is_deeply folder_state($other, 'Archive'), { 'mail 1' => '' }, 'the archive';
		ok folder_state($other, 'Sent Items')->{answer}, 'the answer is kept';
	};
}

$p->stop;
done_testing;

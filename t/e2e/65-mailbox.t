#!/usr/bin/perl
# postroom mailbox: list, verify, the recycle bin, import and export of Maildir and mbox.
use strict;
use warnings;
use lib 't/lib';
use Digest::SHA qw(sha1_hex);
use File::Temp qw(tempdir);
use POSIX qw(strftime);
use Postroom::Test;
use Test::More;
use Time::HiRes qw(sleep time);

my %USERS = map { $_ => "$_-secret" } qw(anna bert carl dora emil);
my $p = Postroom::Test->start(users => \%USERS);
my $files = tempdir(CLEANUP => 1);

sub imap {
	my ($user, $folder) = @_;
	my $imap = $p->imap;
	$imap->login($user, $USERS{$user});
	$imap->select($folder) if defined $folder;
	return $imap;
}

sub write_file {
	my ($path, $text) = @_;
	open my $file, '>', $path or die "$path: $!\n";
	print $file $text;
	close $file or die "$path: $!\n";
	return;
}

sub read_file {
	my ($path) = @_;
	open my $file, '<', $path or die "$path: $!\n";
	local $/;
	return <$file>;
}

sub folders {
	my ($user) = @_;
	return { map { $_->{name} => $_ } @{ $p->postroom_json('mailbox', 'list', $user) } };
}

sub is_clean {
	my ($user) = @_;
	my ($status, $out, $err) = $p->postroom('mailbox', 'verify', $user);
	return is $status, 0, "the mailbox of $user is as it should be" || diag $out, $err;
}

# Subjects of a folder with their flags, sorted.
sub content {
	my ($user, $folder) = @_;
	my $imap = imap($user, $folder);
	my $fetched = $imap->fetch('1:*', '(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])');
	my @found;
	for my $message (values %$fetched) {
		my ($text) = map { $message->{$_} } grep { /\ABODY\[/ } keys %$message;
		my ($subject) = $text =~ /Subject: (.*?)\r\n/;
		push @found, join ' ', $subject, sort grep { $_ ne '\Recent' } @{ $message->{FLAGS} };
	}
	return [sort @found];
}

sub now { return strftime('%Y-%m-%d %H:%M:%S', localtime) }

subtest 'list and verify' => sub {
	my $imap = imap('anna');
	$imap->append('INBOX', "Subject: $_\r\n\r\nx\r\n") for 1 .. 3;
	$imap->cmd('CREATE Work/sub');
	my $folders = folders('anna');
	is $folders->{INBOX}{messages}, 3, 'messages are counted';
	is $folders->{INBOX}{unseen}, 3, 'unseen ones too';
	ok $folders->{'Work/sub'}, 'folders are listed';
	like $p->postroom_ok('mailbox', 'list', 'anna'), qr/^\s+3\s+3\s+\d+  INBOX$/m, 'for people as well';
	is_clean('anna');
	my ($status, $out) = $p->postroom('mailbox', 'verify', '--all');
	is $status, 0, 'all mailboxes are looked at';
	my ($path) = grep { -f } glob($p->dir . '/state/mail/*/*/msg/1/0/2');
	ok $path, 'a message is a file' or return;
	unlink $path;
	($status, $out, my $err) = $p->postroom('mailbox', 'verify', 'anna');
	is $status, 1, 'a lost file is found';
	like $err, qr{msg/1/0/2 is missing}, 'and named';
	$p->postroom_ok('repair', 'anna');
	is_clean('anna');
};

subtest '02-13.5 undelete since a time' => sub {
	my $imap = imap('bert', 'INBOX');
	$imap->append('INBOX', "Subject: $_\r\n\r\nx\r\n", $_ == 3 ? '\Seen $Label' : '\Seen') for 1 .. 3;
	$imap->cmd('CREATE Gone');
	$imap->cmd('COPY 1:2 Gone');
	$imap->cmd('STORE 1 +FLAGS (\Deleted)');
	$imap->cmd('EXPUNGE');
	sleep 1.1;
	my $since = now();
	sleep 1.1;
	$imap->cmd('STORE 1:2 +FLAGS (\Deleted)');
	$imap->cmd('EXPUNGE');
	$imap->cmd('DELETE Gone');
	ok $imap->is_ok, 'a folder goes too' or diag explain $imap->last;
	like $p->postroom_ok('mailbox', 'undelete', 'bert', '--since', $since, '--list'),
		qr/2 messages in existing folders .* 2 messages in 1 removed folders/, 'what is in the bin is told';
	is folders('bert')->{INBOX}{messages}, 0, 'and left there';
	$p->postroom_ok('mailbox', 'undelete', 'bert', '--since', $since, '--unread', '--flagged');
	is_deeply content('bert', 'INBOX'), ['2 \Flagged', '3 $Label \Flagged'], 'what was deleted since is back, flagged, unread';
	is folders('bert')->{Gone}{messages}, 2, 'the folder is back';
	is_clean('bert');
	$p->postroom_ok('mailbox', 'purge', 'bert');
	like $p->postroom_ok('mailbox', 'undelete', 'bert', '--since', '2020-01-01', '--list'),
		qr/0 messages in existing folders .* 0 messages in 0 removed/, 'after a purge nothing is offered';
	my ($status) = $p->postroom('mailbox', 'undelete', 'bert', '--since', 'yesterday');
	is $status, 2, 'a time that is none';
	is_clean('bert');
};

subtest '06-5.6 the recycle bin keeps flags, for as long as is set' => sub {
	my $pop3 = $p->pop3;
	my $imap = imap('carl', 'INBOX');
	$imap->append('INBOX', "Subject: $_\r\n\r\nx\r\n", '\Answered') for 1 .. 2;
	$pop3->login('carl', $USERS{carl});
	$pop3->dele(1);
	$pop3->quit;
	$imap->cmd('NOOP');
	$imap->cmd('FETCH 1:* (FLAGS)');
	is folders('carl')->{INBOX}{messages}, 1, 'expunged by POP3: gone for all clients';
	$p->postroom_ok('mailbox', 'undelete', 'carl', '--since', '2020-01-01');
	is_deeply content('carl', 'INBOX'), ['1 \Answered', '2 \Answered'], 'it comes back with its flags';
	$p->set('mailbox.recycle-hours' => 0);
	$imap = imap('carl', 'INBOX');
	$imap->cmd('STORE 1 +FLAGS (\Deleted)');
	$imap->cmd('EXPUNGE');
	like $p->postroom_ok('mailbox', 'undelete', 'carl', '--since', '2020-01-01', '--list'), qr/0 messages in existing/,
		'with 0 hours it is gone at once';
	$p->set('mailbox.recycle-hours' => 72);
	is_clean('carl');
};

# A Maildir as another program leaves it.
sub make_maildir {
	my ($path) = @_;
	for my $folder ('', '/.Work', '/.Work.B&AOQ-r', '/.a%2Eb') {
		mkdir "$path$folder" or die "$path$folder: $!\n";
		mkdir "$path$folder/$_" or die "$folder/$_: $!\n" for qw(cur new tmp);
	}
	write_file("$path/cur/1000.a:2,FRS", "Subject: one\n\nline\n");
	write_file("$path/cur/1001.b:2,", "Subject: two\n\nno line end");
	write_file("$path/new/1002.c", "Subject: three\r\n\r\nCRLF\r\n");
	write_file("$path/cur/1003.d:2,S", '');
	write_file("$path/cur/1004.e:2,S", "this is no message\n\nat all\n");
	write_file("$path/.Work/cur/1005.f:2,DPT", "Subject: four\n\nx\n");
	write_file("$path/.Work.B&AOQ-r/cur/1006.g:2,S", "Subject: five\n\nx\n");
	write_file("$path/.a%2Eb/cur/1007.h:2,S", "Subject: six\n\nx\n");
	symlink '/etc/passwd', "$path/cur/1008.i:2,S";
	utime 1_000_000_000, 1_000_000_000, "$path/cur/1000.a:2,FRS";
	return;
}

subtest 'import of a Maildir, once' => sub {
	make_maildir("$files/maildir");
	my ($status, $out, $err) = $p->postroom('mailbox', 'import', 'dora', '--format', 'maildir', "$files/maildir");
	is $status, 0, 'it is read';
	like $out, qr/^6 messages imported, 3 left out$/, 'and what it had is told';
	like $err, qr/1003\.d:2,S: left out: it is empty/, 'an empty file';
	like $err, qr/1004\.e:2,S: left out: it does not begin with a header/, 'one that is no message';
	like $err, qr/1008\.i:2,S: left out/, 'a symbolic link is not followed';
	is_deeply content('dora', 'INBOX'), ['one \Answered \Flagged \Seen', 'three', 'two'], 'flags as the letters say';
	is_deeply content('dora', 'Work'), ['four $Forwarded \Deleted \Draft'], 'also in a folder';
	is folders('dora')->{"Work/B\x{e4}r"}{messages}, 1, 'modified UTF-7 and levels';
	is folders('dora')->{'a.b'}{messages}, 1, 'a dot in a name';
	my $imap = imap('dora', 'INBOX');
	my ($first) = values %{ $imap->fetch('1', '(INTERNALDATE BODY.PEEK[])') };
	like $first->{INTERNALDATE}, qr/ 9-Sep-2001 01:46:40/, 'the date is that of the file';
	is $first->{'BODY[]'}, "Subject: one\r\n\r\nline\r\n", 'CRLF line ends';
	rename "$files/maildir/cur/1001.b:2,", "$files/maildir/cur/1001.b:2,S" or die;
	like $p->postroom_ok('mailbox', 'import', 'dora', '--format', 'maildir', "$files/maildir"),
		qr/^0 messages imported, 6 were there already, 3 left out$/, 'a second time nothing comes twice';
	is_clean('dora');
};

subtest 'mbox and back' => sub {
	write_file("$files/in", join '', "From a\@b.test Sat Jan  3 01:05:34 1998\n", "Subject: one\nStatus: RO\nX-Status: AF\n",
		"X-Keywords: \$Label bad(word\n\n", "line\n\n>From here\n>>From there\n\n", "From c\@d.test Sun Jan  4 01:05:34 1998\n",
		"Subject: two\n\nbody\n\nFrom the start\n\n");
	# a line "From the start" behind an empty one begins a message, which has no header
	my ($status, $out, $err) = $p->postroom('mailbox', 'import', 'emil', '--format', 'mbox', '--folder', 'Old/mail', "$files/in");
	is $status, 0, 'it is read';
	like $out, qr/^2 messages imported, 1 left out$/, 'two messages';
	is_deeply content('emil', 'Old/mail'), ['one $Label \Answered \Flagged \Seen', 'two'], 'with flags';
	my $imap = imap('emil', 'Old/mail');
	my ($first) = values %{ $imap->fetch('1', '(INTERNALDATE BODY.PEEK[])') };
	is $first->{'BODY[]'}, "Subject: one\r\n\r\nline\r\n\r\nFrom here\r\n>From there\r\n", 'quotes and status are taken away';
	like $first->{INTERNALDATE}, qr/ 3-Jan-1998 01:05:34/, 'the date is that of the From line';
	$p->postroom_ok('mailbox', 'export', 'emil', '--format', 'mbox', '--folder', 'Old/mail', "$files/out");
	like read_file("$files/out"), qr/^From \S+ Sat Jan  3 01:05:34 1998\nSubject: one\nStatus: RO\nX-Status: AF\nX-Keywords: \$Label\n\nline\n\n>From here\n>>From there\n\nFrom /,
		'written as it was read';
	($status) = $p->postroom('mailbox', 'export', 'emil', '--format', 'mbox', '--folder', 'Old/mail', "$files/out");
	is $status, 1, 'nothing is written over';
	$p->postroom_ok('mailbox', 'import', 'emil', '--format', 'mbox', '--folder', "inbox/u\xcc\x88ber", "$files/in");
	is @{ content('emil', 'INBOX/&APw-ber') }, 2, 'a name as files have it is what IMAP calls it';
	($status) = $p->postroom('mailbox', 'import', 'emil', '--format', 'mbox', '/etc/passwd');
	is $status, 1, 'what is no mbox';
	is_clean('emil');
};

# Everything of a mailbox, comparable: folder, flags, date and text.
sub snapshot {
	my ($user) = @_;
	my @all;
	for my $folder (sort keys %{ folders($user) }) {
		next if !folders($user)->{$folder}{messages};
		my $imap = imap($user);
		$imap->enable('UTF8=ACCEPT');
		utf8::encode(my $name = $folder);
		$imap->select($name);
		for my $message (values %{ $imap->fetch('1:*', '(FLAGS INTERNALDATE BODY.PEEK[])') }) {
			push @all, join ' ', $name, (sort grep { !/Recent/ } @{ $message->{FLAGS} }), $message->{INTERNALDATE},
				sha1_hex($message->{'BODY[]'});
		}
	}
	return [sort @all];
}

for my $format (qw(maildir mbox)) {
	subtest "export and import by $format" => sub {
		my $user = $format eq 'maildir' ? 'fred' : 'gina';
		$p->add_user($user, "$user-secret");
		$USERS{$user} = "$user-secret";
		$p->postroom_ok('mailbox', 'export', 'dora', '--format', $format, "$files/export-$format");
		$p->postroom_ok('mailbox', 'import', $user, '--format', $format, "$files/export-$format");
		is_deeply snapshot($user), snapshot('dora'), 'what comes back is what was there';
		is_clean($user);
		my ($status) = $p->postroom('mailbox', 'export', 'dora', '--format', $format, "$files/export-$format");
		is $status, 1, 'a folder with something in it is not written to';
	};
}

subtest 'usage' => sub {
	for my $arguments (['mailbox'], ['mailbox', 'list'], ['mailbox', 'import', 'anna', '/tmp'], ['mailbox', 'nothing']) {
		my ($status) = $p->postroom(@$arguments);
		is $status, 2, "@$arguments";
	}
	my ($status, undef, $err) = $p->postroom('mailbox', 'list', 'nobody-here');
	is $status, 1, 'no such user';
	like $err, qr/there is no user nobody-here/, 'is told';
};

$p->stop;
done_testing;

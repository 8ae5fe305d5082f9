#!/usr/bin/perl
# Collecting from Courier's IMAP server, whose packages scripts/courier unpacks and scripts/courier-imap starts: its folders
# below "INBOX.", no MOVE, and a provider that left UIDPLUS out.
use strict;
use warnings;
use lib 't/lib';
use Cwd qw(getcwd);
use File::Temp;
use Postroom::Collectors qw(add_collector run_collector);
use Postroom::Imap;
use Postroom::Need qw(need_root);
use Postroom::Peer;
use Postroom::Ports;
use Postroom::Process qw(spawn_program stop_process);
use Postroom::Test;
use Test::More;

my $PASSWORD = 'Quetzal-17';
my $CAPABILITIES = 'IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT QUOTA IDLE';
need_root();
my $root = ($ENV{POSTROOM_BUILD} // 'build') . '/courier';
$root = getcwd() . "/$root" if $root !~ m{\A/};
plan skip_all => 'the packages of Courier cannot be downloaded' if system('scripts/courier', $root) != 0;
plan skip_all => 'needs mount namespaces and overlayfs'
	if system("unshare --mount mount -t overlay overlay -o 'lowerdir=$root/usr:/usr' /usr 2>/dev/null") != 0;

my $p = Postroom::Test->start(users => { fred => 'freds-secret', kate => 'kates-secret' });
my $home = File::Temp->newdir('postroom-courier-XXXXXX', DIR => $Postroom::Process::SCRATCH);
chmod 0755, $home;
system("mkdir -p $home/Maildir/cur $home/Maildir/new $home/Maildir/tmp && chown -R nobody: $home/Maildir") == 0 or die;

sub courier {
	my ($capabilities) = @_;
	my $port = Postroom::Ports::port();
	my $pid = spawn_program({}, 'scripts/courier-imap', $root, $port, $home, 'box', $PASSWORD, $capabilities);
	Postroom::Peer::wait_port($port);
	return ($port, $pid);
}

sub letter {
	my ($subject) = @_;
	return "From: Ann <ann\@far.test>\r\nTo: fred\@example.test\r\nSubject: $subject\r\n\r\n.This is $subject.\r\n\r\nend\r\n";
}

sub box {
	my ($port) = @_;
	my $imap = Postroom::Imap->connect(port => $port);
	$imap->login('box', $PASSWORD);
	return $imap;
}

sub put {
	my ($port, $folder, @subjects) = @_;
	my $imap = box($port);
	$imap->cmd("CREATE \"$folder\"") if $folder ne 'INBOX';
	for (@subjects) {
		$imap->append($folder, letter($_), '\Flagged');
		$imap->is_ok or die "APPEND to $folder: $imap->{last}{text}\n";
	}
	$imap->logout;
	return;
}

# Subjects of what is in a folder of Courier's, and of a user's here.
sub subjects_of {
	my ($imap, $folder) = @_;
	my $selected = $imap->select($folder) or return 'no such folder';
	my @found = $selected->{exists} ? values %{ $imap->fetch('1:*', '(FLAGS BODY.PEEK[])') } : ();
	$imap->logout;
	return sort map { $_->{'BODY[]'} =~ /^Subject: (.*?)\r?$/m ? $1 : 'none' } @found;
}

sub subjects_here {
	my ($user, $folder) = @_;
	$p->wait_for(sub { !@{ $p->queue } && !glob($p->dir . '/spool/*/new/*') }, 'the queue is empty');
	my $imap = $p->imap;
	$imap->login($user, "${user}s-secret");
	return subjects_of($imap, $folder);
}

my ($port, $pid) = courier($CAPABILITIES);

subtest 'two folders are collected, and deleted there' => sub {
	put($port, 'INBOX', map { "letter $_" } 1 .. 40);
	put($port, 'INBOX.Work', map { "work $_" } 1 .. 5);
	add_collector($p, 'two', imap => $port, password => $PASSWORD, 'imap.folders' => "INBOX\nINBOX.Work = kate Work");
	is run_collector($p, 'two'), 'Connection successful, 45 messages', 'its result';
	is_deeply [subjects_here('fred', 'INBOX')], [sort map { "letter $_" } 1 .. 40], 'one goes where all go';
	is_deeply [subjects_here('kate', 'Work')], [map { "work $_" } 1 .. 5], 'the other where it says';
	is_deeply [subjects_of(box($port), $_)], [], "none is left in $_" for 'INBOX', 'INBOX.Work';
	is run_collector($p, 'two'), 'Connection successful, no messages', 'then there is none';
	$p->postroom_ok('collector', 'delete', 'two');
};

subtest 'left there; then moved, by COPY' => sub {
	put($port, 'INBOX.Work', 'left 1', 'left 2');
	put($port, 'INBOX.Done');
	add_collector($p, 'left', imap => $port, password => $PASSWORD, 'imap.folders' => 'INBOX.Work = kate Left', 'leave-days' => 3);
	is run_collector($p, 'left'), 'Connection successful, 2 messages', 'fetched';
	is run_collector($p, 'left'), 'Connection successful, no messages', 'once';
	is_deeply [subjects_of(box($port), 'INBOX.Work')], ['left 1', 'left 2'], 'and they stay there';
	my $imap = box($port);
	$imap->select('INBOX.Work');
	is_deeply [map { scalar grep { $_ eq '\Seen' } @{ $_->{FLAGS} } } values %{ $imap->fetch('1:*', '(FLAGS)') }], [0, 0],
		'unread as they were';
	$imap->logout;
	$p->postroom_ok('collector', 'set', 'left', 'leave-days', 0);
	$p->postroom_ok('collector', 'set', 'left', 'imap.move-to', 'INBOX.Done');
	is run_collector($p, 'left'), 'Connection successful, no messages', 'when their time is over';
	is_deeply [subjects_of(box($port), 'INBOX.Work')], [], 'they leave the folder';
	is_deeply [subjects_of(box($port), 'INBOX.Done')], ['left 1', 'left 2'], 'for the other one';
	is_deeply [subjects_here('kate', 'Left')], ['left 1', 'left 2'], 'once here';
	$p->postroom_ok('collector', 'delete', 'left');
};

subtest 'a new message is told of by IDLE' => sub {
	add_collector($p, 'idle', imap => $port, password => $PASSWORD, 'imap.idle' => 'on');
	like run_collector($p, 'idle'), qr/\AConnection successful/, 'connected';
	put($port, 'INBOX', 'while idle');
	$p->wait_for(sub { !grep { $_ } subjects_of(box($port), 'INBOX') }, 'it is collected', 30);
	is scalar(grep { $_ eq 'while idle' } subjects_here('fred', 'INBOX')), 1, 'once';
	$p->postroom_ok('collector', 'delete', 'idle');
};

subtest 'the whole account is copied' => sub {
	put($port, 'INBOX.Work.Deep', 'deep');
	add_collector($p, 'copy', imap => $port, password => $PASSWORD, enabled => 'off');
	my ($status, $out, $err) = $p->postroom('collector', 'copy', 'copy', 'kate', '--folder', 'Old');
	is $status, 0, 'copied' or diag $out . $err;
	is_deeply [subjects_here('kate', 'Old/Work/Deep')], ['deep'], 'without what the names of all folders begin with there';
	$p->postroom_ok('collector', 'delete', 'copy');
};
stop_process($pid, 'KILL', 5);

subtest 'a provider without UIDPLUS' => sub {
	($port, $pid) = courier($CAPABILITIES =~ s/ UIDPLUS//r);
	put($port, 'INBOX', map { "plain $_" } 1 .. 5);
	add_collector($p, 'plain', imap => $port, password => $PASSWORD, 'imap.folders' => 'INBOX = kate Plain');
	is run_collector($p, 'plain'), 'Connection successful, 5 messages', 'collected';
	is_deeply [subjects_of(box($port), 'INBOX')], [], 'and deleted';
	is_deeply [subjects_here('kate', 'Plain')], [map { "plain $_" } 1 .. 5], 'all are here';
	stop_process($pid, 'KILL', 5);
};

$p->stop;
done_testing;

#!/usr/bin/perl
# Clients that live on the connection: imapflow, which many web applications use, with IDLE, COMPRESS and QRESYNC.
use strict;
use warnings;
use lib 't/lib';
use Cwd qw(abs_path);
use File::Temp;
use JSON::PP qw(decode_json encode_json);
use POSIX qw(WNOHANG);
use Postroom::Clients qw(needs run_client message remote_state);
use Postroom::Process qw(read_file spawn_program stop_process wait_until write_file);
use Postroom::Test;
use Test::More;

my %USERS = map { $_ => "$_-secret" } qw(anna bert);
my $p = Postroom::Test->start(users => \%USERS);
my $scratch = File::Temp->newdir;

sub imap {
	my ($user, $folder) = @_;
	my $imap = $p->imap;
	$imap->login($user, $USERS{$user});
	$imap->select($folder) if defined $folder;
	$imap->is_ok or die "$user cannot log in: " . $imap->last->{raw} . "\n";
	return $imap;
}

# imapflow in the build folder, fetched by npm at the first time.
sub install_imapflow {
	my $folder = Postroom::Test::build_folder() . '/clients';
	my ($status, $out) = run_client({ timeout => 150 }, 't/clients/install', $folder);
	plan skip_all => "npm cannot install imapflow: " . join " ", split " ", $out if $status != 0;
	return abs_path("$folder/node_modules");
}

# Others change the mailbox while the client idles: one change after the other was heard of.
sub change_behind {
	my ($user, $out) = @_;
	my $heard = sub { my ($event) = @_; wait_until(sub { read_file($out) =~ /^$event$/m }, "the client hears of $event", 20) };
	my $smtp = $p->smtp;
	$smtp->send_message('bert@example.test', ["$user\@example.test"], message('delivered'));
	$smtp->quit;
	$heard->('exists');
	my $other = imap($user, 'INBOX');
	$other->cmd('UID STORE 1 +FLAGS (\Answered)');
	$heard->('flags');
	$other->cmd('UID STORE 5 +FLAGS.SILENT (\Deleted)');
	$other->cmd('UID EXPUNGE 5');
	$other->logout;
}

sub run_imapflow {
	my ($user, $service) = @_;
	my $modules = install_imapflow();
	local $ENV{NODE_PATH} = $modules;
	my ($out, $err) = map { "$scratch/$user.$_" } qw(out err);
	write_file($out, '');
	my $arguments = encode_json({ port => $p->port($service), secure => $service eq 'imaps' ? JSON::PP::true : JSON::PP::false,
		user => $user, pass => $USERS{$user} });
	my $pid = spawn_program({ stdout => $out, stderr => $err }, 'node', 't/clients/imapflow.js', $arguments);
	my $ended = sub { waitpid($pid, WNOHANG) == $pid };
	my $found = eval {
		my $gone = wait_until(sub { read_file($out) =~ /^idle$/m ? 2 : $ended->() }, 'the client idles', 30) == 1;
		die "the client ended early\n" if $gone;
		change_behind($user, $out);
		wait_until($ended, 'the client ends', 30);
		my ($json) = read_file($out) =~ /^found (.*)$/m or die "the client failed\n";
		decode_json($json);
	};
	return $found if $found;
	my $reason = $@;
	stop_process($pid);
	fail "imapflow: $reason";
	diag read_file($out) . read_file($err);
	return;
}

my $NEW_FOLDER = "B\x{fc}ro/\x{c4}nderungen";

sub check_folders {
	my ($found) = @_;
	is_deeply $found->{folders}, [sort 'INBOX', 'Deleted Items', 'Drafts', 'Sent Items', "B\x{fc}ro", $NEW_FOLDER], 'the folders';
	my $special = { 'Deleted Items' => '\\Trash', Drafts => '\\Drafts', INBOX => '\\Inbox', 'Sent Items' => '\\Sent' };
	is_deeply $found->{special}, $special, 'their uses';
	is_deeply [@$found{qw(renamed deleted subscribed)}], ['Passed', 'Passed', 1], 'renamed, deleted, subscribed';
	is $found->{statusInList}, 6, 'LIST gives the status of each (RFC 5819)';
	is_deeply $found->{namespace}, { delimiter => '/', prefix => '' }, 'the namespace';
}

sub check_messages {
	my ($found) = @_;
	is_deeply $found->{appended}, [1 .. 5], 'APPENDUID';
	is_deeply $found->{opened}, { exists => 5, uidNext => 6, keywords => JSON::PP::true }, 'SELECT';
	my @wanted = map { {
		uid => $_, subject => "mail-$_", from => "\x{c4}nne", to => ['bert@example.test', 'group@', 'cd@example.test'],
		flags => $_ == 2 ? ['\\Seen', 'work'] : [], parts => ['text/plain', 'application/octet-stream'],
		date => '2025-11-21T12:00:00.000Z', sizeIsRight => JSON::PP::true,
		header => ["Message-ID: <mail-$_\@example.test>", "Subject: mail-$_"], modseq => 'bigint', emailId => 'string',
	} } 1 .. 5;
	is_deeply $found->{messages}, \@wanted, 'envelope, structure, flags, date, size, header';
	is $found->{text}, "Gr\x{fc}\x{df}e 3", 'the text';
	is $found->{data}, '000102030405', 'the attachment';
	ok $found->{$_}, $_ for qw(wholeIsRight pieceIsRight);
	is_deeply [@$found{qw(seen bySubject byText combined)}], [[2], [3], [1 .. 5], [2]], 'searches';
}

sub check_changes {
	my ($found) = @_;
	is_deeply $found->{exists}, [5, 6], 'IDLE: a new message';
	is_deeply $found->{flagsHeard}, [1, ['\\Answered']], 'IDLE: flags';
	is_deeply $found->{expunged}, [JSON::PP::true, 5], 'IDLE: VANISHED';
	is_deeply $found->{copied}, [[1, 1], [2, 2]], 'COPYUID';
	is_deeply $found->{moved}, [[3, 3]], 'and of MOVE';
	is_deeply $found->{status},
		{ path => $NEW_FOLDER, messages => 3, uidNext => 4, unseen => 3, highestModseq => 'bigint' }, 'STATUS';
	ok $found->{$_}, $_ for qw(removed quotaIsGiven readOnly);
	is_deeply $found->{resynchronised}, { qresync => JSON::PP::true, vanished => [3, 4, 5], flags => [1, 2, 6] },
		'QRESYNC tells what changed since';
}

my %IMAPFLOW_WAYS = (anna => 'imap', bert => 'imaps');
for my $user (sort keys %IMAPFLOW_WAYS) {
	my $service = $IMAPFLOW_WAYS{$user};
	subtest "imapflow, $service" => sub {
		needs('node', 'npm');
		my $found = run_imapflow($user, $service) or return;
		is_deeply $found->{problems}, [], 'nothing to complain of';
		is $found->{server}, 'Postroom', 'ID';
		ok $found->{$_}, $_ for qw(secure compressed);
		is_deeply $found->{enabled}, ['CONDSTORE', 'QRESYNC', 'UTF8=ACCEPT'], 'enabled';
		check_folders($found);
		check_messages($found);
		check_changes($found);
		my $state = remote_state(imap($user));
		is_deeply $state->{INBOX}, { 'mail-1' => 'R', 'mail-2' => 'FP', delivered => '' }, 'what is left in INBOX';
		is_deeply $state->{'B&APw-ro/&AMQ-nderungen'}, { 'mail-1' => 'R', 'mail-2' => 'FP', 'mail-3' => '' }, 'and in the new folder';
	};
}

$p->stop;
done_testing;

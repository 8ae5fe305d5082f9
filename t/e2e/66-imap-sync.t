#!/usr/bin/perl
# Clients that keep a copy of a mailbox: what changed on either side is on both afterwards, once.
use strict;
use warnings;
use lib 't/lib';
use File::Path qw(make_path);
use File::Temp;
use Postroom::Clients qw(needs run_client runs_ok message put remote_state local_state trust);
use Postroom::Process qw(read_file write_file);
use Postroom::Test;
use Test::More;

my %USERS = map { $_ => "$_-secret" } qw(anna bert carl dora emil frida gert);
my $p = Postroom::Test->start(users => \%USERS);
my $scratch = File::Temp->newdir;
local $ENV{HOME} = "$scratch";
my $certificate = trust($p, "$scratch");

sub imap {
	my ($user) = @_;
	my $imap = $p->imap;
	$imap->login($user, $USERS{$user});
	$imap->is_ok or die "$user cannot log in: " . $imap->last->{raw} . "\n";
	return $imap;
}

# What stands in the mailbox before a client sees it; "Entw&APw-rfe" is Entwürfe.
sub fill {
	my ($imap) = @_;
	my %wanted = (INBOX => { map { ("mail $_" => '') } 1 .. 40 });
	$imap->cmd("CREATE $_") for '"Archive/2024"', '"Entw&APw-rfe"', '"with space"';
	put($imap, 'INBOX', "mail $_") for 1 .. 40;
	my %more = ('Archive/2024' => { old => ['\Seen', 'S'], older => ['\Seen \Answered $Forwarded', 'PRS'] },
		'Entw&APw-rfe' => { draft => ['\Draft \Seen', 'DS'] }, 'with space' => { starred => ['\Flagged', 'F'] });
	for my $folder (sort keys %more) {
		for my $subject (sort keys %{ $more{$folder} }) {
			my ($flags, $letters) = @{ $more{$folder}{$subject} };
			put($imap, $folder, $subject, $flags);
			$wanted{$folder}{$subject} = $letters;
		}
	}
	return \%wanted;
}

# Folders that are empty on one side need not be on the other.
sub without_empty {
	my ($state) = @_;
	return { map { $_ => $state->{$_} } grep { %{ $state->{$_} } } keys %$state };
}

sub both_are {
	my ($imap, $local, $wanted, $what) = @_;
	is_deeply without_empty(remote_state($imap)), $wanted, "$what: the server";
	is_deeply without_empty($local), $wanted, "$what: the copy";
}

sub store {
	my ($imap, $folder, $subject, $change) = @_;
	$imap->select($folder);
	my ($uid) = @{ $imap->search(qq{UID SEARCH SUBJECT "$subject"}) };
	$imap->cmd("UID STORE $uid $change");
	$imap->is_ok or die $imap->last->{raw};
	return $uid;
}

# Find the file of a message in a Maildir and give it other flags; none: remove it.
sub change_local {
	my ($folder, $subject, $letters) = @_;
	for my $path (glob("\Q$folder\E/cur/*"), glob("\Q$folder\E/new/*")) {
		next if (read_file($path) // '') !~ /^Subject: \Q$subject\E\r?$/m;
		(my $new = $path) =~ s{/(?:cur|new)/([^/:]*)[^/]*\z}{/cur/$1:2,}; # isync keeps its number before the colon
		return defined $letters ? rename $path, "$new$letters" : unlink $path;
	}
	die "no message $subject in $folder\n";
}

sub put_local {
	my ($folder, $subject, $letters) = @_;
	make_path(map { "$folder/$_" } qw(cur new tmp));
	(my $text = message($subject)) =~ s/\r//g;
	return write_file("$folder/cur/" . unpack('H*', $subject) . ".1_1.host:2,$letters", $text);
}

# Each of what may happen between two runs, on both sides; the wanted state follows.
sub change_both {
	my ($imap, $root, $wanted) = @_;
	my $inbox = "$root/INBOX";
	put($imap, 'INBOX', 'new there', '\Flagged');
	store($imap, 'INBOX', 'mail 1', '+FLAGS (\Seen)');
	$imap->cmd('EXPUNGE') if store($imap, 'INBOX', 'mail 20', '+FLAGS (\Deleted)');
	store($imap, 'INBOX', 'mail 30', '+FLAGS (\Answered)');
	put($imap, 'Archive/2024', 'from there');
	$imap->cmd('CREATE "made there"');
	put($imap, 'made there', 'first');
	put_local($inbox, 'new here', 'S');
	change_local($inbox, 'mail 2', 'FS');
	change_local($inbox, 'mail 39');
	change_local($inbox, 'mail 30', 'S'); # and answered on the other side: both
	put_local("$root/Archive/2024", 'from here', 'R');
	put_local("$root/made here", 'second', '');
	my $mails = $wanted->{INBOX};
	delete @$mails{'mail 20', 'mail 39'};
	@$mails{'new there', 'mail 1', 'new here', 'mail 2', 'mail 30'} = ('F', 'S', 'S', 'FS', 'RS');
	@{ $wanted->{'Archive/2024'} }{'from there', 'from here'} = ('', 'R');
	$wanted->{'made there'} = { first => '' };
	$wanted->{'made here'} = { second => '' };
}

sub sync_both_ways {
	my ($imap, $root, $wanted, @sync) = @_;
	runs_ok('the first run', @sync);
	both_are($imap, local_state($root), $wanted, 'fetched');
	change_both($imap, $root, $wanted);
	runs_ok('changed on both sides', @sync);
	both_are($imap, local_state($root), $wanted, 'in both directions');
	my $before = $imap->status('INBOX', 'HIGHESTMODSEQ', 'UIDNEXT');
	runs_ok('nothing changed', @sync);
	both_are($imap, local_state($root), $wanted, 'as before');
	is_deeply $imap->status('INBOX', 'HIGHESTMODSEQ', 'UIDNEXT'), $before, 'and it wrote nothing';
}

my %MBSYNC_WAYS = (
	anna => ['in clear', 'imap', "SSLType None\nAuthMechs PLAIN\nPipelineDepth 1"],
	bert => ['STARTTLS, pipelined', 'imap', "SSLType STARTTLS\nCertificateFile $certificate"],
	carl => ['TLS, SCRAM or what it finds', 'imaps', "SSLType IMAPS\nCertificateFile $certificate\nAuthMechs *"],
);

for my $user (sort keys %MBSYNC_WAYS) {
	my ($way, $service, $lines) = @{ $MBSYNC_WAYS{$user} };
	subtest "mbsync, $way" => sub {
		needs('mbsync');
		my $root = "$scratch/mbsync-$user";
		make_path($root);
		my $conf = write_file("$root.conf", <<"END");
IMAPStore far
Host 127.0.0.1
Port @{[$p->port($service)]}
User $user
Pass $USERS{$user}
$lines

MaildirStore near
Path $root/
Inbox $root/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Remove Both
Expunge Both
CopyArrivalDate yes
SyncState *
END
		my @sync = ('mbsync', '-c', $conf, '-a');
		my $imap = imap($user);
		my $wanted = fill($imap);
		sync_both_ways($imap, $root, $wanted, @sync);
		$imap->select('made there');
		$imap->cmd('STORE 1 +FLAGS (\Deleted)');
		$imap->cmd('CLOSE');
		runs_ok('a folder is emptied on the server', @sync); # only empty ones are removed
		is $imap->cmd('DELETE "made there"')->{type}, 'OK', 'and deleted';
		delete $wanted->{'made there'};
		runs_ok('the next run', @sync);
		both_are($imap, local_state($root), $wanted, 'it is gone');
		ok !-e "$root/made there/cur", 'here too';
	};
}

subtest 'mbsync between two mailboxes' => sub {
	needs('mbsync');
	my $conf = write_file("$scratch/two.conf", join '', map { <<"END" } ['far', 'anna'], ['near', 'dora']);
IMAPStore $_->[0]
Host 127.0.0.1
Port @{[$p->port('imaps')]}
User $_->[1]
Pass $USERS{$_->[1]}
SSLType IMAPS
CertificateFile $certificate

END
	make_path("$scratch/state");
	write_file($conf, read_file($conf) . <<"END");
Channel all
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
SyncState $scratch/state/
END
	my @imap = (imap('anna'), imap('dora'));
	runs_ok('the first run', 'mbsync', '-c', $conf, '-a');
	my ($one, $two) = map { remote_state($_) } @imap;
	cmp_ok scalar(keys %{ $one->{INBOX} }), '>', 30, 'there is something';
	is_deeply $two, $one, 'the copy';
	store($imap[1], 'INBOX', 'mail 5', '+FLAGS (\Flagged)');
	$imap[1]->cmd('EXPUNGE') if store($imap[1], 'INBOX', 'mail 6', '+FLAGS (\Deleted)');
	runs_ok('the second run', 'mbsync', '-c', $conf, '-a');
	($one, $two) = map { remote_state($_) } @imap;
	is_deeply $two, $one, 'still the same';
	is $one->{INBOX}{'mail 5'}, 'F', 'the flag went the other way';
	ok !exists $one->{INBOX}{'mail 6'}, 'so did the deletion';
};

# Not with STARTTLS, which mbsync tries: after it, offlineimap's two threads now and then wait for each other for ever.
my %OFFLINEIMAP_WAYS = (
	emil => ['in clear', 'imap', "ssl = no\nstarttls = no"],
	frida => ['TLS', 'imaps', 'ssl = yes'],
	gert => ['TLS, compressed, with three connections', 'imaps', "ssl = yes\nusecompression = yes\nmaxconnections = 3"],
);
my $fingerprint = (run_client('openssl', 'x509', '-in', $certificate, '-noout', '-fingerprint', '-sha512'))[1] =~ s/.*=|[:\s]//gr;

for my $user (sort keys %OFFLINEIMAP_WAYS) {
	my ($way, $service, $lines) = @{ $OFFLINEIMAP_WAYS{$user} };
	subtest "offlineimap, $way" => sub {
		needs('offlineimap');
		my $root = "$scratch/offlineimap-$user";
		make_path($root);
		my $conf = write_file("$root.conf", <<"END");
[general]
accounts = account
metadata = $root.state
[Account account]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = $root
sep = /
[Repository far]
type = IMAP
remotehost = 127.0.0.1
remoteport = @{[$p->port($service)]}
remoteuser = $user
remotepass = $USERS{$user}
cert_fingerprint = $fingerprint
$lines
END
		my @sync = ('offlineimap', '-c', $conf, '-o', '-u', 'basic');
		my $imap = imap($user);
		my $wanted = fill($imap);
		store($imap, 'Archive/2024', 'older', '-FLAGS ($Forwarded)'); # offlineimap knows no such letter
		$wanted->{'Archive/2024'}{older} = 'RS';
		sync_both_ways($imap, $root, $wanted, @sync);
	};
}

$p->stop;
done_testing;

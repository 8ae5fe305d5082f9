package Postroom::Clients;

=head1 NAME

Postroom::Clients - for tests with other people's mail clients: run them, and compare what both sides hold afterwards

=head1 SYNOPSIS

    needs('mbsync');                                # skips the subtest where the program is missing
    runs_ok('syncs', 'mbsync', '-c', $conf, '-a');  # one assertion; returns all it printed
    my $text = message('a subject', "body\n");
    put($imap, 'INBOX', 'a subject', '\Seen');      # and append it
    is_deeply remote_state($imap), local_state("$scratch/Maildir"), 'both sides are the same';

=head1 DESCRIPTION

A state is C<{folder =E<gt> {subject =E<gt> flags}}>, the flags as the sorted letters of Maildir: D draft, F flagged, P
passed on ($Forwarded), R answered, S seen, T deleted. A subject that stands there twice has its number of copies behind
its flags ("S x2"), so that a message stored twice does not hide.

=head1 FUNCTIONS

=over

=item needs(@programs), runs_ok($what, [\%options,] @command), run_client([\%options,] @command)

C<run_client> gives (exit status, all output). Both run with C<HOME> as the caller has set it.

=item message($subject, $body), put($imap, $folder, $subject, $flags)

=item remote_state($imap), folder_state($imap, $folder), local_state($root), maildir_state($folder)

C<local_state> takes every folder below the root that has a C<cur>; names as on the disk, the root's own C<INBOX>.

=item fill_for_thunderbird($imap)

The mailbox that t/clients/record-thunderbird and the replay of its record begin with: UIDs 1 to 12 in INBOX, some in Work.

=item trust($instance, $folder)

The instance's certificate as a file that any user may read; its path.

=back

=cut

use strict;
use warnings;
use Exporter 'import';
use File::Find ();
use Postroom::ImapResponse qw(quote_string);
use Postroom::Need qw(find_program);
use Postroom::Process qw(run_program read_file write_file);
use Test::More;

our @EXPORT_OK = qw(needs runs_ok run_client message put remote_state folder_state local_state maildir_state trust
	fill_for_thunderbird);

my %LETTER = ('\Draft' => 'D', '\Flagged' => 'F', '$Forwarded' => 'P', '\Answered' => 'R', '\Seen' => 'S', '\Deleted' => 'T');

sub needs {
	for my $name (@_) {
		plan skip_all => "needs the program $name" if !find_program($name);
	}
}

sub run_client {
	my ($status, $out, $err) = run_program(@_);
	return ($status, $out . $err);
}

sub runs_ok {
	my ($what, @command) = @_;
	my ($status, $out) = run_client(@command);
	is $status, 0, $what or diag "@{[grep { !ref } @command]}\n$out";
	return $out;
}

sub message {
	my ($subject, $body) = @_;
	my $text = join "\n", 'From: Anna <anna@example.test>', 'To: bert@example.test', "Subject: $subject",
		'Date: Fri, 21 Nov 2025 12:00:00 +0100', "Message-ID: <@{[unpack 'H*', $subject]}\@example.test>", '',
		$body // "Body of $subject\n";
	$text =~ s/\r?\n/\r\n/g;
	return $text;
}

sub put {
	my ($imap, $folder, $subject, $flags, $body) = @_;
	my $answer = $imap->append($folder, message($subject, $body), $flags);
	return $answer && $answer->{type} eq 'OK' || die "APPEND of $subject: $answer->{raw}\n";
}

sub count_in {
	my ($state, $subject, $letters) = @_;
	if (exists $state->{$subject}) {
		my $copies = $state->{$subject} =~ / x(\d+)\z/ ? $1 : 1;
		$letters = (split / /, $state->{$subject}, 2)[0] . ' x' . ($copies + 1);
	}
	return $state->{$subject} = $letters;
}

sub letters {
	return join '', sort map { $LETTER{$_} // () } @_;
}

sub folder_state {
	my ($imap, $folder) = @_;
	my %state;
	$imap->cmd('EXAMINE ' . quote_string($folder));
	die "EXAMINE $folder: " . $imap->last->{raw} . "\n" if !$imap->is_ok;
	my $fetched = $imap->fetch('1:*', '(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])');
	for my $message (values %$fetched) {
		my ($header) = map { $message->{$_} } grep { /\ABODY\[/ } keys %$message;
		my ($subject) = $header =~ /^Subject: (.*)\r$/m;
		count_in(\%state, $subject, letters(@{ $message->{FLAGS} }));
	}
	return \%state;
}

sub remote_state {
	my ($imap) = @_;
	$imap->cmd('LIST "" "*"');
	my @folders = map { $_->{data}[2] } grep { !grep { lc eq '\noselect' } @{ $_->{data}[0] } } $imap->untagged('LIST');
	return { map { $_ => folder_state($imap, $_) } @folders };
}

sub maildir_state {
	my ($folder) = @_;
	my %state;
	for my $path (glob("\Q$folder\E/cur/*"), glob("\Q$folder\E/new/*")) {
		my ($subject) = read_file($path) =~ /^Subject: (.*?)\r?$/m;
		my ($flags) = $path =~ /:2,([A-Za-z]*)\z/;
		count_in(\%state, $subject, join '', sort grep { /[DFPRST]/ } split //, $flags // '');
	}
	return \%state;
}

sub local_state {
	my ($root) = @_;
	my %state;
	my $look = sub {
		my ($name) = $File::Find::name =~ m{\A\Q$root\E/?(.*)/cur\z} or return;
		$state{ $name eq '' ? 'INBOX' : $name } = maildir_state("$root/$name");
	};
	File::Find::find({ wanted => $look, no_chdir => 1 }, $root);
	return \%state;
}

sub fill_for_thunderbird {
	my ($imap) = @_;
	$imap->cmd("CREATE $_"), $imap->cmd("SUBSCRIBE $_") for 'Work', '"Work/Bills"';
	put($imap, 'INBOX', "mail $_", $_ == 1 ? '\\Seen' : '') for 1 .. 12;
	put($imap, 'Work', "work $_") for 1 .. 3;
	return;
}

sub trust {
	my ($instance, $folder) = @_;
	my $path = write_file("$folder/certificate.pem", read_file($instance->dir . '/etc/tls/cert.pem'));
	chmod 0644, $path;
	return $path;
}

1;

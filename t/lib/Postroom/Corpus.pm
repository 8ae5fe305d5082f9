package Postroom::Corpus;

=head1 NAME

Postroom::Corpus - real messages: read, sent, fetched, compared octet for octet

=head1 SYNOPSIS

    use Postroom::Corpus qw(corpus_messages send_all fetch_all without_trace);

    my $messages = corpus_messages($folder);          # {name => text}, CRLF, without the mbox line
    my $ids = send_all($messages, 20, sub { $p->smtp }, 'a@b.test', 'anna@example.test');
    my %names = map { $ids->{$_} => $_ } keys %$ids;  # id of the 250 to name
    for my $text (fetch_all($pop3)) {
        my ($id, $rest) = without_trace($text, 1);    # 1 server has put its Received field before it
        is $rest, $messages->{ $names{$id} };
    }

=head1 FUNCTIONS

=over

=item corpus_messages($folder, %options)

All messages of spamassassin.tar.xz and mime.tar.xz. An mbox line ("From ...") is removed, and every lone CR or LF becomes
CRLF, since only CRLF ends a line in SMTP. C<every =E<gt> 10>: only every tenth of the first archive.

=item send_all(\%messages, $clients, $connect, $from, $to)

Sends them in so many processes, each over one connection of its own, with pipelined commands. C<$connect> gives a
connection after its greeting (and login). Returns name to what follows "queued as" in the reply, or to the whole reply
where that is no 250.

=item fetch_all($pop3), without_trace($text, $hops)

The messages of a mailbox after the login; a message's id at the first of so many servers, and what stands below their
trace fields (RFC 5321 4.4: Return-Path and Received; RFC 8601: Authentication-Results; and Delivered-To). Undef where the trace fields are not as they
should be.

=item without_added($text, $original)

The text without the Date and Message-ID that submission added because the original lacks them (RFC 6409 8).

=back

=cut

use strict;
use warnings;
use Exporter 'import';
use File::Find ();
use File::Temp ();
use JSON::PP ();
use POSIX ();
use Postroom::Process qw(read_file write_file run_program);

our @EXPORT_OK = qw(corpus_messages send_all fetch_all without_trace without_added);

my $json = JSON::PP->new->latin1->canonical;

sub archive_messages {
	my ($archive, $every) = @_;
	my $folder = File::Temp->newdir('postroom-corpus-XXXXXX', TMPDIR => 1);
	my ($status, undef, $err) = run_program('tar', '-xJf', $archive, '-C', "$folder", '--no-same-owner');
	die "cannot unpack $archive: $err" if $status != 0;
	my @files;
	File::Find::find({ no_chdir => 1, wanted => sub { push @files, $_ if /\.eml\z/ } }, "$folder");
	@files = sort @files;
	@files = @files[grep { $_ % $every == 0 } 0 .. $#files];
	my %messages;
	for my $file (@files) {
		my $text = read_file($file);
		$text =~ s/\AFrom [^\n]*\n//;
		$text =~ s/\r\n|\r|\n/\r\n/g;
		$text .= "\r\n" if $text !~ /\r\n\z/;
		$messages{ substr $file, 1 + length "$folder" } = $text;
	}
	return %messages;
}

sub corpus_messages {
	my ($folder, %options) = @_;
	return {
		archive_messages("$folder/spamassassin.tar.xz", $options{every} // 1),
		archive_messages("$folder/mime.tar.xz", 1),
	};
}

# The reply to one message: of the first command that was refused, or of the message.
sub send_one {
	my ($smtp, $from, $to, $text) = @_;
	$smtp->send_raw("MAIL FROM:<$from>\r\nRCPT TO:<$to>\r\nDATA\r\n");
	my @refused = grep { !/\A[23]/ } map { $smtp->reply; $smtp->last } 1 .. 3;
	if (!@refused) {
		$text =~ s/^\./../mg;
		$smtp->send_raw("$text.\r\n");
	} else {
		$smtp->cmd('RSET');
		return $refused[0];
	}
	$smtp->reply;
	return $smtp->last =~ /\A250 .*queued as (\S+)\z/ ? $1 : $smtp->last;
}

sub send_all {
	my ($messages, $clients, $connect, $from, $to) = @_;
	my $folder = File::Temp->newdir;
	my @names = sort keys %$messages;
	my %pids;
	for my $client (0 .. $clients - 1) {
		my $pid = fork // die "cannot fork: $!\n";
		if ($pid == 0) {
			my %replies;
			eval {
				my $smtp = $connect->();
				$smtp->ehlo;
				for (my $i = $client; $i < @names; $i += $clients) {
					$replies{ $names[$i] } = send_one($smtp, $from, $to, $messages->{ $names[$i] });
				}
				$smtp->quit;
			} or $replies{''} = $@;
			write_file("$folder/$client", $json->encode(\%replies));
			POSIX::_exit(0);
		}
		$pids{$pid} = $client;
	}
	my %all;
	for my $pid (keys %pids) {
		waitpid $pid, 0;
		my $replies = $json->decode(read_file("$folder/$pids{$pid}") // '{"": "ended without a word"}');
		die "client $pids{$pid}: $replies->{''}\n" if exists $replies->{''};
		%all = (%all, %$replies);
	}
	return \%all;
}

sub fetch_all {
	my ($pop3) = @_;
	my ($count) = $pop3->stat;
	$pop3->send_raw(join '', map { "RETR $_\r\n" } 1 .. $count);
	my @texts;
	for my $number (1 .. $count) {
		my $line = $pop3->line;
		die "RETR $number: " . ($line // 'closed') . "\n" if ($line // '') !~ /\A\+OK/;
		push @texts, join '', map { "$_\r\n" } $pop3->rest;
	}
	return @texts;
}

sub without_trace {
	my ($text, $hops) = @_;
	$text =~ s/\AReturn-Path: <[^\r]*>\r\nDelivered-To: [^\r]*\r\n// or return;
	my $id;
	for (1 .. $hops) {
		$text =~ s/\A(Received: [^\r]*\r\n(?:[ \t][^\r]*\r\n)*)// or return;
		($id) = $1 =~ /^\tid ([^\s;]+)/m or return;
		$text =~ s/\AAuthentication-Results: \S+\.test;\r\n(?:\t[^\r]*\r\n)+//;
	}
	return ($id, $text);
}

sub without_added {
	my ($text, $original) = @_;
	for my $field ('Date: \w{3}, [^\r]*', 'Message-ID: <[^\r]*>') {
		my ($name) = $field =~ /\A([\w-]+)/;
		my ($header) = $original =~ /\A(.*?)(?:\r\n\r\n|\z)/s;
		next if $header =~ /^\Q$name\E[ \t]*:/mi;
		$text =~ s/^$field\r\n//m;
	}
	return $text;
}

1;

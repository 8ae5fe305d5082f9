package Postroom::ImapServer;

=head1 NAME

Postroom::ImapServer - an IMAP server that does what a test tells it

=head1 SYNOPSIS

    my $server = Postroom::ImapServer->start(messages => ["Subject: a\r\n\r\nx\r\n"], order => 'reversed');
    ... $server->port ...
    my @commands = $server->commands;
    $server->stop;

=head1 DESCRIPTION

Every folder has the same messages, with the UIDs 101, 102 ... What a client deletes is told by C<commands> alone.

=over

=item start(%options)

C<messages>: their texts. C<capability>: what it offers beside IMAP4rev1. C<order>: of the answers to a FETCH of messages:
C<reversed>; C<behind>: the UID stands behind the octets; C<mixed>: two FETCHes that are under way are answered together,
and the second ends first. C<broken>: a UID that FETCH is refused for. C<gone>: one that is listed, and not given.
C<token>: the bearer token that AUTHENTICATE XOAUTH2 and OAUTHBEARER want.

=item port, commands, stop

C<commands>: all lines that clients sent, without their tags.

=back

=cut

use strict;
use warnings;
use File::Temp;
use IO::Select;
use IO::Socket::IP;
use MIME::Base64 qw(decode_base64);
use POSIX ();
use Postroom::Process qw(read_file stop_process);

my $FIRST_UID = 101;

sub start {
	my ($class, %options) = @_;
	my $listener = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => 0, Listen => 10) or die "no port: $@\n";
	my $self = bless { capability => '', order => '', %options, port => $listener->sockport, log => File::Temp->new }, $class;
	$self->{pid} = fork // die "cannot fork: $!\n";
	return $self if $self->{pid};
	local $SIG{CHLD} = 'IGNORE';
	while (my $client = $listener->accept) {
		next if fork;
		$self->serve($client);
		POSIX::_exit(0);
	}
	POSIX::_exit(0);
}

sub port { return $_[0]{port} }

sub commands { my ($self) = @_; return split /\n/, read_file($self->{log}->filename) // '' }

sub stop { my ($self) = @_; stop_process($self->{pid}, 'KILL', 5); return }

sub say { my ($self, @lines) = @_; my $client = $self->{client}; print $client map { "$_\r\n" } @lines; $client->flush; return }

# A line of the client, and the line in the log.
sub listen_to {
	my ($self) = @_;
	my $client = $self->{client};
	my $line = '';
	while ($line !~ /\n\z/) { # octet by octet: what follows has to be seen by select
		sysread($client, my $octet, 1) or return;
		$line .= $octet;
	}
	$line =~ s/\r?\n\z//;
	open my $log, '>>', $self->{log}->filename or die "cannot write: $!\n";
	print $log $line =~ s/\Ap\d+ //r, "\n";
	close $log;
	return $line;
}

sub serve {
	my ($self, $client) = @_;
	$self->{client} = $client;
	$self->say('* OK hello');
	while (defined(my $line = $self->listen_to)) {
		my ($tag, $verb, $rest) = $line =~ /\A(\S+) ((?:UID )?[A-Z]+) ?(.*)\z/ or last;
		my $method = { 'SELECT' => 'choose', 'EXAMINE' => 'choose', 'UID FETCH' => 'fetch', 'AUTHENTICATE' => 'authenticate',
			'IDLE' => 'idle', 'LIST' => 'list' }->{$verb};
		$self->say("* CAPABILITY IMAP4rev1 $self->{capability}") if $verb eq 'CAPABILITY';
		if ($method) { $self->$method($tag, $rest) }
		else { $self->say("$tag OK done") }
		last if $verb eq 'LOGOUT';
	}
	return;
}

sub choose {
	my ($self, $tag) = @_;
	$self->say('* ' . @{ $self->{messages} } . ' EXISTS', '* OK [UIDVALIDITY 7] x', "$tag OK done");
	return;
}

sub list { my ($self, $tag) = @_; $self->say('* LIST () "/" "INBOX"', "$tag OK done"); return }

sub idle { my ($self, $tag) = @_; $self->say('+ waiting'); $self->listen_to; $self->say("$tag OK done"); return }

sub authenticate {
	my ($self, $tag, $rest) = @_;
	my ($mechanism, $initial) = split / /, $rest;
	if (!defined $initial) {
		$self->say('+ ');
		$initial = $self->listen_to;
	}
	my $good = decode_base64($initial) =~ /auth=Bearer \Q$self->{token}\E\cA/;
	if (!$good) { # RFC 7628 3.2.3: told in a challenge, which the client answers
		$self->say('+ eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0=');
		$self->listen_to;
	}
	$self->say($good ? "$tag OK welcome" : "$tag NO no such token");
	return;
}

# "101,103:105", "1:*": those of the UIDs that there are.
sub uids {
	my ($self, $set) = @_;
	my $last = $FIRST_UID + @{ $self->{messages} } - 1;
	my @ranges = map { my ($from, $to) = split /:/; $to //= $from; [$from, $to eq '*' ? $last : $to] } split /,/, $set;
	return grep { my $uid = $_; grep { $_->[0] <= $uid && $uid <= $_->[1] } @ranges } $FIRST_UID .. $last;
}

# "UID FETCH 101,103:105 (UID BODY.PEEK[])": untagged answers, and whether all could be given.
sub answers {
	my ($self, $rest) = @_;
	my ($set, $items) = split / /, $rest, 2;
	my @uids = $self->uids($set);
	return map { $self->{gone} && $_ == $self->{gone} && $items =~ /BODY/ ? () : $self->answer($_, $items) } @uids;
}

sub answer {
	my ($self, $uid, $items) = @_;
	my $text = $self->{messages}[$uid - $FIRST_UID];
	my $number = $uid - $FIRST_UID + 1;
	my $size = length $text;
	return "* $number FETCH (UID $uid FLAGS (\\Seen) INTERNALDATE \" 1-Jan-2021 00:00:00 +0000\" RFC822.SIZE $size)" if $items !~ /BODY/;
	my ($section) = $items =~ /\[(.*)\]/;
	$text =~ s/\r\n\r\n\K.*//s if $section eq 'HEADER';
	my $body = "BODY[$section] {" . length($text) . "}\r\n$text";
	return $self->{order} eq 'behind' ? "* $number FETCH ($body UID $uid)" : "* $number FETCH (UID $uid $body)";
}

sub fetch {
	my ($self, $tag, $rest) = @_;
	my @answers = $self->answers($rest);
	my ($set) = split / /, $rest;
	my $is_refused = $self->{broken} && $rest =~ /BODY/ && grep { $_ == $self->{broken} } $self->uids($set);
	@answers = grep { !/UID $self->{broken}\b/ } @answers if $is_refused;
	@answers = reverse @answers if $self->{order} eq 'reversed';
	my @ends = $is_refused ? "$tag NO cannot read a message" : "$tag OK done";
	if ($self->{order} eq 'mixed' && IO::Select->new($self->{client})->can_read(0.5)) {
		my ($other_tag, $other) = $self->listen_to =~ /\A(\S+) UID FETCH (.*)\z/ or die "that is no FETCH\n";
		my @others = $self->answers($other);
		@answers = map { ($answers[$_] // (), $others[$_] // ()) } 0 .. (@answers > @others ? $#answers : $#others);
		unshift @ends, "$other_tag OK done";
	}
	$self->say(@answers, @ends);
	return;
}

1;

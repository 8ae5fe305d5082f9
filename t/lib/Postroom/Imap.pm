package Postroom::Imap;

=head1 NAME

Postroom::Imap - an IMAP client for tests

=head1 SYNOPSIS

    my $imap = $p->imap;                                  # connected, greeting read
    $imap->login('anna', 'secret');                       # or auth('SCRAM-SHA-256', ...), starttls, compress
    my $answer = $imap->cmd('SELECT INBOX');              # the tagged response, a hash (Postroom::ImapResponse)
    $answer->{type}; $answer->{code}; $answer->{text};
    $imap->untagged('EXISTS');                            # untagged responses of that command, all or of one type
    $imap->cmd('APPEND INBOX (\Seen) ', \$message);       # a reference is sent as a literal
    my $fetched = $imap->fetch('1:*', '(UID FLAGS)');     # {number => {UID => 5, FLAGS => [...]}}
    my $found = $imap->search('UID SEARCH UNSEEN');       # [numbers]

    my @tags = map { $imap->start($_) } 'NOOP', 'NOOP';   # pipelining
    my $first = $imap->wait($tags[0]);

    $imap->idle;
    my $response = $imap->wait_for(sub { $_[0]{type} eq 'EXISTS' }, 10);
    my $done = $imap->done;

=head1 DESCRIPTION

What does not follow the grammar dies, as does an answer that takes longer than C<timeout> (60 s). A connection that
ended gives undef instead of a response. C<last> is the last tagged response, C<is_ok> whether it was OK; C<line> of
Postroom::Connection is there as well, for what is no IMAP.

=head1 METHODS

=over

=item cmd(@pieces), start(@pieces), wait($tag)

Pieces are put one behind the other without spaces; a reference is a literal. Literals wait for the server's C<+>
(C<{literal_plus} = 1>: they do not). Where the server answers with a tagged response instead, nothing more is sent.
C<wait> without a tag takes whichever tagged response comes next.

=item response($seconds)

The next response of any kind; untagged ones are remembered for C<untagged>, too.

=item untagged($type), bye

Untagged responses since the last C<cmd> or C<start> began (C<bye>: the text of a BYE among them).

=item select($folder, $parameters), status($folder, @items)

C<select> returns {exists, uidvalidity, uidnext, highestmodseq, flags, permanentflags, read_only}, undef where it
failed.

=item capability, has($name), enable(@names)

=back

=cut

use strict;
use warnings;
use parent 'Postroom::Connection';
use Compress::Raw::Zlib ();
use MIME::Base64;
use Postroom::ImapResponse qw(take_response parse_response quote_string);
use Postroom::Sasl;
use Time::HiRes qw(time);

sub connect {
	my ($class, %options) = @_;
	my $self = Postroom::Connection::connect($class, %options);
	@$self{qw(count seen literal_plus)} = (0, [], $options{literal_plus});
	$self->{greeting} = $self->{last} = $self->response;
	return $self;
}

sub greeting { return $_[0]{greeting} }
sub last { return $_[0]{last} }

sub is_ok {
	my ($self) = @_;
	return $self->{last} && $self->{last}{type} eq 'OK' ? 1 : 0;
}

# Under COMPRESS what comes and goes is deflated (RFC 4978).
sub send_raw {
	my ($self, $bytes) = @_;
	if ($self->{deflate}) {
		my ($out, $rest) = ('', '');
		$self->{deflate}->deflate($bytes, $out);
		$self->{deflate}->flush($rest, Compress::Raw::Zlib::Z_SYNC_FLUSH());
		$bytes = $out . $rest;
	}
	return Postroom::Connection::send_raw($self, $bytes);
}

sub fill {
	my ($self, $seconds) = @_;
	return Postroom::Connection::fill($self, $seconds) if !$self->{inflate};
	my $plain = $self->{buffer};
	$self->{buffer} = delete $self->{packed} // '';
	my $filled = $self->{buffer} ne '' || Postroom::Connection::fill($self, $seconds);
	my $status = $self->{inflate}->inflate($self->{buffer}, my $out = '');
	$self->{buffer} = $plain . $out;
	die "the server's compression is broken: $status\n" if $filled && $status != Compress::Raw::Zlib::Z_OK();
	return $filled;
}

sub response {
	my ($self, $seconds) = @_;
	my $end = time + ($seconds // $self->{timeout});
	my $raw;
	while (!defined($raw = take_response(\$self->{buffer}))) {
		my $left = $end - time;
		die "no answer in time\n" if $left <= 0;
		$self->fill($left) or return;
	}
	my $response = parse_response($raw);
	push @{ $self->{seen} }, $response if $response->{tag} eq '*';
	return $response;
}

# Send a command; literals wait for their continuation. Returns the tag; an early tagged answer is kept for wait().
sub start {
	my ($self, @pieces) = @_;
	my $tag = 'a' . ++$self->{count};
	$self->{seen} = [];
	my $text = "$tag ";
	while (defined(my $piece = shift @pieces)) {
		if (!ref $piece) {
			$text .= $piece;
			next;
		}
		my $size = length $$piece;
		if ($self->{literal_plus}) {
			$text .= "{$size+}\r\n$$piece";
			next;
		}
		$self->send_raw("$text\{$size}\r\n");
		$text = $$piece;
		my $response;
		do { $response = $self->response } while $response && $response->{tag} eq '*';
		next if $response && $response->{tag} eq '+';
		$self->{early}{$tag} = $response;
		return $tag;
	}
	$self->send_raw("$text\r\n");
	return $tag;
}

sub wait {
	my ($self, $tag) = @_;
	return $self->{last} = delete $self->{early}{$tag} if defined $tag && exists $self->{early}{$tag};
	for (;;) {
		my $response = $self->response;
		return $self->{last} = $response if !$response || $response->{tag} eq '+';
		next if $response->{tag} eq '*';
		return $self->{last} = $response if !defined $tag || $response->{tag} eq $tag;
		die "an answer to $response->{tag} where $tag is waited for: $response->{raw}\n";
	}
}

sub cmd {
	my ($self, @pieces) = @_;
	return $self->wait($self->start(@pieces));
}

sub untagged {
	my ($self, $type) = @_;
	return grep { !defined $type || $_->{type} eq $type } @{ $self->{seen} };
}

sub bye {
	my ($self) = @_;
	my ($bye) = $self->untagged('BYE');
	return $bye && $bye->{text};
}

# Wait for a response of any kind that a condition takes; undef at the end of the connection, dies after the time.
sub wait_for {
	my ($self, $condition, $seconds) = @_;
	my $end = time + ($seconds // $self->{timeout});
	while (my $response = $self->response($end - time)) {
		return $response if $condition->($response);
	}
	return;
}

sub login {
	my ($self, $user, $password) = @_;
	return $self->cmd('LOGIN ', quote_string($user), ' ', quote_string($password));
}

sub auth {
	my ($self, $mechanism, $user, $password, %options) = @_;
	my $client = Postroom::Sasl->new($mechanism, $user, $password, %options);
	my $first = ($options{initial} // 1) ? $client->initial : undef;
	my $answer = $self->cmd("AUTHENTICATE $mechanism" . (defined $first ? ' ' . encode_base64($first, '') : ''));
	while ($answer && $answer->{tag} eq '+') {
		$self->send_raw(encode_base64($client->respond(decode_base64($answer->{text})), '') . "\r\n");
		$answer = $self->wait;
	}
	return $answer;
}

sub starttls {
	my ($self) = @_;
	my $answer = $self->cmd('STARTTLS');
	$self->start_tls if $self->is_ok;
	return $answer;
}

sub compress {
	my ($self) = @_;
	my $answer = $self->cmd('COMPRESS DEFLATE');
	if ($self->is_ok) {
		my @raw = (-WindowBits => -Compress::Raw::Zlib::MAX_WBITS());
		$self->{deflate} = Compress::Raw::Zlib::Deflate->new(@raw, -AppendOutput => 1);
		$self->{inflate} = Compress::Raw::Zlib::Inflate->new(@raw);
		$self->{packed} = $self->{buffer};
		$self->{buffer} = '';
	}
	return $answer;
}

# Name, in upper case, to the values of NAME=value.
sub capability {
	my ($self) = @_;
	$self->cmd('CAPABILITY');
	my %capability;
	for my $word (map { @{ $_->{data} } } $self->untagged('CAPABILITY')) {
		$capability{ uc $word } = 1;
	}
	return \%capability;
}

sub has {
	my ($self, $name) = @_;
	return $self->capability->{ uc $name } // 0;
}

# What the server enabled.
sub enable {
	my ($self, @names) = @_;
	$self->cmd("ENABLE @names");
	return map { uc } map { @{ $_->{data} } } $self->untagged('ENABLED');
}

sub select {
	my ($self, $folder, $parameters) = @_;
	my $answer = $self->cmd('SELECT ' . quote_string($folder) . (defined $parameters ? " $parameters" : ''));
	return if !$self->is_ok;
	my %selected = (read_only => ($answer->{code} // '') eq 'READ-ONLY' ? 1 : 0);
	for my $response ($self->untagged) {
		$selected{exists} = $response->{number} if $response->{type} eq 'EXISTS';
		$selected{flags} = $response->{data}[0] if $response->{type} eq 'FLAGS';
		$selected{ lc $response->{code} } = $response->{code_data}[0] if $response->{type} eq 'OK' && $response->{code};
	}
	return \%selected;
}

sub status {
	my ($self, $folder, @items) = @_;
	$self->cmd('STATUS ' . quote_string($folder) . " (@items)");
	my ($status) = $self->untagged('STATUS');
	return $status && $status->{options};
}

# Several responses for one message are put together.
sub fetch {
	my ($self, $set, $items) = @_;
	my $command = $set =~ s/\AUID // ? 'UID FETCH' : 'FETCH';
	$self->cmd("$command $set $items");
	my %fetched;
	for my $response ($self->untagged('FETCH')) {
		my $message = $fetched{ $response->{number} } //= {};
		%$message = (%$message, %{ $response->{items} });
	}
	return \%fetched;
}

sub search {
	my ($self, $command) = @_;
	$self->cmd($command);
	return [map { @{ $_->{found} } } grep { $_->{found} } $self->untagged];
}

sub append {
	my ($self, $folder, $text, $flags) = @_;
	return $self->cmd('APPEND ' . quote_string($folder) . ' ' . (defined $flags ? "($flags) " : ''), \$text);
}

sub idle {
	my ($self) = @_;
	$self->{idle} = $self->start('IDLE');
	my $answer = $self->wait_for(sub { $_[0]{tag} ne '*' });
	die 'IDLE was refused: ' . ($answer ? $answer->{raw} : 'the connection ended') . "\n"
		if !$answer || $answer->{tag} ne '+';
	return $answer;
}

sub done {
	my ($self) = @_;
	$self->send_raw("DONE\r\n");
	return $self->wait(delete $self->{idle});
}

sub logout {
	my ($self) = @_;
	my $answer = $self->cmd('LOGOUT');
	$self->close;
	return $answer;
}

1;

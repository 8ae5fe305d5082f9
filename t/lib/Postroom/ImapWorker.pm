package Postroom::ImapWorker;

=head1 NAME

Postroom::ImapWorker - one of many IMAP clients in one process: a connection that never blocks, its commands, its view

=head1 SYNOPSIS

    my $worker = Postroom::ImapWorker->new(name => 'c1', swarm => $swarm, qresync => 1, condstore => 1);
    $worker->connect;
    $worker->send('NOOP', done => sub { my ($response, $command) = @_; ... });
    $worker->send(['APPEND INBOX ', \$text], cut => sub { ... });

=head1 COMMANDS

A hash: C<name> (its first words), C<sequence>: EXPUNGE may not come meanwhile (FETCH, STORE, SEARCH), C<strict> (see
Postroom::ImapView), C<done> called with the tagged response, C<cut> when the connection broke before, C<seen> the
untagged responses, C<then> the ledger's state per folder when it was sent.

=cut

use strict;
use warnings;
use Errno qw(EAGAIN EINTR EINPROGRESS);
use IO::Socket::IP;
use Postroom::ImapResponse qw(take_response parse_response);
use Postroom::ImapView;
use Time::HiRes qw(time);

use constant { TRANSCRIPT_MAX => 60, LINE_SHOWN => 400, READ_SIZE => 1 << 18, RETRY_S => 0.05 };

sub new {
	my ($class, %options) = @_;
	return bless { count => 0, quota => 0, caches => {}, transcript => [], %options, %{ closed() } }, $class;
}

sub closed {
	return { socket => undef, in => '', out => '', inflight => [], view => undef, ready => 0, idling => 0,
		leaves => 0 };
}

sub ledger { return $_[0]{swarm}{ledger} }
sub view { return $_[0]{view} }
sub is_ready { return $_[0]{ready} }
sub is_idle { return $_[0]{idling} }
sub is_busy { return @{ $_[0]{inflight} } > 0 }

sub complain {
	my ($self, $text) = @_;
	$self->ledger->complain("$self->{name}: $text");
	return;
}

sub note {
	my ($self, $side, $text) = @_;
	my $transcript = $self->{transcript};
	push @$transcript, sprintf '%.3f %s %s', time, $side, substr($text, 0, LINE_SHOWN) =~ s/\r?\n/ | /gr;
	shift @$transcript if @$transcript > TRANSCRIPT_MAX;
	return;
}

sub connect {
	my ($self) = @_;
	%$self = (%$self, %{ closed() });
	$self->{socket} = IO::Socket::IP->new(PeerHost => $self->{swarm}{host}, PeerPort => $self->{swarm}{port},
		Timeout => 10);
	if (!$self->{socket}) {
		$self->complain("cannot connect: $@") if !$self->{swarm}{may_break};
		$self->{retry_at} = time + RETRY_S;
		return;
	}
	$self->{socket}->blocking(0);
	push @{ $self->{inflight} }, { tag => '', name => 'greeting', seen => [], since => time };
	return;
}

# Send a command. Pieces are text, or references: literals. Where the connection broke just now, it is cut off at once.
sub send {
	my ($self, $pieces, %options) = @_;
	if (!$self->{socket}) {
		$options{cut}->() if $options{cut};
		return;
	}
	my @pieces = ref $pieces eq 'ARRAY' ? @$pieces : ($pieces);
	my $tag = "$self->{name}-" . ++$self->{count};
	my ($name) = $pieces[0] =~ /\A((?:UID )?\w+)/;
	$self->{leaves} = 1 if $name eq 'LOGOUT';
	my $ledger = $self->ledger;
	push @{ $self->{inflight} }, {
		tag => $tag, name => $name, seen => [], since => time, rest => \@pieces, %options,
		sequence => $name =~ /\A(?:FETCH|STORE|SEARCH)\z/ ? 1 : 0,
		then => { map { $_ => $ledger->folder_then($_) } keys %{ $ledger->{folders} } },
	};
	$self->send_pieces("$tag ", \@pieces);
	return;
}

# Up to a literal that must wait for its "+".
sub send_pieces {
	my ($self, $text, $pieces) = @_;
	while (defined(my $piece = shift @$pieces)) {
		if (!ref $piece) {
			$text .= $piece;
			next;
		}
		my $size = length $$piece;
		if ($self->{literal_plus}) {
			$text .= "{$size+}\r\n$$piece";
			next;
		}
		unshift @$pieces, $$piece;
		return $self->write("$text\{$size}\r\n");
	}
	return $self->write("$text\r\n");
}

sub write {
	my ($self, $text) = @_;
	$self->note('C:', $text);
	$self->{out} .= $text;
	return $self->flush;
}

sub flush {
	my ($self) = @_;
	return if !$self->{socket} || $self->{out} eq '';
	local $SIG{PIPE} = 'IGNORE';
	my $count = syswrite $self->{socket}, $self->{out};
	return $!{EAGAIN} || $!{EINTR} ? undef : $self->broken("write: $!") if !defined $count;
	substr $self->{out}, 0, $count, '';
	return;
}

sub read {
	my ($self) = @_;
	my $count = sysread $self->{socket}, $self->{in}, READ_SIZE, length $self->{in};
	return if !defined $count && ($!{EAGAIN} || $!{EINTR});
	my $why = defined $count ? 'the server closed' : "read: $!";
	while (defined(my $raw = take_response(\$self->{in}))) {
		$self->note('S:', $raw);
		my $response = eval { parse_response($raw) };
		if (!$response) {
			chomp(my $error = $@);
			$self->complain($error);
			next;
		}
		$self->handle($response);
	}
	return $self->broken($why) if !$count;
	return;
}

# The connection is gone. What was under way may have happened.
sub broken {
	my ($self, $why) = @_;
	return if !$self->{socket};
	$self->note('--', $why);
	my @cut = @{ $self->{inflight} };
	my $leaves = $self->{leaves};
	$self->leave_view;
	close $self->{socket} if $self->{socket};
	%$self = (%$self, %{ closed() });
	$self->complain("the connection ended: $why") if !$leaves && !$self->{swarm}{may_break};
	for my $command (@cut) {
		$command->{cut}->($command) if $command->{cut};
	}
	$self->{retry_at} = time + RETRY_S;
	return;
}

# Keep what a disconnected client would keep.
sub leave_view {
	my ($self) = @_;
	my $view = delete $self->{view} // return;
	$self->{caches}{ $view->folder } = $view->cache if $self->{qresync};
	return;
}

sub handle {
	my ($self, $response) = @_;
	my $command = $self->{inflight}[0];
	return $self->continuation($command) if $response->{tag} eq '+';
	return $self->untagged($response, $command) if $response->{tag} eq '*';
	return $self->complain("an answer without a command: $response->{raw}")
		if !$command || $command->{tag} ne $response->{tag};
	shift @{ $self->{inflight} };
	$self->complain("refused: $response->{raw}") if $response->{type} eq 'BAD';
	$self->{view}->tagged($response->{code}, @{ $response->{code_data} // [] }) if $self->{view};
	my $whole = $response->{type} eq 'OK' && !grep { $_->{type} eq 'BYE' } @{ $command->{seen} };
	if (!$whole && $self->{swarm}{may_break} && $command->{cut}) {
		return $command->{cut}->($command);
	}
	$command->{done}->($response, $command) if $command->{done};
	return;
}

sub continuation {
	my ($self, $command) = @_;
	return $self->complain('"+" without a command') if !$command;
	if ($command->{name} eq 'IDLE') {
		$self->{idling} = 1;
		return;
	}
	return $self->complain("\"+\" within $command->{name}") if !@{ $command->{rest} };
	return $self->send_pieces('', $command->{rest});
}

sub untagged {
	my ($self, $response, $command) = @_;
	my $type = $response->{type};
	push @{ $command->{seen} }, $response if $command;
	if ($type eq 'BYE') {
		$self->complain("BYE: $response->{text}") if !$self->{swarm}{may_break} && !$self->{leaves};
		return;
	}
	return $self->greeted if $command && $command->{name} eq 'greeting';
	if ($command && $command->{selects}) {
		$self->enter_view($command) if ($response->{code} // '') eq 'CLOSED';
		return if $self->{view} && $self->{view}{left};
	}
	return if !$self->{view};
	my $allowed = $command && !@{ $command->{rest} } && !$command->{sequence};
	$self->{view}->apply($response, expunge => $allowed, strict => $command && $command->{strict},
		command => $command ? $command->{name} : 'no command is in progress', stamp => $command ? $command->{tag} : '');
	return;
}

sub greeted {
	my ($self) = @_;
	shift @{ $self->{inflight} };
	my $swarm = $self->{swarm};
	$self->send("LOGIN $swarm->{user} $swarm->{password}", cut => sub { $self->broken('no LOGIN') }, done => sub {
		my ($response) = @_;
		return $self->complain("login: $response->{raw}") if $response->{type} ne 'OK';
		my @enable = ($self->{qresync} ? 'QRESYNC' : $self->{condstore} ? 'CONDSTORE' : (),
			$self->{rev2} && $swarm->{capability}{IMAP4REV2} ? 'IMAP4rev2' : ());
		$self->send("ENABLE @enable") if @enable;
		$self->select_folder($swarm->choose_folder);
	});
	return;
}

sub new_view {
	my ($self, $folder) = @_;
	return Postroom::ImapView->new(who => $self->{name}, ledger => $self->ledger, folder => $folder,
		condstore => $self->{condstore}, qresync => $self->{qresync});
}

sub enter_view {
	my ($self, $command) = @_;
	my $view = $command->{view};
	$self->leave_view if $self->{view} && $self->{view} != $view;
	delete $view->{left};
	$self->{view} = $view;
	return;
}

# SELECT, by QRESYNC where the client has something of that folder.
sub select_folder {
	my ($self, $folder) = @_;
	my $view = $self->new_view($folder);
	my $was_open = defined $self->{view};
	my $same = $was_open && $self->{view}->folder eq $folder;
	$self->leave_view if $same;
	my $cache = $self->{caches}{$folder};
	my ($parameters, $known) = ('', '');
	if ($self->{qresync} && $cache && $cache->{uidvalidity}) {
		my @uids = sort { $a <=> $b } keys %{ $cache->{records} };
		$known = @uids && rand() < 0.5 ? " $uids[0]:$uids[-1]" : '';
		$parameters = " (QRESYNC ($cache->{uidvalidity} $cache->{highest}$known))";
	}
	$self->send("SELECT $folder$parameters", selects => $folder, view => $view, done => sub {
		my ($response, $command) = @_;
		return $self->complain("SELECT: $response->{raw}") if $response->{type} ne 'OK';
		$self->complain('SELECT without CLOSED') if $was_open && ($self->{view} != $view || $view->{left});
		$self->selected($command, $parameters && $cache, $known ne '');
	}, cut => sub { $self->broken('no SELECT') });
	if ($was_open && !$same) {
		$self->{view}{left} = 1;
	} else {
		$self->{view} = $view;
		# what still comes about the same folder before CLOSED is not told twice
		$view->{left} = $same;
	}
	return;
}

sub selected {
	my ($self, $command, $cache, $partly) = @_;
	my $view = $self->{view};
	if ($cache) {
		my $fetched = 0;
		for my $response (@{ $command->{seen} }) {
			$fetched = 1 if $response->{type} eq 'FETCH';
			$self->complain('VANISHED (EARLIER) after FETCH') if $response->{type} eq 'VANISHED' && $fetched;
		}
		$view->resynchronise($cache, $partly, map { @{ $_->{uids} } } grep { $_->{type} eq 'VANISHED' && $_->{earlier} }
			@{ $command->{seen} });
	}
	$self->{ready} = 1;
	return;
}

sub begin_idle {
	my ($self) = @_;
	return $self->send('IDLE', done => sub { $self->{idling} = 0 });
}

sub end_idle {
	my ($self) = @_;
	return if !$self->{idling};
	$self->{idling} = 0;
	return $self->write("DONE\r\n");
}

1;

package Postroom::ImapSwarm;

=head1 NAME

Postroom::ImapSwarm - many IMAP clients at random on one mailbox, and the proof that all see the same and nothing is
lost

=head1 SYNOPSIS

    my $swarm = Postroom::ImapSwarm->new(port => $port, user => 'anna', password => 'secret', clients => 20,
        folders => ['INBOX', 'one', 'two']);
    $swarm->run_phase(100);            # each client does 100 things
    $swarm->check_phase;               # all compare what they know with one another, the server, and the ledger
    $swarm->stop;
    is_deeply [$swarm->complaints], [];

=head1 DESCRIPTION

One process, one loop. A third of the clients knows CONDSTORE, a third QRESYNC, the others neither; half sends literals
without waiting where the server announces LITERAL+. Which client does what follows from C<srand>, the order in which
they come at the server does not.

C<on_turn =E<gt> sub { my ($swarm) = @_; ... }> is called between commands, for kills and deliveries. While C<may_break>
is true a connection may end and commands be refused: their effect is unknown, and the client connects again.

=head1 CHECKS OF A PHASE

While some clients stay in IDLE, others change things: those in IDLE must be told all without asking. Then all ask by
NOOP, and a FETCH of everything must tell nothing new (Postroom::ImapView, strict). Then what each client knows is
compared with what a new one fetches, texts included, and that with the ledger (Postroom::ImapLedger).

=cut

use strict;
use warnings;
use IO::Select;
use List::Util qw(shuffle);
use Postroom::Imap;
use Postroom::ImapActions qw(act fetch_all tracked);
use Postroom::ImapLedger;
use Postroom::ImapView;
use Postroom::ImapWorker;
use Postroom::Process;
use Time::HiRes qw(sleep time);

use constant { PATIENCE_S => 60, COMPLAINTS_MAX => 100, TRANSCRIPTS_MAX => 3 };

sub new {
	my ($class, %options) = @_;
	my $self = bless { host => '127.0.0.1', clients => 20, operations => 0, ids => 0, prefix => 'm', transcripts => [],
		%options }, $class;
	$self->{ledger} = Postroom::ImapLedger->new(folders => $self->{folders}, ignore => $self->{ignore});
	$self->{capability} = $self->prepare;
	my @plus = grep { $self->{capability}{$_} } qw(LITERAL+);
	$self->{workers} = [map { Postroom::ImapWorker->new(name => "c$_", swarm => $self, condstore => $_ % 3 > 0,
		qresync => $_ % 3 == 2, rev2 => $_ % 4 == 1, literal_plus => @plus && $_ % 2) } 1 .. $self->{clients}];
	return $self;
}

# A client of its own, for what is done before and after.
sub client {
	my ($self) = @_;
	my $imap = Postroom::Imap->connect(host => $self->{host}, port => $self->{port});
	$imap->login($self->{user}, $self->{password})->{type} eq 'OK' or die "no login: " . $imap->last->{raw};
	return $imap;
}

sub prepare {
	my ($self) = @_;
	my $imap = $self->client;
	for my $folder (grep { $_ ne 'INBOX' } @{ $self->{folders} }) {
		$imap->cmd("CREATE $folder")->{type} eq 'OK' or die 'CREATE: ' . $imap->last->{raw};
	}
	my $capability = $imap->capability;
	$imap->logout;
	return $capability;
}

sub complaints { return $_[0]{ledger}->complaints }
sub next_id { return "$_[0]{prefix}-$_[1]-" . ++$_[0]{ids} }

sub choose_folder {
	my ($self, $other_than) = @_;
	my @folders = grep { $_ ne ($other_than // '') } @{ $self->{folders} };
	return @folders ? $folders[rand @folders] : $other_than;
}

# Keep the last lines of whom a complaint is about, while they are there.
sub note_complaints {
	my ($self) = @_;
	my @complaints = $self->complaints;
	my $seen = $self->{complaints_seen} // 0;
	$self->{complaints_seen} = @complaints;
	for my $complaint (@complaints[$seen .. $#complaints]) {
		last if @{ $self->{transcripts} } >= TRANSCRIPTS_MAX;
		my ($worker) = grep { $complaint =~ /\A$_->{name}\b/ } @{ $self->{workers} } or next;
		push @{ $self->{transcripts} }, join "\n", "== $complaint", @{ $worker->{transcript} };
	}
	die "more than " . COMPLAINTS_MAX . " complaints\n" if @complaints > COMPLAINTS_MAX;
	return;
}

sub transcripts { return @{ $_[0]{transcripts} } }

# One turn: read and write what can be.
sub turn {
	my ($self) = @_;
	my (%worker, @waiting, @writing);
	for my $worker (@{ $self->{workers} }) {
		my $socket = $worker->{socket};
		if (!$socket) {
			$worker->connect if $worker->{wanted} && time >= ($worker->{retry_at} // 0);
			next;
		}
		$worker{ fileno $socket } = $worker;
		push @waiting, $socket;
		push @writing, $socket if $worker->{out} ne '';
	}
	my ($readable, $writable) = IO::Select->select(IO::Select->new(@waiting), IO::Select->new(@writing), undef, 0.05);
	$_->flush for grep { defined } map { $worker{ fileno($_) // -1 } } @{ $writable // [] };
	for my $socket (@{ $readable // [] }) {
		my $worker = $worker{ fileno($socket) // -1 } // next;
		$worker->read;
	}
	$self->note_complaints;
	for my $worker (grep { $_->is_busy && !$_->is_idle } values %worker) {
		next if time - $worker->{inflight}[0]{since} < PATIENCE_S * $Postroom::Process::PATIENCE;
		$worker->complain("no answer to $worker->{inflight}[0]{name}");
		$worker->broken('no answer');
	}
	$self->{on_turn}->($self) if $self->{on_turn};
	return;
}

sub turn_until {
	my ($self, $what, $condition) = @_;
	my $end = time + 4 * PATIENCE_S * $Postroom::Process::PATIENCE;
	while (!$condition->()) {
		if (time > $end) {
			$self->{ledger}->complain("waited in vain: $what");
			$self->note_complaints;
			return 0;
		}
		$self->turn;
	}
	return 1;
}

sub workers { return @{ $_[0]{workers} } }

# Each client does so many things, all at the same time.
sub run_phase {
	my ($self, $each) = @_;
	for my $worker ($self->workers) {
		$worker->{quota} = $each;
		$worker->{wanted} = 1;
	}
	return $self->turn_until('all clients have done their work', sub {
		$self->work($_) for $self->workers;
		return !grep { $_->{quota} > 0 || ($_->is_busy && !$_->is_idle) } $self->workers;
	});
}

sub work {
	my ($self, $worker) = @_;
	return if !$worker->is_ready;
	if ($worker->is_idle) {
		my $others_done = !grep { $_->{quota} > 0 && !$_->is_idle } $self->workers;
		$worker->end_idle if $worker->{quota} > 0 && ($self->{operations} >= $worker->{idle_until} || $others_done);
		return;
	}
	return if $worker->is_busy || $worker->{quota} <= 0;
	$worker->{quota}--;
	$self->{operations}++;
	act($worker);
	return;
}

# All connected, in a folder, nothing under way.
sub settle {
	my ($self) = @_;
	$_->{quota} = 0 for $self->workers;
	return $self->turn_until('all clients are at rest', sub {
		$_->end_idle for grep { $_->is_idle } $self->workers;
		return !grep { !$_->is_ready || $_->is_busy } $self->workers;
	});
}

sub all_done {
	my ($self, $what, @workers) = @_;
	return $self->turn_until($what, sub { return !grep { $_->is_busy } @workers });
}

# The folder as a new client sees it: records by number, and texts by UID.
sub read_folder {
	my ($self, $imap, $folder) = @_;
	my $selected = $imap->select($folder, '(CONDSTORE)') // die "SELECT $folder: " . $imap->last->{raw};
	my $fetched = $imap->fetch('UID 1:*', '(UID FLAGS MODSEQ BODY.PEEK[])');
	my @records = map { { uid => $_->{UID}, modseq => $_->{MODSEQ},
		flags => Postroom::ImapView::flags_of($_->{FLAGS}) } }
		map { $fetched->{$_} } sort { $a <=> $b } keys %$fetched;
	$self->{ledger}->complain("$folder has $selected->{exists} messages and FETCH gives " . @records)
		if @records != ($selected->{exists} // -1);
	return (\@records, { map { $_->{UID} => $_->{'BODY[]'} } values %$fetched });
}

# Does a view hold what is there? What differs, as a sentence; what the client was never told counts as right.
sub difference {
	my ($view, $truth) = @_;
	my @messages = $view->messages;
	return @messages . ' messages instead of ' . @$truth if @messages != @$truth;
	for my $i (0 .. $#messages) {
		for my $name (qw(uid flags modseq)) {
			my ($is, $should) = ($messages[$i]{$name}, $truth->[$i]{$name});
			next if !defined $is || !defined $should || $is eq $should || ($name eq 'modseq' && $messages[$i]{stale});
			return 'message ' . ($i + 1) . " has $name ($is) instead of ($should)";
		}
	}
	return;
}

# Clients in IDLE hear of all that others do now.
sub check_idlers {
	my ($self) = @_;
	my ($talker, @idlers) = shuffle $self->workers;
	splice @idlers, int(@idlers / 2) + 1;
	fetch_all($_, done => sub { }) for @idlers;
	$self->all_done('FETCH before IDLE', @idlers);
	$_->begin_idle for @idlers;
	$self->turn_until('clients are in IDLE', sub { return !grep { !$_->is_idle } @idlers });
	$talker->{quota} = 12;
	$self->turn_until('a client changes things', sub {
		$self->work($talker);
		$talker->end_idle if $talker->is_idle;
		return $talker->{quota} <= 0 && !$talker->is_busy && $talker->is_ready;
	});
	my $imap = $self->client;
	my %truth = map { $_ => ($self->read_folder($imap, $_))[0] } @{ $self->{folders} };
	$imap->logout;
	my @wrong;
	my $end = time + PATIENCE_S / 2 * $Postroom::Process::PATIENCE;
	do {
		$self->turn;
		@wrong = grep { defined difference($_->view, $truth{ $_->view->folder }) } grep { $_->view } @idlers;
	} while (@wrong && time < $end);
	$_->complain('IDLE in ' . $_->view->folder . ' leaves it with ' . difference($_->view, $truth{ $_->view->folder }))
		for @wrong;
	$_->end_idle for @idlers;
	return $self->settle;
}

sub check_phase {
	my ($self) = @_;
	return 0 if !$self->settle || !$self->check_idlers;
	my @workers = $self->workers;
	$_->send('NOOP') for @workers;
	$self->all_done('NOOP', @workers);
	fetch_all($_, strict => 1) for @workers;
	$self->all_done('FETCH of everything', @workers);
	my $imap = $self->client;
	my (%truth, %texts);
	for my $folder (@{ $self->{folders} }) {
		($truth{$folder}, $texts{$folder}) = $self->read_folder($imap, $folder);
	}
	$imap->logout;
	for my $worker (@workers) {
		my $folder = $worker->view->folder;
		my $difference = difference($worker->view, $truth{$folder});
		$worker->complain("has in $folder: $difference") if defined $difference;
	}
	$self->{ledger}->check_contents(%texts);
	for my $folder (@{ $self->{folders} }) {
		my %flags = map { $_->{uid} => $_->{flags} } @{ $truth{$folder} };
		$self->{ledger}->check_keyword($_->{name}, "own-$_->{name}", $folder, \%flags) for @workers;
	}
	$self->{ledger}->tick;
	$self->note_complaints;
	return !$self->complaints;
}

# All say good-bye.
sub stop {
	my ($self) = @_;
	$self->settle;
	for my $worker ($self->workers) {
		@$worker{qw(wanted ready)} = (0, 0);
		$worker->send('LOGOUT', cut => sub { });
	}
	return $self->turn_until('all clients are logged out', sub { return !grep { $_->{socket} } $self->workers });
}

1;

package Postroom::Load;

=head1 NAME

Postroom::Load - clients that send and fetch mail while a test breaks things, and the account of every message

=head1 SYNOPSIS

    my $load = Postroom::Load->new(p => $p, users => { anna => 'secret', bert => 'geheim' }, remote => 'remote.test');
    $p->set('sender.mx-port' => $load->remote_port);       # with remote: a server of its own for that domain
    $load->start;                                          # clients run in processes of their own
    ... kill -9, full disks ...
    $load->stop;
    $load->settle;                                         # wait until the queue is empty, fetch the rest
    my $account = $load->account;                          # {acknowledged, lost => [...], twice => [...], ...}

=head1 DESCRIPTION

Each message has an id of its own in its Subject, and a text that follows from the id, so that a message cut off or
mixed up is seen. A client whose connection breaks, or that is put off, goes on with a new id; an id without a C<250>
may arrive once or not at all. Meanwhile a reader for each user fetches by POP3, deletes, and quits.

A copy is known by its UIDL: one that was fetched but whose deletion was not confirmed may be fetched again. Two
different ones of the same id and user are a message that arrived twice; one that was deleted and comes back as well.

=head1 ACCOUNT

=over

=item acknowledged, refused, cut

How many ids were answered 250, 4xx, not at all.

=item lost, twice, returned, broken, wrong

What may not be, as sentences: acknowledged but not there; there twice; there again after its deletion; text differs;
an answer other than 2xx and 4xx, or C<-ERR> without a code that says "temporary".

=item sent_twice

What the remote server took twice: id => [times].

=back

=cut

use strict;
use warnings;
use Digest::MD5 qw(md5);
use File::Temp;
use POSIX ();
use Postroom::Pop3;
use Postroom::Process qw(stop_process read_file);
use Postroom::SmtpServer;
use Time::HiRes qw(sleep time);

use constant { SESSION_MAX => 8, FETCH_MAX => 200, PAUSE_S => 0.01 };

sub new {
	my ($class, %options) = @_;
	my $self = bless { clients => 6, owner => $$, starts => 0, pids => [], %options }, $class;
	$self->{folder} = File::Temp->newdir('postroom-load-XXXXXX', TMPDIR => 1);
	$self->start_remote if defined $self->{remote};
	return $self;
}

sub remote_port { return $_[0]{server}->port }

# Notes are single writes, so that a process may be ended at any moment.
sub note {
	my ($self, $name, @words) = @_;
	open my $file, '>>:raw', "$self->{folder}/$name" or die "cannot write $name: $!\n";
	syswrite $file, join("\t", @words) . "\n";
	close $file;
}

sub notes {
	my ($self, $pattern) = @_;
	return map { [split /\t/] } map { split /\n/, read_file($_) // '' } sort glob "$self->{folder}/$pattern";
}

# The text of a message; its length differs from id to id.
sub text {
	my ($id) = @_;
	my $lines = unpack('n', md5($id)) % 200;
	return join '', "Subject: load $id\r\n", "From: load\@example.test\r\n",
		"Date: Fri, 21 Nov 2025 12:00:00 +0000\r\n", "Message-ID: <$id\@load.test>\r\n", "\r\n",
		map { "line $_ of $id\r\n" } 0 .. $lines;
}

# The id of a text as it was fetched; undef: it is not whole.
sub id_of {
	my ($text) = @_;
	my ($id) = $text =~ /^Subject: load (\S+)\r$/m or return;
	my $wanted = text($id);
	return length $text >= length $wanted && substr($text, -length $wanted) eq $wanted ? $id : undef;
}

sub start_remote {
	my ($self) = @_;
	$self->{server} = Postroom::SmtpServer->start(
		name => "mx.$self->{remote}", extensions => ['PIPELINING', 'SIZE 10000000'],
		replies => {
			'.' => sub {
				my ($session) = @_;
				my $id = id_of($session->{data});
				my @what = defined $id ? ($id, time, @{ $session->{to} }) : $session->{data} =~ tr/\n/ /r;
				$self->note('remote', defined $id ? 'took' : 'broken', @what);
				delete $session->{data};
				return '250 2.0.0 taken';
			},
		},
	);
}

# Run a function in a process of its own until it is told to end.
sub spawn {
	my ($self, $work) = @_;
	my $pid = fork // die "cannot fork: $!\n";
	if ($pid == 0) {
		my $ended = 0;
		local $SIG{TERM} = sub { $ended = 1 };
		srand($$ ^ time);
		$work->(\$ended) while !$ended;
		POSIX::_exit(0);
	}
	push @{ $self->{pids} }, $pid;
}

sub start {
	my ($self) = @_;
	my $run = ++$self->{starts};
	for my $client (1 .. $self->{clients}) {
		my $count = 0;
		$self->spawn(sub { $self->send_some(shift, "client-$client", sub { return "$run-$client-" . ++$count }) });
	}
	for my $user (sort keys %{ $self->{users} }) {
		$self->spawn(sub { sleep 0.1; eval { $self->fetch($user) } });
	}
	return $self;
}

sub stop {
	my ($self) = @_;
	return $self if $self->{owner} != $$;
	my @pids = @{ $self->{pids} };
	$self->{pids} = [];
	kill 'TERM', @pids;
	stop_process($_, 'TERM', 100) for @pids;
	return $self;
}

sub choose_recipients {
	my ($self) = @_;
	my @users = sort keys %{ $self->{users} };
	my @to = map { "$_\@" . $self->{p}->domain } rand() < 0.3 ? @users : $users[rand @users];
	return @to if !defined $self->{remote} || rand() < 0.8;
	return ((rand() < 0.5 ? @to : ()), "somebody\@$self->{remote}");
}

# A session ready for mail: now and then one of a user who logs in, under TLS.
sub open_session {
	my ($self, $journal) = @_;
	my $submits = rand() < 0.2;
	my $smtp = eval { $self->{p}->smtp(service => $submits ? 'smtps' : 'smtp', timeout => 60) } // return;
	if ($smtp->code == 220 && $submits) {
		my ($user) = keys %{ $self->{users} };
		eval { $smtp->cmd('EHLO load.test') == 250 && $smtp->auth('PLAIN', $user, $self->{users}{$user}) };
		$smtp->{greeted} = 1;
	}
	return $smtp if $smtp->code =~ /\A2/;
	$self->note($journal, 'wrong', 'none', $smtp->last) if $smtp->code !~ /\A[04]/;
	return;
}

# One session with some messages.
sub send_some {
	my ($self, $ended, $journal, $make_id) = @_;
	my $smtp = $self->open_session($journal);
	if (!$smtp) {
		sleep 0.05;
		return;
	}
	for (1 .. 1 + rand SESSION_MAX) {
		last if $$ended;
		my $id = $make_id->();
		my @to = $self->choose_recipients;
		$self->note($journal, 'try', $id, @to);
		my $reply = eval { send_one($smtp, \@to, text($id)) } // '';
		if ($reply =~ /\A250/) {
			$self->note($journal, 'ack', $id);
		} else {
			my $word = $reply eq '' ? 'cut' : $reply =~ /\A4/ ? 'refused' : 'wrong';
			$self->note($journal, $word, $id, $reply =~ tr/\n/ /r);
			last;
		}
		sleep rand 2 * PAUSE_S;
	}
	eval { $smtp->quit };
}

# The reply to the message, or the first one that was not what it should be; '' where the connection broke.
sub send_one {
	my ($smtp, $to, $text) = @_;
	for my $command ($smtp->{greeted}++ ? () : 'EHLO load.test', 'MAIL FROM:<load@client.test>',
		map { "RCPT TO:<$_>" } @$to)
	{
		return $smtp->last if $smtp->cmd($command) != 250;
	}
	return $smtp->last if $smtp->cmd('DATA') != 354;
	$smtp->send_raw("$text.\r\n");
	$smtp->reply;
	return $smtp->last;
}

# One POP3 session: fetch, delete, quit. Returns the number of messages that were there, undef: could not log in.
sub fetch {
	my ($self, $user) = @_;
	my $pop3 = $self->{p}->pop3(service => rand() < 0.2 ? 'pop3s' : 'pop3', timeout => 60);
	my $answer = $pop3->login($user, $self->{users}{$user}) // return;
	if (!$pop3->is_ok) {
		$self->note("reader-$user", 'wrong', $answer) if $answer !~ /\A-ERR \[(?:SYS\/TEMP|IN-USE)\]/;
		return;
	}
	my $uidl = $pop3->uidl;
	my @numbers = sort { $a <=> $b } keys %$uidl;
	my $count = @numbers;
	splice @numbers, FETCH_MAX if @numbers > FETCH_MAX;
	for my $number (@numbers) {
		my $text = $pop3->retr($number) // next;
		my $id = id_of($text);
		$self->note("reader-$user", defined $id ? 'saw' : 'broken', $uidl->{$number}, $id // $text =~ tr/\n/ /r);
		$pop3->cmd("DELE $number");
	}
	$self->note("reader-$user", 'deleted', map { $uidl->{$_} } @numbers) if ($pop3->cmd('QUIT') // '') =~ /\A\+OK/;
	return $count;
}

# Nothing is on its way any more, and all mailboxes are read.
sub settle {
	my ($self, $seconds) = @_;
	my $p = $self->{p};
	my $counts;
	eval {
		$p->wait_for(sub {
			my ($status, $out) = $p->postroom('queue', 'list', '--json');
			$counts = $out;
			my @files = glob "$p->{dir}/spool/{*/new,active}/*";
			return $status == 0 && $out =~ /\A\s*\[\s*\]\s*\z/ && !@files;
		}, 'the queue is empty', $seconds // 120);
	} or do {
		$self->{p}->show_log;
		die "$@the queue: $counts\n";
	};
	for my $user (sort keys %{ $self->{users} }) {
		$p->wait_for(sub { (eval { $self->fetch($user) } // -1) == 0 }, "$user\'s mailbox is read");
	}
	return $self;
}

sub count_reader {
	my ($self, $user, $account, $copies) = @_;
	my %deleted;
	for my $note ($self->notes("reader-$user")) {
		my ($word, @rest) = @$note;
		if ($word eq 'saw') {
			my ($uidl, $id) = @rest;
			$copies->{$id}{"$user\@" . $self->{p}->domain}{$uidl} = 1;
			push @{ $account->{returned} }, "$id of $user ($uidl)" if $deleted{$uidl};
		} elsif ($word eq 'deleted') {
			$deleted{$_} = 1 for @rest;
		} else {
			push @{ $account->{$word} }, "$user: @rest";
		}
	}
}

sub account {
	my ($self) = @_;
	my %account = (acknowledged => 0, refused => 0, cut => 0, sent_twice => {},
		map { $_ => [] } qw(lost twice returned broken wrong));
	my (%copies, %to, %acknowledged, %sent);
	$self->count_reader($_, \%account, \%copies) for sort keys %{ $self->{users} };
	for my $note ($self->notes('remote')) {
		my ($word, $id, $when, @to) = @$note;
		push @{ $sent{$id} }, $when if $word eq 'took';
		$copies{$id}{$_}{remote} = 1 for @to;
		push @{ $account{broken} }, "remote: $id" if $word eq 'broken';
	}
	for my $note ($self->notes('client-*')) {
		my ($word, $id, @rest) = @$note;
		$to{$id} = \@rest if $word eq 'try';
		$acknowledged{$id} = 1 if $word eq 'ack';
		$account{$word}++ if $word eq 'refused' || $word eq 'cut';
		push @{ $account{wrong} }, "$id: @rest" if $word eq 'wrong';
	}
	$account{acknowledged} = keys %acknowledged;
	for my $id (sort keys %acknowledged) {
		push @{ $account{lost} }, map { "$id to $_" } grep { !$copies{$id}{$_} } @{ $to{$id} };
	}
	for my $id (sort keys %copies) {
		for my $address (sort keys %{ $copies{$id} }) {
			my @uidls = sort keys %{ $copies{$id}{$address} };
			push @{ $account{twice} }, "$id to $address (@uidls)" if @uidls > 1;
		}
		push @{ $account{wrong} }, "$id was never sent" if !$to{$id};
	}
	$account{sent_twice} = { map { $_ => $sent{$_} } grep { @{ $sent{$_} } > 1 } keys %sent };
	return \%account;
}

sub DESTROY {
	my ($self) = @_;
	local ($?, $@);
	$self->stop;
}

1;

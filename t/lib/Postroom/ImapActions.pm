package Postroom::ImapActions;

=head1 NAME

Postroom::ImapActions - what the random clients of Postroom::ImapSwarm do, and what must follow from each command

=head1 DESCRIPTION

C<act($worker)> sends the next command. Each has two ends: C<done>, where the answer is held against the view and the
ledger, and C<cut>, where the connection broke and the command may have happened or not.

Each client has a keyword of its own that nobody else touches, so that its acknowledged STOREs must be there at the end;
only on messages whose UID divides by 5 flags are replaced as a whole, and those are left out of that. \Deleted is never
taken away but there.

=cut

use strict;
use warnings;
use Exporter 'import';
use List::Util qw(max shuffle);
use Postroom::ImapResponse qw(expand_set pack_set);
use Postroom::Load;

our @EXPORT_OK = qw(act fetch_all store_flags tracked);

use constant { SET_MAX => 6, FOLDER_SMALL => 20, FOLDER_LARGE => 120, REPLACED_EACH => 5, IDLE_OPERATIONS => 40 };

my @FLAGS = ('\\Seen', '\\Answered', '\\Flagged', '\\Draft', '$Forwarded', 'shared');

my %WEIGHT = (
	append => 14, store => 22, copy => 7, move => 7, expunge => 6, uid_expunge => 5, search => 8, fetch_all => 4,
	fetch_text => 7, fetch_changes => 4, noop => 5, check => 1, status => 4, idle => 4, reselect => 4, pipeline => 5,
	reconnect => 1,
);
my %ACTION = (
	append => \&append, store => \&store, copy => sub { copy($_[0], 0) }, move => sub { copy($_[0], 1) },
	expunge => \&expunge, uid_expunge => \&uid_expunge, search => \&search, fetch_all => \&fetch_all,
	fetch_text => \&fetch_text, fetch_changes => \&fetch_changes, noop => sub { $_[0]->send('NOOP') },
	check => sub { $_[0]->send('CHECK') }, status => \&status, idle => \&idle, reselect => \&reselect,
	pipeline => \&pipeline, reconnect => \&reconnect,
);

sub tracked { return $_[0] % REPLACED_EACH != 0 }
sub keyword { return "own-$_[0]{name}" }

sub choose {
	my (%weight) = @_;
	my $sum = 0;
	$sum += $_ for values %weight;
	my $at = rand $sum;
	for my $name (sort keys %weight) {
		return $name if ($at -= $weight{$name}) < 0;
	}
	return (sort keys %weight)[0];
}

sub act {
	my ($worker) = @_;
	my $count = $worker->view->count;
	my %weight = %WEIGHT;
	$weight{append} *= 4 if $count < FOLDER_SMALL;
	@weight{qw(expunge uid_expunge)} = map { $_ * 4 } @weight{qw(expunge uid_expunge)} if $count > FOLDER_LARGE;
	@weight{qw(append copy)} = (1, 1) if $count > 2 * FOLDER_LARGE;
	return $ACTION{ choose(%weight) }->($worker);
}

# Some messages of the view whose UIDs are known: [number, record]s in order.
sub some_messages {
	my ($worker, $condition) = @_;
	my @messages = $worker->view->messages;
	my @known = grep { defined $messages[$_ - 1]{uid} && (!$condition || $condition->($messages[$_ - 1])) }
		1 .. @messages;
	return if !@known;
	my @chosen = rand() < 0.3 ? @known : (shuffle @known)[0 .. max(0, int(rand SET_MAX) - 1)];
	@chosen = grep { defined } @chosen;
	splice @chosen, 4 * SET_MAX if @chosen > 4 * SET_MAX;
	return map { [$_, $messages[$_ - 1]] } sort { $a <=> $b } @chosen;
}

# The set as a command takes it, by UID or by number.
sub as_set {
	my ($by_uid, @chosen) = @_;
	return pack_set(map { $by_uid ? $_->[1]{uid} : $_->[0] } @chosen);
}

sub entry {
	my ($worker, $uid) = @_;
	return $worker->ledger->entry($worker->view->folder, $uid);
}

# May a command say NO, or leave a message out? Only where somebody makes it go.
sub is_sure {
	my ($worker, @uids) = @_;
	return !grep { Postroom::ImapLedger::may_go(entry($worker, $_)) } @uids;
}

sub refused {
	my ($worker, $response, @uids) = @_;
	$worker->complain("refused without a reason: $response->{raw}") if is_sure($worker, @uids);
	return;
}

# ---- messages come

sub append {
	my ($worker) = @_;
	my ($swarm, $ledger) = ($worker->{swarm}, $worker->ledger);
	my $folder = rand() < 0.7 ? $worker->view->folder : $swarm->choose_folder;
	my @ids = map { $swarm->next_id($worker->{name}) } 1 .. ($swarm->{capability}{MULTIAPPEND} && rand() < 0.1 ? 3 : 1);
	my @flags = ((grep { rand() < 0.2 } @FLAGS), (rand() < 0.3 ? keyword($worker) : ()));
	my $own = @flags && $flags[-1] eq keyword($worker) ? 1 : 0;
	my @texts = map { Postroom::Load::text($_) } @ids;
	my @pieces = map { (" (@flags) ", \$_) } @texts;
	$worker->send(["APPEND $folder", @pieces], cut => sub {
		$ledger->cut_copy($folder, id => $_) for @ids;
	}, done => sub {
		my ($response, $command) = @_;
		return $worker->complain("APPEND is refused: $response->{raw}") if $response->{type} ne 'OK';
		return $worker->complain("APPEND without APPENDUID: $response->{raw}")
			if ($response->{code} // '') ne 'APPENDUID';
		my ($uidvalidity, $set) = @{ $response->{code_data} };
		my @uids = expand_set($set);
		return $worker->complain(@ids . " messages, APPENDUID $set") if @uids != @ids;
		my $then = $command->{then}{$folder};
		$ledger->check_folder_told($worker->{name}, $folder, $then, $uidvalidity);
		for my $i (0 .. $#ids) {
			my $entry = $ledger->assign($worker->{name}, $folder, $uids[$i], $then, id => $ids[$i]);
			note_new($worker, $entry, $own);
		}
	});
	return;
}

# The keywords that clients have of their own on a new message: only its maker's, if any; unless they were quicker.
sub note_new {
	my ($worker, $entry, $own) = @_;
	return if !tracked($entry->{uid});
	for my $other (@{ $worker->{swarm}{workers} }) {
		my $keyword = keyword($other);
		$entry->{keyword}{$keyword} = $other == $worker ? $own : 0 if !exists $entry->{keyword}{$keyword};
	}
	return;
}

# COPY and MOVE, to any folder; MOVE to another one.
sub copy {
	my ($worker, $moves) = @_;
	my ($from, $ledger) = ($worker->view->folder, $worker->ledger);
	my $to = $worker->{swarm}->choose_folder($moves ? $from : ());
	my @chosen = some_messages($worker) or return $worker->send('NOOP');
	my @uids = map { $_->[1]{uid} } @chosen;
	my $by_uid = rand() < 0.5;
	my $own = keyword($worker);
	my %before = map { $_ => entry($worker, $_)->{keyword}{$own} } @uids;
	$ledger->mark_moved($from, @uids) if $moves;
	my $verb = ($by_uid ? 'UID ' : '') . ($moves ? 'MOVE' : 'COPY');
	my %was_sure = map { $_ => 1 } grep { $moves || is_sure($worker, $_) } @uids;
	$worker->send("$verb " . as_set($by_uid, @chosen) . " $to", cut => sub {
		for my $entry (map { $ledger->entry($from, $_) } @uids) {
			$ledger->cut_copy($to, from => $entry);
			push @{ $entry->{cut_move} }, $to if $moves;
		}
	}, done => sub {
		my ($response, $command) = @_;
		my ($code) = grep { ($_->{code} // '') eq 'COPYUID' } $response, @{ $command->{seen} };
		if ($response->{type} ne 'OK') {
			$worker->complain("$verb was done and refused: $response->{raw}") if $code;
			return $moves ? undef : refused($worker, $response, @uids);
		}
		my @pairs = $code ? copied_pairs($worker, $code, @uids) : ();
		my %copied = map { $_->[0] => 1 } @pairs;
		for my $uid (grep { !$copied{$_} } @uids) {
			my $entry = $ledger->entry($from, $uid);
			$worker->complain("$verb leaves out UID $uid")
				if !$moves && $was_sure{$uid} && !Postroom::ImapLedger::may_go($entry);
		}
		$ledger->check_folder_told($worker->{name}, $to, $command->{then}{$to}, $code->{code_data}[0]) if $code;
		for my $entry ($ledger->copied($worker->{name}, $from, $to, $command->{then}{$to}, $moves, @pairs)) {
			my $uid = $entry->{from}{uid};
			$entry->{keyword}{$own} = $before{$uid}
				if defined $before{$uid} && tracked($entry->{uid}) && !exists $entry->{keyword}{$own};
			$worker->complain("UID $uid is still there after MOVE") if $moves && $worker->view->number_of($uid);
		}
	});
	return;
}

sub copied_pairs {
	my ($worker, $code, @uids) = @_;
	my ($uidvalidity, $from_set, $to_set) = @{ $code->{code_data} };
	my (@from, @to);
	eval { @from = expand_set($from_set); @to = expand_set($to_set); 1 } or $worker->complain("COPYUID: $@");
	my %asked = map { $_ => 1 } @uids;
	$worker->complain("COPYUID $from_set $to_set: not the same number") if @from != @to;
	$worker->complain("COPYUID $from_set: asked were @uids") if grep { !$asked{$_} } @from;
	return map { [$from[$_], $to[$_]] } 0 .. ($#from < $#to ? $#from : $#to);
}

# ---- messages go

sub expunge {
	my ($worker) = @_;
	my ($folder, $ledger) = ($worker->view->folder, $worker->ledger);
	my @must = must_go($worker);
	$ledger->begin_expunge($folder);
	$worker->send('EXPUNGE', cut => sub { $ledger->end_expunge($folder) }, done => sub {
		$ledger->end_expunge($folder);
		expunged($worker, $_[0], @must);
	});
	return;
}

sub uid_expunge {
	my ($worker) = @_;
	my ($folder, $ledger) = ($worker->view->folder, $worker->ledger);
	my @chosen = some_messages($worker, rand() < 0.7 ? sub { ($_[0]{flags} // '') =~ /\\Deleted/ } : ());
	return expunge($worker) if !@chosen;
	my @uids = map { $_->[1]{uid} } @chosen;
	my @must = must_go($worker, @uids);
	$ledger->begin_expunge($folder, @uids);
	$worker->send('UID EXPUNGE ' . as_set(1, @chosen), cut => sub { $ledger->end_expunge($folder) }, done => sub {
		$ledger->end_expunge($folder);
		expunged($worker, $_[0], @must);
	});
	return;
}

# Known as deleted by this client, and nobody takes that flag away there.
sub must_go {
	my ($worker, @uids) = @_;
	my %among = map { $_ => 1 } @uids;
	return grep { tracked($_) && (!@uids || $among{$_}) }
		map { $_->{uid} } grep { defined $_->{uid} && ($_->{flags} // '') =~ /\\Deleted/ } $worker->view->messages;
}

sub expunged {
	my ($worker, $response, @must) = @_;
	return $worker->complain("EXPUNGE is refused: $response->{raw}") if $response->{type} ne 'OK';
	for my $uid (@must) {
		$worker->complain("UID $uid is still there after EXPUNGE") if $worker->view->number_of($uid);
	}
	return;
}

# ---- flags

sub store {
	my ($worker) = @_;
	my $how = choose('+' => 5, '-' => 3, '' => 1);
	my @chosen = some_messages($worker, $how eq '' ? sub { !tracked($_[0]{uid}) } : ()) or return $worker->send('NOOP');
	my @flags = grep { rand() < 0.3 } @FLAGS;
	push @flags, keyword($worker) if rand() < 0.5;
	# only what is known to be somewhere: a message of unknown text must stay to be read
	push @flags, '\\Deleted' if $how ne '-' && rand() < 0.2
		&& !grep { !defined Postroom::ImapLedger::id_of_entry(entry($worker, $_->[1]{uid})) } @chosen;
	@flags = ('\\Seen') if !@flags;
	return store_flags($worker, $how, \@flags, \@chosen, by_uid => rand() < 0.5, silent => rand() < 0.3,
		conditional => $worker->{condstore} && rand() < 0.3);
}

sub changer {
	my ($how, @flags) = @_;
	return sub {
		my %has = map { lc $_ => $_ } split / /, $_[0];
		%has = () if $how eq '';
		$has{ lc $_ } //= $_ for $how eq '-' ? () : @flags;
		delete @has{ map { lc } @flags } if $how eq '-';
		return join ' ', sort { $a cmp $b } values %has;
	};
}

sub store_flags {
	my ($worker, $how, $flags, $chosen, %options) = @_;
	my ($ledger, $view) = ($worker->ledger, $worker->view);
	my %uid_of = map { ($options{by_uid} ? $_->[1]{uid} : $_->[0]) => $_->[1]{uid} } @$chosen;
	my @records = map { $_->[1] } @$chosen;
	my @uids = values %uid_of;
	my @modseqs = map { $_->{modseq} // () } @records;
	my $limit = $options{conditional} && @modseqs == @records ? $modseqs[rand @modseqs] : undef;
	my @newer = defined $limit ? grep { (entry($worker, $_)->{modseq} // 0) > $limit } @uids : ();
	my $keyword = keyword($worker);
	my @own = grep { tracked($_) && grep { $_ eq $keyword } @$flags } @uids;
	my %before = map { $_ => entry($worker, $_)->{keyword}{$keyword} } @own;
	entry($worker, $_)->{keyword}{$keyword} = undef for @own;
	$ledger->mark_deleted($view->folder, @uids) if grep { $_ eq '\\Deleted' } @$flags;
	$view->ask_silently(changer($how, @$flags), @records) if $options{silent} || defined $limit;
	my $text = ($options{by_uid} ? 'UID STORE ' : 'STORE ') . as_set($options{by_uid}, @$chosen)
		. (defined $limit ? " (UNCHANGEDSINCE $limit)" : '') . " ${how}FLAGS" . ($options{silent} ? '.SILENT' : '')
		. " (@$flags)";
	# refused it may have happened all the same, and would be told then: no change that the client applies itself
	$worker->send($text, cut => sub { $view->end_silent(0, @records) }, done => sub {
		my ($response, $command) = @_;
		my %left = map { $uid_of{$_} // 0 => 1 } modified($response);
		$worker->complain("MODIFIED of what was not asked: $response->{raw}") if $left{0};
		my $failed = $response->{type} ne 'OK' && !%left;
		refused($worker, $response, @uids) if $failed;
		$view->end_silent(!$failed && !$left{ $_->{uid} }, $_) for @records;
		for my $uid (@own) {
			$ledger->entry($view->folder, $uid)->{keyword}{$keyword} =
				$failed ? undef : $left{$uid} ? $before{$uid} : $how eq '+' ? 1 : 0;
		}
		check_conditional($worker, $limit, \@newer, \%left, $response) if defined $limit;
		check_told($worker, $command, $how, $flags, grep { !$left{ $_->{uid} } } @records)
			if !$failed && (!$options{silent} || defined $limit);
	});
	return;
}

sub modified {
	my ($response) = @_;
	return ($response->{code} // '') eq 'MODIFIED' ? expand_set($response->{code_data}[0]) : ();
}

# RFC 7162 3.1.3: what anybody knew as changed since must be left alone.
sub check_conditional {
	my ($worker, $limit, $newer, $left, $response) = @_;
	for my $uid (grep { !$left->{$_} && is_sure($worker, $_) } @$newer) {
		$worker->complain("UNCHANGEDSINCE $limit changes UID $uid, which had changed before: $response->{raw}");
	}
	return;
}

# The answer tells each message; RFC 7162 3.1.3: also of .SILENT with UNCHANGEDSINCE.
sub check_told {
	my ($worker, $command, $how, $flags, @records) = @_;
	my $keyword = keyword($worker);
	my $sets = $how ne '-' && grep { $_ eq $keyword } @$flags;
	for my $record (grep { is_sure($worker, $_->{uid}) && !$_->{gone} } @records) {
		my $number = $worker->view->number_of($record->{uid}) // next;
		my @told = grep { $_->{type} eq 'FETCH' && $_->{number} == $number } @{ $command->{seen} };
		next if grep { $_->{type} =~ /\A(?:EXPUNGE|VANISHED)\z/ } @{ $command->{seen} };
		$worker->complain("STORE tells nothing of UID $record->{uid}") if !@told;
		next if !defined $record->{flags}; # who was told the MODSEQ alone may not know them
		my $has = grep { $_ eq $keyword } split / /, $record->{flags};
		$worker->complain("STORE of $keyword: UID $record->{uid} has ($record->{flags})")
			if @told && $sets && !$has && tracked($record->{uid});
	}
	return;
}

# ---- reading

sub fetch_all {
	my ($worker, %options) = @_;
	my $view = $worker->view;
	my @records = $view->messages;
	return $worker->send('NOOP', %options) if !@records;
	my $by_uid = $options{strict} || rand() < 0.5;
	my $done = delete $options{done};
	my $items = $worker->{condstore} ? '(UID FLAGS MODSEQ)' : '(UID FLAGS)';
	$worker->send(($by_uid ? 'UID ' : '') . "FETCH 1:* $items", cut => sub { }, %options, done => sub {
		my ($response, $command) = @_;
		my @missing = grep { !$_->{gone} && ($_->{fetched} // '') ne $command->{tag} } @records;
		if ($response->{type} ne 'OK') {
			refused($worker, $response, $view->uids);
		} else {
			for my $record (@missing) {
				next if defined $record->{uid} ? !is_sure($worker, $record->{uid}) : !$options{strict};
				$worker->complain('FETCH 1:* leaves out UID ' . ($record->{uid} // '(never told)'));
			}
		}
		$done->() if $done;
	});
	return;
}

sub fetch_text {
	my ($worker) = @_;
	my ($chosen) = some_messages($worker) or return $worker->send('NOOP');
	my ($by_uid, $uid) = (rand() < 0.5, $chosen->[1]{uid});
	my $item = rand() < 0.2 ? 'BODY[]' : 'BODY.PEEK[]';
	my $entry = entry($worker, $uid);
	my $ledger = $worker->ledger;
	$worker->send(($by_uid ? 'UID ' : '') . 'FETCH ' . as_set($by_uid, $chosen) . " (UID $item)", cut => sub { },
		done => sub {
			my ($response, $command) = @_;
			my ($fetched) = grep { defined } map { $_->{items}{'BODY[]'} }
				grep { $_->{type} eq 'FETCH' && ($_->{items}{UID} // 0) == $uid } @{ $command->{seen} };
			return $ledger->check_text($entry->{folder}, $uid, $fetched) if defined $fetched;
			refused($worker, $response, $uid);
		});
	return;
}

sub fetch_changes {
	my ($worker) = @_;
	return fetch_all($worker) if !$worker->{condstore} || !$worker->view->count;
	my $view = $worker->view;
	my @records = grep { $_->{modseq} && defined $_->{uid} } $view->messages or return fetch_all($worker);
	my $since = $records[rand @records]{modseq};
	my @newer = grep { (entry($worker, $_->{uid})->{modseq} // 0) > $since } @records;
	my $vanished = $worker->{qresync} && rand() < 0.5;
	my %visible = map { $_ => 1 } $view->uids;
	$worker->send("UID FETCH 1:* (FLAGS) (CHANGEDSINCE $since" . ($vanished ? ' VANISHED)' : ')'), cut => sub { },
		done => sub {
		my ($response, $command) = @_;
		return refused($worker, $response, $view->uids) if $response->{type} ne 'OK';
		for my $record (grep { !$_->{gone} && is_sure($worker, $_->{uid}) } @newer) {
			$worker->complain("CHANGEDSINCE $since leaves out UID $record->{uid}")
				if ($record->{fetched} // '') ne $command->{tag};
		}
		for my $uid (map { @{ $_->{uids} } } grep { $_->{type} eq 'VANISHED' && $_->{earlier} } @{ $command->{seen} }) {
			$worker->complain("VANISHED (EARLIER) names UID $uid, which is there")
				if $visible{$uid} && is_sure($worker, $uid);
		}
	});
	return;
}

sub search {
	my ($worker) = @_;
	my $view = $worker->view;
	my @records = grep { defined $_->{uid} } $view->messages;
	my $keyword = keyword($worker);
	if (rand() < 0.3) {
		my $last = $view->count;
		return $worker->send('SEARCH ALL', cut => sub { }, done => sub {
			my @found = map { @{ $_->{found} } } grep { $_->{found} } @{ $_[1]{seen} };
			my %found = map { $_ => 1 } @found;
			$worker->complain("SEARCH finds number $found[-1], of " . $view->count)
				if @found && $found[-1] > $view->count;
			my @all = $view->messages;
			for my $number (grep { !$found{$_} } 1 .. $last) {
				my $uid = $all[$number - 1]{uid} // next;
				$worker->complain("SEARCH ALL leaves out $number, UID $uid") if is_sure($worker, $uid);
			}
		});
	}
	my %expected = map { $_->{uid} => entry($worker, $_->{uid})->{keyword}{$keyword} } @records;
	my $return = $worker->{swarm}{capability}{ESEARCH} && rand() < 0.5 ? 'RETURN (ALL COUNT) ' : '';
	$worker->send("UID SEARCH ${return}KEYWORD $keyword", cut => sub { }, done => sub {
		my ($response, $command) = @_;
		return $worker->complain("SEARCH is refused: $response->{raw}") if $response->{type} ne 'OK';
		my ($result) = grep { $_->{found} } @{ $command->{seen} };
		my %found = map { $_ => 1 } $result ? @{ $result->{found} } : ();
		for my $uid (sort { $a <=> $b } grep { defined $expected{$_} } keys %expected) {
			$worker->complain("SEARCH KEYWORD $keyword: UID $uid is wrong: $expected{$uid} expected")
				if ($found{$uid} // 0) != $expected{$uid} && is_sure($worker, $uid);
		}
		$worker->complain("ESEARCH counts $result->{options}{COUNT} of " . keys %found)
			if $result && defined(($result->{options} // {})->{COUNT}) && $result->{options}{COUNT} != keys %found;
	});
	return;
}

sub status {
	my ($worker) = @_;
	my $folder = $worker->{swarm}->choose_folder($worker->view->folder);
	my $items = 'MESSAGES UIDNEXT UIDVALIDITY' . ($worker->{condstore} ? ' HIGHESTMODSEQ' : '');
	$worker->send("STATUS $folder ($items)", cut => sub { }, done => sub {
		my ($response, $command) = @_;
		my ($status) = map { $_->{options} } grep { $_->{type} eq 'STATUS' } @{ $command->{seen} };
		return $worker->complain("STATUS is refused: $response->{raw}") if !$status;
		$worker->ledger->check_folder_told($worker->{name}, $folder, $command->{then}{$folder},
			@$status{qw(UIDVALIDITY UIDNEXT HIGHESTMODSEQ)});
	});
	return;
}

# ---- the session

sub idle {
	my ($worker) = @_;
	$worker->{idle_until} = $worker->{swarm}{operations} + 1 + int rand IDLE_OPERATIONS;
	return $worker->begin_idle;
}

sub reselect {
	my ($worker) = @_;
	my $folder = $worker->{swarm}->choose_folder;
	return $worker->select_folder($folder) if rand() < 0.5;
	$worker->{ready} = 0;
	$worker->send('UNSELECT', cut => sub { $worker->broken('no UNSELECT') }, done => sub {
		$worker->leave_view;
		$worker->select_folder($folder);
	});
	return;
}

sub pipeline {
	my ($worker) = @_;
	for (1 .. 2 + int rand 3) {
		return if !$worker->view;
		my @chosen = some_messages($worker);
		if (!@chosen || rand() < 0.3) {
			$worker->send('NOOP');
		} else {
			my @flags = (keyword($worker), grep { rand() < 0.3 } @FLAGS);
			store_flags($worker, rand() < 0.5 ? '+' : '-', \@flags, \@chosen, by_uid => 1);
		}
	}
	return;
}

sub reconnect {
	my ($worker) = @_;
	$worker->{ready} = 0;
	return $worker->send('LOGOUT', cut => sub { });
}

1;

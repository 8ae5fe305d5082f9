package Postroom::ImapLedger;

=head1 NAME

Postroom::ImapLedger - what many IMAP clients of one mailbox know together, and what follows from it

=head1 DESCRIPTION

One for all clients of a test (Postroom::ImapSwarm). It has an entry for each UID of each folder that anybody was told
of: which message it is, whether it may be gone, whether somebody saw it go, who set its keyword there. What cannot be
by RFC 9051, 4315, 6851 and 7162 becomes a complaint:

=over

=item *

a UID given twice, or not above all that were known when the command was sent; UIDVALIDITY or the message of a UID
changes

=item *

a message goes that nobody marked \Deleted and expunged, or moved; it is moved twice; it is seen by who selects
afterwards

=item *

a MODSEQ that stands for two states of a message; HIGHESTMODSEQ or UIDNEXT falls back behind what was told before

=item *

what was acknowledged (APPEND, COPY, MOVE, delivery by SMTP, a client's own keyword) is not there at the end

=back

A command whose connection broke may have happened or not: C<cut_*> note that. Then a UID that nobody was told the
origin of must be explained by one of those.

=head1 ENTRIES

C<uid>, C<folder>; C<id> of the message, where known (of its text: Postroom::Load); C<from>, the entry it was copied
from; C<told>: its origin was acknowledged; C<may_vanish>, C<deleted>: why it may go; C<vanished>: since when (clock) it
is gone; C<keyword>: client name to 1, 0, or undef (unknown); C<states>: MODSEQ to flags.

=cut

use strict;
use warnings;
use Postroom::Load;

use constant COMPLAINT_MAX => 500;

# ignore: complaints that are none, where a peer is known to read an RFC otherwise.
sub new {
	my ($class, %options) = @_;
	my $self = bless { clock => 0, complaints => [], delivered => {}, arrived => {}, ignore => $options{ignore} },
		$class;
	$self->{folders}{$_} = { entries => {}, max_uid => 0, max_modseq => 0, expunging => 0, cut => [] }
		for @{ $options{folders} };
	return $self;
}

sub folder { return $_[0]{folders}{ $_[1] } // die "no folder $_[1]\n" }
sub complaints { return @{ $_[0]{complaints} } }
sub tick { return ++$_[0]{clock} }

sub complain {
	my ($self, $text) = @_;
	$text = substr($text, 0, COMPLAINT_MAX) =~ s/[^\x20-\x7e]+/ | /gr;
	push @{ $self->{complaints} }, $text if !$self->{ignore} || $text !~ $self->{ignore};
	return;
}

# The entry of a UID that somebody was told of.
sub entry {
	my ($self, $folder, $uid) = @_;
	my $f = $self->folder($folder);
	$f->{max_uid} = $uid if $uid > $f->{max_uid};
	return $f->{entries}{$uid} //= { folder => $folder, uid => $uid, keyword => {}, states => {} };
}

sub id_of_entry {
	my ($entry) = @_;
	$entry = $entry->{from} while !defined $entry->{id} && $entry->{from};
	return $entry->{id};
}

# What a SELECT or STATUS tells; $then is folder_then() of when the command was sent.
sub folder_then {
	my ($self, $folder) = @_;
	my $f = $self->folder($folder);
	return { clock => $self->{clock}, max_uid => $f->{max_uid}, max_modseq => $f->{max_modseq} };
}

sub check_folder_told {
	my ($self, $who, $folder, $then, $uidvalidity, $uidnext, $highest) = @_;
	my $f = $self->folder($folder);
	$f->{uidvalidity} //= $uidvalidity;
	$self->complain("$who: UIDVALIDITY of $folder was $f->{uidvalidity} and is $uidvalidity")
		if defined $uidvalidity && $uidvalidity != $f->{uidvalidity};
	$self->complain("$who: UIDNEXT of $folder is $uidnext though UID $then->{max_uid} was given before")
		if defined $uidnext && $uidnext <= $then->{max_uid};
	$self->complain("$who: HIGHESTMODSEQ of $folder is $highest though $then->{max_modseq} was told before")
		if defined $highest && $highest < $then->{max_modseq};
	$f->{max_modseq} = $highest if ($highest // 0) > $f->{max_modseq};
	return;
}

# A view's client has seen a message in this state. Flags: sorted, joined by spaces, without \Recent.
sub observe {
	my ($self, $who, $entry, $modseq, $flags) = @_;
	return if !defined $modseq;
	my $f = $self->folder($entry->{folder});
	$f->{max_modseq} = $modseq if $modseq > $f->{max_modseq};
	$entry->{modseq} = $modseq if $modseq > ($entry->{modseq} // 0);
	return if !defined $flags;
	my $known = $entry->{states}{$modseq} //= $flags;
	$self->complain("$who: UID $entry->{uid} of $entry->{folder} at MODSEQ $modseq has ($flags), "
		. "somebody else was told ($known)")
		if $known ne $flags;
	return;
}

# A new message's UID is acknowledged.
sub assign {
	my ($self, $who, $folder, $uid, $then, %origin) = @_;
	my $entry = $self->entry($folder, $uid);
	$self->complain("$who: UID $uid of $folder is given a second time") if $entry->{told};
	$self->complain("$who: UID $uid of $folder is given though $then->{max_uid} was given before")
		if $uid <= $then->{max_uid};
	$entry->{told} = 1;
	my $known = id_of_entry($entry);
	@$entry{ keys %origin } = values %origin;
	my $id = id_of_entry(\%origin);
	$self->complain("$who: UID $uid of $folder is $known, and is told to be $id")
		if defined $known && defined $id && $known ne $id;
	return $entry;
}

# A copy has the flags of what it is a copy of.
sub may_have_deleted {
	my ($entry) = @_;
	for (my $source = $entry; $source; $source = $source->{from}) {
		return 1 if $source->{deleted};
	}
	return 0;
}

# May it be gone, as far as is known now? A copy has the flags of its source, so that of what was \Deleted may go at the
# next EXPUNGE, which may have begun long ago; and of what was not acknowledged yet one cannot say.
sub may_go {
	my ($entry) = @_;
	return 1 if $entry->{may_vanish};
	for (my $source = $entry; $source; $source = $source->{from}) {
		return 1 if !$source->{told} || ($source != $entry && $source->{deleted});
	}
	return 0;
}

# Somebody asks for \Deleted on these, or for an EXPUNGE, or a MOVE: from now on they may go.
sub mark_deleted {
	my ($self, $folder, @uids) = @_;
	my $f = $self->folder($folder);
	for my $entry (map { $self->entry($folder, $_) } @uids) {
		$entry->{deleted} = 1;
		$entry->{may_vanish} = 1 if $f->{expunging} > 0;
	}
	return;
}

# An EXPUNGE begins (of some UIDs, or all); it lasts until end_expunge, and what is marked meanwhile may go, too.
sub begin_expunge {
	my ($self, $folder, @uids) = @_;
	my $f = $self->folder($folder);
	$f->{expunging}++;
	my @entries = @uids ? map { $self->entry($folder, $_) } @uids : values %{ $f->{entries} };
	$_->{may_vanish} = 1 for grep { $_->{deleted} } @entries;
	return;
}

sub end_expunge {
	my ($self, $folder) = @_;
	$self->folder($folder)->{expunging}--;
	return;
}

sub mark_moved {
	my ($self, $folder, @uids) = @_;
	$self->entry($folder, $_)->{may_vanish} = 1 for @uids;
	return;
}

# Somebody was told that it is gone. Whether it might is asked at the end of the phase, when all origins are known.
sub vanish {
	my ($self, $who, $folder, $uid) = @_;
	my $entry = $self->entry($folder, $uid);
	$entry->{gone_for} //= $who;
	$entry->{vanished} //= $self->{clock};
	return;
}

# Somebody sees it in a folder that he selected at this clock.
sub check_present {
	my ($self, $who, $entry, $since) = @_;
	$self->complain("$who: UID $entry->{uid} of $entry->{folder} is back")
		if defined $entry->{vanished} && $entry->{vanished} < $since;
	return;
}

# COPYUID: pairs of UIDs, source and destination. A MOVE takes each source once.
sub copied {
	my ($self, $who, $from, $to, $then, $moves, @pairs) = @_;
	my @new;
	for my $pair (@pairs) {
		my $source = $self->entry($from, $pair->[0]);
		push @new, $self->assign($who, $to, $pair->[1], $then, from => $source);
		next if !$moves;
		$self->complain("$who: UID $pair->[0] of $from is moved a second time") if $source->{moved}++;
		$source->{vanished} //= $self->{clock};
	}
	return @new;
}

# A command was cut off, or its end is not known: a message may appear in the folder, with this id or this source.
sub cut_copy {
	my ($self, $folder, %origin) = @_;
	push @{ $self->folder($folder)->{cut} }, \%origin;
	return;
}

# SMTP: what was sent, and how it was answered (1: taken, 0: cannot tell). It appears in $folder without a client's
# doing.
sub deliver {
	my ($self, $id, $taken) = @_;
	$self->{delivered}{$id} = $taken;
	return;
}

# Entries whose origin nobody was told: each must be explained, once, by a delivery or a command that was cut off.
sub explain {
	my ($self, $entry) = @_;
	my $id = id_of_entry($entry);
	my $cut = $self->folder($entry->{folder})->{cut};
	# a copy of what was \Deleted may be gone before anybody could read it
	my ($i) = grep { my $from = $cut->[$_]{from};
		defined $id ? $id eq (id_of_entry($cut->[$_]) // '') : $entry->{vanished} && $from && may_have_deleted($from) }
		0 .. $#$cut;
	($i) = grep { $cut->[$_]{from} && $self->may_be($cut->[$_]{from}, $id) } 0 .. $#$cut if !defined $i && defined $id;
	if (defined $i) {
		my $from = splice(@$cut, $i, 1)->{from};
		$entry->{from} = $from if $from && $from != $entry;
		return $entry->{told} = 1;
	}
	return if !defined $id || $entry->{folder} ne 'INBOX' || !exists $self->{delivered}{$id} || $self->{arrived}{$id};
	$self->{arrived}{$id} = $entry;
	return $entry->{told} = 1;
}

# A source that went before anybody read it: what was found as its copy tells what it was, if that explains it, too.
sub may_be {
	my ($self, $entry, $id) = @_;
	my $first = $entry;
	$first = $first->{from} while $first->{from};
	return 0 if defined $first->{id} || $first->{told} || !$entry->{vanished};
	$first->{id} = $id;
	return 1 if $self->explain($first);
	delete $first->{id};
	return 0;
}

# The state at the end of a phase, nothing under way: the folder holds exactly these, UID to text of the message.
sub check_contents {
	my ($self, %texts) = @_;
	for my $folder (sort keys %texts) {
		for my $uid (sort { $a <=> $b } keys %{ $texts{$folder} }) {
			$self->check_text($folder, $uid, $texts{$folder}{$uid});
		}
		$_->{vanished} //= $self->{clock} for grep { !exists $texts{$folder}{ $_->{uid} } } $self->entries($folder);
	}
	# what was read first: it tells of what was not
	for my $entry (map { $self->entries($_) } sort keys %texts) {
		$self->explain($entry) if !$entry->{told} && defined id_of_entry($entry);
	}
	for my $folder (sort keys %texts) {
		$self->check_entry($_, exists $texts{$folder}{ $_->{uid} }) for $self->entries($folder);
	}
	$self->folder($_)->{cut} = [] for keys %texts;
	for my $id (sort keys %{ $self->{delivered} }) {
		$self->complain("$id was taken by SMTP and is not in INBOX")
			if $self->{delivered}{$id} && !$self->{arrived}{$id};
	}
	return;
}

sub entries {
	my ($self, $folder) = @_;
	my $entries = $self->folder($folder)->{entries};
	return map { $entries->{$_} } sort { $a <=> $b } keys %$entries;
}

sub check_text {
	my ($self, $folder, $uid, $text) = @_;
	my $entry = $self->entry($folder, $uid);
	my $id = Postroom::Load::id_of($text);
	return $self->complain("UID $uid of $folder has a text that nobody sent: " . substr $text, 0, 200) if !defined $id;
	my $known = id_of_entry($entry);
	$self->complain("UID $uid of $folder should be $known and is $id") if defined $known && $known ne $id;
	# the whole chain of copies has the same text
	for (my $source = $entry; $source; $source = $source->{from}) {
		$source->{id} //= $id;
	}
	return;
}

sub check_entry {
	my ($self, $entry, $present) = @_;
	my $name = "UID $entry->{uid} of $entry->{folder}";
	$self->complain("$name is back") if $present && defined $entry->{vanished};
	$self->complain("$name came from nowhere (" . (id_of_entry($entry) // 'never read') . ')')
		if !$entry->{told} && !$self->explain($entry);
	if ($present) {
		# nothing is under way: who wants it to go must ask anew
		delete @$entry{qw(may_vanish cut_move)};
		return;
	}
	$self->complain("$name is lost" . (defined $entry->{gone_for} ? ", $entry->{gone_for} was told" : ''))
		if !may_go($entry);
	$self->complain("$name was to be moved, and is neither here nor there")
		if $entry->{cut_move} && !$self->found_moved($entry);
	return;
}

# A MOVE that was cut off: somewhere there is, or was, its copy; unless it was also expunged, for which it may have
# \Deleted from what it is a copy of. Of what nobody ever read, nor was told to be taken, one cannot say.
sub found_moved {
	my ($self, $entry) = @_;
	return 1 if $entry->{moved} || $entry->{found} || may_have_deleted($entry);
	my $id = id_of_entry($entry) // return 1;
	for my $folder (@{ $entry->{cut_move} }) {
		return $entry->{found} = 1
			if grep { ($_->{from} // 0) == $entry || (!$_->{told} && (id_of_entry($_) // '') eq $id) }
			$self->entries($folder);
	}
	return;
}

# A client's keyword stands exactly where its acknowledged commands put it. Flags of each UID that is there.
sub check_keyword {
	my ($self, $who, $keyword, $folder, $flags) = @_;
	for my $uid (sort { $a <=> $b } keys %$flags) {
		my $expected = $self->entry($folder, $uid)->{keyword}{$keyword} // next;
		my $is = (grep { lc $_ eq lc $keyword } split / /, $flags->{$uid}) ? 1 : 0;
		$self->complain("$who: UID $uid of $folder has $keyword: $is instead of $expected") if $is != $expected;
	}
	return;
}

sub summary {
	my ($self) = @_;
	return join ', ', map {
		my $folder = $_;
		my @entries = $self->entries($folder);
		sprintf '%s: %d UIDs given, %d left, MODSEQ %d', $folder, scalar @entries,
			scalar(grep { !defined $_->{vanished} } @entries), $self->folder($folder)->{max_modseq};
	} sort keys %{ $self->{folders} };
}

1;

package Postroom::ImapView;

=head1 NAME

Postroom::ImapView - what one IMAP client must know of its selected folder, from the untagged responses alone

=head1 SYNOPSIS

    my $view = Postroom::ImapView->new(who => 'c1', ledger => $ledger, folder => 'INBOX', qresync => 1, condstore => 1);
    $view->apply($response, expunge => 1);   # expunge: a command is in progress that allows EXPUNGE and VANISHED
    $view->tagged($code, @data);             # a tagged response came: the client may compute its HIGHESTMODSEQ
    $view->messages;                         # records by message number, from 1: uid, flags, modseq, where known

=head1 DESCRIPTION

Rules of RFC 9051 7.4.1, 7.5.1 and RFC 7162 3.2.4, 3.2.10, 6 are checked with each response; what breaks one is a
complaint of the ledger. With C<strict> a response may tell nothing new: the client has just asked for all by NOOP.

=cut

use strict;
use warnings;

sub new {
	my ($class, %options) = @_;
	my $ledger = $options{ledger};
	return bless {
		messages => [], clock => $ledger->tick, then => $ledger->folder_then($options{folder}), pending_max => 0,
			%options,
	}, $class;
}

sub messages { return @{ $_[0]{messages} } }
sub count { return scalar @{ $_[0]{messages} } }
sub folder { return $_[0]{folder} }
sub uids { return map { $_->{uid} // () } @{ $_[0]{messages} } }
sub highest { return $_[0]{highest} }

sub complain {
	my ($self, $text) = @_;
	$self->{ledger}->complain("$self->{who} in $self->{folder}: $text");
	return;
}

sub flags_of {
	my ($flags) = @_;
	return join ' ', sort { $a cmp $b } grep { lc $_ ne '\\recent' } @$flags;
}

sub number_of {
	my ($self, $uid) = @_;
	my $messages = $self->{messages};
	for my $i (0 .. $#$messages) {
		return $i + 1 if ($messages->[$i]{uid} // 0) == $uid;
	}
	return;
}

sub record {
	my ($self, $uid) = @_;
	my $number = $self->number_of($uid) // return;
	return $self->{messages}[$number - 1];
}

sub apply {
	my ($self, $response, %context) = @_;
	my $type = $response->{type};
	return $self->exists($response, \%context) if $type eq 'EXISTS';
	return $self->expunge($response, \%context) if $type eq 'EXPUNGE';
	return $self->vanished($response, \%context) if $type eq 'VANISHED' && !$response->{earlier};
	return $self->fetched($response, \%context) if $type eq 'FETCH';
	return $self->told($response) if $type eq 'OK' && $response->{code};
	return;
}

sub told {
	my ($self, $response) = @_;
	my ($code, $value) = ($response->{code}, $response->{code_data}[0]);
	my $name = { UIDVALIDITY => 'uidvalidity', UIDNEXT => 'uidnext', HIGHESTMODSEQ => 'highest' }->{$code} // return;
	$self->{$name} = $value;
	$self->{coded} = $value if $name eq 'highest';
	$self->{ledger}->check_folder_told($self->{who}, $self->{folder}, $self->{then},
		map { $code eq $_ ? $value : undef }
		qw(UIDVALIDITY UIDNEXT HIGHESTMODSEQ));
	return;
}

# RFC 7162 6: the code counts, in this response or in one since the last tagged, "even if it has seen higher
# mod-sequences"; without one, the highest MODSEQ since then.
sub tagged {
	my ($self, $code, @data) = @_;
	my $coded = ($code // '') eq 'HIGHESTMODSEQ' ? $data[0] : $self->{coded};
	if (defined $coded) {
		$self->complain("HIGHESTMODSEQ falls from $self->{told_highest} to $coded")
			if $coded < ($self->{told_highest} // 0);
		$self->{highest} = $self->{told_highest} = $coded;
	} elsif ($self->{pending_max} > ($self->{highest} // 0)) {
		$self->{highest} = $self->{pending_max};
	}
	$self->{pending_max} = 0;
	delete $self->{coded};
	return;
}

sub exists {
	my ($self, $response, $context) = @_;
	my $messages = $self->{messages};
	my $new = $response->{number} - @$messages;
	return $self->complain("EXISTS falls from " . @$messages . " to $response->{number}") if $new < 0;
	$self->complain("$new new messages, of which NOOP told nothing") if $new > 0 && $context->{strict};
	push @$messages, map { +{ late => $self->{counted} } } 1 .. $new;
	$self->{counted} = 1;
	return;
}

sub remove {
	my ($self, $number, $uid, $context) = @_;
	my ($record) = splice @{ $self->{messages} }, $number - 1, 1;
	$record->{gone} = 1;
	$uid //= $record->{uid};
	$self->{ledger}->vanish($self->{who}, $self->{folder}, $uid) if defined $uid;
	$self->complain('a message goes, of which NOOP told nothing') if $context->{strict};
	return;
}

sub expunge {
	my ($self, $response, $context) = @_;
	my $number = $response->{number};
	$self->complain("EXPUNGE although QRESYNC is enabled") if $self->{qresync};
	$self->complain("EXPUNGE while $context->{command}") if !$context->{expunge};
	return $self->complain("EXPUNGE of $number, of " . $self->count) if $number < 1 || $number > $self->count;
	return $self->remove($number, undef, $context);
}

sub vanished {
	my ($self, $response, $context) = @_;
	$self->complain('VANISHED although QRESYNC is not enabled') if !$self->{qresync};
	$self->complain("VANISHED while $context->{command}") if !$context->{expunge};
	for my $uid (@{ $response->{uids} }) {
		my $number = $self->number_of($uid) // $self->unknown_between($uid);
		if (!defined $number) {
			$self->complain("VANISHED names UID $uid, which is not there");
			next;
		}
		$self->remove($number, $uid, $context);
	}
	return;
}

# The number of a message whose UID the client has not learned, and which this may be by its place.
sub unknown_between {
	my ($self, $uid) = @_;
	my $unknown;
	for my $number (1 .. $self->count) {
		my $other = $self->{messages}[$number - 1]{uid};
		if (!defined $other) {
			$unknown //= $number;
		} elsif ($other < $uid) {
			undef $unknown;
		} else {
			last;
		}
	}
	return $unknown;
}

sub learn_uid {
	my ($self, $number, $record, $uid) = @_;
	return $self->complain("message $number has UID $uid instead of $record->{uid}")
		if defined $record->{uid} && $record->{uid} != $uid;
	return if defined $record->{uid};
	my $messages = $self->{messages};
	for (my $i = $number - 2; $i >= 0; $i--) {
		my $other = $messages->[$i]{uid} // next;
		$self->complain('message ' . ($i + 1) . " has UID $other, $number has $uid") if $other >= $uid;
		last;
	}
	for (my $i = $number; $i < @$messages; $i++) {
		my $other = $messages->[$i]{uid} // next;
		$self->complain('message ' . ($i + 1) . " has UID $other, $number has $uid") if $other <= $uid;
		last;
	}
	$record->{uid} = $uid;
	$self->{ledger}->check_present($self->{who}, $self->{ledger}->entry($self->{folder}, $uid), $self->{clock});
	return;
}

sub fetched {
	my ($self, $response, $context) = @_;
	my ($number, $items) = @$response{qw(number items)};
	return $self->complain("FETCH of $number, of " . $self->count) if $number < 1 || $number > $self->count;
	my $record = $self->{messages}[$number - 1];
	if ($self->{condstore} && $items->{FLAGS}) {
		for my $item (qw(UID MODSEQ)) {
			$self->complain("FETCH without $item, although CONDSTORE is enabled: $response->{raw}")
				if !exists $items->{$item};
		}
	}
	$self->learn_uid($number, $record, $items->{UID}) if defined $items->{UID};
	$self->learn_state($record, $items, $context) if $items->{FLAGS} || $items->{MODSEQ};
	$record->{fetched} = $context->{stamp} if $items->{FLAGS};
	return;
}

sub learn_state {
	my ($self, $record, $items, $context) = @_;
	my $name = 'UID ' . ($record->{uid} // '(unknown)');
	my ($old_modseq, $modseq) = ($record->{modseq}, $items->{MODSEQ});
	my $flags = $items->{FLAGS} && flags_of($items->{FLAGS});
	if ($record->{change}) {
		$record->{told} = 1;
		$flags //= $record->{change}->($record->{flags}) if defined $record->{flags};
	}
	my $entry = defined $record->{uid} ? $self->{ledger}->entry($self->{folder}, $record->{uid}) : undef;
	$self->{ledger}->observe($self->{who}, $entry, $modseq, $flags // $record->{flags}) if $entry;
	if (defined $modseq && defined $old_modseq) {
		$self->complain("MODSEQ of $name falls from $old_modseq to $modseq") if $modseq < $old_modseq;
		$self->complain("$name changes to MODSEQ $modseq, below the HIGHESTMODSEQ $self->{highest} of the client")
			if $modseq > $old_modseq && $modseq <= ($self->{highest} // 0) && !$record->{stale};
	}
	if ($context->{strict} && defined $record->{flags}) {
		$self->complain("$name has ($flags) instead of ($record->{flags}), of which NOOP told nothing")
			if defined $flags && $flags ne $record->{flags};
		$self->complain("$name has MODSEQ $modseq instead of $old_modseq, of which NOOP told nothing")
			if defined $modseq && defined $old_modseq && $modseq != $old_modseq && !$record->{stale};
	}
	$record->{flags} = $flags if defined $flags;
	return if !defined $modseq;
	$record->{modseq} = $modseq;
	delete $record->{stale};
	$self->{pending_max} = $modseq if $modseq > $self->{pending_max};
	return;
}

# A STORE begins whose result may not be told (.SILENT): the client applies the change itself.
sub ask_silently {
	my ($self, $change, @records) = @_;
	$_->{change} = $change for @records;
	return;
}

# It ended, and was done or not. Where flags were told meanwhile, whether before or after the change, and the change
# would make a difference, the client cannot say what they are.
sub end_silent {
	my ($self, $done, @records) = @_;
	for my $record (@records) {
		my ($change, $told) = delete @$record{qw(change told)};
		next if !$change || !$done || !defined $record->{flags};
		my $flags = $change->($record->{flags});
		$record->{stale} = 1 if !$told;
		next if $flags eq $record->{flags};
		@$record{qw(flags stale)} = ($told ? undef : $flags, 1);
	}
	return;
}

# What a client keeps of a folder for the next time; undef: it does not know all messages.
sub cache {
	my ($self) = @_;
	return if !$self->{highest}
		|| grep { !defined $_->{uid} || !defined $_->{flags} || !defined $_->{modseq} || $_->{stale} }
		$self->messages;
	return {
		uidvalidity => $self->{uidvalidity}, highest => $self->{highest},
		records => { map { $_->{uid} => { %$_{qw(uid flags modseq)} } } $self->messages },
	};
}

# SELECT (QRESYNC ...) is done: the cache without what vanished and with what was fetched is all there is (RFC 7162
# 3.2.5), but for those that came meanwhile: a second EXISTS counts them. Where the client named its UIDs ($partly), there
# may be newer ones of which nothing is told, but where another session has just changed one.
sub resynchronise {
	my ($self, $cache, $partly, @vanished) = @_;
	my %records = %{ $cache->{records} };
	delete @records{@vanished};
	for my $record (grep { defined $_->{uid} } $self->messages) {
		$records{ $record->{uid} } = $record if !$partly || $records{ $record->{uid} };
	}
	my @all = map { $records{$_} } sort { $a <=> $b } keys %records;
	push @all, $partly ? @{ $self->{messages} }[@all .. $self->count - 1]
		: grep { $_->{late} && !defined $_->{uid} } $self->messages;
	if (@all != $self->count) {
		return $self->complain("after QRESYNC from MODSEQ $cache->{highest} there should be " . @all
			. ' messages (' . join(',', map { $_->{uid} // '?' } @all) . '), EXISTS says ' . $self->count);
	}
	for my $number (1 .. @all) {
		my $record = $self->{messages}[$number - 1];
		$self->complain("after QRESYNC message $number is UID $all[$number - 1]{uid}, FETCH said $record->{uid}")
			if defined $record->{uid} && $record->{uid} != ($all[$number - 1]{uid} // 0);
	}
	$self->{messages} = \@all;
	$self->{ledger}->check_present($self->{who}, $self->{ledger}->entry($self->{folder}, $_->{uid}), $self->{clock})
		for grep { defined $_->{uid} } @all;
	return;
}

1;

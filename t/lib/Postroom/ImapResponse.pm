package Postroom::ImapResponse;

=head1 NAME

Postroom::ImapResponse - what an IMAP server says, cut into responses and parsed, strictly (RFC 9051 section 9)

=head1 SYNOPSIS

    my $raw = take_response(\$buffer);     # one response with its literals; undef: more must come
    my $response = parse_response($raw);   # dies where it is not what the grammar allows

=head1 RESPONSES

A hash: C<tag> ("*", "+" or the command's), C<type> (upper case: OK, EXISTS, FETCH ...), C<raw>, and where they apply

    number      of "* 5 EXISTS"
    code        name of the response code; code_data: its values
    text        of OK, NO, BAD, BYE, PREAUTH, +
    data        values: a string for an atom, a string or a literal; undef for NIL; an array for a list
    items       of FETCH: item name => value; UID, MODSEQ and RFC822.SIZE are numbers
    found       of SEARCH, SORT and ESEARCH with ALL: the numbers, ascending but for SORT; modseq beside it
    options     of ESEARCH and STATUS: name => value; for ESEARCH also tag, and uid (0/1)
    uids        of VANISHED: the numbers; earlier: 0/1

C<expand_set('1:3,5')> gives the numbers of a set without C<*>; C<pack_set(@numbers)> writes ascending numbers as one.

=cut

use strict;
use warnings;
use Exporter 'import';

our @EXPORT_OK = qw(take_response parse_response parse_values expand_set pack_set quote_string);

use constant { LITERAL_MAX => 1 << 30, SET_MAX => 10_000_000 };

my $STATUS = qr/OK|NO|BAD|BYE|PREAUTH/;
# RFC 9051 9: an atom or a flag, where "]" may stand or ends a response code
my $ASTRING = qr/\\?[^\x00-\x20\x7f(){"\\]+/;
my $ATOM = qr/\\?[^\x00-\x20\x7f(){"\\\]]+/;
our $atom = $ASTRING;
my $NUMBER = qr/0|[1-9][0-9]*/;

sub take_response {
	my ($buffer) = @_;
	my $at = 0;
	for (;;) {
		my $end = index $$buffer, "\r\n", $at;
		return if $end < 0;
		my $line = substr $$buffer, $at, $end - $at;
		if ($line =~ /~?\{($NUMBER)\}\z/ && ($at > 0 || $line !~ /\A(?:\+|\S+ $STATUS) /)) {
			die "a literal of $1 octets\n" if $1 > LITERAL_MAX;
			$at = $end + 2 + $1;
			return if $at > length $$buffer;
			next;
		}
		return substr $$buffer, 0, $end + 2, '';
	}
}

sub bad {
	my ($raw, $what) = @_;
	my $at = pos($$raw) // 0;
	my $near = substr $$raw, $at > 30 ? $at - 30 : 0, 80;
	$near =~ s/([^\x20-\x7e])/sprintf '\\x%02x', ord $1/ge;
	die "not a response of IMAP: $what at octet $at, near '$near'\n";
}

sub parse_quoted {
	my ($raw) = @_;
	$$raw =~ /\G"((?:[^"\\\r\n\x00]|\\["\\])*)"/gc or bad($raw, 'a quoted string');
	(my $text = $1) =~ s/\\(.)/$1/g;
	return $text;
}

sub parse_literal {
	my ($raw) = @_;
	$$raw =~ /\G~?\{($NUMBER)\}\r\n/gc or bad($raw, 'a literal');
	my $text = substr $$raw, pos $$raw, $1;
	length $text == $1 or bad($raw, 'a literal that is cut off');
	pos($$raw) += $1;
	return $text;
}

# One value at pos().
sub parse_value {
	my ($raw) = @_;
	if ($$raw =~ /\G\(/gc) {
		my @list;
		while ($$raw !~ /\G\)/gc) {
			# parts of a multipart, addresses and threads follow each other without a space
			@list == 0 || $$raw =~ /\G /gc || $$raw =~ /\G(?<=\))(?=\()/gc or bad($raw, 'one space within a list');
			push @list, parse_value($raw);
		}
		return \@list;
	}
	return parse_quoted($raw) if $$raw =~ /\G(?=")/gc;
	return parse_literal($raw) if $$raw =~ /\G(?=~?\{)/gc;
	$$raw =~ /\G($atom)/gc or bad($raw, 'a value');
	return uc $1 eq 'NIL' ? undef : $1;
}

# Values, one space between, up to what $end matches.
sub parse_until {
	my ($raw, $end) = @_;
	my @values;
	while ($$raw !~ /\G$end/gc) {
		push @values, parse_value($raw);
		last if $$raw =~ /\G$end/gc;
		$$raw =~ /\G /gc || $$raw =~ /\G(?<=\))(?=\()/gc or bad($raw, 'one space');
	}
	return @values;
}

# Values of a text of their own, such as a capability's or a flag list.
sub parse_values {
	my ($text) = @_;
	pos($text) = 0;
	return parse_until(\$text, qr/\z/);
}

sub expand_set {
	my ($set) = @_;
	my @numbers;
	for my $range (split /,/, $set, -1) {
		my ($first, $last) = $range =~ /\A([1-9]\d*)(?::([1-9]\d*))?\z/ or die "not a set of numbers: $set\n";
		$last //= $first;
		($first, $last) = ($last, $first) if $last < $first;
		die "the set $set is too large\n" if @numbers + $last - $first > SET_MAX;
		push @numbers, $first .. $last;
	}
	return @numbers;
}

sub pack_set {
	my (@numbers) = @_;
	my @ranges;
	for my $number (@numbers) {
		if (@ranges && $ranges[-1][1] + 1 == $number) {
			$ranges[-1][1] = $number;
		} else {
			push @ranges, [$number, $number];
		}
	}
	return join ',', map { $_->[0] == $_->[1] ? $_->[0] : "$_->[0]:$_->[1]" } @ranges;
}

sub quote_string {
	my ($text) = @_;
	$text =~ s/(["\\])/\\$1/g;
	return qq("$text");
}

sub parse_status {
	my ($raw, $response) = @_;
	local $atom = $ATOM;
	if ($$raw =~ /\G\[([^\s\]]+)/gc) {
		$response->{code} = uc $1;
		$response->{code_data} = [];
		if ($$raw =~ /\G /gc) {
			# free text in codes of the future; values in those that RFCs know
			my $at = pos $$raw;
			my @values = eval { parse_until($raw, qr/(?=\])/) };
			if ($@) {
				pos($$raw) = $at;
				$$raw =~ /\G([^\]\r\n]*)/gc;
				@values = ($1);
			}
			$response->{code_data} = \@values;
		}
		$$raw =~ /\G\](?: |(?=\r\n))/gc or bad($raw, 'the end of a response code');
	}
	$$raw =~ /\G([^\r\n\x00]*)\r\n\z/gc or bad($raw, 'the text of a status');
	$response->{text} = $1;
}

sub parse_items {
	my ($raw, $response) = @_;
	my %items;
	$$raw =~ /\G\(/gc or bad($raw, 'the list of FETCH');
	while ($$raw !~ /\G\)/gc) {
		!%items || $$raw =~ /\G /gc or bad($raw, 'one space between items');
		$$raw =~ /\G([A-Za-z0-9.]+(?:\[[^\]\r\n]*\](?:<\d+>)?)?) /gc or bad($raw, 'an item');
		my $name = uc $1;
		exists $items{$name} and bad($raw, "$name, which is there already,");
		$items{$name} = parse_value($raw);
	}
	for my $name (grep { exists $items{$_} } qw(UID RFC822.SIZE)) {
		($items{$name} // '') =~ /\A$NUMBER\z/ or bad($raw, "the number of $name");
	}
	if (exists $items{MODSEQ}) {
		ref $items{MODSEQ} && "@{ $items{MODSEQ} }" =~ /\A[1-9]\d*\z/ or bad($raw, 'the value of MODSEQ');
		$items{MODSEQ} = $items{MODSEQ}[0];
	}
	ref($items{FLAGS} // []) or bad($raw, 'the list of FLAGS');
	$response->{items} = \%items;
	$$raw =~ /\G\r\n\z/gc or bad($raw, 'the end of FETCH');
}

sub pairs {
	my ($raw, @values) = @_;
	@values % 2 and bad($raw, 'a name without a value');
	my %pairs;
	while (my ($name, $value) = splice @values, 0, 2) {
		exists $pairs{ uc $name } and bad($raw, "$name, which is there already,");
		$pairs{ uc $name } = $value;
	}
	return \%pairs;
}

# Like ours: "* ESEARCH (TAG "a") UID COUNT 3 ALL 1:3".
sub parse_esearch {
	my ($raw, $response, @data) = @_;
	if (ref $data[0]) {
		my ($word, $tag) = @{ shift @data };
		uc $word eq 'TAG' or bad($raw, 'the correlator of ESEARCH');
		$response->{search_tag} = $tag;
	}
	$response->{uid} = @data && uc $data[0] eq 'UID' ? 1 : 0;
	shift @data if $response->{uid};
	$response->{options} = pairs($raw, @data);
	$response->{modseq} = $response->{options}{MODSEQ};
	$response->{found} = [defined $response->{options}{ALL} ? expand_set($response->{options}{ALL}) : ()];
}

sub parse_found {
	my ($raw, $response, @data) = @_;
	if (@data && ref $data[-1]) {
		my ($word, $modseq) = @{ pop @data };
		uc $word eq 'MODSEQ' && $modseq =~ /\A$NUMBER\z/ or bad($raw, 'the MODSEQ of a search');
		$response->{modseq} = $modseq;
	}
	/\A$NUMBER\z/ or bad($raw, "the number $_") for @data;
	$response->{found} = $response->{type} eq 'SORT' ? \@data : [sort { $a <=> $b } @data];
}

sub parse_vanished {
	my ($raw, $response, @data) = @_;
	$response->{earlier} = ref $data[0] && uc $data[0][0] eq 'EARLIER' ? 1 : 0;
	shift @data if $response->{earlier};
	@data == 1 or bad($raw, 'the UIDs of VANISHED');
	$response->{uids} = [expand_set($data[0])];
}

sub parse_data {
	my ($raw, $response) = @_;
	my @data = $response->{data} ? @{ $response->{data} } : parse_until($raw, qr/\r\n\z/);
	my $type = $response->{type};
	$response->{data} = \@data;
	parse_esearch($raw, $response, @data) if $type eq 'ESEARCH';
	parse_found($raw, $response, @data) if $type eq 'SEARCH' || $type eq 'SORT';
	parse_vanished($raw, $response, @data) if $type eq 'VANISHED';
	$response->{options} = pairs($raw, @{ $data[1] }) if $type eq 'STATUS';
}

sub parse_response {
	my ($text) = @_;
	my $response = { raw => $text };
	my $raw = \$text;
	pos($text) = 0;
	if ($text =~ /\G\+(?: |(?=\r))/gc) {
		@$response{qw(tag type)} = ('+', '+');
		parse_status($raw, $response);
		return $response;
	}
	$text =~ /\G(\*|[^\s(){%*"\\+]+) /gc or bad($raw, 'a tag');
	$response->{tag} = $1;
	if ($text =~ /\G($STATUS) /gci) {
		$response->{type} = uc $1;
		parse_status($raw, $response);
		return $response;
	}
	$response->{tag} eq '*' or bad($raw, 'OK, NO or BAD');
	$response->{number} = $1 if $text =~ /\G($NUMBER) /gc;
	$text =~ /\G([A-Za-z0-9.-]+)(?: |(?=\r\n))/gc or bad($raw, 'the name of a response');
	$response->{type} = uc $1;
	if ($response->{type} eq 'FETCH') {
		defined $response->{number} or bad($raw, 'FETCH without a number');
		parse_items($raw, $response);
	} else {
		parse_data($raw, $response);
	}
	return $response;
}

1;

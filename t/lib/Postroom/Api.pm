package Postroom::Api;

=head1 NAME

Postroom::Api - the calls that doc/openapi.json describes, and whether answers are as it says

=head1 SYNOPSIS

    my $api = Postroom::Api->load;
    for my $call ($api->calls) {    # method, path, query and body schemas, answer, for (administrator, user, everybody)
        my ($path, $body) = $api->fill($call, sub { my ($name, $schema, $place) = @_; ... });
        my ($status, $value) = $api->ask($webmail, $call, \&choose);    # the same, sent
        my @wrong = $api->check($call, $status, $value);
    }
    my $choose = $api->hostile(name => 'anna', ...);    # values that nobody means well, known ones among them

=head1 DESCRIPTION

Of JSON Schema what the file uses: type, properties, required, items, enum, additionalProperties.

=cut

use strict;
use warnings;
use Encode qw(encode_utf8);
use JSON::PP;

sub load {
	my ($class) = @_;
	open my $file, '<', 'doc/openapi.json' or die "doc/openapi.json: $!\n";
	local $/ = undef;
	return bless JSON::PP->new->utf8->decode(<$file>), $class;
}

sub calls {
	my ($self) = @_;
	my @calls;
	for my $path (sort keys %{ $self->{paths} }) {
		for my $method (grep { $_ ne 'servers' } sort keys %{ $self->{paths}{$path} }) {
			my $call = $self->{paths}{$path}{$method};
			my ($media, $body) = %{ $call->{requestBody}{content} // {} };
			my ($status) = grep { $_ ne 'default' } keys %{ $call->{responses} };
			my ($type, $answer) = %{ $call->{responses}{$status}{content} // {} };
			push @calls, {
				name => uc($method) . " $path", method => uc $method, path => $path, for => $call->{'x-for'} // 'administrator',
				is_outside => exists $self->{paths}{$path}{servers},
				parameters => [grep { $_->{name} } @{ $call->{parameters} }],
				is_collection => scalar(grep { $_->{'$ref'} } @{ $call->{parameters} }),
				media => $media, body => $body && $body->{schema}, status => $status, type => $type, answer => $answer && $answer->{schema},
			};
		}
	}
	return @calls;
}

sub encode {
	my ($text) = @_;
	utf8::encode($text) if utf8::is_utf8($text);
	return $text =~ s/([^A-Za-z0-9._~-])/sprintf '%%%02X', ord $1/ger;
}

# Path with its query, and body (undef: none), out of what choose gives for each: undef leaves out what may be left out.
sub fill {
	my ($self, $call, $choose) = @_;
	my ($path, @query) = ($call->{path});
	for my $parameter (@{ $call->{parameters} }) {
		my $value = $choose->($parameter->{name}, $parameter->{schema}, $parameter->{in}, $parameter->{required});
		next if !defined $value;
		if ($parameter->{in} eq 'path') {
			my $encoded = encode($value);
			$path =~ s/\{\Q$parameter->{name}\E\}/$encoded/;
		} else {
			push @query, encode($parameter->{name}) . '=' . encode($value);
		}
	}
	$path .= '?' . join '&', @query if @query;
	return ($path) if !$call->{body};
	return ($path, $choose->('text', $call->{body}, 'document', 1)) if $call->{body}{type} eq 'string';
	my %body;
	my %required = map { $_ => 1 } @{ $call->{body}{required} // [] };
	for my $name (sort keys %{ $call->{body}{properties} // {} }) {
		my $value = $choose->($name, $call->{body}{properties}{$name}, 'body', $required{$name});
		$body{$name} = $value if defined $value;
	}
	my $others = $call->{body}{additionalProperties} ? $choose->('*', $call->{body}, 'others', 0) : undef;
	return ($path, { %body, %{ $others // {} } });
}

# Make a call: status, and what came, decoded where it is JSON; the path for who tells of it. What was answered "again" is.
sub ask {
	my ($self, $who, $call, $choose, $query) = @_;
	my ($path, $body) = $self->fill($call, $choose);
	$path .= ($path =~ /\?/ ? '&' : '?') . $query if $query;
	my @content = !defined $body ? () : ref $body ? (JSON::PP->new->utf8->encode($body), 'Content-Type' => 'application/json')
		: (encode_utf8($body), 'Content-Type' => $call->{media});
	my ($status, $content);
	for (1 .. 2) {
		($status, $content) = $who->raw_at($call->{method}, ($call->{is_outside} ? '' : '/api/v1') . $path, @content);
		last if $status != 503 || $content !~ /"again"/;
	}
	return ($status, ($content // '') =~ /\A[\[{]/ ? eval { JSON::PP->new->utf8->decode($content) } : $content, $path);
}

my @TEXTS = ('', ' ', "a\nb: c", "\x{1F4A9}\x{202E}", '../../../etc/passwd', "'; DROP TABLE user; --", '%00', '*', '$office', '-1', '0', '1e99',
	'9' x 40, 'x' x 300, 'x' x 70000, '<script>', "a\tb", '/(a+)+$/', 'anna', 'team', '{{7*7}}', "\x{7f}", 'any', '::1', '10.0.0.0/8',
	"x\r\nSet-Cookie: a=b", 'text.*', 'true', '!', ',', '@', '@@', 'x@' . 'y.' x 200);
my @NUMBERS = (0, 1, 2, 65535, 65536, 2**31, 2**53, 9223372036854775807, -1);

sub hostile_value {
	my ($known, $name, $schema, $place) = @_;
	my $type = ref $schema->{type} ? $schema->{type}[rand @{ $schema->{type} }] : $schema->{type} // 'string';
	return undef if $place ne 'path' && rand() < 0.2;
	return length $known->{$name} && rand() < 0.6 ? $known->{$name} : substr($TEXTS[1 + rand $#TEXTS], 0, 3000) if $place eq 'path';
	return $TEXTS[rand @TEXTS] if $place eq 'query' && length(my $text = $TEXTS[rand @TEXTS]) < 3000 && rand() < 0.5;
	return substr $known->{$name} // $TEXTS[rand @TEXTS], 0, 3000 if $place eq 'query';
	return join ',', map { $TEXTS[rand @TEXTS] } 1 .. 5 if $place eq 'document';
	return { map { ((qw(comment enabled send.max-size name types server text every), @TEXTS)[rand 12] => hostile_value($known, '', {}, 'body')) } 1 .. 3 }
		if $place eq 'others';
	$type = (qw(string integer boolean array object null))[rand 6] if rand() < 0.2 || !$schema->{type};
	return $type eq 'integer' ? $NUMBERS[rand @NUMBERS] : $type eq 'boolean' ? (JSON::PP::true, JSON::PP::false)[rand 2]
		: $type eq 'array' ? [map { $TEXTS[rand @TEXTS] } 1 .. 3] : $type eq 'object' ? { $TEXTS[rand @TEXTS] => $TEXTS[rand @TEXTS] }
		: $type eq 'null' ? undef : $schema->{enum} && rand() < 0.7 ? $schema->{enum}[rand @{ $schema->{enum} }]
		: length $known->{$name} && rand() < 0.3 ? $known->{$name} : $TEXTS[rand @TEXTS];
}

# To choose values for fill. known: by their names, those that exist.
sub hostile {
	my ($self, %known) = @_;
	return sub { return hostile_value(\%known, @_) };
}

# What a collection takes beside its own.
sub hostile_page {
	my ($self, $call) = @_;
	return undef if !$call->{is_collection} || rand() < 0.3;
	my @columns = (keys %{ $call->{answer}{properties}{items}{items}{properties} }, 'x');
	my @names = ('limit', 'offset', 'sort', 'search', 'columns', 'format', map { "filter[$_]" } @columns);
	return join '&', map { my $name = $names[rand @names]; $name . '=' . encode(rand() < 0.5
		? $columns[rand @columns] : substr +($TEXTS[rand @TEXTS], '>1', '1..', '..', '5..7', '>9999999999999999999', '2026-02-30', '<0')[rand 8], 0, 500)
	} 1 .. 3;
}

sub kind_of {
	my ($value) = @_;
	return 'null' if !defined $value;
	return 'boolean' if JSON::PP::is_bool($value);
	return ref $value eq 'ARRAY' ? 'array' : 'object' if ref $value;
	return JSON::PP->new->allow_nonref->encode($value) =~ /\A-?[0-9]+\z/ ? 'integer' : 'string';
}

sub faults {
	my ($schema, $value, $where) = @_;
	my $kind = kind_of($value);
	my @types = ref $schema->{type} ? @{ $schema->{type} } : $schema->{type} // ();
	return "$where is no " . join('|', @types) . " but $kind" if @types && !grep { $_ eq $kind } @types;
	return "$where is none of its words" if $schema->{enum} && !grep { $_ eq $value } @{ $schema->{enum} };
	return map { faults($schema->{items} // {}, $value->[$_], "$where\[$_]") } 0 .. $#$value if $kind eq 'array';
	return () if $kind ne 'object';
	return (
		(map { "$where.$_ is missing" } grep { !exists $value->{$_} } @{ $schema->{required} // [] }),
		(map { faults($schema->{properties}{$_}, $value->{$_}, "$where.$_") }
			grep { exists $value->{$_} } keys %{ $schema->{properties} // {} }));
}

# What is not as the file says of an answer that went well.
sub check {
	my ($self, $call, $status, $value) = @_;
	return "status $status, not $call->{status}" if $status != $call->{status};
	return () if !$call->{answer} || $call->{type} ne 'application/json';
	return faults($call->{answer}, $value, 'answer');
}

1;

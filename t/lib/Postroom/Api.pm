package Postroom::Api;

=head1 NAME

Postroom::Api - the calls that doc/openapi.json describes, and whether answers are as it says

=head1 SYNOPSIS

    my $api = Postroom::Api->load;
    for my $call ($api->calls) {    # method, path, query and body schemas, answer
        my ($path, $body) = $api->fill($call, sub { my ($name, $schema, $place) = @_; ... });
        my @wrong = $api->check($call, $status, $value);
    }

=head1 DESCRIPTION

Of JSON Schema what the file uses: type, properties, required, items, enum, additionalProperties.

=cut

use strict;
use warnings;
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
		for my $method (sort keys %{ $self->{paths}{$path} }) {
			my $call = $self->{paths}{$path}{$method};
			my ($media, $body) = %{ $call->{requestBody}{content} // {} };
			my ($status) = grep { $_ ne 'default' } keys %{ $call->{responses} };
			my ($type, $answer) = %{ $call->{responses}{$status}{content} // {} };
			push @calls, {
				name => uc($method) . " $path", method => uc $method, path => $path,
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

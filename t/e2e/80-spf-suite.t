#!/usr/bin/perl
# The test suite of RFC 7208: all of its cases, with answers out of a table.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Mailauth;
use Postroom::Need qw(need_corpus);
use Test::More;

my $suite = need_corpus() . '/spf/rfc7208-tests.yml';
plan skip_all => "needs the test suite $suite" if !-f $suite;
plan skip_all => 'needs YAML::XS' if !eval { require YAML::XS };

# Records of the old type SPF stand for TXT where a name has none of those; "TXT: NONE" says that it shall have none.
sub zones {
	my ($data) = @_;
	my %zones;
	for my $name (keys %$data) {
		my @records = @{ $data->{$name} };
		my $has_text = grep { ref && exists $_->{TXT} } @records;
		for my $record (@records) {
			if (!ref $record) {
				push @{ $zones{$name} }, ['FAIL'];
				next;
			}
			my ($type, $value) = %$record;
			next if $type eq 'TXT' && !ref $value && $value eq 'NONE';
			if ($type eq 'SPF') {
				next if $has_text;
				$type = 'TXT';
			}
			$value = "@$value" if $type eq 'MX';
			push @{ $zones{$name} }, [$type, $value];
		}
	}
	return \%zones;
}

sub run_case {
	my ($mailauth, $name, $case) = @_;
	my ($local, $domain) = $case->{mailfrom} =~ /\A(.*)\@(.*)\z/s ? ($1, $2) : ('', '');
	my $outcome = $mailauth->ask('spf', ip => $case->{host}, helo => $case->{helo}, local => $local, domain => $domain);
	my @allowed = ref $case->{result} ? @{ $case->{result} } : $case->{result};
	ok scalar(grep { $_ eq $outcome->{result} } @allowed), "$name: @allowed"
		or diag "got $outcome->{result} ($outcome->{problem}), $case->{spec}";
	my $explanation = $case->{explanation} // return;
	$explanation = '' if $explanation eq 'DEFAULT';
	is lc $outcome->{explanation}, lc $explanation, "$name: explanation"; # of nibbles, either case is right
	return;
}

my $count = 0;
for my $part (YAML::XS::LoadFile($suite)) {
	subtest $part->{description} => sub {
		my $mailauth = Postroom::Mailauth->new(zones => zones($part->{zonedata}));
		for my $name (sort keys %{ $part->{tests} }) {
			run_case($mailauth, $name, $part->{tests}{$name});
			$count++;
		}
	};
}
cmp_ok $count, '>=', 200, "all cases were there: $count";
done_testing;

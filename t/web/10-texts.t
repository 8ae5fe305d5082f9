#!/usr/bin/perl
# The texts of the web pages: each that a page asks for is there in English, and no language has one that English lacks.
use strict;
use warnings;
use utf8;
use File::Find;
use Test::More;

sub texts_of {
	my ($language) = @_;
	open my $in, '<:encoding(UTF-8)', "webadmin/pages/lng/$language.lng" or die "$language.lng: $!\n";
	my %texts;
	while (<$in>) {
		next if /^(?:#|$)/;
		my ($key, $text) = /^([^=]+)=(.*)$/ or die "$language.lng:$.: neither a comment nor key=value\n";
		ok(!exists $texts{$key}, "$language.lng: $key stands once") if exists $texts{$key};
		$texts{$key} = $text;
	}
	return \%texts;
}

sub variables {
	my ($text) = @_;
	return join ' ', sort $text =~ /\{(\w+)\}/g;
}

my $english = texts_of('en');
my %asked;
find({ no_chdir => 1, wanted => sub {
	return if !/\.js$/;
	open my $in, '<:encoding(UTF-8)', $_ or die "$_: $!\n";
	local $/;
	my $code = <$in>;
	$asked{$_} = 1 for $code =~ /(?<![\w.])t\("([^"]+)"/g;
	$asked{"$_.other"} = 1 for $code =~ /(?<![\w.])tn\("([^"]+)"/g;
} }, 'webadmin/pages');
cmp_ok(scalar keys %asked, '>', 100, 'pages ask for texts');
is_deeply([grep { !exists $english->{$_} } sort keys %asked], [], 'English has each that pages ask for');

for my $language (qw(de fr es)) {
	my $texts = texts_of($language);
	cmp_ok(scalar keys %$texts, '>', 100, "$language: login and main views");
	is_deeply([grep { !exists $english->{$_} } sort keys %$texts], [], "$language: none that English lacks");
	is_deeply([grep { exists $english->{$_} && variables($texts->{$_}) ne variables($english->{$_}) } sort keys %$texts], [],
		"$language: the same variables in each");
}
done_testing;

package Postroom::Need;

=head1 NAME

Postroom::Need - say SKIP where a test lacks what it needs

=head1 SYNOPSIS

    use Postroom::Need qw(need_root need_program need_corpus);

    need_root();                        # the whole file is skipped for anybody else
    need_program('nsd', 'swaks');
    my $folder = need_corpus();         # $ENV{POSTROOM_CORPUS}, or ../shared/corpus

=cut

use strict;
use warnings;
use Exporter 'import';
use Test::More;

our @EXPORT_OK = qw(need_root need_program need_corpus find_program);

sub find_program {
	my ($name) = @_;
	for my $folder (split(/:/, $ENV{PATH} // ''), '/usr/sbin', '/sbin', '/usr/local/sbin') {
		return "$folder/$name" if -x "$folder/$name" && !-d _;
	}
	return;
}

sub need_root {
	plan(skip_all => 'needs root, for the real users') if $> != 0;
}

sub need_program {
	for my $name (@_) {
		plan(skip_all => "needs the program $name") if !find_program($name);
	}
}

sub need_corpus {
	my $folder = $ENV{POSTROOM_CORPUS} // '../shared/corpus';
	plan(skip_all => "needs the corpus of real mail in $folder") if !-d $folder;
	return $folder;
}

1;

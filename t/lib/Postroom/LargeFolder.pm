package Postroom::LargeFolder;

=head1 NAME

Postroom::LargeFolder - a Maildir of as many messages as one likes, always the same ones

=head1 SYNOPSIS

    write_maildir("$scratch/.large", 100_000);

=head1 DESCRIPTION

Messages of 150 words out of 2,100, of 977 people; a third is unread. The text of each holds C<n>NUMBERC<n>.

=cut

use strict;
use warnings;
use Exporter 'import';
use File::Path qw(make_path);
use Postroom::Process qw(write_file);

our @EXPORT_OK = qw(write_maildir);

my @WORDS = map { my $word = $_; map { "$word$_" } 1 .. 300 } qw(meeting invoice report garden window travel letter);

sub message {
	my ($number) = @_;
	my @words = map { $WORDS[($number * 7919 + $_ * 104729 + ($number * $_) % 613) % @WORDS] } 1 .. 150;
	return join "\n", 'From: "Person ' . $number % 977 . '" <person' . $number % 977 . '@example.test>',
		'To: anna@example.test', "Subject: $words[0] and $words[1]", "Message-ID: <$number\@large.test>",
		'Date: ' . (1 + $number % 28) . ' Oct 2025 10:00:00 +0000', 'MIME-Version: 1.0',
		'Content-Type: text/plain; charset=us-ascii', '', (map { join ' ', @words[10 * $_ .. 10 * $_ + 9] } 0 .. 14),
		"the number is n${number}n", '';
}

sub write_maildir {
	my ($folder, $count) = @_;
	make_path(map { "$folder/$_" } qw(cur new tmp));
	for my $number (1 .. $count) {
		my $text = message($number);
		write_file(sprintf('%s/cur/%d.M%dP1.host,S=%d:2,%s', $folder, 1_700_000_000 + $number, $number, length $text,
			$number % 3 ? 'S' : ''), $text);
	}
	return;
}

1;

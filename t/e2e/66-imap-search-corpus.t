#!/usr/bin/perl
# What SEARCH finds in real messages is the same with and without the full-text index.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Corpus qw(corpus_messages);
use Postroom::Test;
use Test::More;

my $folder = '../shared/corpus';
plan skip_all => 'no corpus' if !-d $folder;

my $p = Postroom::Test->start(users => { anna => 'secret' });
my $messages = corpus_messages($folder, every => 20);
my $imap = $p->imap;
$imap->login('anna', 'secret');
# None of the sessions indexes before it is asked to: the first rounds are looked into.
$p->postroom('set', 'imap.full-text-search', 'off');
my @names = sort keys %$messages;
$imap->append('INBOX', $messages->{$_}) for @names;
$imap->logout;

sub session {
	my $client = $p->imap;
	$client->login('anna', 'secret');
	$client->select('INBOX');
	return $client;
}

# Needles: pieces of the messages, from everywhere, and of any length; the same in each run.
srand 42;
my @keys;
my @fields = ('FROM', 'TO', 'SUBJECT', 'CC', 'BODY', 'TEXT', 'TEXT', 'BODY', 'HEADER Received', 'HEADER Message-ID');
while (@keys < 250) {
	my $text = $messages->{ $names[rand @names] };
	my $field = $fields[rand @fields];
	my ($name) = $field =~ /(\S+)\z/;
	my $source = $field =~ /\A(?:BODY|TEXT)\z/ ? $text : $text =~ /^\Q$name\E:[ \t]*(.+)/mi ? $1 : next;
	my $needle = substr $source, rand length $source, 1 + rand 30;
	next if $needle =~ /[^ -~]|["\\]/ || $needle eq '';
	push @keys, "$field \"$needle\"";
}

my $direct = session();
my %found = map { $_ => $direct->search("SEARCH $_") } @keys;
my $hits = grep { @{ $found{$_} } } @keys;
cmp_ok $hits, '>', 150, "$hits of " . @keys . ' needles are found';
$direct->logout;

$p->postroom('set', 'imap.full-text-search', 'on');
$p->postroom('mailbox', 'reindex', 'anna');
my $indexed = session();
my @other = grep { "@{ $indexed->search(qq(SEARCH $_)) }" ne "@{ $found{$_} }" } @keys;
is_deeply \@other, [], 'the index changes no result';


open my $log, '<', $p->log_path or die $p->log_path . ": $!";
is join('', grep { /search index/ } <$log>), '', 'and was used';

$p->stop;
done_testing;

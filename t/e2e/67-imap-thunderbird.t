#!/usr/bin/perl
# What a real Thunderbird said (t/clients/record-thunderbird), said again: each answer is right, and the mailbox afterwards.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Clients qw(fill_for_thunderbird remote_state);
use Postroom::Recorder;
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { anna => 'anna-secret' });
my $imap = $p->imap;
$imap->login('anna', 'anna-secret');
fill_for_thunderbird($imap);

my @lines = Postroom::Recorder::read_record('t/fixtures/thunderbird.record');
my $answers = Postroom::Recorder::replay(sub { $p->imap }, @lines);

# The first answer to a line like this.
sub answer_to {
	my ($pattern) = @_;
	my ($answer) = grep { $_->{line} =~ $pattern } @$answers;
	ok $answer, "it says $pattern" or return {};
	return $answer;
}

sub of_type {
	my ($answer, $type) = @_;
	return grep { $_->{type} eq $type } @{ $answer->{untagged} };
}

subtest 'every answer' => sub {
	cmp_ok scalar(@$answers), '>', 80, 'there are some';
	for my $one (@$answers) {
		my $answer = $one->{answer};
		ok $answer && ($answer->{tag} eq '+' || $answer->{type} eq 'OK'), "$one->{connection} $one->{line}"
			or diag $answer ? $answer->{raw} : 'the connection ended';
	}
};

subtest 'what the answers bring' => sub {
	is scalar(of_type(answer_to(qr/UID fetch 1:\* \(FLAGS\)/), 'FETCH')), 12, 'flags of all messages';
	is scalar(of_type(answer_to(qr/UID fetch 1:12 \(UID RFC822\.SIZE FLAGS BODY\.PEEK\[HEADER/), 'FETCH')), 12, 'their headers';
	my ($fetched) = of_type(answer_to(qr/UID fetch 1:12 \(UID RFC822\.SIZE BODY\.PEEK\[\]/), 'FETCH');
	is length $fetched->{items}{'BODY[]'}, $fetched->{items}{'RFC822.SIZE'}, 'a text is as long as was said';
	my %use = map { $_->{data}[2] => [grep { /\A\\(?:Drafts|Sent|Trash|Junk)\z/ } @{ $_->{data}[0] }] }
		of_type(answer_to(qr/list \(subscribed\) "" "\*" return/), 'LIST');
	is_deeply \%use, { INBOX => [], Work => [], 'Work/Bills' => [], Drafts => ['\\Drafts'], 'Sent Items' => ['\\Sent'],
		'Deleted Items' => ['\\Trash'] }, 'folders and their uses';
	ok +(grep { ($_->{code} // '') eq 'COPYUID' } map { $_->{answer}, @{ $_->{untagged} } } @$answers), 'COPYUID';
};

subtest 'the mailbox afterwards' => sub {
	my %inbox = map { ("mail $_" => $_ == 1 || $_ == 2 ? 'S' : $_ == 3 ? 'F' : '') } 1 .. 4, 7 .. 12;
	my %work = map { $_ => '' } 'work 1', 'work 2', 'work 3', 'mail 4', 'mail 5';
	is_deeply remote_state($imap), { INBOX => \%inbox, Work => \%work, 'Work/Bills' => {}, Drafts => {}, 'Sent Items' => {},
		'Deleted Items' => { 'mail 6' => '' }, 'Neu und sch&APY-n' => {} }, 'folders, messages and flags';
	$imap->select('INBOX');
	is_deeply $imap->search('UID SEARCH KEYWORD $label1'), [3], 'the tag';
};

$imap->logout;
$p->stop;
done_testing;

#!/usr/bin/perl
# How many FETCHes of a user may run at a time, across processes (05-services, IMAP limits).
use strict;
use warnings;
use lib 't/lib';
use Postroom::Test;
use Test::More;
use Time::HiRes qw(time);

my $p = Postroom::Test->start(users => { anna => 'secret', bert => 'secret' });
my $LIMIT = 5;
my $long = "Subject: long\r\n\r\n" . ('x' x 70 . "\r\n") x 150_000;

sub session {
	my ($user) = @_;
	my $imap = $p->imap;
	$imap->login($user, 'secret');
	$imap->select('INBOX');
	return $imap;
}

for my $user ('anna', 'bert') {
	my $imap = session($user);
	is $imap->append('INBOX', $long)->{type}, 'OK', "a long message for $user";
	$imap->append('INBOX', "Subject: short\r\n\r\n");
	$imap->logout;
}

# Ask for more than the buffers between hold, and do not read it.
my @busy = map { session('anna') } 1 .. $LIMIT;
my @tags = map { $_->start('FETCH 1 BODY.PEEK[]') } @busy;
for my $imap (@busy) {
	$imap->fill(10) or die 'no answer';
}

subtest '05-13.4 the sixth FETCH waits for 40 seconds, then NO' => sub {
	my $sixth = session('anna');
	my $begin = time;
	my $answer = $sixth->cmd('FETCH 1 BODY.PEEK[]');
	is $answer->{type}, 'NO', 'refused';
	like $answer->{raw}, qr/Too many current FETCHes active/, 'with the text';
	cmp_ok time - $begin, '>=', 39, 'after the wait';
	is $sixth->cmd('FETCH 2 BODY.PEEK[]')->{type}, 'OK', 'a short one needs no turn';
	is $sixth->cmd('NOOP')->{type}, 'OK', 'the connection stays';
};

subtest '05-13.4 it runs when another one ends' => sub {
	my $sixth = session('anna');
	my $tag = $sixth->start('FETCH 1 BODY.PEEK[]');
	ok !eval { $sixth->fill(1) }, 'it waits';
	is $busy[0]->wait($tags[0])->{type}, 'OK', 'another one ends';
	is $sixth->wait($tag)->{type}, 'OK', 'then it runs';
	is length(($sixth->untagged('FETCH'))[0]{items}{'BODY[]'}), length $long, 'to its end';
};

subtest 'other users are not held up' => sub {
	my $other = session('bert');
	is $other->cmd('FETCH 1 BODY.PEEK[]')->{type}, 'OK', 'bert fetches';
};

done_testing;

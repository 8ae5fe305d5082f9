#!/usr/bin/perl
# Messages that another session has expunged: who was not told yet may go on reading them (RFC 2180 4.1), for as long as
# the recycle bin has them, and is told at the first opportunity.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { anna => 'secret' });

sub session {
	my $imap = $p->imap;
	$imap->login('anna', 'secret');
	$imap->select('INBOX');
	return $imap;
}

sub fill {
	my ($imap, $count) = @_;
	$imap->append('INBOX', "Subject: $_\r\n\r\ntext $_\r\n", '\Answered') for 1 .. $count;
	$imap->cmd('NOOP');
	return;
}

sub expunge_all {
	my ($imap) = @_;
	$imap->cmd('STORE 1:* +FLAGS.SILENT (\Deleted)');
	$imap->cmd('EXPUNGE');
	ok $imap->is_ok, 'one session expunges';
	return;
}

subtest 'what is expunged is read by a session that was not told' => sub {
	my $one = session();
	fill($one, 3);
	my $other = session();
	expunge_all($one);
	my $fetched = $other->fetch('2', '(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY.PEEK[TEXT])');
	ok $other->is_ok, 'its envelope, size and text';
	is $fetched->{2}{'BODY[TEXT]'}, "text 2\r\n", 'as they were';
	is $fetched->{2}{'RFC822.SIZE'}, 22, 'its size';
	is $other->fetch('2', '(BODY.PEEK[TEXT])')->{2}{'BODY[TEXT]'}, "text 2\r\n", 'a second time';
	$p->wait_for(sub { glob $p->dir . '/state/mail/*/*/bin/1/0/3' }, 'the file goes to the bin when the session rests');
	is $other->fetch('3', '(BODY[TEXT])')->{3}{'BODY[TEXT]'}, "text 3\r\n", 'also when its file has moved';
	$other->cmd('NOOP');
	is scalar(() = $other->untagged('EXPUNGE')), 3, 'then it is told';
	$other->cmd('FETCH 1 (FLAGS)');
	is $other->last->{type}, 'BAD', 'and they are gone';
	$_->logout for $one, $other;
};

subtest '06-5.6 with 0 hours nothing of it is left' => sub {
	$p->set('mailbox.recycle-hours' => 0);
	my $one = session();
	fill($one, 2);
	my $other = session();
	expunge_all($one);
	$one->logout;
	my ($status, $out) = $p->postroom('mailbox', 'undelete', 'anna', '--since', '2020-01-01', '--list');
	like $out, qr/\b0 messages in existing/, 'nothing is offered';
	my $fetched = $other->fetch('1', '(BODY.PEEK[TEXT])');
	is_deeply $fetched, {}, 'nothing is read';
	ok $other->is_ok, 'which is no error' or diag $other->last->{raw};
	like $other->last->{raw}, qr/EXPUNGEISSUED/, 'and said';
	$other->logout;
	$p->postroom_ok('mailbox', 'verify', 'anna');
};

$p->stop;
done_testing;

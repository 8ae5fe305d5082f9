#!/usr/bin/perl
# What administrators do with a user's whole Inbox: copy it to the assistants, once, and empty it.
use strict;
use warnings;
use lib 't/lib';
use POSIX qw(strftime);
use Postroom::Delivered;
use Postroom::Test;
use Postroom::Webmail;
use Test::More;

my $p = Postroom::Test->start(users => { map { $_ => "$_-secret" } qw(kate joe mia bob) });
my $d = Postroom::Delivered->new($p);
my $domain = $p->domain;
my $admin = Postroom::Webmail->new($p, 'postmaster', $p->password);
my @marks;

sub imap {
	my ($user) = @_;
	my $imap = $p->imap;
	$imap->login($user, "$user-secret");
	return $imap;
}

# How many copies a user's folder has of each of the messages.
sub counts {
	my ($user, $folder) = @_;
	return join ' ', map { scalar(my @found = $d->find($user, $folder // 'INBOX', $_)) } @marks;
}

subtest 'what is in the Inbox is copied to assistants who are users, each message once' => sub {
	@marks = map { $d->send(to => ["kate\@$domain"], body => "number $_") } 1 .. 3;
	$d->arrives('kate', 'INBOX', $_) for @marks;
	my ($status, undef, $err) = $p->postroom(qw(user copy-inbox kate));
	is $status, 1, 'without an assistant it is refused';
	like $err, qr/no assistant/, 'with the reason';
	$p->postroom_ok('user', 'set', 'kate', 'assistant', "joe, kate, mia\@$domain, far\@elsewhere.test");
	is $p->postroom_ok(qw(user copy-inbox Kate)), "6 copied, 0 were copied before, to joe mia\@$domain\n", 'to both, not to herself';
	is counts($_), '1 1 1', "$_ has each once" for qw(joe mia kate);
	my ($copy, $original) = map { $d->find($_, 'INBOX', $marks[1]) } qw(joe kate);
	s/\A.*?(?=Return-Path)//s for $copy, $original;
	is $copy, $original, 'as it was';
	is_deeply $admin->ok(POST => '/users/kate/copy-inbox', {}), { copied => 0, known => 6, assistant => ['joe', "mia\@$domain"] },
		'the API says that nothing was to be done';
	is counts($_), '1 1 1', "$_ has each once" for qw(joe mia);
};

subtest 'what an assistant removed, or got as it came, does not come again; what is new does' => sub {
	my $imap = imap('joe');
	$imap->cmd('SELECT INBOX');
	$imap->cmd('STORE 1:* +FLAGS (\Deleted)');
	$imap->cmd('EXPUNGE');
	$p->postroom_ok('user', 'set', 'kate', 'assistant', 'joe, mia');
	push @marks, $d->send(to => ["kate\@$domain"]);
	$d->arrives($_, 'INBOX', $marks[-1]) for qw(kate joe mia);
	$p->postroom_ok('user', 'set', 'kate', 'assistant', 'joe, mia, bob');
	is $p->postroom_ok(qw(user copy-inbox kate)), "4 copied, 8 were copied before, to joe mia bob\n", 'a third assistant gets all';
	is counts('joe'), '0 0 0 1', 'the first has what he had';
	is counts($_), '1 1 1 1', "$_ has each once" for qw(mia bob);
};

subtest 'a crash between does not make it twice' => sub {
	$p->kill_daemon('deliver');
	$p->wait_for(sub { ($p->postroom(qw(user copy-inbox kate)))[0] == 0 }, 'it is there again', 20);
	is counts($_), '1 1 1 1', "$_ has each once" for qw(mia bob);
	$p->wait_log(qr/assistant of user uid=\d+ to INBOX of uid=\d+ as id=/);
};

subtest '02-2.3 the Inbox is emptied, nothing else is, and it can be brought back' => sub {
	my $imap = imap('mia');
	$imap->cmd('CREATE Archive');
	$imap->cmd('SELECT INBOX');
	$imap->cmd('COPY 1 Archive');
	my $since = strftime('%Y-%m-%d %H:%M:%S', localtime time - 1);
	is +($admin->call(DELETE => '/users/mia/inbox'))[0], 204, 'by the API';
	is counts('mia'), '0 0 0 0', 'nothing is left in the Inbox';
	is counts('mia', 'Archive'), '1 0 0 0', 'the other folder is as it was';
	is counts('bob'), '1 1 1 1', 'and so is everybody else';
	$p->postroom_ok(qw(mailbox undelete mia --since), $since);
	is counts('mia'), '1 1 1 1', 'all is back';
	is $p->postroom_ok(qw(user empty-inbox mia)), "4 messages went to the recycle bin\n", 'by the command line';
	is counts('mia'), '0 0 0 0', 'nothing is left';
	my ($status, undef, $err) = $p->postroom(qw(user empty-inbox nobody));
	is $status, 1, 'one who is no user';
	like $err, qr/no user nobody/, 'with the reason';
};

subtest 'only administrators may' => sub {
	my $kate = Postroom::Webmail->new($p, 'kate', 'kate-secret');
	for my $call ([DELETE => '/users/bob/inbox'], [POST => '/users/kate/copy-inbox', {}], [DELETE => '/users/kate/inbox']) {
		is +($kate->call(@$call))[0], 403, "$call->[0] $call->[1]";
	}
	is counts('bob'), '1 1 1 1', 'nothing went';
};

done_testing;

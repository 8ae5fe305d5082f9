#!/usr/bin/perl
# THREAD (RFC 5256) over what the store keeps of a folder: right after whatever happened to the folder, to what is kept, and
# to the index; and the part of it that webmail asks for.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Need qw(find_program);
use Postroom::Process qw(run_program);
use Postroom::Test;
use Test::More;

plan skip_all => 'needs the program sqlite3' if !find_program('sqlite3');

my $p = Postroom::Test->start(users => { anna => 'secret', bert => 'secret' });

sub client {
	my ($user, $folder) = @_;
	my $imap = $p->imap(literal_plus => 1);
	$imap->login($user, 'secret');
	$imap->select($folder // 'INBOX');
	return $imap;
}

sub ask {
	my ($imap, @pieces) = @_;
	$imap->cmd(@pieces);
	$imap->is_ok or die "$pieces[0]: " . $imap->last->{raw};
	return;
}

sub answer {
	my ($imap, @pieces) = @_;
	ask($imap, @pieces);
	my @lines = map { $_->{raw} =~ s/\r\n\z//r } grep { $_->{type} =~ /\A(?:ESEARCH|THREAD)\z/ } $imap->untagged;
	return join "\n", map { s/\(TAG "[^"]+"\)/(TAG)/r } @lines;
}

# A number below $below, always the same ones.
my $seed = 1;

sub chance {
	my ($below) = @_;
	$seed = ($seed * 1_103_515_245 + 12_345) % 2_147_483_648;
	return int($seed / 65_536) % $below;
}

my $last = 0;

# Messages that answer some of those before them, of few subjects.
sub message {
	my $id = ++$last;
	my @lines = ("Message-ID: <m$id\@x>", sprintf('Date: Wed, %d Jan 2020 10:%02d:00 +0000', 1 + chance(28), chance(60)),
		(chance(2) ? 'Re: ' : '') . 'topic ' . chance(12));
	$lines[2] = "Subject: $lines[2]";
	push @lines, 'References: ' . join ' ', map { '<m' . (1 + chance($id + 3)) . '@x>' } 0 .. chance(3) if $id > 1 && chance(3);
	push @lines, 'In-Reply-To: <m' . (1 + chance($id)) . '@x>' if !chance(4);
	return join '', map { "$_\r\n" } @lines, '', 'text';
}

sub add {
	my ($imap, $count) = @_;
	ask($imap, 'APPEND INBOX', map { (' ', \message()) } 1 .. $count) if $count > 0;
	return;
}

# What a folder of copies of all messages, of which nothing is kept, is answered by.
my $copies = 0;

sub like_new {
	my ($imap, $what) = @_;
	my $name = 'Copy' . ++$copies;
	ask($imap, "CREATE $name");
	ask($imap, "COPY 1:* $name");
	my $other = client('anna', $name);
	for my $algorithm ('REFERENCES', 'ORDEREDSUBJECT') {
		is answer($imap, "THREAD $algorithm UTF-8 ALL"), answer($other, "THREAD $algorithm UTF-8 ALL"), "$what: $algorithm";
	}
	ask($imap, "DELETE $name");
	return;
}

# Runs SQL in anna's index.
sub change_index {
	my ($sql) = @_;
	my ($uid) = $p->log =~ /user=anna uid=(\d+)/;
	my ($status, $out, $err) = run_program({ stdin => $sql }, 'sqlite3', glob $p->dir . "/state/mail/*/$uid/index.db");
	is $status, 0, "sqlite3: $err";
	return $out =~ s/\s+\z//r;
}

subtest 'a part of the threads, the newest first' => sub {
	my $imap = client('bert');
	is answer($imap, 'THREAD RETURN (PARTIAL 1:5) REFERENCES UTF-8 ALL'), '* ESEARCH (TAG) COUNT 0 THREAD (1:5 NIL)', 'of nothing';
	for my $fields (['a', ''], ['c', ''], ['d', '<x>'], ['e', '<x>'], ['b', '<a>'], ['f', '<a> <b>'], ['g', '<a>'], ['h', '']) {
		ask($imap, 'APPEND INBOX ', \"Message-ID: <$fields->[0]>\r\nReferences: $fields->[1]\r\nSubject: $fields->[0]\r\n\r\n");
	}
	is answer($imap, 'UID THREAD RETURN (PARTIAL 1:2) REFERENCES UTF-8 ALL'),
		'* ESEARCH (TAG) UID COUNT 4 THREAD (1:2 ((8 0) (1 0 5 1 6 2 7 1)))', 'two of four';
	is answer($imap, 'THREAD RETURN (PARTIAL 3:9 COUNT) REFERENCES UTF-8 ALL'),
		'* ESEARCH (TAG) COUNT 4 THREAD (3:9 ((3 0 4 0) (2 0)))', 'the others';
	is answer($imap, 'THREAD RETURN (PARTIAL 1:9) ORDEREDSUBJECT UTF-8 2:3'),
		'* ESEARCH (TAG) COUNT 2 THREAD (1:9 ((3 0) (2 0)))', 'of those that are found';
	for my $bad ('RETURN () REFERENCES', 'RETURN (ALL) REFERENCES', 'RETURN (PARTIAL -1:-5) REFERENCES', 'RETURN (PARTIAL 1:5)',
		'RETURN (PARTIAL 0:5) REFERENCES', 'RETURN (PARTIAL 1:5 SAVE) REFERENCES') {
		$imap->cmd("THREAD $bad UTF-8 ALL");
		is $imap->last->{type}, 'BAD', $bad;
	}
};

subtest 'messages come and go in two sessions' => sub {
	my @clients = (client('anna'), client('anna'));
	add($clients[0], 40);
	like_new($clients[1], 'at first');
	for my $round (1 .. 12) {
		my ($one, $other) = @clients[$round % 2, 1 - $round % 2];
		add($one, chance(30));
		ask($_, 'NOOP') for @clients;
		answer($other, 'THREAD REFERENCES UTF-8 ALL') if chance(2);
		my ($first) = (1 + chance(30));
		ask($one, "STORE $first," . ($first + 3) . ',' . ($first + 5 + chance(5)) . ' +FLAGS (\Deleted)');
		ask($one, 'EXPUNGE') if chance(3);
		ask($other, 'MOVE 2 INBOX') if chance(2);
		ask($_, 'NOOP') for @clients;
		like_new($other, "round $round");
	}
};

subtest 'nothing that is kept is believed beyond what it can tell' => sub {
	my $imap = client('anna');
	cmp_ok change_index('SELECT count(*) FROM block'), '>', 0, 'something is kept';
	is change_index('SELECT count(*) FROM block WHERE folder NOT IN (SELECT id FROM folder)'), 0, 'nothing of folders that went';
	my %damage = (
		'gone' => 'DELETE FROM block;',
		'cut short' => 'UPDATE block SET value = substr(value, 1, length(value) / 2 + 3);',
		'noise' => 'UPDATE block SET value = randomblob(5000);',
		'of another version' => q{UPDATE block SET value = CAST('TR' || char(9) AS BLOB) || value;},
		'a gap' => 'UPDATE block SET first = 5;',
		'of few messages' => 'UPDATE block SET last = 7;',
	);
	for my $what (sort keys %damage) {
		change_index($damage{$what});
		like_new(client('anna'), $what);
		like_new($imap, "$what, once more");
	}
};

subtest 'a folder that was emptied and filled again' => sub {
	my $imap = client('anna');
	add($imap, 600);
	like_new($imap, 'more than a block');
	ask($imap, 'STORE 1:560 +FLAGS (\Deleted)');
	ask($imap, 'EXPUNGE');
	add($imap, 5);
	like_new($imap, 'few are left');
	ask($imap, 'STORE 1:* +FLAGS (\Deleted)');
	ask($imap, 'EXPUNGE');
	is answer($imap, 'THREAD REFERENCES UTF-8 ALL'), '* THREAD', 'nothing';
	add($imap, 3);
	like_new($imap, 'some again');
};

subtest 'the index is lost and made again' => sub {
	my $imap = client('anna');
	my $before = answer($imap, 'THREAD REFERENCES UTF-8 ALL');
	ask($imap, 'LOGOUT');
	$p->stop_running;
	unlink glob $p->dir . '/state/mail/*/*/index.db*';
	$p->postroom_ok(qw(repair anna));
	$p->run;
	$imap = client('anna');
	is answer($imap, 'THREAD REFERENCES UTF-8 ALL'), $before, 'as before';
	like_new($imap, 'after the repair');
};

$p->stop;
done_testing;

#!/usr/bin/perl
# What becomes of mail to other servers while it waits: held on a timer, deleted, chosen by an administrator; and what
# is shown of it afterwards.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Outgoing;
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;
use Time::HiRes qw(time);

my $p = Postroom::Test->start(
	users => { anna => 'anna-secret', bert => 'bert-secret' },
	set   => { 'sender.retry' => '600,1800' },
);
my $domain = $p->domain;
my $out = Postroom::Outgoing->new($p);
my $first = Postroom::SmtpServer->start;
$p->postroom_ok(qw(sender set default --method relay --encryption none --servers), $first->address);

subtest '02-13.3 07-8.4 07-8.5 held on a timer, deleted unsent' => sub {
	$p->set('outgoing.hold' => 600);
	my $count = () = $first->messages;
	my $id = $out->submit('timer@x.test');
	my $message = $out->wait_state($id, 'held on a timer');
	cmp_ok abs($message->{held_until} - time - 600), '<', 20, 'for ten minutes';
	$out->later(9);
	is $out->waiting($id)->{state}, 'held on a timer', 'after nine minutes still';
	$out->later(1);
	$out->wait_gone($id);
	is scalar(my @sent = $first->messages), $count + 1, 'then it is sent';
	$id = $out->submit('timer@x.test');
	$out->wait_state($id, 'held on a timer');
	is_deeply [$p->postroom('queue', 'release', $id)], [0, "1 message\n", ''], 'released by hand';
	$out->wait_gone($id);
	$p->set('outgoing.delete-after' => 60);
	$id = $out->submit('never@x.test', subject => 'never');
	$out->wait_state($id, 'held on a timer');
	my $held = $out->submit('never@x.test');
	$out->wait_state($held, 'held on a timer');
	$p->postroom_ok('queue', 'hold', $held);
	$out->later(2);
	$out->wait_gone($_) for $id, $held;
	is scalar(grep { /is deleted/ && /never\@x\.test/ } $out->wait_mails('anna', 2)), 2, 'their sender is told';
	is scalar(@sent = $first->messages), $count + 2, 'neither was sent';
	$p->postroom_ok('unset', $_) for 'outgoing.hold', 'outgoing.delete-after';
	$p->postroom_ok('user', 'set', 'bert', 'send.hold', 600);
	$id = $out->submit('user@x.test', user => 'bert', from => "bert\@$domain");
	$out->wait_state($id, 'held on a timer');
	$p->postroom_ok('queue', 'delete', $id);
	$out->wait_gone($id);
};

subtest '02-17.3 02-17.4 02-17.5 bulk actions with a selection' => sub {
	$out->continuous('default', 'off');
	my %id = map { $_ => $out->submit('a@x.test', subject => $_) } 'iNvOiCe 1', 'Invoice', 'invoice', 'other';
	$out->wait_state($_, 'waiting') for values %id;
	my $listed = sub { return [sort map { my $id = $_->{id}; grep { $id{$_} eq $id } keys %id } @{ $p->postroom_json('queue', 'list', @_) }] };
	is_deeply $listed->('--subject', 'invoice'), ['Invoice', 'iNvOiCe 1', 'invoice'], 'any part, any case';
	is_deeply $listed->('--subject', '/invoice/'), ['invoice'], 'a regular expression with its case';
	is_deeply $listed->('--subject', '/^invoice$/i'), ['Invoice', 'invoice'], 'or without';
	is_deeply $listed->('--subject', '/^invoice$/'), ['invoice'], 'exactly';
	my ($status, undef, $error) = $p->postroom('queue', 'delete', '--subject', '/(/');
	is $status, 1, 'a bad expression is refused';
	is scalar @{ $p->queue }, 4, 'and nothing deleted';
	is +($p->postroom('queue', 'delete', '--all', '--subject', 'x'))[0], 2, 'all, or a selection';
	is_deeply [$p->postroom('queue', 'hold', '--subject', 'other')], [0, "1 message\n", ''], 'hold some';
	is_deeply $listed->('--held'), ['other'], 'held ones';
	is_deeply [$p->postroom('queue', 'delete', '--not-held')], [0, "3 messages\n", ''], 'delete the rest';
	$out->wait_gone($id{invoice});
	is_deeply $listed->(), ['other'], 'the held one is there';
	is_deeply $listed->('--size', '0-1', '--to', 'a@x', '--from', 'anna', '--ip', '127.0.0.1'), ['other'], 'all that is chosen holds';
	is_deeply $listed->('--user', 'bert'), [], 'or not';
	is_deeply [$p->postroom('queue', 'release', '--held')], [0, "1 message\n", ''], 'release held ones';
	$p->postroom_ok('queue', 'delete', '--all');

	$first->set_reply(RCPT => ['250 ok', '451 4.2.1 later']);
	my $four = $out->submit(['good@x.test', map { "bad$_\@x.test" } 1 .. 3]);
	$out->run_pass('default');
	$out->wait_attempts($four, 1);
	is_deeply [$p->postroom('queue', 'retry', '--subject', 'test')], [0, "3 recipients\n", ''], 'retry counts recipients';
	$first->set_reply(RCPT => '250 ok');
	$out->wait_state($four, 'waiting');
	my $count = () = $first->messages;
	$out->run_pass('default');
	is_deeply [sort @{ ($first->wait_messages($count + 1))[$count]{to} }], [map { "bad$_\@x.test" } 1 .. 3], 'who has it gets no second';
	$out->wait_gone($four);
};

subtest '02-17.7 what was sent is shown for some days' => sub {
	my $id = $out->submit('shown@x.test');
	$out->run_pass('default');
	$out->wait_gone($id);
	my $shown = sub { return grep { $_->{id} eq $id } @{ $p->postroom_json('queue', 'sent') } };
	my $past;
	$p->wait_for(sub { return ($past) = $shown->() }, 'it is among what was sent', 10);
	is $past->{recipients}[0]{address}, 'shown@x.test', 'to whom';
	is $past->{recipients}[0]{state}, 'done', 'with success';
	like $p->postroom_ok('queue', 'sent'), qr/^\Q$id\E .*\n +shown\@x\.test sent: 250/m, 'as a table';
	my $age = sub { $out->change_database('UPDATE past SET ended = ' . int(time - $_[0] * 3600)) };
	$age->(1);
	is scalar(my @one = $shown->()), 1, 'an hour later';
	$age->(96);
	is scalar(my @none = $shown->()), 0, 'not after four days';
};

$p->stop;
done_testing;

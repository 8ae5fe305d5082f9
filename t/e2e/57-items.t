#!/usr/bin/perl
# Lists of users on the command line: message rules made, shown, moved, refused, written to text and back.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Process qw(write_file);
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { anna => 'anna-secret' });

sub refused {
	my ($pattern, @arguments) = @_;
	my ($status, undef, $err) = $p->postroom(@arguments);
	is $status, 1, 'refused';
	return like $err, $pattern, 'with the reason';
}

sub names {
	return join ' ', map { $_->{name} } @{ $p->postroom_json('user', 'rule', 'list', 'anna') };
}

subtest 'add, show, set, move, delete' => sub {
	$p->postroom_ok('user', 'rule', 'add', 'anna', '--name', 'two', '--condition', 'Subject contains x', '--action', 'stop');
	$p->postroom_ok('user', 'rule', 'add', 'anna', '--name', 'one', '--at', 1, '--types', 'local', '--match', 'any',
		'--condition', 'Subject = a', '--condition', 'Size > 5', '--action', 'copy A B', '--action', 'FLAG');
	is names(), 'one two', 'in their order';
	my $out = $p->postroom_ok('user', 'rule', 'show', 'anna', 'one');
	like $out, qr/^types = local\nmatch = any\ncondition = Subject equals a\ncondition = Size greater 5\naction = copy A B\naction = flag 1$/m,
		'the normal form';
	$p->postroom_ok('user', 'rule', 'set', 'anna', 2, '--action', 'move C');
	like $p->postroom_ok('user', 'rule', 'show', 'anna', 2), qr/^condition = Subject contains x\naction = move C$/m, 'the rest stays';
	$p->postroom_ok('user', 'rule', 'move', 'anna', 'two', 1);
	is names(), 'two one', 'moved';
	my $text = $p->postroom_ok('export');
	$p->postroom_ok('user', 'rule', 'delete', 'anna', 1);
	is names(), 'one', 'deleted';
	my $file = $p->dir . '/settings.txt';
	write_file($file, $text);
	like $p->postroom_ok('import', $file), qr/has the 2 message rules/, 'imported';
	is names(), 'two one', 'all is back';
	is $p->postroom_ok('export'), $text, 'and the same';
	like $p->postroom_ok('import', $file), qr{\A0 changes$}, 'a second time nothing changes';
};

subtest '02-11.6 what cannot run is refused when it is saved' => sub {
	refused(qr/message rule 3: condition 1: .*(position|offset|at) /i, 'user', 'rule', 'add', 'anna', '--condition', 'Subject regex /(/',
		'--action', 'stop');
	refused(qr/message rule 3: action: a rule needs one/, 'user', 'rule', 'add', 'anna', '--condition', 'Size > 1');
	refused(qr/message rule 3: name: at most/, 'user', 'rule', 'add', 'anna', '--name', 'n' x 200, '--action', 'stop');
	refused(qr/there is no user "nobody"/, 'user', 'rule', 'add', 'nobody', '--action', 'stop');
	refused(qr/there is no message rule "7"; anna has 2/, 'user', 'rule', 'delete', 'anna', 7);
	is names(), 'two one', 'and nothing has changed';
};

subtest 'lists go with their user' => sub {
	$p->add_user('bob', 'bob-secret');
	$p->postroom_ok('user', 'rule', 'add', 'bob', '--name', 'his', '--action', 'stop');
	$p->postroom_ok('user', 'delete', 'bob', '--yes');
	unlike $p->postroom_ok('export'), qr/name = his/, 'nothing of it is left';
};

$p->stop;
done_testing;

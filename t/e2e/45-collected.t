#!/usr/bin/perl
# Whom users write to, remembered for completing addresses (05, SMTP advanced), and contacts by the command line.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Process qw(run_program write_file);
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { map { $_ => "$_-secret" } qw(anna bert) }, set => { 'sender.mx-port' => 1 });
$p->relay('127.0.0.9');

# Send as a user, or as nobody in particular; dies where it is not taken.
sub send_as {
	my ($user, @to) = @_;
	my $smtp = $p->smtp(local => $user ? '127.0.0.1' : '127.0.0.9');
	$smtp->ehlo;
	$smtp->auth('PLAIN', $user, "$user-secret") if $user;
	my $reply = $smtp->send_message('anna@example.test', \@to, "Subject: x\n\nx\n");
	die "$reply\n" if $reply !~ /\A250/;
	$smtp->quit;
	return;
}

sub collected {
	my ($user, @options) = @_;
	return [map { "$_->{address} $_->{messages}" } @{ $p->postroom_json('collected', 'list', $user, @options) }];
}

send_as('anna', 'before@remote.test');
is_deeply collected('anna'), [], 'off at first';

$p->set('smtp.collect-recipients' => 'on');
send_as('anna', 'kate@remote.test', 'bert@example.test');
send_as('anna', 'Kate@remote.test');
send_as('bert', 'anna@example.test');
send_as('', 'paul@remote.test');
is_deeply [sort @{ collected('anna') }], ['bert@example.test 1', 'kate@remote.test 2'], 'by user, counted, whatever the letters';
is_deeply collected('bert'), ['anna@example.test 1'], 'the other user has his own';
is collected('anna')->[0], 'kate@remote.test 2', 'the latest first';
is_deeply collected('anna', '--filter', '*@example.test'), ['bert@example.test 1'], 'looked for';

send_as('anna', map { "m$_\@remote.test" } 1 .. 101);
is scalar(@{ collected('anna') }), 2, 'a message to a hundred and one is a list';

$p->postroom_ok(qw(collected delete anna KATE@remote.test));
is_deeply collected('anna'), ['bert@example.test 1'], 'one is forgotten';
is +($p->postroom(qw(collected delete anna kate@remote.test)))[0], 1, 'who is not there cannot be';
is +($p->postroom(qw(collected list nobody)))[0], 1, 'nor is there anything of nobody';

$p->postroom_ok('user', 'set', 'bert', 'protocols', 'smtp,imap');
send_as('bert', 'new@remote.test');
is_deeply collected('bert'), ['anna@example.test 1'], 'no more of who may not use the web';
$p->set('smtp.collect-web-only' => 'off');
send_as('bert', 'new@remote.test');
is_deeply [sort @{ collected('bert') }], ['anna@example.test 1', 'new@remote.test 1'], 'unless that does not count';

subtest 'a script decides' => sub {
	my $file = $p->dir . '/etc/scripts/smtpsvr.lua';
	write_file($file, "function DoRCPTTO(to) AddUserAddresses = AuthUser == 'bert' end\n");
	chmod 0644, $file;
	send_as('anna', 'no@remote.test');
	is_deeply collected('anna'), ['bert@example.test 1'], 'against the setting';
	$p->set('smtp.collect-recipients' => 'off');
	send_as('bert', 'yes@remote.test');
	is scalar(grep { /\Ayes\@/ } @{ collected('bert') }), 1, 'either way';
	$p->script('smtpsvr');
};

$p->postroom_ok(qw(collected purge --unused-days 1));
is scalar(@{ collected('bert') }), 3, 'what is young stays';
$p->postroom_ok(qw(collected purge --unused-days 0 --user bert));
is_deeply [collected('bert'), collected('anna')], [[], ['bert@example.test 1']], 'all of one user';
$p->postroom_ok(qw(collected purge --unused-days 0));
is_deeply collected('anna'), [], 'all';
is +($p->postroom(qw(collected purge --unused-days x)))[0], 1, 'no number of days';

# A file of vCards.
sub cards {
	my $file = $p->dir . '/contacts.vcf';
	write_file($file, join '', map { "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:$_->[0]\r\nEMAIL:$_->[1]\r\nEND:VCARD\r\n" } @_);
	return $file;
}

sub contacts {
	my ($book, @options) = @_;
	return join ' ', map { "$_->{name} @{ $_->{addresses} }" } @{ $p->postroom_json('contact', 'list', $book, @options) };
}

subtest 'contacts of users, and everybody\'s' => sub {
	$p->postroom_ok('contact', 'add', 'anna', cards(['Zoe', 'zoe@x.test'], ['Carl', 'carl@x.test']));
	$p->postroom_ok('contact', 'add', 'bert', cards(['Only', 'only@bert.test']));
	$p->postroom_ok('contact', 'add', '--everybody', cards(['Office', 'office@x.test']));
	is contacts('anna'), 'Carl carl@x.test Zoe zoe@x.test', 'by name';
	is contacts('anna', '--filter', 'ZOE'), 'Zoe zoe@x.test', 'some of them';
	is contacts('--everybody'), 'Office office@x.test', 'a book apart';
	my ($carl) = grep { $_->{name} eq 'Carl' } @{ $p->postroom_json(qw(contact list anna)) };
	$p->postroom_ok('contact', 'set', 'anna', $carl->{id}, cards(['Karl', 'karl@x.test']));
	is contacts('anna'), 'Karl karl@x.test Zoe zoe@x.test', 'changed';
	is +($p->postroom('contact', 'set', 'anna', $carl->{id}, cards(['A', 'a@x.test'], ['B', 'b@x.test'])))[0], 1, 'by one alone';
	is +($p->postroom('contact', 'delete', 'bert', $carl->{id}))[0], 1, 'not in another book';
	like $p->postroom_ok(qw(contact export anna)), qr/FN:Karl.*FN:Zoe/s, 'as vCards';
	$p->postroom_ok('contact', 'delete', 'anna', $carl->{id});
	is contacts('anna'), 'Zoe zoe@x.test', 'deleted';
	is +($p->postroom('contact', 'add', 'anna', cards()))[0], 1, 'a file without any';
	is +($p->postroom(qw(contact list nobody)))[0], 1, 'nobody\'s';
};

subtest 'who is deleted leaves no contacts' => sub {
	$p->postroom_ok(qw(user delete bert --yes));
	is_deeply [$p->stop_running], [], 'stopped';
	$p->run;
	is contacts('anna'), 'Zoe zoe@x.test', 'others keep theirs';
	is contacts('--everybody'), 'Office office@x.test', 'and everybody his';
	my ($status, $out) = run_program({}, 'sqlite3', $p->dir . '/state/policy/policy.db', 'SELECT name FROM contact ORDER BY name');
	is $out, "Office\nZoe\n", 'and nothing is left of his';
};

$p->stop;
done_testing;

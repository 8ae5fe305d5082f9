#!/usr/bin/perl
# Whom users write to, remembered for completing addresses (05, SMTP advanced).
use strict;
use warnings;
use lib 't/lib';
use Postroom::Process qw(write_file);
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

$p->stop;
done_testing;

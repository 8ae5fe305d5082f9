#!/usr/bin/perl
# outmessage.lua: what is asked about each message that enters the outgoing queue, and what it may change.
use strict;
use warnings;
use lib 't/lib';
use POSIX qw(strftime);
use Postroom::Outgoing;
use Postroom::Process qw(read_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;
use Time::HiRes qw(time);

my $p = Postroom::Test->start(users => { anna => 'anna-secret' }, set => { 'sender.retry' => '600' });
my $domain = $p->domain;
my $out = Postroom::Outgoing->new($p);
my $server = Postroom::SmtpServer->start;
$p->postroom_ok(qw(sender set default --method relay --encryption none --servers), $server->address);
$p->postroom_ok('sender', 'set', 'default', 'threads', 1);

sub lua { $p->script('outmessage', $_[0]); return }
sub errors { return read_file($p->dir . '/log/luaerrors.log') // '' }

subtest '09-5.6 NewMessage: what the function is given' => sub {
	$p->set('outgoing.hold' => 300, 'outgoing.delete-after' => 7200);
	$p->postroom_ok('user', 'set', 'anna', 'send.priority', 3);
	lua(<<'LUA');
function NewMessage(user, from, created, subject, ip, size, priority, headers, message, hold, delete)
	local lines = 0
	for _, line in ipairs(headers) do if line:match('^X%-Test: some$') then lines = lines + 1 end end
	print('asked: ' .. table.concat({user, from, created, subject, ip, tostring(size == #message), priority, lines,
		message:match('\r\n\r\n(%w+)'), 
		tostring(hold > 290 and hold <= 300), tostring(delete > 7190 and delete <= 7200)}, ' '))
end
LUA
	my $before = strftime('%Y%m%d%H%M', localtime);
	my $id = $out->submit('x@x.test', user => 'anna', text => "Subject: =?utf-8?q?caf=C3=A9?=\nX-Test: some\n\nbody\n");
	my $waiting = $out->wait_state($id, 'held on a timer');
	cmp_ok abs($waiting->{held_until} - time - 300), '<', 20, 'nothing returned: as the settings say';
	is $waiting->{priority}, 3, '... and the user';
	$p->wait_for(sub { errors() =~ /asked:/ }, 'it was called');
	like errors(), qr/asked: anna anna\@\Q$domain\E \d{14} caf\xc3\xa9 127\.0\.0\.1 true 3 1 body true true$/m, 'all of it';
	my ($created) = errors() =~ /asked: \S+ \S+ (\d{12})/;
	cmp_ok $created, '>=', $before, 'the time is local time';
	$p->postroom_ok('queue', 'delete', $id);
	$out->wait_gone($id);
	is scalar(() = errors() =~ /asked:/g), 1, 'once a message';
	$p->postroom_ok('unset', $_) for 'outgoing.hold', 'outgoing.delete-after';
};

subtest '09-5.6 NewMessage: held, held on a timer, deleted unsent, in another order' => sub {
	lua(<<'LUA');
function NewMessage(user, from, created, subject)
	if subject == 'hold' then return {Hold = 'hold'} end
	if subject == 'not' then return {Hold = ''} end
	if subject == 'seconds' then return {HoldUntil = 1200 / 2} end
	if subject == 'until' then return {HoldUntil = '20991231235959'} end
	if subject == 'iso' then return {HoldUntil = '2099-12-31 23:59:59'} end
	if subject == 'delete' then return {HoldUntil = 600, DeleteAfter = 60} end
	if subject == 'keep' then return {HoldUntil = 600, DeleteAfter = 'none'} end
	if subject == 'bad' then return {Priority = 77, HoldUntil = 'soon', DeleteAfter = '2099-99-99'} end
	return {Priority = tonumber(subject)}
end
LUA
	my $held = $out->submit('x@x.test', subject => 'hold');
	$out->wait_state($held, 'held');
	my %id = map { $_ => $out->submit('x@x.test', subject => $_) } qw(seconds until iso delete);
	my %until = map { $_ => $out->wait_state($id{$_}, 'held on a timer')->{held_until} } keys %id;
	cmp_ok abs($until{seconds} - time - 600), '<', 20, 'for seconds';
	is strftime('%Y%m%d%H%M', localtime($until{$_} + 30)), '210001010000', "until a date: $_" for qw(until iso);
	my $sent = $out->submit('x@x.test', subject => 'not');
	$out->wait_gone($sent);
	my $bad = $out->submit('x@x.test', subject => 'bad');
	$out->wait_gone($bad);
	$p->wait_for(sub { errors() =~ /DeleteAfter/ }, 'what is wrong is told');
	like errors(), qr/outmessage\.lua.*NewMessage.*$_/, $_ for 'Priority is not from 1 to 9', 'HoldUntil is no time', 'DeleteAfter is no time';
	$p->set('outgoing.delete-after' => 60);
	my $kept = $out->submit('x@x.test', subject => 'keep');
	$out->wait_state($kept, 'held on a timer');
	$p->postroom_ok('unset', 'outgoing.delete-after');
	$out->later(2);
	$out->wait_gone($id{delete});
	is $out->waiting($_)->{state}, 'held on a timer', 'the others are there' for $id{seconds}, $kept;
	is $out->waiting($held)->{state}, 'held', 'the held one, too, over a restart';
	$p->postroom_ok('queue', 'release', '--all');
	$out->wait_gone($_) for $held, $kept, $id{seconds};

	$out->continuous('default', 'off');
	my $before = () = $server->messages;
	my @order = map { $out->submit('x@x.test', subject => $_) } 8, 2, 5;
	$p->wait_for(sub { !grep { $_->{state} ne 'waiting' || $_->{priority} == 0 } @{ $p->queue } }, 'all were asked about');
	$out->run_pass('default');
	is_deeply [map { $_->{data} =~ /^Subject: (\d)/m } splice @{ [$server->messages] }, $before], [2, 5, 8], 'small numbers first';
	$out->continuous('default', 'on');
};

subtest '09-5.7 a script that fails changes nothing, and a message is asked about before it leaves, whatever ends' => sub {
	my $before = () = $server->messages;
	lua("function NewMessage() error('broken') end\n");
	$out->wait_gone($out->submit('x@x.test'));
	is scalar(my @sent = $server->messages), $before + 1, 'it is sent';
	$p->wait_for(sub { errors() =~ /broken/ }, 'with a word in luaerrors.log');
	lua("function NewMessage() while true do end end\n");
	my $id = $out->submit('x@x.test');
	$p->wait_for(sub { $out->waiting($id) && $out->waiting($id)->{state} eq 'active' }, 'it is being asked about');
	lua("function NewMessage() return {Hold = 'hold'} end\n");
	$p->kill_daemon('queue-manager');
	$out->wait_state($id, 'held');
	is scalar(@sent = $server->messages), $before + 1, 'killed meanwhile: it is asked again, and not sent';
};

$p->finish;
done_testing;

#!/usr/bin/perl
# Connections, senders, collectors and the schedule as objects: made, changed, shown, exported, imported, refused.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Process qw(read_file);
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { anna => 'anna-secret' });

sub refused {
	my ($why, @command) = @_;
	my ($status, undef, $err) = $p->postroom({}, @command);
	is $status, 1, "refused: @command";
	like $err, $why, 'says why';
	return;
}

sub names { my ($kind) = @_; return [ map { $_->{name} } @{ $p->postroom_json($kind, 'list') } ] }

sub value {
	my ($kind, $name, $key) = @_;
	my ($row) = grep { $_->{key} eq $key } @{ $p->postroom_json($kind, 'show', $name) };
	return $row && $row->{value};
}

subtest 'what init makes' => sub {
	my ($connection) = @{ $p->postroom_json('connection', 'list') };
	is $connection->{name}, 'default', 'a connection of the name of its sender';
	ok $connection->{default} && $connection->{continuous}, 'the default one, always there';
	is $connection->{sender}, 'direct', 'with its sender';
};

subtest '04-1.1 01-11.1 the eleventh connection is refused with an explanation' => sub {
	$p->postroom_ok('connection', 'add', "c$_") for 1 .. 9;
	refused(qr/there are 10 connections already, and there can be no more/, 'connection', 'add', 'c10');
	refused(qr/there are 10 connections already/, 'sender', 'add', 'c10');
	$p->postroom_ok('connection', 'delete', "c$_") for 3 .. 9;
	is_deeply names('connection'), [qw(default c1 c2)], 'deleted again';
	is value('connection', 'c1', 'default'), 'off', 'only the first is a default connection';
	is value('connection', 'c1', 'continuous'), 'off', 'and one without a sender is not continuous';
};

subtest 'settings of connections' => sub {
	$p->postroom_ok('connection', 'set', 'c1', 'connect-command', '/bin/true x', 'fallback', 'c2');
	is value('connection', 'c1', 'fallback'), 'c2', 'set';
	refused(qr/there is no connection "c9"/, 'connection', 'set', 'c1', 'fallback', 'c9');
	refused(qr/cannot be its own/, 'connection', 'set', 'c1', 'fallback', 'C1');
	refused(qr/connect-command.*path of a program/, 'connection', 'set', 'c1', 'connect-command', 'up now');
	refused(qr/there is no setting of connections "frob"/, 'connection', 'set', 'c1', 'frob', '1');
	refused(qr/there is no connection "x"/, 'connection', 'show', 'x');
	refused(qr/letters, digits/, 'connection', 'add', '@default');
	$p->postroom_ok('connection', 'unset', 'c1', 'connect-command');
	is value('connection', 'c1', 'connect-command'), '', 'unset';
};

subtest '04-1.3 renaming a connection shows the new name at its sender' => sub {
	$p->postroom_ok('sender', 'add', 'c1', '--method', 'relay', '--servers', 'mail.isp.test');
	is value('connection', 'c1', 'continuous'), 'off', 'a sender for a connection that there is leaves that as it is';
	$p->postroom_ok('schedule', 'add', '--name', 'often', '--connections', '@default,c1', '--every', '5');
	$p->postroom_ok('connection', 'set', 'c2', 'fallback', 'c1');
	$p->postroom_ok('connection', 'rename', 'c1', 'office');
	ok grep({ $_->{name} eq 'office' && $_->{servers} eq 'mail.isp.test' } @{ $p->postroom_json('sender', 'list') }), 'the sender';
	is value('connection', 'c2', 'fallback'), 'office', 'the fallback of another';
	is $p->postroom_json('schedule', 'list')->[0]{connections}, '@default,office', 'the schedule';
	refused(qr/exists already/, 'sender', 'rename', 'office', 'C2');
	$p->postroom_ok('sender', 'rename', 'office', 'Office');
	is_deeply names('connection'), [qw(default Office c2)], 'and the other way round';
	ok $p->wait_log(qr/connection office renamed to Office/), 'in the log';
};

subtest '04-1.2 01-11.4 a collector belongs to one connection at least' => sub {
	my $out = $p->postroom_ok({ stdin => "pop-Pw\n" }, 'collector', 'add', 'isp', '--password-stdin', 'pop3.server', 'pop.isp.test',
		'pop3.username', 'me');
	is value('collector', 'isp', 'connections'), 'default,Office,c2', 'all at first';
	refused(qr/must belong to a connection/, 'collector', 'set', 'isp', 'connections', '');
	refused(qr/must belong to a connection/, 'collector', 'add', 'none', '--connections', '');
	refused(qr/there is no connection "x"/, 'collector', 'set', 'isp', '--connections', 'x');
	$p->postroom_ok('collector', 'set', 'isp', '--connections', 'c2');
	refused(qr/the collector isp belongs to the connection c2 alone/, 'connection', 'delete', 'c2');
	is value('collector', 'isp', 'password'), '*****', 'a password is not shown';
	unlike $p->postroom_ok('export', '--passwords'), qr/pop-Pw/, 'nor exported';
};

subtest '04-3.2 changing the method keeps name, priority and connections and shows the settings of the other method' => sub {
	$p->postroom_ok('collector', 'set', 'isp', 'priority', '7');
	isnt value('collector', 'isp', 'pop3.server'), undef, 'settings of POP3';
	$p->postroom_ok('collector', 'set', 'isp', 'method', 'etrn');
	is value('collector', 'isp', 'pop3.server'), undef, 'not with another method';
	is value('collector', 'isp', 'priority'), 7, 'the priority';
	is value('collector', 'isp', 'connections'), 'c2', 'the connections';
	$p->postroom_ok('collector', 'set', 'isp', 'method', 'pop3');
	is value('collector', 'isp', 'pop3.server'), 'pop.isp.test', 'what was set is kept';
	refused(qr/method must be pop3, imap, etrn or odmr/, 'collector', 'set', 'isp', 'method', 'fax');
};

subtest 'numbers of collectors are never used again' => sub {
	my $first = value('collector', 'isp', 'number');
	$p->postroom_ok('collector', 'add', 'second');
	my $second = value('collector', 'second', 'number');
	cmp_ok $second, '>', $first, 'counted on';
	$p->postroom_ok('collector', 'delete', 'second');
	$p->postroom_ok('collector', 'add', 'third');
	my $third = value('collector', 'third', 'number');
	cmp_ok $third, '>', $second, 'a new one';
	$p->postroom_ok('collector', 'rename', 'third', 'last');
	is value('collector', 'last', 'number'), $third, 'it stays with another name';
	$p->postroom_ok('collector', 'delete', 'last');
};

subtest '04-3.3 importing three collectors, one with an unknown encryption word' => sub {
	my ($status, undef, $err) = $p->postroom({ stdin => "name,server,port,username,password,encryption,routing,target-or-domains\n"
			. "one,pop.one.test,995,me,\"a,b\",tls,headers,example.test\n"
			. "two,pop.two.test,,you,secret,ssl3,user,anna\n"
			. "three,pop.three.test,1110,him,geheim,stls,user,anna\n" }, 'collector', 'import', '-');
	is $status, 1, 'it says that not all was well';
	like $err, qr/line 3: .*pop3\.encryption must be none, tls, stls or stls-if-available, not "ssl3"/, 'with the line';
	is_deeply names('collector'), [qw(one three isp)], 'two were made, in the order of their priority';
	is value('collector', 'one', 'accepted-domains'), 'example.test', 'domains';
	is value('collector', 'three', 'target'), 'anna', 'a target';
	is value('collector', 'three', 'pop3.port'), 1110, 'a port';
	is value('collector', 'one', 'password'), '*****', 'a password';
	($status, undef, $err) = $p->postroom({ stdin => "four,a.test,,x,y,none\nfive,b c,,x,y,none\n" }, 'collector', 'import', '--strict', '-');
	is $status, 1, '--strict';
	is_deeply names('collector'), [qw(one three isp)], 'all or none';
};

subtest '04-14.2 the schedule' => sub {
	refused(qr/does not go over midnight: make two/, 'schedule', 'add', '--from', '21:00', '--to', '9:00');
	refused(qr/there is no connection "x"/, 'schedule', 'add', '--connections', 'x');
	refused(qr/an item that denies starts none/, 'schedule', 'add', '--connections', '@deny,@default');
	refused(qr/every: must be a number of minutes from 1/, 'schedule', 'add', '--every', '0');
	refused(qr/once: .* neither every/, 'schedule', 'add', '--once', '8:00', '--every', '3');
	refused(qr/days: "xyz"/, 'schedule', 'add', '--days', 'mon,xyz');
	refused(qr/from: must be a time/, 'schedule', 'add', '--from', '24:00');
	$p->postroom_ok('schedule', 'add', '--name', 'early', '--once', '08:00', '--days', 'mon,tue,wed,thu,fri', '--waiting', '1');
	my ($often, $early) = @{ $p->postroom_json('schedule', 'list') };
	is $often->{description}, 'Every 5 minutes between 0:00 and 23:59 on Su,M,Tu,W,Th,F,Sa', 'in words';
	is $early->{description}, 'Once at 8:00 on M,Tu,W,Th,F if at least 1 message is waiting to be sent', 'in words';
	is_deeply [ @$often{qw(every from to enabled)} ], [ 5, '0:00', '23:59', 'on' ], 'what was not said is written out';
	$p->postroom_ok('schedule', 'add', '--name', 'office alone', '--connections', 'Office');
	$p->postroom_ok('connection', 'delete', 'Office');
	is_deeply [ map { "$_->{name}: $_->{connections}" } @{ $p->postroom_json('schedule', 'list') } ], [ 'often: @default', 'early: @default' ],
		'a connection that goes takes what the schedule says of it along';
	ok !grep({ $_ eq 'Office' } @{ names('sender') }), 'and its sender';
	is value('connection', 'c2', 'fallback'), '', 'and nothing falls back to it';
};

subtest 'settings that name connections' => sub {
	refused(qr/there is no connection "x"/, 'set', 'schedule.immediate-connections', 'c2,x');
	$p->postroom_ok('set', 'schedule.immediate-connections', 'c2,default');
	$p->postroom_ok('connection', 'rename', 'c2', 'other');
	like $p->postroom_ok('get', 'schedule.immediate-connections'), qr/other,default/, 'follow';
};

subtest 'the round trip of export and import' => sub {
	my $other = Postroom::Test->start(run => 0);
	my $text = $p->postroom_ok('export', '--passwords');
	like $text, qr/^\[$_\]$/m, "has [$_]" for qw(connection connection-setting sender collector collector-setting schedule);
	$other->postroom_ok('sender', 'add', 'first', '--method', 'relay', '--servers', 'a.test');
	my $changes = $other->postroom_ok({ stdin => $text }, 'import', '--delete-users', '-');
	like $changes, qr/collector isp needs its password/, 'passwords of collectors stay where they are';
	is $other->postroom_ok('export', '--passwords'), $text, 'the same text';
	$other->stop;
};

subtest 'a text of an earlier version, with senders alone' => sub {
	my $other = Postroom::Test->start(run => 0);
	my $text = $other->postroom_ok('export', '--passwords');
	$text =~ s/^\[connection(?:-setting)?\]\n(?:.+\n)+\n*//mg;
	unlike $text, qr/connection/, 'says nothing of connections';
	$text .= "\n[sender]\nname = smart\nmethod = relay\nservers = a.test\n";
	$other->postroom_ok({ stdin => $text }, 'import', '-');
	is_deeply [ map { "$_->{name} $_->{continuous}" } @{ $other->postroom_json('connection', 'list') } ], [ 'default 1', 'smart 1' ],
		'each sender has a connection that is continuous';
	$other->stop;
};

subtest 'an instance of an earlier version' => sub {
	my $other = Postroom::Test->start(run => 0);
	my $db = $other->dir . '/state/config/config.db';
	my $version = 15; # before there were connections
	system 'sqlite3', $db, join ';', (map { "DROP TABLE $_" } qw(script deleted_user connection connection_setting sender_setting collector
			collector_setting collector_connection)), "DELETE FROM reserved WHERE kind = 'collector'",
		"UPDATE reserved SET kind = 'sender', next = 8 WHERE kind = 'connection'", "PRAGMA user_version = $version",
		"INSERT INTO sender VALUES(7, 'smart', 'relay', 'a.test', 'none', 0, '', 0)";
	is_deeply [ map { "$_->{name} $_->{id} $_->{continuous} $_->{default}" } @{ $other->postroom_json('connection', 'list') } ],
		[ 'default 1 1 1', 'smart 7 1 0' ], 'senders have connections of their names and numbers';
	$other->postroom_ok('connection', 'add', 'new');
	is $other->postroom_json('connection', 'list')->[2]{id}, 8, 'and new ones are counted on';
	$other->stop;
};

for my $kind (qw(connection sender collector)) {
	is $p->postroom_ok("$kind-settings", '--format', 'man'), read_file("man/postroom-${kind}s.5"), "postroom-${kind}s(5) is that of the catalogue (make manual)";
}

$p->stop;
done_testing;

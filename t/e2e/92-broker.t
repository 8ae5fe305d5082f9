#!/usr/bin/perl
# What the web may ask of the other daemons, by way of brokerd: who may, for whom, and that the rest nobody may.
use strict;
use warnings;
use lib 't/lib';
use JSON::PP qw(decode_json);
use Postroom::Ipc;
use Postroom::Process qw(read_file);
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { anna => 'anna-secret', bert => 'bert-secret' });
my $authd = Postroom::Ipc->connect($p, 'authd', 'webadmin');
my $broker = Postroom::Ipc->connect($p, 'brokerd', 'webadmin');
my $PEER = '127.0.0.1';
$p->postroom_ok(qw(user set bert administrator on));

sub login {
	my ($user, $password, %more) = @_;
	return $authd->ask('web-login', user => $user, password => $password, peer => $PEER, tls => 0, %more);
}

my %SESSION = map { $_ => login($_, "$_-secret")->{session} } qw(anna bert);
$SESSION{nobody} = 'A' x 43;
# an administrator who came by a browser that is remembered has not given his password
$SESSION{unconfirmed} = $authd->ask('web-resume', 'remember-token' => login('bert', 'bert-secret', remember => 1)->{'remember-token'},
	peer => $PEER, tls => 0)->{session};

sub ask {
	my ($who, $callee, $request, @fields) = @_;
	return $broker->ask('ask', session => $SESSION{$who}, peer => $PEER, callee => $callee, request => $request, @fields);
}

# For the user himself.
sub own {
	my ($who, $callee, $request, @fields) = @_;
	return $broker->ask('ask', session => $SESSION{$who}, peer => $PEER, callee => $callee, own => 1, request => $request, @fields);
}

sub outcome {
	my ($answer) = @_;
	return $answer->{status} . (exists $answer->{code} ? " $answer->{code}" : '');
}

# The table itself: callee, request, kind.
my $rights = read_file('broker/rights.c');
my @rows;
push @rows, { callee => $2, request => $3, kind => $1 } while $rights =~ /^    (OWN|OWN_OR_ADMIN|ADMIN|SERIOUS|CONFIRMED|STEPS)\("([\w-]+)", "([\w-]+)"/mg;

subtest 'each row of the table, as nobody, as a user, as an administrator without his password' => sub {
	cmp_ok scalar(@rows), '>', 150, 'there are many';
	for my $row (@rows) {
		my ($callee, $request, $kind) = @$row{qw(callee request kind)};
		is outcome(ask('nobody', $callee, $request)), 'denied login', "$callee $request: not without a login";
		is outcome(ask('anna', $callee, $request)), 'denied admin', 'nor by a user' if $kind !~ /OWN/;
		is outcome(ask('unconfirmed', $callee, $request)), 'denied confirm', 'nor without the password' if $kind eq 'CONFIRMED';
	}
};

subtest 'what the command line may ask is in the table, or is left out on purpose' => sub {
	my %there = map { ("$_->{callee} $_->{request}" => 1) } @rows;
	my @operations = read_file('configd/operations.c') =~ /^    \{"([\w-]+)",/mg;
	cmp_ok scalar(@operations), '>', 90, 'configd knows many';
	is_deeply [grep { !$there{"configd $_"} } @operations], [], 'all of them are in the table';
	my @nobody = (['configd', 'list-join'], ['authd', 'dump'], ['authd', 'password-set'], ['authd', 'web-login'], ['authd', 'share-set'],
		['authd', 'secret-get'], ['authd', 'redeem'], ['statusd', 'in-use'], ['historyd', 'record'], ['deliver', 'deliver'],
		['brokerd', 'ask'], ['nobody', 'get'], ['configd', 'get '], ['configd', '']);
	for my $row (@nobody) {
		my $answer = ask('bert', @$row);
		is outcome($answer), 'denied', "@$row: nobody may";
	}
};

subtest 'an administrator does what the command line does' => sub {
	is outcome(ask('bert', 'configd', 'set', key => 'server.host-name', value => 'web.example.test')), 'ok', 'a setting';
	like $p->postroom_ok(qw(get server.host-name)), qr/web\.example\.test/, 'the command line sees it';
	like $p->log, qr/server\.host-name = web\.example\.test, by bert \(settings/, 'the log says who it was';
	my $answer = ask('bert', 'configd', 'user-list');
	is_deeply [sort map { decode_json($_)->{name} } @{ $answer->{all}{user} }], [qw(anna bert postmaster)], 'users';
	is outcome(ask('bert', 'queue-manager', 'counts')), 'ok', 'the queue';
	is outcome(ask('bert', 'statusd', 'list')), 'ok', 'sessions';
	is outcome(ask('bert', 'smtpd', 'sessions')), 'ok', 'a listener, which forks for that';
	is outcome(ask('bert', 'configd', 'set', key => 'no.such', value => 'x')), 'not-found', 'a refusal comes as it is';
	is outcome(ask('bert', 'configd', 'user-password', name => 'anna', password => "a\nb")), 'syntax', 'so does that of a password';
};

subtest '01-6.3 the right ends at once' => sub {
	is outcome(ask('bert', 'configd', 'get')), 'ok', 'an administrator';
	$p->postroom_ok(qw(user set bert administrator off));
	is outcome(ask('bert', 'configd', 'get')), 'denied admin', 'and none';
	$p->postroom_ok(qw(user set bert administrator on));
};

subtest 'outside of the admin area an administrator is a user' => sub {
	$p->postroom_ok(qw(access add --list admin-area allow 192.0.2.0/24));
	is outcome(ask('bert', 'configd', 'get')), 'denied admin', 'from another address';
	is outcome(ask('bert', 'configd', 'attribute-get', user => 'bert')), 'ok', 'his own things he sees';
	$p->postroom_ok(qw(access remove --list admin-area 1));
	is outcome(ask('bert', 'configd', 'get')), 'ok', 'an empty list';
};

subtest '02-22.2 a user asks for himself, whomever he names' => sub {
	my $mine = ask('anna', 'configd', 'attribute-get', user => 'bert', key => 'comment');
	is decode_json($mine->{attribute})->{name}, 'anna', 'his own attributes';
	$mine = ask('anna', 'configd', 'attribute-get', group => 'everybody', user => 'bert', key => 'comment');
	is decode_json($mine->{attribute})->{name}, 'anna', 'also where he names a group';
	is outcome(ask('anna', 'configd', 'item-add', kind => 'message-rule', user => 'bert', name => 'x', action => 'stop')), 'ok', 'a rule';
	is_deeply $p->postroom_json(qw(user rule list bert)), [], "is not another's";
	is scalar(@{ $p->postroom_json(qw(user rule list anna)) }), 1, 'but his own';
	is outcome(ask('anna', 'configd', 'item-list', kind => 'lan-rule')), 'syntax', "the server's lists are not his";
	is outcome(ask('anna', 'configd', 'own-set', uid => 1, by => 'bert', own => 0, key => 'forward', value => 'x@example.test')), 'ok', 'an attribute';
	like $p->postroom_ok(qw(user get anna forward)), qr/x\@example\.test/, 'is his own';
	unlike $p->postroom_ok(qw(user get postmaster forward)), qr/x\@example\.test/, "and nobody else's";
	is outcome(ask('anna', 'configd', 'own-set', key => 'administrator', value => 'on')), 'denied', 'what is not his to change';
	is outcome(ask('anna', 'configd', 'own-set', key => 'send.internet', value => 'on')), 'denied', 'what is not his to change';
	my $bert = own('bert', 'configd', 'item-list', kind => 'autoresponder');
	is outcome($bert), 'ok', 'an administrator, for himself';
	is_deeply $bert->{all}{item} // [], [], "his own, not the server's";
	is outcome(own('bert', 'configd', 'get')), 'denied admin', 'for himself he does nothing else';
};

subtest '02-22.3 what users may not have in rules and autoresponders' => sub {
	$p->postroom_ok(qw(user set anna change.forward-to), '*@example.test');
	my @rule = (kind => 'message-rule', name => 'on');
	is outcome(ask('anna', 'configd', 'item-add', @rule, action => 'forward x@example.test')), 'ok', 'mail passed on to where he may';
	is outcome(ask('anna', 'configd', 'item-add', @rule, action => 'flag 1', action => 'forward x@elsewhere.test')), 'denied', 'not elsewhere';
	is outcome(ask('bert', 'configd', 'item-add', @rule, user => 'anna', action => 'forward x@elsewhere.test')), 'ok', 'the administrator may';
	my $kept = scalar @{ $p->postroom_json(qw(user rule list anna)) };
	is outcome(ask('anna', 'configd', 'item-move', kind => 'message-rule', number => $kept, to => 1)), 'ok', 'what was there may stay';
	my @responder = (kind => 'autoresponder', name => 'away');
	is outcome(ask('anna', 'configd', 'item-add', @responder, text => 'I am away')), 'ok', 'an autoresponder';
	is outcome(ask('anna', 'configd', 'item-set', @responder, number => 1, text => 'x <LUA>print(1)</LUA>')), 'denied', 'not with a script';
	is outcome(ask('anna', 'configd', 'item-set', @responder, number => 1, text => 'x', 'copy-to' => 'a@example.test;b@elsewhere.test')), 'denied',
		'nor with copies to elsewhere';
	my @when = (kind => 'autoresponder-rule', name => 'now', responder => 'away', enabled => 'on');
	is outcome(ask('anna', 'configd', 'item-add', @when)), 'ok', 'when';
	is outcome(ask('anna', 'configd', 'item-add', @when, locked => 'on')), 'denied', 'he locks none';
	is outcome(ask('bert', 'configd', 'item-set', kind => 'autoresponder-rule', user => 'anna', number => 1, locked => 'on')), 'ok', 'the administrator does';
	is outcome(ask('anna', 'configd', 'item-set', kind => 'autoresponder-rule', number => 1, enabled => 'off')), 'denied', 'a rule that is locked';
	is outcome(ask('anna', 'configd', 'item-delete', kind => 'autoresponder-rule', number => 1)), 'denied', 'stays';
	is outcome(ask('anna', 'configd', 'item-add', @when)), 'denied', 'and no other of that autoresponder comes';
	is outcome(ask('anna', 'configd', 'item-set', @responder, number => 1, text => 'other')), 'denied', 'nor does that change';
	is outcome(ask('bert', 'configd', 'item-set', kind => 'autoresponder-rule', user => 'anna', number => 1, enabled => 'off')), 'ok', 'the administrator may';
	$p->postroom_ok(qw(user set anna change.autoresponder off));
	is outcome(ask('anna', 'configd', 'item-add', kind => 'autoresponder', name => 'b', text => 'x')), 'denied', 'without the right';
};

subtest '01-6.1 02-3.7 nobody deletes himself, or ends being an administrator' => sub {
	like ask('bert', 'configd', 'user-delete', name => 'bert')->{text}, qr/let another administrator/, 'deleting himself';
	is outcome(ask('bert', 'configd', 'attribute-set', user => 'bert', key => 'administrator', value => 'off')), 'denied', 'his flag';
	is outcome(ask('bert', 'configd', 'attribute-set', user => '*', key => 'administrator', value => 'off')), 'denied', 'that of all';
	$p->postroom_ok(qw(group add staff));
	$p->postroom_ok(qw(group set staff administrator off force on));
	is outcome(ask('bert', 'configd', 'group-add-member', name => 'staff', user => 'bert', primary => 1)), 'denied', 'by a group';
	my $text = $p->postroom_ok('export') =~ s/^(name = bert\nadministrator = )on$/${1}off/mr;
	like $text, qr/^name = bert\nadministrator = off$/m, 'a text in which he is none';
	is outcome(ask('bert', 'configd', 'import', text => $text)), 'denied', 'cannot be imported';
	ok scalar(grep { $_->{name} eq 'bert' && $_->{administrator} } @{ $p->postroom_json('user', 'list') }), 'he is one still';
	$p->add_user(carl => 'carl-secret');
	is outcome(ask('bert', 'configd', 'user-delete', name => 'carl')), 'ok', 'another he deletes';
};

subtest 'nobody becomes an administrator without a password' => sub {
	is outcome(ask('unconfirmed', 'configd', 'user-add', name => 'dora', administrator => 1)), 'denied confirm', 'a new user';
	is outcome(ask('unconfirmed', 'configd', 'attribute-set', user => 'anna', key => 'administrator', value => 'on')), 'denied confirm', 'a flag';
	$p->postroom_ok(qw(group add chiefs));
	$p->postroom_ok(qw(group set chiefs administrator on force on));
	is outcome(ask('unconfirmed', 'configd', 'group-add-member', name => 'chiefs', user => 'anna', primary => 1)), 'denied confirm', 'by a group';
	ok !grep({ $_->{name} eq 'anna' && $_->{administrator} } @{ $p->postroom_json('user', 'list') }), 'anna is none';
	is outcome(ask('bert', 'configd', 'group-add-member', name => 'chiefs', user => 'anna', primary => 1)), 'ok', 'with the password';
	$p->postroom_ok(qw(group remove-member chiefs anna));
	$p->postroom_ok(qw(user set anna administrator off));
};

subtest 'two administrators at once' => sub {
	my $seen = ask('bert', 'configd', 'get', key => 'server.host-name')->{generation};
	like $seen, qr/\A\d+\z/, 'an answer says what it is of';
	$p->set('server.host-name' => 'first.example.test');
	is outcome(ask('bert', 'configd', 'set', generation => $seen, key => 'server.host-name', value => 'second.example.test')), 'conflict', 'too late';
	like $p->postroom_ok(qw(get server.host-name)), qr/first/, 'nothing changed';
	my $now = ask('bert', 'configd', 'get', key => 'server.host-name')->{generation};
	my $done = ask('bert', 'configd', 'set', generation => $now, key => 'server.host-name', value => 'second.example.test');
	is outcome($done), 'ok', 'having looked again';
	cmp_ok $done->{generation}, '>', $now, 'the answer is of the new one';
	is outcome(ask('bert', 'configd', 'set', generation => $done->{generation}, key => 'server.host-name', value => 'third.example.test')), 'ok', 'and good for the next';
};

subtest '01-6.4 the main administrator is deleted' => sub {
	$p->add_user(erna => 'erna-secret');
	$p->postroom_ok(qw(user set erna administrator on));
	$p->set('notices.administrator' => 'erna', 'notices.targets' => 'LanFwd=erna');
	is outcome(ask('bert', 'configd', 'user-delete', name => 'erna')), 'ok', 'by another one';
	like $p->postroom_ok(qw(get notices.administrator)), qr/bert/, 'who takes his place';
	unlike $p->postroom_ok(qw(get notices.targets)), qr/erna/, 'also for what went to him';
};

subtest '02-5.1 02-5.2 a password of the web' => sub {
	$p->postroom_ok(qw(user set anna web-password on));
	is login('anna', 'anna-secret')->{status}, 'denied', 'the main one does not open the web';
	$p->postroom_ok({ stdin => "web-secret\n" }, qw(user password anna --web --password-stdin));
	$SESSION{anna} = login('anna', 'web-secret')->{session};
	ok $SESSION{anna}, 'its own does';
	like $p->pop3->login('anna', 'web-secret'), qr/\A-ERR/, 'but not POP3';
	like $p->pop3->login('anna', 'anna-secret'), qr/\A\+OK/, 'which the main one does';
	my $imap = $p->imap;
	isnt $imap->login('anna', 'web-secret')->{status} // '', 'OK', 'nor IMAP';
	$p->postroom_ok(qw(user set anna change.main-password off));
	is outcome(own('anna', 'configd', 'own-password', password => 'new-main-secret')), 'denied', 'the main one is not hers to change';
	is outcome(own('anna', 'configd', 'own-password', web => 1, password => 'new-web-secret')), 'ok', 'the other always is';
	is login('anna', 'new-web-secret')->{status}, 'ok', 'it is in force';
	like $p->pop3->login('anna', 'anna-secret'), qr/\A\+OK/, 'and the main one as it was';
	$p->postroom_ok(qw(user unset anna web-password));
	is login('anna', 'anna-secret')->{status}, 'ok', 'one for all again';
};

subtest "one's own password takes the old one" => sub {
	$p->postroom_ok(qw(user set bert administrator off));
	is outcome(own('unconfirmed', 'configd', 'own-password', password => 'bert-new')), 'denied confirm', 'not with a session alone';
	is $authd->ask('web-confirm', session => $SESSION{unconfirmed}, peer => $PEER, password => 'bert-secret')->{status}, 'ok', 'the password';
	is outcome(own('unconfirmed', 'configd', 'own-password', password => 'bert-new')), 'ok', 'with it';
	is outcome(own('unconfirmed', 'configd', 'attribute-get')), 'denied login', 'and all sessions have ended';
	is login('bert', 'bert-new')->{status}, 'ok', 'the new one is in force';
};

subtest 'one at a time on a channel' => sub {
	my $session = login('postmaster', $p->password)->{session};
	my @ask = (session => $session, peer => $PEER, callee => 'configd', request => 'get');
	$broker->send('ask', @ask) for 1 .. 3;
	my %statuses;
	$statuses{ $broker->receive->{status} }++ for 1 .. 3;
	ok $statuses{ok} && !grep({ !/\A(?:ok|limit)\z/ } keys %statuses), 'the others are refused while one goes on';
	is $broker->ask('ask', @ask)->{status}, 'ok', 'then the next one';
	is $broker->ask('ask', session => $session, peer => $PEER, request => 'get')->{status}, 'denied', 'without a callee';
	is $broker->ask('ask', session => $session, peer => $PEER, callee => 'configd')->{status}, 'protocol', 'without a request';
	is $broker->ask('other')->{status}, 'protocol', 'something else';
};

done_testing;

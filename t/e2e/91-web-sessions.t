#!/usr/bin/perl
# Sessions of the web as authd keeps them: how they begin and end, what they are good for, and for whom.
use strict;
use warnings;
use lib 't/lib';
use JSON::PP qw(decode_json);
use Postroom::Ipc;
use Postroom::Process qw(wait_until);
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { anna => 'anna-secret', bert => 'bert-secret' }, set => { 'login.lockout-failures' => 5 });
my $authd = Postroom::Ipc->connect($p, 'authd', 'webadmin');
my $PEER = '192.0.2.7';

sub login {
	my ($user, $password, %more) = @_;
	return $authd->ask('web-login', user => $user, password => $password, peer => $PEER, tls => 1, %more);
}

sub session {
	my ($session, %more) = @_;
	return $authd->ask('web-session', session => $session, peer => $PEER, %more);
}

sub rows {
	my ($answer, $key) = @_;
	return [map { decode_json($_) } @{ $answer->{all}{$key} // [] }];
}

subtest 'a login, and who that is' => sub {
	my $login = login('anna', 'anna-secret');
	is $login->{status}, 'ok', 'the password is right';
	like $login->{session}, qr/\A[\w-]{43}\z/, 'a session of 258 random bits';
	like $login->{csrf}, qr/\A[\w-]{43}\z/, 'and what pages send with changes';
	isnt $login->{csrf}, $login->{session}, 'which is another';
	is_deeply [@$login{qw(user administrator)}], ['anna', 0], 'she is no administrator';
	my $session = session($login->{session});
	is_deeply [@$session{qw(status user uid administrator kind csrf confirmed)}],
		['ok', 'anna', $login->{uid}, 0, 'cookie', $login->{csrf}, 0], 'the session is hers';
	isnt login('anna', 'anna-secret')->{session}, $login->{session}, 'each login has its own';
	is session($login->{session} . 'x')->{status}, 'denied', 'one that is longer is none';
	is session('')->{status}, 'denied', 'nor is nothing';
	is session('A' x 43)->{status}, 'denied', 'nor is a guess';
};

subtest '01-3.5 names in any case, passwords as they are' => sub {
	my $name = uc 'postmaster';
	is login($name, $p->password)->{status}, 'ok', 'the name in capitals';
	is login('postmaster', ucfirst $p->password)->{status}, ucfirst $p->password eq $p->password ? 'ok' : 'denied', 'the password is not';
	is login('postmaster', 'Admin')->{status}, 'denied', 'nor is that of the original';
	is login('postmaster', 'admin')->{status}, 'denied', 'in any case';
};

subtest 'one refusal for every reason' => sub {
	$p->postroom_ok(qw(user set bert protocols), 'pop3,imap');
	my %text = map { $_->{text} => $_->{status} } login('anna', 'wrong'), login('nobody', 'x'), login('bert', 'bert-secret');
	is_deeply \%text, { 'login failed' => 'denied' }, 'wrong password, no such user, not by the web';
	$p->postroom_ok(qw(user unset bert protocols));
};

subtest '05-17.3 a cookie from elsewhere is refused, or taken where that is wanted' => sub {
	my $cookie = login('anna', 'anna-secret')->{session};
	is $authd->ask('web-session', session => $cookie, peer => '192.0.2.8')->{status}, 'denied', 'from another address';
	is session($cookie)->{status}, 'ok', 'it goes on where it began';
	$p->set('web.session-any-address' => 'on');
	is $authd->ask('web-session', session => $cookie, peer => '192.0.2.8')->{status}, 'ok', 'with the option on';
	$p->set('web.session-any-address' => 'off');
};

subtest '05-17.5 a session that nobody uses ends' => sub {
	my $idle = login('anna', 'anna-secret')->{session};
	my $used = login('anna', 'anna-secret')->{session};
	$p->set('web.session-idle' => 5);
	my $begin = time;
	wait_until(sub { session($used); return session($idle, touch => 0)->{status} eq 'denied' }, 'it ends', 15);
	cmp_ok time - $begin, '>=', 3, 'not at once';
	is session($used)->{status}, 'ok', 'one that is used goes on';
	$p->set('web.session-idle' => 600);
};

subtest 'the end of a session' => sub {
	my $cookie = login('anna', 'anna-secret')->{session};
	is $authd->ask('web-logout', session => $cookie)->{status}, 'ok', 'logged out';
	is session($cookie)->{status}, 'denied', 'it is gone';
	is $authd->ask('web-logout', session => $cookie)->{status}, 'ok', 'once more does no harm';
};

subtest 'sessions end where the password changes, and with the user' => sub {
	my ($cookie, $other) = map { login($_, "$_-secret")->{session} } qw(anna bert);
	my $remembered = login('anna', 'anna-secret', remember => 1)->{'remember-token'};
	$p->postroom_ok({ stdin => "anna-secret\n" }, qw(user password anna --password-stdin));
	is session($cookie)->{status}, 'denied', 'hers has ended';
	is $authd->ask('web-resume', 'remember-token' => $remembered, peer => $PEER, tls => 1)->{status}, 'denied', 'no browser is remembered';
	is session($other)->{status}, 'ok', "others' have not";
	$p->postroom_ok(qw(user set bert enabled off));
	is session($other)->{status}, 'denied', 'a user who may not log in any more';
	$p->postroom_ok(qw(user set bert enabled on));
	is session($other)->{status}, 'denied', 'it does not come back';
	$p->add_user(carl => 'carl-secret');
	my $gone = login('carl', 'carl-secret')->{session};
	$p->postroom_ok(qw(user delete carl --yes));
	is session($gone)->{status}, 'denied', 'a user who is gone';
};

subtest '01-6.3 what an administrator may no more ends at once' => sub {
	my $cookie = login('bert', 'bert-secret')->{session};
	is session($cookie)->{administrator}, 0, 'a user';
	$p->postroom_ok(qw(user set bert administrator on));
	is session($cookie)->{administrator}, 1, 'an administrator from his next request on';
	$p->postroom_ok(qw(user set bert administrator off));
	is session($cookie)->{administrator}, 0, 'and no more';
};

subtest '01-3.3 the admin area by address' => sub {
	my $cookie = login('postmaster', $p->password)->{session};
	is session($cookie)->{'admin-area'}, 1, 'an empty list adds nothing';
	$p->postroom_ok(qw(access add --list admin-area allow 192.0.2.0/28));
	is session($cookie)->{'admin-area'}, 1, 'from an address that is in it';
	my $outside = $authd->ask('web-login', user => 'postmaster', password => $p->password, peer => '192.0.2.99', tls => 0);
	is_deeply [@$outside{qw(status administrator admin-area)}], ['ok', 1, 0], 'from another he logs in, outside of the area';
	$p->postroom_ok(qw(access remove --list admin-area 1));
	$p->postroom_ok(qw(access add --list admin-area allow any --users anna));
	is session($cookie)->{'admin-area'}, 0, 'a rule for others';
	$p->postroom_ok(qw(access remove --list admin-area 1));
	is session($cookie)->{'admin-area'}, 1, 'empty again';
};

subtest '05-17.6 wrong passwords from this machine lock nobody, unless that is wanted' => sub {
	my $from = sub { $authd->ask('web-login', user => 'anna', password => $_[1], peer => $_[0], tls => 0)->{status} };
	for my $peer ('127.0.0.1', '::1') {
		$from->($peer, "wrong $_") for 1 .. 5;
		is $from->($peer, 'anna-secret'), 'ok', "$peer: not locked";
	}
	$from->('192.0.2.50', "wrong $_") for 1 .. 5;
	is $from->('192.0.2.50', 'anna-secret'), 'denied', 'from elsewhere: locked';
	$p->set('web.lockout-loopback' => 'on');
	$from->('127.0.0.1', "wrong $_") for 1 .. 5;
	is $from->('127.0.0.1', 'anna-secret'), 'denied', 'locked with the option on';
	$p->postroom_ok(qw(user unlock anna));
	$p->set('web.lockout-loopback' => 'off');
};

subtest 'the password again' => sub {
	my $token = login('anna', 'anna-secret', remember => 1)->{'remember-token'};
	my $cookie = $authd->ask('web-resume', 'remember-token' => $token, peer => $PEER, tls => 1)->{session};
	is session($cookie)->{confirmed}, -1, 'not given in this session';
	my $wrong = $authd->ask('web-confirm', session => $cookie, peer => $PEER, password => 'wrong');
	is $wrong->{status}, 'denied', 'a wrong one';
	is session($cookie)->{confirmed}, -1, 'says nothing';
	is $authd->ask('web-confirm', session => $cookie, peer => $PEER, password => 'anna-secret')->{status}, 'ok', 'the right one';
	is session($cookie)->{confirmed}, 0, 'just now';
	is $authd->ask('web-confirm', session => 'A' x 43, peer => $PEER, password => 'anna-secret')->{code}, 'login', 'without a session';
};

subtest 'browsers that are remembered' => sub {
	my $login = login('anna', 'anna-secret', remember => 1, agent => "Firefox \xc3\xbc");
	ok !exists login('anna', 'anna-secret')->{'remember-token'}, 'only those that want to be';
	my $resumed = $authd->ask('web-resume', 'remember-token' => $login->{'remember-token'}, peer => '192.0.2.9', tls => 1, agent => 'Firefox');
	is_deeply [@$resumed{qw(status user)}], ['ok', 'anna'], 'logged in, from wherever';
	isnt $resumed->{'remember-token'}, $login->{'remember-token'}, 'by another token the next time';
	is $authd->ask('web-resume', 'remember-token' => 'x' x 43, peer => $PEER, tls => 1)->{status}, 'denied', 'not by a guess';
	is $authd->ask('web-resume', 'remember-token' => $login->{session}, peer => $PEER, tls => 1)->{status}, 'denied', 'nor by a session';
	my $list = $authd->ask('web-list', session => $login->{session}, peer => $PEER);
	my ($browser) = grep { $_->{agent} eq "Firefox \x{fc}" && $_->{kind} eq 'browser' } @{ rows($list, 'entry') };
	ok $browser, 'it is in the list';
	cmp_ok abs($browser->{expires} - time - 60), '<', 30, 'the token that was used ends soon';
	is scalar(grep { $_->{current} && $_->{kind} eq 'session' } @{ rows($list, 'entry') }), 1, 'the session is, too';
	is $authd->ask('web-revoke', session => $login->{session}, peer => $PEER)->{status}, 'ok', 'the others are ended';
	is $authd->ask('web-session', session => $resumed->{session}, peer => '192.0.2.9')->{status}, 'denied', 'its session';
	is $authd->ask('web-resume', 'remember-token' => $resumed->{'remember-token'}, peer => $PEER, tls => 1)->{status}, 'denied', 'and its token';
	is session($login->{session})->{status}, 'ok', 'but not one\'s own';
};

subtest "nobody ends another's session" => sub {
	my ($anna, $bert) = map { login($_, "$_-secret") } qw(anna bert);
	my ($row) = grep { $_->{current} } @{ rows($authd->ask('web-list', session => $bert->{session}, peer => $PEER), 'entry') };
	is $authd->ask('web-revoke', session => $anna->{session}, peer => $PEER, id => $row->{id})->{status}, 'not-found', 'by its number';
	is session($bert->{session})->{status}, 'ok', 'it goes on';
	is $authd->ask('web-revoke', session => $bert->{session}, peer => $PEER, id => $row->{id})->{status}, 'ok', 'the owner does';
	is session($bert->{session})->{status}, 'denied', 'and it has ended';
};

subtest 'a ticket for the mailbox, and a right to send' => sub {
	my $cookie = login('anna', 'anna-secret')->{session};
	my $imapd = Postroom::Ipc->connect($p, 'authd', 'imapd');
	my $ticket = $authd->ask('web-ticket', session => $cookie, peer => $PEER)->{ticket};
	my $right = $imapd->ask('redeem', ticket => $ticket, service => 'web');
	is_deeply [@$right{qw(status user)}], ['ok', 'anna'], 'imapd redeems it';
	is $imapd->ask('redeem', ticket => $ticket, service => 'web')->{status}, 'denied', 'once';
	like $authd->ask('web-token', session => $cookie, peer => $PEER)->{token}, qr/\Aauthd:\d+:[0-9a-f]{64}\z/, 'a token';
	is $authd->ask("web-$_", session => 'A' x 43, peer => $PEER)->{status}, 'denied', "no $_ without a session" for qw(ticket token);
};

subtest 'tokens of scripts' => sub {
	my $cookie = login('anna', 'anna-secret')->{session};
	my $made = $authd->ask('api-token-add', session => $cookie, peer => $PEER, name => 'backup', days => 7);
	like $made->{token}, qr/\Apt\.[\w-]{43}\z/, 'one is made';
	my $session = $authd->ask('web-session', session => $made->{token}, peer => '198.51.100.1');
	is_deeply [@$session{qw(status user administrator confirmed kind)}], ['ok', 'anna', 0, -1, 'token'], 'it stands for its user, from wherever';
	is $authd->ask('api-token-add', session => $cookie, peer => $PEER, name => 'x', scope => 'admin')->{status}, 'denied', 'a user has none for administration';
	is $authd->ask('api-token-add', session => $cookie, peer => $PEER, name => 'x', scope => 'all')->{status}, 'syntax', 'an unknown scope';
	is $authd->ask('api-token-add', session => $cookie, peer => $PEER, name => '')->{status}, 'syntax', 'no name';
	is $authd->ask('api-token-add', session => $made->{token}, peer => $PEER, name => 'x')->{status}, 'denied', 'a token makes no token';
	my ($row) = @{ rows($authd->ask('api-token-list', session => $cookie, peer => $PEER), 'token') };
	is_deeply [@$row{qw(name scope)}], ['backup', 'own'], 'it is listed';
	ok !exists $row->{token} && !exists $row->{digest}, 'without what it is';
	my $bert = login('bert', 'bert-secret')->{session};
	is $authd->ask('api-token-delete', session => $bert, peer => $PEER, id => $row->{id})->{status}, 'not-found', "nobody deletes another's";
	is $authd->ask('api-token-delete', session => $cookie, peer => $PEER, id => $row->{id})->{status}, 'ok', 'its user does';
	is $authd->ask('web-session', session => $made->{token}, peer => $PEER)->{status}, 'denied', 'it is gone';
	my $admin = login('postmaster', $p->password)->{session};
	for my $scope (['own', 0, -1], ['admin', 1, -1], ['full', 1, 0]) {
		my $token = $authd->ask('api-token-add', session => $admin, peer => $PEER, name => "may $scope->[0]", scope => $scope->[0])->{token};
		my $is = $authd->ask('web-session', session => $token, peer => $PEER);
		is_deeply [@$is{qw(administrator confirmed)}], [@$scope[1, 2]], "a token that may $scope->[0]";
	}
};

subtest 'tokens at the command line' => sub {
	chomp(my $token = $p->postroom_ok(qw(token add postmaster), 'night run', qw(--scope admin --days 30)));
	my $is = $authd->ask('web-session', session => $token, peer => $PEER);
	is_deeply [@$is{qw(status user administrator confirmed)}], ['ok', 'postmaster', 1, -1], 'one is printed, and good';
	my ($row) = grep { $_->{name} eq 'night run' } @{ $p->postroom_json(qw(token list postmaster)) };
	is $row->{scope}, 'admin', 'listed';
	my ($status) = $p->postroom(qw(token add anna x --scope full));
	is $status, 1, 'a user gets none that administers';
	$p->postroom_ok(qw(token delete postmaster), $row->{id});
	is $authd->ask('web-session', session => $token, peer => $PEER)->{status}, 'denied', 'deleted';
};

subtest 'what authd does not tell' => sub {
	my $log = $p->log;
	unlike $log, qr/\bpt\.|anna-secret/, 'no token and no password is in the log';
	my $database = do { local (@ARGV, $/) = ($p->dir . '/state/auth/auth.db'); <> } . do { local (@ARGV, $/) = ($p->dir . '/state/auth/auth.db-wal'); <> // '' };
	my $token = login('anna', 'anna-secret', remember => 1)->{'remember-token'};
	ok index($database, $token) < 0, 'no token is in the database';
};

done_testing;

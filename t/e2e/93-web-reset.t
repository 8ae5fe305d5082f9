#!/usr/bin/perl
# A password that was forgotten: a link by mail, good once, and the same words for whoever asks.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Ipc;
use Postroom::Process qw(read_file wait_until);
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { anna => 'anna-secret', bert => 'bert-secret', carl => 'carl-secret' },
	set => { 'web.url' => 'https://web.example.test' });
my $authd = Postroom::Ipc->connect($p, 'authd', 'webadmin');
my $PEER = '192.0.2.7';

sub forgotten { my ($user) = @_; return $authd->ask('web-forgotten', user => $user, peer => $PEER) }
sub reset_by { my ($token, $password) = @_; return $authd->ask('web-reset', token => $token, password => $password)->{status} }
sub login { my ($user, $password) = @_; return $authd->ask('web-login', user => $user, password => $password, peer => $PEER, tls => 1)->{status} }

# The last message of a mailbox, once there is one.
sub message {
	my ($user, $password) = @_;
	my $text;
	$p->wait_for(sub {
		my $pop3 = $p->pop3;
		my ($count) = $pop3->login($user, $password) =~ /\A\+OK (\d+)/;
		$text = $count ? join '', map { ref $_ ? @$_ : $_ // '' } $pop3->retr($count) : undef;
		$pop3->quit;
		return $text;
	}, "mail for $user");
	return $text;
}

subtest '01-3.4 02-5.3 the answer is the same for everybody' => sub {
	my %answers = map { my $answer = forgotten($_); delete @$answer{qw(sequence)}; (join(' ', map { "$_=$answer->{$_}" } grep { $_ ne 'all' } sort keys %$answer) => 1) }
		'bert', 'nobody', '', 'x' x 300, 'anna@elsewhere.test';
	is_deeply \%answers, { 'status=ok' => 1 }, 'whoever is named';
};

my $token;
subtest 'the link comes to the mailbox, and works once' => sub {
	my $text = message('bert', 'bert-secret');
	like $text, qr/^Subject: A new password for bert\r?$/m, 'a message';
	($token) = $text =~ m{https://web\.example\.test/forgotten\.html\?token=([\w-]{43})\s};
	ok $token, 'with the link';
	is reset_by('A' x 43, 'bert-new-secret'), 'denied', 'no guess does';
	$p->set('login.password-min-length' => 8);
	isnt reset_by($token, 'short'), 'ok', 'a password that may not be set';
	is login('bert', 'bert-secret'), 'ok', 'leaves the old one';
	is reset_by($token, 'bert-new-secret'), 'ok', 'one that may is set';
	is login('bert', 'bert-new-secret'), 'ok', 'it is in force';
	is login('bert', 'bert-secret'), 'denied', 'the old one is not';
	is reset_by($token, 'bert-other-secret'), 'denied', 'the link is used up';
	unlike $p->log, qr/\Q$token\E/, 'the log does not have it';
};

subtest '02-5.3 to another address, where the user has one' => sub {
	$p->postroom_ok(qw(user set anna password.reset-address friend@remote.test));
	forgotten('anna');
	$p->wait_for(sub { grep { grep { $_->{address} eq 'friend@remote.test' } @{ $_->{recipients} } } @{ $p->postroom_json('queue', 'list') } }, 'it waits to be sent there');
	like $p->pop3->login('anna', 'anna-secret'), qr/\A\+OK 0 /, 'and nothing is in the mailbox';
};

subtest 'not again and again' => sub {
	forgotten('carl') for 1 .. 5;
	message('carl', 'carl-secret');
	forgotten('carl');
	$p->wait_log(qr/no link for a forgotten password is sent to user=carl.*a moment ago/);
	like $p->pop3->login('carl', 'carl-secret'), qr/\A\+OK 1 /, 'one message';
};

subtest 'words of the administrator, and a password of the web' => sub {
	$p->add_user(dora => 'dora-secret');
	$p->postroom_ok(qw(user set dora web-password on));
	$p->set('text.password-reset' => "<Subject: Hello {username}>\nGo to {link} within {minutes} minutes");
	forgotten('dora');
	my $text = message('dora', 'dora-secret');
	like $text, qr/^Subject: Hello dora\r?$/m, 'the subject';
	like $text, qr/within 60 minutes/, 'and the text';
	my ($link) = $text =~ /token=([\w-]{43})/;
	is reset_by($link, 'dora-web-secret'), 'ok', 'a new one';
	is login('dora', 'dora-web-secret'), 'ok', 'is that of the web';
	like $p->pop3->login('dora', 'dora-secret'), qr/\A\+OK/, 'the main one stays';
};

done_testing;

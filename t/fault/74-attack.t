#!/usr/bin/perl
# 200 sessions of attackers at once: they end on the block list, and who does nothing wrong is served all the time.
# How fast, t/bench/attack measures.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Attack;
use Postroom::Test;
use Test::More;

use constant { CLIENTS => 25, SESSIONS => 8, GOOD => '127.9.9.9', MESSAGES => 30 };

my $p = Postroom::Test->start(
	ids   => 1,
	guard => 1,
	users => { anna => 'anna-secret', bert => 'bert-secret' },
	set   => { 'smtp.max-sessions' => 0 },
);
$p->relay('127.0.0.1');
my $domain = $p->domain;

# As a mail program does it: a connection, a login, a message to a user here. The last reply.
sub good_message {
	my ($number) = @_;
	my $smtp = $p->smtp(local => GOOD);
	$smtp->ehlo;
	return $smtp->last if $smtp->code != 250 || $smtp->auth('PLAIN', 'anna', 'anna-secret') != 235;
	$smtp->send_message("anna\@$domain", ["bert\@$domain"], "Subject: $number\n\nx\n");
	my $reply = $smtp->last;
	$smtp->quit;
	return $reply;
}

sub blocked {
	return map { $_->{network} => 1 } @{ $p->postroom_json('block', 'list') };
}

my $attack = Postroom::Attack->start($p, clients => CLIENTS, sessions => SESSIONS);
my @attackers = $attack->addresses;
my ($sent, @refused) = (0);

subtest 'a good client is served among 200 sessions of attackers' => sub {
	for my $number (1 .. MESSAGES) {
		my $reply = good_message($number);
		$reply =~ /\A250 / ? $sent++ : push @refused, $reply;
	}
	is_deeply \@refused, [], 'every message is taken';
	is $sent, MESSAGES, 'all of them';
};

subtest 'the attackers end on the block list' => sub {
	$p->wait_for(sub {
		my %blocked = blocked();
		good_message(++$sent) =~ /\A250 / or die "the good client is refused\n";
		return !grep { !$blocked{$_} } @attackers;
	}, 'all attackers are blocked', 120); # they and their sessions get what others leave of the machine
	my %blocked = blocked();
	ok $blocked{$_}, "$_ is" for @attackers;
	ok !$blocked{ +GOOD }, 'the good client is not';
	is scalar(keys %blocked), scalar @attackers, 'nor is anybody else';
};

$attack->stop;

subtest 'afterwards' => sub {
	$p->wait_for(sub { !@{ $p->queue } }, 'all is delivered');
	my $pop3 = $p->pop3(local => GOOD);
	$pop3->login('bert', 'bert-secret');
	is +($pop3->stat)[0], $sent, 'each message once';
	is @{ $p->postroom_json('user', 'locks') } > 0, 1, 'who guessed passwords is locked out of the account as well';
	like good_message('last'), qr/\A250 /, 'its user is not';
};

$p->stop;
done_testing;

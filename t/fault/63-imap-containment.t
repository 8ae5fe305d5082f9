#!/usr/bin/perl
# What a taken-over imapd session could ask authd for, by the channel that it holds: nobody's mailbox but those that
# share something with its own user. What it could do to files and processes is in 60-containment.t.
use strict;
use warnings;
use lib 't/lib';
use IO::Socket::UNIX;
use Postroom::Test;
use Socket qw(SOCK_SEQPACKET);
use Test::More;

use constant MAGIC => 0x50525031;

my $p = Postroom::Test->start(users => { map { $_ => "$_-secret" } qw(anna bert carl) });

# A channel to authd as that caller has (common/ipc/ipc.h).
sub channel {
	my ($caller) = @_;
	my $path = $p->dir . "/run/authd/$caller.sock";
	return IO::Socket::UNIX->new(Type => SOCK_SEQPACKET, Peer => $path) // die "$path: $!\n";
}

# Ask: keys and values. Returns {key => [values]}.
sub ask {
	my ($channel, @fields) = @_;
	my $body = '';
	while (my ($key, $value) = splice @fields, 0, 2) {
		$body .= pack('S L', length $key, length $value) . $key . $value;
	}
	syswrite $channel, pack('L4', MAGIC, 1, 0, length $body) . $body or die "cannot ask: $!\n";
	sysread $channel, my $packet, 100_000 or die "no answer\n";
	my %answer;
	for (my $rest = substr $packet, 16; length $rest;) {
		my ($key_length, $value_length) = unpack 'S L', substr $rest, 0, 6, '';
		my $key = substr $rest, 0, $key_length, '';
		push @{ $answer{$key} }, substr $rest, 0, $value_length, '';
	}
	return \%answer;
}

sub status {
	return ask(@_)->{status}[0];
}

# A channel of imapd on which a user's own ticket was redeemed.
sub session_of {
	my ($user) = @_;
	my $login = ask(channel('imap-login'), op => 'login', user => $user, password => "$user-secret", service => 'imap',
		peer => '127.0.0.1', tls => 1);
	my $channel = channel('imapd');
	my $answer = ask($channel, op => 'redeem', ticket => $login->{ticket}[0], service => 'imap');
	is "@{ $answer->{user} }", $user, "a session of $user";
	return $channel;
}

my $imap = $p->imap;
$imap->login('anna', 'anna-secret');

subtest 'without a ticket of its own there is nothing to ask' => sub {
	my $channel = channel('imapd');
	is status($channel, op => 'share-ticket', owner => 'anna'), 'denied', 'share-ticket';
	is status($channel, op => 'share-list'), 'denied', 'share-list';
	is status($channel, op => 'share-set', grantee => 'anyone'), 'denied', 'share-set';
	is status($channel, op => 'share-names', name => 'anna'), 'denied', 'share-names';
	is status($channel, op => 'redeem', ticket => '0' x 32, service => 'imap'), 'denied', 'a ticket that was guessed';
};

subtest 'who shares nothing cannot be reached' => sub {
	my $bert = session_of('bert');
	my $none = ask($bert, op => 'share-ticket', owner => 'nobody');
	is_deeply ask($bert, op => 'share-ticket', owner => 'anna'), $none, 'and looks like who does not exist';
	is $none->{status}[0], 'not-found', 'which is not found';
	is status($bert, op => 'share-ticket', owner => 'bert'), 'not-found', 'nor oneself';
	is_deeply ask($bert, op => 'share-list'), { status => ['ok'] }, 'nobody is told of';
	is status($bert, op => 'share-set', uid => 2, grantee => 'anyone'), 'ok', 'a uid that is given';
	is status(session_of('carl'), op => 'share-ticket', owner => 'anna'), 'not-found', 'does not stand for the own one';
	is status($bert, op => 'share-set'), 'ok', 'and is taken back';
	is status($bert, op => 'password-set', uid => 2, user => 'anna', password => 'x', cost => 1), 'denied', 'requests of others';
};

subtest 'who shares is reached by those he named' => sub {
	is $imap->cmd('SETACL INBOX bert lr')->{type}, 'OK', 'Anna shares with Bert';
	my $bert = session_of('bert');
	is_deeply ask($bert, op => 'share-list')->{owner}, ['anna'], 'share-list';
	my $ticket = ask($bert, op => 'share-ticket', owner => 'ANNA')->{ticket}[0];
	is status(session_of('carl'), op => 'share-ticket', owner => 'anna'), 'not-found', 'Carl has none';
	is status(channel('pop3d'), op => 'redeem', ticket => $ticket, service => 'imap'), 'denied', 'it is for imapd';
	$ticket = ask($bert, op => 'share-ticket', owner => 'anna')->{ticket}[0];
	my $guest = channel('imapd');
	my $answer = ask($guest, op => 'redeem', ticket => $ticket, service => 'imap');
	is_deeply [map { $answer->{$_}[0] } qw(user grantee)], ['anna', 'bert'], 'and names both';
	is status(channel('imapd'), op => 'redeem', ticket => $ticket, service => 'imap'), 'denied', 'once';
	is status($guest, op => 'share-ticket', owner => 'bert'), 'denied', 'a guest goes nowhere from there';
	is status($guest, op => 'share-list'), 'denied', 'and is told of nobody';
	is $imap->cmd('DELETEACL INBOX bert')->{type}, 'OK', 'until Anna takes it back';
	is status($bert, op => 'share-ticket', owner => 'anna'), 'not-found', 'also in a session that runs';
};

$imap->logout;
$p->stop;
done_testing;

#!/usr/bin/perl
# How much an SMTP service takes at a time. Strangers are addresses of 127.0.0.0/8 that no rule allows to send unnamed.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { anna => 'anna-secret', map { ("u$_" => 'secret') } 1 .. 4 });
my $domain = $p->domain;
my $PER_CLIENT = '421 4.3.2 Postroom Too many connections from your IP address - try later';
my $ALTOGETHER = '421 4.3.2 Postroom Too many connections - try later';

# Who may send without a login, here: 127.0.0.1, 127.0.2.1 and .2. Everybody else is a stranger.
$p->relay('127.0.0.1', map { "127.0.2.$_" } 1 .. 2);

sub greeting { return $_[0]->greeting // '' }

sub opened {
	my ($address, $count) = @_;
	return map { $p->smtp(local => $address) } 1 .. $count;
}

sub served { return scalar grep { greeting($_) =~ /\A220 / } @_ }

subtest '05-7.1 the eleventh session of a client' => sub {
	my @sessions = opened('127.0.1.1', 10);
	is served(@sessions), 10, 'ten are served';
	my $more = $p->smtp(local => '127.0.1.1');
	is greeting($more), $PER_CLIENT, 'one more is not';
	ok $more->is_closed, 'it is closed';
	like greeting($p->smtp(local => '127.0.1.2')), qr/\A220 /, 'another client is';
	$sessions[0]->quit;
	ok $p->wait_for(sub { greeting($p->smtp(local => '127.0.1.1')) =~ /\A220 / }, 'a place is free'), 'after one QUIT';
};

subtest '05-7.3 a client that may send without a login is not limited' => sub {
	is served(opened('127.0.2.1', 20)), 20, 'twenty sessions';
};

subtest '05-7.2 05-7.6 places are kept' => sub {
	$p->set('smtp.max-sessions' => 5, 'smtp.reserved-sessions' => 3, 'smtp.reserved-clients' => '127.0.10.1, 127.0.11.*');
	my @others = (opened('127.0.1.1', 1), opened('127.0.110.1', 1));
	$p->wait_for(sub { served(@others) == 2 || do { @others = (opened('127.0.1.1', 1), opened('127.0.110.1', 1)); 0 } },
		'sessions of before have ended');
	is greeting($p->smtp(local => '127.0.1.3')), $ALTOGETHER, 'the third ordinary client is refused';
	my @kept = (opened('127.0.10.1', 2), opened('127.0.11.200', 1));
	is served(@kept), 3, 'those that places are kept for have three';
	is greeting($p->smtp(local => '127.0.10.1')), $ALTOGETHER, 'and no more while the others are taken';
	$others[1]->quit;
	$p->wait_for(sub { my $more = $p->smtp(local => '127.0.11.7'); greeting($more) =~ /\A220 / && push @kept, $more },
		'they have what is free of the rest too');
	is greeting($p->smtp(local => '127.0.1.3')), $ALTOGETHER, 'which is gone then';
	$p->postroom_ok('unset', "smtp.$_") for 'max-sessions', 'reserved-sessions', 'reserved-clients';
};

subtest 'limits are for each service' => sub {
	$p->postroom_ok('set', 'smtp.max-sessions-per-client', 1, '--service', 'submission');
	my @first = opened('127.0.1.20', 2);
	is served(@first), 2, 'the usual limit';
	my @second = map { $p->smtp(local => '127.0.1.20', service => 'submission') } 1 .. 2;
	is served(@second), 1, 'another one';
};

subtest '05-7.4 recipients of a message' => sub {
	$p->set('smtp.max-recipients-incoming' => 2, 'smtp.max-recipients-local' => 3);
	my $smtp = $p->smtp(local => '127.0.1.30');
	$smtp->ehlo;
	$smtp->cmd('MAIL FROM:<a@x.test>');
	is $smtp->cmd("RCPT TO:<u$_\@$domain>"), 250, "recipient $_" for 1 .. 2;
	is $smtp->cmd("RCPT TO:<u3\@$domain>"), 452, 'the third is too much';
	is $smtp->last, '452 4.5.3 Too many recipients', 'in these words';
	is $smtp->data("Subject: two\n\nx\n"), 250, 'the message goes to the first two';
	is $smtp->auth('PLAIN', 'anna', 'anna-secret'), 235, 'login';
	$smtp->cmd("MAIL FROM:<anna\@$domain>");
	is $smtp->cmd("RCPT TO:<u$_\@$domain>"), 250, "recipient $_ after it" for 1 .. 3;
	is $smtp->cmd("RCPT TO:<u4\@$domain>"), 452, 'the limit of local clients';
	for my $user ('u1', 'u2') {
		$p->wait_for(sub { my $pop3 = $p->pop3; $pop3->login($user, 'secret'); ($pop3->stat)[0] }, "$user has it");
	}
	$p->postroom_ok('unset', "smtp.max-recipients-$_") for 'incoming', 'local';
};

subtest '05-7.5 messages of a session' => sub {
	$p->set('smtp.max-messages-incoming' => 1, 'smtp.max-messages-local' => 2);
	my $smtp = $p->smtp(local => '127.0.1.40');
	like $smtp->send_message('a@x.test', ["u1\@$domain"], "Subject: one\n\nx\n"), qr/\A250/, 'one';
	is $smtp->cmd('MAIL FROM:<a@x.test>'), 421, 'the second is refused for a while';
	is $smtp->last, '421 4.7.0 Too many messages in this session', 'in these words';
	my $local = $p->smtp;
	like $local->send_message('a@x.test', ["u1\@$domain"], "Subject: $_\n\nx\n"), qr/\A250/, "message $_ of a local client" for 1 .. 2;
	is $local->cmd('MAIL FROM:<a@x.test>'), 421, 'then no more';
};

$p->stop;
done_testing;

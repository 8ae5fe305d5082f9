#!/usr/bin/perl
# Two servers whose users answer automatically stop after one round.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Delivered;
use Postroom::Test;
use Test::More;

my %server = map { $_ => Postroom::Test->start(domain => "$_.test", host_name => "mail.$_.test", users => { anna => 'anna-secret' }) } qw(a b);
for my $name (qw(a b)) {
	my $p = $server{$name};
	my $other = $server{ $name eq 'a' ? 'b' : 'a' };
	$p->postroom_ok('sender', 'set', 'default', '--method', 'relay', '--servers', '127.0.0.1:' . $other->port('smtp'), '--encryption', 'none');
	$p->postroom_ok('user', 'autoresponder', 'add', 'anna', '--name', 'away', '--text', "away from $name", '--hours', 0);
	$p->postroom_ok('user', 'autoresponder-rule', 'add', 'anna', '--responder', 'away');
}
my %mail = map { $_ => Postroom::Delivered->new($server{$_}) } qw(a b);

subtest '06-4.5 one message, one answer' => sub {
	my $mark = $mail{a}->send(login => 'anna', from => 'anna@a.test', to => ['anna@b.test'], header => ['Subject: ping']);
	$mail{b}->arrives('anna', 'INBOX', $mark);
	my $text = $mail{a}->arrives('anna', 'INBOX', { subject => 'Auto: ping' });
	like $text, qr/away from b/, 'the answer of the other server';
	$mail{$_}->settled for qw(a b a b);
	is scalar($mail{b}->find('anna', 'INBOX', { subject => 'Auto:' })), 0, 'which is not answered';
	is scalar($mail{a}->find('anna', 'INBOX', { subject => 'Auto:' })), 1, 'and that is all';
};

$_->stop for values %server;
done_testing;

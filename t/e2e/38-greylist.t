#!/usr/bin/perl
# Greylisting: unknown servers have to come again. Clients of 127.0.0.1 may relay, all others of 127.0.0.0/8 are strangers.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Dns;
use Postroom::Need qw(need_program);
use Postroom::Test;
use Test::More;

need_program('nsd');

my $dns = Postroom::Dns->start(zones => {
	'known.test'    => { '@' => ['TXT "v=spf1 include:_spf.provider.test -all"'] },
	'other.test'    => { '@' => ['TXT "v=spf1 ip4:127.0.0.0/8 -all"'] },
	'provider.test' => { '_spf' => ['TXT "v=spf1 ip4:127.0.0.0/8 -all"'] },
});
my $p = Postroom::Test->start(
	users => { anna => 'anna-secret' },
	set   => { 'dns.servers' => $dns->address, 'smtp.greylist' => 'on', 'smtp.greylist-wait' => 2 },
);
$p->relay('127.0.0.1');
my $WAIT = '451 4.7.1 Greylisted, please try again later';

# The reply to RCPT.
sub attempt {
	my ($client, $from, $to) = @_;
	my $smtp = $p->smtp(local => $client);
	$smtp->ehlo;
	$smtp->cmd("MAIL FROM:<$from>");
	$smtp->cmd('RCPT TO:<' . ($to // 'anna') . '@' . $p->domain . '>');
	return $smtp->last;
}

subtest '05-8.2 the first attempt waits' => sub {
	is attempt('127.0.1.1', 'a@b.test'), $WAIT, 'first';
	is attempt('127.0.1.1', 'a@b.test'), $WAIT, 'at once again: too early';
	like attempt('127.0.1.1', 'a@b.test', 'nobody'), qr/\A550 /, 'who does not exist is told so';
	$p->wait_for(sub { attempt('127.0.1.1', 'a@b.test') =~ /\A250 / }, 'a later one passes', 10);
	like attempt('127.0.1.1', 'new@c.test'), qr/\A250 /, 'the server is known now';
	is attempt('127.0.1.2', 'a@b.test'), $WAIT, 'another server is not';
	is attempt('127.0.1.2', ''), $WAIT, 'without a sender neither';
};

subtest 'who never waits' => sub {
	like attempt('127.0.0.1', 'a@b.test'), qr/\A250 /, 'a client that may relay';
	my $smtp = $p->smtp(local => '127.0.1.3');
	$smtp->ehlo;
	is $smtp->auth('PLAIN', 'anna', 'anna-secret'), 235, 'somebody logs in';
	$smtp->cmd('MAIL FROM:<anna@' . $p->domain . '>');
	is $smtp->cmd('RCPT TO:<anna@' . $p->domain . '>'), 250, 'a user';
	$p->set('smtp.greylist-exempt' => '127.0.2.0/24, *.good.test friend.test');
	like attempt('127.0.2.7', 'a@b.test'), qr/\A250 /, 'a listed network';
	like attempt('127.0.1.3', 'a@x.good.test'), qr/\A250 /, 'a listed domain with wildcards';
	like attempt('127.0.1.3', 'a@friend.test'), qr/\A250 /, 'a listed domain';
	is attempt('127.0.1.3', 'a@good.test'), $WAIT, 'not another one';
	$p->postroom_ok('unset', 'smtp.greylist-exempt');
};

subtest '05-8.2 SPF in place of a second attempt' => sub {
	$p->set('smtp.spf' => 'on');
	is attempt('127.0.3.1', 'a@known.test'), $WAIT, 'not unless it is wished';
	$p->set('smtp.greylist-spf' => 'on');
	like attempt('127.0.3.1', 'a@known.test'), qr/\A250 /, 'a sender whom SPF passes';
	is attempt('127.0.3.1', 'a@b.test'), $WAIT, 'one without SPF waits';
	$p->set('smtp.greylist-spf-domains' => '_spf.provider.test');
	like attempt('127.0.3.1', 'a@known.test'), qr/\A250 /, 'by the record that is listed';
	is attempt('127.0.3.1', 'a@other.test'), $WAIT, 'by another one not';
	$p->postroom_ok('unset', $_) for 'smtp.spf', 'smtp.greylist-spf', 'smtp.greylist-spf-domains';
};

subtest 'policyd away: mail comes in' => sub {
	my $smtp = $p->smtp(local => '127.0.4.1');
	$smtp->ehlo;
	$smtp->cmd('MAIL FROM:<a@b.test>');
	my $old = $p->kill_daemon('policyd');
	is $smtp->cmd('RCPT TO:<anna@' . $p->domain . '>'), 250, 'taken';
	$p->wait_for(sub { ($p->main_pid('policyd') // $old) != $old && attempt('127.0.4.2', 'a@b.test') eq $WAIT }, 'policyd is back');
	like attempt('127.0.1.1', 'x@y.test'), qr/\A250 /, 'and knows whom it knew';
};

$p->stop;
done_testing;

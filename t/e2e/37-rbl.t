#!/usr/bin/perl
# DNS blacklists: who is asked about, what answers mean, what follows. 127.0.0.1 may relay, others are strangers.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Dns;
use Postroom::Need qw(need_program);
use Postroom::Test;
use Test::More;

need_program('nsd');

my %LISTED = ('9.1.0.127' => ['A 127.0.0.3'], '1.0.0.127' => ['A 127.0.0.2']);
my $dns = Postroom::Dns->start(zones => { 'bad.test' => { %LISTED }, 'worse.test' => { '9.2.0.127' => ['A 127.0.0.2'] } });
my $p = Postroom::Test->start(
	users => { anna => 'anna-secret', bert => 'bert-secret', trap => 'trap-secret' },
	ids   => 1,
	set   => { 'dns.servers' => $dns->address, 'smtp.rbl-servers' => 'bad.test worse.test', 'ids.weight.dnsbl' => 0 },
);
$p->relay('127.0.0.1');
my $domain = $p->domain;

sub client {
	my ($local) = @_;
	my $smtp = $p->smtp(local => $local);
	$smtp->ehlo;
	return $smtp;
}

sub rcpt {
	my ($smtp) = @_;
	$smtp->cmd('MAIL FROM:<a@b.test>');
	$smtp->cmd("RCPT TO:<anna\@$domain>");
	return $smtp->last;
}

sub messages {
	my ($user) = @_;
	my $pop3 = $p->pop3;
	$pop3->login($user, "$user-secret");
	my ($count) = $pop3->stat;
	my @texts = map { $pop3->retr($_) } 1 .. $count;
	$pop3->quit;
	return @texts;
}

# From a listed client to anna and bert; the id under which it is taken.
sub send_listed {
	my ($subject) = @_;
	my $reply = client('127.0.1.9')->send_message('a@b.test', ["anna\@$domain", "bert\@$domain"], "Subject: $subject\n\nx\n");
	my ($id) = $reply =~ /\A250 .*queued as (\S+)/ or die "not taken: $reply\n";
	return $id;
}

sub arrives {
	my ($user, $subject) = @_;
	return $p->wait_for(sub { (grep { /^Subject: \Q$subject\E\r?$/m } messages($user))[0] }, "$subject is in the mailbox of $user");
}

subtest '05-8.3 a listed client' => sub {
	is rcpt(client('127.0.1.9')), '550 5.7.1 Mail not allowed because client address 127.0.1.9 found in RBL entry on bad.test', 'refused';
	is rcpt(client('127.0.2.9')), '550 5.7.1 Mail not allowed because client address 127.0.2.9 found in RBL entry on worse.test', 'by any list';
	like rcpt(client('127.0.3.9')), qr/\A250 /, 'another one is not';
	$p->wait_for(sub { grep { $_->{number} == 8 && $_->{data} eq 'bad.test' } @{ $p->postroom_json('block', 'events', '--client', '127.0.1.9') } }, 'event 8');
	pass 'the event is kept';
	my $smtp = client('127.0.1.9');
	is $smtp->auth('PLAIN', 'anna', 'anna-secret'), 235, 'who logs in';
	like rcpt($smtp), qr/\A250 /, 'is not asked about';
};

subtest '05-8.3 answers have to match the expression' => sub {
	$p->set('smtp.rbl-servers' => 'bad.test(127\.0\.0\.2)');
	like rcpt(client('127.0.1.9')), qr/\A250 /, '127.0.0.3 does not';
	$p->set('smtp.rbl-servers' => 'bad.test(127\.0\.0\.[23])');
	like rcpt(client('127.0.1.9')), qr/\A550 /, 'now it does';
	for my $wrong ('bad.test(', 'bad.test((', 'bad.test(()', '-bad-.test/x') {
		my ($status, undef, $reason) = $p->postroom('set', 'smtp.rbl-servers', $wrong);
		is $status, 1, "no list: $wrong";
		like $reason, qr/smtp\.rbl-servers/, 'with the reason';
	}
	$p->set('smtp.rbl-servers' => 'bad.test');
};

subtest '05-8.4 the other actions' => sub {
	$p->set('smtp.rbl-action' => 'header');
	send_listed('marked');
	my $text = arrives('anna', 'marked');
	is scalar(() = $text =~ /^X-RBLFound:/mg), 1, 'one field';
	like $text, qr/^X-RBLFound: Sender address 127\.0\.1\.9 found in RBL entry on bad\.test\r?$/m, 'as documented';
	$p->set('smtp.rbl-action' => 'blackhole');
	my $gone = send_listed('gone');
	$p->set('smtp.rbl-action' => 'redirect', 'smtp.rbl-redirect' => 'trap');
	send_listed('led away');
	arrives('trap', 'led away');
	is_deeply [map { /^Subject: (.*?)\r?$/m } messages($_)], ['marked'], "$_ has neither" for 'anna', 'bert';
	is scalar(grep { /^Subject: gone/m } messages('trap')), 0, 'the other one is nowhere';
	like $p->log, qr/id=\Q$gone\E discarded/, 'as the log says';
	$p->postroom_ok('unset', 'smtp.rbl-action');
};

subtest '05-8.5 who is not asked about' => sub {
	like rcpt(client('127.0.0.1')), qr/\A250 /, 'a client that may relay';
	$p->set('smtp.rbl-whitelist' => '127.0.1.*');
	like rcpt(client('127.0.1.9')), qr/\A250 /, 'a listed address';
	unlike $p->log, qr/client=127\.0\.0\.1 is listed/, 'nothing was asked';
	$p->set('smtp.rbl-check-authorised' => 'on');
	like rcpt(client('127.0.0.1')), qr/\A550 .*127\.0\.0\.1 found/, 'with the setting it is asked about';
};

$p->stop;
done_testing;

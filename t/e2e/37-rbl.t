#!/usr/bin/perl
# DNS blacklists: who is asked about, what answers mean, what follows. 127.0.0.1 may relay, others are strangers.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Dns;
use Postroom::Need qw(need_program);
use Postroom::Process qw(read_file write_file);
use Postroom::Test;
use Test::More;

need_program('nsd');

my %LISTED = ('9.1.0.127' => ['A 127.0.0.3'], '1.0.0.127' => ['A 127.0.0.2']);
my $dns = Postroom::Dns->start(watched => 1, zones => { 'bad.test' => { %LISTED }, 'worse.test' => { '9.2.0.127' => ['A 127.0.0.2'] } });
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

# What was asked of the lists since the last call: also of what is long in dnsd's cache nothing is asked.
sub asked {
	return grep { /(?:bad|worse)\.test\z/ } $dns->questions;
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
	asked();
	like rcpt(client('127.0.0.1')), qr/\A250 /, 'a client that may relay';
	$p->set('smtp.rbl-whitelist' => '127.0.1.*');
	like rcpt(client('127.0.1.9')), qr/\A250 /, 'a listed address';
	is_deeply [asked()], [], 'no question went to the DNS';
	like rcpt(client('127.0.4.9')), qr/\A250 /, 'another stranger';
	is_deeply [asked()], ['9.4.0.127.bad.test'], 'is asked about';
	$p->set('smtp.rbl-check-authorised' => 'on');
	like rcpt(client('127.0.0.1')), qr/\A550 .*127\.0\.0\.1 found/, 'and, with the setting, who may relay';
	is_deeply [asked()], ['1.0.0.127.bad.test'], 'too';
	$p->postroom_ok('unset', $_) for 'smtp.rbl-check-authorised', 'smtp.rbl-whitelist';
};

sub script {
	my ($text) = @_;
	my $file = $p->dir . '/etc/scripts/smtpsvr.lua';
	write_file("$file.new", $text);
	chmod 0644, "$file.new";
	return rename "$file.new", $file;
}

subtest '05-11.2 a script changes the lists' => sub {
	$p->set('smtp.rbl-servers' => 'bad.test');
	script('function Start() if IPAddress:find("^127%.0%.1%.") then RBLServers = {} end end');
	asked();
	like rcpt(client('127.0.1.9')), qr/\A250 /, 'none are left';
	is_deeply [asked()], [], 'and none is asked';
	is rcpt(client('127.0.5.9')), '250 2.1.5 OK', 'for other clients';
	is_deeply [asked()], ['9.5.0.127.bad.test'], 'they are as they were';
	script('function Start() table.insert(RBLServers, "worse.test") RBLRejectMessage = "550 5.7.1 not you" end');
	is rcpt(client('127.0.2.9')), '550 5.7.1 not you', 'one more, and other words';
	script('function Start() table.insert(RBLWhitelist, "127.0.*.9") end');
	like rcpt(client('127.0.1.9')), qr/\A250 /, 'an exemption';
	script('function Start() CheckRBL = false end');
	like rcpt(client('127.0.1.9')), qr/\A250 /, 'no check at all';
	script('function Start() CheckRBL = true end');
	like rcpt(client('127.0.0.1')), qr/\A550 .*127\.0\.0\.1 found/, 'one of a client that may relay';
	script('function Start() RBLServers = { "worse test(" } end');
	like rcpt(client('127.0.1.9')), qr/\A550 .*bad\.test/, 'what is no list changes nothing';
	my $log = $p->dir . '/log/luaerrors.log';
	$p->wait_for(sub { -e $log && read_file($log) =~ /RBLServers/ }, 'it is told in luaerrors.log', 10);
};

subtest 'a script has the last word on results' => sub {
	$p->set('smtp.rbl-servers' => 'bad.test(127\.0\.0\.2) worse.test');
	script(<<'LUA');
function RBLResults()
	if RBLResultInfo["bad.test"] == "127.0.0.3" and RBLResultInfo["worse.test"] == "" and RBLFound == "" then
		RBLFound = "own.test"
	elseif RBLFound == "worse.test" then
		RBLFound = ""
	end
end
LUA
	is rcpt(client('127.0.1.9')), '550 5.7.1 Mail not allowed because client address 127.0.1.9 found in RBL entry on own.test',
		'a client found after all';
	like rcpt(client('127.0.2.9')), qr/\A250 /, 'one that is let through';
	$p->set('smtp.rbl-action' => 'header');
	script('function RBLResults() RBLFound = "bad.test" RBLHeader = "X-Doubt: " .. IPAddress end');
	client('127.0.6.9')->send_message('a@b.test', ["anna\@$domain"], "Subject: own field\n\nx\n");
	like arrives('anna', 'own field'), qr/^X-Doubt: 127\.0\.6\.9\r?$/m, 'another field';
};

$p->stop;
done_testing;

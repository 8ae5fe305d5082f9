#!/usr/bin/perl
# What an administrator looks at and acts on in the browser: posts that wait, notices, events, locks, quotas, LAN forwarding, reports,
# autoresponders' answers, tokens, logs that follow, certificates, Message Security.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Browser qw(browse need_browser);
use Postroom::Ca;
use Postroom::Dns;
use Postroom::Need qw(need_program);
use Postroom::Process qw(run_program);
use Postroom::Test;
use Test::More;

need_browser();
need_program('sqlite3');
my $dns = Postroom::Dns->start(zones => {
	'one.test' => { '@' => ['TXT "v=spf1 ip4:127.0.0.7 -all"', 'A 127.0.0.1'], '_dmarc' => ['TXT "v=DMARC1; p=none; rua=mailto:dmarc@one.test"'] },
});
my $p = Postroom::Test->start(
	users => { anna => 'anna-secret', bob => 'bob-secret', mod => 'mod-secret' },
	set => { 'server.offer-wizard' => 'off', 'dns.servers' => $dns->address, 'smtp.spf' => 'on', 'smtp.dkim' => 'on', 'mail-auth.dmarc-reports' => 'on' },
);
$p->relay('127.0.0.1');
my $domain = $p->domain;

sub mail {
	my ($from, $to, $subject, %options) = @_;
	like $p->smtp(%options)->send_message($from, [$to], "From: $from\nTo: $to\nSubject: $subject\n\nx\n"), qr/\A250/, "$subject: taken";
	return;
}

# a list whose posts wait
$p->postroom_ok(qw(list add club --type mailing anna));
$p->postroom_ok(qw(list set club), $_->[0], '--', $_->[1]) for ['public', 'on'], ['moderator', 'mod'], ['moderation', 'all'], ['who-may-post', 'anyone'];
mail('carl@x.test', "club\@$domain", "post $_") for 1, 2;
# a notice that is told once, and not again
$p->postroom_ok('notice', 'send', 'the same again', '--component', 'sender', '--kind', 'tcpip', '--severity', 'error', '--text', 'x') for 1 .. 2;
$p->wait_for(sub { @{ $p->postroom_json('notice', 'suppressed') } }, 'the second is not told', 20);
# a quota, a server of the LAN that is away, mail for it
$p->postroom_ok('user', 'set', 'anna', 'send-quota.messages', 10);
$p->postroom_ok('lan-rule', 'add', '--address', '*@lan.test', '--server', '127.0.0.1:1');
mail("anna\@$domain", 'x@lan.test', 'for the LAN');
# mail in another domain's name, of yesterday
mail('bob@one.test', "anna\@$domain", 'not from there', local => '127.0.0.2');
$p->wait_for(sub { @{ $p->postroom_json('dmarc', 'report', '--day', POSIX::strftime('%Y-%m-%d', gmtime)) } }, 'it is noted', 10);
run_program('sqlite3', '-cmd', '.timeout 5000', $p->dir . '/state/policy/policy.db', 'UPDATE dmarc SET day = day - 1');
# an autoresponder that answers, an assistant
$p->postroom_ok(qw(user set bob assistant anna));
$p->postroom_ok('user', 'autoresponder', 'add', 'bob', '--name', 'Away', '--text', 'gone');
$p->postroom_ok('user', 'autoresponder-rule', 'add', 'bob', '--name', 'always', '--responder', 'Away', '--enabled', 'on');
mail("anna\@$domain", "bob\@$domain", 'are you there');
# somebody is locked out
$p->set('login.lockout-failures' => 2, 'login.lockout-time' => 600);
for (1, 2) {
	my $pop3 = $p->pop3(local => '127.0.0.9');
	$pop3->login('mod', 'wrong');
	$pop3->quit;
}
# a certificate of a name of its own, which ends soon
$p->set('tls.validate' => 'off');
$p->postroom_ok('tls', 'install', @{ Postroom::Ca->new->issue('soon.example.test', days => 5) }, '--name', 'soon.example.test');
browse($p, 't/web/now.mjs');
$p->stop;
done_testing;

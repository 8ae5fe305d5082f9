#!/usr/bin/perl
# Accounts whose password is an access token: consent by device authorization, renewal, withdrawal; and a smarthost that takes
# nothing else. 04-11.3 by the methods that the administrator chooses.
use strict;
use warnings;
use lib 't/lib';
use MIME::Base64;
use Postroom::Ca;
use Postroom::Dns;
use Postroom::ImapServer;
use Postroom::Need qw(need_program);
use Postroom::Pop3Server;
use Postroom::Process qw(write_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Postroom::WebServer;
use Test::More;

need_program('nsd');

my $ca = Postroom::Ca->new;
my $dns = Postroom::Dns->start(zones => { 'login.test' => { '@' => 'A 127.0.0.7' } });
my $web = Postroom::WebServer->start(host => '127.0.0.7', pair => $ca->issue('login.test'));
my $remote = Postroom::SmtpServer->start(extensions => ['AUTH PLAIN XOAUTH2'], tls => 1, pair => $ca->issue('localhost'));
local $ENV{SSL_CERT_FILE} = $ca->file;
my $p = Postroom::Test->start(users => { anna => 'anna-secret' }, set => { 'dns.servers' => $dns->address });
my $domain = $p->domain;
my $base = 'https://login.test:' . $web->port;
write_file($p->dir . '/etc/oauth.conf', "[here]\nclient-id = our id\nclient-secret = hush\ndevice-endpoint = $base/device\n"
	. "token-endpoint = $base/token\nscope = mail offline\n");

my %DEVICE = (json => { device_code => 'dev/code', user_code => 'WDJB-MJHT', verification_uri => 'https://login.test/go',
	expires_in => 60, interval => 1 });

sub form {
	my ($request) = @_;
	return { map { my ($k, $v) = split /=/; $k => ($v =~ s/%(..)/chr hex $1/egr) } split /&/, $request->{body} };
}

sub submit {
	my $smtp = $p->smtp;
	like $smtp->send_message("anna\@$domain", ['x@elsewhere.test'], "Subject: test\n\nbody\n"), qr/\A250/, 'taken';
	my ($id) = $smtp->last =~ /queued as (\S+)/;
	return $id;
}

sub xoauth2 { return 'AUTH XOAUTH2 ' . encode_base64("user=$_[0]\1auth=Bearer $_[1]\1\1", '') }
sub logins { return grep { /\AAUTH/ } $remote->commands }

subtest 'somebody consents' => sub {
	$web->set(pages => {
		'/device' => \%DEVICE,
		'/token'  => [{ status => 400, json => { error => 'authorization_pending' } },
			{ json => { access_token => 'first', refresh_token => 'again/1', expires_in => 61, token_type => 'Bearer' } }],
	});
	my $out = $p->postroom_ok('oauth', 'add', 'office', '--provider', 'here', '--user', 'tim@login.test');
	like $out, qr{^Open https://login\.test/go in a browser, as tim\@login\.test, and enter the code WDJB-MJHT$}m, 'how to';
	like $out, qr/^office may be used now\.$/m, 'done';
	my @requests = $web->requests;
	is_deeply [map { "$_->{method} $_->{path}" } @requests], ['POST /device', 'POST /token', 'POST /token'], 'what was asked';
	is_deeply form($requests[0]), { client_id => 'our id', scope => 'mail offline' }, 'RFC 8628 3.1';
	is_deeply form($requests[1]), { client_id => 'our id', client_secret => 'hush', device_code => 'dev/code',
		grant_type => 'urn:ietf:params:oauth:grant-type:device_code' }, 'RFC 8628 3.4';
	my ($account) = @{ $p->postroom_json('oauth', 'list') };
	is "$account->{name} $account->{user} $account->{state}", 'office tim@login.test granted', 'it is listed';
};

$p->postroom_ok('sender', 'set', 'default', '--method', 'relay', '--servers', $remote->address, '--encryption', 'starttls',
	'--verify', 'off');
$p->postroom_ok('sender', 'set', 'default', 'auth', 'oauth', 'oauth', 'office');

subtest 'the smarthost gets the token, and a new one when it ends' => sub {
	$remote->set_reply(AUTH => '235 2.7.0 welcome');
	submit();
	$remote->wait_messages(1);
	is_deeply [logins()], [xoauth2('tim@login.test', 'first')], 'as its user, by XOAUTH2 though PLAIN is offered';
	$web->set(pages => { '/token' => { json => { access_token => 'second', expires_in => 3600 } } });
	$p->postroom_ok('oauth', 'test', 'office');
	is_deeply form(($web->requests)[-1]), { client_id => 'our id', client_secret => 'hush', grant_type => 'refresh_token',
		refresh_token => 'again/1' }, 'RFC 6749 section 6';
	$p->set('sender.helo' => 'again.test'); # another generation of settings: a new connection
	submit();
	$remote->wait_messages(2);
	is +(logins())[-1], xoauth2('tim@login.test', 'second'), 'the new one';
	unlike $p->log, qr/again\/1|hush|Bearer/, 'no log holds any of that';
};

subtest 'a collector gets it, too' => sub {
	my $pop3 = Postroom::Pop3Server->start(user => 'tim@login.test', password => 'second', auth => ['XOAUTH2', 'PLAIN'],
		capa => ['UIDL', 'TOP', 'SASL PLAIN XOAUTH2']);
	$pop3->put("From: a\@far.test\nSubject: collected by token\n\nbody\n");
	$p->postroom_ok('collector', 'add', 'far', 'pop3.server' => '127.0.0.1', 'pop3.port' => $pop3->port,
		'pop3.authentication' => 'oauth', 'route' => 'user', 'target' => 'anna');
	my ($status, undef, $err) = $p->postroom('collector', 'run', 'far', '--wait');
	is $status, 1, 'not without an account';
	like $err, qr/names no OAuth account/, 'which is said';
	$p->postroom_ok('collector', 'set', 'far', 'oauth', 'office');
	like $p->postroom_ok('collector', 'run', 'far', '--wait'), qr/\AConnection successful, 1 message/, 'with one it collects';
	is_deeply [grep { /\A(?:AUTH|USER|PASS)/ } $pop3->commands], [xoauth2('tim@login.test', 'second') =~ s/\s+\z//r], 'by its token';
	$p->postroom_ok('collector', 'delete', 'far');
	$pop3->stop;
};

sub imap_collector {
	my ($name, %options) = @_;
	my $server = Postroom::ImapServer->start(messages => ["From: a\@far.test\r\nSubject: by IMAP $name\r\n\r\nbody\r\n"], token => 'second',
		%options);
	$p->postroom_ok('collector', 'add', $name, '--method', 'imap', 'imap.server' => '127.0.0.1', 'imap.port' => $server->port,
		'imap.encryption' => 'none', 'imap.authentication' => 'oauth', 'oauth' => 'office', 'route' => 'user', 'target' => 'anna');
	return $server;
}

sub asked { return map { decode_base64($_) } map { /\A(?:AUTHENTICATE \S+ )?([A-Za-z0-9+\/]{20,}=*)\z/ ? $1 : () } $_[0]->commands }

subtest 'IMAP gets it: by either mechanism, with and without an initial response' => sub {
	for (['AUTH=XOAUTH2', qr/\Auser=tim\@login\.test\x01auth=Bearer second\x01\x01\z/],
		['AUTH=XOAUTH2 SASL-IR', qr/\Auser=tim\@login\.test\x01auth=Bearer second\x01\x01\z/],
		['AUTH=OAUTHBEARER SASL-IR', qr/\An,a=tim\@login\.test,\x01host=127\.0\.0\.1\x01port=\d+\x01auth=Bearer second\x01\x01\z/]) {
		my ($offer, $expected) = @$_;
		my $server = imap_collector('by-imap', capability => $offer);
		is $p->postroom_ok('collector', 'run', 'by-imap', '--wait'), "Connection successful, 1 message\n", "$offer: it collects";
		my @asked = asked($server);
		is @asked, 1, 'one response';
		like $asked[0], $expected, 'with the token';
		$p->postroom_ok('collector', 'delete', 'by-imap');
		$server->stop;
	}
};

subtest 'a token that the IMAP server does not take' => sub {
	my $server = imap_collector('refused', capability => 'AUTH=XOAUTH2 SASL-IR', token => 'another');
	my ($status, undef, $err) = $p->postroom('collector', 'run', 'refused', '--wait');
	is $status, 1, 'the run fails';
	like $err, qr/"AUTHENTICATE XOAUTH2 \*{5}" -> p\d+ NO no such token/, 'in the words of the server';
	unlike $err, qr/second/, 'without the token';
	is scalar(grep { /SELECT/ } $server->commands), 0, 'nothing else is tried';
	$p->postroom_ok('collector', 'delete', 'refused');
	$server->stop;
};

subtest 'a whole account is copied by token; one that stays connected logs in by it' => sub {
	my $server = imap_collector('whole', capability => 'AUTH=XOAUTH2 SASL-IR IDLE');
	like $p->postroom_ok('collector', 'copy', 'whole', 'anna'), qr/^1 message of 1 folder copied/, 'copied';
	$p->postroom_ok('collector', 'set', 'whole', 'imap.idle', 'on');
	is $p->postroom_ok('collector', 'run', 'whole', '--wait'), "Connection successful, 1 message\n", 'collected';
	$p->wait_for(sub { grep { $_ eq 'IDLE' } $server->commands }, 'it stays, and waits', 20);
	is scalar(grep { /AUTHENTICATE/ } $server->commands), 2, 'each connection logged in once';
	like $_, qr/auth=Bearer second\x01/, 'by the token' for asked($server);
	$p->postroom_ok('collector', 'delete', 'whole');
	$server->stop;
};

subtest 'the token server is away for a while' => sub {
	$web->set(pages => { '/token' => { status => 500, body => 'sorry' } });
	my ($status, undef, $err) = $p->postroom('oauth', 'test', 'office');
	is $status, 1;
	like $err, qr/the token server answers 500, and not in JSON/, 'that is temporary';
	is $p->postroom_json('oauth', 'list')->[0]{state}, 'granted', 'nothing is lost';
};

subtest 'consent is withdrawn' => sub {
	$web->set(pages => { '/token' => { status => 400, json => { error => 'invalid_grant', error_description => 'revoked' } } });
	my ($status, undef, $err) = $p->postroom('oauth', 'test', 'office');
	is $status, 1;
	like $err, qr/the token server refuses: invalid_grant revoked/, 'what the server says';
	is $p->postroom_json('oauth', 'list')->[0]{state}, 'withdrawn', 'it is remembered';
	$p->wait_for(sub {
		my $pop3 = $p->pop3;
		$pop3->login('postmaster', $p->password);
		my ($count) = $pop3->stat;
		return grep { $pop3->retr($_) =~ /OAuth account office was\s+withdrawn/ } 1 .. $count;
	}, 'the administrator hears of it by mail', 20);
	$p->set('sender.helo' => 'third.test');
	my $id = submit();
	$p->wait_for(sub {
		my ($message) = grep { $_->{id} eq $id } @{ $p->queue };
		return $message && ($message->{recipients}[0]{answer} // '') =~ /consent to the OAuth account was withdrawn/;
	}, 'the message waits and says why', 20);
	$p->postroom_ok('queue', 'delete', $id);
	$p->postroom_ok('oauth', 'delete', 'office');
	is_deeply $p->postroom_json('oauth', 'list'), [], 'deleted';
	($status, undef, $err) = $p->postroom('oauth', 'test', 'office');
	like $err, qr/there is no OAuth account office/;
};

subtest 'consent is refused' => sub {
	$web->set(pages => { '/device' => \%DEVICE, '/token' => { status => 400, json => { error => 'access_denied' } } });
	my ($status, undef, $err) = $p->postroom('oauth', 'add', 'other', '--provider', 'here', '--user', 'tim@login.test');
	is $status, 1;
	like $err, qr/the token server refuses: access_denied/;
	($status, undef, $err) = $p->postroom('oauth', 'add', 'other', '--provider', 'google', '--user', 'tim@login.test');
	is $status, 1;
	like $err, qr/oauth\.conf has no client-id in \[google\]/, 'the client is the administrator\'s';
};

subtest '04-11.3 a method that is chosen' => sub {
	$remote->stop;
	my $challenge = encode_base64('<1896.697170952@postoffice.reston.mci.net>', '');
	$remote = Postroom::SmtpServer->start(auth => { tim => 'tanstaaftanstaaf' }, extensions => ['AUTH CRAM-MD5 PLAIN LOGIN']);
	$p->postroom_ok({ stdin => "tanstaaftanstaaf\n" }, 'sender', 'set', 'default', '--servers', $remote->address, '--encryption', 'none',
		'--user', 'tim', '--password-stdin', 'auth', 'plain');
	submit();
	is +($remote->wait_messages(1))[0]{user}, 'tim', 'logged in';
	is_deeply [map { s/ \S+\z//r } logins()], ['AUTH PLAIN'], 'by PLAIN, though CRAM-MD5 is offered';
	$p->postroom_ok('sender', 'set', 'default', 'auth', 'scram');
	my $id = submit();
	$p->wait_for(sub {
		my ($message) = grep { $_->{id} eq $id } @{ $p->queue };
		return $message && ($message->{recipients}[0]{answer} // '') =~ /offers no AUTH mechanism that may be used/;
	}, 'what is not offered is not replaced by something weaker', 20);
};

$p->stop;
$_->stop for $remote, $web, $dns;
done_testing;

#!/usr/bin/perl
# MTA-STS: what domains say by HTTPS of the TLS of their mail exchangers, and that it is kept to.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Ca;
use Postroom::Dns;
use Postroom::Need qw(need_program);
use Postroom::Ports;
use Postroom::SmtpServer;
use Postroom::Test;
use Postroom::WebServer;
use Test::More;

need_program('nsd');

my $PORT = Postroom::Ports::port();
my $ca = Postroom::Ca->new;
my @domains = qw(good bad other testing broken html late);
my %records = map { ("_mta-sts.$_" => 'TXT "v=STSv1; id=1;"', $_ => "MX 10 mx.$_.a.test.", "mta-sts.$_" => 'A 127.0.0.7') } @domains;
my %hosts = (
	'mx.good' => 'A 127.0.0.2', 'mx.bad' => 'A 127.0.0.3', 'mx.other' => 'A 127.0.0.2', 'mx.testing' => 'A 127.0.0.3',
	'mx.broken' => 'A 127.0.0.3', 'mx.html' => 'A 127.0.0.3', 'mx.late' => 'A 127.0.0.3',
);
my $dns = Postroom::Dns->start(zones => { 'a.test' => { %records, %hosts } });

sub policy {
	my ($mode, $mx, $age) = @_;
	return { body => "version: STSv1\r\nmode: $mode\r\nmx: $mx\r\nmax_age: " . ($age // 86400) . "\r\n" };
}

my $FILE = '/.well-known/mta-sts.txt';
# One web server for all: they differ by the name they are asked for. What it says changes, so each domain is fetched in turn.
my $web = Postroom::WebServer->start(host => '127.0.0.7', pairs => { map { ("mta-sts.$_.a.test" => $ca->issue("mta-sts.$_.a.test")) } grep { $_ ne 'broken' } @domains });
my $right = Postroom::SmtpServer->start(host => '127.0.0.2', port => $PORT, tls => 1, pair => $ca->issue('mx.good.a.test'));
my $wrong = Postroom::SmtpServer->start(host => '127.0.0.3', port => $PORT, tls => 1, pair => $ca->issue('elsewhere.test'));
local $ENV{SSL_CERT_FILE} = $ca->file;
my $p = Postroom::Test->start(
	users => { anna => 'anna-secret' },
	set   => { 'dns.servers' => $dns->address, 'sender.mx-port' => $PORT, 'sender.mta-sts-port' => $web->port, 'sender.connect-timeout' => 5 },
);
my $domain = $p->domain;

sub submit {
	my ($to) = @_;
	my $smtp = $p->smtp;
	like $smtp->send_message("anna\@$domain", [$to], "Subject: test\n\nbody\n"), qr/\A250/, "taken for $to";
	my ($id) = $smtp->last =~ /queued as (\S+)/;
	return $id;
}

sub arrives {
	my ($name, $server) = @_;
	my $count = $server->messages;
	submit("x\@$name.a.test");
	my @messages = $server->wait_messages($count + 1, 20);
	return $messages[-1];
}

sub waits {
	my ($name, $words) = @_;
	my $id = submit("x\@$name.a.test");
	my $message;
	$p->wait_for(sub {
		($message) = grep { $_->{id} eq $id } @{ $p->queue };
		return $message && $message->{attempts} >= 1 && $message->{state} eq 'deferred';
	}, "$id was tried", 20);
	like $message->{recipients}[0]{answer}, $words, 'it waits, and says why';
	$p->postroom_ok('queue', 'delete', $id);
	return;
}

sub fetched { return scalar grep { $_->{host} =~ /\Amta-sts\.$_[0]\./ } $web->requests }

subtest 'a policy that is met' => sub {
	$web->set(pages => { $FILE => policy('enforce', '*.good.a.test') });
	ok arrives('good', $right)->{tls}, 'over TLS';
	like $p->log, qr/host=mx\.good\.a\.test\[127\.0\.0\.2\].*verified by its CA/, 'verified';
	like $p->log, qr/fetchd\[\d+\]: info: the MTA-STS policy of good\.a\.test is enforce \(id 1\)/, 'the log tells of the policy';
	arrives('good', $right);
	is fetched('good'), 1, 'it was fetched once';
};

subtest 'a certificate of another name' => sub {
	$web->set(pages => { $FILE => policy('enforce', 'mx.bad.a.test') });
	waits('bad', qr/TLS handshake failed: TLS: the certificate is not accepted/);
	is scalar $wrong->messages, 0, 'gets nothing';
};

subtest 'a mail exchanger that the policy does not name' => sub {
	$web->set(pages => { $FILE => policy('enforce', 'mx.good.a.test') });
	waits('other', qr/mx\.other\.a\.test is no mail exchanger of other\.a\.test by its MTA-STS policy/);
};

subtest 'a policy in the mode testing' => sub {
	$web->set(pages => { $FILE => policy('testing', 'mx.testing.a.test') });
	ok arrives('testing', $wrong)->{tls}, 'stops nothing';
	like $p->log, qr/host=mx\.testing\.a\.test\[127\.0\.0\.3\].*certificate not verified: hostname mismatch/i, 'the log tells';
};

subtest 'a policy that cannot be had' => sub {
	$web->set(pages => { $FILE => { body => '<html>', type => 'text/html' } });
	ok arrives('html', $wrong)->{tls}, 'is none';
	like $p->log, qr/the MTA-STS policy of html\.a\.test \(id 1\) cannot be had: the policy is "text\/html", not text\/plain/, 'the log tells';
	$web->set(pages => { $FILE => policy('enforce', 'mx.good.a.test') });
	ok arrives('broken', $wrong)->{tls}, 'nor is one of a server whose certificate is another\'s';
	like $p->log, qr/the MTA-STS policy of broken\.a\.test \(id 1\) cannot be had: mta-sts\.broken\.a\.test: SSL: no alternative certificate/, 'the log tells';
	$web->set(pages => { $FILE => { status => 302, headers => ['Location: https://mta-sts.good.a.test/'] } });
	arrives('late', $wrong);
	like $p->log, qr/the MTA-STS policy of late\.a\.test \(id 1\) cannot be had: the web server answers 302/, 'nor is one elsewhere';
};

subtest 'a policy stays until it is another, also without its record' => sub {
	my %without = %records;
	delete $without{'_mta-sts.bad'};
	$dns->change(zones => { 'a.test' => { %without, '_mta-sts.good' => 'TXT "v=STSv1; id=2;"', %hosts } });
	$web->set(pages => { $FILE => policy('none', 'mx.good.a.test') });
	$p->set('sender.helo' => 'new.test'); # other settings: a new connection
	arrives('good', $right);
	is fetched('good'), 2, 'the new one is fetched';
	waits('bad', qr/certificate is not accepted/);
	$p->postroom_ok('stop');
	$p->run;
	waits('bad', qr/certificate is not accepted/);
	$p->set('sender.mta-sts' => 'off');
	ok arrives('bad', $wrong)->{tls}, 'unless the administrator does not want them';
};

$p->stop;
$_->stop for $right, $wrong, $web, $dns;
done_testing;

#!/usr/bin/perl
# What a message's chain of custody (RFC 8617) says, in the Authentication-Results of who receives it.
use strict;
use warnings;
use lib 't/lib';
use File::Temp ();
use Postroom::Dns;
use Postroom::Need qw(need_program);
use Postroom::Process qw(run_program);
use Postroom::Test;
use Test::More;

need_program('nsd', 'openssl');

my $tool = ($ENV{POSTROOM_BUILD} // 'build') . '/t/tools/dkim';
my $dir = File::Temp->newdir;
run_program({}, 'openssl', 'genpkey', '-algorithm', 'ed25519', '-out', "$dir/key.pem");
my (undef, $record) = run_program({}, $tool, 'record', "$dir/key.pem");
chomp $record;

my $dns = Postroom::Dns->start(zones => {
	map { ($_ => { '@' => ['A 127.0.0.1'], 's._domainkey' => [qq(TXT "$record")] }) } 'one.test', 'two.test' });
my $p = Postroom::Test->start(users => { anna => 'anna-secret' }, set => { 'dns.servers' => $dns->address });
$p->relay('127.0.0.1'); # 127.0.0.2 is a stranger
my $domain = $p->domain;

sub seal {
	my ($message, $by, $state) = @_;
	my ($status, $out, $err) = run_program({ stdin => $message }, $tool, 'seal', "$dir/key.pem", $by, 's', $state,
		"mx.$by; spf=pass smtp.mailfrom=one.test");
	die "dkim seal: $err" if $status != 0;
	return $out;
}

# The results that are on top of a message from a stranger, unfolded.
sub results_of {
	my ($message) = @_;
	my $smtp = $p->smtp(local => '127.0.0.2');
	$smtp->ehlo('client.one.test');
	my $reply = $smtp->send_message('bob@one.test', ["anna\@$domain"], $message);
	my ($id) = $reply =~ /queued as (\S+)/ or return $reply;
	$smtp->quit;
	$p->wait_log(qr/id=\Q$id\E.*delivered/);
	my $pop3 = $p->pop3;
	$pop3->login('anna', 'anna-secret');
	my ($count) = $pop3->stat;
	my $text = $pop3->retr($count);
	$pop3->quit;
	my ($header) = $text =~ /\A(.*?)\r?\n\r?\n/s;
	$header =~ s/\r?\n[ \t]+/ /g;
	return $header =~ /^Authentication-Results: (mail\.example\.test;.*?)\r?$/m ? $1 : $text;
}

my $MESSAGE = "From: Bob <bob\@one.test>\r\nTo: anna\@$domain\r\nSubject: hello\r\n"
	. "Date: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1\@one.test>\r\n\r\nHello Anna\r\n";
my $chain = seal(seal($MESSAGE, 'one.test', 'none') . "-- \r\nlist\r\n", 'two.test', 'pass');

subtest 'a good chain' => sub {
	my $results = results_of($chain);
	like $results, qr/; arc=pass \(sealed by two[.]test one[.]test\) smtp[.]remote-ip=127[.]0[.]0[.]2 header[.]oldest-pass=2;/,
		'arc=pass';
	like $results, qr/; dkim=none;/, 'beside the others';
};

subtest 'a broken chain' => sub {
	like results_of("${chain}more\r\n"), qr/; arc=fail reason="[^"]*body[^"]*" smtp[.]remote-ip=127[.]0[.]0[.]2;/, 'arc=fail';
};

subtest 'no chain' => sub {
	my $results = results_of($MESSAGE);
	like $results, qr/; dkim=none;/, 'there are results';
	unlike $results, qr/; arc=/, 'and no word of it';
};

$p->stop;
$dns->stop;
done_testing;

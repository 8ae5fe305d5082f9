#!/usr/bin/perl
# Authentication-Results of collected mail: its signatures and its chain, for the rest is known to the server that had it
# by SMTP.
use strict;
use warnings;
use lib 't/lib';
use File::Temp ();
use Postroom::Collecting;
use Postroom::Delivered;
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
	'one.test' => { '@' => ['A 127.0.0.1', 'TXT "v=spf1 -all"'], 's._domainkey' => [qq(TXT "$record")] } });
my $p = Postroom::Test->start(
	users => { anna => 'anna-secret' },
	set   => { 'dns.servers' => $dns->address, 'smtp.spf' => 'on' },
);
my $domain = $p->domain;
my $c = Postroom::Collecting->new($p, route => 'user', target => 'anna');

sub tool {
	my ($message, @command) = @_;
	my ($status, $out, $err) = run_program({ stdin => $message }, $tool, $command[0], "$dir/key.pem", @command[1 .. $#command]);
	die "dkim @command: $err" if $status != 0;
	return $out;
}

# Collect a message and return its header as anna has it, unfolded.
my $count = 0;

sub collected {
	my ($text) = @_;
	$c->{server}->put($text, uidl => 'text-' . ++$count);
	$c->run;
	my $pop3 = $p->pop3;
	$pop3->login('anna', 'anna-secret');
	my $message = $pop3->retr($count);
	$pop3->quit;
	my ($header) = $message =~ /\A(.*?\r?\n)\r?\n/s;
	return $header =~ s/\r?\n[ \t]+/ /gr;
}

sub ours {
	my ($header) = @_;
	return [$header =~ /^Authentication-Results: mail\.\Q$domain\E; (.*?)\r?$/mg];
}

my $TEXT = "From: Bob <bob\@one.test>\r\nTo: anna\@$domain\r\nSubject: hello\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\n"
	. "Message-ID: <1\@one.test>\r\n\r\nHello Anna\r\n";
my $signed = tool($TEXT, 'sign', 'one.test', 's', 'relaxed/relaxed');

subtest '07-6.3 dkim, and neither spf nor auth' => sub {
	my $header = collected($signed);
	like ours($header)->[0], qr/\Adkim=pass header\.d=one\.test header\.s=s header\.a=ed25519-sha256 header\.b=\S+\z/, 'dkim=pass alone';
	is scalar(@{ ours($header) }), 1, 'once';
	like ours(collected($signed =~ s/Hello/Hallo/r))->[0], qr/\Adkim=fail/, 'dkim=fail of what was changed';
	is_deeply ours(collected($TEXT)), ['dkim=none'], 'dkim=none of what has no signature';
};

subtest 'nobody else speaks in this server\'s name' => sub {
	my $header = collected("Authentication-Results: mail.$domain; spf=pass smtp.mailfrom=one.test\r\n"
			. "Authentication-Results: isp.test; spf=pass smtp.mailfrom=one.test\r\n$TEXT");
	is_deeply ours($header), ['dkim=none'], 'what claims to be ours is gone';
	like $header, qr/^Authentication-Results: isp\.test; spf=pass/m, 'what the provider says stays';
};

subtest 'a chain of custody' => sub {
	my $sealed = tool($TEXT, 'seal', 'one.test', 's', 'none', 'mx.one.test; none');
	like ours(collected($sealed))->[0], qr/\Adkim=none; arc=pass \(sealed by one\.test\) header\.oldest-pass=0\z/, 'arc=pass';
	like ours(collected($sealed =~ s/Hello/Hallo/r))->[0], qr/; arc=fail reason=/, 'arc=fail';
};

subtest 'settings' => sub {
	$p->set('mail-auth.id' => 'house.test');
	like collected($TEXT), qr/^Authentication-Results: house\.test; dkim=none/m, 'by another name';
	$p->set('mail-auth.results' => 'off');
	unlike collected($TEXT), qr/^Authentication-Results:/m, 'turned off';
};

$p->stop;
$dns->stop;
done_testing;

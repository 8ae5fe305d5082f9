#!/usr/bin/perl
# What chapter 1 of the specification promises of SMTP and POP3 as a whole: users and ports, one password for all,
# signed mail that stays signed, no obsolete encryption, and room for a thousand silent clients.
use strict;
use warnings;
use lib 't/lib';
use File::Temp;
use Postroom::Connection;
use Postroom::Need qw(find_program);
use Postroom::Process qw(run_program read_file write_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;
use Time::HiRes qw(time);

use constant { IDLE => 1000, IDLE_CLIENTS => 5 };

my $p = Postroom::Test->start(users => { anna => 'anna-secret' });
my $scratch = File::Temp->newdir;

subtest '01-1.4 a fresh installation listens on its ports, each daemon as a user of its own' => sub {
	for my $service (qw(smtp submission smtps pop3 pop3s imap imaps)) {
		my ($protocol) = $service =~ /(pop3|imap)/;
		my $client = $protocol ? $p->$protocol(service => $service) : $p->smtp(service => $service);
		my $greeting = $client->greeting;
		like ref $greeting ? $greeting->{raw} : $greeting, qr/\A(?:220|\+OK|\* OK) /, $service;
	}
	plan skip_all => 'needs root for the users' if $> != 0;
	my %users = map { $_ => undef } qw(configd authd dnsd resolver deliver sender queue-manager smtpd pop3-login);
	for my $daemon (sort keys %users) {
		my ($uid) = read_file('/proc/' . $p->main_pid($daemon) . '/status') =~ /^Uid:\t(\d+)/m;
		$users{$daemon} = getpwuid $uid;
		like $users{$daemon}, qr/\Apostroom-/, "$daemon runs as $users{$daemon}";
	}
	my %seen;
	is scalar(grep { $seen{$_}++ } values %users), 0, 'no two of them as the same';
};

subtest '01-5.1 encryption and SCRAM are offered, and one password serves all' => sub {
	my $smtp = $p->smtp(service => 'submission');
	my $extensions = $smtp->ehlo;
	ok exists $extensions->{STARTTLS}, '587 offers STARTTLS';
	like $extensions->{AUTH}, qr/\bSCRAM-SHA-256\b/, 'and SCRAM-SHA-256';
	unlike $extensions->{AUTH}, qr/CRAM-MD5/, 'not CRAM-MD5, which needs the password itself';
	my $pop3 = $p->pop3;
	like $pop3->capa->{SASL}, qr/\bSCRAM-SHA-256\b/, '110 too';
	for my $mechanism (qw(SCRAM-SHA-256 PLAIN)) {
		is $p->smtp(service => 'submission')->auth($mechanism, 'anna', 'anna-secret'), 503, "$mechanism before EHLO";
		$smtp = $p->smtp(service => 'submission');
		$smtp->ehlo;
		is $smtp->auth($mechanism, 'anna', 'anna-secret'), 235, "587, $mechanism, bare name";
		$pop3 = $p->pop3;
		like $pop3->auth($mechanism, 'anna', 'anna-secret'), qr/\A\+OK/, "110, $mechanism, bare name";
		$pop3->quit;
	}
};

subtest '01-19.6 signed mail is kept and passed on as it is' => sub {
	plan skip_all => 'needs the program openssl' if !find_program('openssl');
	my $remote = Postroom::SmtpServer->start(extensions => ['8BITMIME', 'PIPELINING']);
	$p->postroom_ok('sender', 'set', 'default', '--method', 'relay', '--servers', $remote->address, '--encryption', 'none');
	my @mails = (pgp_mime(), s_mime());
	my $smtp = $p->smtp;
	for my $mail (@mails) {
		like $smtp->send_message('kate@client.test', ['anna@example.test', 'bob@away.test'], $mail), qr/\A250/, 'taken';
	}
	$smtp->quit;
	my @relayed = map { $_->{data} } $remote->wait_messages(scalar @mails);
	my @fetched = fetch_when(scalar @mails);
	for my $name ('PGP/MIME', 'S/MIME') {
		my $mail = shift @mails;
		my ($body) = $mail =~ /\r\n\r\n(.*)\z/s;
		my ($type) = $mail =~ /(protocol="[^"]*")/;
		is scalar(grep { /\Q$type\E.*\r\n\r\n\Q$body\E\z/s } @fetched), 1, "$name: the same body by POP3";
		is scalar(grep { /\Q$type\E.*\r\n\r\n\Q$body\E\z/s } @relayed), 1, "$name: and at the next server";
	}
	for my $text (grep { /pkcs7-signature/ } @fetched, @relayed) {
		my ($status, undef, $err) = run_program({ stdin => $text }, 'openssl', 'cms', '-verify', '-CAfile', "$scratch/cert.pem",
			'-purpose', 'any');
		is $status, 0, 'its signature is valid' or diag $err;
	}
};

# RFC 3156 section 5: trailing blanks, "From " and lines with a dash as they would be spoiled on the way.
sub pgp_mime {
	my $text = <<'END';
From: kate@client.test
To: anna@example.test
Subject: PGP/MIME
Date: Fri, 21 Nov 2025 12:00:00 +0100
Message-ID: <pgp@client.test>
MIME-Version: 1.0
Content-Type: multipart/signed; micalg=pgp-sha256;
	protocol="application/pgp-signature"; boundary="=-pgp"

--=-pgp
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

From here on  
- blanks at the end of lines:  	
.
..
gr\xc3\xbc\xc3\x9fe

--=-pgp
Content-Type: application/pgp-signature; name="signature.asc"

-----BEGIN PGP SIGNATURE-----

iHUEABYKAB0WIQTbu4Y0mnbWTQ7JYJcAAAAAAAAAAAUCZz8=
=AAAA
-----END PGP SIGNATURE-----

--=-pgp--

END
	$text =~ s/\\x([0-9a-f]{2})/chr hex $1/ge;
	return $text =~ s/\n/\r\n/gr;
}

sub s_mime {
	my @key = ('-signer', "$scratch/cert.pem", '-inkey', "$scratch/key.pem");
	write_file("$scratch/text", "From here on\r\n- a line  \r\n.\r\nend\r\n");
	my ($status, undef, $err) = run_program('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', 10, '-subj',
		'/CN=kate', '-addext', 'extendedKeyUsage=emailProtection', '-keyout', "$scratch/key.pem", '-out', "$scratch/cert.pem");
	die $err if $status != 0;
	($status, my $mail, $err) = run_program('openssl', 'cms', '-sign', '-text', '-in', "$scratch/text", @key, '-from',
		'kate@client.test', '-to', 'anna@example.test', '-subject', 'S/MIME');
	die $err if $status != 0;
	return "Date: Fri, 21 Nov 2025 12:00:00 +0100\r\nMessage-ID: <smime\@client.test>\r\n" . $mail =~ s/\r?\n/\r\n/gr;
}

sub fetch_when {
	my ($wanted) = @_;
	my @texts;
	$p->wait_for(sub {
		my $pop3 = $p->pop3;
		$pop3->login('anna', 'anna-secret');
		my ($count) = $pop3->stat;
		@texts = map { $pop3->retr($_) } 1 .. $count;
		$pop3->quit;
		return @texts == $wanted;
	}, "$wanted messages for anna", 20);
	return @texts;
}

# A hello of RFC 6101, 2246 or 4346, which differ in the version only, with ciphers that those have.
sub client_hello {
	my ($minor) = @_;
	my $body = pack('CC', 3, $minor) . 'x' x 32 . "\0" . pack('n*', 10, 0xc009, 0xc013, 0x002f, 0x0035, 0x000a) . "\1\0";
	my $handshake = "\1" . substr(pack('N', length $body), 1) . $body;
	return pack('CCCn', 22, 3, $minor, length $handshake) . $handshake;
}

subtest '01-19.7 SSL 3.0, TLS 1.0 and 1.1 are refused' => sub {
	my %before = (smtps => '', pop3s => '', submission => "STARTTLS\r\n", smtp => "STARTTLS\r\n", pop3 => "STLS\r\n");
	my %versions = (0 => 'SSL 3.0', 1 => 'TLS 1.0', 2 => 'TLS 1.1');
	for my $service (sort keys %before) {
		for my $minor (sort keys %versions) {
			my $client = Postroom::Connection->connect(port => $p->port($service));
			if ($before{$service} ne '') {
				$client->line;
				if ($service ne 'pop3') {
					$client->send_raw("EHLO x\r\n");
					while ($client->line =~ /\A250-/) { }
				}
				$client->send_raw($before{$service});
				$client->line;
			}
			$client->send_raw(client_hello($minor));
			ok $client->is_closed, "$service: $versions{$minor} ends the connection";
			# handshake_failure or protocol_version (RFC 8446 section 6)
			like $client->{buffer}, qr/\A\x15\x03[\x00-\x03]\x00\x02\x02[\x28\x46]\z/, 'after a fatal alert';
		}
		next if $before{$service} ne '' || !find_program('openssl');
		for my $option ('-tls1_2', '-tls1_3') {
			my ($status, $out) = run_program({ stdin => "QUIT\r\n" }, 'openssl', 's_client', '-quiet', $option, '-connect',
				'127.0.0.1:' . $p->port($service));
			like $out, qr/\A(?:220|\+OK) /, "$service: $option is served";
		}
	}
};

# Open so many connections in a process of its own, and hold them until told to end.
sub hold_idle {
	my ($count) = @_;
	pipe my $from_child, my $report or die "pipe: $!\n";
	pipe my $hold, my $to_child or die "pipe: $!\n";
	my $pid = fork // die "fork: $!\n";
	if ($pid == 0) {
		close $to_child;
		my @clients = map { eval { $p->smtp } // () } 1 .. $count;
		syswrite $report, scalar(grep { $_->code == 220 } @clients) . "\n";
		close $report;
		sysread $hold, my $end, 1;
		POSIX::_exit(0);
	}
	close $report;
	return { pid => $pid, report => $from_child, hold => $to_child };
}

subtest 'a thousand idle connections do not stop a new one' => sub {
	my @holders = map { hold_idle(IDLE / IDLE_CLIENTS) } 1 .. IDLE_CLIENTS;
	my $open = 0;
	$open += readline $_->{report} for @holders;
	is $open, IDLE, 'all of them are greeted';
	my $start = time;
	like $p->smtp->send_message('kate@client.test', ['anna@example.test'], "Subject: new\n\nx\n"), qr/\A250/, 'a new one sends';
	ok fetch_when(3), sprintf 'and its mail is there, %.1f s after', time - $start;
	close $_->{hold} for @holders;
	waitpid $_->{pid}, 0 for @holders;
	$p->wait_for(sub { my @left = $p->pids('smtpd'); @left < 10 }, 'their processes end', 30);
	pass 'their processes end with them';
};

$p->stop;
done_testing;

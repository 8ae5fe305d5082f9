#!/usr/bin/perl
# TLS on the way to other servers: what TLSA records demand (DANE), and what the administrator does. Mail exchangers are
# different loopback addresses with one port, in a zone that is signed.
use strict;
use warnings;
use lib 't/lib';
use JSON::PP qw(decode_json);
use POSIX qw(strftime);
use Postroom::Ca;
use Postroom::Dns;
use Postroom::Need qw(need_program);
use Postroom::Ports;
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

need_program('nsd');
need_program('ldns-signzone');

my $PORT = Postroom::Ports::port();
my $ca = Postroom::Ca->new;
my %pair = map { $_ => $ca->issue("$_.safe.test") } qw(right wrong ta named plain);
my %address = (right => '127.0.0.2', wrong => '127.0.0.3', ta => '127.0.0.4', named => '127.0.0.5', plain => '127.0.0.6');

sub tlsa { return ("_$PORT._tcp.$_[0]" => ["TLSA $_[1]"]) }

my $other = $ca->tlsa($pair{plain}[0], 3, 1, 1);
my $dns = Postroom::Dns->start(
	signed => ['safe.test', 'lie.test'], forged => ['lie.test'],
	zones => {
		'safe.test' => {
			(map { ($_ => "A $address{$_}", "d-$_" => "MX 10 $_.safe.test.") } keys %address),
			tlsa(right => $ca->tlsa($pair{right}[0], 3, 1, 1)),
			tlsa(wrong => $other),
			tlsa(ta => $ca->tlsa($ca->file, 2, 0, 1)),
			tlsa(named => $ca->tlsa($ca->file, 1, 0, 1)), # PKIX-EE: not for SMTP
			'd-both' => ['MX 10 wrong.safe.test.', 'MX 20 right.safe.test.'],
			'direct' => 'A 127.0.0.2', tlsa(direct => $ca->tlsa($pair{right}[0], 3, 0, 2)),
		},
		'lie.test'   => { '@' => 'MX 10 mx.lie.test.', mx => 'A 127.0.0.2', tlsa(mx => $ca->tlsa($pair{right}[0], 3, 1, 1)) },
		'unsigned.test' => { '@' => 'MX 10 mx.unsigned.test.', mx => 'A 127.0.0.6', tlsa(mx => $other) },
	});
my %server = map {
	$_ => Postroom::SmtpServer->start(host => $address{$_}, port => $PORT, tls => $_ ne 'plain', pair => $pair{$_})
} keys %address;
local $ENV{SSL_CERT_FILE} = $ca->file;
my $p = Postroom::Test->start(
	users => { anna => 'anna-secret' },
	set   => {
		'dns.servers' => $dns->address, 'sender.mx-port' => $PORT, 'sender.connect-timeout' => 5,
		'dns.trust-anchors' => join(',', map { $dns->anchor($_) } qw(safe.test lie.test)),
	},
);
my $domain = $p->domain;

# Send a message; its id.
sub submit {
	my ($to) = @_;
	my $smtp = $p->smtp;
	like $smtp->send_message("anna\@$domain", [$to], "Subject: test\n\nbody\n"), qr/\A250/, "taken for $to";
	my ($id) = $smtp->last =~ /queued as (\S+)/;
	return $id;
}

sub arrives {
	my ($to, $name, $how) = @_;
	my $count = $server{$name}->messages;
	my $id = submit($to);
	my @messages = $server{$name}->wait_messages($count + 1, 20);
	$p->wait_for(sub { $p->log =~ /id=\Q$id\E to=.* delivered/ }, 'it is told');
	like $p->log, $how, 'what was seen of its certificate is logged' if $how;
	return $messages[-1];
}

# It is put off; with these words.
sub waits {
	my ($to, $words) = @_;
	my $id = submit($to);
	my $message;
	$p->wait_for(sub {
		($message) = grep { $_->{id} eq $id } @{ $p->queue };
		return $message && $message->{attempts} >= 1 && $message->{state} eq 'deferred';
	}, "$id was tried", 20);
	like $message->{recipients}[0]{answer}, $words, 'it waits, and says why';
	like $p->log, qr/id=\Q$id\E host=.*(?:$words)/, 'so does the log';
	$p->postroom_ok('queue', 'delete', $id);
	return;
}

subtest 'a certificate that a TLSA record names' => sub {
	ok arrives('x@d-right.safe.test', 'right', qr/host=right\.safe\.test\[127\.0\.0\.2\].*verified by DANE-EE/)->{tls}, 'over TLS';
	ok arrives('x@direct.safe.test', 'right', qr/host=direct\.safe\.test\[127\.0\.0\.2\].*verified by DANE-EE/)->{tls}, 'without MX';
	ok arrives('x@d-ta.safe.test', 'ta', qr/host=ta\.safe\.test\[127\.0\.0\.4\].*verified by DANE-TA/)->{tls}, 'its CA is named';
};

subtest 'another certificate gets no mail' => sub {
	waits('x@d-wrong.safe.test', qr/TLS handshake failed: TLS: the certificate is not accepted: no matching DANE TLSA records/);
	is scalar $server{wrong}->messages, 0, 'nothing was sent, not in clear either';
	ok arrives('x@d-both.safe.test', 'right')->{tls}, 'but by the next mail exchanger';
};

subtest 'records of kinds that SMTP does not use demand TLS alone' => sub {
	ok arrives('x@d-named.safe.test', 'named')->{tls}, 'with any certificate';
};

subtest 'no record, no demand' => sub {
	ok !arrives('x@d-plain.safe.test', 'plain')->{tls}, 'a server without TLS';
	ok !arrives('x@unsigned.test', 'plain')->{tls}, 'a record that nobody signed counts for nothing';
};

subtest 'an answer that was forged' => sub {
	my $before = $server{right}->messages;
	waits('x@lie.test', qr/whether mx\.lie\.test has TLSA records is not known now/);
	is scalar $server{right}->messages, $before, 'stops the mail';
};

subtest 'what the administrator demands goes first' => sub {
	$p->set('sender.tls-policies' => 'd-wrong.safe.test=verify, d-ta.safe.test=none,*.safe.test=may,unsigned.test=dane');
	ok arrives('x@d-wrong.safe.test', 'wrong', qr/host=wrong\.safe\.test.*verified by its CA/)->{tls}, 'verify: a CA vouches for it';
	ok !arrives('x@d-ta.safe.test', 'ta')->{tls}, 'none: in clear';
	ok arrives('x@d-right.safe.test', 'right')->{tls}, 'may: where it is offered';
	waits('x@unsigned.test', qr/mx\.unsigned\.test has no usable TLSA record/);
	$p->set('sender.tls-policies' => 'd-plain.safe.test=encrypt');
	waits('x@d-plain.safe.test', qr/does not offer STARTTLS/);
	$p->set('sender.tls-policies' => '', 'sender.dane' => 'off');
	ok arrives('x@d-wrong.safe.test', 'wrong')->{tls}, 'without DANE any certificate does';
	my ($status, undef, $err) = $p->postroom('set', 'sender.tls-policies', 'a.test=sure');
	is $status, 1, 'no such demand';
	like $err, qr/a\.test: "sure" is not auto, none, may, encrypt, dane or verify/;
};

subtest 'reports of TLS name the records, and what failed' => sub {
	$p->set('sender.dane' => 'on', 'sender.tls-reports' => 'on');
	$p->stop_running; # a connection that is still open has been judged already
	$p->run;
	arrives('x@d-right.safe.test', 'right');
	waits('x@d-wrong.safe.test', qr/no matching DANE TLSA records/);
	waits('x@lie.test', qr/is not known now/);
	my $today = strftime('%Y-%m-%d', gmtime);
	my %policy;
	for my $name (qw(d-right.safe.test d-wrong.safe.test lie.test)) {
		my ($status, $text, $err) = $p->postroom('tls-report', '--day', $today, '--domain', $name);
		is $status, 0, "$name is reported" or diag $err;
		($policy{$name}) = @{ decode_json($text)->{policies} };
	}
	my $right = $policy{'d-right.safe.test'};
	is $right->{policy}{'policy-type'}, 'tlsa', 'by TLSA';
	is_deeply [map { lc } @{ $right->{policy}{'policy-string'} }], [lc $ca->tlsa($pair{right}[0], 3, 1, 1)], 'the record as published';
	is_deeply $right->{summary}, { 'total-successful-session-count' => 1, 'total-failure-session-count' => 0 }, 'it went well';
	my $wrong = $policy{'d-wrong.safe.test'};
	is $wrong->{policy}{'policy-type'}, 'tlsa', 'another certificate: by TLSA';
	ok $wrong->{summary}{'total-failure-session-count'} >= 1, 'it failed';
	my ($failure) = @{ $wrong->{'failure-details'} };
	is $failure->{'result-type'}, 'validation-failure', 'RFC 8460 4.3.2.3: no record matches';
	is $failure->{'receiving-mx-hostname'}, 'wrong.safe.test', 'at which server';
	is $policy{'lie.test'}{'failure-details'}[0]{'result-type'}, 'dnssec-invalid', 'RFC 8460 4.3.2.1: what was forged';
};

$p->stop;
$_->stop for values %server;
$dns->stop;
done_testing;

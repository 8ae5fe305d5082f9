#!/usr/bin/perl
# REQUIRETLS (RFC 8689): what a message may demand of its way, from the session that takes it to the server that it goes to.
use strict;
use warnings;
use lib 't/lib';
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
my %address = (good => '127.0.0.2', lacking => '127.0.0.3', wrong => '127.0.0.4', clear => '127.0.0.5');
my $dns = Postroom::Dns->start(signed => ['safe.test'], zones => {
	'safe.test'     => { map { ($_ => "A $address{$_}", "d-$_" => "MX 10 $_.safe.test.") } keys %address },
	'unsigned.test' => { '@' => 'MX 10 mx.unsigned.test.', mx => 'A 127.0.0.2' },
});
my %server = map {
	$_ => Postroom::SmtpServer->start(host => $address{$_}, port => $PORT, tls => $_ ne 'clear',
		extensions => [$_ eq 'lacking' ? () : 'REQUIRETLS'], pair => $ca->issue($_ eq 'wrong' ? 'elsewhere.test' : "$_.safe.test"))
} keys %address;
local $ENV{SSL_CERT_FILE} = $ca->file;
my $p = Postroom::Test->start(
	users => { anna => 'anna-secret' },
	set   => {
		'dns.servers' => $dns->address, 'sender.mx-port' => $PORT, 'sender.connect-timeout' => 5,
		'dns.trust-anchors' => $dns->anchor('safe.test'),
	},
);
my $domain = $p->domain;

sub submit {
	my ($to, $parameter) = @_;
	my $smtp = $p->smtp;
	$smtp->ehlo;
	$smtp->starttls;
	$smtp->ehlo;
	is $smtp->cmd("MAIL FROM:<anna\@$domain>$parameter"), 250, 'MAIL' or diag $smtp->last;
	is $smtp->cmd("RCPT TO:<$to>"), 250, "RCPT $to" or diag $smtp->last;
	is $smtp->data("Subject: test\n\nbody\n"), 250, 'taken';
	my ($id) = $smtp->last =~ /queued as (\S+)/;
	$smtp->quit;
	return $id;
}

# The report that anna gets.
sub bounced {
	my ($to, $words) = @_;
	my $before = reports();
	submit($to, ' REQUIRETLS');
	$p->wait_for(sub { reports() > $before }, "anna hears of $to", 20);
	my $pop3 = $p->pop3;
	$pop3->login('anna', 'anna-secret');
	my $text = $pop3->retr($before + 1);
	like $text, qr/^Status: 5\.7\.\d+\r?$/m, 'failed at once';
	$text =~ s/\s+/ /g;
	like $text, $words, 'with the reason';
	$pop3->quit;
	return;
}

sub reports {
	my $pop3 = $p->pop3;
	$pop3->login('anna', 'anna-secret');
	my $count = ($pop3->stat)[0];
	$pop3->quit;
	return $count;
}

subtest 'announced under TLS alone' => sub {
	my $smtp = $p->smtp;
	$smtp->ehlo;
	unlike $smtp->last, qr/REQUIRETLS/, 'not in clear';
	is $smtp->cmd("MAIL FROM:<anna\@$domain> REQUIRETLS"), 555, 'and not understood there';
	$smtp->starttls;
	$smtp->ehlo;
	like $smtp->last, qr/^250-REQUIRETLS\r?$/m, 'under TLS';
	is $smtp->cmd("MAIL FROM:<anna\@$domain> REQUIRETLS=yes"), 501, 'it takes no value';
	is $smtp->cmd("MAIL FROM:<anna\@$domain> REQUIRETLS REQUIRETLS"), 501, 'and comes once';
	$smtp->quit;
};

subtest 'a server that promises the same gets it' => sub {
	submit('x@d-good.safe.test', '');
	ok((my ($plain) = $server{good}->wait_messages(1, 20)), 'one that requires nothing');
	unlike $plain->{mail_arguments}, qr/REQUIRETLS/, 'says nothing';
	submit('x@d-good.safe.test', ' REQUIRETLS');
	my $message = ($server{good}->wait_messages(2, 20))[-1];
	like $message->{mail_arguments}, qr/\bREQUIRETLS\b/, 'the other says so';
	ok $message->{tls}, 'under TLS';
	like $p->log, qr/host=good\.safe\.test\[127\.0\.0\.2\].*verified by its CA/, 'its certificate was verified';
};

subtest 'others do not' => sub {
	bounced('x@d-lacking.safe.test', qr/(?=.*Status: 5\.7\.30 ).*does not promise/);
	bounced('x@d-wrong.safe.test', qr/(?=.*Status: 5\.7\.10 ).*certificate is not accepted/);
	bounced('x@d-clear.safe.test', qr/does not offer STARTTLS/);
	bounced('x@unsigned.test', qr/neither DNSSEC nor MTA-STS vouches for/);
	is scalar($server{$_}->messages), 0, "$_ got nothing" for qw(lacking clear wrong);
};

subtest 'to a mailbox here' => sub {
	my $before = reports();
	submit("anna\@$domain", ' REQUIRETLS');
	$p->wait_for(sub { reports() > $before }, 'it is delivered', 20);
	pass 'it is delivered';
};

$p->stop;
$_->stop for values %server, $dns;
done_testing;

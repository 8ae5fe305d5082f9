#!/usr/bin/perl
# Reports of TLS (RFC 8460), from the session to the report by mail and by HTTPS; and mail that asks to be sent whatever
# domains publish about TLS (RFC 8689).
use strict;
use warnings;
use lib 't/lib';
use IO::Uncompress::Gunzip qw(gunzip);
use JSON::PP;
use MIME::Base64 qw(decode_base64);
use POSIX qw(strftime);
use Postroom::Ca;
use Postroom::Dns;
use Postroom::Need qw(need_program);
use Postroom::Outgoing;
use Postroom::Ports;
use Postroom::Process qw(run_program);
use Postroom::SmtpServer;
use Postroom::Test;
use Postroom::WebServer;
use Test::More;

need_program('nsd', 'sqlite3');

my $PORT = Postroom::Ports::port();
my $ca = Postroom::Ca->new;
my @domains = qw(good bad);
my $FILE = '/.well-known/mta-sts.txt';
my $web = Postroom::WebServer->start(host => '127.0.0.7',
	pairs => { map { ($_ => $ca->issue($_)) } 'reports.a.test', map { "mta-sts.$_.a.test" } @domains },
	pages => { $FILE => { body => "version: STSv1\r\nmode: enforce\r\nmx: *.good.a.test\r\nmx: *.bad.a.test\r\nmax_age: 86400\r\n" }, '/in' => { status => 201, body => '' } });
my $url = 'https://reports.a.test:' . $web->port . '/in';
my $dns = Postroom::Dns->start(zones => {
	'a.test' => {
		(map { ("_mta-sts.$_" => 'TXT "v=STSv1; id=1;"', "mta-sts.$_" => 'A 127.0.0.7') } @domains),
		(map { ($_ => "MX 10 mx.$_.a.test.") } @domains, 'plain'),
		other => 'MX 10 mx.plain.a.test.', reports => 'A 127.0.0.7', 'mx.good' => 'A 127.0.0.2', 'mx.bad' => 'A 127.0.0.3', 'mx.plain' => 'A 127.0.0.4',
		'_smtp._tls.bad' => qq(TXT "v=TLSRPTv1; rua=mailto:tls\@report.test,$url"), '_smtp._tls.good' => qq(TXT "v=TLSRPTv1; rua=$url"),
	},
	'report.test' => { '@' => 'A 127.0.0.5' },
});
my $good = Postroom::SmtpServer->start(host => '127.0.0.2', port => $PORT, tls => 1, pair => $ca->issue('mx.good.a.test'));
my $bad = Postroom::SmtpServer->start(host => '127.0.0.3', port => $PORT, tls => 1, pair => $ca->issue('elsewhere.test'));
my $plain = Postroom::SmtpServer->start(host => '127.0.0.4', port => $PORT);
my $mail = Postroom::SmtpServer->start(host => '127.0.0.5', port => $PORT);
local $ENV{SSL_CERT_FILE} = $ca->file;
my $p = Postroom::Test->start(
	users => { anna => 'anna-secret' },
	relay => ['127.0.0.1'],
	set   => { 'dns.servers' => $dns->address, 'sender.mx-port' => $PORT, 'sender.mta-sts-port' => $web->port },
);
my $out = Postroom::Outgoing->new($p);
my $today = strftime('%Y-%m-%d', gmtime);

sub reported {
	my (@day) = @_;
	return { map { $_->{domain} => $_ } @{ $p->postroom_json('tls-report', '--day', @day) } };
}

subtest 'nothing is noted while reports are off' => sub {
	$out->wait_gone($out->submit('x@other.a.test'));
	is_deeply reported($today), {}, 'no domain';
};

$p->set('sender.tls-reports' => 'on');

subtest 'sessions are noted by domain, policy and what failed' => sub {
	$out->wait_gone($out->submit($_)) for 'x@good.a.test', 'x@plain.a.test';
	$out->wait_attempts($out->submit('x@bad.a.test'), 1);
	is_deeply [sort keys %{ reported($today) }], [qw(bad.a.test good.a.test plain.a.test)], 'the domains';
	my ($status, $text, $err) = $p->postroom('tls-report', '--day', $today, '--domain', 'bad.a.test');
	is_deeply [$err =~ /^for (\S+)$/mg], ['tls@report.test', $url], 'where the report is to go';
	my $report = decode_json($text);
	is $report->{'organization-name'}, 'example.test', 'who reports';
	is_deeply $report->{'date-range'}, { 'start-datetime' => "${today}T00:00:00Z", 'end-datetime' => "${today}T23:59:59Z" }, 'of which day';
	my ($policy) = @{ $report->{policies} };
	is_deeply $policy->{policy}, {
		'policy-type' => 'sts', 'policy-domain' => 'bad.a.test', 'mx-host' => ['*.good.a.test', '*.bad.a.test'],
		'policy-string' => ['version: STSv1', 'mode: enforce', 'mx: *.good.a.test', 'mx: *.bad.a.test'],
	}, 'under which policy';
	is_deeply $policy->{summary}, { 'total-successful-session-count' => 0, 'total-failure-session-count' => 1 }, 'how many';
	my ($detail) = @{ $policy->{'failure-details'} };
	is $detail->{'result-type'}, 'certificate-host-mismatch', 'what failed';
	is "@$detail{qw(receiving-mx-hostname receiving-ip failed-session-count)}", 'mx.bad.a.test 127.0.0.3 1', 'where';
	($status, $text) = $p->postroom('tls-report', '--day', $today, '--domain', 'plain.a.test');
	($policy) = @{ decode_json($text)->{policies} };
	is $policy->{policy}{'policy-type'}, 'no-policy-found', 'a domain without a policy';
	is $policy->{'failure-details'}[0]{'result-type'}, 'starttls-not-supported', '... and without TLS';
};

subtest 'TLS-Required: No goes whatever the domain says, not past an administrator' => sub {
	my $text = "Subject: x\nTLS-Required: No\n\nx\n";
	$out->wait_gone($out->submit('x@bad.a.test', text => $text));
	is scalar(my @all = $bad->messages), 1, 'taken by the server with the wrong certificate';
	$p->set('sender.tls-policies' => 'bad.a.test=verify');
	my $id = $out->submit('x@bad.a.test', text => $text);
	like $out->wait_attempts($id, 1)->{recipients}[0]{answer}, qr/certificate/, 'what the administrator demands stays';
	$p->postroom_ok('queue', 'delete', $id);
	$p->postroom_ok(qw(unset sender.tls-policies));
	$id = $out->submit('x@bad.a.test', text => "Subject: x\nX-TLS-Required: No\n\nTLS-Required: No\n");
	like $out->wait_attempts($id, 1)->{recipients}[0]{answer}, qr/certificate/, 'in the text it means nothing';
};

# The day before yesterday is over.
$p->stop_running;
run_program('sqlite3', $p->dir . '/state/policy/policy.db', 'UPDATE tls SET day = day - 2');
$p->run;

subtest 'reports are sent when the day is over, by mail and by HTTPS' => sub {
	my ($message) = $mail->wait_messages(1);
	is_deeply $message->{to}, ['tls@report.test'], 'the address';
	my ($header, $body) = $message->{data} =~ /\A(.*?)\r\n\r\n(.*)\z/s;
	like $header, qr/^TLS-Report-Domain: bad\.a\.test\r$/m, 'of which domain';
	like $header, qr/^TLS-Report-Submitter: mail\.example\.test\r$/m, 'by whom';
	like $header, qr{^Content-Type: multipart/report; report-type="tlsrpt"; boundary=}m, 'a report';
	my ($name, $packed) = $body =~ m{Content-Type: application/tlsrpt\+gzip\r\n.*?filename="([^"]+)"\r\n\r\n(.*?)\r\n--}s;
	like $name, qr/\Amail\.example\.test!bad\.a\.test!\d+!\d+\.json\.gz\z/, 'the name of the file';
	my ($gzip, $text) = (decode_base64($packed));
	ok gunzip(\$gzip => \$text), 'a gzip';
	is decode_json($text)->{policies}[0]{policy}{'policy-domain'}, 'bad.a.test', 'with the report';
	my @posts;
	$p->wait_for(sub { (@posts = grep { $_->{method} eq 'POST' } $web->requests) >= 2 }, 'both reports are posted', 20);
	is_deeply [map { $_->{path} } @posts], ['/in', '/in'], 'to the web server';
	my $day = strftime('%Y-%m-%d', gmtime(time - 2 * 86400));
	$p->wait_for(sub { !grep { !$_->{sent} } values %{ reported($day) } }, 'all are settled');
	$p->postroom_ok('tls-report', '--send', '--day', $day);
	is scalar(my @all = $mail->messages), 1, 'and once';
};

$p->stop;
done_testing;

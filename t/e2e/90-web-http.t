#!/usr/bin/perl
# HTTP as webadmin speaks it to anybody: encryption, files, errors, what it refuses, where its limits are.
use strict;
use warnings;
use lib 't/lib';
use IO::Uncompress::Gunzip qw(gunzip);
use Postroom::Connection;
use Postroom::Process qw(read_file wait_until);
use Postroom::Test;
use Postroom::Web;
use Test::More;
use Time::HiRes qw(time);

my $p = Postroom::Test->start(users => { anna => 'anna-secret' }, set => { 'web.timeout' => 3, 'web.log' => 'on' });
my $web = Postroom::Web->new($p);
my $tls = Postroom::Web->new($p, tls => 1);
my $PAGE = '/style/base.css';
my $pages = Postroom::Test::build_folder() . '/share/postroom/web';

sub raw {
	my ($text, %options) = @_;
	my $client = Postroom::Connection->connect(host => $p->host, port => $p->port('web'), %options);
	$client->send_raw($text);
	return $client;
}

# All that is said until the connection ends.
sub all_of {
	my ($client) = @_;
	my @lines;
	while (defined(my $line = $client->line)) { push @lines, $line }
	return join "\n", @lines;
}

sub answer {
	my ($text, %options) = @_;
	return all_of(raw($text, %options));
}

sub status_of {
	my ($answer) = @_;
	return $answer =~ m{\AHTTP/1\.1 (\d+)} ? $1 : "no answer: $answer";
}

subtest '05-1.8 encryption: both on one port, HTTP alone, HTTPS alone' => sub {
	is $_->get('/login')->{status}, 200, 'optional: ' . $_->url('') for $web, $tls;
	$p->postroom_ok(qw(service encryption web tls));
	my $reply = $web->get('/admin/index.html?x=1');
	like $reply->{status}, qr/\A30[178]\z/, 'HTTPS alone: HTTP is sent away';
	is $reply->{headers}{location}, $tls->url('/admin/index.html'), 'to the same by HTTPS';
	is $web->get('/')->{headers}{location}, $tls->url('/'), 'GET /';
	is $web->json(POST => '/api/v1/session', { user => 'anna', password => 'anna-secret' })->{status}, 307, 'no login in clear';
	like answer("GET / HTTP/1.1\r\nHost: a.test\"><script>\r\n\r\n"), qr{\AHTTP/1\.1 400 }, 'not to a host that is none';
	is $tls->get('/login')->{status}, 200, 'HTTPS is served';
	$p->postroom_ok(qw(service encryption web none));
	is $web->get('/login')->{status}, 200, 'HTTP alone: HTTP is served';
	ok !eval { $tls->get('/login') }, 'HTTPS is not';
	$p->postroom_ok(qw(service encryption web optional));
	is $tls->get('/login')->{status}, 200, 'both again';
};

subtest '05-1.7 the web service is there for good' => sub {
	for my $command (['disable', 'web'], ['delete', 'web']) {
		my ($status, undef, $err) = $p->postroom('service', @$command);
		isnt $status, 0, "service @$command is refused";
		like $err, qr/cannot be disabled|standard service/, 'and it is said why';
	}
};

subtest 'every reply has what keeps browsers from being misled' => sub {
	for my $path ('/login', '/', '/admin/index.html', '/api/v1/session', '/no-such-page', $PAGE, '/mail/config-v1.1.xml') {
		my $headers = $web->get($path)->{headers};
		like $headers->{'content-security-policy'}, qr/default-src 'none';.*script-src 'self'.*frame-ancestors 'none'.*base-uri 'none'/, $path;
		unlike $headers->{'content-security-policy'}, qr/unsafe|\*|http/, 'nothing from elsewhere, nothing inline';
		is $headers->{'x-content-type-options'}, 'nosniff', 'types are what they are';
		is $headers->{'x-frame-options'}, 'DENY', 'no frames';
		is $headers->{'referrer-policy'}, 'same-origin', 'addresses are not told';
		like $headers->{'cache-control'}, qr/\A(?:no-store|no-cache)\z/, 'nothing old is shown';
	}
};

subtest 'files: conditional, in parts, compressed' => sub {
	my $whole = $web->get($PAGE);
	is $whole->{status}, 200, 'a file';
	is $whole->{headers}{'content-type'}, 'text/css; charset=utf-8', 'its type';
	is $whole->{content}, read_file("$pages$PAGE"), 'its bytes';
	my $tag = $whole->{headers}{etag};
	is $web->get($PAGE, 'If-None-Match' => $tag)->{status}, 304, 'the same is not sent again';
	is $web->get($PAGE, 'If-None-Match' => '"other"')->{status}, 200, 'another is';
	my $part = $web->get($PAGE, Range => 'bytes=2-5');
	is $part->{status}, 206, 'a part';
	is $part->{content}, substr($whole->{content}, 2, 4), 'that part';
	is $part->{headers}{'content-range'}, 'bytes 2-5/' . length $whole->{content}, 'which one';
	is $web->get($PAGE, Range => 'bytes=-3')->{content}, substr($whole->{content}, -3), 'the end';
	is $web->get($PAGE, Range => 'bytes=999999999-')->{status}, 416, 'no part of it';
	my $head = $web->request(HEAD => $PAGE, {});
	is $head->{headers}{'content-length'}, length $whole->{content}, 'HEAD tells the length';
	is $head->{content} // '', '', 'and sends nothing';
	my $packed = $web->get($PAGE, 'Accept-Encoding' => 'br, gzip');
	is $packed->{headers}{'content-encoding'}, 'gzip', 'compressed, where the browser takes it';
	gunzip \$packed->{content}, \my $text;
	is $text, $whole->{content}, 'the same';
	isnt $packed->{headers}{etag}, $tag, 'under a tag of its own';
	is $packed->{headers}{vary}, 'Accept-Encoding', 'caches know what it depends on';
	is $web->get($PAGE, 'Accept-Encoding' => 'gzip;q=0')->{headers}{'content-encoding'}, undef, 'not where it does not';
	is $web->get('/')->{headers}{location}, '/mail/index.html', 'the beginning is webmail';
	is $web->get('/style')->{headers}{location}, '/style/', 'a folder';
};

subtest 'no path leads out of the pages, and none round their doors' => sub {
	for my $path ('/../../../../etc/passwd', '/style/../../../../../etc/passwd', '/%2e%2e/%2e%2e/etc/passwd', '/..%2f..%2fetc/passwd',
		'/style/%2e%2e/admin/index.html', '/.//admin/index.html', '//admin/index.html', '/./admin/index.html',
		'/style/..%2fadmin/index.html', '/admin%2findex.html', '/%61dmin%2findex.html', '/style/base.css%00.html', '/style\\login.css',
		'/style/.', '/.git/config', '/style/base.css/', '/C:/x.html', '/style/base.css.gz', '/%ff.html', '/%zz.html') {
		my $status = status_of(answer("GET $path HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
		like $status, qr/\A40[04]\z/, $path;
	}
	like answer("GET /%61dmin/index.html HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), qr{\AHTTP/1\.1 303 .*^Location: /login\?}ms,
		'a door by another name is the same';
	unlink "$pages/style/test-link.css";
	symlink '/etc/passwd', "$pages/style/test-link.css" or die "symlink: $!\n";
	is $web->get('/style/test-link.css')->{status}, 404, 'a link that leads out';
	unlink "$pages/style/test-link.css";
};

subtest 'what is asked cannot write into the reply' => sub {
	for my $path ('/login?to=/x%0d%0aSet-Cookie:%20postroom=x', '/%0d%0aX-Injected:%20yes', "/.well-known/change-password?%0d%0aX-Injected:%20y") {
		my $answer = answer("GET $path HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
		unlike $answer, qr/^(?:Set-Cookie|X-Injected):/mi, $path;
	}
	my $form = $web->form('/login', username => 'anna', password => 'wrong', to => "/mail/\"><script>alert(1)</script>");
	unlike $form->{content}, qr/<script>/, 'nor into the login page';
	for my $elsewhere ('//evil.test/', 'https://evil.test/', '/\\evil.test/', "/\tx", 'javascript:alert(1)') {
		my $page = $web->get('/login?to=' . join '', map { sprintf '%%%02x', ord } split //, $elsewhere);
		like $page->{content}, qr{name="to" value="/mail/index\.html"}, "nor does it lead elsewhere: $elsewhere";
	}
};

subtest 'what is no request of ours' => sub {
	is status_of(answer("DELETE /login HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")), 405, 'another method';
	like answer("DELETE /login HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), qr/^Allow: GET, POST\r?$/m, 'these would be right';
	is status_of(answer("GET /login HTTP/1.1\r\n\r\n")), 400, 'no Host';
	is $web->json(GET => '/api/v1/nothing')->{json}{error}{code}, 'not-found', 'nothing of this name in the API: JSON';
	is $web->request(POST => '/api/v1/session', { content => 'x', headers => { 'Content-Type' => 'text/plain' } })->{status}, 415, 'another type';
	for my $body ('{', '[]', '"x"', '', '{"user":1,"password":2}', '{"user":"anna"}', '{"a":1,"a":2}', "\xff") {
		my $reply = $web->request(POST => '/api/v1/session', { content => $body, headers => { 'Content-Type' => 'application/json' } });
		is $reply->{status}, 400, "a body that is none: $body";
	}
	like answer("\x00\x01\x02nonsense\r\n\r\n"), qr{\A(?:HTTP/1\.1 400 .*)?\z}s, 'nonsense';
	is status_of(answer("GET /login HTTP/1.1\r\nHost: x\r\nX: " . 'a' x 80_000 . "\r\n\r\n")), 431, 'too long a field';
	is status_of(answer('GET /' . 'a' x 80_000 . " HTTP/1.1\r\nHost: x\r\n\r\n")), 414, 'too long a path';
	is status_of(answer("POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 999999999\r\n\r\n{")),
		413, 'too long a body, as it says: not waited for';
	my $chunks = raw("POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (1 .. 20) { $chunks->send_raw(sprintf("%x\r\n", 1 << 20) . 'x' x (1 << 20) . "\r\n") }
	$chunks->send_raw("0\r\n\r\n");
	is status_of(all_of($chunks)), 413, 'too long a body, in pieces';
};

subtest 'many requests on a connection' => sub {
	my $client = raw("GET $PAGE HTTP/1.1\r\nHost: x\r\n\r\n" x 3 . "GET /login HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	my @found = all_of($client) =~ m{^HTTP/1\.1 (\d+)}mg;
	is_deeply \@found, [(200) x 4], 'all are answered, in order';
};

subtest 'who is slow is sent away' => sub {
	my %clients = (
		'says nothing'          => raw(''),
		'begins TLS alone'      => raw("\x16"),
		'does not end its head' => raw("GET / HTTP/1.1\r\nX-A: "),
		'does not end its body' => raw("POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"),
		'asks for nothing more' => raw("GET /login HTTP/1.1\r\nHost: x\r\n\r\n"),
	);
	my $drips = $clients{'does not end its head'};
	my $begin = time;
	wait_until(sub { $drips->send_raw('a'); $drips->more; $drips->{closed} }, 'who sends an octet now and then', 20);
	cmp_ok time - $begin, '>', 2, 'not before the time';
	for my $name (sort keys %clients) {
		all_of($clients{$name});
		pass $name;
	}
};

subtest 'mail clients set themselves up' => sub {
	my $reply = $web->get('/mail/config-v1.1.xml?emailaddress=anna%40example.test');
	is $reply->{status}, 200, 'autoconfig';
	is $web->get('/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress=anna%40example.test')->{content}, $reply->{content}, 'in both places';
	my %servers;
	while ($reply->{content} =~ m{<(incoming|outgoing)Server type="(\w+)">\s*<hostname>([^<]*)</hostname>\s*<port>(\d+)</port>\s*<socketType>(\w+)<}g) {
		push @{ $servers{$2} }, "$3:$4 $5";
	}
	is_deeply \%servers, {
		map { my ($type, $secure, $clear) = @$_;
			($type => ['mail.example.test:' . $p->port($secure) . ' SSL', 'mail.example.test:' . $p->port($clear) . ' STARTTLS']) }
			[imap => 'imaps', 'imap'], [pop3 => 'pop3s', 'pop3'], [smtp => 'smtps', 'submission'],
	}, 'where the services are';
	like $reply->{content}, qr{<domain>example\.test</domain>}, 'the domain';
	unlike $web->get('/mail/config-v1.1.xml?emailaddress=a%40%3Cx%3E')->{content}, qr/<x>/, 'one that is none is not repeated';
	my $request = '<?xml version="1.0"?><Autodiscover><Request><EMailAddress>anna@example.test</EMailAddress></Request></Autodiscover>';
	my $outlook = $web->request(POST => '/autodiscover/autodiscover.xml', { content => $request, headers => { 'Content-Type' => 'text/xml' } });
	is $outlook->{status}, 200, 'autodiscover';
	like $outlook->{content}, qr{<Type>IMAP</Type>\s*<Server>mail\.example\.test</Server>\s*<Port>@{[$p->port('imaps')]}</Port>\s*<LoginName>anna\@example\.test</LoginName>}, 'IMAP';
	is $web->request(POST => '/autodiscover/autodiscover.xml', { content => '<x/>' })->{status}, 400, 'without an address';
	is $web->get('/.well-known/change-password')->{status}, 303, 'change-password leads somewhere';
};

subtest 'the log of requests' => sub {
	$web->get('/login?user=anna&password=very-secret-word');
	my $log = '';
	wait_until(sub { ($log = read_file($p->dir . '/log/websvr.log') // '') =~ m{C: GET /login\n.*S: 200 user=- octets=\d+$}m }, 'a request is there');
	like $log, qr{ web 127\.0\.0\.1 C: GET /login$}m, 'who asked what';
	unlike $log, qr/very-secret-word/, 'without the query';
};

subtest '01-20.1 the access list' => sub {
	$p->access('web', '0|2|127.0.0.2|32|0||', '1|2|127.0.0.0|8|0||');
	is $web->get('/login')->{status}, 200, 'who may';
	my $stranger = Postroom::Web->new($p, local => '127.0.0.2')->get('/login');
	is $stranger->{status}, 403, 'who may not';
	is $stranger->{content}, "Postroom Server access not allowed!\n", 'is told so';
	is(Postroom::Web->new($p, local => '127.0.0.2', tls => 1)->get($PAGE)->{status}, 403, 'by HTTPS, too');
};

subtest 'connections are bounded, and others are served meanwhile' => sub {
	$p->set('web.connections-per-address' => 20, 'web.max-connections' => 60);
	my @open;
	for my $n (1 .. 6) { push @open, map { raw('', local => "127.0.1.$n") } 1 .. 40 }
	wait_until(sub { my @pids = $p->pids('webadmin'); @pids <= 61 }, 'no more processes than may be');
	my @pids = $p->pids('webadmin');
	cmp_ok scalar(@pids), '<=', 61, 'all together';
	$_->close for @open;
	wait_until(sub { my @left = $p->pids('webadmin'); @left < 10 }, 'they go when their clients go');
	@open = map { raw('', local => '127.0.1.9') } 1 .. 40;
	is $web->get('/login')->{status}, 200, 'one address cannot take all';
	$_->close for @open;
};

$p->stop;
done_testing;

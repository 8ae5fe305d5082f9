#!/usr/bin/perl
# Logging in by browser and program: the form and the API, who gets where, and what another site's page cannot do.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Process qw(read_file wait_until);
use Postroom::Test;
use Postroom::Web;
use Test::More;

my $p = Postroom::Test->start(users => { anna => 'anna-secret', bert => 'bert-secret' }, guard => 1,
	set => { 'login.lockout-failures' => 5, 'login.password-min-length' => 1, 'login.max-failures' => 3 });
my $ADMIN = '/admin/index.html';
my $MAIL = '/mail/index.html';

sub browser { return Postroom::Web->new($p, @_) }

# A browser in which somebody has logged in by the API.
sub as {
	my ($user, %options) = @_;
	my $web = browser(%options);
	$web->login($user, $user eq 'postmaster' ? $p->password : "$user-secret");
	return $web;
}

# By the form; where it leads to.
sub by_form {
	my ($web, $user, $password, %fields) = @_;
	my $reply = $web->form('/login', username => $user, password => $password, to => $ADMIN, %fields);
	return $reply->{status} == 303 ? $reply->{headers}{location} : $reply->{status};
}

subtest '01-3.1 the first administrator logs in, nobody else' => sub {
	my $web = browser();
	my $sent = $web->get($ADMIN);
	is $sent->{status}, 303, 'without a login there is no page';
	is $sent->{headers}{location}, "/login?to=$ADMIN", 'but the login page';
	my $page = $web->get($sent->{headers}{location});
	like $page->{content}, qr/<h1>web admin login</i, 'its title';
	like $page->{content}, qr/Postroom \d/, 'product and version';
	like $page->{content}, qr/name="$_"/, "it has $_" for qw(username password remember);
	like $page->{content}, qr{<noscript>.*JavaScript}s, 'that scripts are needed stands there without them';
	like $page->{content}, qr{href="/forgotten\.html"}, 'the way for who forgot the password';
	my $wrong = $web->form('/login', username => 'postmaster', password => 'admin', to => $ADMIN);
	is $wrong->{status}, 403, 'a wrong password';
	like $wrong->{content}, qr/name or (?:the )?password is wrong/i, 'a text that tells nothing more';
	my $unknown = $web->form('/login', username => 'nobody', password => 'admin', to => $ADMIN);
	is $unknown->{content}, $wrong->{content}, 'the same for who does not exist';
	is_deeply $web->cookies, {}, 'no cookie';
	my $to = by_form($web, 'postmaster', $p->password);
	like $to, qr/\A\Q$ADMIN\E\?/, 'the right password leads to where one wanted to go';
	is $web->get($to)->{status}, 200, 'and the page is there';
	is browser()->get('/api/v1/status')->{status}, 401, 'the status without a cookie is not';
	is browser()->get($ADMIN, Cookie => 'postroom=' . 'x' x 43)->{status}, 303, 'nor with one that somebody made up';
};

subtest 'cookies cannot be read by scripts, nor are they sent elsewhere' => sub {
	for my $tls (0, 1) {
		my $cookie = browser(tls => $tls)->json(POST => '/api/v1/session', { user => 'anna', password => 'anna-secret' })
			->{headers}{'set-cookie'};
		like $cookie, qr/\Apostroom=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict/, $tls ? 'HTTPS' : 'HTTP';
		is !!($cookie =~ /; Secure/), !!$tls, 'Secure where it is';
		unlike $cookie, qr/Max-Age|Expires/i, 'for as long as the browser runs';
	}
};

subtest '01-3.2 who is no administrator gets into webmail alone' => sub {
	my $web = as('anna');
	is $web->json(GET => '/api/v1/session')->{json}{administrator}, JSON::PP::false(), 'anna is none, so no page shows the way';
	is $web->get($MAIL)->{status}, 200, 'webmail';
	is $web->get($ADMIN)->{status}, 403, 'no administration';
	is $web->get('/admin/')->{status}, 403, 'by no name of it';
	is $web->get('/api/v1/status')->{status}, 403, 'nor its API';
};

subtest '01-3.3 05-17.2 the list for administration' => sub {
	my %web = map { $_ => as('postmaster', local => $_) } '127.0.0.1', '127.0.0.2';
	is $_->get($ADMIN)->{status}, 200, 'an empty list adds nothing' for values %web;
	$p->access('admin-area', '1|2|127.0.0.1|32|0||');
	is $web{'127.0.0.1'}->get($ADMIN)->{status}, 200, 'from an address in it';
	my $outside = $web{'127.0.0.2'};
	is $outside->get($ADMIN)->{status}, 403, 'from another one';
	is $outside->get($MAIL)->{status}, 200, 'where webmail works';
	is $outside->json(GET => '/api/v1/session')->{json}{administrator}, JSON::PP::false(), 'without the way to administration';
	is $outside->get('/api/v1/status')->{status}, 403, 'nor its API';
	$p->access('admin-area');
	is $outside->get($ADMIN)->{status}, 200, 'an empty list again';
};

subtest '01-3.5 names in any case, passwords as they are' => sub {
	is as('anna')->json(GET => '/api/v1/session')->{json}{user}, 'anna', 'anna';
	is browser()->login('POSTMASTER', $p->password)->{user}, 'postmaster', 'POSTMASTER';
	is by_form(browser(), 'postmaster', uc $p->password), 403, 'the password in capitals' if uc $p->password ne $p->password;
	is by_form(browser(), 'postmaster', 'Admin'), 403, 'Admin';
};

subtest '01-3.6 without cookies it is said that they are needed' => sub {
	my $web = browser(cookies => 0);
	my $to = by_form($web, 'anna', 'anna-secret', to => $MAIL);
	my $sent = $web->get($to);
	is $sent->{status}, 303, 'the page after the login sends back';
	my $page = $web->get($sent->{headers}{location});
	is $page->{status}, 200, 'but not in a circle';
	like $page->{content}, qr/role="alert"[^<]*><div>[^<]*cookies/i, 'to a page that says so';
};

subtest '05-17.3 a cookie from another address' => sub {
	my $anna = as('anna');
	my $thief = browser(local => '127.0.0.2');
	my $cookie = "postroom=$anna->{cookies}{postroom}";
	is $thief->get('/api/v1/session', Cookie => $cookie)->{status}, 401, 'is none';
	is $anna->get('/api/v1/session')->{status}, 200, 'and goes on where it is from';
	$p->set('web.session-any-address' => 'on');
	is $thief->get('/api/v1/session', Cookie => $cookie)->{status}, 200, 'it is one where that is allowed';
	$p->set('web.session-any-address' => 'off');
};

subtest '05-17.4 logging in by a link' => sub {
	my $link = "$MAIL?user=anna&password=anna-secret";
	my $off = browser();
	is $off->get($link)->{status}, 303, 'off: it leads to the login';
	is_deeply $off->cookies, {}, 'without a session';
	$p->set('web.password-in-url' => 'on');
	my $on = browser();
	$on->get($link);
	is $on->get($MAIL)->{status}, 200, 'on: it logs in';
	$p->set('web.lockout-loopback' => 'on');
	my $wrong = browser(local => '127.0.0.3');
	for (1 .. 5) {
		$wrong->get("$MAIL?user=anna&password=wrong");
		is_deeply $wrong->cookies, {}, 'not with a wrong password';
	}
	$wrong->get($link);
	is_deeply $wrong->cookies, {}, 'which counts for the lock';
	ok as('anna'), 'of that address alone';
	$p->set('web.password-in-url' => 'off', 'web.lockout-loopback' => 'off');
	$p->postroom_ok(qw(user unlock anna));
};

subtest '05-17.6 07-18.2 an administrator at the server does not lock himself out' => sub {
	for my $locks ('off', 'on') {
		$p->set('web.lockout-loopback' => $locks);
		my @here = (local => $locks eq 'off' ? '127.0.0.8' : '127.0.0.9');
		by_form(browser(@here), 'bert', 'wrong') for 1 .. 10;
		my $to = by_form(browser(@here), 'bert', 'bert-secret');
		$locks eq 'off' ? like $to, qr/\A\//, 'off: ten failures lock and block nothing' : is $to, 403, 'on: they do';
	}
	$p->set('web.lockout-loopback' => 'off');
	$p->postroom_ok(qw(user unlock bert));
};

subtest 'one connection may fail only so often' => sub {
	my $web = browser(local => '127.0.0.4');
	$web->{http} = HTTP::Tiny->new(keep_alive => 1, max_redirect => 0, local_address => '127.0.0.4');
	my @headers = map { $web->form('/login', username => 'nobody', password => 'x')->{headers}{connection} // '' } 1 .. 3;
	is_deeply \@headers, ['', '', 'close'], 'the third failure ends it';
};

subtest '05-17.5 a session that is not used ends' => sub {
	$p->set('web.session-idle' => 5);
	my $web = as('anna');
	is $web->get($MAIL)->{status}, 200, 'in use';
	my $cookie = $web->{cookies}{postroom};
	for (1 .. 6) {
		select undef, undef, undef, 1; # what is measured is time
		is $web->get('/api/v1/session')->{status}, 200, 'goes on while it is used';
	}
	select undef, undef, undef, 6.5;
	is $web->get('/api/v1/session')->{status}, 401, 'and is refused after the time';
	is browser()->get($MAIL, Cookie => "postroom=$cookie")->{status}, 303, 'its cookie, too';
	$p->set('web.session-idle' => 600);
};

subtest 'a browser that is remembered' => sub {
	my $web = browser();
	by_form($web, 'anna', 'anna-secret', to => $MAIL, remember => 1);
	my $token = $web->{cookies}{'postroom-remember'};
	ok $token, 'keeps a token';
	delete $web->{cookies}{postroom};
	is $web->get($MAIL)->{status}, 200, 'which begins another session';
	isnt $web->{cookies}{'postroom-remember'}, $token, 'and is another one then';
	$web->{csrf} = $web->json(GET => '/api/v1/session')->{json}{csrf};
	my $kept = $web->{cookies}{'postroom-remember'};
	is $web->json('DELETE', '/api/v1/session')->{status}, 204, 'logging off';
	is_deeply $web->cookies, {}, 'takes the cookies';
	is browser()->get($MAIL, Cookie => "postroom-remember=$kept")->{status}, 303, 'and ends what they were good for';
};

subtest 'what a page of another site makes a browser do' => sub {
	my $web = as('anna');
	my %by = (
		'without the token'      => [{ 'X-CSRF-Token' => '' }, 403],
		'with a wrong one'       => [{ 'X-CSRF-Token' => 'x' x 43 }, 403],
		'from another origin'    => [{ Origin => 'https://evil.test' }, 403],
		'from an unknown origin' => [{ Origin => 'null' }, 403],
		'as browsers say it'     => [{ 'Sec-Fetch-Site' => 'cross-site' }, 403],
		'of the same site'       => [{ 'Sec-Fetch-Site' => 'same-site' }, 403],
	);
	for my $name (sort keys %by) {
		my ($headers, $status) = @{ $by{$name} };
		is $web->request('DELETE', '/api/v1/session', { headers => $headers })->{status}, $status, $name;
	}
	is $web->get('/api/v1/session')->{status}, 200, 'nothing of that happened';
	my $elsewhere = browser();
	is $elsewhere->request(POST => '/login', { content => 'username=anna&password=anna-secret',
		headers => { 'Content-Type' => 'application/x-www-form-urlencoded', Origin => 'https://evil.test' } })->{status}, 403,
		'nor does it log somebody in';
	is $web->request('DELETE', '/api/v1/session', { headers => { Origin => 'http://' . $p->host . ':' . $p->port('web') } })->{status},
		204, 'our own page does';
};

subtest 'an access list that names users' => sub {
	my ($uid) = map { $_->{uid} } grep { $_->{name} eq 'anna' } @{ $p->postroom_json('user', 'list') };
	my $bert = as('bert');
	$p->access('web', "1|2|127.0.0.0|8|0|$uid|");
	ok as('anna'), 'anna may';
	is by_form(browser(), 'bert', 'bert-secret'), 403, 'for others it is a wrong password';
	is $bert->get($MAIL)->{status}, 303, 'and a session of before is none';
	like read_file($p->dir . '/log/security.log') // '', qr/service=web client=127\.0\.0\.1 user=bert .*reason=IP access restriction/, 'logged'
		if wait_until(sub { (read_file($p->dir . '/log/security.log') // '') =~ /user=bert .*IP access/ }, 'security.log has it');
	$p->access('web', '1|2|127.0.0.0|8|0||');
};

subtest 'the sessions that there are' => sub {
	my $web = as('anna');
	is $web->request(GET => '/api/v1/sessions', {})->{status}, 200, 'are listed';
	my $list = $web->json(GET => '/api/v1/sessions')->{json}{items};
	my ($current) = grep { $_->{current} } @$list;
	is $current->{agent}, 'Postroom-Test', 'by what the browser calls itself';
	my $other = as('anna');
	is $web->json('DELETE', '/api/v1/sessions')->{status}, 204, 'all others end';
	is $other->get('/api/v1/session')->{status}, 401, 'that one has';
	is $web->get('/api/v1/session')->{status}, 200, 'this one has not';
	is $web->json(POST => '/api/v1/session/confirm', { password => 'wrong' })->{status}, 403, 'the password again: a wrong one';
	is $web->json(POST => '/api/v1/session/confirm', { password => 'anna-secret' })->{status}, 204, 'the right one';
};

subtest '01-3.4 who forgot the password' => sub {
	$p->set('web.url' => browser()->url(''));
	is browser()->get('/forgotten.html')->{status}, 200, 'the page is for everybody';
	my ($known, $unknown) = map { browser()->json(POST => '/api/v1/password/forgotten', { user => $_ }) } 'bert', 'nobody';
	delete $_->{headers}{date} for $known, $unknown;
	is_deeply [@$known{qw(status headers content)}], [@$unknown{qw(status headers content)}], 'the answer does not tell whether there is such a user';
	my $text;
	$p->wait_for(sub {
		my $pop3 = $p->pop3;
		$pop3->login('bert', 'bert-secret');
		my ($count) = $pop3->stat;
		$text = $count ? $pop3->retr(1) : '';
		$pop3->quit;
		return $text;
	}, 'the message for bert', 20);
	my ($token) = $text =~ m{/forgotten\.html\?token=([\w-]+)};
	ok $token, 'has a link' or return;
	my $set = { token => $token, password => 'another-secret' };
	is browser()->json(POST => '/api/v1/password/reset', $set)->{status}, 204, 'which sets a new password';
	is browser()->json(POST => '/api/v1/password/reset', $set)->{status}, 403, 'once';
	is by_form(browser(), 'bert', 'bert-secret'), 403, 'the old one is none any more';
	like by_form(browser(), 'bert', 'another-secret'), qr/\A\//, 'the new one is';
};

$p->stop;
done_testing;

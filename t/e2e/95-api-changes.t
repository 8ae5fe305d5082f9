#!/usr/bin/perl
# Changes by the API that are made at the same time, and several that are one.
use strict;
use warnings;
use lib 't/lib';
use JSON::PP;
use Postroom::Test;
use Postroom::Web;
use Postroom::Webmail;
use Test::More;

my $p = Postroom::Test->start(users => { anna => 'secret-a', bob => 'secret-b' });
my $admin = Postroom::Webmail->new($p, 'postmaster', $p->password);

sub comment_of {
	my ($who, $user) = @_;
	my ($status, $content, $headers) = $who->raw(GET => "/users/$user/attributes?limit=1000&filter[key]=comment");
	die "GET: $status\n" if $status != 200;
	my ($row) = grep { $_->{key} eq 'comment' } @{ JSON::PP->new->utf8->decode($content)->{items} };
	return ($row->{value}, $headers->{etag});
}

# Count up in a comment, $times, each time from what was seen; how often it was too late.
sub count_up {
	my ($times) = @_;
	my $who = Postroom::Webmail->new($p, 'postmaster', $p->password);
	my $late = 0;
	while ($times > 0) {
		my ($value, $tag) = comment_of($who, 'anna');
		my ($status, $content, $headers) = $who->raw(PATCH => '/users/anna/attributes', JSON::PP->new->encode({ comment => $value + 1 . '' }),
			'Content-Type' => 'application/json', 'If-Match' => $tag);
		if ($status == 204) { $times-- }
		elsif ($status == 412 && $headers->{etag} =~ /\A"[0-9a-f]{32}"\z/ && $headers->{etag} ne $tag) { $late++ }
		elsif ($status == 503) { $late++ } # the others were quicker time and again
		else { die "$status: $content\n" }
	}
	return $late;
}

sub in_child {
	my ($act) = @_;
	my $pid = fork // die "fork: $!\n";
	return $pid if $pid;
	my $good = eval { $act->(); 1 };
	print {*STDERR} $@ if !$good;
	require POSIX;
	POSIX::_exit($good ? 0 : 1);
}

subtest 'of two who change the same none undoes what the other did' => sub {
	$admin->ok(PATCH => '/users/anna/attributes', { comment => '0' });
	my $begin = (comment_of($admin, 'anna'))[1];
	my @children = map { in_child(sub { count_up(25) }) } 1 .. 2;
	my $other = in_child(sub {    # what somebody else changes elsewhere is in nobody's way
		my $who = Postroom::Webmail->new($p, 'postmaster', $p->password);
		$who->ok(PATCH => '/users/bob/attributes', { comment => "$_" }) for 1 .. 40;
	});
	for my $child (@children, $other) {
		waitpid $child, 0;
		is $?, 0, 'all changes were made, or it was said that they were too late';
	}
	is +(comment_of($admin, 'anna'))[0], '50', 'each counts';
	isnt +(comment_of($admin, 'anna'))[1], $begin, 'another tag';
	is +(comment_of($admin, 'bob'))[0], '40', 'the other one, too';
};

sub together { return $admin->call(POST => '/together', { calls => [map { { method => $_->[0], path => $_->[1], $_->[2] ? (body => $_->[2]) : () } } @_] }) }

subtest '01-4.3 several changes are one: all of them, or none' => sub {
	my @changes = (
		[POST => '/domains', { name => 'one.test' }], [POST => '/domains', { name => 'two.test' }], [POST => '/domains/one.test/default'],
		[POST => '/connections', { name => 'line', default => JSON::PP::true }], [POST => '/connections', { name => 'other' }],
		[POST => '/senders', { name => 'line', method => 'relay', servers => 'relay.isp.test', username => 'me', password => 'isp-secret' }],
		[POST => '/collectors', { name => 'box', connections => ['line'], method => 'pop3', 'pop3.server' => 'pop.isp.test', password => 'x' }],
		[POST => '/users', { name => 'carl', password => 'secret-c', welcome => JSON::PP::false }],
		[PATCH => '/users/carl/attributes', { comment => 'new' }], [POST => '/items/schedule', { name => 'hourly', every => '60' }],
	);
	my $before = $p->postroom_ok('export');
	for my $case ([409, 'refused', qr/change 11: .*cannot be made together/, [DELETE => '/users/bob']],
		[422, 'syntax', qr/change 11: /, [PATCH => '/settings', { 'web.timeout' => 'soon' }]],
		[409, 'exists', qr/change 11: /, [POST => '/domains', { name => 'one.test' }]],
		[404, 'not-found', qr/change 11: /, [PATCH => '/users/nobody/attributes', { comment => 'x' }]],
		[409, 'refused', qr/change 11: /, [POST => '/users', { name => 'dora' }]],
		[422, 'syntax', qr/change 11: /, [PATCH => '/collectors/box/settings', { 'accepted-domains' => 'bad domain!' }]],
		[400, 'syntax', qr/call 11: /, [GET => '/users']], [400, 'syntax', qr/call 11: /, [POST => '/together', { calls => [] }]],
		[400, 'syntax', qr/call 11: /, [POST => '/nothing']], [400, 'syntax', qr/call 11: /, [POST => '/domains', { colour => 'red' }]],
		[400, 'syntax', qr/call 11: /, [POST => '/domains']], [400, 'syntax', qr/call 11: /, [POST => '/queue/all/retry']],
		[400, 'syntax', qr/call 11: /, [POST => '/users/import', { text => 'x' }]], [400, 'syntax', qr/call 11: /, [DELETE => '/mappings']]) {
		my ($wanted, $code, $words, $last) = @$case;
		my ($status, $value) = together(@changes, $last);
		is $status, $wanted, "with @$last[0, 1] behind them: $wanted" or diag JSON::PP->new->encode($value // {});
		is $value->{error}{code}, $code, 'the word';
		like $value->{error}{text}, $words, 'which one it is';
		is $p->postroom_ok('export'), $before, 'nothing is changed';
	}
	is +(together(@changes))[0], 204, 'without it they are made';
	my %domain = map { $_->{name} => $_->{default} } @{ $p->postroom_json('domain', 'list') };
	ok exists $domain{'two.test'} && $domain{'one.test'}, 'domains';
	is_deeply [sort map { $_->{name} } @{ $p->postroom_json('connection', 'list') }], [sort qw(default line other)], 'two connections of numbers of their own';
	like $p->postroom_ok('user', 'get', 'carl', 'comment'), qr/new/, 'one behind the other';
	my $pop3 = $p->pop3;
	$pop3->login('carl', 'secret-c');
	pass 'he logs in';
	$pop3->quit;
};

subtest 'what takes the password alone takes it among others' => sub {
	my ($status, $value) = together([POST => '/users', { name => 'erna', administrator => JSON::PP::true, welcome => JSON::PP::false }]);
	is $status, 204, 'who just gave it may';
	chomp(my $token = $p->postroom_ok('token', 'add', 'postmaster', 'script', '--scope', 'admin'));
	my $script = Postroom::Web->new($p);
	my $reply = $script->json(POST => '/api/v1/together', { calls => [{ method => 'POST', path => '/users', body =>
		{ name => 'finn', administrator => JSON::PP::true } }] }, Authorization => "Bearer $token");
	is $reply->{status}, 403, 'a token of administrators may not';
	is $reply->{json}{error}{code}, 'confirm', 'and why';
	ok !(grep { $_->{name} eq 'finn' } @{ $p->postroom_json('user', 'list') }), 'and he is not there';
};

done_testing;

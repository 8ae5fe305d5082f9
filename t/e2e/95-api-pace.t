#!/usr/bin/perl
# Who asks too often is told when to come again; others are not kept waiting for that.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Test;
use Postroom::Web;
use Postroom::Webmail;
use Test::More;
use Time::HiRes qw(sleep);

my $p = Postroom::Test->start(users => { anna => 'secret-a' });
my $fast = Postroom::Webmail->new($p, 'anna', 'secret-a');
$p->set('web.requests-per-session' => 30);
my $other = Postroom::Webmail->new($p, 'anna', 'secret-a');

sub status_of { my ($who) = @_; return ($who->raw(GET => '/session'))[0] }

subtest 'a session that asks too often: 429, and when to come again' => sub {
	my ($status, $content, $headers, $count) = (200, '', {}, 0);
	# a connection looks at the settings as its requests come
	for ($count = 0; $status == 200 && $count < 200; $count++) { ($status, $content, $headers) = $fast->raw(GET => '/session') }
	is $status, 429, 'after a while';
	cmp_ok $count, '<=', 40, 'after a minute\'s worth' or diag $count;
	cmp_ok $count, '>=', 30, 'not before';
	like $headers->{'retry-after'}, qr/\A[12]\z/, 'how long to wait';
	like $content, qr/"limit"/, 'and a word';
	is status_of($fast), 429, 'a new request is refused, too';
	is status_of($other), 200, 'another session of the same user is not';
	is +Postroom::Web->new($p)->get('/login')->{status}, 200, 'nor who has none';
	sleep $headers->{'retry-after'};
	is status_of($fast), 200, 'after that time it may ask again';
};

subtest '0: any number' => sub {
	$p->set('web.requests-per-session' => 0);
	$p->wait_for(sub { status_of($other) == 200 }, 'it may ask');
	is_deeply [grep { status_of($other) != 200 } 1 .. 100], [], 'a hundred';
};

$p->stop;
done_testing;

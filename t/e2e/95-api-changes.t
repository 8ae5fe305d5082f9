#!/usr/bin/perl
# Changes by the API that are made at the same time, and several that are one.
use strict;
use warnings;
use lib 't/lib';
use JSON::PP;
use Postroom::Test;
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

done_testing;

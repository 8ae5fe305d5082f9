#!/usr/bin/perl
# Passwords that are refused when a user is made; many users deleted at once.
use strict;
use warnings;
use lib 't/lib';
use IPC::Open2;
use Postroom::Test;
use Test::More;

my %users = map { $_ => "$_-secret" } qw(anna bert temp1 temp2 temp3 kate);
my $p = Postroom::Test->start(users => \%users, set => { 'login.password-cost' => 1, 'login.password-min-length' => 5 });

sub names { return join q{ }, map { $_->{name} } @{ $p->postroom_json('user', 'list') } }

# What `user add` says on a terminal where these are typed, each at a prompt; its exit status.
sub typed {
	my ($name, @words) = @_;
	my ($out, $text) = ('', '');
	my $pid = open2(my $from, my $to, 'script', '-qec', $p->program('postroom') . ' -C ' . $p->dir . " user add $name", '/dev/null');
	for my $word (@words) {
		until ($out =~ /:\s*\z/) {
			sysread($from, $text, 4096) or last;
			$out .= $text;
		}
		syswrite $to, "$word\n";
		$out .= '|';
	}
	$out .= $text while sysread $from, $text, 4096;
	waitpid $pid, 0;
	return ($? >> 8, $out);
}

subtest '02-3.2 passwords that are refused leave no user behind' => sub {
	my $before = names();
	my ($status, $out) = typed('dora', 'long-enough', 'long-enouhg');
	isnt $status, 0, 'two that differ';
	like $out, qr/the two passwords differ/, 'it says so';
	unlike $out, qr/long-enou/, 'none was shown';
	for my $case (['abcd', qr/5/], ["with\a-bell", qr/character/]) {
		my ($password, $reason) = @$case;
		($status, undef, my $err) = $p->postroom({ stdin => "$password\n" }, qw(user add dora --password-stdin));
		isnt $status, 0, $password =~ s/\W/?/gr;
		like $err, $reason, 'and why';
	}
	is names(), $before, 'nobody was added';
	($status, $out) = typed('dora', 'long-enough', 'long-enough');
	is $status, 0, 'two that are the same' or diag $out;
	is names(), join(q{ }, sort 'dora', split / /, $before), 'she is there';
};

subtest 'many are deleted at once, when that was confirmed' => sub {
	my ($status, $out, $err) = $p->postroom({ stdin => "no\n" }, qw(user delete temp*));
	is $status, 1, 'not without a yes';
	is $out, "temp1\ntemp2\ntemp3\n", 'who they would be';
	like $err, qr/nothing was changed/, 'it says so';
	like names(), qr/temp1 temp2 temp3/, 'all are there';
	($status, $out) = $p->postroom({ stdin => "yes\n" }, 'user', 'delete', 'temp*,!temp2');
	is $status, 0, 'with a yes';
	like $out, qr/^2 users deleted$/m, 'it counts';
	is names(), 'anna bert dora kate postmaster temp2', 'without those taken out';
	my $imap = $p->imap;
	$imap->login('kate', 'kate-secret');
	($status, $out, $err) = $p->postroom('user', 'delete', 'kate,temp2,postmaster', '--yes');
	is $status, 1, 'some cannot be deleted';
	like $err, qr/kate is in use/, 'one is logged in';
	like $err, qr/administrator/, 'one is the last administrator';
	like $out, qr/^1 users deleted$/m;
	is names(), 'anna bert dora kate postmaster', 'the other is gone';
	$imap->cmd('LOGOUT');
	$p->postroom_ok(qw(group add gone));
	$p->postroom_ok(qw(group add-member gone), $_) for qw(anna bert);
	$p->postroom_ok('user', 'delete', '$gone', '--yes');
	is names(), 'dora kate postmaster', 'by group';
	($status, undef, $err) = $p->postroom('user', 'delete', 'nobody*', '--yes');
	isnt $status, 0, 'nobody has such a name';
};

$p->stop;
done_testing;

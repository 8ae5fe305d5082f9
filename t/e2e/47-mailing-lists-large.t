#!/usr/bin/perl
# Lists with many members, and large messages.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Lists;
use Postroom::Process qw(write_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;
use Time::HiRes qw(time);

my $p = Postroom::Test->start(users => { bert => 'bert-secret' }, set => { 'sender.retry' => 2 });
my $domain = $p->domain;
my $lists = Postroom::Lists->new($p);
my $server = Postroom::SmtpServer->start;
$p->postroom_ok(qw(sender set default --method relay --encryption none --servers), $server->address);

subtest '03-4.1 ten thousand members' => sub {
	my $count = 10_000;
	write_file($p->dir . '/members', join '', map { "member$_\@big.test\n" } 1 .. $count);
	$lists->make('big', mailing => []);
	$p->postroom_ok(qw(list member import big), $p->dir . '/members');
	$server->set_reply(CONNECT => 'SLEEP 1 220 slow');
	like $lists->send(from => "bert\@$domain", to => "big\@$domain"), qr/\A250 /, 'the final reply';
	is scalar($server->messages), 0, 'comes before any copy';
	$server->set_reply(CONNECT => undef);
	my %seen;
	$p->wait_for(sub { %seen = map { $_ => 1 } map { @{ $_->{to} } } $server->messages; return keys %seen >= $count }, 'all copies follow', 60);
	is scalar(map { @{ $_->{to} } } $server->messages), $count, 'each member gets one';
};

subtest '01-9.3 five hundred local members, ten megabytes' => sub {
	my @users = map { "user$_" } 1 .. 500;
	$p->postroom_ok({ stdin => $p->postroom_ok('export') . join '', map { "\n[user]\nname = $_\n" } @users }, 'import', '-');
	$lists->make('local', mailing => \@users);
	$lists->make('alias', distribution => \@users);
	my $text = ('x' x 70 . "\n") x 150_000;
	for my $list (qw(local alias)) {
		my $start = time;
		like $lists->send(from => "bert\@$domain", to => "$list\@$domain", text => $text), qr/\A250 /, "$list: taken";
		cmp_ok time - $start, '<', 10, 'the reply comes in under ten seconds';
	}
	my $delivered = 0;
	$p->wait_for(sub { $delivered = () = $p->log =~ /delivered to user uid=/g; return $delivered >= 1000 }, 'all get both', 60);
	my %stored = map { $_ => 1 } split /\n/, qx(find $p->{dir}/state/mail -type f -size +9M -printf '%i\\n');
	cmp_ok scalar(keys %stored), '<=', 8, 'stored once for all of a batch, not once for each';
};

$server->stop;
$p->stop;
done_testing;

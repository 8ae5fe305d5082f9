#!/usr/bin/perl
# Large lists: many members here, and a large message; very many elsewhere, imported and in an export.
use strict;
use warnings;
use File::Find;
use List::Util qw(sum);
use lib 't/lib';
use Postroom::Test;
use Test::More;
use Time::HiRes qw(time);

my $MEMBERS = 500;
my $p = Postroom::Test->start(domain => 'example.test', relay => ['127.0.0.9']);
my $text = $p->postroom_ok('export', '-');
$text .= sprintf "\n[user]\nname = u%03d\n", $_ for 1 .. $MEMBERS;
$text .= "\n[list]\nname = all\n";
$text .= sprintf "\n[list-member]\nlist = all\naddress = u%03d\n", $_ for 1 .. $MEMBERS;
$p->postroom_ok({ stdin => $text }, 'import', '-');

subtest '01-9.3 a message of 10 MB to 500 members' => sub {
	my $smtp = $p->smtp(local => '127.0.0.9');
	$smtp->ehlo('client.test');
	$smtp->cmd('MAIL FROM:<someone@outside.test>');
	$smtp->cmd('RCPT TO:<all@example.test>');
	is $smtp->last, '250 2.1.5 OK', 'accepted';
	my $begin = time;
	$smtp->data("Subject: large\n\n" . ("0123456789" x 7 . "\n") x 140_000);
	my $took = time - $begin;
	like $smtp->last, qr/\A250 /, 'taken';
	cmp_ok $took, '<', 10 * ($ENV{POSTROOM_PATIENCE} // 1), 'the reply came in ten seconds';
	$smtp->quit;
	$p->wait_for(sub { !@{ $p->queue } }, 'all have it', 180);
	my %links;
	find(sub { my @stat = stat; $links{ $stat[1] } = $stat[3] if -f _ && $stat[7] > 9_000_000 }, $p->dir . '/state/mail');
	cmp_ok sum(values %links), '>=', $MEMBERS, 'in each mailbox';
	cmp_ok scalar keys %links, '<', 10, 'stored a few times only';
};

subtest 'ten thousand members' => sub {
	my $lines = join '', map { "member$_\@far.test\n" } 1 .. 10_000;
	like $p->postroom_ok({ stdin => $lines }, 'list', 'member', 'import', 'all', '--replace', '-'), qr/^10000 added/, 'imported';
	is length $p->postroom_ok('list', 'member', 'export', 'all'), length $lines, 'and out again';
	my $export = $p->postroom_ok('export', '-');
	is $p->postroom_ok({ stdin => $export }, 'import', '-'), "0 changes\n", 'an import of what is there changes nothing';
	my ($answer) = grep { $_->{name} eq 'all' } @{ $p->postroom_json('list', 'list') };
	is $answer->{members}, 10_000, 'counted';
	my $found = () = $p->postroom_ok('resolve', 'all@example.test', '--local') =~ /-> remote member\d+\@far\.test/g;
	is $found, 10_000, 'all are targets';
};

$p->stop;
done_testing;

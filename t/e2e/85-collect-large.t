#!/usr/bin/perl
# Collecting messages that do not fit into memory, one after the other, and ones that do between them.
use strict;
use warnings;
use lib 't/lib';
use Digest::MD5 qw(md5_hex);
use Postroom::Pop3Server;
use Postroom::Test;
use Test::More;

my $mailbox = Postroom::Pop3Server->start(password => 'Quetzal-17', capa => ['UIDL', 'TOP', 'PIPELINING']);
my $p = Postroom::Test->start(users => { anna => 'anna-secret' });
$p->postroom_ok({ stdin => "Quetzal-17\n" }, qw(collector add box --password-stdin), 'pop3.server' => '127.0.0.1',
	'pop3.port' => $mailbox->port, 'pop3.username' => 'box', 'route' => 'user', 'target' => 'anna');

subtest 'messages of several megabytes' => sub {
	my %sums;
	for my $case (['first', 16_000], ['small', 1], ['second', 17_000]) {
		my ($name, $lines) = @$case;
		my $body = join '', map { "$name $_ " . 'x' x 60 . "\n" } 1 .. $lines;
		$mailbox->put("From: a\@far.test\nSubject: $name\n\n$body");
		$sums{$name} = md5_hex($body);
	}
	my ($status, $out, $err) = $p->postroom(qw(collector run box --wait));
	like $out . $err, qr/\AConnection successful, 3 messages$/m, 'all are collected';
	$p->wait_for(sub { !$mailbox->remaining }, 'they are deleted at the server', 30);
	my $pop3;
	$p->wait_for(sub { $pop3 = $p->pop3; $pop3->login('anna', 'anna-secret'); ($pop3->stat)[0] == 3 }, 'anna has them');
	my %got;
	for my $number (1 .. 3) {
		my $text = $pop3->retr($number) =~ s/\r\n/\n/gr;
		my ($subject) = $text =~ /^Subject: (\w+)$/m;
		$got{$subject} = md5_hex($text =~ s/\A.*?\n\n//sr);
	}
	$pop3->quit;
	is_deeply \%got, \%sums, 'octet for octet';
};

$p->stop;
done_testing;

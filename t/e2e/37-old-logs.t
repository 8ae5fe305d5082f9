#!/usr/bin/perl
# What becomes of the content of logs that were full: how many are kept, how long, how much they may take.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Process qw(read_file write_file);
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start;

sub content {
	my ($name) = @_;
	return read_file($p->dir . "/log/$name") // '';
}

# Names of old contents of a log, the oldest first.
sub old_logs {
	my ($log) = @_;
	my %age = map { $_ => -M } glob $p->dir . "/log/old/${log}_*.lbk";
	return map { s{.*/}{}r } sort { $age{$b} <=> $age{$a} } keys %age;
}

my $sessions = 0;

# Move connect.log so many times: a line for each session, some at a time, less than would move it twice.
sub fill {
	my ($times) = @_;
	for (1 .. $times) {
		my $old = content('connect.lbk');
		while (content('connect.lbk') eq $old) {
			my @clients = map { sprintf '127.0.%d.%d', $sessions / 250 + 1, $sessions++ % 250 + 1 } 1 .. 6;
			$p->smtp(local => $_)->quit for @clients;
			for my $client (@clients) {
				$p->wait_for(sub { join('', map { content("connect.$_") } qw(lbk log)) =~ /client=\Q$client\E / }, 'its line');
			}
		}
	}
	return;
}

subtest '06-7.1 old logs are kept' => sub {
	$p->set('log.max-size' => 1, 'log.connections' => 'on');
	fill(1);
	is_deeply [old_logs('connect')], [], 'by default only the .lbk';
	my $last = content('connect.lbk');
	$p->set('log.keep' => 3);
	fill(1);
	my ($first) = old_logs('connect');
	like $first, qr/\Aconnect_\d{4}-\d\d-\d\d_1\.lbk\z/, 'with three, the next one has a name of its own';
	is content("old/$first"), $last, 'and what the .lbk held';
	fill(1);
	is scalar(my @two = old_logs('connect')), 2, 'then two';
	like $two[1], qr/_2\.lbk\z/, 'the second';
	fill(1);
	is scalar(my @last = old_logs('connect')), 2, 'never more';
	isnt $last[0], $first, 'the oldest went';
	is_deeply [old_logs('smtpsvr')], [], 'other logs are others';
	$p->set('log.keep' => 1);
	fill(1);
	is_deeply [old_logs('connect')], [], 'one again';
};

subtest '06-7.2 what limits old logs' => sub {
	my $folder = $p->dir . '/log/old';
	$p->set('log.keep-days' => 3, 'log.keep-max' => 6);
	for my $day (1 .. 6) {
		my $name = sprintf '%s/connect_2026-01-%02d_1.lbk', $folder, 10 - $day;
		write_file($name, 'x' x 1_000_000);
		utime time - $day * 86_400 + 3600, time - $day * 86_400 + 3600, $name or die "utime: $!\n";
	}
	write_file("$folder/notes.txt", 'not a log');
	fill(1);
	is scalar(my @left = old_logs('connect')), 4, 'those of three days, and what was just kept';
	unlike "@left", qr/2026-01-0[456]/, 'older ones are gone';
	write_file("$folder/smtpsvr_2026-01-01_$_.lbk", 'x' x 2_000_000) for 1 .. 2;
	utime 1, 1, map { "$folder/smtpsvr_2026-01-01_$_.lbk" } 1 .. 2;
	$p->set('log.keep-days' => 36_500);
	fill(1);
	is_deeply [old_logs('smtpsvr')], ['smtpsvr_2026-01-01_2.lbk'], 'what is more than 6 MB goes, the oldest first';
	$p->set('log.min-free' => 100_000_000);
	fill(1);
	is_deeply [old_logs('*')], [], 'where the disk has too little room all go, of whatever age';
	ok -e $p->dir . '/log/connect.lbk' && -e "$folder/notes.txt", 'but no .lbk itself, and nothing else';
};

$p->stop;
done_testing;

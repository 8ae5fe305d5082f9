#!/usr/bin/perl
# ids.log and badsmtprecipients.log: a line for each event, in the form that the administrator or his script wants.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Process qw(read_file write_file);
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(ids => 1);
my $domain = $p->domain;
my $folder = $p->dir . '/log/policy';
my $script = $p->dir . '/etc/scripts/idsline.lua';
my $TIME = qr/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/;

sub script {
	my ($text) = @_;
	write_file("$script.new", $text);
	chmod 0644, "$script.new";
	rename "$script.new", $script or die "cannot rename $script.new: $!\n";
	return;
}

# The recipient does not exist; a session each.
sub bad_recipient {
	my ($client, $name) = @_;
	my $smtp = $p->smtp(local => $client);
	$smtp->ehlo;
	$smtp->cmd('MAIL FROM:<a@b.test>');
	return $smtp->cmd("RCPT TO:<$name\@$domain>");
}

sub lines {
	my ($file) = @_;
	return split /\n/, read_file("$folder/$file") // '';
}

sub wait_lines {
	my ($file, $count) = @_;
	$p->wait_for(sub { lines($file) >= $count }, "$file has $count lines");
	return lines($file);
}

subtest 'off, as it is at first' => sub {
	is bad_recipient('127.0.1.1', 'nobody'), 550, 'a bad recipient';
	$p->wait_for(sub { @{ $p->postroom_json('block', 'events', '--client', '127.0.1.1') } }, 'the event is known');
	is_deeply [glob "$folder/*"], [], 'no file is made';
};

subtest '05-12.8 a line for each event' => sub {
	$p->set('ids.log' => 'on', 'smtp.log-unknown-recipients' => 'on');
	bad_recipient('127.0.1.2', 'nobody');
	my @lines = wait_lines('ids.log', 1);
	like $lines[0], qr/\A$TIME - 127\.0\.1\.2 - 3 Bad local recipient - nobody\@\Q$domain\E\z/, 'as documented';
	like +(wait_lines('badsmtprecipients.log', 1))[0], qr/\A$TIME 127\.0\.1\.2 nobody\@\Q$domain\E\z/, 'the other log';
	is sprintf('%o', (stat "$folder/ids.log")[2] & 07777), '640', 'not for everybody';
};

subtest '05-19.2 renamed away, it begins anew without losing a line' => sub {
	rename "$folder/ids.log", "$folder/ids.log.1" or die "cannot rename: $!\n";
	bad_recipient('127.0.1.3', "nobody$_") for 1 .. 2;
	is scalar(wait_lines('ids.log', 2)), 2, 'two new lines';
	is scalar(lines('ids.log.1')), 1, 'behind the old one';
};

subtest 'format and file of the settings' => sub {
	$p->set('ids.log-format' => '%I|%e|100%%|%x|%D', 'ids.log-file' => 'other.log');
	bad_recipient('127.0.1.4', 'nobody');
	is_deeply [wait_lines('other.log', 1)], ["127.0.1.4|3|100%|%x|nobody\@$domain"], 'as wished';
	for my $wrong ('../ids.log', '.hidden', 'a b', '') {
		my ($status, undef, $reason) = $p->postroom('set', 'ids.log-file', $wrong);
		is $status, 1, "no file \"$wrong\"";
		like $reason, qr/^postroom: ids\.log-file/, 'with the reason';
	}
	$p->postroom_ok('unset', $_) for 'ids.log-format', 'ids.log-file';
};

subtest '05-12.8 idsline.lua' => sub {
	script("function ProcessLine(ip, number, data, format, file)\n\treturn 'X %I', 'x-' .. number .. '.log'\nend\n");
	bad_recipient('127.0.1.5', 'nobody');
	is_deeply [wait_lines('x-3.log', 1)], ['X 127.0.1.5'], 'the line and the file are the script\'s';
	my $smtp = $p->smtp(local => '127.0.1.5');
	$smtp->cmd('NONSENSE');
	is_deeply [wait_lines('x-9.log', 1)], ['X 127.0.1.5'], 'for each event anew';
	$smtp->ehlo;
	$smtp->auth('PLAIN', 'anna', 'wrong');
	is_deeply [wait_lines('x-0.log', 1)], ['X 127.0.1.5'], '09-5.3 after a failed AUTH';
};

subtest 'a script that is wrong' => sub {
	my $count = lines('ids.log');
	script("function ProcessLine(ip)\n\treturn 'Y %I', '../../../etc/passwd'\nend\n");
	bad_recipient('127.0.1.6', 'nobody');
	is +(wait_lines('ids.log', $count + 1))[-1], 'Y 127.0.1.6', 'a name that is none is not taken';
	script("function ProcessLine(ip)\n\terror('no line today')\nend\n");
	bad_recipient('127.0.1.7', 'nobody');
	like +(wait_lines('ids.log', $count + 2))[-1], qr/ 127\.0\.1\.7 - 3 /, 'an error means the usual line';
	script("function ProcessLine(ip)\n\twhile true do end\nend\n");
	bad_recipient('127.0.1.8', 'nobody');
	like +(wait_lines('ids.log', $count + 3))[-1], qr/ 127\.0\.1\.8 - 3 /, 'so does one that does not end';
	$p->wait_for(sub { (read_file($p->dir . '/log/luaerrors.log') // '') =~ /idsline\.lua ProcessLine: .*no line today/ },
		'and the error is told');
	$p->script('idsline');
};

subtest 'a block is a line too' => sub {
	my $count = lines('ids.log');
	$p->set('ids.threshold' => 50);
	bad_recipient('127.0.1.9', 'nobody');
	wait_lines('ids.log', $count + 1);
	is bad_recipient('127.0.1.9', 'nobody'), 0, 'shut out';
	like +(wait_lines('ids.log', $count + 2))[-1], qr/\A$TIME - 127\.0\.1\.9 - 900 IP address blocked - auto\z/, 'as the log says';
};

$p->stop;
done_testing;

#!/usr/bin/perl
# summary.log and mail.log: what was received and sent today, and the daily report about it (specification 09, 11).
use strict;
use warnings;
use lib 't/lib';
use POSIX qw(strftime);
use Postroom::Delivered;
use Postroom::Pop3Server;
use Postroom::Process qw(read_file write_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(
	users => { fred => 'fred-secret', bob => 'bob-secret', joe => 'joe-secret' },
	relay => ['127.0.0.5'],
);
my $domain = $p->domain;
$p->set('notices.administrator' => 'bob');
my $mail = Postroom::Delivered->new($p);

sub content { return read_file($p->dir . "/log/$_[0]") // '' }
sub codes { return map { [split /,/, $_, 4] } content('summary.log') =~ /^(.+)$/mg }
sub lines { my ($code) = @_; return grep { $_->[1] == $code } codes() }
sub users { return map { $_->[3] } lines(@_) }
sub wait_lines { my ($code, $count) = @_; return $p->wait_for(sub { lines($code) >= $count }, "$count lines of code $code", 20) }

# The octets of a stored message without what deliver puts on top for each user.
sub stored_size {
	my ($user) = @_;
	my $pop3 = $p->pop3;
	$pop3->login($user, "$user-secret");
	my $text = $pop3->retr(($pop3->stat)[0]);
	$pop3->quit;
	$text =~ s/\A(?:(?:Return-Path|Delivered-To):[^\r\n]*\r\n)+//;
	return length $text;
}

subtest '09-11.1 mail that comes, mail among users' => sub {
	$mail->arrives('fred', 'INBOX', $mail->send(to => ["fred\@$domain"], body => join "\r\n", ('x' x 62) x 160));
	wait_lines(2, 1);
	my ($line) = lines(2);
	like $line->[0], qr/\A\d{14}\z/, 'the time';
	is $line->[3], 'fred', 'who got it';
	is $line->[2], stored_size('fred'), 'its size as it is stored';
	cmp_ok $line->[2], '>=', 10_240, 'which is no less than was sent';
	is scalar(codes()), 1, 'and nothing else is said';
	$mail->arrives('bob', 'INBOX', $mail->send(login => 'fred', from => "fred\@$domain", to => ["bob\@$domain", "joe\@$domain"]));
	wait_lines(0, 2);
	is_deeply [sort(users(0))], ['bob', 'joe'], 'local mail received';
	is_deeply [users(1)], ['fred'], 'sent once';
	is +(lines(1))[0][2], stored_size('bob'), 'with its size';
	is scalar(codes()), 4, 'no more';
};

subtest 'mail to other servers' => sub {
	my $server = Postroom::SmtpServer->start;
	$p->postroom_ok(qw(sender set default --method relay --encryption none --servers), $server->address);
	$mail->send(login => 'fred', from => "fred\@$domain", to => ['a@far.test', 'b@far.test']);
	wait_lines(7, 1);
	is_deeply [users(3)], ['fred'], 'one message was sent by fred';
	is_deeply [map { $_->[3] } lines(7)], ['fred'], 'and in one transaction';
	$p->wait_for(sub { content('mail.log') =~ /sent id/ }, 'mail.log has it');
	like content('mail.log'), qr/^\d{4}-\d\d-\d\d [\d:]{8} sent id=\S+ from=<fred\@\Q$domain\E> to=<a\@far\.test>, <b\@far\.test> size=\d+$/m,
		'with more about it';
	like content('mail.log'), qr/ received id=\S+ from=<sender\@stranger\.test> to=fred size=\d+$/m, 'and of what was received';
};

subtest '09-11.2 LAN forwarding' => sub {
	my $server = Postroom::SmtpServer->start;
	$p->postroom_ok('lan-rule', 'add', '--address', '*@corp.test', '--server', $server->address);
	$mail->send(from => 'out@side.test', to => ['any@corp.test', 'other@corp.test']);
	wait_lines(8, 1);
	is_deeply [users(5)], ['out@side.test'], 'who sends, once';
	is_deeply [sort(users(11))], ['any@corp.test', 'other@corp.test'], 'who is to get it';
	is +(lines(8))[0][2], +(lines(5))[0][2], 'sent, all of it';
	$p->postroom_ok('lan-rule', 'delete', 1);
};

subtest '09-11.3 what collectors fetched' => sub {
	my $isp = Postroom::Pop3Server->start(password => 'Quetzal-17');
	$p->postroom_ok({ stdin => "Quetzal-17\n" }, 'collector', 'add', 'isp', '--password-stdin', 'pop3.server' => '127.0.0.1',
		'pop3.port' => $isp->port, 'pop3.username' => 'box', 'route' => 'user', 'target' => 'fred');
	my $sum = 0;
	for my $round ([100, 2000], [30_000]) {
		for my $octets (@$round) {
			my $text = "From: a\@far.test\nTo: fred\@$domain\nSubject: $octets\n\n" . ('y' x 70 . "\n") x ($octets / 71) . "end\n";
			$isp->put($text);
			$sum += length($text) + ($text =~ tr/\n//);
		}
		$p->postroom_ok('collector', 'run', 'isp', '--wait');
	}
	wait_lines(6, 2);
	my $told = 0;
	$told += $_->[2] for lines(6);
	is $told, $sum, 'the bytes of the messages';
	wait_lines(2, 4);
	is scalar(grep { $_ eq 'fred' } users(2)), 4, 'they are received mail, too';
};

# The day of the lines becomes the one before, as if the machine had been off at midnight; what the file held.
my @then = localtime(time - 86_400);
my $date = strftime('%Y-%m-%d', @then);
my $week = 'maillog.' . (qw(sun mon tue wed thu fri sat))[$then[6]];
my $day = $date =~ tr/-//dr;

sub end_day {
	my ($meanwhile, %settings) = @_;
	$p->set(%settings);
	$mail->settled;
	$p->stop_running;
	$meanwhile->();
	my $text = content('summary.log') =~ s/^\d{8}/$day/mgr;
	write_file($p->dir . '/log/summary.log', $text);
	$p->run;
	return $text;
}

# The report's text as bob got it, which is then deleted.
sub report {
	my $text;
	$p->wait_for(sub {
		my $pop3 = $p->pop3;
		$pop3->login('bob', 'bob-secret');
		for my $number (1 .. ($pop3->stat)[0]) {
			my $message = $pop3->retr($number);
			next if $message !~ /^X-Postroom-Notice: DailySummary/m;
			$text = $message;
			$pop3->cmd("DELE $number");
		}
		$pop3->quit;
		return defined $text;
	}, 'the report is there', 20);
	return $text =~ s/\r//gr;
}

sub summaries { return map { s{.*/}{}r } sort glob $p->dir . '/log/summaries/*' }

subtest '09-11.4 07-4.3 07-4.4 06-7.10 the end of the day' => sub {
	my $mail_log = content('mail.log');
	my $text = end_day(sub { }, 'summary.keep-mail-log' => 'on');
	my $report = report();
	like $report, qr/^Subject: Postroom Daily usage Summary for \Q$date\E$/m, 'its subject';
	my ($boundary) = $report =~ m{^Content-Type: multipart/alternative; boundary="(\S+)"\n}m;
	like $report, qr{\n--\Q$boundary\E\nContent-Type: text/plain;.*\n--\Q$boundary\E\nContent-Type: text/html;.*<pre.*\n--\Q$boundary\E--\n}s,
		'as text and as HTML';
	my $sum = 0;
	$sum += $_ for $text =~ /^\d+,2,(\d+),/mg;
	like $report, qr/^Internet mail received +4 +$sum$/m, 'messages and bytes that were received';
	like $report, qr/^fred +0 +0 +1 +\d+ +4 +$sum +1 +\d+ +0 +0$/m, 'and of fred';
	is_deeply [summaries()], ["mail-$day.log", "summary-$day.log"], 'copies of both logs';
	is content("summaries/summary-$day.log"), $text, 'what summary.log was';
	is content("summaries/mail-$day.log"), $mail_log, 'and mail.log';
	is content($week), $mail_log, "mail.log became $week";
	unlike content('summary.log') . content('mail.log'), qr/stranger\.test/, 'both began anew';
	unlink map { $p->dir . "/log/summaries/$_" } summaries();
};

subtest '07-4.4 09-11.4 without what is not wanted' => sub {
	my $before = (time - 2 * 86_400) * 1000;
	my $idle = strftime('%Y-%m-%d', localtime($before / 1000));
	$mail->find($_, 'INBOX', 'login') for qw(fred joe);
	$p->wait_for(sub { (grep { $_->{user} eq 'joe' } @{ $p->postroom_json('sessions', '--history') }) }, 'the history has it');
	$mail->arrives('fred', 'INBOX', $mail->send(to => ["fred\@$domain"]));
	wait_lines(2, 1);
	end_day(sub {
		my @update = ('sqlite3', $p->dir . '/state/history/log.db', "UPDATE session SET end = $before WHERE user = 'joe'");
		system(@update) == 0 or die "sqlite3: $?\n";
	}, 'summary.keep-mail-log' => 'off', 'summary.html' => 'off');
	my $report = report();
	like $report, qr/^Not logged in for at least a day:\n(?:.*\n)*?joe +since $idle$/m, 'joe is idle for two days';
	unlike $report, qr/^fred +since/m, 'fred is not';
	like $report, qr{^Content-Type: text/plain; charset=utf-8$}m, 'plain text';
	unlike $report, qr{multipart|text/html}, 'alone';
	is_deeply [summaries()], ["summary-$day.log"], 'no copy of mail.log';
	unlink map { $p->dir . "/log/summaries/$_" } summaries();
	$mail->arrives('fred', 'INBOX', $mail->send(to => ["fred\@$domain"]));
	wait_lines(2, 1);
	end_day(sub { }, 'summary.idle-accounts' => 'off', 'summary.keep' => 'off');
	$report = report();
	unlike $report, qr/Not logged in/, 'nobody is called idle';
	like $report, qr/^Internet mail received +1 /m, 'of that day alone';
	is_deeply [summaries()], [], 'nothing is kept';
};

$p->stop;
done_testing;

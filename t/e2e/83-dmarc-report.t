#!/usr/bin/perl
# DMARC: what becomes of p=quarantine, and aggregate reports, from the message to the report at a remote server.
use strict;
use warnings;
use lib 't/lib';
use File::Temp ();
use IO::Uncompress::Gunzip qw(gunzip);
use MIME::Base64 qw(decode_base64);
use POSIX qw(strftime);
use Postroom::Dns;
use Postroom::Need qw(find_program need_program);
use Postroom::Process qw(read_file run_program write_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

need_program('nsd', 'xmllint', 'sqlite3');

my $dns = Postroom::Dns->start(zones => {
	'one.test' => {
		'@'      => ['TXT "v=spf1 ip4:127.0.0.7 -all"', 'A 127.0.0.1'],
		'_dmarc' => ['TXT "v=DMARC1; p=quarantine; sp=reject; adkim=s; pct=100; rua=mailto:dmarc@one.test,mailto:agg@third.test!10m,mailto:no@other.test"'],
	},
	'third.test' => { '@' => ['A 127.0.0.1'], 'one.test._report._dmarc' => ['TXT "v=DMARC1"'] },
	'other.test' => { '@' => ['A 127.0.0.1'] },
	'quiet.test' => { '@' => ['A 127.0.0.1'], '_dmarc' => ['TXT "v=DMARC1; p=none"'] },
	'tiny.test'  => { '@' => ['A 127.0.0.1'], '_dmarc' => ['TXT "v=DMARC1; p=none; rua=mailto:dmarc@tiny.test!10"'] },
});
my $remote = Postroom::SmtpServer->start;
my $p = Postroom::Test->start(
	users => { anna => 'anna-secret' },
	set   => { 'dns.servers' => $dns->address, 'smtp.spf' => 'on', 'smtp.dkim' => 'on' },
);
$p->relay('127.0.0.1');
$p->postroom_ok('sender', 'set', 'default', '--method', 'relay', '--servers', $remote->address, '--encryption', 'none');
$p->postroom_ok(qw(dkim add example.test key1 --type ed25519));
my $today = strftime('%Y-%m-%d', gmtime);

# Send from an address of ours; the reply to the end of the message.
sub send_from {
	my ($author, %options) = @_;
	my $smtp = $p->smtp(local => $options{client} // '127.0.0.2');
	$smtp->ehlo('client.one.test');
	return $smtp->send_message($options{from} // $author, ['anna@example.test'], "From: $author\nSubject: x\n\nx\n");
}

sub newest_flags {
	my ($id) = @_;
	$p->wait_log(qr/id=\Q$id\E.*delivered/);
	my $imap = $p->imap;
	$imap->login('anna', 'anna-secret');
	$imap->cmd('SELECT INBOX');
	return join ' ', map { @{ $_->{FLAGS} } } values %{ $imap->fetch('*', '(FLAGS)') };
}

subtest 'p=quarantine, by the settings' => sub {
	my %flags;
	for my $case (['off', 'junk'], ['on', 'junk'], ['on', 'none']) {
		$p->set('mail-auth.dmarc-policy' => $case->[0], 'mail-auth.dmarc-quarantine' => $case->[1]);
		my $reply = send_from('bob@one.test');
		my ($id) = $reply =~ /queued as (\S+)/;
		ok $id, "@$case: taken" or diag $reply;
		$flags{"@$case"} = newest_flags($id);
	}
	unlike $flags{'off junk'}, qr/\$Junk/, 'without the policy nothing';
	like $flags{'on junk'}, qr/\$Junk/, 'marked as junk';
	unlike $flags{'on none'}, qr/\$Junk/, 'delivered like others';
	$p->set('mail-auth.dmarc-quarantine' => 'reject');
	is send_from('bob@one.test'), '550 5.7.1 Refused by the DMARC policy of one.test', 'or refused';
	like send_from('bob@one.test', client => '127.0.0.7'), qr/\A250/, 'but not what passes';
	$p->set('mail-auth.dmarc-quarantine' => 'junk');
};

subtest 'nothing is noted while reports are off' => sub {
	is_deeply $p->postroom_json(qw(dmarc report --day), $today), [], 'no domain';
};

$p->set('mail-auth.dmarc-reports' => 'on');

subtest 'what is noted' => sub {
	like send_from('bob@one.test'), qr/\A250/, 'a failure' for 1 .. 3;
	like send_from('bob@one.test', client => '127.0.0.7'), qr/\A250/, 'a pass';
	like send_from('bob@one.test', from => 'evil"<&>@quiet.test'), qr/\A250|\A5/, 'another sender';
	is send_from('x@sub.one.test'), '550 5.7.1 Refused by the DMARC policy of sub.one.test', 'a subdomain, refused';
	like send_from('x@quiet.test'), qr/\A250/, 'a domain that wants no reports';
	like send_from('x@tiny.test'), qr/\A250/, 'one that wants small ones';
	like send_from('bob@one.test', client => '127.0.0.1'), qr/\A250/, 'who may send is not noted';
	my ($one, $tiny) = @{ $p->postroom_json(qw(dmarc report --day), $today) };
	is $one->{domain}, 'one.test', 'the domain';
	cmp_ok $one->{messages}, '>=', 5, 'its messages';
	is $tiny->{domain}, 'tiny.test', 'the other';
	ok !$one->{sent}, 'not sent yet';
};

my $dir = File::Temp->newdir;

sub is_valid {
	my ($xml) = @_;
	write_file("$dir/report.xml", $xml);
	my ($status, undef, $err) = run_program('xmllint', '--noout', '--schema', 't/fixtures/dmarc-report.xsd', "$dir/report.xml");
	return is($status, 0, 'valid by the schema of RFC 7489 appendix C') || diag $err;
}

# The records of a report, as texts.
sub records {
	my ($xml) = @_;
	return map { join ' ', />\s*([^<>\s]+)\s*</g } $xml =~ m{<record>(.*?)</record>}gs;
}

subtest 'what would be sent' => sub {
	my ($status, $xml, $err) = $p->postroom(qw(dmarc report --domain one.test --day), $today);
	is $status, 0, 'shown';
	is_deeply [$err =~ /^for (\S+)$/mg], ['dmarc@one.test', 'agg@third.test'],
		'to its own address, to another organisation that consents, and to no other';
	is_valid($xml);
	my @records = records($xml);
	is scalar(grep { /\A127\.0\.0\.2 3 quarantine fail fail one\.test one\.test one\.test mfrom fail\z/ } @records), 1, 'the same is counted'
		or diag explain \@records;
	is scalar(grep { /\A127\.0\.0\.7 1 none fail pass one\.test one\.test one\.test mfrom pass\z/ } @records), 1, 'a pass';
	is scalar(grep { /\A127\.0\.0\.2 1 reject fail fail sub\.one\.test sub\.one\.test/ } @records), 1, 'what was refused';
	like $xml, qr{<adkim>s</adkim>\s*<aspf>r</aspf>\s*<p>quarantine</p>\s*<sp>reject</sp>\s*<pct>100</pct>}, 'the policy as published';
	is +($p->postroom(qw(dmarc report --send --day), $today))[0], 1, 'a day that is not over is not sent';
	is +($p->postroom(qw(dmarc report --day), $_))[0], 1, "no day: $_" for 'x', '2026-13-01', '2026-01-01x';
};

# The day before yesterday is over.
$p->stop_running;
run_program('sqlite3', $p->dir . '/state/policy/policy.db', 'UPDATE dmarc SET day = day - 2');
$p->run;

subtest 'sent by itself when the day is over' => sub {
	my ($message) = $remote->wait_messages(1);
	is_deeply $message->{to}, ['dmarc@one.test', 'agg@third.test'], 'to both addresses' or diag explain $message->{to};
	is $message->{from}, 'postmaster@example.test', 'from where it can come back';
	my ($header, $body) = $message->{data} =~ /\A(.*?)\r\n\r\n(.*)\z/s;
	$header =~ s/\r\n[ \t]+/ /g;
	like $header, qr/^Subject: Report Domain: one\.test Submitter: mail\.example\.test Report-ID: <\d+\.one\.test\@mail\.example\.test>\r?$/m,
		'the subject of RFC 7489 7.2.1.1';
	like $header, qr/^DKIM-Signature: .*d=example\.test; s=key1;/m, 'signed';
	my ($name, $packed) = $body =~ m{Content-Type: application/gzip\r\n.*?filename="([^"]+)"\r\n\r\n(.*?)\r\n--}s;
	like $name, qr/\Amail\.example\.test!one\.test!\d+!\d+\.xml\.gz\z/, 'the name of the file';
	my ($gzip, $xml) = (decode_base64($packed));
	ok gunzip(\$gzip => \$xml), 'a gzip';
	is_valid($xml);
	is scalar(records($xml)), scalar(@{[ $xml =~ /<record>/g ]}), 'with records';
	my $day = strftime('%Y-%m-%d', gmtime(time - 2 * 86400));
	$p->wait_for(sub { !grep { !$_->{sent} } @{ $p->postroom_json(qw(dmarc report --day), $day) } }, 'all are settled');
	like $p->log, qr/the DMARC report of tiny\.test is too large for <dmarc\@tiny\.test>/, 'too large for one';
	$p->postroom_ok(qw(dmarc report --send --day), $day);
	$p->kill_daemon('reporter');
	$p->wait_for(sub { eval { $p->postroom_ok(qw(dmarc report --send --day), $day); 1 } }, 'reporter is back');
	is scalar($remote->messages), 1, 'and once';
};

# Report the day before yesterday again, with that dmarcreporter.lua; the message, where one is expected.
sub report_by {
	my ($script, $expected) = @_;
	my $day = strftime('%Y-%m-%d', gmtime(time - 2 * 86400));
	$p->script('dmarcreporter', $script);
	$p->stop_running;
	my $count = $remote->messages; # reporter begins as it starts
	run_program('sqlite3', $p->dir . '/state/policy/policy.db', 'DELETE FROM dmarc_sent');
	$p->run;
	$p->postroom_ok(qw(dmarc report --send --domain one.test --day), $day);
	$p->wait_for(sub { !grep { !$_->{sent} } @{ $p->postroom_json(qw(dmarc report --day), $day) } }, 'all are settled');
	return $expected ? ($remote->wait_messages($count + 1))[-1] : scalar($remote->messages) - $count;
}

subtest '09-5 dmarcreporter.lua decides who gets reports, and as whom they are sent' => sub {
	my $message = report_by(<<'END', 1);
function CheckRecipients(domain, rua, first, last, id, recipients)
  if domain ~= 'one.test' then return {} end
  print(domain, rua, last - first, id, table.concat(recipients, ' '))
  table.insert(recipients, 'copy@house.test')
  table.insert(recipients, 'no address')
  return recipients
end
function GetMessageDetails(domain, recipients, sender, name, submitter)
  print(domain, #recipients, sender, name == '', submitter)
  return 'reports@example.test', 'Reports, of us', 'mx.example.test', '', ''
end
END
	is_deeply $message->{to}, ['dmarc@one.test', 'agg@third.test', 'copy@house.test'], 'one more gets it';
	is $message->{from}, 'reports@example.test', 'it is sent by whom the script says';
	like $message->{data}, qr/^From: "Reports, of us" <reports\@example\.test>\r$/m, 'with that name';
	like $message->{data}, qr/^Subject: Report Domain: one\.test\r\n Submitter: mx\.example\.test\r$/m, 'by that server';
	my $log = sub { read_file($p->dir . '/log/luaerrors.log') };
	$p->wait_for(sub { $log->() =~ /dmarcreporter/ }, 'what it prints is logged');
	like $log->(), qr/one\.test\s+mailto:dmarc\@one\.test,mailto:agg\@third\.test\s+86399\s+\S+one\.test\@\S+\s+dmarc\@one\.test agg\@third\.test/,
		'what it is told';
	like $log->(), qr/a recipient is no address/, 'and what it did wrong';
	like $log->(), qr/one\.test\s+3\s+postmaster\@example\.test\s+true\s+mail\.example\.test/, 'the second time, too';
	is report_by("function CheckRecipients() return {} end\n"), 0, 'nobody gets it';
	is_deeply report_by("function CheckRecipients() error('x') end\n", 1)->{to}, ['dmarc@one.test', 'agg@third.test'], 'one that fails changes nothing';
};

subtest '09-5 a report that is held, or of no use any more' => sub {
	report_by("function GetMessageDetails() return nil, nil, nil, '', '7200' end\n");
	my $held = $p->wait_for(sub { $p->queue->[0] }, 'it waits');
	is scalar(grep { /dmarc/ } $p->postroom_ok('queue', 'list')), 1, 'in the queue';
	$p->postroom_ok('queue', 'delete', $held->{id});
	is report_by("function GetMessageDetails() return nil, nil, nil, '2020-01-01T00:00:00Z', '' end\n"), 0, 'its time is over';
	$p->wait_log(qr/not sent within the time that mail may wait here/);
	$p->wait_for(sub { !@{ $p->queue } }, 'so it is deleted');
};

$p->stop;
done_testing;

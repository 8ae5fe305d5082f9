#!/usr/bin/perl
# Programs that others wrote send and fetch mail; then our own sendmail and mailq, which stand in for another's.
use strict;
use warnings;
use lib 't/lib';
use File::Temp;
use Postroom::Need qw(find_program);
use Postroom::Process qw(run_program read_file write_file);
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { anna => 'anna-secret', bert => 'bert-secret' });
my $scratch = File::Temp->newdir;
chmod 0755, $scratch;
local $ENV{HOME} = "$scratch";
my %port = map { $_ => $p->port($_) } qw(smtp submission smtps pop3 pop3s);
my $message = write_file("$scratch/message", join "\r\n", 'From: anna@example.test', 'To: bert@example.test',
	'Subject: from a file', 'Date: Fri, 21 Nov 2025 12:00:00 +0100', 'Message-ID: <1@example.test>', '', '.', "end\r\n");

sub need {
	for my $name (@_) {
		plan skip_all => "needs the program $name" if !find_program($name);
	}
}

sub runs_ok {
	my ($what, @command) = @_;
	my ($status, $out, $err) = run_program(@command);
	is $status, 0, $what or diag "@{[grep { !ref } @command]}\n$out$err";
	return "$out$err";
}

# The message with this subject in bert's mailbox, which is emptied.
sub arrived {
	my ($subject) = @_;
	my $found;
	$p->wait_for(sub {
		my $pop3 = $p->pop3;
		$pop3->login('bert', 'bert-secret');
		my ($count) = $pop3->stat;
		for my $number (1 .. $count) {
			my $text = $pop3->retr($number);
			$found = $text if $text =~ /^Subject: \Q$subject\E\r$/m;
			$pop3->dele($number);
		}
		$pop3->quit;
		return $found;
	}, "a message with the subject \"$subject\"", 20);
	return $found;
}

# Fill bert's mailbox with so many messages for a client to fetch.
sub fill {
	my ($count) = @_;
	my $smtp = $p->smtp;
	$smtp->send_message('anna@example.test', ['bert@example.test'], "Subject: mail $_\n\n.text $_\n") for 1 .. $count;
	$smtp->quit;
	wait_count($count);
}

sub wait_count {
	my ($count) = @_;
	$p->wait_for(sub {
		my $pop3 = $p->pop3;
		$pop3->login('bert', 'bert-secret');
		my ($got) = $pop3->stat;
		$pop3->quit;
		return defined $got && $got == $count;
	}, "bert has $count messages", 20);
	pass "bert has $count messages";
}

subtest 'swaks' => sub {
	need('swaks');
	my %ways = (
		'clear'          => ['smtp'],
		'STARTTLS PLAIN' => ['submission', '--tls', '--auth', 'PLAIN'],
		'STARTTLS LOGIN' => ['submission', '--tls', '--auth', 'LOGIN'],
		'TLS PLAIN'      => ['smtps', '--tls-on-connect', '--auth', 'PLAIN'],
		'pipelined'      => ['smtp', '--pipeline'],
		'local socket'   => [undef, '--socket', "$p->{dir}/run/smtpd/local.sock"],
	);
	for my $way (sort keys %ways) {
		my ($service, @options) = @{ $ways{$way} };
		push @options, '--server', "127.0.0.1:$port{$service}" if defined $service;
		push @options, '--auth-user', 'anna', '--auth-password', 'anna-secret' if grep { $_ eq '--auth' } @options;
		runs_ok("sends: $way", 'swaks', @options, '--from', 'anna@example.test', '--to', 'bert@example.test', '--header',
			"Subject: swaks $way");
		my $got = arrived("swaks $way");
		like $got, qr/\bwith ESMTPSA\b/, 'under TLS, logged in' if $way =~ /TLS/;
	}
	my ($status, $out) = run_program('swaks', '--server', "127.0.0.1:$port{submission}", '--tls', '--auth', 'PLAIN',
		'--auth-user', 'anna', '--auth-password', 'wrong', '--to', 'bert@example.test');
	isnt $status, 0, 'a wrong password';
	like $out, qr{<~\* 535 5\.7\.8 }, 'is told';
};

subtest 'curl' => sub {
	need('curl');
	my %ways = (
		"smtp://127.0.0.1:$port{smtp}"        => [],
		"smtp://127.0.0.1:$port{submission}"  => ['--ssl-reqd', '--user', 'anna:anna-secret'],
		"smtps://127.0.0.1:$port{smtps}"      => ['--user', 'anna:anna-secret', '--login-options', 'AUTH=LOGIN'],
	);
	for my $url (sort keys %ways) {
		runs_ok("sends to $url", 'curl', '-sSk', @{ $ways{$url} }, '--url', $url, '--mail-from', 'anna@example.test',
			'--mail-rcpt', 'bert@example.test', '--upload-file', $message);
		like arrived('from a file'), qr/\r\n\r\n\.\r\nend\r\n\z/, 'with its dot';
	}
	fill(2);
	for my $url ("pop3://127.0.0.1:$port{pop3}/2", "pop3s://127.0.0.1:$port{pop3s}/2") {
		like runs_ok("fetches from $url", 'curl', '-sSk', '--user', 'bert:bert-secret', $url), qr/\r\n\r\n\.text 2\r\n\z/, 'the text';
	}
	runs_ok('deletes', 'curl', '-sS', '--user', 'bert:bert-secret', '-X', 'DELE', '--head', "pop3://127.0.0.1:$port{pop3}/1");
	wait_count(1);
	arrived('mail 2');
};

subtest 'fetchmail' => sub {
	need('fetchmail');
	my %ways = (
		'STLS, keep'  => ['pop3', 'sslproto "TLS1.2+"', 'keep', 2],
		'TLS, keep'   => ['pop3s', 'ssl', 'keep', 2],
		'clear, keep' => ['pop3', 'sslproto ""', 'keep', 2],
		'TLS, delete' => ['pop3s', 'ssl', 'no keep', 0],
	);
	fill(2);
	for my $way ('clear, keep', 'STLS, keep', 'TLS, keep', 'TLS, delete') {
		my ($service, $tls, $keep, $left) = @{ $ways{$way} };
		my $mbox = "$scratch/mbox $way";
		write_file("$scratch/fetchmailrc", <<"END");
poll 127.0.0.1 protocol POP3 port $port{$service} timeout 20 uidl
	user "bert" password "bert-secret" $tls no sslcertck $keep fetchall mda "cat >>'$mbox'"
END
		chmod 0600, "$scratch/fetchmailrc";
		my @command = ('fetchmail', '--nosyslog', '--pidfile', "$scratch/pid", '-f', "$scratch/fetchmailrc", '-i', "$scratch/ids");
		runs_ok("$way: fetches", @command);
		is_deeply [sort { $a cmp $b } (read_file($mbox) // '') =~ /^(\.text \d)$/mg], ['.text 1', '.text 2'], 'both messages';
		wait_count($left);
	}
	fill(1);
	write_file("$scratch/fetchmailrc", <<"END");
poll 127.0.0.1 protocol POP3 port $port{pop3s} timeout 20 uidl
	user "bert" password "bert-secret" ssl no sslcertck keep mda "cat >>'$scratch/mbox new'"
END
	my @command = ('fetchmail', '--nosyslog', '--pidfile', "$scratch/pid", '-f', "$scratch/fetchmailrc", '-i', "$scratch/ids");
	runs_ok('new ones only: the first run', @command);
	is +(run_program(@command))[0], 1, 'the second finds none, by the unique ids';
	is scalar(() = read_file("$scratch/mbox new") =~ /^\.text/mg), 1, 'it was fetched once';
	arrived('mail 1');
};

subtest 'msmtp' => sub {
	need('msmtp');
	my %ways = (
		'STARTTLS, PLAIN' => ['submission', '--tls=on', '--tls-starttls=on', '--auth=plain'],
		'STARTTLS, SCRAM' => ['submission', '--tls=on', '--tls-starttls=on', '--auth=scram-sha-256'],
		'TLS, LOGIN'      => ['smtps', '--tls=on', '--tls-starttls=off', '--auth=login'],
		'clear'           => ['smtp', '--tls=off', '--auth=off'],
	);
	for my $way (sort keys %ways) {
		my ($service, @options) = @{ $ways{$way} };
		push @options, '--user=anna', '--passwordeval=echo anna-secret' if $service ne 'smtp';
		runs_ok("sends: $way", { stdin => "Subject: msmtp $way\n\n.\n" }, 'msmtp', '--file=/dev/null', '--host=127.0.0.1',
			"--port=$port{$service}", '--tls-certcheck=off', @options, '--from=anna@example.test', 'bert@example.test');
		like arrived("msmtp $way"), qr/\r\n\r\n\.\r\n\z/, 'with its dot';
	}
};

subtest 'mutt' => sub {
	need('mutt');
	write_file("$scratch/certificate", read_file("$p->{dir}/etc/tls/cert.pem"));
	write_file("$scratch/muttrc", <<"END");
set from = "anna\@example.test" realname = "Anna" copy = no ssl_verify_host = no ssl_verify_dates = no
set smtp_url = "smtp://anna:anna-secret\@127.0.0.1:$port{smtp}/" ssl_starttls = yes tmpdir = "$scratch"
set certificate_file = "$scratch/certificate"
END
	runs_ok('sends', { stdin => "text\n" }, 'mutt', '-n', '-F', "$scratch/muttrc", '-s', 'from mutt', '--', 'bert@example.test');
	like arrived('from mutt'), qr/^From: Anna <anna\@example\.test>\r$/m, 'as Anna';
};

subtest 'openssl s_client' => sub {
	need('openssl');
	my %ways = (smtp => ['smtp', "EHLO x\r\nQUIT\r\n", qr/^250-/m], submission => ['smtp', "EHLO x\r\nQUIT\r\n", qr/^250-AUTH /m],
		smtps => [undef, "EHLO x\r\nQUIT\r\n", qr/^220 .*^250-AUTH /ms], pop3 => ['pop3', "CAPA\r\nQUIT\r\n", qr/^SASL /m],
		pop3s => [undef, "CAPA\r\nQUIT\r\n", qr/^\+OK .*^SASL /ms]);
	for my $service (sort keys %ways) {
		my ($starttls, $input, $wanted) = @{ $ways{$service} };
		my @options = defined $starttls ? ('-starttls', $starttls) : ();
		my ($status, $out, $err) = run_program({ stdin => $input }, 'openssl', 's_client', '-quiet', '-connect',
			"127.0.0.1:$port{$service}", @options);
		like $out, $wanted, $service or diag "$out$err";
	}
};

subtest 'Python' => sub {
	need('python3');
	write_file("$scratch/client.py", <<'END');
import poplib, smtplib, ssl, sys
from email.message import EmailMessage
from email.utils import format_datetime, localtime, make_msgid
submission, smtps, pop3, pop3s = map(int, sys.argv[1:])
trust = ssl._create_unverified_context()
message = EmailMessage()
message["From"], message["To"], message["Subject"] = "anna@example.test", "bert@example.test", "from Python"
message["Date"], message["Message-ID"] = format_datetime(localtime()), make_msgid()
message.set_content("Gr\u00fc\u00dfe\n", cte="8bit")
message.add_attachment(bytes(range(256)), maintype="application", subtype="octet-stream")
text = message.as_bytes()
with smtplib.SMTP("127.0.0.1", submission, timeout=30) as smtp:
    smtp.starttls(context=trust)
    smtp.login("anna", "anna-secret")
    smtp.send_message(message)
with smtplib.SMTP_SSL("127.0.0.1", smtps, timeout=30, context=trust) as smtp:
    smtp.login("anna@example.test", "anna-secret")
    refused = smtp.sendmail("anna@example.test", ["bert@example.test", "nobody@example.test"], text)
    assert refused["nobody@example.test"][0] == 550, refused
for attempt in range(200):
    box = poplib.POP3("127.0.0.1", pop3, timeout=30)
    box.stls(context=trust)
    box.user("bert")
    box.pass_("bert-secret")
    count = box.stat()[0]
    if count == 2:
        break
    box.quit()
else:
    sys.exit("the messages did not arrive")
for number in 1, 2:
    answer, lines, size = box.retr(number)
    assert b"\n".join(lines).rstrip(b"\n").endswith(text.rstrip(b"\n")), lines
    box.dele(number)
box.quit()
box = poplib.POP3_SSL("127.0.0.1", pop3s, timeout=30, context=trust)
box.user("bert@example.test")
box.pass_("bert-secret")
assert box.stat()[0] == 0
box.quit()
END
	runs_ok('smtplib and poplib', 'python3', "$scratch/client.py", @port{qw(submission smtps pop3 pop3s)});
};

# From here on our own tools, as other programs call those of the same name.

my $sendmail = Postroom::Test::build_folder() . '/bin/sendmail';
local $ENV{POSTROOM_DIR} = $p->dir;

sub sendmail {
	my ($input, @arguments) = @_;
	return run_program({ stdin => $input }, $sendmail, @arguments);
}

subtest 'sendmail: recipients as arguments and from the header' => sub {
	my ($status, $out, $err) = sendmail("Subject: arguments\n\ntext\n.\nnot sent\n", '-f', 'anna@example.test', 'bert');
	is "$status$out$err", '0', 'taken';
	my $got = arrived('arguments');
	like $got, qr/\r\n\r\ntext\r\n\z/, 'a dot ends the text';
	like $got, qr/\AReturn-Path: <anna\@example\.test>\r\n/, 'the sender of -f';
	like $got, qr/^$_: /m, "$_ is added" for 'From', 'Date', 'Message-ID';

	is +(sendmail("Subject: with -i\n\ntext\n.\nmore\n", '-i', '-F', 'Anna B.', '-fanna@example.test', 'bert@example.test'))[0], 0,
		'-i';
	$got = arrived('with -i');
	like $got, qr/\r\n\r\ntext\r\n\.\r\nmore\r\n\z/, 'a dot is a line';
	like $got, qr/^From: "?Anna B\."? <anna\@example\.test>\r$/m, 'the name of -F';

	is +(sendmail("To: Bert <bert\@example.test>,\n nobody-else\@example.test\nBcc: bert\@example.test\nSubject: -t\n\nx\n", '-t', '-oi'))[0],
		65, '-t with an unknown one among two: data error';
	is +(sendmail("To: x: bert\@example.test;\nCc: anna\@example.test\nBcc: postmaster\nSubject: with -t\n\nx\n", '-t', '-oi', '-oem'))[0],
		0, '-t';
	unlike arrived('with -t'), qr/^Bcc:/mi, 'Bcc is removed';
	my $caller = getpwuid $<;
	is +(sendmail("Subject: no sender\n\nx\n", 'bert'))[0], 0, 'without a From field';
	like arrived('no sender'), qr/^From: \Q$caller\E\@example\.test\r$/m, 'it gets one, with a domain';
	is +(sendmail("Subject: none\n\nx\n"))[0], 64, 'without recipients';
	is +(sendmail("Subject: none\n\nx\n", '-t'))[0], 64, 'and without any in the header';
	is +(sendmail("x\n", 'nobody@example.test'))[0], 65, 'an unknown recipient';
	is +(sendmail('', '-bq'))[0], 64, 'an unknown mode';
};

subtest 'sendmail -bs' => sub {
	my ($status, $out) = sendmail("EHLO x\r\nMAIL FROM:<anna\@example.test>\r\nRCPT TO:<bert\@example.test>\r\nDATA\r\n"
		. "Subject: spoken\r\n\r\nx\r\n.\r\nQUIT\r\n", '-bs');
	is $status, 0, 'ends well';
	like $out, qr/\A220 .*^354 .*^250 2\.0\.0 OK - queued as \S+\r\n221 /ms, 'the conversation';
	like arrived('spoken'), qr/^Subject: spoken\r$/m, 'the message';
};

subtest 'sendmail as any user of the machine' => sub {
	plan skip_all => 'needs root' if $> != 0;
	write_file("$scratch/program", read_file($sendmail));
	chmod 0755, "$scratch/program";
	write_file("$scratch/script", "#!/bin/sh\nprintf 'Subject: by nobody\\n\\nx\\n' | $scratch/program bert\n");
	chmod 0755, "$scratch/script";
	runs_ok('taken', 'setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups', "$scratch/script");
	like arrived('by nobody'), qr/\AReturn-Path: <nobody\@[\w.-]+>\r\n/, 'in the name of who called';
};

subtest 'mailq and sendmail -bp' => sub {
	my $mailq = Postroom::Test::build_folder() . '/bin/mailq';
	my $empty = runs_ok('an empty queue', $mailq);
	$p->postroom_ok('sender', 'set', 'default', '--method', 'relay', '--servers', '127.0.0.1:1', '--encryption', 'none');
	my ($status) = sendmail("Subject: far\n\nx\n", '-f', 'anna@example.test', 'far@away.test');
	is $status, 0, 'a message for elsewhere';
	$p->wait_for(sub { my ($waiting) = @{ $p->queue }; $waiting && $waiting->{state} eq 'deferred' }, 'it waits, as nobody listens there', 30);
	my $listed = runs_ok('listed', $mailq);
	like $listed, qr/far\@away\.test/, 'with its recipient';
	my $again = runs_ok('-bp', $sendmail, '-bp');
	s/next: .*// for $listed, $again;    # counted from now, so it may be a second later
	is $again, $listed, 'the same';
	$p->postroom_ok('queue', 'delete', '--all');
	is runs_ok('empty again', $mailq), $empty, 'as before';
};

subtest 'sendmail when nobody answers' => sub {
	is_deeply [$p->stop_running], [], 'the instance is stopped';
	my ($status, undef, $err) = sendmail("Subject: later\n\nx\n", 'bert@example.test');
	is $status, 75, 'try again later (EX_TEMPFAIL)';
	like $err, qr/\S/, 'with a reason';
	is +(sendmail("QUIT\r\n", '-bs'))[0], 75, '-bs too';
	isnt +(run_program($sendmail, '-bp'))[0], 0, '-bp fails';
};

$p->stop;
done_testing;

#!/usr/bin/perl
# Mail to other servers: by MX, with all that can go wrong there, and by a smarthost. Servers of different names are
# different loopback addresses with one port.
use strict;
use warnings;
use lib 't/lib';
use MIME::Base64;
use Postroom::Dns;
use Postroom::Need qw(need_program find_program);
use Postroom::Ports;
use Postroom::Process qw(run_program);
use Postroom::Sink;
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;
use Time::HiRes qw(sleep time);

need_program('nsd');

my $PORT = Postroom::Ports::port();
my %HOSTS = (mx1 => 'A 127.0.0.2', mx2 => 'A 127.0.0.3');
my $TWO = { '@' => ['MX 10 mx1.remote.test.', 'MX 20 mx2.remote.test.'], %HOSTS };
my $dns = Postroom::Dns->start(zones => {
	'remote.test'  => { '@' => ['MX 20 mx2.remote.test.', 'MX 10 mx1.remote.test.'], %HOSTS },
	'one.test'     => { '@' => 'MX 10 mx.one.test.', mx => 'A 127.0.0.2' },
	'two.test'     => { '@' => 'MX 10 mx.two.test.', mx => 'A 127.0.0.3' },
	'address.test' => { '@' => 'A 127.0.0.2' },
	'null.test'    => { '@' => 'MX 0 .', },
	'empty.test'   => { '@' => 'TXT "nothing here"' },
	'six.test'     => { '@' => 'MX 10 mx.six.test.', mx => ['AAAA ::1', 'A 127.0.0.3'] },
	'loop.test'    => { '@' => ['MX 10 mail.example.test.', 'MX 20 mx1.remote.test.'] },
	'half.test'    => { '@' => ['MX 20 mail.example.test.', 'MX 10 mx1.remote.test.'] },
});
my $p = Postroom::Test->start(
	users => { anna => 'anna-secret' },
	set   => { 'dns.servers' => $dns->address, 'sender.mx-port' => $PORT, 'sender.connect-timeout' => 5 },
);
my $domain = $p->domain;

sub server {
	my ($host, %options) = @_;
	return Postroom::SmtpServer->start(host => $host, port => $PORT, %options);
}

# Send a message from anna; its id.
sub submit {
	my ($to, %options) = @_;
	my $smtp = $p->smtp;
	$smtp->ehlo('client.test');
	my $from = $options{from} // "anna\@$domain";
	is $smtp->cmd("MAIL FROM:<$from>" . ($options{mail} // '')), 250, 'MAIL' or diag $smtp->last;
	for my $recipient (ref $to ? @$to : $to) {
		is $smtp->cmd("RCPT TO:<$recipient>" . ($options{rcpt} // '')), 250, "RCPT $recipient" or diag $smtp->last;
	}
	is $smtp->data($options{text} // "Subject: test\n\nbody\n"), 250, 'taken' or diag $smtp->last;
	my ($id) = $smtp->last =~ /queued as (\S+)/;
	$smtp->quit;
	return $id;
}

sub waiting {
	my ($id) = @_;
	my ($message) = grep { $_->{id} eq $id } @{ $p->queue };
	return $message;
}

# Wait until the message was tried so often and waits again.
sub wait_attempts {
	my ($id, $attempts) = @_;
	my $message;
	$p->wait_for(sub {
		$message = waiting($id);
		return $message && $message->{attempts} >= $attempts && $message->{state} eq 'deferred';
	}, "$id was tried $attempts times", 20);
	return $message;
}

sub wait_gone {
	my ($id) = @_;
	$p->wait_for(sub { !waiting($id) }, "$id has left the queue", 20);
}

sub mails {
	my ($user, $password) = @_;
	my $pop3 = $p->pop3;
	$pop3->login($user, $password);
	my ($count) = $pop3->stat;
	my @texts = map { $pop3->retr($_) } 1 .. $count;
	$pop3->cmd("DELE $_") for 1 .. $count;
	$pop3->quit;
	return @texts;
}

sub anna { return mails('anna', 'anna-secret') }

sub wait_anna {
	my ($count) = @_;
	my @texts;
	$p->wait_for(sub { push @texts, anna(); return @texts >= $count }, "$count messages for anna", 20);
	return @texts;
}

sub log_of {
	my ($id) = @_;
	return join "\n", grep { /id=\Q$id\E\b/ } split /\n/, $p->log;
}

# Nothing in the queue and in mailboxes; no destination is remembered as dead.
sub delete_all {
	$p->postroom_ok('queue', 'delete', '--all');
	$p->wait_for(sub { !@{ $p->queue } }, 'the queue is empty', 20);
	$p->postroom_ok('queue', 'retry', '--all');
	anna();
}

subtest '09-9.1 04-12.1 the first mail exchanger is dead, the second takes it' => sub {
	my $second = server('127.0.0.3');
	my $id = submit('bob@remote.test');
	my ($message) = $second->wait_messages(1);
	is_deeply $message->{to}, ['bob@remote.test'], 'through the second';
	is $message->{helo}, 'mail.example.test', 'our name';
	wait_gone($id);
	my $log = log_of($id);
	like $log, qr/host=mx1\.remote\.test:$PORT: cannot connect .*Connection refused \(ECONNREFUSED\)/, 'the log has the first';
	like $log, qr/to=<bob\@remote\.test> host=mx2\.remote\.test\[127\.0\.0\.3\]:$PORT delivered 2\.\S+ 250 /, 'and the second';
	is_deeply [anna()], [], 'and nobody is told';
};

subtest '09-9.2 04-12.1 the first one says 550: a report at once' => sub {
	my $first = server('127.0.0.2', replies => { RCPT => "550-5.1.1 no bob\n550 5.1.1 \e[1mhere" });
	my $second = server('127.0.0.3');
	my $id = submit('bob@remote.test');
	my ($report) = wait_anna(1);
	like $report, qr/550 5\.1\.1 no bob  ?\[1mhere/, "the report has the server's words";
	like $report, qr/^Status: 5\.1\.1\r$/m, 'its status';
	like $report, qr/^Remote-MTA: dns; mx1\.remote\.test\r$/m, 'and its name';
	wait_gone($id);
	is $second->connections, 0, 'the second is not contacted';
};

subtest '09-9.3 04-12.2 all say 451: the message waits' => sub {
	my %later = (replies => { RCPT => '451 4.7.1 come back later' });
	my ($first, $second) = map { server($_, %later) } '127.0.0.2', '127.0.0.3';
	my $before = time;
	my $id = submit('bob@remote.test');
	my $message = wait_attempts($id, 1);
	is $first->connections, 1, 'the first was asked';
	is $second->connections, 1, 'the second too';
	my $wait = $message->{next} - $before;
	ok $wait > 590 && $wait < 630, "the next attempt is in ten minutes ($wait s)";
	like $message->{recipients}[0]{answer}, qr/\A451 4\.7\.1 come back later/, 'the queue has the words';
	like scalar $p->postroom_ok('queue', 'list'), qr/\(MX Send Warning - 451 4\.7\.1 come back later/, 'shown as a warning';
	is_deeply [anna(), mails('postmaster', $p->password)], [], 'nobody gets mail about it';
	delete_all();
};

subtest '09-9.4 04-10.6 one delay notice, then one failure report' => sub {
	$p->set('sender.retry' => 1, 'sender.warn' => 2, 'sender.fail' => 6);
	my $server = server('127.0.0.2', replies => { RCPT => '451 4.7.1 never' });
	my $id = submit('bob@one.test');
	my $silent = submit('bob@one.test', from => '');
	my @texts = wait_anna(2);
	like $texts[0], qr/^Action: delayed\r$/m, 'first the notice';
	like $texts[0], qr/^Diagnostic-Code: smtp; 451 4\.7\.1 never\r$/m, "with the server's words";
	like $texts[1], qr/^Action: failed\r$/m, 'then the report';
	wait_gone($_) for $id, $silent;
	sleep 2;
	is_deeply [anna(), mails('postmaster', $p->password)], [], 'nothing more, and nothing for <>';
	is_deeply $p->queue, [], 'the queue is empty';
	$p->postroom_ok('unset', "sender.$_") for qw(retry warn fail);
};

subtest '09-9.5 04-12.3 two domains, two sessions' => sub {
	my ($one, $two) = map { server($_) } '127.0.0.2', '127.0.0.3';
	my $id = submit(['a@one.test', 'b@two.test', 'c@one.test']);
	my ($first) = $one->wait_messages(1);
	my ($second) = $two->wait_messages(1);
	is_deeply [sort @{ $first->{to} }], ['a@one.test', 'c@one.test'], 'the first has its own';
	is_deeply $second->{to}, ['b@two.test'], 'the second too';
	wait_gone($id);
	is_deeply [$one->connections, $two->connections], [1, 1], 'one session each';
};

subtest '09-9.6 04-12.3 no MX, null MX, no such domain, no answer' => sub {
	my $server = server('127.0.0.2');
	submit('a@address.test');
	my ($message) = $server->wait_messages(1);
	is_deeply $message->{to}, ['a@address.test'], 'to the address of the domain';
	my %failures = ('null.test' => ['5.1.10', 'null MX'], 'empty.test' => ['5.1.2', 'no address'],
		'nowhere.remote.test' => ['5.1.2', 'NXDOMAIN']);
	for my $name (sort keys %failures) {
		submit("a\@$name");
		my ($report) = wait_anna(1);
		my ($status, $words) = @{ $failures{$name} };
		like $report, qr/^Status: \Q$status\E\r$/m, "$name fails at once with $status";
		like $report, qr/\Q$words\E/, "and says $words";
	}
	my $id = submit('a@unserved.test'); # of no zone: libunbound says SERVFAIL
	$message = wait_attempts($id, 1);
	is $message->{recipients}[0]{code}, '4.4.3', 'no answer of the DNS: it waits';
	like $message->{recipients}[0]{answer}, qr/SERVFAIL/, 'and says why';
	delete_all();
};

subtest '04-10.7 one 550 among three recipients' => sub {
	my $server = server('127.0.0.2', extensions => ['PIPELINING'],
		replies => { RCPT => sub { return $_[1] =~ /<b\@/ ? '550 5.1.1 no b' : undef } });
	my $id = submit(['a@one.test', 'b@one.test', 'c@one.test']);
	my ($message) = $server->wait_messages(1);
	is_deeply [sort @{ $message->{to} }], ['a@one.test', 'c@one.test'], 'two are delivered';
	my ($report) = wait_anna(1);
	is_deeply [$report =~ /^Final-Recipient: rfc822; (\S+)\r$/mg], ['b@one.test'], 'one report, for the third';
	wait_gone($id);
	sleep 1;
	is $server->connections, 1, 'no further attempt';
	is_deeply [anna()], [], 'no further report';
};

subtest '04-10.10 silence after the final dot' => sub {
	$p->set('sender.data-timeout' => 5);
	my $server = server('127.0.0.2', replies => { '.' => 'SLEEP 20 250 late' });
	my $start = time;
	my $message = wait_attempts(submit('bob@one.test'), 1);
	ok time - $start > 4, 'it waited as long as the setting says';
	like $message->{recipients}[0]{answer}, qr/did not answer to "end of DATA" in time/, 'the message waits';
	like $p->log, qr/may be sent twice/, 'and the log says what may happen';
	$p->postroom_ok('unset', 'sender.data-timeout');
	delete_all();
};

subtest 'both address families' => sub {
	my $six = eval { server('::1') } or plan skip_all => 'no IPv6 on loopback';
	my $four = server('127.0.0.3');
	submit('a@six.test');
	$six->wait_messages(1);
	is $four->connections, 0, 'IPv6 first';
	$six->stop;
	submit('b@six.test');
	my ($message) = $four->wait_messages(1);
	is_deeply $message->{to}, ['b@six.test'], 'then IPv4';
};

subtest 'mail never comes back by MX' => sub {
	my $server = server('127.0.0.2');
	submit('a@loop.test');
	my ($report) = wait_anna(1);
	like $report, qr/^Status: 5\.4\.6\r$/m, 'we are the best exchanger of a domain that is not ours';
	is $server->connections, 0, 'worse ones are not asked';
	submit('a@half.test');
	$server->wait_messages(1);
	pass 'a better one is';
};

subtest 'opportunistic TLS' => sub {
	my $server = server('127.0.0.2', tls => 1);
	submit('a@one.test');
	my ($message) = $server->wait_messages(1);
	like $message->{tls}, qr/\ATLSv1/, 'used where offered, without verification';
	$server->stop;
	$server = server('127.0.0.2', extensions => ['STARTTLS'], replies => { STARTTLS => "220 go on\n220 this is no TLS" });
	my $id = submit('b@one.test');
	($message) = $server->wait_messages(1);
	is_deeply [$message->{tls}, $server->connections], ['', 2], 'a failed handshake: once more without';
	like log_of($id), qr/TLS handshake failed: .*; goes on without TLS/, 'logged';
	$server->stop;
	$server = server('127.0.0.2', extensions => ['STARTTLS'], replies => { STARTTLS => '454 4.7.0 not now' });
	submit('c@one.test');
	$server->wait_messages(1);
	is $server->connections, 1, 'refused: goes on in clear';
};

subtest 'connections are used again' => sub {
	my $server = server('127.0.0.2', extensions => ['PIPELINING']);
	submit('a@one.test');
	$server->wait_messages(1);
	submit('b@one.test');
	$server->wait_messages(2);
	is $server->connections, 1, 'the second message goes over the same';
	$server->stop;
	$server = server('127.0.0.2');
	my $id = submit('c@one.test');
	$server->wait_messages(1);
	wait_gone($id);
	is $server->connections, 1, 'one that ended meanwhile costs nothing';
	unlike log_of($id), qr/deferred/, 'and no attempt';
};

subtest 'what the message needs of the server' => sub {
	my $server = server('127.0.0.2', extensions => ['SIZE 2000', '8BITMIME', 'DSN']);
	my $id = submit('a@one.test', mail => ' BODY=8BITMIME RET=HDRS ENVID=Q+2B1', text => "Subject: x\n\ngr\xc3\xbc\xc3\x9fe\n",
		rcpt => ' NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;x@y.test');
	my ($message) = $server->wait_messages(1);
	like $message->{mail_arguments}, qr/\ASIZE=\d+ BODY=8BITMIME RET=HDRS ENVID=Q\+2B1\z/, 'MAIL parameters';
	is $message->{rcpt_arguments}[0], 'NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;x@y.test', 'RCPT parameters';
	like $message->{data}, qr/gr\xc3\xbc\xc3\x9fe\r\n\z/, 'the content';
	wait_gone($id);
	is_deeply [anna()], [], 'the report of success is the next server\'s';
	submit('a@one.test', text => "Subject: x\n\n" . "x\n" x 1000);
	like +(wait_anna(1))[0], qr/^Status: 5\.3\.4\r$/m, 'larger than its SIZE';
	submit("\xc3\xbc\@one.test", mail => ' SMTPUTF8');
	like +(wait_anna(1))[0], qr/^Status: 5\.6\.7\r$/m, 'no SMTPUTF8';
	$server->stop;
	$server = server('127.0.0.2', extensions => ['SMTPUTF8', '8BITMIME']);
	submit("\xc3\xbc\@one.test", mail => ' SMTPUTF8');
	($message) = $server->wait_messages(1);
	like $message->{mail_arguments}, qr/\bSMTPUTF8\b/, 'SMTPUTF8 where it is offered';
	$server->stop;
	$server = server('127.0.0.2');
	submit('a@one.test', rcpt => ' NOTIFY=SUCCESS');
	like +(wait_anna(1))[0], qr/^Action: relayed\r$/m, 'no DSN: the report is ours';
	submit('a@one.test', mail => ' BODY=8BITMIME', text => "Subject: x\n\n\xc3\xbc\n");
	like +(wait_anna(1))[0], qr/^Status: 5\.6\.3\r$/m, 'no 8BITMIME';
	submit('a@one.test', text => "Subject: x\n\n.\n..two\n.end");
	(undef, $message) = $server->wait_messages(2);
	like $message->{data}, qr/\r\n\r\n\.\r\n\.\.two\r\n\.end\r\n\z/, 'dots';
};

subtest 'a server that means harm' => sub {
	my $server = server('127.0.0.2', replies => { RCPT => join "\n", map { "450-$_" } 1 .. 300 });
	my $message = wait_attempts(submit('a@one.test'), 1);
	like $message->{recipients}[0]{answer}, qr/a reply of more than 200 lines/, 'endless replies';
	$server->stop;
	delete_all();
	$server = server('127.0.0.2', replies => { RCPT => '550 5.1.1 ' . 'x' x 11000 });
	submit('a@one.test');
	like +(wait_anna(1))[0], qr/x{200}/, 'long ones';
	$server->set_reply(RCPT => '451 ' . 'y' x 20000);
	$message = wait_attempts(submit('a@one.test'), 1);
	like $message->{recipients}[0]{answer}, qr/a line of more than/, 'too long ones';
	delete_all();
};

subtest 'a settled destination is not disturbed by a dead dnsd' => sub {
	my $server = server('127.0.0.2');
	$p->kill_daemon('dnsd');
	my $id = submit('a@one.test');
	$server->wait_messages(1);
	wait_gone($id);
	unlike log_of($id), qr/MX Send Warning/, 'no attempt is counted';
};

subtest 'other DNS servers without a restart' => sub {
	my $other = Postroom::Dns->start(zones => { 'moved.test' => { '@' => 'MX 10 mx.moved.test.', mx => 'A 127.0.0.2' } });
	my $server = server('127.0.0.2');
	$p->set('dns.servers' => $other->address);
	submit('a@moved.test');
	my ($message) = $server->wait_messages(1);
	is_deeply $message->{to}, ['a@moved.test'], 'its zone is known';
	$p->set('dns.servers' => $dns->address);
	submit('b@one.test');
	$server->wait_messages(2);
	pass 'and back';
};

subtest 'many messages' => sub {
	plan skip_all => 'needs the program smtp-sink' if !find_program('smtp-sink');
	my $sink = Postroom::Sink->start(host => '127.0.0.2', port => $PORT, keep => 1);
	my $smtp = $p->smtp;
	$smtp->ehlo;
	is scalar(grep { $smtp->send_message("anna\@$domain", ["r$_\@one.test"], "Subject: $_\n\nbody\n") =~ /\A250/ } 1 .. 100),
		100, 'taken';
	$p->wait_for(sub { $sink->messages == 100 && !@{ $p->queue } }, 'all have arrived', 30);
	my %seen = map { /^Subject: (\d+)/m ? ($1 => 1) : () } $sink->messages;
	is scalar(keys %seen), 100, 'each once';
};

# Connections made under other settings are not used again.
sub part {
	$p->set('sender.connect-timeout' => $p->{connect_timeout} = ($p->{connect_timeout} // 5) ^ 1);
}

# From here on by a smarthost.

sub relay {
	my (%options) = @_;
	my $password = delete $options{password};
	my @arguments = map { ("--$_", $options{$_}) } sort keys %options;
	my @input = defined $password ? ({ stdin => "$password\n" }) : ();
	push @arguments, '--password-stdin' if defined $password;
	$p->postroom_ok(@input, 'sender', 'set', 'default', '--method', 'relay', @arguments);
}

subtest '04-11.1 a list of servers' => sub {
	my $live = server('127.0.0.3');
	relay(servers => "127.0.0.2:$PORT,mx2.remote.test:$PORT", encryption => 'none');
	submit('a@anywhere.test');
	my ($message) = $live->wait_messages(1);
	is_deeply $message->{to}, ['a@anywhere.test'], 'the first is dead, the second takes it';
	my $first = server('127.0.0.2', replies => { RCPT => '554 5.7.1 not from you' });
	part();
	submit('b@anywhere.test', from => "postmaster\@$domain");
	$p->wait_for(sub { $p->log =~ /554 5\.7\.1 not from you/ }, 'the first refuses', 20);
	$p->wait_for(sub { !@{ $p->queue } }, 'it is settled', 20);
	is scalar($live->messages), 1, 'the second is not asked then';
	mails('postmaster', $p->password);
	$first->stop;
	$first = server('127.0.0.2', replies => { CONNECT => '554 5.7.1 go away' });
	part();
	my $connections = $live->connections;
	$message = wait_attempts(submit('c@anywhere.test'), 1);
	like $message->{recipients}[0]{answer}, qr/\A554 5\.7\.1 go away/, 'a greeting that refuses: the message waits';
	is $live->connections, $connections, 'the second is not asked';
	delete_all();
};

subtest '04-11.2 ports and encryption' => sub {
	my $implicit = server('127.0.0.2', implicit_tls => 1);
	relay(servers => "127.0.0.2:$PORT", encryption => 'tls', verify => 'off');
	submit('a@anywhere.test');
	my ($message) = $implicit->wait_messages(1);
	like $message->{tls}, qr/\ATLSv1/, 'TLS from the first octet';
	relay(verify => 'on');
	$message = wait_attempts(submit('b@anywhere.test'), 1);
	like $message->{recipients}[0]{answer}, qr/TLS handshake failed: .*certificate/i, 'a certificate that does not verify';
	delete_all();
	$implicit->stop;
	my $plain = server('127.0.0.2');
	relay(encryption => 'starttls', verify => 'off');
	$message = wait_attempts(submit('c@anywhere.test'), 1);
	like $message->{recipients}[0]{answer}, qr/does not offer STARTTLS/, 'STARTTLS required, not offered';
	is_deeply [grep { /\AMAIL/ } $plain->commands], [], 'no MAIL is sent';
	delete_all();
	$plain->stop;
	my $tls = server('127.0.0.2', tls => 1);
	submit('d@anywhere.test');
	($message) = $tls->wait_messages(1);
	like $message->{tls}, qr/\ATLSv1/, 'offered: used';
};

subtest '04-11.3 the strongest login' => sub {
	# RFC 2195 section 2
	my $challenge = '<1896.697170952@postoffice.reston.mci.net>';
	my $response = encode_base64('tim b913a602c7eda7a495b4e6e7334d3890', '');
	my $server = server('127.0.0.2', extensions => ['AUTH PLAIN CRAM-MD5'],
		replies => { AUTH => '334 ' . encode_base64($challenge, ''), uc $response => '235 2.7.0 welcome' });
	relay(encryption => 'none', user => 'tim', password => 'tanstaaftanstaaf');
	submit('a@anywhere.test');
	$server->wait_messages(1);
	my @commands = $server->commands;
	is_deeply [grep { /\AAUTH/ } @commands], ['AUTH CRAM-MD5'], 'CRAM-MD5 before PLAIN';
	is scalar(grep { $_ eq $response } @commands), 1, 'the response of RFC 2195';
	$server->stop;
	$server = server('127.0.0.2', auth => { tim => 'tanstaaftanstaaf' });
	submit('b@anywhere.test');
	my ($message) = $server->wait_messages(1);
	is $message->{user}, 'tim', 'PLAIN';
	$server->stop;
	$server = server('127.0.0.2', auth => { tim => 'another password' });
	$message = wait_attempts(submit('c@anywhere.test'), 1);
	like $message->{recipients}[0]{answer}, qr/\A535 5\.7\.8 wrong/, 'a wrong password: the message waits';
	delete_all();
	$server->stop;
	$server = server('127.0.0.2');
	$message = wait_attempts(submit('d@anywhere.test'), 1);
	like $message->{recipients}[0]{answer}, qr/does not offer AUTH/, 'not offered: nothing is sent';
	is_deeply [grep { /\AMAIL/ } $server->commands], [], 'no MAIL';
	delete_all();
	unlike $p->log, qr/tanstaaf/, 'the password is in no log';
};

subtest '09-15.5 a relay that closes after MAIL FROM' => sub {
	my $server = server('127.0.0.2', replies => { MAIL => 'DROP' });
	relay(encryption => 'none', user => '', servers => "127.0.0.2:$PORT");
	my $id = submit('a@anywhere.test');
	my $message = wait_attempts($id, 1);
	like $message->{recipients}[0]{answer}, qr/The server connection was closed unexpectedly/, 'the message waits';
	like log_of($id), qr/Error with SMTP Client \(default \(\d+\)\): The server connection was closed unexpectedly/, 'logged';
	delete_all();
};

subtest 'a second Postroom as smarthost' => sub {
	my $other = Postroom::Test->start(domain => 'other.test', host_name => 'mail.other.test', bind => '127.0.0.4',
		users => { tim => 'tims secret', bob => 'bob-secret' }, relay => ['127.0.0.9']);
	relay(servers => '127.0.0.4:' . $other->port('submission'), encryption => 'starttls', verify => 'off', user => 'tim',
		password => 'tims secret');
	submit('bob@other.test');
	my $pop3;
	$p->wait_for(sub { $pop3 = $other->pop3; $pop3->login('bob', 'bob-secret'); return ($pop3->stat)[0] == 1 }, 'it arrives', 20);
	my $text = $pop3->retr(1);
	like $text, qr/^Received: from mail\.example\.test .*\bwith ESMTPSA\b/ms, 'with TLS and login';
	$pop3->quit;
	like $other->log, qr/login: user=tim .*mechanism=SCRAM-SHA-256/, 'the strongest one';
	$other->stop;
};

$dns->stop;
$p->stop;
done_testing;

#!/usr/bin/perl
# Collecting from POP3 mailboxes: login, encryption, what is fetched, what is left, what is told (specification 04).
use strict;
use warnings;
use lib 't/lib';
use Digest::MD5 qw(md5_hex);
use Postroom::Collectors qw(add_collector run_collector);
use Postroom::Pop3Server;
use Postroom::Process qw(read_file);
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(
	users => { fred => 'freds-secret', kate => 'kates-secret' },
	set   => { 'collect.timeout' => 5 },
);
my $PASSWORD = 'Quetzal-17';
my @servers;

sub server {
	my (%options) = @_;
	my $server = Postroom::Pop3Server->start(password => $PASSWORD, %options);
	push @servers, $server;
	return $server;
}

# A collector that gives all to fred.
sub letter {
	my ($subject, %fields) = @_;
	my $extra = join '', map { "$_: $fields{$_}\n" } sort keys %fields;
	return "From: Ann <ann\@far.test>\nTo: fred\@example.test\nSubject: $subject\n$extra\nThis is $subject.\n";
}

# Subjects in a mailbox, when nothing waits in the queue any more.
sub subjects {
	my ($user, $password) = @_;
	$p->wait_for(sub { !@{ $p->queue } && !glob($p->dir . '/spool/*/new/*') }, 'the queue is empty');
	my $pop3 = $p->pop3;
	$pop3->login($user, $password);
	my @subjects = map { join('', $pop3->top($_, 0)) =~ /^Subject: (.*?)\r?$/m ? $1 : '' } 1 .. ($pop3->stat)[0];
	$pop3->quit;
	return @subjects;
}

sub fred { return grep { $_ =~ $_[0] } subjects('fred', 'freds-secret') }

sub database {
	my ($sql) = @_;
	system('sqlite3', $p->dir . '/state/collect/collect.db', ".timeout 5000", $sql) == 0 or die "sqlite3: $?\n";
	return;
}

subtest 'a run: fetched, stored, deleted' => sub {
	my $server = server(capa => ['UIDL', 'TOP', 'PIPELINING']);
	$server->put(letter("plain $_")) for 1 .. 40;
	add_collector($p, 'plain', pop3 => $server->port, password => $PASSWORD);
	is_deeply [run_collector($p, 'plain')], [0, 'Connection successful, 40 messages'], 'its result';
	is scalar fred(qr/\Aplain/), 40, 'all are there';
	is scalar($server->remaining), 0, 'none is left at the server';
	is_deeply [grep { !/\A(?:RETR|DELE)/ } $server->commands], ['CAPA', 'USER box', "PASS $PASSWORD", 'STAT', 'LIST', 'UIDL', 'QUIT'],
		'the conversation';
	my ($last) = grep { $_->{collector} == 1 } @{ $p->postroom_json('collector', 'history') };
	is_deeply [@{$last}{qw(messages result)}], [40, 'Connection successful, 40 messages'], 'it is in the history';
	my ($message) = @{ $p->postroom_json('collector', 'messages', 'plain') };
	like $message->{subject}, qr/\Aplain \d+\z/, 'its messages are known';
	is_deeply [@{$message}{qw(from to)}], ['ann@far.test', 'fred@example.test'], 'with sender and recipient';
};

subtest 'what is stored' => sub {
	my $server = server();
	$server->put(letter('kept', Date => 'Thu, 1 Jan 2026 10:00:00 +0000') . ".\n..dots\n" . 'long ' x 1000);
	add_collector($p, 'stored', pop3 => $server->port, password => $PASSWORD);
	run_collector($p, 'stored');
	fred(qr/kept/);
	my $pop3 = $p->pop3;
	$pop3->login('fred', 'freds-secret');
	my $text = join '', $pop3->retr(($pop3->stat)[0]);
	$pop3->quit;
	like $text, qr/^\.\r?\n\.\.dots\r?\nlong long/m, 'dots and long lines are as they were';
	like $text, qr/^Received: from 127\.0\.0\.1 \(\[127\.0\.0\.1\]\)\r?\n\tby mail\.example\.test \(Postroom\) with POP3\r?\n\tid \S+-collector-\S+;/m,
		'a Received field tells where it came from';
	unlike $text, qr/$PASSWORD/, 'and no secret';
};

subtest '04-4.1 01-19.5 STLS that the server does not have; STLS if available' => sub {
	my $server = server();
	$server->put(letter('no stls'));
	add_collector($p, 'stls', pop3 => $server->port, password => $PASSWORD, 'pop3.encryption' => 'stls');
	my ($status, $text) = run_collector($p, 'stls');
	is $status, 1, 'the run fails';
	like $text, qr/\AError from remote server on "STLS" -> -ERR/, 'in the words of the server';
	is_deeply [grep { /\A(?:USER|PASS|AUTH|APOP)/ } $server->commands], [], 'no name and no password was sent';
	$p->postroom_ok('collector', 'set', 'stls', 'pop3.encryption' => 'stls-if-available');
	is_deeply [run_collector($p, 'stls')], [0, 'Connection successful, 1 message'], 'if available: it is collected in clear';
};

subtest 'TLS: by STLS and from the first octet, certificates' => sub {
	my $server = server(tls => 1);
	$server->put(letter("tls $_")) for 1, 2;
	add_collector($p, 'tls', pop3 => $server->port, password => $PASSWORD, 'pop3.encryption' => 'stls');
	my ($status, $text) = run_collector($p, 'tls');
	like $text, qr/\ATLS handshake failed: .*certificate/, 'a certificate of nobody is refused';
	is_deeply [grep { /\A(?:USER|PASS)/ } $server->commands], [], 'before the login';
	$p->postroom_ok('collector', 'set', 'tls', 'pop3.verify' => 'off');
	is_deeply [run_collector($p, 'tls')], [0, 'Connection successful, 2 messages'], 'without verification it is taken';
	is_deeply [($server->commands)[-11 .. -9]], ['CAPA', 'USER box', "PASS $PASSWORD"], 'what was offered is asked again under TLS';

	$server = server(tls => 1);
	$server->put(letter('tls 3'));
	add_collector($p, 'available', pop3 => $server->port, password => $PASSWORD, 'pop3.encryption' => 'stls-if-available');
	is_deeply [run_collector($p, 'available')], [0, 'Connection successful, 1 message'], 'if available takes any certificate';
	ok +(grep { $_ eq 'STLS' } $server->commands), 'and uses TLS';

	$server = server(implicit_tls => 1);
	$server->put(letter('tls 4'));
	add_collector($p, 'implicit', pop3 => $server->port, password => $PASSWORD, 'pop3.encryption' => 'tls', 'pop3.verify' => 'off');
	is_deeply [run_collector($p, 'implicit')], [0, 'Connection successful, 1 message'], 'TLS from the first octet';
	is scalar fred(qr/\Atls/), 4, 'all are there';
};

subtest '04-4.2 APOP needs a timestamp; CRAM-MD5' => sub {
	my $server = server();
	add_collector($p, 'apop', pop3 => $server->port, password => $PASSWORD, 'pop3.authentication' => 'apop');
	my ($status, $text) = run_collector($p, 'apop');
	like $text, qr/no timestamp/, 'without a timestamp it fails';
	is_deeply [grep { /\A(?:USER|PASS|APOP|AUTH)/ } $server->commands], [], 'and sends no password';

	$server = server(timestamp => '<1896.697170952@dbc.mtview.ca.us>');
	$server->put(letter('apop'));
	add_collector($p, 'apop2', pop3 => $server->port, password => $PASSWORD, 'pop3.authentication' => 'apop');
	is_deeply [run_collector($p, 'apop2')], [0, 'Connection successful, 1 message'], 'with one it logs in';
	is_deeply [grep { /\AAPOP/ } $server->commands], ['APOP box ' . md5_hex('<1896.697170952@dbc.mtview.ca.us>' . $PASSWORD)],
		'by the digest of RFC 1939';

	for my $case ([qw(cram-md5 CRAM-MD5)], [qw(plain PLAIN)], [qw(automatic CRAM-MD5)]) {
		my ($setting, $mechanism) = @{$case};
		$server = server(auth => ['PLAIN', 'CRAM-MD5']);
		$server->put(letter("sasl $setting"));
		add_collector($p, "sasl-$setting", pop3 => $server->port, password => $PASSWORD, 'pop3.authentication' => $setting);
		is_deeply [run_collector($p, "sasl-$setting")], [0, 'Connection successful, 1 message'], "$setting logs in";
		like +(grep { /\AAUTH/ } $server->commands)[0], qr/\AAUTH \Q$mechanism\E/, "by $mechanism";
	}
	$server = server(auth => ['PLAIN']);
	add_collector($p, 'lacking', pop3 => $server->port, password => $PASSWORD, 'pop3.authentication' => 'cram-md5');
	like run_collector($p, 'lacking'), qr/offers no AUTH mechanism/, 'a mechanism that is not offered is not replaced by another';
	is_deeply [grep { /\A(?:USER|PASS|AUTH)/ } $server->commands], [], 'nothing is sent then';
};

subtest '04-4.4 messages left for three days' => sub {
	my $server = server();
	$server->put(letter("left $_")) for 1, 2;
	add_collector($p, 'leave', pop3 => $server->port, password => $PASSWORD, 'leave-days' => 3);
	is run_collector($p, 'leave'), 'Connection successful, 2 messages', 'the first run';
	$server->forget;
	is run_collector($p, 'leave'), 'Connection successful, no messages', 'the second fetches nothing';
	is_deeply [grep { /\A(?:RETR|TOP|DELE)/ } $server->commands], [], 'it does not even ask';
	database("UPDATE message SET downloaded = downloaded - 3 * 86400 WHERE uidl = '" . ($server->remaining)[0]{uidl} . "'");
	is run_collector($p, 'leave'), 'Connection successful, no messages', 'three days later';
	is scalar($server->remaining), 1, 'the message is deleted at the server, and the other is not';
	is scalar fred(qr/\Aleft/), 2, 'each was delivered once';
};

subtest '07-14.4 a message that vanishes and comes back' => sub {
	my $server = server();
	add_collector($p, 'vanish', pop3 => $server->port, password => $PASSWORD, 'leave-days' => 9);
	my $put = sub { $server->put(letter('vanishing'), uidl => 'vanishing') };
	$put->();
	is run_collector($p, 'vanish'), 'Connection successful, 1 message', 'it is fetched';
	for my $case ([2, 'no messages', 'two days later it is known,'], [4, '1 message', 'four days later it is not']) {
		my ($days, $expected, $what) = @$case;
		$server->clear;
		is run_collector($p, 'vanish'), 'Connection successful, no messages', 'it has vanished';
		database("UPDATE message SET last_seen = last_seen - $days * 86400 WHERE uidl = 'vanishing'");
		is run_collector($p, 'vanish'), 'Connection successful, no messages', "... for $days days";
		$put->();
		is run_collector($p, 'vanish'), "Connection successful, $expected", $what;
	}
	is scalar fred(qr/\Avanishing/), 2, 'and it was delivered twice';
};

subtest 'a server without UIDL' => sub {
	my $server = server(no_uidl => 1);
	$server->put(letter('without uidl')) for 1, 2;
	$server->put(letter('another without uidl'));
	add_collector($p, 'nouidl', pop3 => $server->port, password => $PASSWORD, 'leave-days' => 3);
	like run_collector($p, 'nouidl'), qr/has no UIDL.*set leave-days to 0/, 'nothing can be left there, which is said';
	is_deeply [grep { /\ARETR/ } $server->commands], [], 'and nothing is fetched';
	$p->postroom_ok('collector', 'set', 'nouidl', 'leave-days' => 0);
	$server->set_reply(QUIT => ['DROP', '']);
	like run_collector($p, 'nouidl'), qr/closed unexpectedly on "QUIT"/, 'a session that breaks at its end';
	is scalar($server->remaining), 3, 'and deletes nothing';
	is run_collector($p, 'nouidl'), 'Connection successful, no messages', 'the next one knows what it has by its content';
	is scalar($server->remaining), 0, 'and has it deleted';
	is scalar fred(qr/without uidl\z/), 3, 'two that are the same are two, and none came twice';
	$server->put(letter('without uidl'));
	is run_collector($p, 'nouidl'), 'Connection successful, 1 message', 'the same again, later, is another message';
};

subtest '04-4.5 too large: left, told once' => sub {
	my $server = server();
	$server->put(letter('too large') . 'x' x 76 . "\n" . ("y" x 76 . "\n") x 2700);
	$server->put(letter('small enough'));
	add_collector($p, 'limit', pop3 => $server->port, password => $PASSWORD, 'max-size' => 100);
	is run_collector($p, 'limit'), 'Connection successful, 1 message', 'the other is collected';
	run_collector($p, 'limit') for 1, 2;
	is scalar($server->remaining), 1, 'the large one stays';
	is scalar fred(qr/small enough|too large/), 1, 'one was delivered';
	my @told = grep { /too large to be collected/ } subjects('postmaster', $p->password);
	is scalar @told, 1, 'the administrator is told once, not at each run' or diag "@told";
};

subtest '04-4.6 an empty mailbox sees no LIST' => sub {
	my $server = server();
	add_collector($p, 'empty', pop3 => $server->port, password => $PASSWORD);
	is run_collector($p, 'empty'), 'Connection successful, no messages', 'its result';
	is_deeply [$server->commands], ['CAPA', 'USER box', "PASS $PASSWORD", 'STAT', 'QUIT'], 'neither LIST nor UIDL';
};

subtest '04-4.7 copies in one session' => sub {
	my $server = server();
	$server->put(letter('copy', 'Message-ID' => '<c1@far.test>')) for 1, 2;
	$server->put(letter('copy', 'Message-ID' => '<c2@far.test>') . $_) for 'one', 'two';
	$server->put(letter('no id')) for 1, 2;
	add_collector($p, 'copies', pop3 => $server->port, password => $PASSWORD, 'remove-duplicates' => 'on');
	run_collector($p, 'copies');
	is scalar fred(qr/\Acopy/), 3, 'the same twice is delivered once; different bodies both';
	is scalar fred(qr/\Ano id/), 2, 'without a Message-ID nothing is surely the same';
	is scalar($server->remaining), 0, 'all are done with';
};

subtest '04-4.8 marks: get and delete' => sub {
	my $server = server();
	my ($first, $second) = map { $server->put(letter("marked $_")) } 1, 2;
	add_collector($p, 'marks', pop3 => $server->port, password => $PASSWORD, 'leave-days' => 3);
	run_collector($p, 'marks');
	$p->postroom_ok('collector', 'mark', 'marks', '--message', $first, '--get', 'on');
	is run_collector($p, 'marks'), 'Connection successful, 1 message', 'it is fetched again';
	is scalar fred(qr/\Amarked 1/), 2, 'and delivered again';
	is run_collector($p, 'marks'), 'Connection successful, no messages', 'once';
	$p->postroom_ok('collector', 'mark', 'marks', '--message', $second, '--delete', 'on');
	run_collector($p, 'marks');
	is_deeply [map { $_->{uidl} } $server->remaining], [$first], 'the other is deleted at the server';
	my ($status, undef, $err) = $p->postroom('collector', 'mark', 'marks', '--message', 'nonsense', '--get', 'on');
	like $err, qr/no message with this identity/, 'what is not known cannot be marked';
};

subtest '04-4.9 07-14.3 NUL' => sub {
	my $server = server();
	$server->put(letter('before nul'));
	$server->put(letter("with nul") . "a\0b\n");
	$server->put(letter('after nul'));
	add_collector($p, 'nul', pop3 => $server->port, password => $PASSWORD, 'leave-days' => 9);
	$p->set('collect.nul' => 'abort');
	my ($status, $text) = run_collector($p, 'nul');
	like $text, qr/Data stream contained NUL character/, 'abort: the run fails';
	is_deeply [fred(qr/nul\z/)], ['before nul'], 'nothing after it is fetched';
	ok +(grep { /POP3 Client Problem/ } subjects('postmaster', $p->password)), 'the administrator is told';
	$p->set('collect.nul' => 'space');
	is run_collector($p, 'nul'), 'Connection successful, 2 messages', 'space: it is taken, and what was there is not fetched again';
	for my $choice (['question', 'a?b'], ['remove', 'ab']) {
		$p->set('collect.nul' => $choice->[0]);
		$server->put(letter("nul $choice->[0]") . "a\0b\n");
		run_collector($p, 'nul');
	}
	fred(qr/nul/);
	my $pop3 = $p->pop3;
	$pop3->login('fred', 'freds-secret');
	my $all = join '', map { $pop3->retr($_) } 1 .. ($pop3->stat)[0];
	$pop3->quit;
	like $all, qr/This is with nul\.\r?\na b\r?\n/, 'as a blank';
	like $all, qr/This is nul question\.\r?\na\?b\r?\n/, 'as a question mark';
	like $all, qr/This is nul remove\.\r?\nab\r?\n/, 'not at all';
	$p->set('collect.nul' => 'skip');
	$server->put(letter('nul skip') . "a\0b\n");
	$server->put(letter('nul skipped over'));
	is run_collector($p, 'nul'), 'Connection successful, 1 message', 'skip: the others are fetched';
	is_deeply [fred(qr/nul skip/)], ['nul skipped over'], 'and it is not delivered';
	is scalar(grep { $_->{data} =~ /nul skip\./ } $server->remaining), 1, 'but stays at the server';
	is run_collector($p, 'nul'), 'Connection successful, no messages', 'where a second run leaves it, too';
	is scalar(grep { /Message left at the server/ } subjects('postmaster', $p->password)), 1, 'the administrator is told, once';
};

subtest '04-4.10 different ends, different results' => sub {
	my $closed = Postroom::Ports::port('127.0.0.1');
	my %results;
	my $server = server();
	add_collector($p, 'unreachable', pop3 => $server->port, password => $PASSWORD, 'pop3.port' => $closed);
	$results{unreachable} = run_collector($p, 'unreachable');
	$server = server(password => 'other');
	add_collector($p, 'wrong', pop3 => $server->port, password => $PASSWORD);
	$results{wrong} = run_collector($p, 'wrong');
	$server = server(replies => { LIST => 'DROP' });
	$server->put(letter('dropped'));
	add_collector($p, 'dropped', pop3 => $server->port, password => $PASSWORD);
	$results{dropped} = run_collector($p, 'dropped');
	like $results{unreachable}, qr/cannot connect to .*Connection refused \(ECONNREFUSED\)/, 'nobody is there';
	is $results{wrong}, 'Error from remote server on "PASS *****" -> -ERR authorization failed', 'a wrong password, which is not shown';
	like $results{dropped}, qr/\AThe server connection was closed unexpectedly on "LIST"/, 'a connection that ends';
	$server = server();
	$server->put(letter('after failures'));
	add_collector($p, 'works', pop3 => $server->port, password => $PASSWORD);
	is run_collector($p, 'works'), 'Connection successful, 1 message', 'others work all the same';
	unlike $p->log, qr/$PASSWORD/, 'no password is in the log';
};

subtest '04-3.1 a collector that is not enabled' => sub {
	my $server = server();
	$server->put(letter('disabled'));
	add_collector($p, 'disabled', pop3 => $server->port, password => $PASSWORD, enabled => 'off');
	my ($status, $text) = run_collector($p, 'disabled');
	like $text, qr/the collector disabled is not enabled/, 'is not run';
	is $server->connections, 0, 'nobody is contacted';
};

subtest '04-15.1 a refused connection is told once in ten minutes' => sub {
	my $before = grep { /POP3 Client Connection Problem/ } subjects('postmaster', $p->password);
	my $server = server();
	add_collector($p, 'refused', pop3 => $server->port, password => $PASSWORD, 'pop3.port' => Postroom::Ports::port('127.0.0.1'));
	run_collector($p, 'refused') for 1, 2;
	$p->wait_for(sub { @{ $p->postroom_json('notice', 'suppressed') } }, 'the second is suppressed');
	is scalar(grep { /POP3 Client Connection Problem/ } subjects('postmaster', $p->password)), $before + 1, 'one mail';
};

subtest '04-15.2 the log of sessions, of one of two collectors' => sub {
	my ($quiet, $loud) = (server(), server());
	$_->put(letter('logged')) for $quiet, $loud;
	add_collector($p, 'quiet', pop3 => $quiet->port, password => $PASSWORD);
	add_collector($p, 'loud', pop3 => $loud->port, password => $PASSWORD, log => 'on');
	run_collector($p, $_) for qw(quiet loud);
	my $log = $p->dir . '/log/pop3clt.log';
	$p->wait_for(sub { read_file($log) =~ /QUIT/ }, 'the session is logged');
	my $text = read_file($log);
	like $text, qr/^\S+ \S+ \[\d+\] loud 127\.0\.0\.1 C: PASS \*\*\*$/m, 'it has the conversation, without the password';
	unlike $text, qr/quiet|$PASSWORD/, 'of that one alone';
};

subtest '09-15.6 a password is shown nowhere' => sub {
	subjects('postmaster', $p->password);
	my $pop3 = $p->pop3;
	$pop3->login('postmaster', $p->password);
	my $mails = join '', map { $pop3->retr($_) } 1 .. ($pop3->stat)[0];
	$pop3->quit;
	my $results = join '', map { $p->postroom_ok('collector', $_, '--json') } 'list', 'history';
	my $logs = join '', map { read_file($_) } grep { -f } glob $p->dir . '/log/*';
	like $mails, qr/PASS \*{5}/, 'not in the mail about the one that was wrong';
	like $results, qr/PASS \*{5}/, 'nor in the last results';
	like $logs, qr/PASS \*{5}/, 'nor in logs';
	unlike $_, qr/$PASSWORD/, 'anywhere' for $mails, $results, $logs;
};

$_->stop for @servers;
$p->stop;
done_testing;

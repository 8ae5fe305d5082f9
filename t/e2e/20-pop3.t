#!/usr/bin/perl
# POP3: the session of the specification, what it promises about messages, locks and removal, TLS, and real clients.
use strict;
use warnings;
use lib 't/lib';
use File::Temp;
use Postroom::Need qw(find_program);
use Postroom::Process qw(run_program wait_until read_file write_file);
use Postroom::Test;
use Test::More;
use Time::HiRes qw(time);

my %USERS = map { $_ => "$_-secret" } qw(fred anna bert carl dora emil frida gert many);
my $p = Postroom::Test->start(users => \%USERS);
my $scratch = File::Temp->newdir;

sub deliver {
	my ($user, @texts) = @_;
	my $smtp = $p->smtp;
	for my $text (@texts) {
		like $smtp->send_message('sender@remote.test', ["$user\@example.test"], $text), qr/\A250/, "a message for $user"
			or return;
	}
	$smtp->quit;
	return;
}

sub login {
	my ($user, %options) = @_;
	my $pop3 = $p->pop3(%options);
	$pop3->login($user, $USERS{$user});
	return $pop3;
}

# Wait until so many messages are in a mailbox.
sub wait_count {
	my ($user, $count, $seconds) = @_;
	wait_until(sub {
		my $pop3 = login($user);
		my ($got) = $pop3->stat;
		$pop3->quit;
		return defined $got && $got == $count;
	}, "$user has $count messages", $seconds);
	return;
}

sub fill {
	my ($user, @texts) = @_;
	deliver($user, @texts);
	wait_count($user, scalar @texts);
	return;
}

# How many messages are stored in an inbox, whatever clients are shown of it.
sub stored_files {
	my ($name) = @_;
	my ($user) = grep { $_->{name} eq $name } @{ $p->postroom_json('user', 'list') };
	my @files = glob sprintf '%s/state/mail/%02d/%d/msg/1/*/*', $p->dir, $user->{uid} % 100, $user->{uid};
	return scalar @files;
}

# A message as it comes back: without the trace fields that were put before it.
sub without_trace {
	my ($message) = @_;
	my ($own) = $message =~ /(Subject:.*)\z/s;
	return $own;
}

subtest '01-15.1 the sample session against a mailbox of five messages' => sub {
	fill('fred', map { "Subject: message $_\n\n" . "text\n" x $_ } 1 .. 5);
	my $pop3 = $p->pop3;
	is $pop3->greeting, '+OK Postroom Server Ready', 'greeting';
	is $pop3->cmd('USER fred'), '+OK Enter password', 'USER';
	my $totals = $pop3->cmd('PASS fred-secret');
	like $totals, qr/\A\+OK 5 messages \(\d+ octets\)\z/, 'PASS';
	my ($sum) = $totals =~ /\((\d+)/;
	is $pop3->cmd('STAT'), "+OK 5 $sum", 'STAT has the same numbers';
	my ($status, @list) = $pop3->multi('LIST');
	is $status, $totals, 'LIST begins with them too';
	is_deeply [map { /\A(\d+) / } @list], [1 .. 5], 'a line for each';
	my $added = 0;
	$added += (split / /)[1] for @list;
	is $added, $sum, 'the sizes add up';
	is $pop3->cmd('LIST 2'), "+OK $list[1]", 'LIST of one';
	($status, my @unique) = $pop3->multi('UIDL');
	is $status, $totals, 'UIDL';
	my %seen;
	is scalar(grep { /\A\d [\x21-\x7e]{1,70}\z/ && !$seen{ (split / /)[1] }++ } @unique), 5, 'five different ids';
	is $pop3->cmd('UIDL 5'), "+OK $unique[4]", 'UIDL of one';
	my ($size) = $list[0] =~ / (\d+)/;
	my $text = $pop3->retr(1);
	is $pop3->last, "+OK $size octets", 'RETR';
	is length $text, $size, 'as many octets come';
	like $text, qr/^Subject: message 1\r\n\r\ntext\r\n\z/m, 'of the right message';
	is $pop3->cmd('DELE 1'), '+OK message 1 deleted', 'DELE';
	is $pop3->cmd('STAT'), '+OK 4 ' . ($sum - $size), 'STAT without it';
	is $pop3->cmd('RSET'), $totals, 'RSET';
	is $pop3->cmd('STAT'), "+OK 5 $sum", 'STAT with it again';
	is $pop3->cmd('QUIT'), '+OK signing off', 'QUIT';
	ok $pop3->is_closed, 'and the connection ends';
};

subtest '01-15.6 errors leave the session as it was' => sub {
	my $pop3 = $p->pop3;
	for my $command ('STAT', 'NOOP', 'RETR 1', 'XYZZY', '', 'PASS x', 'USER', 'QUIT now', 'USER ' . 'x' x 5000) {
		like $pop3->cmd($command), qr/\A-ERR/, 'before the login: ' . substr $command, 0, 20;
	}
	like $pop3->login('fred', 'fred-secret'), qr/\A\+OK 5 /, 'a login still succeeds';
	for my $command ('RETR 99', 'RETR 0', 'RETR', 'RETR x', 'RETR 1 2', 'RETR 99999999999999999999', 'DELE 6', 'TOP 1',
		'TOP 1 -1', 'LIST 6', 'UIDL 0', 'STAT 1', 'XYZZY', '', 'USER fred', 'STLS', 'AUTH', 'X' x 5000) {
		like $pop3->cmd($command), qr/\A-ERR/, 'after it: ' . substr $command, 0, 20;
	}
	is $pop3->cmd('DELE 1'), '+OK message 1 deleted', 'DELE';
	like $pop3->cmd('DELE 1'), qr/\A-ERR/, 'DELE twice';
	like $pop3->cmd('RETR 1'), qr/\A-ERR/, 'RETR of what is deleted';
	like $pop3->cmd('LIST 1'), qr/\A-ERR/, 'LIST of what is deleted';
	is scalar(keys %{ $pop3->list }), 4, 'LIST leaves it out';
	is $pop3->cmd('nOoP'), '+OK', 'the session goes on';
	$pop3->close;
};

subtest '01-15.2 02-4.4 05-4.2 a second login is refused while the first session lasts' => sub {
	my $first = login('fred');
	my $second = $p->pop3;
	is $second->login('fred', 'fred-secret'), '-ERR [IN-USE] Mailbox Locked', 'the second login';
	ok $second->is_closed, 'whose connection ends';
	like $first->cmd('STAT'), qr/\A\+OK 5 /, 'the first session is unaffected';
	is $first->quit, '+OK signing off', 'it ends';
	my $refused = 0;
	for (1 .. 30) {
		my $next = $p->pop3;
		$refused++ if $next->login('fred', 'fred-secret') !~ /\A\+OK/;
		$next->quit;
	}
	is $refused, 0, 'a login right behind QUIT finds the mailbox free, 30 times';
	my $dropped = login('fred');
	$dropped->close;
	wait_until(sub { my $next = login('fred'); my $ok = $next->is_ok; $next->quit; $ok }, 'free after a drop', 10);
	pass 'a dropped connection frees it too';
};

subtest '01-15.3 only QUIT removes' => sub {
	fill('anna', map { "Subject: $_\n\n$_\n" } 1 .. 3);
	my $pop3 = login('anna');
	$pop3->dele(1);
	$pop3->close;
	wait_count('anna', 3);
	pass 'DELE and a dropped connection: all three are there';
	$pop3 = login('anna');
	my $unique = $pop3->uidl;
	$pop3->dele(1);
	is $pop3->quit, '+OK signing off', 'DELE and QUIT';
	$pop3 = login('anna');
	is_deeply [sort values %{ $pop3->uidl }], [sort @{$unique}{ 2, 3 }], 'the two others are left';
	like $pop3->retr(1), qr/^Subject: 2\r$/m, 'the second is the first now';
	$pop3->dele(1);
	$pop3->cmd('RSET');
	$pop3->quit;
	wait_count('anna', 2);
	pass 'RSET takes DELE back';
};

subtest '01-15.4 a session sees the mailbox as it was at the login' => sub {
	my $pop3 = login('anna');
	my @before = $pop3->stat;
	deliver('anna', "Subject: new\n\nnew\n");
	$p->wait_for(sub { stored_files('anna') == 3 }, 'the new message is stored');
	is_deeply [$pop3->stat], \@before, 'STAT is unchanged';
	like $pop3->cmd('RETR 3'), qr/\A-ERR/, 'there is no third message';
	$pop3->quit;
	wait_count('anna', 3);
	pass 'the next session shows it';
};

subtest '01-15.5 unique ids last, and are never given twice' => sub {
	my $pop3 = login('anna');
	my $before = $pop3->uidl;
	$pop3->dele(2);
	$pop3->quit;
	$pop3 = login('anna');
	is_deeply $pop3->uidl, { 1 => $before->{1}, 2 => $before->{3} }, 'the same after another was deleted';
	$pop3->quit;

	my (%seen, $twice);
	for my $round (1 .. 10) {
		my $smtp = $p->smtp;
		for (1 .. 100) {
			$smtp->send_message('sender@remote.test', ['bert@example.test'], "Subject: $round\n\nx\n") =~ /\A250/ or last;
		}
		$smtp->quit;
		wait_count('bert', 100, 60);
		$pop3 = login('bert');
		my $unique = $pop3->uidl;
		$twice += grep { $seen{$_}++ } values %$unique;
		$pop3->send_raw(join '', map { "DELE $_\r\n" } 1 .. 100);
		$pop3->line for 1 .. 100;
		$pop3->quit;
	}
	is scalar(keys %seen), 1000, 'a thousand deliveries, each deleted, had a thousand ids';
	ok !$twice, 'none came twice';
};

subtest 'a message arrives as it was sent' => sub {
	my @texts = (
		"Subject: dots\r\n\r\n.\r\n..\r\n.leading\r\nin.side\r\n\r\n.\r\n",
		"Subject: long\r\n\r\n" . 'x' x 900 . "\r\n" . ".\r\n" x 50000,
		"Subject: empty\r\n\r\n",
		"Subject: eight\r\n\r\n" . join('', map { chr } 1 .. 9, 11, 12, 14 .. 255) . "\r\n",
		"Subject: big\r\n\r\n" . join('', map { "line $_ " . 'y' x ($_ % 70) . "\r\n" } 1 .. 60000),
	);
	fill('carl', @texts);
	for my $service (qw(pop3 pop3s)) {
		my $pop3 = login('carl', service => $service);
		my $list = $pop3->list;
		my @all;
		for my $number (1 .. @texts) {
			my $message = $pop3->retr($number);
			is length $message, $list->{$number}, "$service: as long as LIST says";
			push @all, without_trace($message);
		}
		my %count;
		$count{$_}++ for @all;
		is scalar(grep { !$count{$_} } @texts), 0, "$service: octet for octet";
		$pop3->quit;
	}
};

subtest 'TOP' => sub {
	my $pop3 = login('fred');
	my $whole = $pop3->retr(5);
	my ($header) = $whole =~ /\A(.*?\r\n\r\n)/s;
	is $pop3->top(5, 0), $header, 'no lines';
	is $pop3->last, '+OK top of message follows', 'its answer';
	is $pop3->top(5, 2), "${header}text\r\ntext\r\n", 'two lines';
	is $pop3->top(5, 5), $whole, 'all lines';
	is $pop3->top(5, 4000000000), $whole, 'more lines than there are';
	$pop3->quit;
};

subtest 'pipelined commands are answered in order, also over the login' => sub {
	my $pop3 = $p->pop3;
	$pop3->send_raw("CAPA\r\nUSER fred\r\nPASS fred-secret\r\nSTAT\r\nRETR 1\r\nLIST 2\r\nNOOP\r\nQUIT\r\n");
	is $pop3->line, '+OK Capability list follows', 'CAPA';
	ok scalar(grep { $_ eq 'PIPELINING' } $pop3->rest), 'announces it';
	is $pop3->line, '+OK Enter password', 'USER';
	like $pop3->line, qr/\A\+OK 5 messages/, 'PASS';
	like $pop3->line, qr/\A\+OK 5 \d+\z/, 'STAT';
	like $pop3->line, qr/\A\+OK \d+ octets\z/, 'RETR';
	$pop3->rest;
	like $pop3->line, qr/\A\+OK 2 \d+\z/, 'LIST';
	is $pop3->line, '+OK', 'NOOP';
	is $pop3->line, '+OK signing off', 'QUIT';

	$pop3 = $p->pop3(service => 'pop3s');
	$pop3->send_raw("USER fred\r\nPASS fred-secret\r\nSTAT\r\nNOOP\r\nQUIT\r\n");
	is join('|', map { substr $pop3->line, 0, 5 } 1 .. 5), '+OK E|+OK 5|+OK 5|+OK|+OK s', 'under TLS as well';
};

subtest '05-4.1 three wrong passwords in one session' => sub {
	my $pop3 = $p->pop3;
	my $answer = $pop3->login('fred', 'wrong');
	like $answer, qr/\A-ERR \[AUTH\] /, 'the first answer';
	like $pop3->cmd('PASS fred-secret'), qr/\A-ERR/, 'PASS alone is no second try';
	is $pop3->auth('PLAIN', 'fred', 'wrong'), $answer, 'the second';
	is $pop3->login('fred', 'wrong'), $answer, 'the third';
	ok $pop3->is_closed, 'then the connection closes';
	like login('fred')->last, qr/\A\+OK/, 'a new connection may try again';
};

subtest '05-4.6 an unknown user and a wrong password are answered alike' => sub {
	my $pop3 = $p->pop3;
	is $pop3->cmd('USER nobody'), '+OK Enter password', 'USER tells nothing';
	my $unknown = $pop3->cmd('PASS wrong');
	is $pop3->login('fred', 'wrong'), $unknown, 'PASS neither';
	like $unknown, qr/\A-ERR \[AUTH\] Login Failed\z/, 'the text';
};

subtest 'capabilities' => sub {
	my $pop3 = $p->pop3;
	my $capa = $pop3->capa;
	ok exists $capa->{$_}, "$_ is announced" for qw(TOP UIDL USER SASL STLS PIPELINING RESP-CODES AUTH-RESP-CODE);
	is $capa->{EXPIRE}, 'NEVER', 'EXPIRE';
	is $capa->{IMPLEMENTATION}, 'Postroom', 'IMPLEMENTATION';
	ok !exists $capa->{'LOGIN-DELAY'}, 'no LOGIN-DELAY';
	like $capa->{SASL}, qr/\bSCRAM-SHA-256\b/, 'SCRAM';
	my ($status, @mechanisms) = $pop3->multi('AUTH');
	is join(' ', @mechanisms), $capa->{SASL}, 'AUTH alone lists the same';
	$pop3->login('fred', 'fred-secret');
	my $after = $pop3->capa;
	delete $capa->{STLS};
	is_deeply $after, $capa, 'the same after the login, but STLS (RFC 2449 section 5)';
	$pop3->quit;
};

subtest 'STLS' => sub {
	my $pop3 = $p->pop3;
	$pop3->cmd('USER fred');
	is $pop3->stls, '+OK Begin TLS negotiation', 'STLS';
	ok !exists $pop3->capa->{STLS}, 'is not announced under TLS';
	like $pop3->cmd('STLS'), qr/\A-ERR/, 'nor allowed';
	like $pop3->cmd('PASS fred-secret'), qr/\A-ERR/, 'the name given in clear is forgotten';
	like $pop3->login('fred', 'fred-secret'), qr/\A\+OK 5/, 'a login';
	my $text = $pop3->retr(1);
	like $text, qr/Subject: message 1/, 'a message';
	is $pop3->cmd('QUIT'), '+OK signing off', 'QUIT';
	ok $pop3->is_closed, 'the end';

	$pop3 = $p->pop3;
	$pop3->send_raw("STLS\r\nUSER fred\r\n");
	like $pop3->line, qr/\A-ERR/, 'input behind STLS is refused';
	ok $pop3->is_closed, 'and the connection ends';
};

subtest '05-1.2 01-19.4 with encryption required there is no login before STLS' => sub {
	$p->postroom_ok('service', 'encryption', 'pop3', 'required');
	my $pop3 = $p->pop3;
	my $capa = $pop3->capa;
	ok exists $capa->{STLS}, 'STLS is announced';
	ok !exists $capa->{USER} && !exists $capa->{SASL}, 'USER and SASL are not';
	like $pop3->cmd($_), qr/\A-ERR/, $_ for 'USER fred', 'PASS fred-secret', 'AUTH PLAIN AGZyZWQAZnJlZC1zZWNyZXQ=';
	like $pop3->stls, qr/\A\+OK/, 'STLS';
	ok exists $pop3->capa->{USER}, 'now USER is announced';
	like $pop3->login('fred', 'fred-secret'), qr/\A\+OK 5/, 'and a login succeeds';
	$pop3->quit;
	$p->postroom_ok('service', 'encryption', 'pop3', 'none');
	$pop3 = $p->pop3;
	ok !exists $pop3->capa->{STLS}, 'none: STLS is not announced';
	like $pop3->cmd('STLS'), qr/\A-ERR/, 'nor done';
	like $pop3->login('fred', 'fred-secret'), qr/\A\+OK 5/, 'a login in clear succeeds';
	$pop3->quit;
	$p->postroom_ok('service', 'encryption', 'pop3', 'optional');
};

subtest '05-2.3 an address that may not read mailboxes' => sub {
	$p->access($_, '1|2|10.0.0.0|8|0||') for qw(pop3 pop3s);
	for my $service (qw(pop3 pop3s)) {
		my $pop3 = $p->pop3(service => $service);
		is $pop3->greeting, '-ERR Postroom Server access not allowed!', "$service: the refusal";
		ok $pop3->is_closed, 'and the end';
	}
	$p->postroom_ok('access', 'defaults', '--list', $_) for qw(pop3 pop3s);
	is $p->pop3->greeting, '+OK Postroom Server Ready', 'allowed again';
};

subtest '05-4.5 anonymised' => sub {
	$p->set('server.anonymise' => 'on');
	my $pop3 = $p->pop3;
	is $pop3->greeting, '+OK POP3 Server Ready', 'the greeting names no product';
	ok !exists $pop3->capa->{IMPLEMENTATION}, 'nor does CAPA';
	$pop3->login('fred', 'fred-secret');
	ok !exists $pop3->capa->{IMPLEMENTATION}, 'nor after the login';
	$pop3->quit;
	$p->postroom_ok('unset', 'server.anonymise');
};

subtest '05-4.3 hold instead of delete' => sub {
	fill('dora', map { "Subject: $_\n\n$_\n" } 1 .. 3);
	$p->set('pop3.hold-deleted' => 'on');
	my $pop3 = login('dora');
	$pop3->dele(2);
	$pop3->close;
	wait_count('dora', 3);
	$pop3 = login('dora');
	$pop3->dele(2);
	$pop3->quit;
	$pop3 = login('dora');
	is [$pop3->stat]->[0], 2, 'a held message is not counted';
	like join('', map { $pop3->retr($_) } 1, 2), qr/Subject: 1\r.*Subject: 3\r/s, 'the others are there';
	$pop3->quit;
	is stored_files('dora'), 3, 'it is still stored';
	$p->postroom_ok('unset', 'pop3.hold-deleted');
	$pop3 = login('dora');
	is [$pop3->stat]->[0], 2, 'and stays hidden';
	$pop3->quit;
};

subtest '05-4.4 blank lines at the end are left out where that is set' => sub {
	my $text = "Subject: blank\r\n\r\ntext\r\n" . "\r\n" x 5;
	fill('emil', $text, "Subject: none\r\n\r\ntext\r\n", "Subject: only\r\n\r\n\r\n\r\n");
	my $pop3 = login('emil');
	my @before = $pop3->stat;
	my %whole = map { $_ => $pop3->retr($_) } 1 .. 3;
	$pop3->quit;
	is scalar(grep { without_trace($_) eq $text } values %whole), 1, 'off: unchanged';
	$p->set('pop3.strip-blank-lines' => 'on');
	$pop3 = login('emil');
	my $list = $pop3->list;
	my @after = $pop3->stat;
	is $after[1], $before[1] - 10 - 4, 'on: STAT counts less';
	for my $number (1 .. 3) {
		my $message = $pop3->retr($number);
		(my $expected = $whole{$number}) =~ s/(?<=\r\n)(?:\r\n)+\z// if $whole{$number} !~ /Subject: only/;
		($expected = $whole{$number}) =~ s/\r\n\r\n\z// if $whole{$number} =~ /Subject: only/;
		is $message, $expected, "message $number";
		is length $message, $list->{$number}, 'is as long as LIST says';
		is $pop3->top($number, 1000), $message, 'and so is TOP';
	}
	$pop3->quit;
	$p->postroom_ok('unset', 'pop3.strip-blank-lines');
};

subtest 'a silent client is logged out, and nothing is removed' => sub {
	$p->set('pop3.timeout' => 10);
	my $silent = $p->pop3;
	my $pop3 = login('fred');
	$pop3->dele(1);
	ok $pop3->is_closed(20), 'after the login';
	ok $silent->is_closed(20), 'before it';
	is $pop3->{buffer} . $silent->{buffer}, '', 'without a word (RFC 1939 section 3)';
	$p->postroom_ok('unset', 'pop3.timeout');
	wait_count('fred', 5);
};

subtest 'daemons that are away are a temporary matter' => sub {
	my $pop3 = $p->pop3;
	my $pid = $p->kill_daemon('pop3d');
	# told so, or cut off where the session had begun
	like $pop3->login('fred', 'fred-secret') // '', qr/\A(?:-ERR \[SYS\/TEMP\] |\z)/, 'pop3d died: the client may try again';
	wait_count('fred', 5);
	$pop3 = $p->pop3;
	$p->kill_daemon('authd');
	like $pop3->login('fred', 'fred-secret'), qr/\A-ERR \[SYS\/TEMP\] /, 'authd died: the client may try again';
	wait_until(sub { login('fred')->is_ok }, 'logins succeed again', 30);
	pass 'and succeeds soon';
};

subtest 'curl fetches, in clear and under TLS, with each kind of login' => sub {
	plan skip_all => 'needs curl' if !find_program('curl');
	my $port = $p->port('pop3');
	for my $how ([], ['--ssl-reqd', '-k'], ['--sasl-ir', '--login-options', 'AUTH=PLAIN'],
		['--login-options', 'AUTH=LOGIN']) {
		my ($status, $out, $err) = run_program('curl', '-sS', '--user', 'fred:fred-secret', @$how, "pop3://127.0.0.1:$port/2");
		is $status, 0, "curl @$how" or diag $err;
		like $out, qr/^Subject: message 2\r\n\r\ntext\r\ntext\r\n\z/m, 'the message';
	}
	my ($status, $out) = run_program('curl', '-sSk', '--user', 'fred:fred-secret', 'pop3s://127.0.0.1:' . $p->port('pop3s') . '/');
	is $status, 0, 'curl pop3s';
	is scalar(() = $out =~ /^\d+ \d+\r?$/mg), 5, 'the list';
};

subtest 'fetchmail takes all under STLS and deletes' => sub {
	plan skip_all => 'needs fetchmail' if !find_program('fetchmail');
	fill('frida', map { "Subject: mail $_\n\n.dot $_\n" } 1 .. 4);
	my $port = $p->port('pop3');
	my $mbox = "$scratch/mbox";
	write_file("$scratch/rc", <<"END");
poll 127.0.0.1 protocol POP3 port $port timeout 20 uidl
	user "frida" password "frida-secret" sslproto "TLS1.2+" no sslcertck
	fetchall mda "cat >>$mbox"
END
	chmod 0600, "$scratch/rc";
	local $ENV{HOME} = "$scratch";
	my ($status, $out, $err) = run_program('fetchmail', '--nosyslog', '--pidfile', "$scratch/pid", '-f', "$scratch/rc", '-i', "$scratch/ids");
	is $status, 0, 'fetchmail' or diag "$out$err";
	my @subjects = read_file($mbox) =~ /^Subject: (mail \d)/mg;
	is_deeply [sort @subjects], [map { "mail $_" } 1 .. 4], 'took four messages';
	is scalar(() = read_file($mbox) =~ /^\.dot \d$/mg), 4, 'dots as they were';
	wait_count('frida', 0);
	pass 'which are gone now';
};

subtest '01-19.2 openssl s_client sees the certificate' => sub {
	for my $how (['-connect', '127.0.0.1:' . $p->port('pop3'), '-starttls', 'pop3'], ['-connect', '127.0.0.1:' . $p->port('pop3s')]) {
		my ($status, $out, $err) = run_program({ stdin => "QUIT\r\n" }, 'openssl', 's_client', @$how, '-quiet', '-showcerts');
		like "$out$err", qr/CN ?= ?mail\.example\.test/, "@$how";
	}
	my $pop3 = $p->pop3(service => 'pop3s');
	is $pop3->greeting, '+OK Postroom Server Ready', 'pop3s greets under TLS';
	like $pop3->tls_version, qr/\ATLSv1_3\z/, 'TLS 1.3';
};

subtest '01-15.7 20,000 messages' => sub {
	my $many = Postroom::Test::build_folder() =~ /san/ ? 2000 : 20000; # sanitizers take their time
	my $source = find_program('smtp-source');
	plan skip_all => 'needs smtp-source' if !$source;
	my ($status, $out, $err) = run_program({ timeout => 600 }, $source, '-d', '-s', 10, '-l', 200, '-m', $many, '-f',
		'sender@remote.test', '-t', 'many@example.test', '127.0.0.1:' . $p->port('smtp'));
	is $status, 0, 'they are sent' or diag $err;
	wait_count('many', $many, 300);
	my $pop3 = login('many');
	for my $command (qw(UIDL LIST)) {
		my $begin = time;
		my ($answer, @lines) = $pop3->multi($command);
		my $took = time - $begin;
		is scalar(@lines), $many, "$command has a line for each";
		note sprintf '%s of %d messages took %.3f s; 01-15.7 wants less than 2 s', $command, $many, $took;
	}
	my $begin = time;
	$pop3->send_raw(join '', map { "DELE $_\r\n" } 1 .. $many);
	$pop3->line for 1 .. $many;
	is $pop3->quit, '+OK signing off', sprintf 'all are deleted, in %.3f s', time - $begin;
	wait_count('many', 0);
};

ok $p->stop, 'the instance ends cleanly';

subtest '01-19.1 05-1.1 without a certificate there is no STLS' => sub {
	my $bare = Postroom::Test->start(
		users => { anna => 'secret' },
		prepare => sub { unlink glob "$_[0]->{dir}/etc/tls/*.pem" },
	);
	my $pop3 = $bare->pop3;
	ok !exists $pop3->capa->{STLS}, 'CAPA shows none';
	like $pop3->cmd('STLS'), qr/\A-ERR/, 'STLS is refused';
	like $pop3->login('anna', 'secret'), qr/\A\+OK 0 /, 'a login in clear succeeds';
	$pop3->quit;
	my ($status, $out, $err) = $bare->postroom('service', 'encryption', 'pop3', 'required');
	is $status, 1, 'requiring it is refused';
	like $err, qr/no certificate is installed/, 'with the reason';
	ok $bare->stop, 'the end';
};

done_testing;

#!/usr/bin/perl
# Network services: their places, which change while they run; their encryption; settings of their own; certificates.
use strict;
use warnings;
use lib 't/lib';
use File::Temp;
use IO::Handle;
use IO::Socket::IP;
use Postroom::Imap;
use Postroom::Need qw(find_program);
use Postroom::Pop3;
use Postroom::Process qw(run_program read_file write_file);
use Postroom::Smtp;
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { anna => 'anna-secret' });
my $scratch = File::Temp->newdir;

# Ports of this instance that no service has at first, as they are given to the command and as they are reached.
use constant { FREE => 701, TAKEN => 702, EXTRA => 703 };
sub reached { return $p->{offset} + $_[0] }

sub refused {
	my ($reason, @arguments) = @_;
	my ($status, $out, $err) = $p->postroom(@arguments);
	is $status, 1, "refused: @arguments";
	like $err, $reason, 'with the reason';
}

sub service {
	my ($name) = @_;
	my ($found) = grep { $_->{name} eq $name } @{ $p->postroom_json('service', 'list') };
	return $found;
}

sub accepts {
	my ($port, $host) = @_;
	return defined IO::Socket::IP->new(PeerHost => $host // $p->host, PeerPort => $port, Timeout => 5);
}

sub smtp_at { return Postroom::Smtp->connect(port => reached($_[0])) }

subtest 'the services of a fresh instance' => sub {
	my @list = map { join ' ', @$_{qw(number type name encryption bindings)}, $_->{enabled} ? 'on' : 'off' }
		@{ $p->postroom_json('service', 'list') };
	is_deeply \@list, [
		'1 smtp smtp optional any:25 on', '2 smtp submission optional any:587 on', '3 smtp smtps tls any:465 on',
		'4 pop3 pop3 optional any:110 on', '5 pop3 pop3s tls any:995 on', '6 imap imap optional any:143 on',
		'7 imap imaps tls any:993 on',
		'8 web web optional any:5108 on',
	], 'are on their ports';
	like $p->postroom_ok('service', 'list'), qr/^4 +pop3 +pop3 +enabled +optional +any:110$/m, 'as a table';
};

subtest '05-1.1 without a certificate nothing of TLS is offered, and it cannot be demanded' => sub {
	my $bare = Postroom::Test->start(users => { anna => 'anna-secret' }, prepare => sub { unlink glob "$_[0]{dir}/etc/tls/*.pem" });
	my $smtp = $bare->smtp;
	my $extensions = $smtp->ehlo;
	ok exists $extensions->{PIPELINING} && !exists $extensions->{STARTTLS}, 'EHLO on 25';
	my $capa = $bare->pop3->capa;
	ok exists $capa->{UIDL} && !exists $capa->{STLS}, 'CAPA on 110';
	unlike $bare->imap->greeting->{raw}, qr/STARTTLS/, 'the greeting on 143';
	for my $mode (qw(tls required)) {
		my ($status, undef, $err) = $bare->postroom('service', 'encryption', 'smtp', $mode);
		is $status, 1, "$mode is refused";
		like $err, qr/encryption $mode is not possible: no certificate is installed/, 'with a message';
	}
	is $smtp->cmd('NOOP'), 250, 'who is there goes on';
	my $socket = IO::Socket::IP->new(PeerHost => $bare->host, PeerPort => $bare->port('smtps'), Timeout => 5);
	ok !defined readline $socket, 'what is under TLS from the start is closed at once';
	$bare->stop;
};

subtest '05-1.2 where TLS is demanded nothing goes before it' => sub {
	$p->postroom_ok('service', 'encryption', $_, 'required') for qw(smtp pop3);
	is service('smtp')->{encryption}, 'required', 'listed';
	my $smtp = $p->smtp;
	$smtp->ehlo;
	is $smtp->cmd('MAIL FROM:<a@b>'), 530, 'MAIL before STARTTLS';
	is $smtp->starttls, 220, 'STARTTLS';
	$smtp->ehlo;
	is $smtp->cmd('MAIL FROM:<a@b>'), 250, 'MAIL after it';
	my $pop3 = $p->pop3;
	like $pop3->cmd('USER anna'), qr/\A-ERR /, 'USER before STLS';
	like $pop3->cmd('STLS'), qr/\A\+OK/, 'STLS';
	$pop3->start_tls;
	like $pop3->cmd('USER anna'), qr/\A\+OK/, 'USER after it';
	my $imap = $p->imap;
	like $imap->greeting->{raw}, qr/STARTTLS/, 'the other services are as they were';
	$p->postroom_ok('service', 'encryption', $_, 'none') for qw(smtp pop3);
	ok !exists $p->smtp->ehlo->{STARTTLS}, 'none: not offered';
	$p->postroom_ok('service', 'encryption', $_, 'optional') for qw(smtp pop3);
	refused(qr/must be none, optional, required or tls/, 'service', 'encryption', 'smtp', 'ssl');
};

subtest 'a service is bound to one more place while it runs, and freed from it' => sub {
	my $pid = $p->main_pid('smtpd');
	my $before = $p->smtp;
	$p->postroom_ok('service', 'bind', 'smtp', '127.0.0.1', FREE);
	my $there = smtp_at(FREE);
	like $there->greeting, qr/\A220 /, 'it answers there when the command ends';
	is service('smtp')->{bindings}, 'any:25,127.0.0.1:' . FREE, 'listed';
	is $p->main_pid('smtpd'), $pid, 'the same process';
	$p->postroom_ok('service', 'unbind', 'smtp', '127.0.0.1', FREE);
	ok !accepts(reached(FREE)), 'and does not any more';
	is $there->cmd('NOOP'), 250, 'but for who is connected';
	is $before->cmd('NOOP'), 250, 'others have noticed nothing';
	refused(qr/is not bound to 127\.0\.0\.1 port/, 'service', 'unbind', 'smtp', '127.0.0.1', FREE);
	refused(qr/"nowhere" is no address/, 'service', 'bind', 'smtp', 'nowhere', FREE);
	refused(qr/the port must be a number from 1 to 65535/, 'service', 'bind', 'smtp', 'any', 0);
	refused(qr/there is no service "none"/, 'service', 'bind', 'none', 'any', FREE);
};

subtest '05-1.4 a place that another has is refused, and nothing changes' => sub {
	my $taken = IO::Socket::IP->new(LocalHost => $p->host, LocalPort => reached(TAKEN), Listen => 1, ReuseAddr => 1)
		or die "cannot take the port: $@\n";
	my ($pid, $session) = ($p->main_pid('smtpd'), $p->smtp);
	refused(qr/smtpd: 127\.0\.0\.1 port @{[ reached(TAKEN) ]} is in use by another program/, 'service', 'bind', 'smtp', 'any4', TAKEN);
	refused(qr/in use by another program/, 'service', 'add', 'smtp', 'second', '--bind', '127.0.0.1:' . TAKEN);
	is service('second'), undef, 'a service is not added then';
	refused(qr/127\.0\.0\.1 port \d+ is taken: the service pop3 listens on it/, 'service', 'bind', 'smtp', '127.0.0.1', 110);
	refused(qr/is taken: the service smtp listens on it already/, 'service', 'bind', 'smtp', '127.0.0.1', 25);
	is service('smtp')->{bindings}, 'any:25', 'the service is bound as before';
	is $p->main_pid('smtpd'), $pid, 'the listener is the same';
	is $session->cmd('NOOP'), 250, 'its session goes on';
	is $p->smtp->code, 220, 'the next one comes in';
	close $taken;
	$p->postroom_ok('service', 'bind', 'smtp', 'any4', TAKEN);
	is smtp_at(TAKEN)->code, 220, 'when it is free it is taken';
	$p->postroom_ok('service', 'unbind', 'smtp', 'any4', TAKEN);
};

subtest '05-1.7 the first services are there for good, others come and go' => sub {
	for my $name (qw(smtp pop3)) {
		refused(qr/\Q$name\E is the first service of its kind, which cannot be disabled/, 'service', 'disable', $name);
		refused(qr/\Q$name\E is a standard service/, 'service', 'delete', $name);
	}
	refused(qr/is a standard service/, 'service', 'delete', 'imaps');
	$p->postroom_ok('service', 'add', 'smtp', 'from inside', '--bind', '127.0.0.1:' . FREE, '--encryption', 'none');
	my $added = service('from inside');
	cmp_ok $added->{number}, '>=', 100, 'it has a number';
	my $smtp = smtp_at(FREE);
	is $smtp->code, 220, 'it answers';
	ok !exists $smtp->ehlo->{STARTTLS}, 'with its own encryption';
	like $smtp->send_message('a@b.test', ['anna@example.test'], "Subject: inside\n\nx\n"), qr/\A250/, 'and takes mail';
	$p->wait_log(qr/service=from_inside$/m);
	$p->postroom_ok('service', 'rename', 'from inside', 'inside');
	$p->postroom_ok('service', 'disable', 'inside');
	ok !accepts(reached(FREE)), 'disabled';
	$p->postroom_ok('service', 'enable', $added->{number});
	is smtp_at(FREE)->code, 220, 'enabled, by its number';
	refused(qr/the service inside exists already/, 'service', 'add', 'pop3', 'INSIDE');
	refused(qr/must not be a number/, 'service', 'add', 'pop3', '12');
	refused(qr/must be smtp, pop3, imap or web/, 'service', 'add', 'gopher', 'x');
	refused(qr/name of an access list/, 'service', 'add', 'smtp', 'global');
	$p->postroom_ok('service', 'delete', 'inside');
	ok !accepts(reached(FREE)), 'deleted';
	is service('inside'), undef, 'and gone';
	$p->postroom_ok('service', 'add', 'pop3', 'again', '--bind', '127.0.0.1:' . FREE);
	cmp_ok service('again')->{number}, '>', $added->{number}, 'numbers are not used again';
	like(Postroom::Pop3->connect(port => reached(FREE))->greeting, qr/\A\+OK/, 'a POP3 service');
	$p->postroom_ok('service', 'delete', 'again');
};

subtest '05-1.3 a second SMTP service has rules of its own' => sub {
	my @rule = ('--action', 'reject', '--condition');
	$p->postroom_ok('smtp-rule', 'add', '--service', 'smtp', '--name', 'first', @rule, 'MailFrom contains one');
	$p->postroom_ok('service', 'add', 'smtp', 'second', '--bind', '127.0.0.1:' . FREE);
	my @names = map { $_->{name} } @{ $p->postroom_json('smtp-rule', 'list', '--service', 'second') };
	is_deeply \@names, ['first'], 'it begins with those of the first';
	$p->postroom_ok('smtp-rule', 'add', '--service', 'second', '--name', 'own', @rule, 'MailFrom contains two');
	$p->postroom_ok('smtp-rule', 'delete', '--service', 'second', 1);
	@names = map { $_->{name} } @{ $p->postroom_json('smtp-rule', 'list', '--service', 'smtp') };
	is_deeply \@names, ['first'], 'those of the first stay';
	$p->postroom_ok('smtp-rule', 'delete', '--service', 'smtp', 1);
	@names = map { $_->{name} } @{ $p->postroom_json('smtp-rule', 'list', '--service', 'second') };
	is_deeply \@names, ['own'], 'and the other way round';
	$p->postroom_ok('service', 'delete', 'second');
};

subtest 'a service has settings of its own' => sub {
	$p->postroom_ok('service', 'add', 'smtp', 'small', '--bind', '127.0.0.1:' . FREE);
	$p->postroom_ok('set', 'smtp.max-message-size', '5000', '--service', 'small');
	is smtp_at(FREE)->ehlo->{SIZE}, 5000, 'its own value';
	is $p->smtp->ehlo->{SIZE}, 50000000, 'the others have the general one';
	$p->set('smtp.max-message-size' => 60000);
	is smtp_at(FREE)->ehlo->{SIZE}, 5000, 'which does not change its own';
	is $p->postroom_ok('get', 'smtp.max-message-size', '--service', 'small'), "5000\n", 'shown';
	$p->postroom_ok('unset', 'smtp.max-message-size', '--service', 'small');
	is smtp_at(FREE)->ehlo->{SIZE}, 60000, 'without it the general one counts';
	$p->postroom_ok('unset', 'smtp.max-message-size');
	refused(qr/login\.max-failures cannot be set for the service small alone/, 'set', 'login.max-failures', 5, '--service', 'small');
	refused(qr/pop3\.timeout cannot be set for the service small alone/, 'set', 'pop3.timeout', 50, '--service', 'small');
	refused(qr/must be from 5 to 3600/, 'set', 'smtp.timeout', 1, '--service', 'small');
	$p->postroom_ok('set', 'smtp.submission', 'on', '--service', 'small');
	# the defaults of a new list let this machine relay, which then needs no login
	my @rules = @{ $p->postroom_json('access', 'list', '--list', 'small') };
	is $rules[-1]{address}, 'local', 'it has an access list of its own, with the defaults';
	$p->postroom_ok('access', 'remove', '--list', 'small', $_) for reverse grep { $rules[$_ - 1]{address} =~ /\A(?:127|::1)/ } 1 .. @rules;
	my $smtp = smtp_at(FREE);
	$smtp->ehlo;
	is $smtp->cmd('MAIL FROM:<a@b.test>'), 530, 'a service for mail programs wants a login';
	$p->postroom_ok('set', 'imap.idle', 'off', '--service', 'imaps');
	for my $name (qw(imap imaps)) {
		my $imap = $p->imap(service => $name);
		$imap->login('anna', 'anna-secret');
		$imap->capability;
		is !!$imap->has('IDLE'), $name eq 'imap', "$name: also with the daemon that serves it after the login";
	}
	$p->postroom_ok('unset', 'imap.idle', '--service', 'imaps');
	$p->postroom_ok('service', 'delete', 'small');
};

subtest 'places outlive the listener' => sub {
	$p->postroom_ok('service', 'bind', 'smtp', '127.0.0.1', EXTRA);
	my $pid = $p->kill_daemon('smtpd');
	is smtp_at(EXTRA)->code, 220, 'who comes while it is started again waits';
	$p->wait_for(sub { my $now = $p->main_pid('smtpd'); $now && $now != $pid }, 'it was started again');
	my $session = smtp_at(EXTRA);
	my $main = $p->main_pid('smtpd');
	my ($process) = grep { $p->processes->{$_}[1] == $main } $p->pids('smtpd');
	kill 'KILL', $process;
	$p->wait_log(qr/goes on with \d+ sessions/);
	is smtp_at(EXTRA)->code, 220, 'also when it executes itself again';
	$p->postroom_ok('service', 'bind', 'smtp', '127.0.0.1', FREE);
	my $another = smtp_at(FREE);
	kill 'KILL', grep { $p->processes->{$_}[1] == $main } $p->pids('smtpd');
	$p->wait_for(sub { scalar(() = $p->log =~ /goes on with \d+ sessions/g) > 1 }, 'and again');
	is smtp_at(FREE)->code, 220, 'with what it bound itself';
	$p->postroom_ok('service', 'unbind', 'smtp', '127.0.0.1', $_) for EXTRA, FREE;
	ok !accepts(reached($_)), 'closed for good' for EXTRA, FREE;
	$p->postroom_ok('reload');
	$p->wait_for(sub { eval { $p->smtp->code == 220 } && ($p->main_pid('smtpd') // $main) != $main }, 'all is started anew');
	ok !accepts(reached($_)), 'also then' for EXTRA, FREE;
	$p->wait_for(sub { !grep { $_->{state} ne 'ready' } @{ $p->postroom_json('status')->{daemons} } }, 'all are ready');
	$p->postroom_ok('service', 'unbind', 'imap', 'any', 143);
	ok !accepts($p->port('imap')), 'a standard port is left';
	$p->postroom_ok('service', 'defaults');
	like $p->imap->greeting->{raw}, qr/\A\* OK/, 'and taken again with the defaults';
};

subtest '05-1.5 a new address is served by who listens on all of them' => sub {
	plan skip_all => 'needs root and the program ip' if $> != 0 || !find_program('ip');
	my $all = Postroom::Test->start(bind => '0.0.0.0');
	my ($port, $pid) = ($all->port('smtp'), $all->main_pid('smtpd'));
	$all->postroom_ok('service', 'unbind', 'smtp', 'any', 25);
	$all->postroom_ok('service', 'bind', 'smtp', 'any4', 25);
	my $address = '198.51.100.' . (1 + $$ % 250);
	my ($status, undef, $err) = run_program('ip', 'address', 'add', "$address/32", 'dev', 'lo');
	plan skip_all => "cannot add an address here: $err" if $status != 0;
	my $greeting = eval { Postroom::Smtp->connect(host => $address, port => $port)->greeting };
	run_program('ip', 'address', 'delete', "$address/32", 'dev', 'lo');
	like $greeting, qr/\A220 /, 'it answers there';
	is $all->main_pid('smtpd'), $pid, 'without a restart';
	$all->stop;
};

sub openssl { my ($status, $out, $err) = run_program({}, 'openssl', @_); die "openssl @_: $err" if $status; return $out }

sub new_root {
	my ($name) = @_;
	openssl(qw(req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj), "/CN=$name",
		'-keyout', "$scratch/$name.key", '-out', "$scratch/$name.pem");
}

sub served {
	my (@options) = @_;
	my (undef, $out, $err) = run_program({ stdin => "QUIT\n" }, 'openssl', 's_client', '-starttls', 'smtp', '-connect',
		$p->host . ':' . $p->port('smtp'), @options);
	return "$out$err";
}

subtest '05-1.6 a certificate that clients would not believe is installed only when that is wanted' => sub {
	plan skip_all => 'needs the program openssl' if !find_program('openssl');
	new_root('own');
	new_root('other');
	my @pair = ("$scratch/own.pem", "$scratch/own.key");
	refused(qr/the key does not match/, 'tls', 'install', "$scratch/own.pem", "$scratch/other.key");
	refused(qr/does not lead to a certificate authority known to this machine: .*tls\.validate off/, 'tls', 'install', @pair);
	{
		# a certificate authority that the machine knows
		local $ENV{SSL_CERT_FILE} = "$scratch/root.pem";
		new_root('root');
		my $key = "$scratch/server.key";
		my $request = $p->postroom_ok('tls', 'csr', $key, '--name', 'mail.example.test');
		is sprintf('%o', (stat $key)[2] & 07777), 600, 'the key of a request is its owner\'s alone';
		write_file("$scratch/server.csr", $request);
		like openssl('req', '-in', "$scratch/server.csr", '-noout', '-verify', '-text'), qr/DNS:mail\.example\.test/, 'the request is one';
		refused(qr/File exists/, 'tls', 'csr', $key);
		write_file("$scratch/ext", "subjectAltName=DNS:mail.example.test\n");
		openssl('x509', '-req', '-in', "$scratch/server.csr", '-CA', "$scratch/root.pem", '-CAkey', "$scratch/root.key", '-days', 30,
			'-extfile', "$scratch/ext", '-out', "$scratch/server.pem");
		like $p->postroom_ok('tls', 'install', "$scratch/server.pem", $key), qr/installed/, 'a signed one is installed';
	}
	$p->wait_for(sub { served('-CAfile', "$scratch/root.pem") =~ /Verify return code: 0 \(ok\)/ }, 'and served');
	$p->set('tls.validate' => 'off');
	refused(qr/the key does not match/, 'tls', 'install', "$scratch/own.pem", "$scratch/other.key");
	like $p->postroom_ok('tls', 'install', @pair), qr/installed/, 'with validation off one\'s own is accepted';
	$p->wait_for(sub { served() =~ m{subject=CN = own} }, 'and served');
};

subtest 'what clients may use of TLS' => sub {
	plan skip_all => 'needs the program openssl' if !find_program('openssl');
	my $versions = sub { return join ' ', map { served("-tls1_$_") =~ /^New, TLSv1\.$_, Cipher is (?!\(NONE\))/m ? "1.$_" : () } 2, 3 };
	is $versions->(), '1.2 1.3', 'both versions at first';
	$p->set('tls.oldest-version' => '1.3');
	is $versions->(), '1.3', 'the newer one alone';
	$p->postroom_ok('unset', 'tls.oldest-version');
	$p->set('tls.ciphers' => 'ECDHE-ECDSA-AES256-GCM-SHA384', 'tls.cipher-suites' => 'TLS_AES_128_GCM_SHA256');
	like served('-tls1_2'), qr/Cipher is ECDHE-ECDSA-AES256-GCM-SHA384/, 'the cipher of TLS 1.2';
	like served('-tls1_3'), qr/Cipher is TLS_AES_128_GCM_SHA256/, 'the suite of TLS 1.3';
	$p->postroom_ok('unset', $_) for 'tls.ciphers', 'tls.cipher-suites';
	refused(qr/tls\.ciphers: OpenSSL knows no cipher of "NONSENSE"/, 'set', 'tls.ciphers', 'NONSENSE');
	refused(qr/tls\.cipher-suites: /, 'set', 'tls.cipher-suites', 'TLS_NONSENSE');
};

subtest 'services in an export' => sub {
	$p->postroom_ok('service', 'add', 'smtp', 'partners', '--bind', '127.0.0.1:' . FREE . ',[::1]:' . FREE, '--encryption', 'required');
	$p->postroom_ok('set', 'smtp.max-recipients', 100, '--service', 'partners');
	$p->postroom_ok('service', 'rename', 'imaps', 'imap over tls');
	my $text = $p->postroom_ok('export');
	my $listed = [ map { my %row = %$_; delete $row{number}; \%row } @{ $p->postroom_json('service', 'list') } ];
	unlike $p->postroom_ok({ stdin => $text }, 'import', '--check', '-'), qr/service/, 'brings nothing new';
	$p->postroom_ok('service', 'delete', 'partners');
	$p->postroom_ok('service', 'rename', 'imap over tls', 'imaps');
	$p->postroom_ok('service', 'add', 'pop3', 'forgotten', '--bind', '127.0.0.1:' . FREE);
	$p->postroom_ok({ stdin => $text }, 'import', '-');
	is_deeply [ map { my %row = %$_; delete $row{number}; \%row } @{ $p->postroom_json('service', 'list') } ], $listed, 'brings back what was';
	is $p->postroom_ok('get', 'smtp.max-recipients', '--service', 'partners'), "100\n", 'with its settings';
	is smtp_at(FREE)->code, 220, 'and it answers';
	$p->postroom_ok('service', 'delete', 'partners');
};

subtest 'an instance of before has its modes of encryption still' => sub {
	plan skip_all => 'needs the program sqlite3' if !find_program('sqlite3');
	is_deeply [ $p->stop_running ], [], 'stopped';
	my $database = $p->dir . '/state/config/config.db';
	my @owner = (stat $database)[4, 5];
	unlink glob "$database*";
	my ($status, $out, $err) = run_program({ stdin => read_file('t/fixtures/config-6.sql') }, 'sqlite3', $database);
	is $status, 0, 'as it was' or diag "$out$err";
	chown @owner, $database;
	my ($snapshot) = sort { $b->[0] <=> $a->[0] } map { [/(\d+)\.db\z/, $_] } glob $p->dir . '/state/settings/*.db';
	($status, $out, $err) = run_program({ stdin => "DROP TABLE service;\n" }, 'sqlite3', $snapshot->[1]);
	is $status, 0, 'and as it was published' or diag "$out$err";
	# configd can begin only when this ends; whoever does not wait for it meets the old snapshot meanwhile.
	open my $holder, '|-', 'sqlite3', $database or die "sqlite3: $!\n";
	$holder->autoflush;
	print $holder "BEGIN EXCLUSIVE;\n.shell sleep 2\n.quit\n";
	$p->run;
	close $holder;
	is join(' ', map { $_->{encryption} } @{ $p->postroom_json('service', 'list') }), 'optional none tls required tls optional tls optional',
		'each service has its own';
	like $p->pop3->cmd('USER anna'), qr/\A-ERR /, 'and keeps to it';
	is join(' ', map { "$_->{name} " . ($_->{administrator} ? 'administers' : 'uses') } @{ $p->postroom_json('user', 'list') }),
		'anna uses postmaster administers', 'the users are what they were';
};

$p->stop;
done_testing;

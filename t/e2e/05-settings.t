#!/usr/bin/perl
# The command line and configd: settings and objects, what is refused and how, changes that running daemons see, the same
# while stopped, certificates, export and import.
use strict;
use warnings;
use lib 't/lib';
use File::Temp;
use Postroom::Process qw(run_program read_file write_file);
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(domain => 'mycompany.test', users => { anna => 'annas-Pw' });
my $scratch = File::Temp->newdir;

# The command is refused: exit status 1, nothing on standard output, the reason on standard error.
sub refused {
	my ($reason, @arguments) = @_;
	my ($status, $out, $err) = $p->postroom(@arguments);
	shift @arguments if ref $arguments[0];
	subtest "refused: @arguments" => sub {
		is $status, 1, 'exit status';
		is $out, '', 'standard output';
		like $err, qr/\Apostroom: .*$reason/, 'reason';
	};
}

sub value { my $out = $p->postroom_ok('get', $_[0]); chomp $out; return $out }
sub greeting { return $p->smtp->greeting }

subtest 'get, set, unset' => sub {
	is value('smtp.timeout'), 300, 'the default';
	is $p->postroom_ok('set', 'smtp.timeout', '60'), '', 'set says nothing';
	is value('smtp.timeout'), 60, 'set';
	is_deeply $p->postroom_json('get', 'smtp.timeout'), [{ key => 'smtp.timeout', value => '60', default => JSON::PP::false }],
		'as JSON';
	$p->postroom_ok('unset', 'smtp.timeout');
	is_deeply $p->postroom_json('get', 'smtp.timeout'), [{ key => 'smtp.timeout', value => '300', default => JSON::PP::true }],
		'unset';
	like $p->postroom_ok('get'), qr/^smtp\.timeout = 300$/m, 'all of them';
	my @keys = map { (split / = /)[0] } split /\n/, $p->postroom_ok('get', 'pop3.*');
	ok @keys > 2 && !grep({ !/\Apop3\./ } @keys), 'those that match';
	$p->postroom_ok('set', 'dns.servers', '127.0.0.1:53  ::1');
	is value('dns.servers'), '127.0.0.1:53,::1', 'a list in its normal form';
	$p->postroom_ok('unset', 'dns.servers');
	refused(qr/smtp\.timeout must be from 5 to 3600 seconds, not 4/, 'set', 'smtp.timeout', '4');
	refused(qr/there is no setting "smtp\.timeot"; did you mean smtp\.timeout\?/, 'set', 'smtp.timeot', '60');
	refused(qr/there is no setting "smtp\.timeot"/, 'get', 'smtp.timeot');
	refused(qr/no setting matches/, 'get', 'nothing.*');
	refused(qr/tls\.oldest-version must be 1\.2 or 1\.3/, 'set', 'tls.oldest-version', '1.1');
	refused(qr/"10\.0\.0\.0\/33" is not a server/, 'set', 'dns.servers', '10.0.0.0/33');
	is value('dns.servers'), '', 'nothing changed';
	like $p->log, qr/configd\[\d+\]: info: set smtp\.timeout = 60 \(settings \d+\)$/m, 'a change is a line in the log';
};

subtest 'settings are explained from the catalogue' => sub {
	like $p->postroom_ok('settings'), qr/^smtp\.timeout +How long an SMTP client may be silent\.$/m, 'the list';
	like $p->postroom_ok('settings', 'smtp.timeout'), qr/a number of seconds from 5 to 3600\n\s+Default: 300/, 'one';
	refused(qr/did you mean smtp\.timeout/, 'settings', 'smtp.timeuot');
	is $p->postroom_ok('settings', '--format', 'man'), read_file('man/postroom-settings.5'),
		'postroom-settings(5) is that of the catalogue (make manual)';
	is $p->postroom_ok('settings', '--format', 'conf'), read_file('conf/settings.conf'),
		'conf/settings.conf is that of the catalogue (make manual)';
};

subtest 'exit status and usage' => sub {
	for my $arguments ([], ['bogus'], ['set', 'smtp.timeout'], ['get', 'a', 'b'], ['user'], ['user', 'frob'],
		['user', 'add'], ['user', 'list', 'x'], ['domain', 'add', 'a', 'b'], ['service', 'bind', 'smtp', 'any'], ['mapping', 'add', 'a'],
		['sender', 'add', 'x', '--frob'], ['user', 'set', 'anna', '--admin'], ['user', 'set', 'enabled'], ['group', 'unset', 'x'],
		['tls', 'install', 'x'],
		['import'], ['resolve'], ['settings', '--format', 'html']) {
		my ($status, $out, $err) = $p->postroom(@$arguments);
		is $status, 2, "usage: @$arguments";
		like $err, qr/^usage:/m, 'says how';
		is $out, '', 'on standard error';
	}
	for my $arguments (['--help'], ['--version'], ['user', '--help'], ['user', 'add', '--help'], ['set', '--help']) {
		my ($status, $out) = $p->postroom(@$arguments);
		is $status, 0, "@$arguments";
		like $out, qr/postroom/, 'says it on standard output';
	}
	my ($status, undef, $err) = run_program({}, $p->program, '-C', "$scratch/none", 'get');
	is $status, 1, 'no instance';
	like $err, qr/there is no instance here/, 'says so';
};

subtest 'a running daemon sees a change without a restart' => sub {
	my $pid = $p->main_pid('smtpd');
	like greeting(), qr/\A220 mail\.example\.test /, 'the name before';
	my $session = $p->smtp;
	$p->set('server.host-name' => 'Other.Example.TEST');
	like greeting(), qr/\A220 other\.example\.test /, 'the name in the next greeting';
	$p->set('smtp.max-message-size' => 12345);
	is $p->smtp->ehlo->{SIZE}, 12345, 'a limit in the next session';
	is $session->cmd('NOOP'), 250, 'the old session goes on';
	$p->postroom_ok('unset', 'smtp.max-message-size');
	$p->set('server.host-name' => 'mail.example.test');
	is $p->main_pid('smtpd'), $pid, 'the same process';
};

subtest '01-7.1 a user has the name at each local domain, in any case' => sub {
	$p->postroom_ok('domain', 'add', 'Other.ORG');
	$p->postroom_ok({ stdin => "kates-Pw\n" }, 'user', 'add', 'kate', '--password-stdin');
	$p->relay();
	my $smtp = $p->smtp;
	$smtp->ehlo;
	is $smtp->cmd('MAIL FROM:<someone@elsewhere.example>'), 250, 'from outside';
	is $smtp->cmd('RCPT TO:<KATE@mycompany.test>'), 250, 'KATE at the first domain';
	is $smtp->cmd('RCPT TO:<kate@other.org>'), 250, 'kate at the second';
	is $smtp->cmd('RCPT TO:<kate@elsewhere.net>'), 530, 'kate elsewhere is refused';
	$smtp->quit;
	for my $to ('KATE@mycompany.test', 'kate@other.org') {
		like $p->smtp->send_message('someone@elsewhere.example', [$to], "Subject: $to\r\n\r\nx\r\n"), qr/\A250/, "mail to $to";
	}
	$p->wait_for(sub {
		my $pop3 = $p->pop3;
		$pop3->login('kate', 'kates-Pw');
		my ($count) = $pop3->stat;
		$pop3->quit;
		return $count == 2;
	}, 'both are there');
	$p->postroom_ok('access', 'defaults', '--list', $_) for qw(smtp submission smtps);
};

subtest '01-7.3 a name is given once, in any case' => sub {
	refused(qr/the user kate exists already/, 'user', 'add', 'KATE', '--no-password');
	refused(qr/the user kate exists already/, 'user', 'rename', 'anna', 'Kate');
	refused(qr/the domain other\.org exists already/, 'domain', 'add', 'OTHER.org');
};

subtest '01-7.4 names of users' => sub {
	refused(qr/must not be empty/, 'user', 'add', '', '--no-password');
	refused(qr/at most 32 characters, not 33/, 'user', 'add', 'a' x 33, '--no-password');
	refused(qr/consists of letters, digits/, 'user', 'add', $_, '--no-password') for 'a b', 'a@b', "a\nb", 'a/b', "\x{c3}\x{a4}";
	for my $name ('a' x 32, 'a', 'A.b_c-9') {
		$p->postroom_ok('user', 'add', $name, '--no-password');
		$p->postroom_ok('user', 'delete', $name, '--yes');
		pass "\"$name\" is a name";
	}
};

subtest 'users' => sub {
	refused(qr/the password must not be empty/, { stdin => "\n" }, 'user', 'add', 'joe', '--password-stdin');
	refused(qr/the password must not be empty/, { stdin => '' }, 'user', 'add', 'joe', '--password-stdin');
	refused(qr/longer than 256 bytes/, { stdin => 'x' x 257 . "\n" }, 'user', 'add', 'joe', '--password-stdin');
	refused(qr/without a terminal/, { stdin => "other-Pw\n" }, 'user', 'add', 'joe');
	$p->add_user('joe', 'first-Pw');
	my %user = map { $_->{name} => $_ } @{ $p->postroom_json('user', 'list') };
	is_deeply [sort keys %user], [qw(anna joe kate postmaster)], 'list';
	ok !$user{joe}{administrator} && $user{joe}{enabled} && $user{postmaster}{administrator}, 'rights';
	$p->postroom_ok({ stdin => "second-Pw\n" }, 'user', 'password', 'JOE', '--password-stdin');
	like $p->pop3->login('joe', 'first-Pw'), qr/\A-ERR/, 'the old password is gone';
	$p->postroom_ok('user', 'rename', 'joe', 'joseph');
	like $p->pop3->login('joseph', 'second-Pw'), qr/\A\+OK/, 'renamed, with the password';
	$p->postroom_ok('user', 'disable', 'joseph');
	like $p->pop3->login('joseph', 'second-Pw'), qr/\A-ERR/, 'disabled';
	$p->postroom_ok('user', 'enable', 'joseph');
	like $p->pop3->login('joseph', 'second-Pw'), qr/\A\+OK/, 'enabled again';
	$p->postroom_ok('user', 'delete', 'joseph', '--yes');
	refused(qr/there is no user "joseph"/, 'user', 'delete', 'joseph');
	$p->add_user('joe', 'third-Pw');
	my ($joe) = grep { $_->{name} eq 'joe' } @{ $p->postroom_json('user', 'list') };
	cmp_ok $joe->{uid}, '>', $user{joe}{uid}, 'numbers are not used again';
	refused(qr/must be an enabled user who is an administrator/, 'user', 'set', 'postmaster', '--admin', 'off');
	refused(qr/administrator must be on or off, not "maybe"/, 'user', 'set', 'anna', '--admin', 'maybe');
	refused(qr/mail to postmaster must reach somebody/, 'user', 'rename', 'postmaster', 'boss');
	unlike $p->log, qr/-Pw/, 'no password in the log';
};

subtest 'groups' => sub {
	$p->postroom_ok('group', 'add', $_) for 'Staff', 'form3';
	$p->postroom_ok('group', 'add-member', 'staff', $_) for 'anna', 'joe';
	is_deeply $p->postroom_json('group', 'list'), [{ name => 'form3', users => 0 }, { name => 'Staff', users => 2 }], 'list';
	is_deeply $p->postroom_json('group', 'members', 'staff'), [{ name => 'anna' }, { name => 'joe' }], 'members';
	refused(qr/is in already the group Staff/, 'group', 'add-member', 'staff', 'anna');
	refused(qr/is not in the group form3/, 'group', 'remove-member', 'form3', 'anna');
	refused(qr/there is no group "none"/, 'group', 'members', 'none');
	refused(qr/there is no user "nobody"/, 'group', 'add-member', 'staff', 'nobody');
	refused(qr/the group Staff exists already/, 'group', 'add', 'STAFF');
	refused(qr/the user kate exists already/, 'group', 'add', 'kate');
	refused(qr/the group form3 exists already/, 'user', 'add', 'form3', '--no-password');
	refused(qr/has a meaning of its own/, 'group', 'add', 'Everyone');
	$p->postroom_ok('user', 'add', 'guest', '--no-password');
	$p->postroom_ok('group', 'add-member', 'staff', 'guest');
	$p->postroom_ok('user', 'delete', 'guest', '--yes');
	$p->postroom_ok('group', 'remove-member', 'staff', 'joe');
	is_deeply $p->postroom_json('group', 'members', 'staff'), [{ name => 'anna' }], 'who is deleted or removed is no member';
	$p->postroom_ok('group', 'add', 'brief');
	$p->postroom_ok('group', 'delete', 'brief');
	refused(qr/there is no group "brief"/, 'group', 'delete', 'brief');
};

subtest 'mappings' => sub {
	$p->postroom_ok('mapping', 'add', 'sales', $_) for 'anna', 'kate', 'partner@Elsewhere.EXAMPLE';
	$p->postroom_ok('mapping', 'add', 'info@OTHER.org', 'kate@mycompany.test');
	is_deeply $p->postroom_json('mapping', 'list'), [
		map { { pattern => $_->[0], target => $_->[1], type => 'always', collector => 0, comment => '' } }
			['info@other.org', 'kate'], ['sales', 'anna'], ['sales', 'kate'], ['sales', 'partner@elsewhere.example'],
	], 'list, in normal form';
	refused(qr/exists already/, 'mapping', 'add', 'SALES', 'Anna');
	refused(qr/there is no user, list or group "nobody"/, 'mapping', 'add', 'x', 'nobody');
	refused(qr/is an address of this server, but.*no user, list or group "nobody"/, 'mapping', 'add', 'x', 'nobody@other.org');
	refused(qr/neither a name of this server nor an address/, 'mapping', 'add', 'x', '@other.org');
	refused(qr/points to a remote address at elsewhere\.example/, 'domain', 'add', 'elsewhere.example');
	refused(qr/there is no mapping/, 'mapping', 'delete', 'sales', 'joe');
	$p->postroom_ok('user', 'rename', 'kate', 'katherine');
	my @targets = map { $_->{target} } @{ $p->postroom_json('mapping', 'list') };
	is_deeply \@targets, [qw(katherine anna katherine partner@elsewhere.example)], 'a mapping follows its user';
	like $p->postroom_ok('resolve', 'sales@mycompany.test'), qr/-> user \d+ anna \(mapping sales\)$/m, 'resolve explains';
	my ($status, undef, $err) = $p->postroom('resolve', 'nobody@mycompany.test');
	is $status, 1, 'resolve of an address that nobody has';
	like $err, qr/leads to nobody/, 'says so';
	$p->postroom_ok('user', 'rename', 'katherine', 'kate');
};

subtest 'domains' => sub {
	refused(qr/is not a domain/, 'domain', 'add', $_) for 'a b', 'a..b', '[192.0.2.1]', '';
	$p->postroom_ok('domain', 'add', "b\x{c3}\x{bc}cher.example");
	is_deeply [map { $_->{name} } @{ $p->postroom_json('domain', 'list') }],
		[qw(mycompany.test other.org xn--bcher-kva.example)], 'as A-labels';
	refused(qr/choose another default first/, 'domain', 'delete', 'mycompany.test');
	$p->postroom_ok('domain', 'default', 'other.org');
	my ($default) = grep { $_->{default} } @{ $p->postroom_json('domain', 'list') };
	is $default->{name}, 'other.org', 'another default';
	$p->postroom_ok('domain', 'default', 'mycompany.test');
	$p->postroom_ok('domain', 'delete', 'xn--bcher-kva.example');
	refused(qr/there is no domain/, 'domain', 'delete', 'xn--bcher-kva.example');
};

subtest 'senders' => sub {
	refused(qr/needs a server/, 'sender', 'add', 'smart', '--method', 'relay');
	refused(qr/takes none/, 'sender', 'add', 'smart', '--servers', 'mail.isp.example');
	refused(qr/a user name needs a password/, 'sender', 'add', 'smart', '--method', 'relay', '--servers', 'mail.isp.example',
		'--user', 'me');
	refused(qr/port of "mail\.isp\.example:x"/, 'sender', 'add', 'smart', '--method', 'relay', '--servers', 'mail.isp.example:x');
	refused(qr/encryption must be none, starttls-if-available/, 'sender', 'set', 'default', '--encryption', 'ssl');
	$p->postroom_ok({ stdin => "isp-Pw\n" }, 'sender', 'add', 'smart', '--method', 'relay', '--servers',
		'Mail.ISP.example:587, [2001:db8::1]', '--encryption', 'tls', '--verify', 'on', '--user', 'me', '--password-stdin');
	my ($smart) = grep { $_->{name} eq 'smart' } @{ $p->postroom_json('sender', 'list') };
	is_deeply $smart, { name => 'smart', method => 'relay', servers => 'mail.isp.example:587,[2001:db8::1]', encryption => 'tls',
		verify => JSON::PP::true, username => 'me', password => JSON::PP::true }, 'list';
	$p->postroom_ok('sender', 'set', 'smart', '--verify', 'off');
	($smart) = grep { $_->{name} eq 'smart' } @{ $p->postroom_json('sender', 'list') };
	ok !$smart->{verify} && $smart->{password} && $smart->{username} eq 'me', 'what is not given stays';
	refused(qr/there is no sender "other"/, 'sender', 'delete', 'other');
};

sub exported { my ($from, @more) = @_; return $from->postroom_ok('export', @more) }

subtest 'export and import' => sub {
	my $other = Postroom::Test->start(domain => 'new.test', run => 0);
	$other->postroom_ok('user', 'add', 'bob', '--no-password');
	my $text = exported($p, '--passwords');
	unlike exported($p), qr/password-hash/, 'no hashes unless asked';
	unlike $text, qr/isp-Pw/, 'no password of a sender';
	my ($status, undef, $err) = $other->postroom({ stdin => $text }, 'import', '-');
	is $status, 1, 'users are not deleted unless asked';
	like $err, qr/lacks the user bob.*--delete-users/, 'says so';
	my $before = exported($other);
	like $other->postroom_ok({ stdin => $text }, 'import', '--check', '--delete-users', '-'),
		qr/^user kate added\n.*nothing was changed/ms, '--check shows what would change';
	is exported($other), $before, 'and changes nothing';
	my $changes = $other->postroom_ok({ stdin => $text }, 'import', '--delete-users', '-');
	like $changes, qr/^\Q$_\E/m, $_ for 'domain other.org added', 'domain new.test deleted', 'user bob deleted',
		'mapping sales to anna added', 'sender smart needs its password';
	is exported($other, '--passwords'), $text, 'the round trip gives the same text';
	$other->run;
	like $other->pop3->login('kate', 'kates-Pw'), qr/\A\+OK/, 'passwords came along';

	my $now = exported($other, '--passwords');
	for my $wrong (["[settings]\nsmtp.timeout = 60\nsmtp.timeot = 60\n", qr/import:\d+: there is no setting "smtp\.timeot"/],
		["[user]\nenabled = on\n", qr/import:\d+: a \[user\] begins with its name/],
		["[user]\nname = eve\ngroups = staff, none\n", qr/import:\d+: there is no group "none"/],
		["[mapping]\npattern = a\ntarget = nobody\n", qr/import:\d+: there is no user, list or group "nobody"/],
		["[user]\nname = kate\n", qr/import:\d+: "kate" stands in the text twice/],
		["nonsense\n", qr/import:\d+: expected key = value/]) {
		($status, undef, $err) = $other->postroom({ stdin => "[settings]\n\n$text$wrong->[0]" }, 'import', '-');
		is $status, 1, "refused: $wrong->[0]";
		like $err, $wrong->[1], 'says why, and where';
	}
	is exported($other, '--passwords'), $now, 'nothing of a refused import is kept';
	$other->stop;
};

sub openssl { my ($status, $out, $err) = run_program({}, 'openssl', @_); die "openssl @_: $err" if $status; return $out }

# A root, an issuer signed by it, a server certificate signed by that: the chain as a server needs it.
sub make_chain {
	my $name = 'mail.example.test';
	write_file("$scratch/ca.ext", "basicConstraints=critical,CA:TRUE\n");
	write_file("$scratch/server.ext", "subjectAltName=DNS:$name\n");
	openssl(qw(req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=root -keyout), "$scratch/root.key",
		'-out', "$scratch/root.pem");
	my @parts = (['issuer', 'root', '/CN=issuer', 'ca.ext'], ['server', 'issuer', "/CN=$name", 'server.ext']);
	for my $part (@parts) {
		my ($file, $by, $subject, $extensions) = @$part;
		openssl(qw(req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj), $subject, '-keyout', "$scratch/$file.key",
			'-out', "$scratch/$file.csr");
		openssl('x509', '-req', '-in', "$scratch/$file.csr", '-CA', "$scratch/$by.pem", '-CAkey', "$scratch/$by.key", '-days', 30,
			'-extfile', "$scratch/$extensions", '-out', "$scratch/$file.pem");
	}
	write_file("$scratch/chain.pem", read_file("$scratch/server.pem") . read_file("$scratch/issuer.pem"));
	write_file("$scratch/reversed.pem", read_file("$scratch/issuer.pem") . read_file("$scratch/server.pem"));
	write_file("$scratch/truncated.pem", substr read_file("$scratch/server.pem"), 0, 300);
}

sub shown_chain {
	my ($protocol, $service) = @_;
	my (undef, $out) = run_program({ stdin => "QUIT\n" }, 'openssl', 's_client', '-starttls', $protocol, '-showcerts',
		'-CAfile', "$scratch/root.pem", '-connect', $p->host . ':' . $p->port($service));
	return $out;
}

subtest '01-19.1 05-1.1 without a certificate no encryption is offered, and none can be required' => sub {
	ok exists $p->smtp->ehlo->{STARTTLS}, 'there is one at first';
	$p->postroom_ok('service', 'encryption', 'pop3', 'required');
	refused(qr/the service pop3 requires the certificate/, 'tls', 'remove');
	$p->postroom_ok('service', 'encryption', 'pop3', 'optional');
	$p->postroom_ok('tls', 'remove');
	refused(qr/no certificate is installed/, 'tls', 'show');
	$p->postroom_ok('reload');
	$p->wait_for(sub { my $smtp = eval { $p->smtp } or return; $smtp->code == 220 && !exists $smtp->ehlo->{STARTTLS} },
		'EHLO has no STARTTLS');
	$p->wait_for(sub { my $pop3 = eval { $p->pop3 } or return; my $capa = $pop3->capa; %$capa && !exists $capa->{STLS} },
		'CAPA has no STLS');
	for my $service ('smtp', 'submission', 'pop3', 'imap') {
		refused(qr/encryption $_ is not possible: no certificate is installed/, 'service', 'encryption', $service, $_) for 'required', 'tls';
	}
	my ($pop3) = grep { $_->{name} eq 'pop3' } @{ $p->postroom_json('service', 'list') };
	is $pop3->{encryption}, 'optional', 'nothing changed';
};

subtest '01-19.2 a pair that is installed is served in full; existing sessions survive' => sub {
	make_chain();
	my $session = $p->smtp;
	$p->set('tls.validate' => 'off'); # its root is known to nobody
	like $p->postroom_ok('tls', 'install', "$scratch/chain.pem", "$scratch/server.key"), qr/installed/, 'installed';
	like $p->postroom_ok('tls', 'show'), qr/CN = mail\.example\.test.*Issuer:.*CN = issuer/s, 'shown';
	$p->wait_for(sub { exists $p->smtp->ehlo->{STARTTLS} }, 'EHLO has STARTTLS');
	$p->wait_for(sub { exists $p->pop3->capa->{STLS} }, 'CAPA has STLS');
	for my $case (['smtp', 'smtp'], ['pop3', 'pop3']) {
		my $shown = shown_chain(@$case);
		is scalar(() = $shown =~ /BEGIN CERTIFICATE/g), 2, "$case->[0]: both certificates";
		like $shown, qr/Verify return code: 0 \(ok\)/, "$case->[0]: they verify";
	}
	is $session->cmd('NOOP'), 250, 'the session from before goes on';
};

subtest '01-19.3 05-1.6 what does not fit is refused with its reason, and the old pair stays' => sub {
	my $before = $p->postroom_ok('tls', 'show');
	refused(qr/the key does not match/, 'tls', 'install', "$scratch/chain.pem", "$scratch/root.key");
	refused(qr/truncated/, 'tls', 'install', "$scratch/truncated.pem", "$scratch/server.key");
	refused(qr/out of order/, 'tls', 'install', "$scratch/reversed.pem", "$scratch/issuer.key");
	refused(qr/cannot open/, 'tls', 'install', "$scratch/none.pem", "$scratch/server.key");
	is $p->postroom_ok('tls', 'show'), $before, 'the same as before';
	like shown_chain('smtp', 'smtp'), qr/Verify return code: 0 \(ok\)/, 'and served';
	$p->postroom_ok('tls', 'self-signed');
	$p->wait_for(sub { shown_chain('smtp', 'smtp') =~ /self-signed certificate/ }, 'a self-signed pair is accepted and served');
};

subtest 'certificates for further names' => sub {
	refused(qr/not a host name/, 'tls', 'self-signed', '--name', '../x');
	$p->postroom_ok('tls', 'self-signed', '--name', 'Pop.Example.test');
	like $p->postroom_ok('tls', 'show', '--name', 'pop.example.test'), qr/CN = pop\.example\.test/, 'shown';
	$p->wait_for(sub {
		my (undef, $out) = run_program({ stdin => "QUIT\n" }, 'openssl', 's_client', '-starttls', 'smtp', '-servername',
			'pop.example.test', '-connect', $p->host . ':' . $p->port('smtp'));
		return $out =~ /subject=CN = pop\.example\.test/;
	}, 'served to who asks for it');
	$p->postroom_ok('tls', 'remove', '--name', 'pop.example.test');
	refused(qr/no certificate is installed for pop/, 'tls', 'show', '--name', 'pop.example.test');
};

subtest 'a stopped instance: settings change, the rest says that it does not run' => sub {
	is_deeply [$p->stop_running], [], 'stopped';
	$p->set('smtp.timeout' => 77);
	is value('smtp.timeout'), 77, 'set and get';
	$p->add_user('late', 'late-Pw');
	for my $arguments (['status'], ['stop'], ['reload'], ['queue', 'list'], ['resolve', 'anna@mycompany.test']) {
		my ($status, undef, $err) = $p->postroom(@$arguments);
		is $status, 3, "@$arguments";
		like $err, qr/not running/, 'says so';
	}
	$p->wait_for(sub { !%{ $p->processes } }, 'nothing stays behind');
	$p->run;
	is value('smtp.timeout'), 77, 'the change is there after the start';
	like $p->pop3->login('late', 'late-Pw'), qr/\A\+OK/, 'so is the user';
};

subtest 'changes survive a crash of configd' => sub {
	for my $round (1 .. 5) {
		$p->set('smtp.timeout' => 100 + $round);
		my $pid = $p->kill_daemon('configd');
		$p->wait_for(sub { my $now = $p->main_pid('configd'); $now && $now != $pid }, 'configd is started again');
		$p->wait_for(sub { ($p->postroom('get', 'smtp.timeout'))[1] eq 100 + $round . "\n" }, "round $round: the change is there");
	}
	pass 'five times';
};

$p->stop;
done_testing;

#!/usr/bin/perl
# What a taken-over smtpd session could put into its drop: envelopes without the right to relay, with rights of others,
# and things that are no messages. Nothing is relayed, nothing is believed, and the queue goes on. The files are made by
# the user that smtpd runs as.
use strict;
use warnings;
use lib 't/lib';
use Digest::SHA qw(hmac_sha256_hex);
use Postroom::Process qw(read_file run_program wait_until);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;
use Time::HiRes qw(time);

my $p = Postroom::Test->start(users => { anna => 'anna-secret' }, set => { 'sender.retry' => 600 });
my $spool = $p->dir . '/spool';
my $remote = Postroom::SmtpServer->start;
my $VICTIM = 'victim@remote.test';
my $DAY = 86400;
my $expected = 0; # messages that were really sent

$p->postroom_ok(qw(sender set default --method relay --encryption none --servers), $remote->address);

sub as_smtpd {
	my ($script, %options) = @_;
	my ($status, undef, $err) = run_program({ stdin => $options{stdin}, ($> == 0 ? (user => 'postroom-smtp') : ()) },
		'sh', '-c', "umask 027; cd \"\$1\" || exit; $script", 'sh', "$spool/smtpd", $options{name} // 'none');
	is $status, 0, "smtpd's user can make it" or diag $err;
	return;
}

my $count = 0;

sub new_id {
	my (%options) = @_;
	return sprintf '%013x-smtpd-%08x', ($options{time} // time) * 1_000_000, ++$count;
}

# An envelope with these keys in place of those of a message that came from the Internet; undef leaves one out.
sub envelope {
	my (%keys) = @_;
	my %all = (producer => 'smtpd', time => int(time * 1_000_000), service => 'smtp', from => 'forger@example.test',
		protocol => 'ESMTP', peer => '192.0.2.1', helo => 'forger.test', %keys);
	my $to = delete $all{to} // [$VICTIM];
	return join('', map { "$_: $all{$_}\n" } grep { defined $all{$_} } sort keys %all) . join('', map { "to: <$_>\n" } @$to)
		. "\nSubject: forged\r\n\r\nforged\r\n";
}

sub plant {
	my (%keys) = @_;
	my $id = $keys{id} //= new_id();
	as_smtpd('cat >tmp/forged && mv tmp/forged "new/$2"', name => $id, stdin => envelope(%keys));
	return $id;
}

sub refused {
	my ($what, %keys) = @_;
	my $id = plant(%keys);
	$p->wait_log(qr/id=\Q$id\E to=<\Q$VICTIM\E> no right to relay/);
	$p->wait_for(sub { !-e "$spool/active/$id" && !-e "$spool/smtpd/new/$id" }, "$what: gone from the queue");
	pass "not relayed: $what";
	return;
}

# A message that was allowed, as it lies in the queue while the remote server does not take it; its keys.
sub allowed_envelope {
	my (%options) = @_;
	$remote->set_reply(MAIL => '451 4.3.0 later');
	my $smtp = $p->smtp(%options);
	if ($options{login}) {
		$smtp->ehlo;
		$smtp->starttls;
		$smtp->ehlo;
		is $smtp->auth('PLAIN', 'anna', 'anna-secret'), 235, 'logged in';
	}
	like $smtp->send_message('anna@example.test', ['friend@remote.test'], "Subject: honest\n\nbody\n"), qr/\A250/, 'taken';
	my ($id) = $smtp->last =~ /queued as (\S+)/;
	$p->wait_log(qr/id=\Q$id\E to=<friend\@remote\.test> .*deferred/);
	my ($head) = read_file("$spool/active/$id") =~ /\A(.*?)\n\n/s;
	$remote->set_reply(MAIL => undef);
	$p->postroom_ok('queue', 'delete', $id);
	return { map { /\A(\w+): (.*)\z/ ? ($1 => $2) : () } split /\n/, $head };
}

subtest 'an envelope forged in the drop without the token is not relayed' => sub {
	refused('no token');
	refused('with the peer of a relay network', peer => '127.0.0.1');
	refused('a local program', peer => 'local', service => 'local');
	refused('a user without a token', user => 'anna', service => 'submission');
	refused('as if the queue-manager had made it', parent => new_id() . '/bounce', from => undef);
	refused('an empty user', user => ' ');
};

subtest 'a token that is none' => sub {
	my $now = int time;
	my $parts = join '', map { length($_) . ":$_" } 'smtp', '127.0.0.1', '';
	my %tokens = (
		'zeros'                     => "smtpd:$now:" . '0' x 64,
		'nothing behind the time'   => "smtpd:$now:",
		'no time'                   => 'smtpd::' . '0' x 64,
		'only an issuer'            => 'smtpd',
		'an unknown issuer'         => "nobody:$now:" . '0' x 64,
		'no issuer'                 => ":$now:" . '0' x 64,
		'a MAC without a key'       => "smtpd:$now:" . hmac_sha256_hex("5:smtpd$now;$parts", ''),
		'a MAC with a key of zeros' => "smtpd:$now:" . hmac_sha256_hex("5:smtpd$now;$parts", "\0" x 32),
		'a time too large'          => 'smtpd:99999999999999999999999:' . '0' x 64,
		'a long one'                => 'smtpd:' . 'x' x 100_000,
	);
	refused($_, token => $tokens{$_}, peer => '127.0.0.1') for sort keys %tokens;
};

subtest 'a token of another connection' => sub {
	for my $case ([address => {}, 'smtpd'], [login => { service => 'submission', login => 1 }, 'authd']) {
		my ($name, $options, $issuer) = @$case;
		my $stolen = allowed_envelope(%$options);
		my %right = map { $_ => $stolen->{$_} } grep { defined $stolen->{$_} } qw(token service peer user);
		like $right{token}, qr/\A$issuer:\d+:[0-9a-f]{64}\z/, "a token of $issuer";
		refused("$name: another peer", %right, peer => '192.0.2.1');
		refused("$name: another service", %right, service => 'smtps');
		refused("$name: another user", %right, user => 'postmaster');
		refused("$name: another issuer", %right, token => $right{token} =~ s/\A\w+/$issuer eq 'authd' ? 'smtpd' : 'authd'/er);
		refused("$name: a later time in it", %right, token => $right{token} =~ s/:(\d+):/':' . ($1 + 5) . ':'/er);
		refused("$name: parts moved to the next", %right, service => "$right{service}$right{peer}", peer => undef);
		refused("$name: after its life", %right, time => int((time + $DAY + 10) * 1_000_000));
		refused("$name: before it was made", %right, time => int((time - $DAY) * 1_000_000));
		refused("$name: cut short", %right, token => substr $right{token}, 0, -1);
	}
};

sub aside {
	my ($what, $pattern, $count_of) = @_;
	$p->wait_for(sub { my @found = grep { $_ =~ $pattern } glob "$spool/corrupt/*"; @found >= ($count_of // 1) }, "$what is set aside");
	pass "set aside: $what";
	return;
}

subtest 'envelopes that contradict themselves' => sub {
	for my $case (
		['another id inside', sub { my $id = new_id(); as_smtpd('cat >tmp/f && mv tmp/f "new/$2"', name => $id, stdin => envelope(id => new_id())); $id }],
		['two tokens', sub { my $id = new_id(); as_smtpd('cat >tmp/f && mv tmp/f "new/$2"', name => $id,
			stdin => "token: a\ntoken: b\n" . envelope(id => $id)); $id }],
		['a NUL in it', sub { plant(helo => "a\0b") }],
		['a bare CR in it', sub { plant(helo => "a\rtoken: x") }],
		['another producer', sub { plant(producer => 'queue-manager') }],
		['no recipients', sub { plant(to => []) }],
		['no end', sub { my $id = new_id(); as_smtpd('cat >tmp/f && mv tmp/f "new/$2"', name => $id, stdin => "id: $id\n"); $id }],
		['nothing in it', sub { my $id = new_id(); as_smtpd('cat >tmp/f && mv tmp/f "new/$2"', name => $id, stdin => ''); $id }],
		['a huge envelope', sub { my $id = new_id(); as_smtpd('{ printf "x: "; head -c 70000000 /dev/zero | tr "\0" a; } >tmp/f &&
			mv tmp/f "new/$2"', name => $id); $id }],
		['a hundred thousand recipients and one more', sub { plant(to => [map { "u$_\@example.test" } 0 .. 100_000]) }],
	) {
		my ($what, $make) = @$case;
		my $id = $make->();
		aside($what, qr{/\Q$id\E});
	}
};

subtest 'things that are no messages of this drop' => sub {
	my $before = () = glob "$spool/corrupt/*";
	as_smtpd('cat >tmp/f && mv tmp/f "new/$2"', name => $_, stdin => envelope(id => new_id()))
		for 'not-an-id', "line\nid=fake set aside", 'x' x 255, new_id() =~ s/smtpd/queue-manager/r, uc new_id();
	aside('files of other names', qr{/smtpd\.}, 5);
	unlike $p->log, qr/^id=fake/m, 'a name cannot forge a line of the log';
	my $id = new_id();
	as_smtpd('cat >tmp/f && ln tmp/f tmp/other && mv tmp/f "new/$2"', name => $id, stdin => envelope(id => $id, to => ['anna@example.test']));
	$p->wait_log(qr/has more than one name/);
	as_smtpd('rm -f tmp/other');
	for my $special (['mkfifo "new/$2"', 'a FIFO'], ['ln -s /etc/passwd "new/$2"', 'a symbolic link'], ['mkdir "new/$2"', 'a folder'],
		["ln -s ../../../etc/keys/relay-smtpd.key \"new/\$2\"", 'a link to a key']) {
		my ($script, $what) = @$special;
		$id = new_id();
		as_smtpd($script, name => $id);
		$p->wait_log(qr/\Q$id\E (?:is refused|set aside)/);
		pass "refused: $what";
		as_smtpd('rm -rf "new/$2"', name => $id);
	}
	as_smtpd('cat >tmp/f && chmod 0 tmp/f && mv tmp/f "new/$2"', name => new_id(), stdin => envelope()) if $> == 0;
	as_smtpd('cat >"new/$2"', name => '.hidden', stdin => envelope(id => new_id()));
};

subtest 'the id of a message that waits' => sub {
	$remote->set_reply(MAIL => '451 4.3.0 later');
	like $p->smtp->send_message('anna@example.test', ['friend@remote.test'], "Subject: honest\n\nhonest\n"), qr/\A250/, 'a message';
	my $id = wait_until(sub { my ($path) = glob "$spool/active/*"; $path }, 'it waits') =~ s{.*/}{}r;
	plant(id => $id, to => ['anna@example.test']);
	$p->wait_log(qr/id=\Q$id\E set aside.*its id is in the queue already/);
	$remote->set_reply(MAIL => undef);
	$p->postroom_ok('queue', 'retry', $id);
	my @messages = $remote->wait_messages(++$expected);
	like $messages[-1]{data}, qr/honest\r\n\z/, 'goes out as it was';
};

subtest 'after all that' => sub {
	my $pop3 = $p->pop3;
	$pop3->login('anna', 'anna-secret');
	is_deeply [$pop3->stat], [0, 0], 'anna has nothing of it';
	$pop3->quit;
	is scalar(my @sent = $remote->messages), $expected, 'nothing forged has gone out';
	ok !(grep { grep { /RCPT TO:<\Q$VICTIM\E>/ } $_ } $remote->commands), 'and nobody tried';
	$p->wait_for(sub { !@{ $p->queue } }, 'the queue is empty');
	like $p->smtp->send_message('a@x.test', ['anna@example.test'], "Subject: x\n\nx\n"), qr/\A250/, 'mail is still taken';
	$p->wait_for(sub { my $again = $p->pop3; $again->login('anna', 'anna-secret'); my ($n) = $again->stat; $again->quit; $n == 1 },
		'it arrives');
	$remote->stop;
};

$p->stop;
done_testing;

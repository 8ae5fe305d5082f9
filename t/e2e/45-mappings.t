#!/usr/bin/perl
# Mappings: patterns, targets, types, the table, and what strangers and our own senders reach by them.
use strict;
use warnings;
use JSON::PP qw(decode_json);
use lib 't/lib';
use Postroom::Process qw(write_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

my @USERS = qw(albert bob bob1 fax fred fred.a fred.b joe kate sales);
my $sink = Postroom::SmtpServer->start;
my $p = Postroom::Test->start(
	domain => 'example.test', domains => ['example.org'],
	users => { map { $_ => "$_-secret" } @USERS },
	relay => ['127.0.0.9'],
);
$p->postroom_ok('sender', 'set', 'default', '--method', 'relay', '--servers', '127.0.0.1:' . $sink->port, '--encryption', 'none');

# Send to each address, from a client that may not relay (or may); the replies to RCPT.
sub send_by {
	my ($client, @addresses) = @_;
	my $smtp = $p->smtp(local => $client);
	$smtp->ehlo('client.test');
	$smtp->cmd('MAIL FROM:<someone@outside.test>');
	my @replies = map { $smtp->cmd("RCPT TO:<$_>"); $smtp->last } @addresses;
	$smtp->data("To: x\@example.test\nSubject: test\n\nbody\n") if grep { /\A250/ } @replies;
	$smtp->quit;
	return @replies;
}
sub from_outside { return send_by('127.0.0.1', @_) }
sub from_inside { return send_by('127.0.0.9', @_) }

# How many messages each user has by now; they are deleted. Only users with mail are named.
sub counts {
	my %counts;
	$p->wait_for(sub { !@{ $p->queue } }, 'all is delivered', 20);
	for my $user (@USERS) {
		my $pop3 = $p->pop3;
		$pop3->login($user, "$user-secret");
		my ($count) = $pop3->stat;
		$counts{$user} = $count if $count;
		$pop3->cmd("DELE $_") for 1 .. $count;
		$pop3->quit;
	}
	return \%counts;
}

sub map_address { return $p->postroom_ok('mapping', 'add', @_) }
sub unmap { return $p->postroom_ok('mapping', 'delete', @_) }
sub unmap_all { return $p->postroom_ok({ stdin => '' }, 'mapping', 'import', '--replace', '-') }

# What an address comes to, by the resolver alone: its kind and targets.
sub resolved {
	my (@arguments) = @_;
	my (undef, $out) = $p->postroom('resolve', @arguments, '--json');
	my $answer = decode_json($out);
	return join q{ }, $answer->{kind}, sort map { $_->{target} =~ s{\A(user) \d+}{$1}r } @{ $answer->{targets} };
}

sub refused {
	my ($pattern, @command) = @_;
	my ($status, undef, $err) = $p->postroom(@command);
	is $status, 1, "refused: @command";
	like $err, $pattern, 'says why';
	return;
}

subtest '03-8.1 01-10.2 a mapping takes the mail of a user of that name' => sub {
	map_address('sales', 'albert');
	is_deeply [from_outside('sales@example.test')], ['250 2.1.5 OK'], 'accepted';
	is_deeply counts(), { albert => 1 }, 'albert alone';
	map_address('sales', 'sales');
	from_outside('sales@example.org');
	is_deeply counts(), { albert => 1, sales => 1 }, 'both';
	unmap_all();
};

subtest '03-8.2 01-10.5 a wildcard takes everything of a domain' => sub {
	map_address('*@example.test', 'bob');
	from_outside('kate@example.test');
	is_deeply counts(), { bob => 1 }, 'bob alone';
	map_address('kate@example.test', 'kate');
	from_outside('kate@example.test', 'bob@example.test');
	is_deeply counts(), { bob => 1, kate => 1 }, 'both, one copy each';
	from_outside('kate@example.org');
	is_deeply counts(), { kate => 1 }, 'another domain is not concerned';
	unmap_all();
};

subtest '03-8.3 01-10.4 a tilde takes what is left over' => sub {
	map_address('~@example.test', 'joe');
	my @replies = from_outside('kate@example.test', 'nobody@example.test', 'nobody@example.org');
	is_deeply [@replies[0, 1]], [('250 2.1.5 OK') x 2], 'both exist';
	like $replies[2], qr/\A550 5\.1\.1 /, 'nobody elsewhere';
	is_deeply counts(), { joe => 1, kate => 1 }, 'each where it should';
	unmap_all();
};

subtest '03-8.4 01-10.7 07-1.6 an address that is elsewhere' => sub {
	map_address('mark', '*REMOTE');
	like((from_outside('mark@example.test'))[0], qr/\A550 5\.1\.1 /, 'strangers: unknown');
	is_deeply [from_inside('mark@example.test', 'joe@example.test')], [('250 2.1.5 OK') x 2], 'our own senders: accepted';
	is_deeply counts(), { joe => 1 }, 'one recipient is here';
	my @messages = $sink->wait_messages(1);
	is_deeply $messages[-1]{to}, ['mark@example.test'], 'the other was sent out';
	is resolved('mark@example.test', '--via', 'pop3'), 'local discard the recipient is elsewhere', 'collected: ignored';
	is resolved('joe@example.test', '--via', 'pop3'), 'local user joe', 'and another recipient is not concerned';
	unmap_all();
};

subtest '03-8.5 a mapping of one collector' => sub {
	map_address('info', 'fred', '--type', 'pop3', '--collector', 2);
	is resolved('info@example.test'), 'unknown', 'not by SMTP';
	is resolved('info@example.test', '--via', 'pop3', '--collector', 1), 'unknown', 'not by another collector';
	is resolved('info@example.test', '--via', 'pop3', '--collector', 2), 'local user fred', 'but by its own';
	map_address('info', 'joe', '--type', 'smtp');
	is resolved('info@example.test'), 'local user joe', 'and one of SMTP';
	unmap_all();
};

subtest '03-8.6 01-10.8 a mapping of a sender' => sub {
	map_address('customer@ourclient.test', 'fred', '--type', 'from');
	is resolved('--from', 'customer@ourclient.test', '--via', 'pop3'), 'local user fred', 'collected';
	is resolved('nobody@example.test', '--from', 'customer@ourclient.test', '--via', 'pop3'), 'local user fred', 'also without a recipient here';
	is resolved('kate@example.test', '--from', 'customer@ourclient.test', '--via', 'pop3'), 'local user fred user kate', 'beside one';
	is resolved('nobody@example.test', '--from', 'customer@ourclient.test'), 'unknown', 'not by SMTP';
	is resolved('customer@ourclient.test'), 'remote remote customer@ourclient.test', 'and not as a recipient';
	unmap_all();
};

subtest '03-8.7 07-1.3 01-10.10 default mappings are off' => sub {
	$p->set('local.default-mappings' => 'off');
	map_address('bob@example.test', 'bob1');
	map_address('bob@example.org', 'bob');
	my @replies = from_outside('bob1@example.test', 'bob@example.test', 'bob@example.org');
	like $replies[0], qr/\A550 5\.1\.1 /, 'a name alone';
	is_deeply counts(), { bob => 1, bob1 => 1 }, 'mapped ones';
	is resolved('bob1@example.test', '--via', 'pop3'), 'local user bob1', 'collected mail has options of its own';
	$p->set('local.default-mappings' => 'on');
	unmap_all();
};

subtest '03-8.8 the table' => sub {
	write_file($p->dir . '/table.csv', <<"END");
info\@example.test,albert
shop,fred,"the shop, from ""9"" on",POP3,3
bad,nobody
other,kate,,Sometimes
another,kate,,Normal,x
short
info\@example.test,Albert
gone,*remote,,normal,all
END
	my ($status, $out, $err) = $p->postroom('mapping', 'import', $p->dir . '/table.csv');
	is $status, 1, 'some rows were refused';
	is $err, <<'END', 'each with its line';
line 3: there is no user, list or group "nobody"
line 4: the type is always (Normal), pop3, smtp or from, not "Sometimes"
line 5: the collector is a number, or ALL, not "x"
line 6: it has 1 columns; address, target, comment, type and collector are known
END
	like $out, qr/^3 added, 1 there already, 4 refused$/, 'the others are in';
	is_deeply [map { [@$_{qw(pattern target type collector comment)}] } @{ $p->postroom_json('mapping', 'list') }],
		[['gone', '*REMOTE', 'always', 0, ''], ['info@example.test', 'albert', 'always', 0, ''],
		['shop', 'fred', 'pop3', 3, 'the shop, from "9" on']], 'with their defaults';
	my $table = $p->postroom_ok('mapping', 'export');
	is $table, join("\r\n", 'gone,*REMOTE,,Normal,ALL', 'info@example.test,albert,,Normal,ALL',
		'shop,fred,"the shop, from ""9"" on",POP3,3', ''), 'export';
	unmap_all();
	$p->postroom_ok({ stdin => $table }, 'mapping', 'import', '--strict', '-');
	is $p->postroom_ok('mapping', 'export'), $table, 'and back';
	($status, undef, $err) = $p->postroom({ stdin => "a,kate\nb,nobody\n" }, 'mapping', 'import', '--strict', '--replace', '-');
	is $status, 1, 'strict: refused';
	like $err, qr/line 2:.*nothing was changed/s, 'says so';
	is $p->postroom_ok('mapping', 'export'), $table, 'nothing was changed';
	unmap_all();
};

subtest '03-8.9 01-10.9 a foreign address' => sub {
	map_address('x@elsewhere.test', 'fred');
	is_deeply [from_outside('x@elsewhere.test')], ['250 2.1.5 OK'], 'strangers may send to it';
	from_inside('x@elsewhere.test');
	is_deeply counts(), { fred => 2 }, 'delivered to fred';
	map_address('joe@*', 'joe');
	is resolved('joe@far.test'), 'local user joe', 'a wildcard for all domains';
	my (undef, undef, $warning) = $p->postroom('mapping', 'add', 'kate@*', 'kate');
	like $warning, qr/also claims addresses of strangers/, 'warned of';
	unmap_all();
};

subtest '01-10.6 equal names at two domains' => sub {
	map_address('fred@example.test', 'fred.a');
	map_address('fred@example.org', 'fred.b');
	from_outside('fred@example.test');
	is_deeply counts(), { 'fred.a' => 1 }, 'one';
	from_outside('fred@example.org');
	is_deeply counts(), { 'fred.b' => 1 }, 'the other';
	unmap_all();
};

subtest '07-1.1 07-1.2 unknown recipients of local senders may be sent out' => sub {
	is_deeply [from_inside('bob@example.org')], ['250 2.1.5 OK'], 'bob';
	is_deeply counts(), { bob => 1 }, 'is here';
	like((from_inside('nobody@example.test'))[0], qr/\A550 5\.1\.1 /, 'nobody: refused');
	$p->set('local.send-unknown-out' => 'on');
	is_deeply [from_inside('nobody@example.test')], ['250 2.1.5 OK'], 'accepted';
	like((from_outside('nobody@example.test'))[0], qr/\A550 5\.1\.1 /, 'but not of strangers');
	my @messages = $sink->wait_messages(2);
	is_deeply $messages[-1]{to}, ['nobody@example.test'], 'sent out';
	$p->set('local.send-unknown-out' => 'off');
};

subtest '07-1.5 one default domain' => sub {
	refused(qr/is not a domain|no pattern/, 'domain', 'default', 'a.test;b.test');
	my ($default) = grep { $_->{default} } @{ $p->postroom_json('domain', 'list') };
	is $default->{name}, 'example.test', 'the old one stays';
};

subtest '07-1.7 one message to here and there' => sub {
	from_inside('kate@example.test', 'far@away.test');
	is_deeply counts(), { kate => 1 }, 'one copy here';
	my @messages = $sink->wait_messages(3);
	is_deeply $messages[-1]{to}, ['far@away.test'], 'and one there, with its recipient alone';
};

subtest '07-11.1 07-11.2 07-11.3 fax numbers' => sub {
	my $number = '"+44(1234)567890"@example.test';
	like((from_inside('100@example.test'))[0], qr/\A550 /, 'no mailbox: unknown');
	refused(qr/must be a user/, 'set', 'fax.mailbox', 'nobody');
	$p->set('fax.mailbox' => 'fax');
	like((from_outside($number))[0], qr/\A550 /, 'strangers: unknown');
	is_deeply [from_inside($number, '0123@example.org')], [('250 2.1.5 OK') x 2], 'our own: accepted';
	like((from_inside('0123x@example.test'))[0], qr/\A550 /, 'no number');
	is_deeply counts(), { fax => 1 }, 'delivered to the mailbox';
	$p->set('fax.external-access' => 'on');
	is_deeply [from_outside($number)], ['250 2.1.5 OK'], 'strangers may, too';
	is_deeply counts(), { fax => 1 }, 'delivered';
	$p->add_user('100', '100-secret');
	is resolved('100@example.test'), 'local user 100', 'a user of that name comes first';
};

subtest '01-21.1 01-21.2 01-21.3 01-21.4 mail from outside' => sub {
	my @replies = from_outside('kate@example.test', 'nobody@example.test', 'x@other.test');
	is $replies[0], '250 2.1.5 OK', 'a user';
	like $replies[1], qr/\A550 5\.1\.1 Recipient not recognised/, 'nobody';
	like $replies[2], qr/\A5[35]0 /, 'no relay';
	is_deeply counts(), { kate => 1 }, 'an envelope recipient needs no header field';
	map_address('info@my.test', 'kate');
	@replies = from_outside('info@my.test', 'other@my.test');
	is $replies[0], '250 2.1.5 OK', 'a mapping makes an address local';
	unlike $replies[1], qr/\A250/, 'and no other';
	is_deeply counts(), { kate => 1 }, 'delivered';
	$p->set('smtp.reject-unknown' => 'off');
	is_deeply [from_outside('nobody@example.test')], ['250 2.1.5 OK'], 'accepted where unknown ones are not refused';
	my @messages = $sink->wait_messages(4);
	is_deeply $messages[-1]{to}, ['someone@outside.test'], 'and reported';
	$p->set('smtp.reject-unknown' => 'on');
	unmap_all();
};

subtest 'local domains may be addresses and patterns' => sub {
	$p->postroom_ok('domain', 'add', $_) for 'kate@single.test', '*.wild.test', '*@whole.test';
	my %answers = ('kate@single.test' => 'local user kate', 'bob@single.test' => 'remote remote bob@single.test',
		'bob@a.wild.test' => 'local user bob', 'bob@wild.test' => 'remote remote bob@wild.test', 'bob@whole.test' => 'local user bob');
	is resolved($_), $answers{$_}, $_ for sort keys %answers;
	refused(qr/is no single domain/, 'domain', 'default', '*.wild.test');
	$p->postroom_ok('domain', 'delete', $_) for 'kate@single.test', '*.wild.test', 'whole.test';
};

subtest 'changes, and what is refused' => sub {
	map_address('shop', 'kate', '--comment', 'the shop');
	$p->postroom_ok('mapping', 'set', 'shop', 'kate', '--target', 'bob', '--type', 'smtp');
	is_deeply $p->postroom_json('mapping', 'list', '--target', 'bob'),
		[{ pattern => 'shop', target => 'bob', type => 'smtp', collector => 0, comment => 'the shop' }], 'changed';
	refused(qr/has no collector/, 'mapping', 'set', 'shop', 'bob', '--collector', 2);
	refused(qr/stands before a domain/, 'mapping', 'add', '~', 'bob');
	refused(qr/must not have wildcards/, 'mapping', 'add', '~@*.test', 'bob');
	refused(qr/no pattern of addresses/, 'mapping', 'add', 'a b*', 'bob');
	refused(qr/server|SMTP:/, 'mapping', 'add', 'lan', 'SMTP:bob@example.com');
	$p->postroom_ok('user', 'delete', 'bob', '--yes');
	is_deeply $p->postroom_json('mapping', 'list'), [], 'who is deleted has no mappings any more';
};

$p->stop;
$sink->stop;
done_testing;

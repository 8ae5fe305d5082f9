#!/usr/bin/perl
# Lists and groups as objects, and who gets what is sent to them: distribution lists, forwardings, groups.
use strict;
use warnings;
use JSON::PP qw(decode_json);
use lib 't/lib';
use Postroom::Process qw(read_file write_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

my @USERS = qw(anna bob fred kate);
my $server = Postroom::SmtpServer->start;
my $p = Postroom::Test->start(
	domain => 'example.test', domains => ['example.org'],
	users => { map { $_ => "$_-secret" } @USERS },
	relay => ['127.0.0.9'],
);
$p->postroom_ok('sender', 'set', 'default', '--method', 'relay', '--servers', '127.0.0.1:' . $server->port, '--encryption', 'none');

my $UNKNOWN = '550 5.1.1 Recipient not recognised';
my $TEXT = "To: somebody\@else.test\nCc: office\@else.test\nSubject: as it is\nFrom: Ann <ann\@outside.test>\n\nbody\n";

# Send to each address, from a client that may relay or one that may not; the replies to RCPT.
sub send_by {
	my ($client, @addresses) = @_;
	my $smtp = $p->smtp(local => $client);
	$smtp->ehlo('client.test');
	$smtp->cmd('MAIL FROM:<ann@outside.test>');
	my @replies = map { $smtp->cmd("RCPT TO:<$_>"); $smtp->last } @addresses;
	$smtp->data($TEXT) if grep { /\A250/ } @replies;
	$smtp->quit;
	return @replies;
}
sub from_outside { return send_by('127.0.0.1', @_) }
sub from_inside { return send_by('127.0.0.9', @_) }

# The messages of each user by now; they are deleted. Only users with mail are named.
sub mail {
	my %mail;
	$p->wait_for(sub { !@{ $p->queue } }, 'all is delivered', 20);
	for my $user (@USERS, 'postmaster') {
		my $pop3 = $p->pop3;
		$pop3->login($user, $user eq 'postmaster' ? $p->password : "$user-secret");
		my ($count) = $pop3->stat;
		$mail{$user} = [map { $pop3->retr($_) } 1 .. $count] if $count;
		$pop3->cmd("DELE $_") for 1 .. $count;
		$pop3->quit;
	}
	return \%mail;
}
sub counts { my $mail = mail(); return { map { $_ => scalar @{ $mail->{$_} } } keys %$mail } }

my $seen = 0;
# The recipients of the messages that were sent out since the last call, each message's sorted.
sub sent_out {
	my ($count) = @_;
	my @messages = $server->wait_messages($seen + $count);
	my @new = @messages[$seen .. $#messages];
	$seen = @messages;
	return map { [sort @{ $_->{to} }] } @new;
}

sub list { return $p->postroom_ok('list', @_) }
sub members { my ($name) = @_; return [map { $_->{address} } @{ $p->postroom_json('list', 'member', 'list', $name) }] }

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

subtest '03-1.1 03-2.1 01-9.1 a distribution list' => sub {
	list('add', 'customers', '--comment', 'who buys', 'fred', 'x@remote.test', 'Anna@Example.Test', 'y@remote.test');
	is_deeply members('customers'), [qw(anna fred x@remote.test y@remote.test)], 'its members by name, or as addresses';
	is_deeply $p->postroom_json('list', 'list'),
		[{ name => 'customers', type => 'distribution', members => 4, public => JSON::PP::false, comment => 'who buys' }], 'listed';
	is_deeply [from_inside('Customers@example.org')], ['250 2.1.5 OK'], 'at any local domain';
	is_deeply [sent_out(1)], [[qw(x@remote.test y@remote.test)]], 'one message to both who are elsewhere';
	my $mail = mail();
	is_deeply { map { $_ => scalar @{ $mail->{$_} } } keys %$mail }, { anna => 1, fred => 1 }, 'a copy to each who is here';
	for my $text (map { @$_ } values %$mail) {
		my ($header, $body) = split /\r?\n\r?\n/, $text, 2;
		like $header, qr/^\Q$_\E\r?$/m, $_ for split /\n/, (split /\n\n/, $TEXT)[0];
		unlike $header, qr/remote\.test|^(?:To|Cc|Bcc):.*(?:anna|fred)/im, 'no member is named';
		like $body, qr/\Abody\r?\n\z/, 'the body as it was';
	}
};

subtest '03-1.2 03-1.3 01-9.1 who reaches it' => sub {
	is_deeply [from_outside('customers@example.test', 'nobody@example.test')], [$UNKNOWN, $UNKNOWN], 'no strangers';
	$p->postroom_ok('mapping', 'add', 'shop@example.test', 'customers');
	is_deeply [from_outside('shop@example.test')], ['250 2.1.5 OK'], 'by a mapping they do';
	is_deeply counts(), { anna => 1, fred => 1 }, 'delivered';
	sent_out(1);
	list('set', 'customers', 'public', 'on');
	is_deeply [from_outside('customers@example.test')], ['250 2.1.5 OK'], 'and where it is public';
	counts();
	sent_out(1);
	list('unset', 'customers', 'public');
	is resolved('customers@example.test'), 'unknown', 'and no longer';
	is resolved('customers@example.test', '--local'), 'local remote x@remote.test remote y@remote.test user anna user fred', 'from inside';
};

subtest '03-1.4 06-9.1 one name, one thing' => sub {
	$p->postroom_ok('group', 'add', 'staff');
	refused(qr/the \w+ \S+ exists already/, 'list', 'add', $_) for qw(fred Customers STAFF);
	refused(qr/the list customers exists already/, 'group', 'add', 'customers');
	refused(qr/the list customers exists already/, 'user', 'add', 'customers', '--no-password');
	refused(qr/has a meaning of its own/, 'list', 'add', $_) for qw(everyone admins no-one spam listserver Mailer_Daemon);
	refused(qr/name of a list|dots of a name/, 'list', 'add', $_) for 'a b', 'a@b', '*REMOTE', '.a', 'a..b', '', 'x' x 65;
	is @{ $p->postroom_json('list', 'list') }, 1, 'nothing was changed';
};

subtest '03-1.5 03-1.7 01-9.2 01-9.5 lists in lists' => sub {
	list('add', 'a');
	list('add', 'b', 'a', 'fred');
	list('member', 'add', 'a', 'b', 'fred');
	is_deeply [from_inside('a@example.test')], ['250 2.1.5 OK'], 'a circle';
	is_deeply counts(), { fred => 1 }, 'one copy, and no end without end';
	from_inside('customers@example.test', 'fred@example.test', 'a@example.test');
	is_deeply counts(), { anna => 1, fred => 1 }, 'one copy by however many ways';
	sent_out(1);
};

subtest '03-1.6 nested too deep' => sub {
	list('add', 'deep20', 'kate');
	list('add', "deep$_", 'deep' . ($_ + 1)) for reverse 1 .. 19;
	is resolved('deep1@example.test', '--local'), 'local user kate', 'twenty levels are well';
	list('add', 'deep0', 'deep1', 'kate');
	is resolved('deep0@example.test', '--local'), 'failed', 'one more is not';
	like((from_inside('deep0@example.test'))[0], qr/\A(?:250|5)/, 'sent');
	my @messages = $server->wait_messages($seen + 1);
	$seen = @messages;
	is_deeply $messages[-1]{to}, ['ann@outside.test'], 'its sender gets a report';
	like $messages[-1]{data}, qr/Error expanding recipient - nesting level too deep/, 'that says so';
	is_deeply counts(), {}, 'nobody got it';
	$p->wait_log(qr/deep20.*nested deeper/);
	pass 'the log names the list';
	list('delete', "deep$_") for 0 .. 20;
};

subtest '03-2.2 03-2.3 import and export of members' => sub {
	list('add', 'many', 'anna', 'z@remote.test');
	write_file($p->dir . '/members', "z\@REMOTE.test\r\n\r\nbob\nnew\@remote.test\n");
	like list('member', 'import', 'many', $p->dir . '/members'), qr/^2 added, 1 there already, 0 refused$/, 'merged';
	is_deeply members('many'), [qw(anna bob new@remote.test z@remote.test)], 'the union';
	list('member', 'import', 'many', '--replace', $p->dir . '/members');
	is_deeply members('many'), [qw(bob new@remote.test z@remote.test)], 'in place of all';
	my $text = list('member', 'export', 'many');
	is $text, "bob\nnew\@remote.test\nz\@remote.test\n", 'export';
	$p->postroom_ok({ stdin => $text }, 'list', 'member', 'import', 'many', '--replace', '-');
	is list('member', 'export', 'many'), $text, 'and back';
	my ($status, undef, $err) = $p->postroom({ stdin => "kate\nnobody\na b\@x.test\n" }, 'list', 'member', 'import', 'many', '-');
	is $status, 1, 'wrong lines';
	like $err, qr/\Aline 2: .*\nline 3: /, 'each is told';
	is_deeply members('many'), [qw(bob kate new@remote.test z@remote.test)], 'the good one is in';
	($status, undef, $err) = $p->postroom({ stdin => "fred\nnobody\n" }, 'list', 'member', 'import', 'many', '--strict', '-');
	is $status, 1, 'strict';
	is_deeply members('many'), [qw(bob kate new@remote.test z@remote.test)], 'none is in';
	is_deeply [map { $_->{address} } @{ $p->postroom_json('list', 'member', 'list', 'many', '--filter', 'REMOTE') }],
		[qw(new@remote.test z@remote.test)], 'those that hold a text';
};

subtest '03-2.4 03-2.5 bulk delete' => sub {
	$p->postroom_ok({ stdin => join '', map { "m$_\@bad.test\n" } 1 .. 5 }, 'list', 'member', 'import', 'many', '-');
	my ($status, $out, $err) = $p->postroom({ stdin => "no\n" }, 'list', 'member', 'bulk-delete', 'many', '*@bad.test');
	is $status, 1, 'not confirmed';
	like $out, qr/^5 members match$/m, 'their number is said';
	is @{ members('many') }, 9, 'nothing was changed';
	like $p->postroom_ok({ stdin => '' }, 'list', 'member', 'bulk-delete', 'many', '/@BAD\.test/'), qr/^0 members match/, 'case counts';
	refused(qr/\S/, 'list', 'member', 'bulk-delete', 'many', '/(/');
	like $p->postroom_ok({ stdin => "yes\n" }, 'list', 'member', 'bulk-delete', 'many', '/@BAD\.test/i'), qr/^5 members removed$/m, 'confirmed';
	is_deeply members('many'), [qw(bob kate new@remote.test z@remote.test)], 'exactly those';
};

subtest '03-3.1 03-3.2 03-3.3 03-3.4 forwardings' => sub {
	list('add', 'joe', '--type', 'forwarding', 'bob@elsewhere.test');
	is_deeply [from_inside('joe@example.test')], ['250 2.1.5 OK'], 'accepted';
	my @messages = $server->wait_messages($seen + 1);
	$seen = @messages;
	is_deeply $messages[-1]{to}, ['bob@elsewhere.test'], 'sent on';
	is $messages[-1]{from}, 'ann@outside.test', 'with its return path';
	is_deeply [from_outside('joe@example.test')], [$UNKNOWN], 'not by strangers';
	refused(qr/has one address; for more make it a distribution list/, 'list', 'member', 'add', 'joe', $_)
		for 'kate', 'a@x.test,b@x.test', "a\@x.test;b\@x.test", "a\@x.test\nb\@x.test";
	list('member', 'remove', 'joe', 'bob@elsewhere.test');
	list('member', 'add', 'joe', 'bob');
	from_inside('joe@example.test');
	is_deeply counts(), { bob => 1 }, 'to one who is here';
	refused(qr/a forwarding has one/, 'list', 'set', 'many', 'type', 'forwarding');
	list('set', 'many', 'type', 'mailing');
	is @{ members('many') }, 4, 'members stay when the type is another';
	list('set', 'many', 'type', 'distribution');
};

subtest '03-6.2 a database list has no members of its own' => sub {
	list('add', 'sql', '--type', 'database');
	refused(qr/from a database/, 'list', 'member', 'add', 'sql', 'kate');
	refused(qr/from a database/, 'list', 'member', 'import', 'sql', '/dev/null');
	refused(qr/from a database/, 'list', 'member', 'bulk-delete', 'sql', '*');
	refused(qr/remove them first/, 'list', 'set', 'many', 'type', 'database');
	list('delete', 'sql');
};

subtest 'settings' => sub {
	list('add', 'news', '--type', 'mailing');
	list('set', 'news', 'subject-prefix', '[news]');
	my %settings = map { $_->{key} => $_ } @{ $p->postroom_json('list', 'show', 'news') };
	is $settings{'subject-prefix'}{value}, '[news]', 'set';
	ok $settings{verify}{default}, 'and defaults';
	list('set', 'news', 'spam-threshold', '--', '-1');
	refused(qr/did you mean subject-prefix/, 'list', 'set', 'news', 'subject-prefx', 'x');
	refused(qr/must be on or off/, 'list', 'set', 'news', 'verify', 'perhaps');
	refused(qr/is a setting of mailing and database lists/, 'list', 'set', 'customers', 'moderator', 'anna');
	refused(qr/there is no list "none"/, 'list', 'set', 'none', 'comment', 'x');
	list('set', 'news', 'header-modifiers', "Precedence: bulk\nReply-To: %m");
	refused(qr/header-modifiers: .*is not "Field: data/, 'list', 'set', 'news', 'header-modifiers', 'no colon');
	like $p->postroom_ok('list-settings'), qr/^header-modifiers\s/m, 'explained';
	is $p->postroom_ok('list-settings', '--format', 'man'), read_file('man/postroom-lists.5'), 'postroom-lists(5) is that of the catalogue (make manual)';
	is resolved('news@example.test', '--local') =~ s/\d+/N/r, 'local list N news', 'a mailing list is a target itself';
};

subtest '03-4.9 a digest needs an archive' => sub {
	list('add', 'weekly', '--type', 'mailing');
	refused(qr/has to have archive on/, 'list', 'set', 'weekly', 'digest-of', 'news');
	refused(qr/a list that there is not/, 'list', 'set', 'weekly', 'digest-of', 'none');
	list('set', 'news', 'archive', 'on');
	list('set', 'weekly', 'digest-of', 'news');
	refused(qr/raise its keep-days/, 'list', 'set', 'weekly', 'digest-days', 7);
	list('set', 'news', 'keep-days', 7);
	list('set', 'weekly', 'digest-days', 7);
	refused(qr/raise its keep-days/, 'list', 'set', 'news', 'keep-days', 3);
};

subtest '03-7.1 03-7.2 03-7.3 03-7.4 01-8.4 06-9.5 groups' => sub {
	$p->postroom_ok('group', 'add-member', 'staff', $_) for qw(anna kate);
	is_deeply [from_inside('staff@example.test')], ['250 2.1.5 OK'], 'our own senders';
	is_deeply counts(), { anna => 1, kate => 1 }, 'reach its members';
	is_deeply [from_outside('staff@example.test', 'everyone@example.test')], [$UNKNOWN, $UNKNOWN], 'strangers do not';
	$p->postroom_ok('mapping', 'add', 'team@example.test', 'staff');
	from_outside('team@example.test');
	is_deeply counts(), { anna => 1, kate => 1 }, 'but by a mapping';
	$p->postroom_ok('user', 'set', 'bob', 'in-everyone', 'off');
	from_inside('everyone@example.test');
	is_deeply counts(), { map { $_ => 1 } qw(anna fred kate postmaster) }, 'everyone but who is not in it';
	from_inside('admins@example.test');
	is_deeply counts(), { postmaster => 1 }, 'administrators';
	$p->postroom_ok('user', 'set', 'kate', 'administrator', 'on');
	from_inside('admins@example.test');
	is_deeply counts(), { kate => 1, postmaster => 1 }, 'and who becomes one';
	$p->postroom_ok('mapping', 'add', 'trash@example.test', 'no-one');
	is_deeply [from_outside('trash@example.test')], ['250 2.1.5 OK'], 'no-one: accepted';
	is_deeply counts(), {}, 'delivered nowhere';
	$p->wait_log(qr/discard/);
	is_deeply $p->postroom_json('group', 'members', 'admins'), [{ name => 'kate' }, { name => 'postmaster' }], 'shown as members';
	is_deeply $p->postroom_json('group', 'members', 'no-one'), [], 'of no-one nobody';
	refused(qr/is always there, and nobody is put into it/, 'group', 'add-member', $_, 'anna') for qw(no-one admins everyone);
};

subtest '03-7.5 one primary group' => sub {
	$p->postroom_ok('group', 'add', 'first');
	$p->postroom_ok('group', 'add', 'second');
	$p->postroom_ok('group', 'add-member', $_, 'fred', '--primary') for qw(first second);
	my ($fred) = grep { $_->{name} eq 'fred' } @{ $p->postroom_json('user', 'list') };
	is $fred->{group}, 'second', 'the second takes the place of the first';
};

subtest 'names change and go' => sub {
	$p->postroom_ok('user', 'rename', 'anna', 'annabel');
	is_deeply members('customers'), [qw(annabel fred x@remote.test y@remote.test)], 'a member follows';
	list('rename', 'b', 'bb');
	is_deeply members('a'), [qw(bb fred)], 'also a list';
	$p->postroom_ok('mapping', 'add', 'to-bb', 'bb');
	list('delete', 'bb');
	is_deeply members('a'), ['fred'], 'what is deleted is no member';
	is_deeply [grep { $_->{pattern} eq 'to-bb' } @{ $p->postroom_json('mapping', 'list') }], [], 'and has no mappings';
	$p->postroom_ok('user', 'delete', 'annabel', '--yes');
	is_deeply members('customers'), [qw(fred x@remote.test y@remote.test)], 'nor has a user';
	$p->postroom_ok('mapping', 'delete', 'trash@example.test', 'no-one');
	list('member', 'remove', 'a', 'fred');
	is resolved('a@example.test', '--local'), 'local discard its list or group has no members', 'an empty list';
};

subtest 'export and import' => sub {
	my $text = $p->postroom_ok('export', '-');
	like $text, qr/^\[list-setting\]\nlist = news\nkey = header-modifiers\nvalue = Precedence: bulk\\nReply-To: %m$/m, 'lines as one';
	list('member', 'add', 'customers', 'more@remote.test');
	list('set', 'news', 'subject-prefix', 'other');
	list('set', 'joe', 'type', 'distribution');
	list('member', 'add', 'joe', 'kate');
	list('delete', 'weekly');
	list('add', 'extra', 'kate');
	$p->postroom_ok('mapping', 'add', 'extra2', 'extra', '--comment', 'gone soon');
	my $changes = $p->postroom_ok({ stdin => $text }, 'import', '-');
	like $changes, qr/^\Q$_\E/m, $_ for 'mailing list weekly added', 'list extra deleted', 'list customers: member more@remote.test removed',
		'set subject-prefix = [news] of list news', 'mapping extra2 to extra deleted';
	is $p->postroom_ok('export', '-'), $text, 'all is as it was';
};

$p->stop;
$server->stop;
done_testing;

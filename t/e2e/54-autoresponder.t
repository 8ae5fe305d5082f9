#!/usr/bin/perl
# Autoresponders: when they answer and what, and whom they never answer.
use strict;
use warnings;
use lib 't/lib';
use POSIX qw(strftime);
use Postroom::Delivered;
use Postroom::Process qw(write_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { map { $_ => "$_-secret" } qw(anna bob carl dora) });
my $d = Postroom::Delivered->new($p);
my $domain = $p->domain;
my $server = Postroom::SmtpServer->start;
$p->postroom_ok('sender', 'set', 'default', '--method', 'relay', '--servers', '127.0.0.1:' . $server->port);
my $answers = 0; # of which the server knows

sub responder {
	my ($user, $name, %options) = @_;
	return $p->postroom_ok('user', 'autoresponder', 'add', $user, '--name', $name, '--hours', 0, map { ("--$_", $options{$_}) } sort keys %options);
}

sub rule {
	my ($user, $responder, %options) = @_;
	return $p->postroom_ok('user', 'autoresponder-rule', 'add', $user, '--responder', $responder,
		map { my $name = $_; map { ("--$name", $_) } ref $options{$name} ? @{ $options{$name} } : $options{$name} } sort keys %options);
}

sub none_left {
	my ($user) = @_;
	for my $kind (qw(autoresponder-filter autoresponder-rule autoresponder)) {
		$p->postroom_ok('user', $kind, 'delete', $user, 1) for @{ $p->postroom_json('user', $kind, 'list', $user) };
	}
	return;
}

sub refused {
	my ($pattern, @arguments) = @_;
	my ($status, undef, $err) = $p->postroom(@arguments);
	is $status, 1, 'refused';
	return like $err, $pattern, 'with the reason';
}

# The next answer that goes to another server.
sub answer {
	my @messages = $server->wait_messages(++$answers);
	is scalar @messages, $answers, 'one answer';
	return $messages[-1];
}

sub no_answer {
	$d->settled;
	my @messages = $server->wait_messages($answers);
	return is scalar @messages, $answers, 'no answer';
}

subtest '06-4.1 an answer as RFC 3834 wants it, and otherwise' => sub {
	responder('anna', 'away', text => "I am away.\nBye", 'copy-to' => "dora\@$domain");
	rule('anna', 'away');
	my $mark = $d->send(from => 'a@x.test', header => ['Subject: Where are you', 'Reply-To: r@x.test', 'Message-ID: <one@x.test>',
		'References: <zero@x.test>']);
	my $got = answer();
	is $got->{from}, '', 'the null return path';
	is "@{ $got->{to} }", 'a@x.test', 'to the return path of the message';
	like $got->{data}, qr/^Auto-Submitted: auto-replied\r$/m, 'says that it is one';
	like $got->{data}, qr/^In-Reply-To: <one\@x\.test>\r$/m, 'to which message';
	like $got->{data}, qr/^References: <zero\@x\.test>\r\n <one\@x\.test>\r$/m, 'and its thread';
	like $got->{data}, qr/^Subject: Auto: Where are you\r$/m, 'the prefix';
	like $got->{data}, qr/^From: anna\@\Q$domain\E\r$/m, 'from the user';
	like $got->{data}, qr/^Reply-To: no-one\@\Q$domain\E\r$/m, 'nobody to reply to';
	like $got->{data}, qr/^Precedence: bulk\r$/m, 'precedence';
	like $got->{data}, qr/\r\n\r\nI am away\.\r\nBye\r\n/, 'the text';
	$d->arrives('anna', 'INBOX', $mark);
	$d->arrives('dora', 'INBOX', $mark);
	$p->set('autoresponder.rfc3834' => 'off', 'autoresponder.precedence' => '');
	$d->send(from => 'a@x.test', header => ['Subject: again', 'Reply-To: r@x.test', 'Message-ID: <two@x.test>']);
	$got = answer();
	is "@{ $got->{to} }", 'r@x.test', 'to Reply-To';
	unlike $got->{data}, qr/^(?:Auto-Submitted|In-Reply-To|References|Precedence):/m, 'without those fields';
	$p->set('autoresponder.rfc3834' => 'on');
};

subtest '06-4.2 02-8.7 what is never answered' => sub {
	$d->send(header => [$_]) for 'Precedence: bulk', 'List-Id: <x.test>', 'Auto-Submitted: auto-generated', 'Auto-Submitted: auto-replied; x=y';
	$d->send(from => 'MAILER-DAEMON@x.test');
	$d->send(from => '');
	$d->send(from => "anna\@$domain");
	no_answer();
};

subtest '06-4.3 Auto-Submitted: no is answered' => sub {
	$d->send(header => ['Auto-Submitted: no']);
	answer();
	none_left('anna');
};

subtest '02-8.1 days with times, and one span' => sub {
	my ($yesterday, $tomorrow) = map { strftime('%Y-%m-%d', localtime($_)) } time - 86400, time + 86400;
	my ($later, $latest) = map { strftime('%H:%M', localtime($_)) } time + 3600, time + 7200;
	responder('anna', 'away', text => 'x');
	rule('anna', 'away', 'date-from' => $yesterday, 'date-to' => $tomorrow, 'time-from' => $later, 'time-to' => $latest);
	$d->send;
	no_answer();
	$p->postroom_ok('user', 'autoresponder-rule', 'delete', 'anna', 1);
	rule('anna', 'away', 'datetime-from' => "$yesterday $later", 'datetime-to' => "$tomorrow $latest");
	$d->send;
	answer();
	none_left('anna');
};

subtest '02-8.2 a rule that answers nothing' => sub {
	responder('anna', 'Holiday', text => 'on holiday');
	rule('anna', 'none', sender => "*\@$domain");
	rule('anna', 'Holiday');
	my $mark = $d->send(from => "bob\@$domain", login => 'bob');
	$d->arrives('anna', 'INBOX', $mark);
	is scalar($d->find('bob', 'INBOX', { subject => 'Auto:' })), 0, 'the colleague gets nothing';
	$d->send;
	like answer()->{data}, qr/on holiday/, 'an outsider is told';
	none_left('anna');
};

subtest '02-8.3 not twice to the same' => sub {
	responder('anna', 'away', text => 'x', 'copy-to' => 'dora');
	$p->postroom_ok('user', 'autoresponder', 'set', 'anna', 'away', '--hours', 2);
	rule('anna', 'away');
	$d->send;
	answer();
	my $mark = $d->send;
	$d->arrives('dora', 'INBOX', $mark);
	no_answer();
	like $p->postroom_ok('user', 'answers', 'list', 'anna', 'away'), qr/^\S+ \S+  sender\@stranger\.test  id=/m, 'the log says whom';
	$p->postroom_ok('user', 'answers', 'clear', 'anna', 'away');
	is $p->postroom_ok('user', 'answers', 'list', 'anna', 'away'), '', 'and is empty';
	$d->send;
	answer();
	none_left('anna');
};

subtest '02-8.4 replacements' => sub {
	responder('anna', 'away', text => 'I am away from {StartDate:yyyy-MM-dd} to {EndDate:%d.%m.%Y}, back {EndDate+1:%d.%m.%Y} \\{x} {$who(Bob)}' .
		' {if $boss}boss {$boss}{else}nobody{endif}{ifnot $other} no other{endif}{rem a remark} {OrigSubject} {Nothing} {ConditionMatches}',
		subject => 'Re: {OrigSubject} for {User}');
	rule('anna', 'away', 'date-from' => '2016-08-01', 'date-to' => '2116-08-14', value => ['boss=Dora']);
	$d->send(header => ['Subject: =?utf-8?q?caf=C3=A9?=']);
	my $got = answer();
	(my $text = $got->{data}) =~ s/=\r\n//g;
	like $text, qr/I am away from 2016-08-01 to 14\.08\.2116, back 15\.08\.2116 \{x\} Bob boss Dora no other caf=C3=A9 \{Nothing\} 1/, 'the text';
	like $got->{data}, qr/^Subject: =\?utf-8\?/mi, 'the subject is encoded';
	$d->send;
	like answer()->{data}, qr/\{Nothing\} 2/, 'the second match';
	none_left('anna');
};

subtest '02-8.5 filters and triggers' => sub {
	responder('anna', 'away', text => 'x');
	rule('anna', 'away');
	$p->postroom_ok('user', 'autoresponder-filter', 'add', 'anna', '--line', 'Subject: NoReply*');
	$d->send(header => ['Subject: noreply test']);
	no_answer();
	$p->postroom_ok('user', 'autoresponder-filter', 'add', 'anna', '--line', 'From: joe@customer.com', '--trigger', 'on');
	$d->send(header => ['From: "Joe" <joe@customer.com>']);
	no_answer();
	$p->postroom_ok('user', 'autoresponder-filter', 'add', 'anna', '--line', 'From: *@customer.com*', '--trigger', 'on');
	$d->send(header => ['From: "Joe" <joe@customer.com>']);
	answer();
	none_left('anna');
};

subtest '02-8.6 answered and not kept; forwarded and not answered' => sub {
	responder('anna', 'away', text => 'x', keep => 'off');
	rule('anna', 'away');
	my $mark = $d->send;
	answer();
	$d->is_not_in('anna', 'INBOX', $mark);
	$p->postroom_ok('user', 'set', 'anna', 'forward', 'bob');
	$p->postroom_ok('user', 'set', 'anna', 'forward.enabled', 'on');
	$mark = $d->send;
	$d->arrives('bob', 'INBOX', $mark);
	no_answer();
	$p->postroom_ok('user', 'unset', 'anna', $_) for 'forward', 'forward.enabled';
	none_left('anna');
};

subtest '02-8.7 06-4.5 two users who both answer' => sub {
	for my $user (qw(anna bob)) {
		responder($user, 'away', text => "$user is away");
		rule($user, 'away');
	}
	my $mark = $d->send(from => "bob\@$domain", login => 'bob', header => ['Subject: ping']);
	$d->arrives('anna', 'INBOX', $mark);
	$p->wait_for(sub { $d->find('bob', 'INBOX', { subject => 'Auto: ping' }) }, 'the answer', 20);
	$d->settled;
	is scalar($d->find('bob', 'INBOX', { subject => 'Auto: ping' })), 1, 'one answer';
	is scalar($d->find('anna', 'INBOX', { subject => 'Auto: Auto:' })), 0, 'and none to that';
	none_left($_) for qw(anna bob);
};

subtest '02-8.8 scripts within the text' => sub {
	responder('anna', 'away', text => 'size <lua>Autoresponder.Keep=false print(#Message)</lua> of <lua>print(Autoresponder.Keep, User)</lua>.');
	rule('anna', 'away');
	my $mark = $d->send;
	like answer()->{data}, qr/size \d+ of false anna\./, 'what they print';
	$d->is_not_in('anna', 'INBOX', $mark);
	$p->postroom_ok('user', 'autoresponder', 'set', 'anna', 'away', '--text', 'x <lua>x = = 1</lua>');
	$p->set('notices.targets' => 'Autoresponder=carl');
	$mark = $d->send;
	$d->arrives('anna', 'INBOX', $mark);
	no_answer();
	like $d->arrives('carl', 'INBOX', { subject => 'An autoresponder of anna does not answer' }), qr/autoresponder "away" of the user anna/, 'the administrator is told';
	none_left('anna');
};

subtest '02-8.9 times that cannot be' => sub {
	responder('anna', 'away', text => 'x');
	refused(qr/date-from: must not be later than date-to/, 'user', 'autoresponder-rule', 'add', 'anna', '--responder', 'away', '--date-from', '2026-02-01',
		'--date-to', '2026-01-01');
	refused(qr/which is not there/, 'user', 'autoresponder-rule', 'add', 'anna', '--responder', 'nobody');
	none_left('anna');
};

subtest '06-4.6 templates of the administrator' => sub {
	$p->postroom_ok('autoresponder', 'add', '--name', 'Standard', '--text', 'standard text', '--append', 'headers', '--hours', 0);
	rule('anna', 'standard');
	$d->send(header => ['Subject: about this']);
	my $got = answer();
	like $got->{data}, qr/standard text.*Content-Type: text\/rfc822-headers\r\n.*Subject: about this\r\n/s, 'used, with the header of the message';
	none_left('anna');
	refused(qr/there is no autoresponder "Standard"/, 'user', 'autoresponder', 'set', 'anna', 'Standard', '--text', 'x');
};

subtest 'autoresponder.lua' => sub {
	my $folder = $p->dir . '/etc/scripts';
	mkdir $folder;
	write_file("$folder/autoresponder.lua", "function PreProcessAutoresponder(user, incoming)\n" .
		"  if incoming:find('Subject: secret', 1, true) then Autoresponder.Text = '' end\n  Autoresponder.Subject = 'from ' .. user\nend\n" .
		"function PostProcessAutoresponder(user, made, incoming) return (made:gsub('original text', 'changed text')) end\n");
	chmod 0644, "$folder/autoresponder.lua";
	responder('anna', 'away', text => 'original text');
	rule('anna', 'away');
	$d->send(header => ['Subject: secret']);
	no_answer();
	$d->send;
	like answer()->{data}, qr/^Subject: from anna\r\n.*changed text/ms, 'what it makes of it';
	$p->script('autoresponder');
	none_left('anna');
};

subtest 'an original that is appended keeps every byte' => sub {
	responder('anna', 'away', text => 'x', append => 'whole');
	rule('anna', 'away');
	my $body = "a =20 b \t\r\n\r\n--x--\r\n.dot";
	$d->send(header => ['Subject: whole'], body => $body);
	like answer()->{data}, qr/Content-Type: message\/rfc822\r\n\r\n.*Subject: whole\r\n.*\r\n\r\n\Q$body\E\r\n\r\n--/s, 'whole';
	none_left('anna');
};

subtest '06-4.4 what is written to no-one' => sub {
	for my $from ('sender@stranger.test', "anna\@$domain") {
		my $dropped = () = $p->log =~ /discarded to=<no-one\@/g;
		$d->send(to => ["no-one\@$domain"], from => $from);
		$d->settled;
		is scalar(() = $p->log =~ /discarded to=<no-one\@/g), $dropped + 1, 'taken, and dropped';
	}
};

$server->stop;
$p->stop;
done_testing;

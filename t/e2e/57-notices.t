#!/usr/bin/perl
# What administrators are told by mail: whom, how often, and what the script errorhandler.lua makes of it.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Process qw(read_file write_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

my %users = (anna => 'anna-secret', bert => 'bert-secret', cleo => 'cleo-secret');
my $p = Postroom::Test->start(users => \%users);

# What a user has been told: subjects, in order.
sub told {
	my ($user) = @_;
	my $pop3 = $p->pop3;
	$pop3->login($user, $users{$user});
	my @messages = map { $pop3->retr($_) } 1 .. ($pop3->stat)[0];
	$pop3->quit;
	return map { /^Subject: (.*)\r$/m } grep { /^X-Postroom-Notice:/m } @messages;
}

sub wait_told {
	my ($user, @subjects) = @_;
	my @told;
	$p->wait_for(sub { @told = told($user); @told >= @subjects }, "$user is told", 20);
	return is_deeply(\@told, \@subjects, "$user is told of " . (@subjects ? $subjects[-1] : 'nothing'));
}

sub announce {
	my ($subject, %options) = @_;
	return $p->postroom_ok('notice', 'send', $subject, map { ("--$_" => $options{$_}) } sort keys %options);
}

# noticed works one after another: when this has come, all before it has been decided.
my $marks = 0;
sub settled {
	announce('mark ' . ++$marks, target => 'Mark', component => 'filtering');
	$p->wait_for(sub { grep { $_ eq "mark $marks" } told('cleo') }, 'a later notice came', 20);
	return;
}

sub refused {
	my ($reason, @command) = @_;
	my ($status, $out, $err) = $p->postroom(@command);
	is $status, 1, "@command: refused";
	return like $err, $reason, 'with the reason';
}

$p->set('notices.targets' => 'Mark=cleo');

subtest '06-1.1 the main administrator is a local account' => sub {
	refused(qr/notices\.administrator.*someone\@elsewhere\.example/, 'set', 'notices.administrator', 'someone@elsewhere.example');
	$p->set('notices.administrator' => 'anna');
	announce('the disk smells', text => "first line\nsecond line");
	wait_told('anna', 'the disk smells');
	my $pop3 = $p->pop3;
	$pop3->login('anna', $users{anna});
	my $message = $pop3->retr(1);
	$pop3->quit;
	like $message, qr/^Return-Path: <>\r$/m, 'a null return path';
	like $message, qr/^From: Mail System <Mailer_Daemon\@example\.test>\r$/m, 'from the mailer daemon';
	like $message, qr/^Auto-Submitted: auto-generated\r$/m, 'that nobody answers by machine';
	like $message, qr/^the disk smells\r\n\r\nfirst line\r\nsecond line\r$/m, 'all of the text';
};

subtest '06-1.2 <None>, and a named account' => sub {
	$p->set('notices.targets' => 'Mark=cleo,DatabaseBackup=<None>');
	announce('backup failed', target => 'DatabaseBackup');
	settled();
	is_deeply [told('anna')], ['the disk smells'], 'nobody is told';
	like $p->log, qr/DatabaseBackup: nobody is told/, 'the log knows';
	$p->set('notices.targets' => 'Mark=cleo,DatabaseBackup=bert');
	announce('backup failed again', target => 'DatabaseBackup');
	wait_told('bert', 'backup failed again');
	is_deeply [told('anna')], ['the disk smells'], 'and he alone';
	refused(qr/notices\.targets: there is no user "nobody"/, 'set', 'notices.targets', 'LanFwd=nobody');
	refused(qr/TARGET=USER/, 'set', 'notices.targets', 'LanFwd');
};

subtest '06-1.3 01-6.4 who is deleted or renamed' => sub {
	$p->add_user('dora', 'dora-secret');
	$p->set('notices.targets' => 'Mark=cleo,LanFwd=dora');
	$p->postroom_ok('user', 'rename', 'dora', 'dorothea');
	like $p->postroom_ok('get', 'notices.targets'), qr/LanFwd=dorothea/, 'a new name is followed';
	$p->postroom_ok('user', 'delete', 'dorothea', '--yes');
	announce('no way to the LAN', target => 'LanFwd');
	wait_told('anna', 'the disk smells', 'no way to the LAN');
	$p->add_user('emil', 'emil-secret');
	$p->set('notices.administrator' => 'emil');
	$p->postroom_ok('user', 'delete', 'emil', '--yes');
	is $p->postroom_json('get', 'notices.administrator')->[0]{value} // '', '', 'the main administrator is the first again';
	local $users{postmaster} = $p->password;
	announce('the tape is torn', target => 'LanFwd');
	$p->wait_for(sub { grep { $_ eq 'the tape is torn' } told('postmaster') }, 'who hears of the next trouble', 20);
	$p->set('notices.administrator' => 'anna');
};

subtest '06-1.5 two texts at once are two events; 06-1.6 what is not told is kept' => sub {
	my @before = told('anna');
	announce($_, component => 'sender', item => 'smarthost', kind => 'tcpip', severity => 'warning')
		for 'cannot connect', 'cannot connect', 'no answer', 'cannot connect';
	settled();
	wait_told('anna', @before, 'cannot connect', 'no answer');
	my @suppressed = @{ $p->postroom_json('notice', 'suppressed') };
	is scalar(@suppressed), 2, 'two were not told';
	is_deeply { %{ $suppressed[0] }{qw(component kind severity item text)} },
		{ component => 'sender', kind => 'tcpip', severity => 'warning', item => 'smarthost', text => 'cannot connect' },
		'with all that is known of them';
	$p->kill_daemon('noticed');
	announce('cannot connect', component => 'sender', item => 'smarthost', kind => 'tcpip', severity => 'warning');
	settled();
	is scalar(@{ $p->postroom_json('notice', 'suppressed') }), 3, 'also over an end of noticed';
};

subtest '06-1.9 a control that is wrong' => sub {
	my $old = $p->postroom_ok('get', 'notices.controls');
	refused(qr/notices\.controls: control 1: .*regular expression|notices\.controls: control 1:/, 'set', 'notices.controls', 'all all all 1 1:0 /(/');
	is $p->postroom_ok('get', 'notices.controls'), $old, 'the old ones stay';
};

# Send a message to an address elsewhere and wait until it has failed; says who was told: users and subjects.
sub fails {
	my ($address) = @_;
	my %before = map { $_ => scalar reports($_) } qw(anna bert);
	my $smtp = $p->smtp;
	$smtp->ehlo;
	like $smtp->send_message("bert\@example.test", [$address], "Subject: far\n\nx\n"), qr/\A250/, "a message for $address";
	my @told;
	$p->wait_for(sub { @told = grep { reports($_) > $before{$_} } qw(anna bert) }, 'somebody is told', 30);
	return "@told";
}

# The delivery reports that a user has.
sub reports {
	my ($user) = @_;
	my $pop3 = $p->pop3;
	$pop3->login($user, $users{$user});
	my @messages = grep { /^Content-Type: multipart\/report/m } map { $pop3->retr($_) } 1 .. ($pop3->stat)[0];
	$pop3->quit;
	return @messages;
}

subtest '06-1.7 nobody can be reached: the sender is told, or the administrator' => sub {
	my $refuses = Postroom::SmtpServer->start(name => 'relay.test', replies => { 'RCPT' => '550 5.1.1 no such user' });
	$p->relay('127.0.0.1');
	$p->set('sender.retry' => '1');
	$p->set('sender.fail' => 1);
	$p->set('sender.warn' => 0);
	$p->postroom_ok('sender', 'set', 'default', '--method', 'relay', '--servers', '127.0.0.1:1', '--encryption', 'none');
	my @before = told('anna');
	is fails('far@away.test'), 'bert', 'who sent it, by default';
	wait_told('anna', @before, 'The sender "default" cannot send');
	$p->set('notices.network-failures' => 'on');
	is fails('far@away.test'), 'anna', 'the main administrator';
	like((reports('anna'))[-1], qr/^To: <anna\@example\.test>\r\n.*^Final-Recipient: rfc822; ?far\@away\.test/ms, 'a report as any other');
	$p->postroom_ok('sender', 'set', 'default', '--servers', $refuses->address);
	is fails('far@away.test'), 'bert', 'what another server refuses is reported to the sender';
};

subtest 'errorhandler.lua' => sub {
	my @before = told('anna');
	write_file($p->dir . '/etc/scripts/errorhandler.lua', <<'LUA');
function ProcessMessage3(component, id, type, severity, err, neterr, titleid, title, templateid, message, target, sender)
	if title == 'hush' then return title, message, '<blank>' end
	if title == 'always' then return title, message, target, sender, true end
	if title == 'to bert' then return title, message, 'bert', 'robot@example.test' end
	if title == 'words' then
		return string.format('%d %s %d %d [%s] [%s] %s', component, id, type, severity, err, neterr, target), 'other words'
	end
	if title == 'broken' then error('no idea') end
end
LUA
	announce('hush');
	announce('always') for 1 .. 2;
	announce('to bert');
	announce('words', component => 'sender', item => 'smarthost', kind => 'tcpip', severity => 'error', text => 'no route');
	announce('broken');
	settled();
	wait_told('anna', @before, 'always', 'always', '1 smarthost 2 4 [] [no route] anna', 'broken');
	is((told('bert'))[-1], 'to bert', 'another account');
	my $pop3 = $p->pop3;
	$pop3->login('bert', $users{bert});
	like $pop3->retr(($pop3->stat)[0]), qr/^From: <robot\@example\.test>\r$/m, 'from somebody else';
	$pop3->quit;
	$p->wait_for(sub { (read_file($p->dir . '/log/luaerrors.log') // '') =~ /errorhandler\.lua.*no idea/ }, 'the error is in luaerrors.log', 20);
	pass 'errors of the script are known';
};

subtest 'what a stranger said is one line' => sub {
	my @before = told('anna');
	announce("host said: \e[31m550\tGr\xc3\xbc\xc3\x9fe", component => 'routing');
	settled();
	my $subject = (told('anna'))[-1];
	like $subject, qr/\A=\?utf-8\?/i, 'not ASCII: encoded';
	is scalar(told('anna')), @before + 1, 'one message';
};

$p->stop;
done_testing;

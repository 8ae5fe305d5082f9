#!/usr/bin/perl
# Programs of the administrator's that see what was collected (External Router), and what goes to a relay.
use strict;
use warnings;
use lib 't/lib';
use File::Temp qw(tempdir);
use Postroom::Pop3Server;
use Postroom::Process qw(read_file write_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

my $remote = Postroom::SmtpServer->start(extensions => ['8BITMIME', 'PIPELINING']);
my $mailbox = Postroom::Pop3Server->start(password => 'Quetzal-17', capa => ['UIDL', 'TOP', 'PIPELINING']);
my $p = Postroom::Test->start(
	users => { anna => 'anna-secret', bert => 'bert-secret', kate => 'kate-secret' }, relay => ['127.0.0.9'],
	set => { 'sender.retry' => '2 2 2 2 2 2 2 2' });
my $domain = $p->domain;
$p->postroom_ok(qw(sender set default --method relay --encryption none --servers), '127.0.0.1:' . $remote->port);
$p->postroom_ok({ stdin => "Quetzal-17\n" }, qw(collector add box --password-stdin), 'pop3.server' => '127.0.0.1',
	'pop3.port' => $mailbox->port, 'pop3.username' => 'box', 'route' => 'user', 'target' => 'anna');

my $folder = tempdir('postroom-test-XXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0777, $folder;

# A program for a point, whose runs are noted.
sub program {
	my ($point, $script) = @_;
	write_file("$folder/new", "#!/bin/sh\necho run >>$folder/$point.runs\n$script\n");
	chmod 0755, "$folder/new";
	rename "$folder/new", "$folder/$point";
	$p->set("legacy.$point-command" => "$folder/$point");
	return;
}

sub runs { return scalar(() = (read_file("$folder/$_[0].runs") // '') =~ /run/g) }

# Subjects in a mailbox when nothing is under way any more.
sub subjects {
	my ($user) = @_;
	$p->wait_for(sub { !@{ $p->queue } && !glob($p->dir . '/spool/*/new/*') }, 'the queue is empty');
	my $pop3 = $p->pop3;
	$pop3->login($user, $user eq 'postmaster' ? $p->password : "$user-secret");
	my @subjects = map { $pop3->retr($_) =~ /^Subject: (.*?)\r?$/m ? $1 : '' } 1 .. ($pop3->stat)[0];
	$pop3->quit;
	return @subjects;
}

# A message is in these users' mailboxes, and in no other.
sub is_with {
	my ($subject, @users) = @_;
	my @with;
	for my $user (qw(anna bert kate)) {
		push @with, $user if grep { $_ eq $subject } subjects($user);
	}
	return is_deeply \@with, \@users, "$subject: @users";
}

sub collect {
	my ($subject) = @_;
	$mailbox->put("From: Ann <ann\@far.test>\nReturn-Path: <ann\@far.test>\nTo: x\@far.test\nSubject: $subject\n\nThis is $subject.\n");
	my ($status, $out, $err) = $p->postroom(qw(collector run box --wait));
	return like $out . $err, qr/successful/, "$subject is collected";
}

sub wait_told {
	my ($pattern) = @_;
	return $p->wait_for(sub {
		my $pop3 = $p->pop3;
		$pop3->login('postmaster', $p->password);
		my @mails = map { $pop3->retr($_) } 1 .. ($pop3->stat)[0];
		$pop3->quit;
		grep { $_ =~ $pattern } @mails;
	}, "administrators are told: $pattern", 30);
}

subtest '06-11.4 the router: no command, no process' => sub {
	collect('plain');
	is_with('plain', 'anna');
	is runs('router'), 0, 'nothing ran';
};

subtest 'the router says who gets a collected message' => sub {
	program(router => "cat >/dev/null; echo bert; echo kate\@$domain");
	collect('others');
	is_with('others', 'bert', 'kate');
	program(router => "test \"\$POSTROOM_SENDER \$POSTROOM_RECIPIENTS \$POSTROOM_TYPE\" = 'ann\@far.test anna\@$domain incoming' && grep -q '^This is told' && echo kate");
	collect('told');
	is_with('told', 'kate');
	program(router => 'cat >/dev/null');
	collect('silent');
	is_with('silent', 'anna');
	program(router => 'cat >/dev/null; echo DELETE');
	collect('dropped');
	is_with('dropped');
	is scalar($mailbox->remaining), 0, 'and it is not left at the server';
	my $line = qr{id=box/\S+ program for collected mail: status 0 after \d+ ms, 8 octets printed: \Q$folder\E/router$}m;
	$p->wait_for(sub { (read_file($p->dir . '/log/extrouter.log') // '') =~ $line }, 'extrouter.log tells of it');
};

subtest '06-11.3 the router fails' => sub {
	program(router => 'cat >/dev/null; echo bert; exit 3');
	collect('failing');
	is_with('failing', 'anna');
	wait_told(qr/program for collected mail failed.*router ended with status 3/s);
	$p->set('legacy.router-ignore-status' => 'on');
	collect('ignored');
	is_with('ignored', 'bert');
	program(router => 'cat >/dev/null; echo "not@an@address <>"');
	collect('nonsense');
	is_with('nonsense', 'anna');
	wait_told(qr/printed what is no recipient/);
	$p->set('legacy.router-ignore-status' => 'off');
};

subtest '06-11.2 the router takes too long' => sub {
	program(router => 'sleep 300');
	$p->set('legacy.router-timeout' => 1);
	collect('late');
	is_with('late', 'anna');
	wait_told(qr/program for collected mail failed.*took too long and was killed/s);
	$p->set('legacy.router-command' => '');
	my $before = runs('router');
	collect('after');
	is_with('after', 'anna');
	is runs('router'), $before, 'nothing runs any more';
};

my $sent = 0;

sub send_out {
	my ($subject) = @_;
	my $smtp = $p->smtp(local => '127.0.0.9');
	like $smtp->send_message("anna\@$domain", ['kate@remote.test'], "Subject: $subject\n\nbody\n"), qr/\A250/, 'taken';
	my @messages = $remote->wait_messages(++$sent, 60);
	return $messages[-1]{data};
}

subtest '06-11.1 the program for relays' => sub {
	program(relay => 'echo "X-Program: $POSTROOM_SENDER $POSTROOM_RECIPIENTS $POSTROOM_TYPE"; cat');
	my $data = send_out('changed');
	like $data, qr/\AX-Program: anna\@\Q$domain\E kate\@remote\.test outgoing\r\n.*^Subject: changed\r\n\r\nbody\r\n/ms, 'it changes what is sent';
	unlike $data, qr/(?<!\r)\n/, 'its line ends become those of mail';
	program(relay => 'cat >/dev/null');
	like send_out('same'), qr/^Subject: same\r\n\r\nbody/m, 'printing nothing changes nothing';
	program(relay => 'cat >/dev/null; exit 4');
	like send_out('failing'), qr/^Subject: failing\r\n\r\nbody/m, 'nor does failing';
	wait_told(qr/program for mail to relays failed.*relay ended with status 4/s);
	$p->set('legacy.relay-timeout' => 1);
	program(relay => 'sleep 300');
	like send_out('late'), qr/^Subject: late\r\n\r\nbody/m, 'nor taking too long';
	wait_told(qr/program for mail to relays failed.*took too long and was killed/s);
	is runs('relay'), 4, 'it ran once for each';
	$p->set('legacy.relay-command' => '');
	like send_out('none'), qr/^Subject: none/m, 'without it nothing runs';
	is runs('relay'), 4;
};

$p->stop;
done_testing;

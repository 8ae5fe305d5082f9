#!/usr/bin/perl
# A sender that uses relays: its servers, encryption, login, time-outs, and what relayout.lua says.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Outgoing;
use Postroom::Ports;
use Postroom::Process qw(read_file write_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;
use Time::HiRes qw(time);

my $p = Postroom::Test->start(
	users => { anna => 'anna-secret' },
	set   => { 'sender.retry' => '600', 'sender.connect-timeout' => 5 },
);
my $domain = $p->domain;
my $out = Postroom::Outgoing->new($p);
my $script = $p->dir . '/etc/scripts/relayout.lua';
mkdir $p->dir . '/etc/scripts';

sub relay { return $p->postroom_ok(qw(sender set default --method relay), @_) }
sub dead { return '127.0.0.1:' . Postroom::Ports::port() }

sub delete_all {
	$p->postroom_ok('queue', 'delete', '--all');
	$p->wait_for(sub { !@{ $p->queue } }, 'the queue is empty', 20);
	$p->postroom_ok('queue', 'retry', '--all');
	return;
}

sub logged {
	my ($id, $pattern) = @_;
	return $p->wait_for(sub { return grep { /id=\Q$id\E\b/ && /$pattern/ } split /\n/, $p->log }, "log: $pattern", 15);
}

subtest '04-11.1 the first server that answers is the one' => sub {
	my ($one, $two) = map { Postroom::SmtpServer->start } 1 .. 2;
	relay(qw(--encryption none --servers), dead() . ',' . $two->address);
	my $id = $out->submit('a@x.test');
	is +($two->wait_messages(1))[0]{to}[0], 'a@x.test', 'the first is dead: through the second';
	$out->wait_gone($id);
	$one->set_reply(CONNECT => '554 5.7.1 not for you');
	my $before = $two->connections;
	relay(qw(--encryption none --servers), $one->address . ',' . $two->address);
	$id = $out->submit('a@x.test');
	like $out->wait_attempts($id, 1)->{recipients}[0]{answer}, qr/^554 5\.7\.1 not for you/, 'the first refuses: its words';
	is $two->connections, $before, 'the second is not contacted';
	delete_all();
};

subtest '04-11.2 ports and encryption' => sub {
	my $tls = Postroom::SmtpServer->start(implicit_tls => 1);
	relay(qw(--encryption tls --verify off --servers), $tls->address);
	my $id = $out->submit('a@x.test');
	ok +($tls->wait_messages(1))[0]{tls}, 'TLS first';
	$out->wait_gone($id);
	my $clear = Postroom::SmtpServer->start;
	relay(qw(--encryption starttls --servers), $clear->address);
	$id = $out->submit('a@x.test');
	$out->wait_attempts($id, 1);
	is_deeply [grep { /^MAIL/i } $clear->commands], [], 'STARTTLS is not offered: no MAIL';
	logged($id, 'does not offer STARTTLS');
	delete_all();
};

subtest 'a login that is required and not offered' => sub {
	my $server = Postroom::SmtpServer->start(auth => { us => 'secret' });
	$p->postroom_ok({ stdin => "secret\n" }, qw(sender set default --encryption none --user us --password-stdin --servers),
		$server->address);
	my $id = $out->submit('a@x.test');
	is +($server->wait_messages(1))[0]{user}, 'us', 'logged in';
	$out->wait_gone($id);
	my $without = Postroom::SmtpServer->start;
	$p->postroom_ok(qw(sender set default --servers), $without->address);
	$id = $out->submit('a@x.test');
	$out->wait_attempts($id, 1);
	is_deeply [grep { /^MAIL/i } $without->commands], [], 'not offered: nothing is sent';
	$p->postroom_ok(qw(sender set default --user), '');
	delete_all();
};

my $server = Postroom::SmtpServer->start;
relay(qw(--encryption none --servers), $server->address);

subtest 'the name given in EHLO' => sub {
	$p->postroom_ok(qw(sender set default helo relayed.example.test));
	my $id = $out->submit('a@x.test');
	is +($server->wait_messages(1))[0]{helo}, 'relayed.example.test', 'the sender has a name of its own';
	$out->wait_gone($id);
	$p->postroom_ok(qw(sender unset default helo));
};

subtest '04-10.10 a server that is silent is given up' => sub {
	my %silent = (
		CONNECT => ['sender.timeout.greeting', 'connection'], EHLO => ['sender.timeout.ehlo', 'EHLO'],
		MAIL    => ['sender.timeout.mail', 'MAIL FROM'],      RCPT => ['sender.timeout.rcpt', 'RCPT TO'],
		DATA    => ['sender.timeout.data', 'DATA'],           '.'  => ['sender.data-timeout', 'end of DATA'],
	);
	for my $verb (sort keys %silent) {
		my ($setting, $shown) = @{ $silent{$verb} };
		my $slow = Postroom::SmtpServer->start(replies => { $verb => 'SLEEP 20 250 at last' });
		$p->set($setting => $verb eq '.' ? 5 : 1);
		relay('--servers', $slow->address);
		my $begin = time;
		my $id = $out->submit('a@x.test');
		my $message = $out->wait_attempts($id, 1);
		cmp_ok time - $begin, '<', 15, "$verb: given up in time";
		like $message->{recipients}[0]{answer}, qr/did not answer to "\Q$shown\E" in time/, "$verb: says so, and it waits";
		$p->postroom_ok('unset', $setting);
		delete_all();
		$slow->stop;
	}
	relay('--servers', $server->address);
};

sub lua { write_file($script, $_[0]); return }

subtest '04-11.6 CheckFile skips a message, or says how urgent it is' => sub {
	lua(<<'LUA');
function CheckFile(file, actions, size, created, path, recipients, data, lines)
	if data["Subject"] == "not now" and #recipients == 2 and path:match("^anna@") and #created == 14 and lines[1] then
		actions.SkipSend = true
		actions.Reason = "too early for " .. recipients[2] .. " " .. actions.Priority
	end
	return actions
end
LUA
	my $id = $out->submit(['a@x.test', 'b@x.test'], subject => 'not now');
	logged($id, 'relayout\.lua: not this time: too early for b@x\.test 50');
	is $out->wait_state($id, 'deferred')->{attempts}, 0, 'no attempt is counted';
	my $count = () = $server->messages;
	my $other = $out->submit('a@x.test', subject => 'now');
	$server->wait_messages($count + 1);
	$out->wait_gone($other);
	$out->continuous('default', 'off');
	$p->postroom_ok('queue', 'retry', '--all');
	like $out->run_pass('default'), qr/^sent +0$/m, 'in a pass, too';
	is $out->waiting($id)->{attempts}, 0, 'nothing is counted there either';
	$p->script('relayout');
	like $out->run_pass('default'), qr/^sent +2$/m, 'without the script it goes';

	lua(<<'LUA');
function CheckFile(file, actions, size, created, path, recipients, data, lines)
	actions.Priority = tonumber(data["Subject"])
	return actions
end
LUA
	$p->postroom_ok(qw(sender set default threads 1));
	my @before = $server->messages;
	my @ids = map { $out->submit('a@x.test', subject => $_) } 20, 50, 80;
	$out->wait_state($_, 'waiting') for @ids;
	$out->run_pass('default');
	my @now = $server->messages;
	is_deeply [map { $_->{data} =~ /^Subject: (\d+)/m } @now[@before .. $#now]], [80, 50, 20], 'the highest first';
	$p->postroom_ok(qw(sender unset default threads));
	$out->continuous('default', 'on');
};

subtest 'limits that Start sets' => sub {
	lua("function Start() MaxRecipientsPerMessage = 2 end\nfunction CheckFile(f, actions) return actions end\n");
	my $count = () = $server->messages;
	my $id = $out->submit([map { "r$_\@x.test" } 1 .. 4]);
	my @messages = $server->wait_messages($count + 2);
	is_deeply [map { scalar @{ $_->{to} } } @messages[$count .. $#messages]], [2, 2], 'two transactions';
	$out->wait_gone($id);
};

subtest '04-11.7 ReturnCodeHandler' => sub {
	$server->set_reply(RCPT => '450 4.2.1 no such user');
	lua(<<'LUA');
function ServerConnected() assert(ConnectedServer == "127.0.0.1" and senderid == 0 and sendername == "default") server = ConnectedServer end
function ReturnCodeHandler(command, full, last)
	if full:match("^450") and full == last and server then return "550 5.1.1 " .. command end
end
LUA
	my $id = $out->submit('a@x.test');
	$out->wait_gone($id);
	like +($out->wait_mails('anna', 1))[0], qr/550 5\.1\.1 RCPT TO/, 'a failure report at once';
	lua("function ReturnCodeHandler(command, full) if full:match('^450') then return 'never mind' end end\n");
	$id = $out->submit('a@x.test');
	like $out->wait_attempts($id, 1)->{recipients}[0]{answer}, qr/^450 4\.2\.1/, 'without a code it is ignored';
	$p->wait_for(sub { (read_file($p->dir . '/log/luaerrors.log') // '') =~ /relayout\.lua.*never mind.*no code/ }, 'and told');
	$server->set_reply(RCPT => '250 ok');
	delete_all();
};

subtest 'ModifyReturnPath' => sub {
	lua(<<'LUA');
function ModifyReturnPath(computed, from, original, user, recipients, created, headers, size, ip, subject, all)
	if subject == "srs" and #all == 2 and #recipients == 2 and ip == "127.0.0.1" and size > 0 then return "srs0=" .. computed end
	if subject == "bad" then return "no address" end
end
LUA
	my $count = () = $server->messages;
	for (['srs', "srs0=anna\@$domain"], ['bad', "anna\@$domain"], ['else', "anna\@$domain"]) {
		my ($subject, $from) = @$_;
		$out->submit(['a@x.test', 'b@x.test'], subject => $subject);
		is +($server->wait_messages(++$count))[-1]{from}, $from, $subject;
	}
	$p->script('relayout');
};

$p->stop;
done_testing;

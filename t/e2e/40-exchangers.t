#!/usr/bin/perl
# Which servers a direct sender uses: DNS overrides, mxserverrules.lua and mxout.lua. Servers of different names are
# different loopback addresses with one port.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Dns;
use Postroom::Need qw(need_program);
use Postroom::Outgoing;
use Postroom::Ports;
use Postroom::Process qw(write_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

need_program('nsd');

my $PORT = Postroom::Ports::port();
my $dns = Postroom::Dns->start(zones => {
	'x.test'       => { '@' => 'MX 10 mx.x.test.', mx => 'A 127.0.0.2' },
	'sub.x.test'   => { '@' => 'MX 10 mx.x.test.' },
	'y.test'       => { '@' => ['MX 10 mx1.y.test.', 'MX 20 mx2.y.test.'], mx1 => 'A 127.0.0.2', mx2 => 'A 127.0.0.3' },
	's.test'       => { '*' => 'MX 10 mx2.y.test.' },
	'relay.test'   => { '@' => 'A 127.0.0.4' },
	'example.test' => { mail => 'A 127.0.0.9' },
});
my $p = Postroom::Test->start(
	users => { anna => 'anna-secret' },
	set   => { 'dns.servers' => $dns->address, 'sender.mx-port' => $PORT, 'sender.connect-timeout' => 5 },
);
my $domain = $p->domain;
my $out = Postroom::Outgoing->new($p);
my $two = server('127.0.0.2');
my $three = server('127.0.0.3');
my $four = server('127.0.0.4', auth => { joe => 'let:me@in' });
mkdir $p->dir . '/etc/scripts';

sub server {
	my ($host, %options) = @_;
	return Postroom::SmtpServer->start(host => $host, port => $PORT, %options);
}

sub overrides {
	my (@lines) = @_;
	return $p->postroom_ok(qw(sender set default dns-overrides), join "\n", @lines);
}

sub lua {
	my ($name, $text) = @_;
	write_file($p->dir . "/etc/scripts/$name.lua", $text);
	return;
}

# Send a message; through which server it goes.
sub goes_through {
	my ($to, %options) = @_;
	my %before = map { $_->{host} => scalar(my @all = $_->messages) } $two, $three, $four;
	my $id = $out->submit($to, %options);
	$out->wait_gone($id);
	my @through = grep { my @all = $_->messages; @all > $before{ $_->{host} } } $two, $three, $four;
	return join ' ', map { $_->{host} } @through;
}

sub delete_all {
	$p->postroom_ok('queue', 'delete', '--all');
	$p->wait_for(sub { !@{ $p->queue } }, 'the queue is empty', 20);
	$p->postroom_ok('queue', 'retry', '--all');
	return;
}

subtest '04-12.4 an override with a login, and what it does not concern' => sub {
	is goes_through('a@x.test'), '127.0.0.2', 'without: by MX';
	overrides("x.test joe:let:me\@in\@relay.test:$PORT", "*.y.test relay.test:$PORT");
	is goes_through('a@x.test'), '127.0.0.4', 'in place of its mail exchanger';
	is +($four->messages)[0]{user}, 'joe', 'logged in';
	is goes_through('a@sub.x.test'), '127.0.0.2', 'not of a domain below it';
	is goes_through('a@y.test'), '127.0.0.2', 'a wildcard is not for the domain itself';
	my ($status, undef, $error) = $p->postroom(qw(sender set default dns-overrides), "* relay.test\n* relay.test \$colour=1");
	is $status, 1, 'a bad line is refused';
	like $error, qr/line 2: /, 'which one';
};

subtest '04-12.5 after two attempts' => sub {
	overrides("* relay.test:$PORT \$retries>=2 \$end");
	$two->set_reply(RCPT => '451 4.2.1 later');
	my $id = $out->submit('a@x.test');
	$out->wait_attempts($id, 1);
	$p->postroom_ok('queue', 'retry', $id);
	$out->wait_attempts($id, 2);
	my $count = () = $four->messages;
	$p->postroom_ok('queue', 'retry', $id);
	$out->wait_gone($id);
	is scalar(my @all = $four->messages), $count + 1, 'the third goes through the relay';
	$two->set_reply(RCPT => '250 ok');
};

subtest '04-12.6 conditions about the real mail exchangers, and both' => sub {
	overrides("* relay.test:$PORT \$dnsmx:!*.y.test \$end");
	is goes_through('a@x.test'), '127.0.0.4', 'no real one ends so';
	is goes_through('a@y.test'), '127.0.0.2', 'one does';
	overrides("* relay.test:$PORT \$adddns \$priority:50");
	is goes_through('a@y.test'), '127.0.0.2', 'the real ones come first';
	$_->set_reply(RCPT => '451 4.2.1 later') for $two, $three;
	is goes_through('a@y.test'), '127.0.0.4', 'then the other';
	$_->set_reply(RCPT => '250 ok') for $two, $three;
	$p->postroom_ok(qw(sender unset default dns-overrides));
};

subtest '04-12.7 CheckServer holds a message' => sub {
	lua('mxserverrules', "function CheckServer(domain, server) return server ~= 'mx1.y.test' end\n");
	is goes_through('a@y.test'), '127.0.0.3', 'one is left out';
	lua('mxserverrules', "function CheckServer(domain, server, retries, size, default) return false, 10 end\n");
	my $id = $out->submit('a@y.test');
	my $message = $out->wait_state($id, 'deferred');
	is $message->{attempts}, 0, 'all: no attempt is counted';
	cmp_ok abs($message->{next} - time - 600), '<', 30, 'ten minutes';
	is_deeply [$out->mails('anna')], [], 'nobody is told';
	delete_all();
};

subtest 'GetOverrides and FinalOverrides' => sub {
	lua('mxserverrules', "function GetOverrides(domain, retries, size) if domain == 'y.test' then return {['relay.test:$PORT'] = 5}, true end end\n");
	is goes_through('a@y.test'), '127.0.0.4', 'another server';
	is goes_through('a@x.test'), '127.0.0.2', 'or none';
	lua('mxserverrules', "function GetOverrides() return nil, false end\n");
	my $id = $out->submit('a@y.test');
	$out->wait_gone($id);
	like +($out->wait_mails('anna', 1))[0], qr/mxserverrules\.lua knows no server of y\.test/, 'as if there was none';
	lua('mxserverrules', "function FinalOverrides(domain, servers) assert(servers['mx1.y.test'] == '10'); servers['mx1.y.test'] = 30; return servers end\n");
	is goes_through('a@y.test'), '127.0.0.3', 'another order';
	$p->script('mxserverrules');
};

subtest '04-12.8 ModifyReturnPath, and ServerDetails' => sub {
	lua('mxout', <<'LUA');
function ModifyReturnPath(computed, from, original, user, recipients, created, headers, size, ip, subject)
	if subject == "srs" and ConnectionName == "default" then return "srs0=x@local.test" end
end
function ServerDetails(p, lines, actions)
	if p.domain == "y.test" and p.server == "mx1.y.test" then
		actions.server, actions.ehloName = "relay.test", "script.example.test"
	end
	return actions
end
LUA
	is goes_through('a@x.test', subject => 'srs'), '127.0.0.2', 'sent';
	is +($two->messages)[-1]{from}, 'srs0=x@local.test', 'the peer sees its path';
	is goes_through('a@x.test', subject => 'else'), '127.0.0.2', 'sent';
	is +($two->messages)[-1]{from}, "anna\@$domain", 'else the computed one';
	is goes_through('a@y.test'), '127.0.0.4', 'to another server';
	is +($four->messages)[-1]{helo}, 'script.example.test', 'under another name';
};

subtest 'CheckFile of mxout.lua: the last attempt' => sub {
	lua('mxout', <<'LUA');
function CheckFile(file, actions, size, created, retries, lasttry, path, recipients, data, lines)
	assert(#recipients == 1)
	actions.ForceLastTry = retries == 1 and #lasttry == 14
	return actions
end
LUA
	$two->set_reply(RCPT => '451 4.2.1 later');
	my $id = $out->submit('a@x.test');
	$out->wait_attempts($id, 1);
	$p->stop_running;
	Postroom::Process::run_program('sqlite3', $p->dir . '/state/queue/queue.db', 'UPDATE clock SET offset = offset + 600000');
	$p->run;
	$out->wait_gone($id);
	like +($out->wait_mails('anna', 1))[0], qr/451 4\.2\.1 later/, 'reported at the second';
	$p->script('mxout');
	$two->set_reply(RCPT => '250 ok');
};

subtest '04-12.9 messages given to servers at a time' => sub {
	$p->postroom_ok(qw(sender set default threads 10));
	$p->set('sender.concurrency' => 20);
	$three->set_reply(DATA => "SLEEP 1 354 go on");
	$two->set_reply(DATA => "SLEEP 1 354 go on");
	my @ids = map { $out->submit($_ % 2 ? 'a@x.test' : 'a@y.test') } 1 .. 20;
	$out->wait_gone($_) for @ids;
	cmp_ok $two->most_connections, '<=', 10, 'at most ten sessions';
	cmp_ok $two->most_connections, '>', 3, 'but several';
};

subtest 'sessions that idle when fewer are allowed are used no more' => sub {
	my $before = () = $two->messages;
	my @ids = map { $out->submit('a@x.test') } 1 .. 4;
	$out->wait_gone($_) for @ids;
	my %used = map { $_->{process} => 1 } ($two->messages)[$before .. $before + 3];
	cmp_ok scalar(keys %used), '>', 1, 'several were in use';
	$p->postroom_ok(qw(sender set default threads 1));
	@ids = map { $out->submit('a@x.test') } 1 .. 3;
	$out->wait_gone($_) for @ids;
	my %later = map { $_->{process} => 1 } ($two->messages)[$before + 4 .. $before + 6];
	is scalar(keys %later), 1, 'one is, for all that come later';
};

subtest 'slow destinations leave sessions to others' => sub {
	$p->postroom_ok(qw(sender unset default threads));
	$p->set('sender.max-sessions' => 8);
	$two->set_reply(DATA => '354 go on');
	is goes_through('a@x.test'), '127.0.0.2', 'one is known to be good';
	$three->set_reply(DATA => 'SLEEP 9 354 go on');
	my ($connections, $before) = ($three->connections, scalar(my @all = $three->messages));
	$out->submit("a\@d$_.s.test") for 1 .. 16;
	$p->wait_for(sub { $three->connections >= $connections + 6 }, 'slow ones are connected to');
	is goes_through('b@x.test'), '127.0.0.2', 'mail for it leaves';
	is scalar(@all = $three->messages), $before, '... while all that are slow still wait';
	$three->set_reply(DATA => '354 go on');
	delete_all();
};

$p->stop;
done_testing;

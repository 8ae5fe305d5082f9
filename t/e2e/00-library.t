#!/usr/bin/perl
# The servers that other tests rely on do what their manuals say.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Dns;
use Postroom::ImapResponse qw(take_response parse_response expand_set pack_set);
use Postroom::Need qw(find_program);
use Postroom::Process qw(run_program wait_until);
use Postroom::Sink;
use Postroom::Smtp;
use Postroom::SmtpServer;
use Test::More;

subtest 'a scripted SMTP server' => sub {
	my $server = Postroom::SmtpServer->start(
		name => 'mx.remote.test', extensions => ['SIZE 1000', 'DSN'], tls => 1, auth => { anna => 'secret' },
		replies => {
			RCPT => ['451 4.3.0 later', '250 2.1.5 ok'],
			VRFY => sub { my ($session, $argument) = @_; return "252 $argument for $session->{helo}" },
		},
	);
	my $smtp = Postroom::Smtp->connect(port => $server->port);
	is $smtp->greeting, '220 mx.remote.test ESMTP', 'greeting';
	is_deeply $smtp->ehlo('me.test'), { SIZE => '1000', DSN => '', STARTTLS => '', AUTH => 'PLAIN LOGIN' }, 'EHLO';
	is $smtp->cmd('VRFY x'), 252, 'a function as reply';
	is $smtp->last, '252 x for me.test', 'knows the session';
	is $smtp->starttls, 220, 'STARTTLS';
	ok !exists $smtp->ehlo->{STARTTLS}, 'not offered twice';
	is $smtp->auth('PLAIN', 'anna', 'wrong'), 535, 'wrong password';
	is $smtp->auth('LOGIN', 'anna', 'secret'), 235, 'right password';
	is $smtp->cmd('MAIL FROM:<a@b.test> RET=HDRS'), 250, 'MAIL';
	is $smtp->cmd('RCPT TO:<c@d.test>'), 451, 'the first reply of a list';
	is $smtp->cmd('RCPT TO:<c@d.test> NOTIFY=NEVER'), 250, 'the second';
	is $smtp->cmd('RCPT TO:<e@d.test>'), 250, 'the last one stays';
	is $smtp->data(".dot\nend\n"), 250, 'DATA';
	my ($message) = $server->wait_messages(1);
	is $message->{data}, ".dot\r\nend\r\n", 'the message';
	is_deeply $message->{to}, ['c@d.test', 'e@d.test'], 'its recipients';
	is_deeply $message->{rcpt_arguments}, ['NOTIFY=NEVER', ''], 'with their parameters';
	is $message->{mail_arguments}, 'RET=HDRS', 'parameters of MAIL';
	is $message->{user}, 'anna', 'who logged in';
	like $message->{tls}, qr/\ATLS/, 'under TLS';
	$server->set_reply('.' => '550 5.6.0 no', NOOP => 'DROP');
	unlike $smtp->send_message('a@b.test', ['c@d.test'], 'x'), qr/\A250/, 'a reply changed';
	is scalar($server->messages), 1, 'what is refused is not kept';
	is $smtp->cmd('NOOP'), 0, 'DROP closes';
	$server->set_reply(CONNECT => "421-no\n421 go away");
	$smtp = Postroom::Smtp->connect(port => $server->port);
	is $smtp->greeting, "421-no\n421 go away", 'another greeting, two lines';
	is $server->connections, 2, 'connections';
	is +(grep { $_ eq 'NOOP' } $server->commands), 1, 'commands';
	$server->stop;
	ok !eval { Postroom::Smtp->connect(port => $server->port) }, 'stopped';
};

subtest 'a DNS server with our zones' => sub {
	plan skip_all => 'needs the program nsd' if !find_program('nsd');
	my $dns = Postroom::Dns->start(zones => {
		'remote.test' => { '@' => ['MX 10 mx1.remote.test.'], mx1 => ['A 127.0.0.1', 'AAAA ::1'] },
		'other.test'  => { '@' => 'MX 0 .' },
	});
	ok $dns->answers('remote.test'), 'answers';
	ok !$dns->answers('nowhere.test'), 'not for other zones';
	$dns->change(zones => { 'nowhere.test' => { txt => 'TXT "x"' } });
	ok $dns->answers('nowhere.test'), 'changed';
	ok !$dns->answers('remote.test'), 'the old zones are gone';
	$dns->stop;
};

subtest 'smtp-sink' => sub {
	plan skip_all => 'needs the program smtp-sink' if !find_program('smtp-sink');
	my $sink = Postroom::Sink->start(keep => 1);
	my $smtp = Postroom::Smtp->connect(port => $sink->port);
	like $smtp->send_message('a@b.test', ['c@d.test'], "Subject: x\n\nbody\n"), qr/\A250/, 'taken';
	$smtp->quit;
	wait_until(sub { $sink->messages == 1 && ($sink->messages)[0] =~ /body/ }, 'the message is kept', 10);
	pass 'kept';
	$sink->stop;
};

subtest 'responses of IMAP' => sub {
	my $text = "* 2 FETCH (UID 7 FLAGS (\\Seen x) MODSEQ (12) BODY[HEADER.FIELDS (To)] {4}\r\na\r\nb X \"q\\\"\" Y NIL)\r\n";
	my $buffer = substr $text, 0, -20;
	is take_response(\$buffer), undef, 'half a response is none';
	$buffer = "${text}a1 OK [COPYUID 5 1:3,9 4,6:8] done {3}\r\n* SEA";
	my $response = parse_response(take_response(\$buffer));
	is_deeply [@$response{qw(tag number type)}], ['*', '2', 'FETCH'], 'FETCH';
	is_deeply $response->{items}, { UID => 7, FLAGS => ['\\Seen', 'x'], MODSEQ => 12, Y => undef, X => 'q"',
		'BODY[HEADER.FIELDS (TO)]' => "a\r\nb" }, 'its items, a literal among them';
	$response = parse_response(take_response(\$buffer));
	is_deeply [@$response{qw(tag type code text)}, @{ $response->{code_data} }],
		['a1', 'OK', 'COPYUID', 'done {3}', 5, '1:3,9', '4,6:8'], 'a tagged one, whose text ends like a literal';
	is $buffer, '* SEA', 'what follows is left';
	is_deeply parse_response("* ESEARCH (TAG \"a\") UID COUNT 3 ALL 2,4:5\r\n")->{found}, [2, 4, 5], 'ESEARCH';
	is_deeply parse_response("* SEARCH 3 1 (MODSEQ 9)\r\n")->{found}, [1, 3], 'SEARCH';
	is_deeply parse_response("* VANISHED (EARLIER) 1:2\r\n")->{uids}, [1, 2], 'VANISHED';
	is_deeply parse_response("* THREAD (1)(2 (3)(4))\r\n")->{data}, [['1'], ['2', ['3'], ['4']]], 'lists side by side';
	for my $wrong ("* 1 FETCH (UID 1  FLAGS ())\r\n", "* 1 FETCH (UID 1 UID 1)\r\n", "* 1 FETCH (UID 01)\r\n", "a1 EXISTS\r\n",
		"* FLAGS (a b\r\n", "* LIST () \"/\" a  b\r\n", "* VANISHED 3:x\r\n", "* OK [X\r\n")
	{
		ok !eval { parse_response($wrong) }, 'wrong: ' . $wrong =~ s/\r\n//r;
	}
	is pack_set(expand_set('7,1:3')), '7,1:3', 'sets';
};

subtest 'programs' => sub {
	is_deeply [run_program({ stdin => 'in' }, 'sh', '-c', 'cat; echo err >&2; exit 3')], [3, 'in', "err\n"], 'run_program';
	is_deeply [run_program('sh', '-c', 'kill -9 $$')], [137, '', ''], 'a signal';
	is +(run_program('/nowhere'))[0], 127, 'no such program';
	ok !eval { run_program({ timeout => 0.2 }, 'sleep', '30') }, 'a time limit';
	like $@, qr/did not end in time/, 'says so';
};

done_testing;

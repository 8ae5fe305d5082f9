#!/usr/bin/perl
# Scripts: kept, taken over, run by hand, run by the schedule. What the server makes of them is in the tests of each.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Process qw(read_file write_file);
use Postroom::Test;
use Test::More;
use Time::HiRes ();

my $p = Postroom::Test->start(users => { anna => 'anna-secret' }, set => { 'bandwidth.pools' => '1=30000' });
my $scripts = $p->dir . '/etc/scripts';

subtest '09-5.10 GetBandwidth throttles one client; what cannot be compiled is told with its line' => sub {
	write_file("$scripts/bandwidth.lua", 'function GetBandwidth(p) if p.clientip == "127.0.0.9" then return -1 end return 0 end');
	my $text = "Subject: large\n\n" . ('x' x 70 . "\n") x 600;
	my %seconds;
	for my $address ('127.0.0.1', '127.0.0.9') {
		my $smtp = $p->smtp(local => $address);
		$smtp->ehlo;
		my $begin = Time::HiRes::time();
		like $smtp->send_message('a@b.test', ['anna@' . $p->domain], $text), qr/\A250/, "a message from $address";
		$seconds{$address} = Time::HiRes::time() - $begin;
	}
	cmp_ok $seconds{'127.0.0.9'}, '>', 1, 'that client is in the pool';
	cmp_ok $seconds{'127.0.0.1'}, '<', $seconds{'127.0.0.9'}, 'another is not';
	write_file($p->dir . '/wrong.lua', "x = = 1\n");
	write_file($p->dir . '/right.lua', "x = 1\n");
	my ($status, $out, $err) = $p->postroom('script', 'check', $p->dir . '/right.lua', $p->dir . '/wrong.lua');
	is $status, 1, 'check refuses';
	like $err, qr/wrong\.lua:1: unexpected symbol near '='/, 'line 1';
	unlike $err, qr/right/, 'and that alone';
};

# Those that are kept, by name.
sub kept { return map { $_->{name} => $_ } @{ $p->postroom_json('script', 'list') } }

sub luaerrors { return read_file($p->dir . '/log/luaerrors.log') // '' }

subtest '07-17.3 what is put into etc/scripts is taken over' => sub {
	unlink "$scripts/bandwidth.lua";
	write_file("$scripts/BANDWIDTH.LUA", "function GetBandwidth() print('from the file') return 0 end\n");
	$p->wait_for(sub { -e "$scripts/BANDWIDTH.LUA.OLD" }, 'it is renamed', 10);
	ok !-e "$scripts/BANDWIDTH.LUA", 'the file is gone';
	my %row = kept();
	is $row{'bandwidth.lua'}{called}, 1, 'it is kept, in lower case';
	like $p->postroom_ok('script', 'show', 'bandwidth'), qr/from the file/, 'with its text';
	$p->smtp->ehlo;
	$p->wait_for(sub { luaerrors() =~ /from the file/ }, 'the next session runs it', 10);
	write_file("$scripts/bandwidth.lua", "function GetBandwidth() print('another') return 0 end\n");
	$p->smtp->ehlo;
	$p->wait_for(sub { luaerrors() =~ /another/ }, 'another one at once', 10);
	$p->wait_for(sub { $p->postroom_ok('script', 'show', 'bandwidth') =~ /another/ }, 'it takes the place of the first', 10);
	write_file("$scripts/broken.lua", 'if x');
	chmod 0666, write_file("$scripts/others.lua", 'x = 1') if $> == 0;
	$p->wait_log(qr{etc/scripts/broken\.lua is not taken over: broken\.lua:1: .*near <eof>}, 10);
	$p->wait_log(qr{others\.lua is not taken over: it must belong to root}, 10) if $> == 0;
	ok -e "$scripts/broken.lua", 'what cannot be compiled stays';
	unlink "$scripts/broken.lua", "$scripts/others.lua";
	is_deeply [sort keys %{ { kept() } }], ['bandwidth.lua'], 'and nothing else is kept';
};

subtest '07-17.4 an endless loop' => sub {
	$p->script('bandwidth', "function GetBandwidth() while true do end end\n");
	my $smtp = $p->smtp;
	$smtp->ehlo;
	like $smtp->send_message('a@b.test', ['anna@' . $p->domain], "Subject: x\n\nx\n"), qr/\A250/, 'the session goes on';
	$p->wait_for(sub { luaerrors() =~ /bandwidth\.lua GetBandwidth: stopped after/ }, 'the error', 20);
	$p->script('bandwidth');
};

subtest '09-5.1 a file is used for the next message' => sub {
	write_file("$scripts/signature.lua", "function GetInternalSignature() return '-- of a script' end\n");
	my $smtp = $p->smtp(service => 'submission');
	my $anna = 'anna@' . $p->domain;
	$smtp->ehlo;
	is $smtp->auth('PLAIN', 'anna', 'anna-secret'), 235, 'logged in';
	my $message = "Subject: signed\nFrom: $anna\nContent-Type: text/plain\n\nhello\n";
	like $smtp->send_message($anna, [$anna], $message), qr/\A250/, 'sent';
	my $last = sub {
		my $pop3 = $p->pop3;
		$pop3->login('anna', 'anna-secret');
		return $pop3->retr(($pop3->stat)[0]);
	};
	$p->wait_for(sub { $last->() =~ /hello\s+-- of a script/ }, 'the message has it', 10);
	$p->wait_for(sub { -e "$scripts/signature.lua.old" }, 'it is taken over', 10);
	ok { kept() }->{'signature.lua'}, 'and kept';
	$p->script('signature');
};

subtest 'kept by hand: import, list, show, edit, export, delete' => sub {
	write_file($p->dir . '/Mine.lua', "if x");
	my ($status, undef, $err) = $p->postroom('script', 'import', $p->dir . '/Mine.lua');
	is $status, 0, '07-17.2 broken text is kept';
	like $err, qr/not used: mine\.lua:1: .*near <eof>/, 'which is told, with the line';
	$p->script('anna/delivery', "function DeliverMessage() end\n");
	my %row = kept();
	is_deeply [sort keys %row], ['anna/delivery.lua', 'mine.lua'], 'all';
	ok $row{'anna/delivery.lua'}{called}, 'one of a user';
	ok !$row{'mine.lua'}{called}, 'one that nobody calls';
	like $row{'mine.lua'}{error}, qr/\Amine\.lua:1: /, 'flagged';
	ok !-e $p->dir . '/state/settings/scripts/mine.lua', 'and not published';
	my %all = map { $_->{name} => $_ } @{ $p->postroom_json('script', 'list', '--all') };
	ok $all{'smtpsvr.lua'} && !$all{'smtpsvr.lua'}{kept}, 'with --all those that there could be';
	local $ENV{EDITOR} = "sed -i s/if.x/print(7)/";
	local $ENV{VISUAL} = undef;
	delete $ENV{VISUAL};
	$p->postroom_ok('script', 'edit', 'mine');
	is $p->postroom_ok('script', 'show', 'mine'), 'print(7)', 'an editor changes it';
	local $ENV{EDITOR} = 'false';
	($status) = $p->postroom('script', 'edit', 'mine');
	is $status, 1, 'an editor that fails changes nothing';
	$p->postroom_ok('script', 'export', 'mine', $p->dir . '/out.lua');
	is read_file($p->dir . '/out.lua'), 'print(7)', 'into a file';
	($status, undef, $err) = $p->postroom('script', 'import', $p->dir . '/out.lua', '../x');
	is $status, 1, 'no such name';
	like $err, qr/name of a script/, 'is told';
	$p->postroom_ok('user', 'add', 'otto', '--no-password');
	$p->script('otto/delivery', 'x = 1');
	$p->postroom_ok('user', 'rename', 'otto', 'emil');
	ok { kept() }->{'emil/delivery.lua'}, 'a user who is renamed keeps his';
	$p->postroom_ok('user', 'delete', 'emil', '--yes');
	ok !{ kept() }->{'emil/delivery.lua'}, 'who is deleted does not';
	$p->script('mine');
	is_deeply [sort keys %{ { kept() } }], ['anna/delivery.lua'], 'deleted';
};

subtest 'the text of all settings has them' => sub {
	my $text = "-- \\ | tabs\n\tif true then\n\t\tx = 1  \n\n\tend\n" . '-- ' . 'long ' x 2000;
	$p->script('mine', $text);
	my $export = $p->postroom_ok('export');
	$p->script('mine');
	$p->postroom_ok({ stdin => $export }, 'import', '-');
	is $p->postroom_ok('script', 'show', 'mine'), $text, 'every byte is there again';
	is $p->postroom_ok('export'), $export, 'and the text is the same';
	$p->script('mine');
	$p->postroom_ok({ stdin => $export =~ s/\n\[script\]\nname = mine\.lua\n(?:text = .*\n)+//r }, 'import', '-');
	is_deeply [sort keys %{ { kept() } }], ['anna/delivery.lua'], 'what the text lacks goes';
};

subtest 'require' => sub {
	$p->script('words', "times = (times or 0) + 1\nreturn { hello = 'Hello' }\n");
	write_file($p->dir . '/r.lua', "local w = require 'words'\nassert(require('Words.lua') == w)\nprint(w.hello, times)\n");
	is $p->postroom_ok('script', 'run', $p->dir . '/r.lua'), "Hello 1\n", 'runs it once';
	write_file($p->dir . '/r.lua', "require 'nothing'\n");
	my ($status, undef, $err) = $p->postroom('script', 'run', $p->dir . '/r.lua');
	like $err, qr/there is no script nothing\.lua/, 'one that there is not';
	write_file($p->dir . '/r.lua', "require '../../keys/x'\n");
	($status, undef, $err) = $p->postroom('script', 'run', $p->dir . '/r.lua');
	like $err, qr/name of a script/, 'nothing but scripts';
};

subtest 'run' => sub {
	write_file($p->dir . '/hello.lua', "print(6*7)\nprint('and', string.rep('x', 3))\n");
	is $p->postroom_ok('script', 'run', $p->dir . '/hello.lua'), "42\nand xxx\n", 'what it prints';
	write_file($p->dir . '/fails.lua', "print('before')\nerror('on purpose')\n");
	my ($status, $out, $err) = $p->postroom('script', 'run', $p->dir . '/fails.lua');
	is $status, 1, 'an error';
	is $out, "before\n", 'with what came before';
	like $err, qr/fails\.lua: .*:2: on purpose/, 'and where';
	($status, $out, $err) = $p->postroom('script', 'run', $p->dir . '/none.lua');
	is $status, 1, 'no such file';
	write_file($p->dir . '/system.lua', 'os.execute("true")');
	($status) = $p->postroom('script', 'run', $p->dir . '/system.lua');
	is $status, 1, 'no way to the system';
	write_file($p->dir . '/endless.lua', "print('x') local t = {} while true do t[#t + 1] = ('y'):rep(1000000) end");
	($status, undef, $err) = $p->postroom('script', 'run', $p->dir . '/endless.lua');
	is $status, 1, 'memory has a limit';
	like $err, qr/not enough memory/, 'is told';
};

$p->stop;
done_testing;

#!/usr/bin/perl
# scheduler.lua: kept while its text stays the same, called by the clock.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Process qw(read_file);
use Postroom::Test;
use Test::More;

$ENV{POSTROOM_MINUTE} = 500; # milliseconds
my $p = Postroom::Test->start;

sub luaerrors { return read_file($p->dir . '/log/luaerrors.log') // '' }

subtest '07-17.5 scheduler.lua' => sub {
	my $said = sub {
		my ($pattern, $what) = @_;
		$p->wait_for(sub { luaerrors() =~ /scheduler\.lua print: $pattern/ }, $what, 15);
	};
	$p->script('scheduler', <<'LUA');
count = 10
function Start() print("started") end
function Sched1Min() count = count + 1 print("first " .. count) end
function Sched5Min() print("five") end
function Unload() return "was " .. (count > 11 and "counted" or "new") end
LUA
	$said->('started', 'Start');
	$said->('first 11', 'Sched1Min');
	$said->('first 13', 'its counter is kept');
	$said->('five', 'Sched5Min');
	$p->script('scheduler', "function Reload(text) print('handed ' .. text) end\nfunction Start() print('again') end\n");
	$said->('handed was counted', 'Unload hands something to Reload');
	unlike luaerrors(), qr/print: again/, 'which takes the place of Start';
	$p->script('scheduler', 'function Start() while true do end end');
	$p->script('scheduler');
};

$p->stop;
done_testing;

#!/usr/bin/perl
# lanforwarding.lua: other rules and another return path for one recipient.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Process qw(write_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { anna => 'anna-secret' }, relay => ['127.0.0.9']);
my $one = Postroom::SmtpServer->start;
my $two = Postroom::SmtpServer->start(auth => { fred => 'fred-secret' }, tls => 0);
$p->postroom_ok('lan-rule', 'add', '--address', '*@corp.test', '--server', $one->address, '--comment', 'the office');
my %got = (one => 0, two => 0);

sub script { write_file($p->dir . '/etc/scripts/lanforwarding.lua', join "\n", @_); return }

sub send_to {
	my ($to, $from) = @_;
	my $smtp = $p->smtp;
	my $reply = $smtp->send_message($from // 'ann@x.test', [$to], "Subject: x\n\nbody\n");
	$smtp->quit;
	return $reply;
}

# The next message that a server gets.
sub next_of {
	my ($name, $server) = @_;
	my @messages = $server->wait_messages(++$got{$name});
	return $messages[-1];
}

subtest 'without a say' => sub {
	script('function Other() end');
	like send_to('bob@corp.test'), qr/\A250 /, 'taken';
	my $message = next_of(one => $one);
	is_deeply [$message->{from}, @{ $message->{to} }], ['ann@x.test', 'bob@corp.test'], 'by the rule as it is';
};

subtest '07 LanForwarding.lua: rules are replaced for one recipient' => sub {
	script('function PreprocessRules(returnpath, recipient, checkmode, collector, rcptlocal, rcptdomain, rules)',
		'  if rcptdomain ~= "corp.test" then return nil end',
		'  if #rules ~= 1 or rules[1].Comment ~= "the office" or collector ~= -1 or rcptlocal ~= "" then error("arguments") end',
		'  if checkmode ~= (MessageType == "check") then error("mode") end',
		'  if recipient == "none@corp.test" then return {} end',
		'  if recipient == "same@corp.test" then return rules end',
		'  if recipient == "bad@corp.test" then return { { InAddress = "*@*", ServerAddress = "x" }, rules[1] } end',
		'  local to = "' . $two->address . '"',
		'  return { { InAddress = "*@corp.test", ServerAddress = to, ServerUsername = "fred", ServerPassword = "fred-secret",',
		'    OutAddress = "*@inner.test", Comment = "by script", ExtraData = returnpath .. " " .. MessageType .. " " .. MessageType2 } }',
		'end',
		'function GetReturnPath(returnpath, originalrecipient, targetrecipient, collector, targetserver, ruleid, comment, extradata)',
		'  if originalrecipient == "same@corp.test" then return "" end',
		'  if comment ~= "by script" then return nil end',
		'  return "srs=" .. extradata:gsub("[ @]", "_") .. "=" .. targetrecipient:gsub("@.*", "") .. "@example.test"',
		'end');
	like send_to('bob@corp.test'), qr/\A250 /, 'taken';
	my $message = next_of(two => $two);
	is_deeply $message->{to}, ['bob@inner.test'], 'another server gets it, rewritten';
	is $message->{user}, 'fred', 'with the login of the script';
	is $message->{from}, 'srs=ann_x.test_message_queue=bob@example.test', 'from the return path of the script';
	unlike $p->log, qr/fred-secret/, 'whose password is not in the log';
	like send_to('same@corp.test'), qr/\A250 /, 'the rules as they were';
	$message = next_of(one => $one);
	is_deeply [$message->{from}, @{ $message->{to} }], ['', 'same@corp.test'], 'with the null return path';
	like send_to('none@corp.test'), qr/\A5[35]0 /, 'no rule: nobody\'s business here';
	like send_to('bad@corp.test'), qr/\A250 /, 'a rule that the settings would refuse';
	is_deeply next_of(one => $one)->{to}, ['bad@corp.test'], 'is left out';
	$p->wait_log(qr/lanforwarding\.lua.*PreprocessRules.*address/i, 10);
	$p->wait_for(sub { join(',', map { $_->{matches} } @{ $p->postroom_json('lan', 'matches') }) eq '3' }, 'the rule counts what it took itself', 20);
	like send_to('anna@example.test'), qr/\A250 /, 'others are not concerned';
};

subtest 'a script that fails or hangs' => sub {
	script('function PreprocessRules() error("broken") end');
	like send_to('bob@corp.test'), qr/\A250 /, 'one that fails';
	is_deeply next_of(one => $one)->{to}, ['bob@corp.test'], 'changes nothing';
	script('function PreprocessRules() while true do end end');
	like send_to('bob@corp.test'), qr/\A250 /, 'one that hangs is ended';
	is_deeply next_of(one => $one)->{to}, ['bob@corp.test'], 'and changes nothing';
	script('function PreprocessRules() return { "text" } end');
	like send_to('bob@corp.test'), qr/\A250 /, 'an answer that is none';
	is_deeply next_of(one => $one)->{to}, ['bob@corp.test'], 'changes nothing';
};

$p->stop;
$_->stop for $one, $two;
done_testing;

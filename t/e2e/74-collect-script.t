#!/usr/bin/perl
# pop3clt.lua: what the administrator's script has to say about messages that are collected.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Collecting;
use Postroom::Process qw(read_file write_file);
use Postroom::Test;
use Test::More;

my @users = qw(bob fred kate);
my $p = Postroom::Test->start(users => { map { $_ => "$_-secret" } @users });
my $c = Postroom::Collecting->new($p, 'accepted-domains' => 'company.com', rules => 'on');
my $d = $c->{d};
my $file = $p->dir . '/etc/scripts/pop3clt.lua';
my $errors = $p->dir . '/log/luaerrors.log';

sub script {
	my ($text) = @_;
	write_file("$file.new", $text);
	chmod 0644, "$file.new";
	rename "$file.new", $file or die "cannot rename $file.new: $!\n";
	return;
}

sub is_in { return is scalar($d->find($_[0], 'INBOX', $_[1])), 1, "in the inbox of $_[0]" }
sub is_not_in { return is scalar($d->find($_[0], 'INBOX', $_[1])), 0, "not in the inbox of $_[0]" }
sub errors_have {
	my ($pattern) = @_;
	$p->wait_for(sub { read_file($errors) =~ $pattern }, "luaerrors.log has $pattern", 10);
	return pass "luaerrors.log has $pattern";
}

subtest '04-7.1 DownloadRules' => sub {
	script(<<'LUA');
function DownloadRules(headers, size, recipients, id, name, uidl)
	print("asked", size > 0, #headers > 2, recipients[1], id, name, uidl ~= "", CollectorId, CollectorName, ServerName)
	for _, line in ipairs(headers) do
		if line:find("^Subject: .*script") then return "Delete Silently" end
		if line:find("^Subject: .*turn") then return "redirect", "fred" end
		if line:find("^Subject: .*nonsense") then return "no such action" end
	end
end
LUA
	$p->postroom_ok('download-rule', 'add', '--action', 'redirect', '--parameter', 'bob', '--condition', 'Subject contains rule');
	my $script = $c->put(['To: kate@company.com', 'Subject: the script decides, not the rule']);
	my $rule = $c->put(['To: kate@company.com', 'Subject: the rule decides']);
	my $none = $c->put(['To: kate@company.com', 'Subject: nobody decides']);
	my $turn = $c->put(['To: kate@company.com', 'Subject: turn it']);
	my $bad = $c->put(['To: kate@company.com', 'Subject: nonsense']);
	$c->run;
	is scalar($c->commands('RETR')), 4, 'one is not fetched';
	is scalar(grep { $_->{data} =~ /$script/ } $c->{server}->remaining), 0, '... and gone';
	is_not_in($_, $script) for @users;
	is_in('bob', $rule);
	is_in('kate', $none);
	is_in('fred', $turn);
	is_in('kate', $bad);
	errors_have(qr/asked true true kate\@company\.com 1 isp true 1 isp 127\.0\.0\.1/);
	errors_have(qr/DownloadRules: returned "no such action", which is no action that ends the rules/);
	$p->postroom_ok('download-rule', 'delete', 1);
};

subtest '04-7.2 lines' => sub {
	script(<<'LUA');
function StartMessage() print("message begins") end
function EndMessage() print("message ends") end
function MessageLineRaw(line)
	if line:find("^%.") then print("raw [" .. line .. "]") end
	if line == "drop this" then return false end
end
function MessageLine(line)
	if line:find("^Subject:") then return "Subject: another subject" end
	if line == "break" then return "two\r\nlines" end
end
LUA
	my $mark = $c->put(['To: kate@company.com', 'Subject: the first subject'],
		body => "first\n.dots\ndrop this\nbreak\nlast\n");
	$c->run;
	my ($text) = $d->find('kate', 'INBOX', $mark);
	like $text, qr/^Subject: another subject\r?$/m, 'a header line was replaced';
	unlike $text, qr/first subject|drop this/, 'a line was dropped';
	like $text, qr/^first\r\n\.dots\r\nbreak\r\nlast\r\n/m, 'the rest is as it was';
	errors_have(qr/raw \[\.dots\]/);
	errors_have(qr/MessageLine: returned more than one line/);
	errors_have(qr/message begins.*message ends/s);
};

subtest '04-7.3 ProcessMessage' => sub {
	script(<<'LUA');
function ProcessMessage(from, subject, recipients, actions, mime, size, attachments)
	print("process", from, subject, recipients[1], mime.MIMEType, size > 0, #attachments, Postroom.GetMessagePartBody("1"))
	if subject:find("elsewhere") then
		actions.Recipients = {"fred"}
		actions.SendToOriginalRecipients = false
		actions.HeaderModifiers = {"X-By: script"}
		actions.Reason = "it is for fred"
	elseif subject:find("too") then
		actions.Recipients = {"fred", "a@b@c"}
	elseif subject:find("nobody") then
		actions.Ignore = true
	elseif subject:find("away") then
		actions.Delete = true
	end
	return actions, "done"
end
LUA
	my $mark = $c->put(['Return-Path: <a@far.test>', 'To: kate@company.com', 'Subject: elsewhere']);
	my $both = $c->put(['To: kate@company.com', 'Subject: for him too']);
	my $none = $c->put(['To: kate@company.com', 'Subject: for nobody']);
	my $stay = $c->put(['To: kate@company.com', 'Subject: stay']);
	my $away = $c->put(['To: kate@company.com', 'Subject: away']);
	$c->set('leave-days' => 3);
	$c->run;
	is_in('fred', $mark);
	is_not_in('kate', $mark);
	like [$d->find('fred', 'INBOX', $mark)]->[0], qr/^X-By: script\r?$/m, 'with a header of the script';
	is_in($_, $both) for 'kate', 'fred';
	is_not_in($_, $none) for @users;
	is_in('kate', $away);
	is scalar(grep { $_->{data} =~ /$stay/ } $c->{server}->remaining), 1, 'one is left at the server';
	is scalar(grep { $_->{data} =~ /$away/ } $c->{server}->remaining), 0, '... not the one that is to be deleted';
	errors_have(qr{process a\@far\.test elsewhere kate\@company\.com text/plain true 0 Hello});
	errors_have(qr/ProcessMessage: "a\@b\@c" is neither a name nor an address/);
	like $p->log, qr/pop3clt\.lua: it is for fred/, 'the reason is in the log';
	$c->reset;
};

subtest '04-7.4 errors let messages through' => sub {
	for my $function (qw(Start DownloadRules StartMessage MessageLineRaw MessageLine EndMessage ProcessMessage End)) {
		script("function $function() error('oops in $function') end\n");
		my $mark = $c->put(['To: kate@company.com', 'Subject: unharmed'], body => "one\ntwo\n");
		$c->run;
		my ($text) = $d->find('kate', 'INBOX', $mark);
		like $text, qr/^Subject: unharmed\r\n\r\none\r\ntwo\r\n/m, "$function: unchanged";
		errors_have(qr/oops in $function/);
	}
	script("this is no lua\n");
	my $mark = $c->put(['To: kate@company.com', 'Subject: unharmed']);
	$c->run;
	is_in('kate', $mark);
	errors_have(qr/pop3clt\.lua.*syntax error/);
};

$p->finish;
done_testing;

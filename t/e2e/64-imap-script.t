#!/usr/bin/perl
# imap4svr.lua: DoCapability, DoListResult, GetEncryption; what wrong scripts do not do.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Connection;
use Postroom::Process qw(read_file write_file);
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { anna => 'anna-secret', bert => 'bert-secret' });
my $file = $p->dir . '/etc/scripts/imap4svr.lua';

# A change holds from the next call on.
sub script {
	my ($text) = @_;
	write_file("$file.new", $text);
	chmod 0644, "$file.new";
	rename "$file.new", $file or die "cannot rename $file.new: $!\n";
	return;
}

sub logged_in {
	my ($user, @options) = @_;
	my $imap = $p->imap(@options);
	$imap->login($user, "$user-secret")->{type} eq 'OK' or die $imap->last->{raw};
	return $imap;
}

sub raw {
	return Postroom::Connection->connect(host => '127.0.0.1', port => $p->port('imap'), @_);
}

# The words of an untagged CAPABILITY, or of the code of a response.
sub words {
	my ($response) = @_;
	return join ' ', @{ $response->{code_data} // $response->{data} };
}

sub names {
	my ($imap, $command) = @_;
	$imap->cmd($command)->{type} eq 'OK' or die $imap->last->{raw};
	return join ' ', sort map { $_->{raw} =~ /(\S+)\r?\n\z/ } $imap->untagged('LIST'), $imap->untagged('LSUB');
}

sub errors { return read_file($p->dir . '/log/luaerrors.log') }

sub wait_error {
	my ($pattern) = @_;
	$p->wait_for(sub { -e $p->dir . '/log/luaerrors.log' && errors() =~ $pattern }, "an error like $pattern", 10);
	return;
}

subtest '05-13.6 DoCapability hides IDLE' => sub {
	my $imap = logged_in('anna');
	ok $imap->has('IDLE'), 'without a script there is IDLE';
	script(<<'LUA');
function DoCapability(ipaddr, capabilities)
	return (capabilities:gsub(" IDLE ", " "):gsub(" STARTTLS ", " "))
end
LUA
	$imap->cmd('CAPABILITY');
	my ($capability) = $imap->untagged('CAPABILITY');
	like $capability->{raw}, qr/\A\* CAPABILITY (?:[^ ]+ )*[^ ]+\r\n\z/, '09-5.9 no double space';
	unlike $capability->{raw}, qr/ IDLE[ \r]/, 'nor IDLE';
	like $capability->{raw}, qr/ NOTIFY[ \r]/, 'the rest stays';
	is $imap->cmd('IDLE')->{type}, 'BAD', 'it is not taken';
	$imap = $p->imap;
	unlike words($imap->greeting), qr/STARTTLS/, 'the greeting is asked about too';
	$imap->cmd('CAPABILITY');
	unlike words($imap->untagged('CAPABILITY')), qr/STARTTLS/, 'and CAPABILITY before the login';
	$imap->login('anna', 'anna-secret');
	like words($imap->last), qr/\bNOTIFY\b/, 'the answer to the login has capabilities';
	unlike words($imap->last), qr/\bIDLE\b/, 'without IDLE';
	is $imap->cmd('IDLE')->{type}, 'BAD', 'which is not taken';
	$p->script('imap4svr');
	ok $imap->has('IDLE'), 'the script went: IDLE is back';
	$imap->idle;
	is $imap->done->{type}, 'OK', 'and works';
};

subtest 'DoCapability by address, and what it cannot do' => sub {
	script(<<'LUA');
function DoCapability(ipaddr, capabilities)
	if ipaddr == "127.0.0.2" then return capabilities .. "XMAGIC IMAP4rev1 x\r\n* BYE" end
	if ipaddr == "127.0.0.3" then return " NAMESPACE " end
	if ipaddr == "127.0.0.4" then return nil end
	return " ID   IMAP4rev1 "
end
LUA
	is words(logged_in('anna')->last), 'ID IMAP4rev1', 'what it leaves, in its order';
	my $all = words(logged_in('anna', local => '127.0.0.4')->last);
	like $all, qr/\AIMAP4rev1 IMAP4rev2 /, 'nil changes nothing';
	is words(logged_in('anna', local => '127.0.0.2')->last), $all, 'nothing is added, nor twice';
	is words(logged_in('anna', local => '127.0.0.3')->last), $all, 'without a protocol it is no answer';
	wait_error(qr/imap4svr\.lua DoCapability: the result has neither IMAP4rev1 nor IMAP4rev2/);
	$p->script('imap4svr');
};

subtest '05-13.8 DoListResult hides a folder from LIST, and SELECT opens it' => sub {
	my $imap = logged_in('anna');
	$imap->cmd("CREATE $_") for 'Secret', 'Secret/Sub', 'Shown', 'Gr&APw-n';
	$imap->cmd('SUBSCRIBE Secret');
	script(<<'LUA');
function DoListResult(folder, attributes, extended)
	if not attributes:find("Subscribed") then print(folder .. ";" .. attributes .. ";" .. extended) end
	return folder ~= "Secret", attributes, extended
end
LUA
	is names($imap, 'LIST "" "*"'), 'Drafts Gr&APw-n INBOX Items" Items" Secret/Sub Shown', 'all but it';
	is names($imap, 'LIST "" Secret RETURN (STATUS (MESSAGES))'), '', 'nor by its name';
	is scalar($imap->untagged('STATUS')), 0, 'nor its STATUS';
	is names($imap, 'LIST (SUBSCRIBED) "" "S*"'), 'Items"', 'nor among subscriptions';
	ok $imap->select('Secret'), 'SELECT opens it';
	ok $imap->status('Secret', 'MESSAGES'), 'STATUS too';
	is names($imap, 'LIST (SUBSCRIBED RECURSIVEMATCH) "" %'), 'Drafts INBOX Items" Items"', 'a level above others as well';
	$imap->cmd('UNSUBSCRIBE Secret');
	$imap->cmd('SUBSCRIBE Shown/Sub');
	$imap->cmd('LIST (SUBSCRIBED RECURSIVEMATCH) "" Shown');
	like(($imap->untagged('LIST'))[0]{raw}, qr/ Shown \("CHILDINFO" \("SUBSCRIBED"\)\)\r\n\z/, 'extended data stays');
	wait_error(qr/imap4svr\.lua print: Secret;\\+HasChildren;\n/);
	wait_error(qr/print: Gr\x{c3}\x{bc}n;|print: Gr\\xc3\\xbcn;/);
	wait_error(qr/print: Shown;\\+HasNoChildren; \("CHILDINFO" \("SUBSCRIBED"\)\)\n/);
	$imap->cmd('NOTIFY SET (personal (MailboxName))');
	my $other = logged_in('anna');
	$other->cmd("CREATE $_") for 'Secret/Two', 'Told';
	my $told = $imap->wait_for(sub { $_[0]{type} eq 'LIST' && $_[0]{raw} =~ /Told/ }, 10);
	ok $told, 'NOTIFY tells of new folders';
	is scalar(grep { $_->{raw} =~ / Secret\r/ } $imap->untagged('LIST')), 0, 'not of a hidden one';
	$p->script('imap4svr');
	like names($imap, 'LIST "" S*'), qr/\bSecret /, 'without the script it is shown again';
};

subtest 'DoListResult changes lines, within the grammar' => sub {
	my $imap = logged_in('bert');
	script(<<'LUA');
local answers = {
	Drafts = {true, "\\Drafts  \\Marked", " (\"X-A\" (\"b)\\\"\"))"},
	INBOX = {true, "\\Noinferiors) \"/\" X\r\n* BYE", " (x)\r\n* BYE"},
	["Sent Items"] = {},
	["Deleted Items"] = {true, "", " (\"A\" (1)) (\"B\" (2))"},
}
function DoListResult(folder, attributes, extended)
	return table.unpack(answers[folder], 1, 3)
end
LUA
	$imap->cmd('LIST "" *');
	my %line = map { my $raw = $_->{raw}; $raw =~ m{"/" ("[^"]*"|\w+)} ? ($1 => $raw) : () } $imap->untagged('LIST');
	is $line{Drafts}, qq{* LIST (\\Drafts \\Marked) "/" Drafts ("X-A" ("b)\\""))\r\n}, 'attributes and extended data';
	is $line{INBOX}, qq{* LIST (\\HasNoChildren) "/" INBOX\r\n}, 'no other lines';
	is $line{'"Sent Items"'}, qq{* LIST (\\HasNoChildren \\Sent) "/" "Sent Items"\r\n}, 'nothing: as it was';
	is $line{'"Deleted Items"'}, qq{* LIST () "/" "Deleted Items"\r\n}, 'one parenthesis';
	wait_error(qr/DoListResult: the attributes are not words/);
	wait_error(qr/DoListResult: the extended data is neither empty nor/);
	script("function DoListResult(folder) return 'no' end\n");
	is names($imap, 'LIST "" INBOX'), 'INBOX', 'a show that is no boolean is none';
	wait_error(qr/DoListResult: result 1 is a string/);
	$p->script('imap4svr');
};

subtest 'GetEncryption chooses by address and port' => sub {
	my $port = $p->port('imap');
	my $ports = $p->port('imaps');
	script(<<"LUA");
function GetEncryption(clientip, localip, localport, mode)
	if localip ~= "127.0.0.1" then error("localip " .. localip) end
	if localport == $ports then
		if mode ~= "ssl" then error("mode " .. mode) end
		return clientip == "127.0.0.2" and "none/starttls" or nil
	end
	if localport ~= $port or mode ~= "none/starttls" then error("port " .. localport .. " mode " .. mode) end
	return ({["127.0.0.2"] = "starttls", ["127.0.0.3"] = "ssl", ["127.0.0.4"] = "tls?"})[clientip]
end
LUA
	ok words($p->imap->greeting) !~ /LOGINDISABLED/, 'nil: as the settings say';
	my $imap = $p->imap(local => '127.0.0.2');
	like words($imap->greeting), qr/STARTTLS LOGINDISABLED/, 'starttls: no login in clear';
	is $imap->login('anna', 'anna-secret')->{code}, 'PRIVACYREQUIRED', 'nor is it taken';
	$imap->starttls;
	is $imap->login('anna', 'anna-secret')->{type}, 'OK', 'after STARTTLS it is';
	$imap = $p->imap(local => '127.0.0.3', tls => 1);
	is $imap->login('anna', 'anna-secret')->{type}, 'OK', 'ssl: TLS at once, on the port of clear connections';
	my ($row) = grep { $_->{peer} eq '127.0.0.3' } @{ $p->postroom_json('sessions') };
	ok $row->{tls}, 'as the list of sessions says';
	$imap = Postroom::Imap->connect(host => '127.0.0.1', port => $ports, local => '127.0.0.2');
	is $imap->login('bert', 'bert-secret')->{type}, 'OK', 'none/starttls: in clear, on the port of TLS';
	($row) = grep { $_->{peer} eq '127.0.0.2' && $_->{user} eq 'bert' } @{ $p->postroom_json('sessions') };
	ok !$row->{tls}, 'as the list of sessions says';
	is logged_in('anna', service => 'imaps')->cmd('NOOP')->{type}, 'OK', 'TLS for others there';
	like raw(local => '127.0.0.4')->line, qr/\A\* OK \[CAPABILITY [^]]*STARTTLS/, 'what is no mode: as the settings say';
	wait_error(qr/GetEncryption: the result is none of/);
	unlike errors(), qr/localip|port \d|mode /, 'what it was told is right';
	$p->script('imap4svr');
};

subtest 'a script that fails, hangs or is not there' => sub {
	script("function DoCapability() error('capability ' .. 1) end function DoListResult() return nope.x end\n");
	my $imap = logged_in('anna');
	ok $imap->has('IDLE'), 'an error: the default';
	like names($imap, 'LIST "" *'), qr/INBOX/, 'in LIST too';
	wait_error(qr/DoCapability: imap4svr\.lua:1: capability 1/);
	wait_error(qr/DoListResult: imap4svr\.lua:1: .*'nope'/);
	script("function DoCapability( x = = 1\n");
	ok $imap->has('IDLE'), 'no Lua at all';
	wait_error(qr/\(load\): imap4svr\.lua:1: /);
	script("function DoListResult() while true do pcall(function() while true do end end) end end\n");
	is names($imap, 'LIST "" D*'), 'Drafts Items"', 'an endless loop is ended, once for all lines';
	wait_error(qr/DoListResult: stopped after/);
	is $imap->cmd('NOOP')->{type}, 'OK', 'and the session goes on';
	$p->script('imap4svr');
	symlink '/etc/passwd', $file or die;
	ok $imap->has('IDLE'), 'what the sandbox does not show cannot be read';
	$p->script('imap4svr');
};

$p->stop;
done_testing;

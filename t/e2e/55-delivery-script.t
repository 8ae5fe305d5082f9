#!/usr/bin/perl
# delivery.lua: what it sees of a message that is delivered, and what it may change of what rules decided.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Delivered;
use Postroom::Process qw(write_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { map { $_ => "$_-secret" } qw(anna bob) });
my $d = Postroom::Delivered->new($p);
my $domain = $p->domain;
my $server = Postroom::SmtpServer->start;
$p->postroom_ok('sender', 'set', 'default', '--method', 'relay', '--servers', '127.0.0.1:' . $server->port);
my $folder = $p->dir . '/etc/scripts';
mkdir $folder;
mkdir "$folder/bob";
chmod 0755, $folder, "$folder/bob";

sub script {
	my ($text, $user) = @_;
	my $path = join '/', $folder, $user // (), 'delivery.lua';
	write_file($path, $text);
	chmod 0644, $path;
	return;
}

subtest 'DeliverMessage chooses folders and flags' => sub {
	script(<<'LUA');
function DeliverMessage()
	local header = {}
	for _, pair in ipairs(Headers) do header[pair[1]] = pair[2] end
	if User == 'anna' and Originator == 'sender@stranger.test' and Subject == 'Gr\u{fc}\u{df}e' and header['X-Odd'] == 'a b'
		and Folders[1] == 'INBOX' and #Folders == 1 and MessageSize > 50 and SpamScore == 0 and not Held and not Quarantine and not Seen then
		Folders = { 'Greetings', 'Bad\nname', 'INBOX' }
		Seen, Flagged = true, true
		Keywords = { 'greeting', 'no keyword' }
	end
end
LUA
	my $mark = $d->send(header => ['Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=', "X-Odd: a\r\n b"]);
	for my $name (qw(Greetings INBOX)) {
		my $text = $d->arrives('anna', $name, $mark);
		like $text, qr/FLAGS \([^)]*\\Seen/, 'read';
		like $text, qr/FLAGS \([^)]*\\Flagged/, 'flagged';
		like $text, qr/FLAGS \([^)]*greeting/, 'with the keyword';
	}
	$mark = $d->send;
	unlike $d->arrives('anna', 'INBOX', $mark), qr/FLAGS \([^)]*\\Seen/, 'another one is left as it was';
	$d->is_not_in('anna', 'Greetings', $mark);
};

subtest 'PreDeliver changes forwards, header and quarantine' => sub {
	$p->postroom_ok('user', 'rule', 'add', 'bob', '--action', 'forward x@remote.test', '--action', 'header X-Rule: yes', '--action', 'move Sorted');
	script(<<'LUA', 'bob');
function PreDeliver()
	assert(Forwards[1] == 'x@remote.test' and HeaderMods[1] == 'X-Rule: yes')
	assert(ForwardingSenderAddress:match('^bob@'))
	Forwards = { 'y@remote.test' }
	ForwardingSenderAddress = 'desk@' .. ForwardingSenderAddress:match('@(.*)')
	ForwardingSenderText = 'The Desk'
	HeaderMods[#HeaderMods + 1] = 'X-Script: too'
	HeaderMods[#HeaderMods + 1] = 'no line\nat all'
	Folders = { 'Nowhere' }  -- not read back here
	Quarantine = Subject == 'bad'
end
function DeliverMessage()
	Folders[#Folders + 1] = 'Delivered'
end
LUA
	my $mark = $d->send(to => ["bob\@$domain"]);
	my $text = $d->arrives('bob', 'Sorted', $mark);
	like $text, qr/^X-Rule: yes\r\nX-Script: too\r$|^X-Script: too\r(?s:.*)^X-Rule: yes\r$/m, 'header lines of the rule and of the script';
	$d->arrives('bob', 'Delivered', $mark);
	$d->is_not_in('bob', $_, $mark) for qw(INBOX Nowhere);
	my ($remote) = $server->wait_messages(1);
	is "@{ $remote->{to} }", 'y@remote.test', 'where the script wants it';
	is $remote->{from}, "desk\@$domain", 'from whom it wants';
	like $remote->{data}, qr/^Resent-Date: .*\r\nResent-From: The Desk <desk\@\Q$domain\E>\r$/m, 'which the header says';
	$mark = $d->send(to => ["bob\@$domain"], header => ['Subject: bad']);
	$d->arrives('bob', 'Quarantine', $mark);
	$d->is_not_in('bob', $_, $mark) for qw(Sorted Delivered);
	$server->wait_messages(2);
};

subtest 'a script that fails changes nothing' => sub {
	script("function PreDeliver() Forwards = { 'z\@remote.test' } error('oh') end\nfunction DeliverMessage() Folders = 5 end\n", 'bob');
	my $mark = $d->send(to => ["bob\@$domain"]);
	$d->arrives('bob', 'Sorted', $mark);
	is "@{ ($server->wait_messages(3))[2]{to} }", 'x@remote.test', 'the rule holds';
	$p->script($_) for 'bob/delivery', 'delivery';
	$mark = $d->send;
	$d->arrives('anna', 'INBOX', $mark);
};

$server->stop;
$p->stop;
done_testing;

#!/usr/bin/perl
# smtpsvr.lua: every function, what it may change, and what wrong scripts do not do.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Process qw(read_file write_file);
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { anna => 'anna-secret', bert => 'bert-secret' }, set => { 'sender.mx-port' => 1 });
$p->access(smtp => '1|2|127.0.0.1|32|1||');
my $domain = $p->domain;
my $file = $p->dir . '/etc/scripts/smtpsvr.lua';

# A change holds from the next call on.
sub script {
	my ($text) = @_;
	write_file("$file.new", $text);
	chmod 0644, "$file.new";
	rename "$file.new", $file or die "cannot rename $file.new: $!\n";
	return;
}

sub smtp {
	my (%options) = @_;
	my $smtp = $p->smtp(%options);
	$smtp->ehlo if $smtp->code == 220;
	return $smtp;
}

sub answer {
	my ($smtp, $command) = @_;
	$smtp->cmd($command);
	return $smtp->last;
}

sub mail {
	my ($smtp, @to) = @_;
	$smtp->cmd('RSET');
	$smtp->cmd('MAIL FROM:<a@b.test>');
	$smtp->cmd("RCPT TO:<$_\@$domain>") for @to;
	return;
}

sub wait_error {
	my ($pattern) = @_;
	my $log = $p->dir . '/log/luaerrors.log';
	$p->wait_for(sub { -e $log && read_file($log) =~ $pattern }, "an error like $pattern", 10);
	return pass "luaerrors.log has $pattern";
}

# The texts of all messages in a user's mailbox, which are removed.
sub collect {
	my ($user, $count) = @_;
	my @texts;
	$p->wait_for(sub {
		my $pop3 = $p->pop3;
		$pop3->login($user, "$user-secret");
		my ($waiting) = $pop3->cmd('STAT') =~ /(\d+)/;
		if ($waiting >= $count) {
			for my $n (1 .. $waiting) {
				push @texts, scalar $pop3->retr($n);
				$pop3->cmd("DELE $n");
			}
		}
		$pop3->cmd('QUIT');
		return $waiting >= $count;
	}, "$count messages for $user");
	return @texts;
}

subtest '05-11.1 Start gives the banner' => sub {
	script(q{function Start() return IPAddress == "127.0.0.2" and "554 go away" or "" end});
	my $smtp = smtp(local => '127.0.0.2');
	is $smtp->greeting, '554 go away', 'a refusal';
	ok !defined eval { $smtp->cmd('NOOP') } || $smtp->last eq '', 'closes';
	like smtp()->greeting, qr/\A220 mail\.example\.test /, 'an empty one is the usual one';
	script(q{function Start() return "220 welcome to service " .. ServerID .. " " .. ServerName end});
	is smtp()->greeting, '220 welcome to service 1 smtp', 'another banner';
	script(q{function Start() return "hello" end});
	like smtp()->greeting, qr/\A220 mail\.example\.test /, 'what is no reply is none';
	wait_error(qr/Start.*no reply/);
};

subtest 'replies of simple commands' => sub {
	script(<<'LUA');
function DoHELO(name) if name == "bad.test" then return "550 5.7.1 not you" end return "250 hello " .. name end
function DoNOOP() return "250 2.0.0 nothing done, " .. HeloName end
function DoRSET() return "451 4.0.0 not now" end
function DoHELP() return "214 ask the administrator" end
function DoVRFY(name) return "252 2.5.1 perhaps " .. name end
function DoUnrecognised(line) if line == "XMAGIC 1" then return "250 2.0.0 magic" end end
function DoQUIT() return "221 2.0.0 so long" end
LUA
	my $smtp = $p->smtp;
	is answer($smtp, 'EHLO bad.test'), '550 5.7.1 not you', 'EHLO refused';
	is answer($smtp, 'MAIL FROM:<a@b.test>'), '503 5.5.1 Say EHLO first', 'is not done';
	is answer($smtp, 'EHLO good.test'), '250 hello good.test', 'a reply in place of the usual lines';
	is answer($smtp, 'NOOP'), '250 2.0.0 nothing done, good.test', 'globals say what is known';
	$smtp->cmd('MAIL FROM:<a@b.test>');
	is answer($smtp, 'RSET'), '451 4.0.0 not now', 'a refused command';
	is answer($smtp, 'MAIL FROM:<a@b.test>'), '503 5.5.1 A mail transaction is open already', 'did nothing';
	is answer($smtp, 'HELP'), '214 ask the administrator', 'HELP';
	is answer($smtp, 'XMAGIC 1'), '250 2.0.0 magic', 'an unknown command';
	is answer($smtp, 'XMAGIC 2'), '500 5.5.1 Command not recognised', 'another one';
	is answer($smtp, 'QUIT'), '221 2.0.0 so long', 'QUIT';
};

subtest '05-11.3 DoRCPTTO refuses one recipient' => sub {
	script(<<'LUA');
function DoMAILFROM(from) if from == "no@b.test" then return "550 5.7.1 no" end end
function DoRCPTTO(to) if to:find("bert") then return "550 5.7.1 no " .. MailFrom .. " " .. #Recipients end end
function DoDATAStart() if #Recipients == 2 then return "450 4.0.0 later" end return "354 go on" end
LUA
	my $smtp = smtp();
	is answer($smtp, 'MAIL FROM:<no@b.test>'), '550 5.7.1 no', 'a sender';
	mail($smtp);
	is answer($smtp, "RCPT TO:<anna\@$domain>"), '250 2.1.5 OK', 'nothing changes nothing';
	is answer($smtp, "RCPT TO:<bert\@$domain>"), '550 5.7.1 no a@b.test 1', 'that recipient only';
	is answer($smtp, 'DATA'), '354 go on', 'the message goes on';
	$smtp->send_raw("Subject: one\r\n\r\nx\r\n.\r\n");
	like scalar($smtp->reply), qr/\A250/, 'and is taken';
	mail($smtp, 'anna', 'postmaster');
	is answer($smtp, 'DATA'), '450 4.0.0 later', 'DATA refused';
	is scalar(collect('anna', 1)), 1, 'one message';
};

subtest '05-11.4 GetMaxMessageSize, GetEHLOCapabilities' => sub {
	script(<<'LUA');
function GetMaxMessageSize() return 1000 end
function GetEHLOCapabilities(lines) return (lines:gsub("DSN\n", "")) .. "\nXTRA" end
LUA
	my $smtp = $p->smtp;
	my %has = map { $_ => 1 } split /\r?\n/, do { $smtp->ehlo; join "\n", map { s/\A250[ -]//r } split /\r?\n/, $smtp->last };
	ok $has{'SIZE 1000'}, 'EHLO says the size';
	ok !$has{DSN}, 'and hides what the script hides';
	ok !$has{XTRA} && $has{PIPELINING}, 'but adds nothing';
	is $smtp->cmd('MAIL FROM:<a@b.test> SIZE=1001'), 552, 'a larger size';
	mail($smtp, 'anna');
	$smtp->data("Subject: x\n\n" . 'x' x 1001 . "\n");
	like $smtp->last, qr/\A552 /, 'a larger message';
	wait_error(qr/GetEHLOCapabilities.*XTRA/);
};

subtest '05-11.5 ProcessMessage redirects and adds fields' => sub {
	script(<<'LUA');
function ProcessMessage(from, subject, recipients, actions, mime, size, attachments)
	actions.HeaderModifiers = {"X-Seen: " .. subject .. ", " .. #recipients .. ", " .. mime.MIMEType .. ", " .. mime.Parts[2].Path
		.. ", " .. attachments[1].Name .. ", " .. Postroom.GetMessagePartBody("2"), "bad field"}
	if subject == "redirect" then
		actions.Recipients = {"bert"}
		actions.SendToOriginalRecipients = false
	end
	actions.Ignore = subject == "ignore"
	actions.Reason = "because"
	return actions, "done"
end
LUA
	my $text = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nbody\n--b\n"
		. "Content-Type: text/plain; name=a.txt\nContent-Disposition: attachment; filename=a.txt\n"
		. "Content-Transfer-Encoding: base64\n\naGVsbG8=\n--b--\n";
	my $smtp = smtp();
	for my $subject (qw(keep redirect ignore)) {
		mail($smtp, 'anna');
		$smtp->data("Subject: $subject\n$text");
		like $smtp->last, qr/\A250 /, "$subject is taken";
	}
	my @anna = collect('anna', 1);
	my @bert = collect('bert', 1);
	is scalar(@anna), 1, 'the original recipient gets one';
	like $anna[0], qr/^X-Seen: keep, 1, multipart\/mixed, 2, a\.txt, hello\r?$/m, 'with the field';
	unlike $anna[0], qr/^bad field/m, 'but nothing that is none';
	is scalar(@bert), 1, 'the other one the second';
	like $bert[0], qr/^X-Seen: redirect/m, 'with its field';
	wait_error(qr/ProcessMessage.*no header field/);
};

subtest 'CheckRecipients leaves some out' => sub {
	script(<<'LUA');
function CheckRecipients(recipients)
	local allowed = {}
	for _, address in ipairs(recipients) do if not address:find("bert") then allowed[#allowed + 1] = address:upper() end end
	return allowed
end
function LogRecipients(recipients) print("stored for " .. table.concat(recipients, " ")) end
function LogRecipientsBlocked(recipients) print("blocked " .. table.concat(recipients, " ")) end
LUA
	my $smtp = smtp();
	mail($smtp, qw(anna bert));
	$smtp->data("Subject: for some\n\nx\n");
	like $smtp->last, qr/\A250 /, 'the message is taken';
	wait_error(qr/blocked bert\@\Q$domain\E$/m);
	wait_error(qr/stored for anna\@\Q$domain\E$/m);
	mail($smtp, 'bert');
	$smtp->data("Subject: for nobody\n\nx\n");
	is $smtp->last, '550 5.7.1 None of the recipients is allowed', 'refused where nobody is left';
	mail($smtp, 'postmaster', 'anna');
	$smtp->data("Subject: for both\n\nx\n");
	like $smtp->last, qr/\A250 /, 'all are allowed';
	is_deeply [map { /^Subject: (.*?)\r?$/m } collect('anna', 2)], ['for some', 'for both'], 'who is allowed gets both';
	script('function Start() end');
	mail($smtp = smtp(), 'bert');
	$smtp->data("Subject: last\n\nx\n");
	is_deeply [map { /^Subject: (.*?)\r?$/m } collect('bert', 1)], ['last'], 'who was not got none';
};

subtest 'MonitorBcc adds recipients' => sub {
	script(q{function MonitorBcc(from, hidden) if from == "a@b.test" then return {hidden[1]:gsub("anna", "bert"), nil} end end});
	my $smtp = smtp();
	mail($smtp, 'anna');
	$smtp->data("To: anna\@$domain\nSubject: open\n\nx\n");
	mail($smtp, 'anna');
	$smtp->data("To: somebody\@$domain\nSubject: hidden\n\nx\n");
	is_deeply [map { /^Subject: (.*?)\r?$/m } collect('anna', 2)], ['open', 'hidden'], 'the recipient gets what is his';
	is_deeply [map { /^Subject: (.*?)\r?$/m } collect('bert', 1)], ['hidden'], 'the other one what does not name him';
};

subtest 'LoadLimits says how many sessions a client may have' => sub {
	script('function LoadLimits() MaxSessionsPerClient = 2 end');
	my @open = map { smtp(local => '127.0.0.3') } 1, 2;
	is_deeply [map { $_->code } @open], [250, 250], 'two';
	is smtp(local => '127.0.0.3')->last, '421 4.3.2 Too many connections from your IP address - try again later', 'no third';
	is smtp(local => '127.0.0.2')->code, 250, 'another client may';
	is_deeply [map { smtp()->code } 1 .. 4], [(250) x 4], 'who is not limited is not by this either';
	$_->quit for @open;
	script('function LoadLimits() end');
};

subtest 'MessageLine changes lines' => sub {
	script(<<'LUA');
lines = 0
function StartMessage() lines = 0 end
function MessageLineRaw(line) lines = lines + 1 return (line:gsub("secret", "******")) end
function MessageLine(line) if line == "last" then return "last of " .. lines end end
LUA
	my $smtp = smtp();
	mail($smtp, 'anna');
	$smtp->data("Subject: a secret\n\nmy secret\nlast\n");
	my ($text) = collect('anna', 1);
	like $text, qr/Subject: a \*{6}\r?\n\r?\nmy \*{6}\r?\nlast of 4\r?\n\z/, 'each passes through';
};

subtest 'rights can be taken away, and not given' => sub {
	script(q{function DoHELO(name) LocalClientAddress = false end function Start() AllowedUsers = "anna" end});
	my $smtp = smtp();
	$smtp->cmd('MAIL FROM:<a@b.test>');
	is $smtp->cmd('RCPT TO:<x@remote.test>'), 550, 'a client that could relay';
	is smtp()->auth('PLAIN', 'bert', 'bert-secret'), 535, 'a user who is not allowed';
	$smtp = smtp();
	is $smtp->auth('PLAIN', 'anna', 'anna-secret'), 235, 'one who is';
	script(q{function DoHELO(name) LocalClientAddress = true ValidClientAddress = true AuthenticationRequired = false end});
	$smtp = smtp(local => '127.0.0.2');
	$smtp->cmd('MAIL FROM:<a@b.test>');
	is $smtp->cmd('RCPT TO:<x@remote.test>'), 550, 'a stranger stays one';
	script(q{function DoHELO(name) AuthenticationRequired = true end});
	is answer(smtp(), 'MAIL FROM:<a@b.test>'), '530 5.7.0 Authentication required', 'a login can be made necessary';
};

subtest '05-11.6 a function that fails' => sub {
	script(q{function DoRCPTTO(to) return nil + 1 end function DoNOOP() while true do end end});
	my $smtp = smtp();
	mail($smtp);
	is answer($smtp, "RCPT TO:<anna\@$domain>"), '250 2.1.5 OK', 'leaves the session as it is';
	wait_error(qr/DoRCPTTO.*arithmetic/);
	script('function DoNOOP( x');
	is answer($smtp, 'NOOP'), '250 2.0.0 OK', 'so does a script that is none';
};

subtest '05-11.7 each session has its own globals' => sub {
	script(q{n = 0 function DoNOOP() n = n + 1 return "250 2.0.0 " .. n end});
	my ($one, $other) = (smtp(), smtp());
	answer($one, 'NOOP') for 1 .. 3;
	is answer($other, 'NOOP'), '250 2.0.0 1', 'its first';
	is answer($one, 'NOOP'), '250 2.0.0 4', "and the other's fourth";
};

$p->stop;
done_testing;

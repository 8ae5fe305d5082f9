#!/usr/bin/perl
# SMTP rules: stages, actions, conditions, regular expressions, wildcards, the script, the log, the test command.
# Clients of 127.0.0.2 are strangers.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Process qw(read_file write_file);
use Postroom::Test;
use Test::More;

my @users = qw(anna bob boss fred reply);
my $p = Postroom::Test->start(ids => 1, users => { map { $_ => "$_-secret" } @users });
$p->postroom_ok('never-block', 'add', $_) for '127.0.0.1', '127.0.0.2'; # what they do here would be too much
my $domain = $p->domain;
my $script = $p->dir . '/etc/scripts/smtprules_1.lua';

# A rule: action, further options, conditions.
sub rule {
	my ($action, @arguments) = @_;
	my %options = %{ ref $arguments[0] ? shift @arguments : {} };
	$p->postroom_ok('smtp-rule', 'add', '--action', $action, (map { ("--$_", $options{$_}) } sort keys %options),
		map { ('--condition', $_) } @arguments);
	return;
}

sub no_rules {
	my (@service) = @_;
	for my $rule (reverse @{ $p->postroom_json('smtp-rule', 'list', @service) }) {
		$p->postroom_ok('smtp-rule', 'delete', $rule->{number}, @service);
	}
	return;
}

sub stranger {
	my $smtp = $p->smtp(local => '127.0.0.2', @_);
	$smtp->ehlo('stranger.test');
	return $smtp;
}

sub answer {
	my ($smtp, $line) = @_;
	$smtp->cmd($line);
	return $smtp->last;
}

my $sent = 0;

# Send a message to some users; returns the last reply and a text by which the message is found.
sub send_to {
	my ($to, %options) = @_;
	my $mark = 'mark-' . ++$sent . '-end';
	my $smtp = $options{smtp} // stranger();
	my $text = join "\r\n", @{ $options{header} // ["Subject: a message"] }, "X-Mark: $mark", '', 'Hello', '';
	my @to = map { "$_\@$domain" } @$to;
	my $reply = $smtp->send_message($options{from} // 'bob@stranger.test', \@to, $text);
	return ($reply, $mark);
}

# Messages with a text in a folder.
sub find_in {
	my ($user, $folder, $mark) = @_;
	my $imap = $p->imap;
	$imap->login($user, "$user-secret");
	return 0 if $imap->cmd(qq{SELECT "$folder"})->{type} ne 'OK';
	$imap->cmd(qq{SEARCH HEADER X-Mark "$mark"});
	my ($found) = $imap->untagged('SEARCH');
	my @numbers = $found->{raw} =~ /\b(\d+)\b/g;
	$imap->logout;
	return scalar @numbers;
}

sub arrives {
	my ($user, $mark, $folder) = @_;
	$folder //= 'INBOX';
	return $p->wait_for(sub { find_in($user, $folder, $mark) > 0 }, "a message in $folder of $user", 20);
}

# What was sent before the next message has arrived by then, if it arrives at all.
sub never_arrives {
	my ($mark, @where) = @_;
	my ($reply, $later) = send_to(['anna'], from => 'later@pass.test');
	arrives('anna', $later);
	is find_in(@$_, $mark), 0, "nothing in $_->[1] of $_->[0]" for @where;
	return;
}

sub script {
	my ($text) = @_;
	write_file("$script.new", $text);
	chmod 0644, "$script.new";
	rename "$script.new", $script or die "cannot rename $script.new: $!\n";
	return;
}

sub log_lines {
	my ($pattern) = @_;
	my $file = $p->dir . '/log/smtprules.log';
	return $p->wait_for(sub { read_file($file) =~ $pattern }, "smtprules.log has $pattern", 10);
}

sub refused {
	my ($pattern, @arguments) = @_;
	my ($status, undef, $err) = $p->postroom('smtp-rule', @arguments);
	is $status, 1, 'refused';
	return like $err, $pattern, 'with the reason';
}

subtest '05-6.1 a recipient for insiders alone' => sub {
	rule('accept', { name => 'nothing' }, 'Always 0');
	rule('reject', { name => 'insiders' }, 'not MailFrom ends-with @office.example',
		"ThisRcptTo equals reply\@$domain");
	my $smtp = stranger();
	is answer($smtp, 'MAIL FROM:<bob@stranger.test>'), '250 2.1.0 OK', 'MAIL of an outsider';
	is answer($smtp, "RCPT TO:<anna\@$domain>"), '250 2.1.5 OK', 'another recipient';
	is answer($smtp, "RCPT TO:<reply\@$domain>"), '550 5.7.1 Recipient Prohibited (2)', 'the recipient';
	is answer($smtp, "RCPT TO:<bob\@$domain>"), '250 2.1.5 OK', 'and another';
	$smtp->cmd('RSET');
	$smtp->cmd('MAIL FROM:<carl@OFFICE.example>');
	is answer($smtp, "RCPT TO:<reply\@$domain>"), '250 2.1.5 OK', 'of an insider';
	log_lines(qr/ 127\.0\.0\.2 rcpt 2 "insiders" reject from=<bob\@stranger\.test> to=<reply\@\Q$domain\E>$/m);
	no_rules();
};

subtest '05-6.2 each rule at the earliest stage that knows' => sub {
	rule('reject', 'MailFrom contains evil');
	rule('reject', 'Subject contains x');
	my $smtp = stranger();
	is answer($smtp, 'MAIL FROM:<evil@stranger.test>'), '550 5.7.1 Sender Prohibited (1)', 'at MAIL';
	my ($reply) = send_to(['anna'], header => ['Subject: a fox'], smtp => $smtp);
	is $reply, '554 5.7.1 Message Prohibited (2)', 'after DATA';
	like +(send_to(['anna'], smtp => $smtp))[0], qr/\A250 /, 'and the session goes on';
	no_rules();
};

subtest 'a change holds from the next MAIL on, also for who is connected' => sub {
	my $smtp = stranger();
	is answer($smtp, 'MAIL FROM:<evil@stranger.test>'), '250 2.1.0 OK', 'before';
	rule('reject', 'MailFrom regex /ev(i|e)l/');
	rule('reject', "ThisRcptTo equals anna\@$domain");
	is answer($smtp, "RCPT TO:<anna\@$domain>"), '250 2.1.5 OK', 'one message, one list';
	$smtp->cmd('RSET');
	is answer($smtp, 'MAIL FROM:<evil@stranger.test>'), '550 5.7.1 Sender Prohibited (1)', 'after';
	no_rules();
	is answer($smtp, 'MAIL FROM:<evil@stranger.test>'), '250 2.1.0 OK', 'and after that';
};

subtest '05-6.3 a rule of today rejects for today' => sub {
	my $today = (localtime)[6] + 1;
	my $days = join '', $today, $today % 7 + 1; # it may be midnight
	rule('reject', 'MailFrom contains evil', "DayNow $days");
	rule('reject', 'Subject contains x', 'TimeNow -');
	my $smtp = stranger();
	is answer($smtp, 'MAIL FROM:<evil@stranger.test>'), '450 4.7.1 Sender Prohibited (1)', 'at MAIL';
	my ($reply) = send_to(['anna'], header => ['Subject: x'], smtp => $smtp);
	is $reply, '454 4.7.1 Message Prohibited (2)', 'after DATA';
	no_rules();
};

subtest '05-6.4 TimeNow 9-17, by the test command' => sub {
	write_file($p->dir . '/message', "From: bob\@stranger.test\nSubject: My CAT\n\nHello\n");
	rule('reject', { name => 'office hours' }, 'TimeNow 9-17');
	my %at = map {
		$_ => $p->postroom_json('smtp-rule', 'test', $p->dir . '/message', '--time', "2026-11-21 $_")->{stages}[0]
	} qw(17:59 18:00);
	is $at{'17:59'}{reply}, '450 4.7.1 Sender Prohibited (1)', 'at 17:59';
	is $at{'18:00'}{verdict}, 'none', 'at 18:00';
	no_rules();
};

subtest '05-6.5 a message redirected to a folder and to another user' => sub {
	rule('redirect', { parameter => 'fred Customers, bob' }, "ThisRcptTo equals anna\@$domain");
	my ($reply, $mark) = send_to(['anna']);
	like $reply, qr/\A250 /, 'accepted';
	arrives('fred', $mark, 'Customers');
	arrives('bob', $mark);
	is find_in('fred', 'Customers', $mark), 1, 'one copy in the folder';
	is find_in('fred', 'INBOX', $mark), 0, 'none in the INBOX beside it';
	is find_in('anna', 'INBOX', $mark), 0, 'none for whom it was meant for';
	no_rules();
};

subtest '05-6.6 later rules do not see a header line that was set' => sub {
	rule('set-header', { parameter => 'X-Seen: 1' }, 'Always 1');
	rule('reject', 'X-Seen equals 1');
	my ($reply, $mark) = send_to(['anna']);
	like $reply, qr/\A250 /, 'accepted';
	arrives('anna', $mark);
	my $pop3 = $p->pop3;
	$pop3->login('anna', 'anna-secret');
	my ($text) = grep { /\Q$mark\E/ } map { $pop3->retr($_) } keys %{ $pop3->list };
	like $text, qr/^X-Seen: 1\r\nSubject: a message\r\n/m, 'the header line is there';
	no_rules();
};

subtest '05-6.7 If and Else' => sub {
	rule('if', 'Always 0');
	rule('set-header-accept', { parameter => 'X-One: 1' }, 'Always 1');
	rule('else');
	rule('reject', 'Always 1');
	rule('end-if');
	is answer(stranger(), 'MAIL FROM:<a@stranger.test>'), '550 5.7.1 Sender Prohibited (4)', 'the second rule alone';
	refused(qr/rule 2: action: an end-if without an if|rule 3: action: an else without an if|rule 2: action: an else/,
		'delete', 1);
	no_rules();
	refused(qr/rule 1: action: an else without an if before it/, 'add', '--action', 'else');
	is_deeply $p->postroom_json('smtp-rule', 'list'), [], 'and nothing was saved';
};

subtest '05-6.8 To, Cc, and who is in neither' => sub {
	rule('reject', { stage => 'data' }, "To,Cc contains boss\@x");
	rule('ignore', "Bcc equals boss\@$domain");
	is +(send_to(['anna'], header => [ 'To: anna@x', 'Cc: The Boss <boss@x>' ]))[0], '554 5.7.1 Message Prohibited (1)',
		'named in Cc';
	my ($reply, $mark) = send_to([qw(anna boss)], header => ["To: anna\@$domain"]);
	like $reply, qr/\A250 /, 'in neither: accepted and dropped';
	my (undef, $named) = send_to([qw(anna boss)], header => ["To: anna\@$domain", "cc: BOSS\@$domain"]);
	arrives('boss', $named);
	never_arrives($mark, [qw(anna INBOX)], [qw(boss INBOX)]);
	no_rules();
};

# The client is on the block list for some minutes, and hears so; then it is taken off.
sub blocked_for {
	my ($client, $minutes) = @_;
	my $block;
	$p->wait_for(sub {
		($block) = grep { $_->{network} eq $client } @{ $p->postroom_json('block', 'list') };
		defined $block;
	}, "$client on the block list", 10);
	is $block->{expires} - $block->{added}, 60 * $minutes, "blocked for $minutes minutes";
	my $greeting;
	$p->wait_for(sub { ($greeting = $p->smtp(local => $client)->greeting) =~ /\A421/ }, 'and shut out', 10);
	is $greeting, '421 4.7.0 Your connection has been blocked temporarily - try again later.', 'as it is told';
	$p->postroom_ok('block', 'delete', $client);
	return;
}

subtest '05-6.9 09-5.4 a function of the script decides' => sub {
	rule('call', { parameter => 'f', name => 'asks' }, 'MailFrom contains script');
	script(<<'LUA');
function f(check, size, position, h, rulename)
	if check.MailFrom:find("all") then return 2, 7, "n", "", h, true, true, false, true end
	if check.MailFrom:find("block") then return 1, 8, "b", "2", h, true end
	return 2, 7, "r"
end
LUA
	my $smtp = stranger(local => '127.0.0.6');
	is answer($smtp, 'MAIL FROM:<script@stranger.test>'), '550 5.7.1 Sender Prohibited (7)', 'three values';
	is answer($smtp, 'MAIL FROM:<script-all@stranger.test>'), '450 4.7.1 Sender Prohibited (7)', 'nine: temporary';
	ok $smtp->is_closed, 'and disconnected';
	blocked_for('127.0.0.6', 30);
	$smtp = stranger(local => '127.0.0.7');
	is answer($smtp, 'MAIL FROM:<script-block@stranger.test>'), '250 2.1.0 OK', '09-5.6 a script blocks for two minutes';
	blocked_for('127.0.0.7', 2);
	log_lines(qr/ mail 1 "asks" call from=<script-all\@stranger\.test>/);
	log_lines(qr/ mail 7 "n" reject from=<script-all\@stranger\.test> to=<>$/m);
	$p->script('smtprules_1');
	is answer(stranger(), 'MAIL FROM:<script@stranger.test>'), '250 2.1.0 OK', 'without the script nothing';
	no_rules();
};

subtest '09-5.5 Last redirects, copies, ignores' => sub {
	script('function Last(d, size, position) if position == 3 then return 3, 1, "n", "bob" end end');
	my (undef, $mark) = send_to(['anna']);
	arrives('bob', $mark);
	is find_in('anna', 'INBOX', $mark), 0, '3: to bob only';
	script('function Last(d, size, position) if position == 3 then return 5, 1, "n", "bob" end end');
	(undef, $mark) = send_to(['anna']);
	arrives('bob', $mark);
	arrives('anna', $mark);
	script('function Last(d, size, position) if position == 3 and not d.MailFrom:find("later") then return 4 end end');
	my ($reply, $ignored) = send_to(['anna']);
	like $reply, qr/\A250 2\.0\.0 OK/, '4: a 250';
	never_arrives($ignored, [qw(anna INBOX)]);
	$p->script('smtprules_1');
};

subtest 'keywords and header lines of a script; 09-5.7 errors are told' => sub {
	script(<<'LUA');
function First(d, size, position, lines)
	if position < 3 then return end
	lines[#lines + 1] = "X-Size: " .. size
	lines[#lines + 1] = "broken"
	return 1, 1, "n", nil, lines, nil, nil, nil, nil, {"$Junk", "Red"}
end
LUA
	my (undef, $mark) = send_to(['anna']);
	arrives('anna', $mark);
	my $imap = $p->imap;
	$imap->login('anna', 'anna-secret');
	$imap->select('INBOX');
	$imap->cmd(qq{SEARCH KEYWORD \$Junk KEYWORD Red HEADER X-Mark "$mark" HEADER X-Size ""});
	like(($imap->untagged('SEARCH'))[0]{raw}, qr/\d/, 'both are there');
	my $errors = $p->dir . '/log/luaerrors.log';
	$p->wait_for(sub { read_file($errors) =~ /smtprules_1\.lua First: "broken" is not a header line/ }, 'the error', 10);
	script('function First() error("oops") end');
	like +(send_to(['anna']))[0], qr/\A250 /, 'as if it were absent';
	$p->wait_for(sub { read_file($errors) =~ /smtprules_1\.lua First: smtprules_1\.lua:1: oops/ }, 'the error', 10);
	$p->script('smtprules_1');
};

subtest '05-6.10 09-7.3 regular expressions' => sub {
	rule('reject', 'Subject regex /my cat/');
	rule('reject', 'Subject regex /my cat/i');
	is +(send_to(['anna'], header => ['Subject: My CAT']))[0], '554 5.7.1 Message Prohibited (2)', 'any case with i';
	my ($reply) = send_to(['anna'], header => ['Subject: my cat']);
	is $reply, '554 5.7.1 Message Prohibited (1)', 'the same case without';
	refused(qr/rule 3: condition 1: the regular expression is wrong at character 2: missing closing parenthesis/,
		'add', '--action', 'reject', '--condition', 'Subject regex /(/');
	no_rules();
};

# What a condition says of a subject.
sub matches {
	my ($condition, $subject) = @_;
	no_rules();
	rule('reject', $condition);
	return +(send_to(['anna'], header => ["Subject: $subject"]))[0] =~ /\A554 /;
}

subtest '09-7.1 09-7.2 searches' => sub {
	ok matches('Subject regex cat', 'abdicate'), 'cat matches abdicate';
	ok !matches('Subject regex /^cat$/', 'abdicate'), '/^cat$/ does not';
	ok matches('Subject regex /cat/i', 'CAT'), '/cat/i matches CAT';
	ok !matches('Subject regex /cat/', 'CAT'), '/cat/ does not';
	ok matches('Subject regex c[aeiou]{3,5}t', 'caaat'), 'caaat';
	ok !matches('Subject regex c[aeiou]{3,5}t', 'caat'), 'caat';
};

subtest '09-7.4 a limit ends a search, and is told' => sub {
	ok !matches('Subject regex /(a+)+$/', 'a' x 40 . 'b'), 'no match';
	like $p->log, qr{regular expression /\(a\+\)\+\$/ reached its limit on 41 octets, which counts as no match},
		'the log says so';
};

subtest '09-7.5 a pattern, or a regular expression in slashes' => sub {
	no_rules();
	rule('reject', 'MailFrom matches *@example.com');
	rule('reject', 'MailFrom matches /@example\.net$/i');
	my $smtp = stranger();
	is answer($smtp, 'MAIL FROM:<a@EXAMPLE.com>'), '550 5.7.1 Sender Prohibited (1)', 'the pattern';
	is answer($smtp, 'MAIL FROM:<a@EXAMPLE.net>'), '550 5.7.1 Sender Prohibited (2)', 'the expression';
	is answer($smtp, 'MAIL FROM:<a@example.net.test>'), '250 2.1.0 OK', 'neither';
	like $p->postroom_ok('smtp-rule', 'show', 2), qr{^condition = MailFrom regex /\@example\\\.net\$/i$}m, 'as kept';
	no_rules();
};

subtest '09-8.1 09-8.2 09-8.3 09-8.5 wildcards' => sub {
	ok matches('Subject matches ca*er', $_), "ca*er: $_" for qw(caper caer CATER);
	ok !matches('Subject matches ca*er', 'caterpillar'), 'ca*er: not caterpillar';
	ok matches('Subject matches ca?er', $_), "ca?er: $_" for qw(caper cater);
	ok !matches('Subject matches ca?er', $_), "ca?er: not $_" for qw(camper caer);
	ok matches('Subject matches ca*er*ly', $_), "ca*er*ly: $_" for qw(caerphilly caleraply);
	ok !matches('Subject matches *.example.com', 'example.com'), '*.example.com: not example.com';
	no_rules();
};

subtest '05-1.3 each service has rules of its own' => sub {
	rule('reject', { service => 'submission' }, 'MailFrom contains evil');
	my $smtp = $p->smtp(service => 'submission');
	$smtp->ehlo('client.test');
	is answer($smtp, 'MAIL FROM:<evil@stranger.test>'), '550 5.7.1 Sender Prohibited (1)', 'the second service';
	is answer(stranger(), 'MAIL FROM:<evil@stranger.test>'), '250 2.1.0 OK', 'the first is unchanged';
	is_deeply $p->postroom_json('smtp-rule', 'list'), [], 'its list is';
	$p->postroom_ok('smtp-rule', 'copy', 'submission', 'smtp');
	no_rules('--service', 'submission');
	is answer(stranger(), 'MAIL FROM:<evil@stranger.test>'), '550 5.7.1 Sender Prohibited (1)', 'a copy stands alone';
	no_rules();
};

subtest 'a rule that blocks the client' => sub {
	rule('block', { parameter => 5 }, 'MailFrom contains rude');
	my $smtp = stranger(local => '127.0.0.8');
	is answer($smtp, 'MAIL FROM:<rude@stranger.test>'), '550 5.7.1 Sender Prohibited (1)', 'rejected';
	ok $smtp->is_closed, 'and disconnected';
	blocked_for('127.0.0.8', 5);
	no_rules();
};

subtest 'hold, copy, ignore, reject-disconnect' => sub {
	rule('hold', 'MailFrom contains held');
	rule('copy', { parameter => "bob Old Mail, fred\@$domain" }, "ThisRcptTo equals boss\@$domain");
	rule('ignore', "ThisRcptTo equals reply\@$domain");
	rule('reject-disconnect', 'MailFrom contains rude');
	my ($reply, $held) = send_to(['anna'], from => 'held@stranger.test');
	my ($id) = $reply =~ /queued as (\S+)/;
	$p->wait_for(sub { $p->postroom_ok('queue', 'list') =~ /\Q$id\E.*held/ }, 'the message is held', 10);
	my (undef, $mark) = send_to([qw(boss reply)]);
	arrives('bob', $mark, 'Old Mail');
	arrives($_, $mark) for qw(fred boss);
	never_arrives($held, [qw(anna INBOX)]);
	is find_in('reply', 'INBOX', $mark), 0, 'ignored for one';
	$p->postroom_ok('queue', 'release', $id);
	arrives('anna', $held);
	my $smtp = stranger();
	is answer($smtp, 'MAIL FROM:<rude@stranger.test>'), '550 5.7.1 Sender Prohibited (4)', 'rejected';
	ok $smtp->is_closed, 'and disconnected';
	no_rules();
};

subtest 'the message of a stranger goes to another server where a rule says so' => sub {
	$p->set('sender.mx-port' => 1);
	$p->access(smtp => '1|2|127.0.0.1|32|1||');
	is answer(stranger(), 'MAIL FROM:<a@stranger.test>'), '250 2.1.0 OK', 'a stranger';
	rule('redirect', { parameter => 'Carl@remote.test' }, "ThisRcptTo equals anna\@$domain");
	my ($reply, $mark) = send_to(['anna']);
	my ($id) = $reply =~ /queued as (\S+)/;
	$p->wait_log(qr/id=\Q$id\E (?:deferred|failed) to=<Carl\@remote\.test> target=Carl\@remote\.test host=\S*: (?!no right)/);
	unlike $p->log, qr/id=\Q$id\E .*no right to relay/, 'it was on its way';
	no_rules();
};

subtest 'what is refused at save names field and reason' => sub {
	my @add = ('add', '--action');
	refused(qr/action: "drop" is none of accept, reject/, @add, 'drop', '--condition', 'Always 1');
	refused(qr/stage: condition 1 can be told from the stage data on/, @add, 'accept', '--stage', 'mail', '--condition',
		'Subject equals x');
	refused(qr/condition: a rule needs one/, @add, 'reject');
	refused(qr/parameter: there is neither a user nor a mapping "nobody"/, @add, 'redirect', '--parameter', 'nobody',
		'--condition', 'Always 1');
	refused(qr/parameter: x\@away\.test is not of this server and has no folder "Old"/, @add, 'copy', '--parameter',
		'x@away.test Old', '--condition', 'Always 1');
	refused(qr/there is no rule "3"/, 'delete', 3);
	refused(qr/there is no .*service.*"nothing"/i, 'list', '--service', 'nothing');
	refused(qr/service.*pop3|pop3.*service/i, 'list', '--service', 'pop3');
};

subtest 'move, edit, export and import, the test command' => sub {
	rule('reject', { name => 'first' }, 'Subject contains x', 'To,Cc contains y');
	rule('set-header', { name => 'second', parameter => 'X-A: 1', at => 1 }, 'Always 1');
	$p->postroom_ok('smtp-rule', 'move', 1, 2);
	$p->postroom_ok('smtp-rule', 'edit', 1, '--match', 'any', '--name', 'one');
	is_deeply [ map { [ @$_{qw(number name action match)} ] } @{ $p->postroom_json('smtp-rule', 'list') } ],
		[ [ 1, 'one', 'reject', 'any' ], [ 2, 'second', 'set-header', 'all' ] ], 'moved and edited';
	my $text = $p->postroom_ok('export');
	my $rule = join "\n", 'name = one', 'stage = auto', 'action = reject', 'match = any', 'condition = Subject contains x',
		'condition = To,Cc contains y', '';
	like $text, qr/^\[smtp-rule\]\nservice = \w+\n\Q$rule\E/m, 'exported';
	no_rules();
	write_file($p->dir . '/export', $text);
	like $p->postroom_ok('import', $p->dir . '/export'), qr/has the 2 rules of the text/, 'imported';
	is $p->postroom_ok('export'), $text, 'to the same text';
	is $p->postroom_ok('import', $p->dir . '/export'), "0 changes\n", 'and nothing more to do';
	my $out = $p->postroom_ok('smtp-rule', 'test', $p->dir . '/message', '--from', 'a@b', '--to', "anna\@$domain",
		'--client', '192.0.2.1', '--user', 'anna');
	my @expected = (qr/^stage mail/, qr/^  1 "one": other stage: reject/, qr/^  2 "second": runs: set-header X-A: 1/,
		qr/^stage rcpt anna\@/, qr/^stage data/, qr/^  1 "one": does not match: reject/, qr/^header X-A: 1$/);
	for my $line (split /\n/, $out) {
		shift @expected if @expected && $line =~ $expected[0];
	}
	is scalar @expected, 0, 'each stage, each rule' or diag $out;
	no_rules();
};

$p->stop;
done_testing;

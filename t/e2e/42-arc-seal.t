#!/usr/bin/perl
# ARC seals (RFC 8617) of what lists and users pass on, verified by python3-dkim at a remote server, behind a Postfix
# that passed the messages on, and by our own verifier.
use strict;
use warnings;
use lib 't/lib';
use File::Temp ();
use JSON::PP ();
use Postroom::Collecting;
use Postroom::Dns;
use Postroom::Need qw(find_program need_program);
use Postroom::Peer;
use Postroom::Ports;
use Postroom::Process qw(read_file run_program wait_until write_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

need_program('nsd', 'openssl');
plan skip_all => 'no python3-dkim' if (run_program({}, '/usr/bin/python3', '-c', 'import dkim, nacl, authres'))[0] != 0;

my $tool = ($ENV{POSTROOM_BUILD} // 'build') . '/t/tools/dkim';
my $dir = File::Temp->newdir;
my $remote = Postroom::SmtpServer->start(extensions => ['SIZE 10000000', 'PIPELINING', '8BITMIME']);
my $p = Postroom::Test->start(
	users    => { map { $_ => "$_-secret" } qw(anna bert) },
	mappings => [['away' => 'friend@remote.test']],
	set      => { 'arc.seal' => 'on', 'smtp.spf' => 'on' },
);
$p->relay('127.0.0.1'); # 127.0.0.2 is a stranger
my $domain = $p->domain;

sub send_by {
	my ($address) = @_;
	$p->postroom_ok('sender', 'set', 'default', '--method', 'relay', '--servers', $address, '--encryption', 'none');
	return;
}
send_by($remote->address);

# The keys of who sealed before us, and ours.
run_program({}, 'openssl', 'genpkey', '-algorithm', 'rsa', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', "$dir/key.pem");
my (undef, $before) = run_program({}, $tool, 'record', "$dir/key.pem");
chomp $before;
my ($name, $record) = $p->postroom_ok('dkim', 'add', $domain, 'arc1') =~ /\A(\S+)\. IN TXT \((.*)\)/s;
$record = join '', $record =~ /"([^"]*)"/g;
my %records = ($name => $record, 's._domainkey.one.test' => $before);
write_file("$dir/keys", join '', map { "$_ $records{$_}\n" } sort keys %records);
my $dns = Postroom::Dns->start(zones => {
	'one.test' => {
		'@'             => ['TXT "v=spf1 ip4:127.0.0.2 -all"', 'A 127.0.0.2'],
		's._domainkey'  => ['TXT ' . join ' ', map { qq("$_") } $before =~ /(.{1,200})/g],
	},
	$domain => { 'arc1._domainkey' => ['TXT ' . join ' ', map { qq("$_") } $record =~ /(.{1,200})/g] },
});
$p->set('dns.servers' => $dns->address);

# What python3-dkim and our own verifier say of a message's chain.
sub states {
	my ($message) = @_;
	my $question = JSON::PP->new->ascii->encode([{ op => 'arc', message => $message, keys => \%records }]);
	my ($status, $out, $err) = run_program({ stdin => $question, timeout => 60 }, '/usr/bin/python3', 't/tools/dkim_peer');
	die "dkim_peer: $err" if $status != 0;
	my (undef, $ours) = run_program({ stdin => $message }, $tool, 'verify', "$dir/keys", time);
	return [JSON::PP->new->utf8->decode($out)->[0], $ours =~ /^arc=(\S+)/m];
}

sub seal {
	my ($message, $state) = @_;
	my ($status, $out, $err) = run_program({ stdin => $message }, $tool, 'seal', "$dir/key.pem", 'one.test', 's', $state,
		'mx.one.test; spf=pass smtp.mailfrom=one.test');
	die "dkim seal: $err" if $status != 0;
	return $out;
}

# The fields of that name, unfolded, from the top down.
sub fields {
	my ($message, $wanted) = @_;
	my ($header) = $message =~ /\A(.*?\r\n)\r\n/s;
	$header =~ s/\r\n[ \t]+/ /g;
	return $header =~ /^\Q$wanted\E: (.*?)\r$/mgi;
}

my $count = 0;

sub text_of {
	my (%options) = @_;
	my $lines = $options{header} // '';
	return "${lines}From: Bob <bob\@one.test>\r\nTo: anna\@$domain\r\nSubject: hello\r\n"
		. "Date: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <$count\@one.test>\r\n\r\nHello  you \r\n\r\n.\r\n";
}

# Send a message as a stranger, or as a user, and return it as the remote server got it.
sub passed {
	my ($text, %options) = @_;
	my $smtp = $p->smtp(local => $options{user} ? '127.0.0.1' : '127.0.0.2');
	$smtp->ehlo('one.test');
	$smtp->auth('PLAIN', $options{user}, "$options{user}-secret") if $options{user};
	my $to = $options{to} // "away\@$domain";
	like $smtp->send_message($options{from} // 'bob@one.test', [$to], $text), qr/\A250/, "to $to";
	$smtp->quit;
	return ($remote->wait_messages(++$count))[-1]{data};
}

subtest 'what a stranger wrote and a mapping passes on is sealed with what was found' => sub {
	my $message = passed(text_of(header => "Authentication-Results: mail.$domain; auth=pass smtp.auth=root\r\n"));
	my ($seal) = fields($message, 'ARC-Seal');
	like $seal, qr/\Ai=1; a=rsa-sha256; cv=none; d=\Q$domain\E; s=arc1;/, 'the seal';
	my ($results) = fields($message, 'ARC-Authentication-Results');
	like $results, qr/\Ai=1; mail\.\Q$domain\E; dkim=none; spf=pass smtp[.]mailfrom=one[.]test/, 'what was found';
	is(($results =~ s/\Ai=1; //r), (fields($message, 'Authentication-Results'))[0], 'which is what readers here are told');
	unlike $message, qr/root/, 'not what the stranger said';
	is_deeply [fields($message, 'DKIM-Signature')], [], 'it is not signed in our name';
	is_deeply states($message), ['pass', 'pass'], 'the chain holds';
	is_deeply states($message =~ s/Hello/Hallo/r), ['fail', 'fail'], 'a body that was changed breaks it';
	is_deeply states($message =~ s/^Subject: h/Subject: H/mr), ['fail', 'fail'], 'so does a field';
	is_deeply states($message =~ s/spf=pass/spf=fail/r), ['fail', 'fail'], 'and what was found';
	ok !(grep { length > 998 } split /\r\n/, $message), 'no line is too long';
};

subtest 'a chain that came is gone on with' => sub {
	my $message = passed(seal(text_of(), 'none'));
	is_deeply [map { /\Ai=(\d+).*cv=(\w+)/ } fields($message, 'ARC-Seal')], [2, 'pass', 1, 'none'], 'a second set';
	like +(fields($message, 'ARC-Authentication-Results'))[0], qr/; arc=pass \(sealed by one[.]test\)/, 'which tells of the first';
	is_deeply states($message), ['pass', 'pass'], 'the chain holds';
};

subtest 'a chain that was broken is ended, and one that has ended is left alone' => sub {
	my $broken = seal(text_of(), 'none') =~ s/Hello/Hallo/r;
	my $message = passed($broken);
	is_deeply [map { /\Ai=(\d+).*cv=(\w+)/ } fields($message, 'ARC-Seal')], [2, 'fail', 1, 'none'], 'cv=fail';
	is_deeply states($message), ['fail', 'fail'], 'the chain is broken';
	my $again = passed($message);
	is scalar(my @seals = fields($again, 'ARC-Seal')), 2, 'nothing is added to it';
	$p->wait_log(qr/signer.*not sealed: the chain has ended with a failure/);
	my $gap = passed(seal(text_of(), 'none') =~ s/^ARC-Auth/X-Auth/mr);
	is +(fields($gap, 'ARC-Seal'))[0] =~ /cv=(\w+)/ ? $1 : '', 'fail', 'a set that is not complete breaks it';
};

subtest 'a chain has fifty sets at most' => sub {
	my $message = text_of();
	$message = seal($message, $_ == 1 ? 'none' : 'pass') for 1 .. 50;
	is_deeply states($message), ['pass', 'pass'], 'fifty hold';
	my $passed = passed($message);
	is scalar(my @seals = fields($passed, 'ARC-Seal')), 50, 'it is passed on as it is';
	$p->wait_log(qr/signer.*not sealed: the chain has 50 sets already/);
};

subtest 'what users send is not sealed, what is passed on of it is' => sub {
	my $sent = passed(text_of(), user => 'anna', from => "anna\@$domain", to => 'friend@remote.test');
	is_deeply [fields($sent, 'ARC-Seal')], [], 'sent elsewhere';
	$p->postroom_ok('user', 'set', 'bert', 'forward', 'friend@remote.test', 'forward.enabled', 'on');
	my $forwarded = passed(text_of(), to => "bert\@$domain");
	like +(fields($forwarded, 'ARC-Seal'))[0], qr/\Ai=1; .*cv=none/, 'what a user forwards';
	is_deeply states($forwarded), ['pass', 'pass'], 'holds';
	$p->postroom_ok(qw(user unset bert forward forward.enabled));
	$p->postroom_ok(qw(user rule add bert --condition), 'Subject contains hello', '--action', 'forward friend@remote.test');
	my $by_rule = passed(text_of(), to => "bert\@$domain");
	is_deeply states($by_rule), ['pass', 'pass'], 'what a rule forwards, too';
	like +(fields($by_rule, 'ARC-Authentication-Results'))[0], qr/spf=pass/, 'with what was found as it came';
	$p->postroom_ok(qw(user rule delete bert 1));
};

subtest 'a list seals what it changed, beside the signature' => sub {
	$p->postroom_ok(qw(list add news --type mailing friend@remote.test));
	$p->postroom_ok('list', 'set', 'news', $_->[0], '--', $_->[1]) for ['public', 'on'], ['subject-prefix', '[news]'],
		['break-signatures', 'on'], ['header-modifiers', "From:News <news\@$domain>"];
	$p->set('smtp.dkim' => 'on');
	my $post = passed(seal(text_of(), 'none'), to => "news\@$domain");
	like $post, qr/^Subject: \[news\]/m, 'it is changed';
	is_deeply [map { /\Ai=(\d+).*cv=(\w+)/ } fields($post, 'ARC-Seal')], [2, 'pass', 1, 'none'], 'and sealed';
	is_deeply states($post), ['pass', 'pass'], 'the chain holds';
	is scalar(my @signatures = fields($post, 'DKIM-Signature')), 1, 'and it is signed';
	my (undef, $ours) = run_program({ stdin => $post }, $tool, 'verify', "$dir/keys", time);
	like $ours, qr/^dkim=pass d=\Q$domain\E/m, 'which verifies';
	my $own = passed(text_of(), to => "news\@$domain", user => 'anna', from => "anna\@$domain");
	like +(fields($own, 'ARC-Authentication-Results'))[0], qr/auth=pass smtp[.]auth=anna/, 'a post of a user here says so';
	is_deeply states($own), ['pass', 'pass'], 'and holds';
	$p->postroom_ok('list', 'set', 'news', $_->[0], '--', $_->[1]) for ['moderation', 'all'], ['moderator', 'anna'];
	my $smtp = $p->smtp(local => '127.0.0.2');
	$smtp->ehlo('one.test');
	like $smtp->send_message('bob@one.test', ["news\@$domain"], text_of()), qr/\A250/, 'a post that is to be approved';
	$smtp->quit;
	my @held;
	wait_until(sub { @held = @{ $p->postroom_json(qw(list held)) } }, 'it waits', 10);
	$p->postroom_ok('list', 'approve', $held[0]{number});
	my $approved = ($remote->wait_messages(++$count))[-1]{data};
	like +(fields($approved, 'ARC-Authentication-Results'))[0], qr/spf=pass/, 'still knows what was found';
	is_deeply states($approved), ['pass', 'pass'], 'and holds';
	$p->set('smtp.dkim' => 'off');
};

subtest 'what was collected' => sub {
	my $c = Postroom::Collecting->new($p, route => 'user', target => "away\@$domain");
	$c->put(["To: anna\@$domain", 'From: bob@one.test', 'Subject: x', "Authentication-Results: mail.$domain; dkim=pass"]);
	$c->run;
	my $message = ($remote->wait_messages(++$count))[-1]{data};
	is +(fields($message, 'ARC-Authentication-Results'))[0], "i=1; mail.$domain; dkim=none", 'signatures alone are known';
	is_deeply states($message), ['pass', 'pass'], 'sealed';
};

subtest 'which key' => sub {
	$p->set('arc.selector' => 'none,arc1');
	like +(fields(passed(text_of()), 'ARC-Seal'))[0], qr/s=arc1;/, 'the first that there is';
	$p->set('arc.selector' => 'none');
	is_deeply [fields(passed(text_of()), 'ARC-Seal')], [], 'none: not sealed';
	$p->set('arc.selector' => '', 'arc.domain' => 'elsewhere.test');
	is_deeply [fields(passed(text_of()), 'ARC-Seal')], [], 'a domain without a key';
	$p->set('arc.domain' => '', 'arc.seal' => 'off');
	is_deeply [fields(passed(text_of()), 'ARC-Seal')], [], 'turned off';
	$p->set('arc.seal' => 'on', 'mail-auth.results' => 'off');
	my $message = passed(text_of());
	is_deeply states($message), ['pass', 'pass'], 'readers here need not be told';
	is_deeply [fields($message, 'Authentication-Results')], [], 'and are not';
	$p->set('mail-auth.results' => 'on', 'mail-auth.gateways' => '127.0.0.2');
	is_deeply [fields(passed(text_of()), 'ARC-Seal')], [], 'a gateway that has checked it is not spoken for';
	$p->set('mail-auth.gateways' => '');
};

subtest 'passed on by Postfix, chains still hold' => sub {
	plan skip_all => 'needs root and Postfix' if $> != 0 || !find_program('postfix');
	my $postfix = Postroom::Peer->postfix(
		domain => 'remote.test', user => 'friend', port => Postroom::Ports::port('127.0.0.1'),
		extra  => 'local_header_rewrite_clients =',
	);
	send_by("127.0.0.1:$postfix->{port}");
	for my $text (text_of(), seal(text_of(), 'none')) {
		my $smtp = $p->smtp(local => '127.0.0.2');
		$smtp->ehlo('one.test');
		like $smtp->send_message('bob@one.test', ["away\@$domain"], $text), qr/\A250/, 'sent';
		$smtp->quit;
	}
	my @files;
	wait_until(sub { @files = glob "$postfix->{maildir}/new/*"; @files == 2 }, 'both are passed on', 60);
	my @messages = map { read_file($_) =~ s/\r?\n/\r\n/gr } @files;
	$postfix->stop;
	is_deeply [sort map { scalar(my @seals = fields($_, 'ARC-Seal')) } @messages], [1, 2], 'sealed';
	is_deeply [map { @{ states($_) } } @messages], [('pass') x 4], 'they hold';
};

$p->stop;
$dns->stop;
done_testing;

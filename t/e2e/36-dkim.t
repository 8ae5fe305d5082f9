#!/usr/bin/perl
# DKIM and ARC against another implementation, python3-dkim: what it signs we verify, what we sign it verifies, and what
# was changed on the way neither takes.
use strict;
use warnings;
use lib 't/lib';
use File::Temp ();
use JSON::PP ();
use MIME::Base64 qw(decode_base64 encode_base64);
use Postroom::Need qw(need_program);
use Postroom::Process qw(read_file run_program write_file);
use Test::More;

need_program('openssl');
plan skip_all => 'no python3-dkim' if (run_program({}, '/usr/bin/python3', '-c', 'import dkim, nacl, authres'))[0] != 0;

my $tool = ($ENV{POSTROOM_BUILD} // 'build') . '/t/tools/dkim';
my $dir = File::Temp->newdir;

# What is asked of the peer, all at once, for it takes long to start.
sub ask_peer {
	my (@jobs) = @_;
	my ($status, $out, $err) = run_program({ stdin => JSON::PP->new->ascii->encode(\@jobs), timeout => 60 },
		'/usr/bin/python3', 't/tools/dkim_peer');
	die "dkim_peer: $err" if $status != 0;
	return @{ JSON::PP->new->utf8->decode($out) };
}

# Keys: ours in PEM; the peer wants an Ed25519 key as its bare 32 octets.
my (%pem, %peer_key, %records);
for my $key (['rsa', 'RSA', 2048], ['rsa4096', 'RSA', 4096], ['ed25519', 'ED25519']) {
	my ($name, $algorithm, $bits) = @$key;
	$pem{$name} = "$dir/$name.pem";
	run_program({ timeout => 120 }, 'openssl', 'genpkey', '-algorithm', $algorithm, '-out', $pem{$name},
		($bits ? ('-pkeyopt', "rsa_keygen_bits:$bits") : ()));
	$peer_key{$name} = read_file($pem{$name});
	my ($status, $record) = run_program({}, $tool, 'record', $pem{$name});
	is $status, 0, "the record of $name";
	chomp($records{"$name._domainkey.example.test"} = $record);
	$records{"$name._domainkey.$_.test"} = $record =~ s/\n//r for qw(one two three);
}
my ($body) = $peer_key{ed25519} =~ /KEY-----\n(.*)\n-----END/s;
$peer_key{ed25519} = encode_base64(substr(decode_base64($body), -32), '');
write_file("$dir/keys", join '', map { "$_ $records{$_}\n" } sort keys %records);

sub run_tool {
	my ($message, @command) = @_;
	my ($status, $out, $err) = run_program({ stdin => $message }, $tool, @command);
	die "dkim @command: $err" if $status != 0;
	return $out;
}

# The lines of our verifier.
sub verify {
	my ($message) = @_;
	return split /\n/, run_tool($message, 'verify', "$dir/keys", time);
}

sub dkim_of {
	my ($message) = @_;
	return (verify($message))[0];
}

sub arc_of {
	my ($message) = @_;
	return (verify($message))[-1];
}

sub crlf {
	my ($text) = @_;
	return $text =~ s/\r?\n/\r\n/gr;
}

my %messages = (
	plain => crlf("From: Anna <anna\@example.test>\nTo: bob\@example.net\nSubject: hello\nDate: Fri, 11 Jul 2003 "
			. "21:00:37 -0700\nMessage-ID: <1\@example.test>\n\nHello Bob,\n\nhow  are you?\n"),
	trailing => crlf("From: anna\@example.test\nSubject:  two   blanks \n\t and a fold\nTo: a\@b.test,\n c\@d.test\n\n"
			. "line \t \n  \n tail\n\n\n\n"),
	'8bit' => crlf("Received: from x\nReceived: from y\nFrom: \xc3\x84nne <a\@example.test>\nMIME-Version: 1.0\n"
			. "Content-Type: text/plain; charset=utf-8\nSubject: =?utf-8?q?=C3=A4?=\n\nGr\xc3\xbc\xc3\x9fe \xff\n"),
	long => crlf("From: anna\@example.test\nSubject: long\n\n" . ('word ' x 5000) . "\n"
			. ('0123456789' x 7 . "\n") x 5000),
	'lines only' => crlf("From: anna\@example.test\nSubject: no words\n\n \n\t\n\n"),
);
my @canons = map { my $header = $_; map { [$header, $_] } qw(simple relaxed) } qw(simple relaxed);

# Every message with every key; the long one, which is slow, once.
my @pairs = (['plain', 'rsa4096'], map { my $name = $_; map { [$name, $_] } qw(rsa ed25519) } sort keys %messages);

# How they are to sign, where nothing else is said.
my %example = (
	op        => 'sign',
	domain    => 'example.test',
	selector  => 'rsa',
	algorithm => 'rsa-sha256',
	canon     => ['relaxed', 'relaxed'],
);

subtest 'theirs, verified by us' => sub {
	my @jobs;
	for my $pair (@pairs) {
		my ($name, $key) = @$pair;
		push @jobs, map { {
				%example, name => $name, message => $messages{$name}, key => $peer_key{$key}, selector => $key,
				algorithm => $key eq 'ed25519' ? 'ed25519-sha256' : 'rsa-sha256', canon => $_,
		} } @canons;
	}
	my @fields = ask_peer(@jobs);
	for my $i (0 .. $#jobs) {
		my $what = "$jobs[$i]{name}, $jobs[$i]{selector}, @{ $jobs[$i]{canon} }";
		my $signed = $fields[$i] . $jobs[$i]{message};
		like dkim_of($signed), qr/\Adkim=pass d=example[.]test s=$jobs[$i]{selector} /, $what;
		next if $jobs[$i]{canon}[0] ne $jobs[$i]{canon}[1];
		my $other = $signed =~ s/(From:.*)\K\r\n/,\r\n/r;
		like dkim_of($other), qr/\Adkim=fail .*of this header/, "$what: another author";
		like dkim_of("$signed."), qr/\Adkim=fail .*body/, "$what: another body";
	}
	# here and there, in the strictest form
	for my $key (qw(rsa ed25519)) {
		my ($i) = grep { $jobs[$_]{name} eq 'plain' && $jobs[$_]{selector} eq $key } 0 .. $#jobs;
		my $signed = $fields[$i] . $jobs[$i]{message};
		my $step = int(length($signed) / 16);
		for my $at (map { $_ * $step } 1 .. 15) {
			my $other = $signed;
			next if substr($other, $at, 1) =~ /\s/;
			substr($other, $at, 1) ^= "\x01";
			unlike dkim_of($other), qr/\Adkim=pass/, "$key: octet $at";
		}
	}
};

subtest 'theirs with l=' => sub {
	my ($field) = ask_peer({
			%example, message => $messages{plain}, key => $peer_key{rsa}, length => JSON::PP::true() });
	like $field, qr/ l=\d+/, 'the signature has a length';
	like dkim_of("$field$messages{plain}"), qr/\Adkim=pass .*bits=2048 \z/, 'all of the body';
	like dkim_of("$field$messages{plain}more\r\n"), qr/\Adkim=pass .* partial /, 'what was added is not covered';
	like dkim_of("$field$messages{plain}" =~ s/you[?]\r\n\z//r), qr/\Adkim=fail/, 'less than that';
};

subtest 'old algorithms' => sub {
	my ($field) = ask_peer({
			%example, message => $messages{plain}, key => $peer_key{rsa}, algorithm => 'rsa-sha1' });
	like dkim_of("$field$messages{plain}"), qr/\Adkim=policy .*rsa-sha1/, 'RFC 8301';
};

subtest 'ours, verified by them' => sub {
	my (@jobs, @names);
	for my $pair (@pairs) {
		my ($name, $key) = @$pair;
		for my $canon (@canons) {
			push @names, "$name, $key, @$canon";
			push @jobs, {
				op => 'verify', keys => \%records,
				message => run_tool($messages{$name}, 'sign', $pem{$key}, 'example.test', $key, join '/', @$canon),
			};
		}
	}
	my @answers = ask_peer(@jobs, map { { %$_, message => "$_->{message}." } } @jobs);
	ok $answers[$_], $names[$_] for 0 .. $#names;
	ok !$answers[@names + $_], "$names[$_], changed" for 0 .. $#names;
};

# A message that went through the hands given: [domain, who seals, what he does to it before].
sub pass_on {
	my ($message, @hands) = @_;
	for my $hand (@hands) {
		my ($domain, $who, $change) = @$hand;
		my $state = arc_of($message) =~ /arc=(\w+)/ ? $1 : die;
		my $results = "mx.$domain;\r\n\tarc=$state;\r\n\tspf=pass smtp.mailfrom=anna\@example.test";
		$message = $change->($message) if $change;
		if ($who eq 'we') {
			$message = run_tool($message, 'seal', $pem{rsa}, $domain, 'rsa', $state, $results);
			next;
		}
		my $with = 'Authentication-Results: ' . $results =~ s/;\r\n\tarc=none//r . "\r\n$message";
		my ($fields) = ask_peer({
				%example, op => 'seal', message => $with, key => $peer_key{rsa}, domain => $domain, server => "mx.$domain" });
		$message = $fields . $message;
	}
	return $message;
}

# Why nothing is added to a chain.
sub refused_seal {
	my ($message) = @_;
	eval { run_tool($message, 'seal', $pem{rsa}, 'three.test', 'rsa', 'pass', 'mx') } and return 'nothing';
	return $@;
}

subtest 'ARC: chains of theirs, of ours, of both' => sub {
	my (@chains, @jobs);
	for my $hands ('they', 'we', 'they they', 'we we', 'they we they', 'we they we') {
		my @domains = qw(one.test two.test three.test);
		my $chain = pass_on($messages{plain}, map { [shift @domains, $_] } split / /, $hands);
		my $count = split / /, $hands;
		my $sets = join ' ', map { "$_.test/rsa" } (qw(one two three))[0 .. $count - 1];
		is arc_of($chain), "arc=pass oldest-pass=0 $sets ", "$hands: by us";
		push @chains, $hands;
		push @jobs, { op => 'arc', message => $chain, keys => \%records };
	}
	my @states = ask_peer(@jobs);
	is $states[$_], 'pass', "$chains[$_]: by them" for 0 .. $#chains;
	is arc_of($messages{plain}), 'arc=none oldest-pass=0 ', 'no chain';
};

subtest 'ARC: what breaks a chain' => sub {
	my $chain = pass_on($messages{'8bit'}, ['one.test', 'they'], ['two.test', 'they'], ['three.test', 'they']);
	like arc_of($chain), qr/\Aarc=pass/, 'it is good';
	my @fields = $chain =~ /^(ARC-[\w-]+:.*\r\n(?:[ \t].*\r\n)*)/mg;
	is scalar @fields, 9, 'three sets of three fields';
	for my $field (@fields) {
		my ($name, $instance) = $field =~ /\A([\w-]+):.*?i=(\d)/s;
		my $what = "$name $instance";
		my $changed = $field =~ s/(?:spf=|bh=.|b=.)\K(.)/$1 ^ "\x01"/er;
		isnt $changed, $field, "$what can be changed";
		like arc_of($chain =~ s/\Q$field\E/$changed/r), qr/\Aarc=fail .*(?:not that of|broken|another)/,
			"$what: an octet changed";
		like arc_of($chain =~ s/\Q$field\E//r), qr/\Aarc=fail .*not complete/, "$what: removed";
		like arc_of($field . $chain), qr/\Aarc=fail .*twice/, "$what: there twice";
		my $moved = $field =~ s/i=$instance/i=51/r;
		like arc_of($chain =~ s/\Q$field\E/$moved/r), qr/\Aarc=fail/, "$what: of no instance";
	}
	for my $instance (1 .. 3) {
		my $less = $chain;
		$less =~ s/\Q$_\E// for grep { /\A[\w-]+:\s*i=$instance/ } @fields;
		isnt $less, $chain, "set $instance can be taken out";
		my $expected = $instance == 3 ? qr/\Aarc=pass .*two[.]test\/rsa \z/ : qr/\Aarc=fail .*not complete/;
		like arc_of($less), $expected, "without set $instance";
	}
	for my $change (['cv=pass', 'cv=none'], ['cv=none', 'cv=pass'], ['cv=pass', 'cv=fail'], ['cv=pass', 'cv=x']) {
		like arc_of($chain =~ s/$change->[0]/$change->[1]/r), qr/\Aarc=fail .*(?:wrong cv=|found broken)/, "@$change";
	}
	my $h = $chain =~ s/(ARC-Seal: i=2;)/$1 h=from;/r;
	like arc_of($h), qr/\Aarc=fail .*seal must not have h=/, 'RFC 8617 4.1.3: h= in a seal';
	like arc_of("$chain."), qr/\Aarc=fail .*signature 3: the body/, 'another body';
	like arc_of($chain =~ s/example[.]test>/example.org>/r), qr/\Aarc=fail/, 'another author';
};

subtest 'ARC: what a handler changed' => sub {
	my $footer = sub { "$_[0]-- \r\nThe list\r\n" };
	my $chain = pass_on($messages{plain}, ['one.test', 'they'], ['two.test', 'we', $footer], ['three.test', 'they']);
	is arc_of($chain), 'arc=pass oldest-pass=2 one.test/rsa two.test/rsa three.test/rsa ', 'since when it is as it is';
	my ($state) = ask_peer({ op => 'arc', message => $chain, keys => \%records });
	is $state, 'pass', 'so do they';
};

subtest 'ARC: a chain that was broken is sealed as such, and no further' => sub {
	my $broken = pass_on($messages{plain}, ['one.test', 'they']) . "changed\r\n";
	my $sealed = pass_on($broken, ['two.test', 'we']);
	like $sealed, qr/\AARC-Seal: i=2; a=rsa-sha256; cv=fail;/, 'cv=fail';
	like arc_of($sealed), qr/\Aarc=fail .*found broken before/, 'and fails';
	like refused_seal($sealed), qr/ended with a failure/, 'nothing is added';
};

subtest 'ARC: fifty sets and no more' => sub {
	my $chain = $messages{plain};
	$chain = run_tool($chain, 'seal', $pem{ed25519}, 'one.test', 'ed25519', 'pass', 'mx') for 1 .. 50;
	like arc_of($chain), qr/\Aarc=pass oldest-pass=0/, 'fifty';
	like refused_seal($chain), qr/50 sets already/, 'the next is refused';
};

done_testing;

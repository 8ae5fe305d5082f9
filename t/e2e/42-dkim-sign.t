#!/usr/bin/perl
# DKIM signatures of what leaves: made with the keys of "postroom dkim", verified by python3-dkim at a remote server and
# behind a Postfix that passed the messages on. POSTROOM_SIGNED=500 signs so many messages of the corpus.
use strict;
use warnings;
use lib 't/lib';
use File::Copy qw(copy);
use JSON::PP ();
use Postroom::Corpus qw(corpus_messages send_all);
use Postroom::Need qw(find_program);
use Postroom::Peer;
use Postroom::Ports;
use Postroom::Process qw(read_file run_program wait_until write_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

plan skip_all => 'no python3-dkim' if (run_program({}, '/usr/bin/python3', '-c', 'import dkim, nacl, authres'))[0] != 0;

my $remote = Postroom::SmtpServer->start(extensions => ['SIZE 10000000', 'PIPELINING', '8BITMIME']);
my $p = Postroom::Test->start(
	users    => { anna => 'anna-secret' },
	domains  => ['second.test'],
	mappings => [['away' => 'friend@remote.test']],
	set      => { 'smtp.dkim' => 'on', 'smtp.dkim-selector' => 'key1' },
);
my $folder = $p->dir . '/etc/dkim';
$p->relay('127.0.0.1'); # 127.0.0.2 is a stranger

sub send_by {
	my ($address) = @_;
	$p->postroom_ok('sender', 'set', 'default', '--method', 'relay', '--servers', $address, '--encryption', 'none');
}
send_by($remote->address);

# What "dkim add" and "dkim show" print: the name, and the record out of its strings.
sub record_of {
	my ($zone) = @_;
	my ($name) = $zone =~ /\A(\S+)\. IN TXT \(/;
	return ($name => join '', $zone =~ /"([^"]*)"/g);
}

my %records = map { record_of($p->postroom_ok('dkim', 'add', @$_)) } ['example.test', 'key1'], ['second.test', 'key1'],
	['example.test', 'ed', '--type', 'ed25519'], ['example.test', 'big', '--bits', 4096];

# For each message and the index of its signature: does it verify?
sub verified {
	my (@jobs) = @_;
	my @questions = map { { op => 'verify', message => $_->[0], index => $_->[1] // 0, keys => \%records } } @jobs;
	my ($status, $out, $err) = run_program({ stdin => JSON::PP->new->ascii->encode(\@questions), timeout => 120 },
		'/usr/bin/python3', 't/tools/dkim_peer');
	die "dkim_peer: $err" if $status != 0;
	return map { $_ ? 1 : 0 } @{ JSON::PP->new->utf8->decode($out) };
}

my $count = 0;

# Send a message and return it as the remote server got it.
sub passed {
	my ($from, %options) = @_;
	my $body = $options{body} // "body  of\t$count \n";
	my $smtp = $p->smtp(local => $options{client} // '127.0.0.1');
	$smtp->ehlo;
	my $to = $options{to} // 'friend@remote.test';
	my $text = "From: $from\nTo: $to\nSubject:  message   $count\nDate: Sat, 21 Nov 2026 10:00:00 +0000\n"
		. "Message-ID: <$count\@example.test>\n\n$body";
	like $smtp->send_message('anna@example.test', [$to], $text), qr/\A250/, "from $from";
	$smtp->quit;
	return ($remote->wait_messages(++$count))[-1]{data};
}

sub signatures {
	my ($message) = @_;
	my ($header) = $message =~ /\A(.*?\r\n)\r\n/s;
	$header =~ s/\r\n[ \t]+/ /g;
	return $header =~ /^DKIM-Signature: (.*?)\r$/mg;
}

subtest '05-8.1 04-13.1 the author\'s domain decides on the key' => sub {
	my $message = passed('Anna <anna@example.test>');
	my @fields = signatures($message);
	is scalar(@fields), 1, 'one signature';
	like $fields[0], qr/\bd=example\.test; s=key1;/, 'of the domain, with the selector';
	like $fields[0], qr{a=rsa-sha256; c=relaxed/relaxed;}, 'RSA, relaxed';
	is_deeply [verified([$message], [$message =~ s/body  of/body ov/r], [$message =~ s/message/massage/r])], [1, 0, 0],
		'it verifies, and what was changed does not';
	is_deeply [signatures(passed('b@other.example'))], [], 'another domain has no key';
	my $capital = passed('"Anna, A." <anna@EXAMPLE.test>', body => "\n\n..\n.\nlast\n\n\n");
	is_deeply [verified([$capital])], [1], 'capital letters, quotes, lines of dots, empty lines';
	like +(signatures(passed('bert@second.test, anna@example.test')))[0], qr/d=second\.test;/, 'of several authors the first';
};

subtest '04-13.4 each domain with its own key' => sub {
	my ($one, $two) = map { passed("anna\@$_") } qw(example.test second.test);
	like +(signatures($one))[0], qr/d=example\.test; s=key1;/, 'the one';
	like +(signatures($two))[0], qr/d=second\.test; s=key1;/, 'the other';
	is_deeply [verified([$one], [$two])], [1, 1], 'both verify';
};

subtest 'several keys, all keys, and none' => sub {
	$p->set('smtp.dkim-selector' => 'key1,ed');
	my $message = passed('anna@example.test');
	is_deeply [map { /a=(\S+);.* s=(\S+);/ } signatures($message)], ['rsa-sha256', 'key1', 'ed25519-sha256', 'ed'], 'two keys';
	is_deeply [verified([$message, 0], [$message, 1])], [1, 1], 'both verify';
	$p->set('smtp.dkim-selector' => '');
	$message = passed('anna@example.test');
	is scalar(my @all = signatures($message)), 3, 'all keys of the domain';
	is_deeply [verified(map { [$message, $_] } 0 .. 2)], [1, 1, 1], 'all verify';
	$p->set('smtp.dkim-selector' => 'absent');
	is_deeply [signatures(passed('anna@example.test'))], [], 'a selector without a key';
	my ($status, undef, $err) = $p->postroom('set', 'smtp.dkim-selector', 'Key_1');
	is $status, 1, 'what is no selector is refused';
	like $err, qr/smtp\.dkim-selector.*Key_1/, 'by name';
	$p->set('smtp.dkim-selector' => 'key1');
	$p->postroom_ok(qw(set smtp.dkim off --service smtp));
	is_deeply [signatures(passed('anna@example.test'))], [], 'a service that does not sign';
	$p->postroom_ok(qw(unset smtp.dkim --service smtp));
};

subtest '05-8.1 a footer that a script adds is signed with the rest' => sub {
	my $script = $p->dir . '/etc/scripts/smtpsvr.lua';
	write_file($script, "function MessageLine(line) if line == '-- ' then return '-- footer of the house' end return line end\n");
	chmod 0644, $script;
	my $message = passed('anna@example.test', body => "hello\n-- \n");
	$p->script('smtpsvr');
	like $message, qr/^-- footer of the house\r$/m, 'the footer is there';
	is_deeply [verified([$message])], [1], 'it verifies';
};

subtest '04-13.2 what this server changes is signed as it leaves' => sub {
	$p->set('signature.outgoing.default' => "-- \nsold to you by example.test");
	my $message = passed('anna@example.test');
	like $message, qr/^sold to you by example\.test\r$/m, 'a global signature';
	is_deeply [verified([$message])], [1], 'verifies';
	$p->postroom_ok(qw(unset signature.outgoing.default));
	$p->postroom_ok(qw(list add news --type mailing friend@remote.test));
	$p->postroom_ok('list', 'set', 'news', $_->[0], '--', $_->[1]) for ['public', 'on'], ['subject-prefix', '[news]'],
		['header-modifiers', "From:News <news\@example.test>\nReply-To:news\@example.test"];
	my $post = passed('someone@elsewhere.test', to => 'news@example.test', client => '127.0.0.2');
	like $post, qr/^Subject: \[news\]/m, 'a post with the list\'s modifiers';
	like +(signatures($post))[0], qr/d=example\.test; s=key1;/, 'signed by the domain that is in From now';
	is_deeply [verified([$post])], [1], 'verifies';
};

subtest 'a stranger does not speak in our name' => sub {
	my $message = passed('anna@example.test', client => '127.0.0.2', to => 'away@example.test');
	is_deeply [signatures($message)], [], 'what he sends is passed on as it is';
};

subtest '04-13.3 keys that cannot be used' => sub {
	my $file = "$folder/domainkey_example.test_key1.key";
	my $key = read_file($file);
	chmod 0644, $file;
	is_deeply [signatures(passed('anna@example.test'))], [], 'readable for everybody: unsigned';
	$p->wait_log(qr/signer.*domainkey_example\.test_key1\.key signs nothing: .*mode 0640 or less, not 0644/);
	like $p->postroom_ok('dkim', 'list'), qr/example\.test\s+key1\s+the key's file must be/, 'the list says so, too';
	chmod 0640, $file;
	write_file($file, "no key\n");
	is_deeply [signatures(passed('anna@example.test'))], [], 'no key: unsigned';
	$p->wait_log(qr/signer.*domainkey_example\.test_key1\.key signs nothing: this is not a private key/);
	write_file($file, $key);
	is_deeply [verified([passed('anna@example.test')])], [1], 'mended: signed at once';
	$p->wait_for(sub { !@{ $p->queue } }, 'nothing is kept back');
};

subtest 'signer away: the message waits, and no attempt is counted' => sub {
	my $main = $p->main_pid('signer');
	my $processes = $p->processes;
	my ($reader) = grep { $processes->{$_}[1] == $main } $p->pids('signer');
	my ($keeper) = grep { $processes->{$_}[1] == $reader } $p->pids('signer');
	for my $who (['the keeper of the keys', $keeper], ['who reads', $reader], ['all', $p->pids('signer')]) {
		my ($what, @pids) = @$who;
		kill 'KILL', @pids;
		is_deeply [verified([passed('anna@example.test')])], [1], "after the death of $what it is signed by the next one";
	}
	isnt $p->main_pid('signer'), $main, 'which is another';
	unlike $p->log, qr/MX Send Warning/, 'nothing was put off';
};

subtest 'the keys' => sub {
	my ($name, $record) = record_of($p->postroom_ok('dkim', 'show', 'example.test', 'key1'));
	is $record, $records{$name}, 'shown as it was';
	like $record, qr/\Av=DKIM1; k=rsa; p=[\w+\/=]+\z/, 'a record of RFC 6376 3.6.1';
	is_deeply [map { "$_->{domain} $_->{selector} $_->{type} $_->{bits}" } @{ $p->postroom_json('dkim', 'list') }],
		['example.test big rsa 4096', 'example.test ed ed25519 256', 'example.test key1 rsa 2048', 'second.test key1 rsa 2048'],
		'listed';
	is +(stat "$folder/domainkey_example.test_big.key")[2] & 07777, 0640, 'for who signs alone';
	is +($p->postroom('dkim', 'add', 'example.test', 'key1'))[0], 1, 'a selector is used once';
	is +($p->postroom('dkim', 'add', @$_))[0], 1, "refused: @$_"
		for ['example.test', '../x'], ['example..test', 'a'], ['example.test', 'A'], ['example.test', 'a', '--bits', 512],
		['example.test', 'a', '--type', 'dsa'], ['../../x', 'a'], ['[192.0.2.1]', 'a'];
	$p->postroom_ok('dkim', 'delete', 'example.test', 'big');
	is +($p->postroom('dkim', 'delete', 'example.test', 'big'))[0], 1, 'gone once it is deleted';
	like $p->postroom_ok('dkim', 'add', "b\xc3\xbccher.example", 'k', '--type', 'ed25519'), qr/\Ak\._domainkey\.xn--bcher-kva\.example\. /,
		'a domain with other letters';
};

# Messages of the corpus with an author who has one domain: its key is a copy of ours.
sub corpus_sample {
	my ($wanted) = @_;
	my $corpus = $ENV{POSTROOM_CORPUS} // '../shared/corpus';
	return if !-d $corpus;
	my $all = corpus_messages($corpus, every => $wanted > 100 ? 1 : 50);
	my %sample;
	for my $name (sort keys %$all) {
		my ($header) = $all->{$name} =~ /\A(.*?\r\n)\r\n/s or next;
		my @from = $header =~ /^From:[^\r<]*<[\w.+-]+@((?:[a-z0-9-]+\.)+[a-z]+)>\r$/mg;
		next if @from != 1 || $header =~ /^(?:DKIM-Signature|[^:]*\r$)/mi || (() = $header =~ /^From\b/mgi) != 1 || $all->{$name} =~ /\0/;
		next if (() = $header =~ /^Received:/mgi) > 15 || $header =~ /[^\0-\x7f]/;
		$sample{$name} = [$all->{$name}, $from[0]];
		last if keys %sample == $wanted;
	}
	return \%sample;
}

subtest 'real messages, passed on by Postfix, still verify' => sub {
	plan skip_all => 'needs root and Postfix' if $> != 0 || !find_program('postfix');
	my $sample = corpus_sample($ENV{POSTROOM_SIGNED} // 30) // plan(skip_all => 'needs the corpus');
	my $postfix = Postroom::Peer->postfix(
		domain => 'remote.test', user => 'friend', port => Postroom::Ports::port('127.0.0.1'),
		extra  => 'local_header_rewrite_clients =', # it passes on, and mends no addresses
	);
	$p->set('sender.concurrency' => 5);
	send_by("127.0.0.1:$postfix->{port}");
	my $file = "$folder/domainkey_example.test_key1.key";
	for my $domain (map { $_->[1] } values %$sample) {
		my $copy = "$folder/domainkey_${domain}_key1.key";
		copy($file, $copy);
		chown 0, (stat $file)[5], $copy;
		chmod 0640, $copy;
		$records{"key1._domainkey.$domain"} = $records{'key1._domainkey.example.test'};
	}
	my $ids = send_all({ map { $_ => $sample->{$_}[0] } keys %$sample }, 2, sub { $p->smtp }, 'anna@example.test', 'friend@remote.test');
	is_deeply [grep { / / } values %$ids], [], 'all are taken';
	my @files;
	wait_until(sub { @files = glob "$postfix->{maildir}/new/*"; @files == keys %$sample }, 'all are passed on', 120);
	my @messages = map { read_file($_) =~ s/\r?\n/\r\n/gr } @files;
	$postfix->stop;
	is scalar(grep { my @fields = signatures($_); @fields } @messages), scalar(@messages), 'all are signed';
	my @good = verified(map { [$_] } @messages);
	is scalar(grep { $_ } @good), scalar(keys %$sample), 'all verify'
		or diag map { substr $messages[$_], 0, 3000 } (grep { !$good[$_] } 0 .. $#good)[0];
};

$p->stop;
done_testing;

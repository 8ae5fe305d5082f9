#!/usr/bin/perl
# Minger: another server asks by UDP which addresses are valid here, and learns nothing without the secret.
use strict;
use warnings;
use lib 't/lib';
use Digest::MD5 qw(md5_hex);
use IO::Select;
use IO::Socket::IP;
use Postroom::Test;
use Socket qw(SOCK_DGRAM);
use Test::More;

my $SECRET = 'told to nobody else';
my $p = Postroom::Test->start(
	users    => { anna => 'anna-secret' },
	mappings => [['info' => 'anna']],
	set      => { 'minger.secret' => $SECRET },
	ids      => 1,
);
my $port = $p->{offset} + 4069;

# The answer to a datagram; undef where none comes.
sub ask {
	my ($packet, %options) = @_;
	my $socket = IO::Socket::IP->new(
		LocalHost => $options{local} // '127.0.0.1', PeerHost => $p->host, PeerPort => $port, Type => SOCK_DGRAM,
	) or die "no socket: $@\n";
	$socket->send($packet);
	return if !IO::Select->new($socket)->can_read($options{patience} // 10);
	my $answer;
	return defined $socket->recv($answer, 1000) ? $answer : undef;
}

sub question {
	my ($address, $secret) = @_;
	return "$address " . md5_hex(lc($address) . ':' . ($secret // $SECRET)) . "\r\n";
}

$p->wait_for(sub { defined ask(question('anna@example.test'), patience => 0.2) }, 'somebody answers', 20);

subtest '05-10.9 the right secret tells addresses apart' => sub {
	is ask(question("$_\@example.test")), "$_\@example.test 5\r\n", "$_ is valid" for qw(anna Anna ANNA postmaster info);
	is ask(question("$_")), "$_ 3\r\n", "$_ is not" for 'nobody@example.test', 'anna@elsewhere.test', 'x y@example.test' =~ s/ //r;
	is ask(question('anna@example.test') =~ s/\r\n//r), "anna\@example.test 5\r\n", 'without a line end';
	is ask(question('anna@example.test') =~ s/ (\w+)/' ' . uc $1/er), "anna\@example.test 5\r\n", 'a digest in capital letters';
};

subtest '05-10.9 a wrong secret, or none, gets the same denial' => sub {
	for my $address ('anna@example.test', 'nobody@example.test', 'anna@elsewhere.test') {
		is ask(question($address, $_)), "$address 1\r\n", "$address, the secret \"$_\"" for 'wrong', '', "$SECRET ";
		is ask("$address\r\n"), "$address 1\r\n", "$address, without a digest";
	}
	is ask('nobody@example.test ' . md5_hex("anna\@example.test:$SECRET")), "nobody\@example.test 1\r\n", 'the digest of another address';
};

subtest 'what is no question' => sub {
	like ask($_), qr/\A\S* 0\r\n\z/, 'malformed' for '', "\r\n", 'anna', "anna\@example.test\0", '@', "\xff\xfe", 'a' x 513, "a\@b c\@d";
	is ask(question('anna@example.test')), "anna\@example.test 5\r\n", 'it still answers';
};

subtest 'settings hold at once' => sub {
	$p->set('minger.secret' => 'another');
	is ask(question('anna@example.test')), "anna\@example.test 1\r\n", 'the old secret';
	is ask(question('anna@example.test', 'another')), "anna\@example.test 5\r\n", 'the new one';
	$p->set('minger.secret' => '');
	is ask(question('anna@example.test', $_)), "anna\@example.test 1\r\n", "no secret: nobody gets to know (\"$_\")" for '', 'another';
	unlike $p->log, qr/told to nobody else|= another/, 'the log has no secret';
	$p->set('minger.secret' => $SECRET, 'minger.enabled' => 'off');
	$p->wait_for(sub { !defined ask(question('anna@example.test'), patience => 0.2) }, 'nobody answers any more');
	my $own;
	$p->wait_for(sub { $own = IO::Socket::IP->new(LocalHost => $p->host, LocalPort => $port, Type => SOCK_DGRAM) }, 'the port is free');
	close $own;
	$p->set('minger.enabled' => 'on');
	$p->wait_for(sub { defined ask(question('anna@example.test'), patience => 0.2) }, 'and back', 20);
	pass 'on again';
};

subtest 'who answers dies' => sub {
	my $main = $p->main_pid('mingerd');
	my ($child) = grep { $_ != $main } $p->pids('mingerd');
	kill 'KILL', $child;
	$p->wait_for(sub { (ask(question('anna@example.test'), patience => 0.2) // '') =~ / 5\r\n/ }, 'another answers', 20);
	is $p->main_pid('mingerd'), $main, 'the first process goes on';
	my ($resolver) = $p->kill_daemon('resolver');
	$p->wait_for(sub { (ask(question('anna@example.test'), patience => 0.5) // '') =~ / 5\r\n/ }, 'the resolver is back', 20);
};

subtest 'too many questions, and blocked clients' => sub {
	my $socket = IO::Socket::IP->new(LocalHost => '127.0.0.8', PeerHost => $p->host, PeerPort => $port, Type => SOCK_DGRAM);
	my $answers = 0;
	for (1 .. 400) {
		$socket->send(question('anna@example.test'));
		$socket->recv(my $answer, 1000), $answers++ while IO::Select->new($socket)->can_read(0);
	}
	$socket->recv(my $answer, 1000), $answers++ while IO::Select->new($socket)->can_read(0.3);
	cmp_ok $answers, '<=', 280, "no more answers than the rate ($answers)";
	cmp_ok $answers, '>=', 100, 'but some';
	is ask(question('anna@example.test'), local => '127.0.0.10'), "anna\@example.test 5\r\n", 'others are not affected';
	$p->postroom_ok(qw(block add 127.0.0.11));
	is ask(question('anna@example.test'), local => '127.0.0.11', patience => 0.5), undef, 'a blocked client hears nothing';
	$p->set('login.intrusion-failures' => 3);
	ask(question('anna@example.test', 'guess'), local => '127.0.0.12') for 1 .. 4;
	$p->wait_for(sub { grep { $_->{network} =~ /\A127\.0\.0\.12/ } @{ $p->postroom_json('block', 'list') } }, 'who guesses secrets is blocked');
	pass 'blocked';
};

$p->stop;
done_testing;

#!/usr/bin/perl
# Real mail from office to office: submitted at one instance, through a smarthost and by MX, into a mailbox of another.
# POSTROOM_ALL=1 takes all messages instead of each tenth.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Corpus qw(corpus_messages send_all fetch_all without_trace without_added);
use Postroom::Dns;
use Postroom::Need qw(need_corpus need_program);
use Postroom::Test;
use Test::More;

need_program('nsd');
my $messages = corpus_messages(need_corpus(), every => $ENV{POSTROOM_ALL} ? 1 : 10);
my $count = keys %$messages;

# The office sends, the provider is its smarthost, the partner has the mailbox.
my $partner = Postroom::Test->start(domain => 'partner.test', host_name => 'mail.partner.test', bind => '127.0.0.6',
	users => { bob => 'bob-secret' });
my $dns = Postroom::Dns->start(zones => {
	'partner.test' => { '@' => 'MX 10 mail.partner.test.', mail => 'A 127.0.0.6' },
});
my %MX = ('dns.servers' => $dns->address, 'sender.mx-port' => $partner->port('smtp'));
my $provider = Postroom::Test->start(domain => 'provider.test', host_name => 'mail.provider.test', bind => '127.0.0.5',
	users => { office => 'office-secret' }, set => \%MX, relay => ['127.0.0.9']);
my $office = Postroom::Test->start(users => { anna => 'anna-secret' }, set => \%MX, relay => ['127.0.0.9']);

sub submission {
	my $smtp = $office->smtp(service => 'submission');
	$smtp->ehlo;
	$smtp->starttls == 220 or die "no STARTTLS\n";
	$smtp->ehlo;
	$smtp->auth('SCRAM-SHA-256', 'anna', 'anna-secret') == 235 or die $smtp->last . "\n";
	return $smtp;
}

sub bob {
	my $pop3 = $partner->pop3;
	$pop3->login('bob', 'bob-secret');
	return $pop3;
}

# All that bob has, when it is so many; his mailbox is empty then.
sub fetched {
	my ($number) = @_;
	my $pop3;
	$partner->wait_for(sub {
		$pop3 = bob();
		my ($there) = $pop3->stat;
		return 1 if $there >= $number;
		$pop3->quit;
		return 0;
	}, "$number messages for bob", 120);
	my @texts = fetch_all($pop3);
	$pop3->send_raw(join '', map { "DELE $_\r\n" } 1 .. @texts);
	$pop3->line for 1 .. @texts;
	$pop3->quit;
	return @texts;
}

sub smarthost {
	my (%options) = @_;
	$office->postroom_ok({ stdin => "office-secret\n" }, 'sender', 'set', 'default', '--method', 'relay', '--verify', 'off',
		'--user', 'office', '--password-stdin', map { ("--$_", $options{$_}) } sort keys %options);
}

# The corpus goes out of the office and comes to bob over so many servers.
sub goes_through {
	my ($hops) = @_;
	my $ids = send_all($messages, 10, \&submission, 'anna@example.test', 'bob@partner.test');
	my %names = map { $ids->{$_} => $_ } keys %$ids;
	is scalar(grep { / / } keys %names), 0, 'each is taken at submission' or diag grep { / / } keys %names;
	my (%seen, @different);
	for my $text (fetched($count)) {
		my ($id, $rest) = without_trace($text, $hops);
		my $name = defined $id ? $names{$id} : undef;
		if (!defined $name || $seen{$name}++ || without_added($rest, $messages->{$name}) ne $messages->{$name}) {
			push @different, $name // substr $text, 0, 800;
		}
	}
	is scalar(keys %seen), $count, "all $count arrive, each once";
	is_deeply \@different, [], 'octet for octet below the trace fields, but for Date and Message-ID where they lacked';
	my @instances = ($office, $provider, $partner);
	$office->wait_for(sub { !grep { @{ $_->queue } } @instances }, 'no queue holds anything', 20);
}

# Sessions that brought mail in by this service, and how many messages they brought.
sub sessions {
	my ($instance, $service) = @_;
	my %messages;
	my $log = $instance->log;
	$messages{$1}++ while $log =~ /smtpd\[(\d+)\]: info: id=\S+ queued .* service=\Q$service\E$/mg;
	return \%messages;
}

sub connections_are_used_again {
	my ($instance, $service) = @_;
	my $sessions = sessions($instance, $service);
	my $messages = 0;
	$messages += $_ for values %$sessions;
	is $messages, $count, "all came by $service";
	cmp_ok scalar(keys %$sessions), '<', $count / 5, 'many over one connection, says the log';
}

sub send_one {
	my ($to, $text, %options) = @_;
	my $smtp = submission();
	$smtp->ehlo;
	is $smtp->cmd("MAIL FROM:<anna\@example.test>" . ($options{mail} // '')), 250, 'MAIL' or diag $smtp->last;
	is $smtp->cmd("RCPT TO:<$to>"), 250, 'RCPT' or diag $smtp->last;
	is $smtp->data($text), 250, 'taken' or diag $smtp->last;
	$smtp->quit;
	return fetched(1);
}

subtest 'by MX' => sub {
	goes_through(2);
	connections_are_used_again($partner, 'smtp');
};

subtest 'by a smarthost under TLS from the first octet, and from there by MX' => sub {
	smarthost(servers => '127.0.0.5:' . $provider->port('smtps'), encryption => 'tls');
	goes_through(3);
	connections_are_used_again($provider, 'smtps');
};

subtest 'by a smarthost that must offer STARTTLS' => sub {
	smarthost(servers => '127.0.0.5:' . $provider->port('submission'), encryption => 'starttls');
	my ($text) = send_one('bob@partner.test', "Subject: hello\r\n\r\nhello\r\n");
	like $text, qr/^Received: from mail\.example\.test \(\[127\.0\.0\.1\]\)\r\n\tby mail\.provider\.test .*\bwith ESMTPSA\b/m,
		'it came under TLS after a login';
	$provider->postroom_ok('service', 'encryption', 'submission', 'none');
	$office->set('sender.connect-timeout' => 29); # with other settings no open connection is used again
	my $smtp = submission();
	like $smtp->send_message('anna@example.test', ['bob@partner.test'], "Subject: later\n\nx\n"), qr/\A250/, 'another';
	my $message;
	$office->wait_for(sub { ($message) = @{ $office->queue }; $message && $message->{state} eq 'deferred' }, 'it waits', 20);
	like $message->{recipients}[0]{answer}, qr/does not offer STARTTLS/, 'and says why';
	$provider->postroom_ok('service', 'encryption', 'submission', 'optional');
	$office->postroom_ok('queue', 'retry', '--all');
	like +(fetched(1))[0], qr/^Subject: later\r$/m, 'it goes when STARTTLS is there again';
};

subtest 'an internationalised recipient, header and text' => sub {
	$partner->postroom_ok('mapping', 'add', "b\xc3\xbcro\@partner.test", 'bob');
	my $text = "From: anna\@example.test\r\nTo: b\xc3\xbcro\@partner.test\r\nSubject: Gr\xc3\xbc\xc3\x9fe\r\n"
		. "Date: Fri, 21 Nov 2025 12:00:00 +0100\r\nMessage-ID: <1\@example.test>\r\n\r\n\xe2\x82\xac 5\r\n";
	my ($got) = send_one("b\xc3\xbcro\@partner.test", $text, mail => ' SMTPUTF8 BODY=8BITMIME');
	is +(without_trace($got, 3))[1], $text, 'arrives unchanged';
	like $got, qr/^Delivered-To: b\xc3\xbcro\@partner\.test\r$/m, 'to that address';
	is scalar(() = $got =~ /\bwith UTF8SMTPS/g), 3, 'each server was told by SMTPUTF8';
};

$dns->stop;
$_->stop for $office, $provider, $partner;
done_testing;

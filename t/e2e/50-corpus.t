#!/usr/bin/perl
# Real mail, as it was received in 2002 and as collected from bug reports: taken by SMTP, fetched by POP3, octet for octet.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Corpus qw(corpus_messages send_all fetch_all without_trace);
use Postroom::Need qw(need_corpus);
use Postroom::Test;
use Test::More;

my $messages = corpus_messages(need_corpus());
my %refused = map { $_ => 1 } grep { $messages->{$_} =~ /\0/ } keys %$messages;
my $taken = keys(%$messages) - keys %refused;
my %USERS = (few => 'few-secret', many => 'many-secret');
my $p = Postroom::Test->start(users => \%USERS);

sub fetched {
	my ($user) = @_;
	my $pop3;
	$p->wait_for(sub {
		$pop3 = $p->pop3;
		$pop3->login($user, $USERS{$user});
		my ($count) = $pop3->stat;
		return 1 if $count == $taken;
		$pop3->quit;
		return 0;
	}, "$taken messages for $user", 60);
	my @texts = fetch_all($pop3);
	$pop3->quit;
	return @texts;
}

# A message is found again by the id that its 250 named and its Received field carries.
sub is_same_mail {
	my ($user, $ids) = @_;
	my %names = map { $ids->{$_} => $_ } grep { !$refused{$_} } keys %$ids;
	is scalar(keys %names), $taken, 'each was taken, under an id of its own'
		or diag map { "$_: $ids->{$_}\n" } grep { !$refused{$_} && $ids->{$_} =~ / / } sort keys %$ids;
	is scalar(grep { $ids->{$_} !~ /\A554 5\.6\.0 / } keys %refused), 0, 'those with NUL were not';
	my (%seen, @different);
	for my $text (fetched($user)) {
		my ($id, $rest) = without_trace($text, 1);
		my $name = defined $id ? $names{$id} : undef;
		if (!defined $name || $seen{$name}++ || $rest ne $messages->{$name}) {
			push @different, $name // substr $text, 0, 500;
		}
	}
	is scalar(keys %seen), $taken, 'each came back, once';
	is_deeply \@different, [], 'octet for octet below the trace fields';
}

subtest 'one after another' => sub {
	my $ids = send_all($messages, 3, sub { $p->smtp }, 'sender@remote.test', 'few@example.test');
	is_same_mail('few', $ids);
};

subtest 'twenty clients at once' => sub {
	my $ids = send_all($messages, 20, sub { $p->smtp }, 'sender@remote.test', 'many@example.test');
	is_same_mail('many', $ids);
};

subtest 'NUL octets are refused' => sub {
	my %with = (middle => "Subject: x\r\n\r\na\0b\r\n", header => "Sub\0ject: x\r\n\r\nx\r\n", end => "Subject: x\r\n\r\nx\0\r\n");
	my $ids = send_all(\%with, 1, sub { $p->smtp }, 'sender@remote.test', 'few@example.test');
	like $ids->{$_}, qr/\A554 5\.6\.0 /, $_ for sort keys %with;
};

note "messages: $taken sent, " . keys(%refused) . ' refused for NUL octets';
$p->stop;
done_testing;

#!/usr/bin/perl
# Real mail through signatures and all changes of what leaves: what is signed or encrypted keeps every byte of its body,
# all else arrives with a body that still has what it had.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Corpus qw(corpus_messages send_all);
use Postroom::Need qw(need_corpus);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

my $all = corpus_messages(need_corpus(), every => 400);
my $messages = { map { $_ => $all->{$_} } grep { $all->{$_} !~ /\0/ } keys %$all };
my $remote = Postroom::SmtpServer->start(extensions => ['8BITMIME', 'PIPELINING']);
my $p = Postroom::Test->start(users => { anna => 'anna-secret' }, set => {
	'signature.outgoing.default' => "-- \nSIGNATURE-\xe2\x82\xac", 'outgoing.domain-mappings' => 'example.com=other.test',
	'outgoing.header-modifiers' => 'X-Org: Example', 'monitor.outgoing' => 'all', 'monitor.target' => 'anna',
});
$p->postroom_ok(qw(sender set default --method relay --encryption none --servers), '127.0.0.1:' . $remote->port);

sub is_sealed {
	my ($text) = @_;
	my ($header) = $text =~ /\A(.*?\r\n)\r\n/s;
	return ($header // '') =~ m{^Content-Type:\s*(?:multipart/(?:signed|encrypted)|application/(?:x-)?pkcs7-mime)|^DKIM-Signature:}im
		|| $text =~ /-----BEGIN PGP /;
}

sub body { return $_[0] =~ /\A.*?\r\n\r\n(.*)\z/s ? $1 : '' }

my $ids = send_all($messages, 4, sub { $p->smtp }, 'anna@example.test', 'kate@remote.test');
my %names = map { $ids->{$_} => $_ } grep { $ids->{$_} !~ / / } keys %$ids;
my @arrived = $remote->wait_messages(scalar(keys %names), 120);
is scalar(@arrived), scalar(keys %names), 'all arrive';

my ($sealed, $signed, @wrong) = (0, 0);
for my $message (@arrived) {
	my ($id) = $message->{data} =~ /^\s+id ([\w-]+)/m;
	my $original = $messages->{ $names{ $id // '' } // '' };
	if (!defined $original || $message->{data} !~ /^X-Org: Example\r$/m) {
		push @wrong, $id // 'no id';
	} elsif (is_sealed($original)) {
		$sealed++;
		push @wrong, $names{$id} if body($message->{data}) ne body($original);
	} else {
		$signed += body($message->{data}) ne body($original);
	}
}
ok $sealed > 0, "$sealed that are signed or encrypted";
is_deeply \@wrong, [], 'keep every byte of their body, and have what goes into the header';
ok $signed > @arrived / 2, "$signed others have the signature";

$p->stop;
done_testing;

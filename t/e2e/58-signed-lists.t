#!/usr/bin/perl
# Real mail through a list with a signature: what is signed or encrypted by somebody else keeps every byte of its body.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Corpus qw(corpus_messages send_all);
use Postroom::Need qw(need_corpus);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

my $all = corpus_messages(need_corpus(), every => 200);
my $messages = { map { $_ => $all->{$_} } grep { $all->{$_} !~ /\0|^(?:Precedence|Auto-Submitted):|^From:.*mailer-daemon/im } keys %$all };
my $remote = Postroom::SmtpServer->start(extensions => ['8BITMIME', 'PIPELINING']);
my $p = Postroom::Test->start;
$p->postroom_ok(qw(sender set default --method relay --encryption none --servers), $remote->address);
$p->postroom_ok(qw(list add all --type mailing --public kate@remote.test));
$p->postroom_ok('list', 'set', 'all', 'signature', 'THE-LIST');
$p->postroom_ok('list', 'set', 'all', 'header-modifiers', 'X-List: all');

sub is_sealed {
	my ($text) = @_;
	my ($header) = $text =~ /\A(.*?\r\n)\r\n/s;
	return ($header // '') =~ m{^Content-Type:\s*(?:multipart/(?:signed|encrypted)|application/(?:x-)?pkcs7-mime)|^DKIM-Signature:}im
		|| $text =~ /-----BEGIN PGP /;
}

sub body { return $_[0] =~ /\A.*?\r\n\r\n(.*)\z/s ? $1 : '' }

my $ids = send_all($messages, 4, sub { $p->smtp }, 'anna@x.test', 'all@example.test');
my %names = map { $ids->{$_} => $_ } grep { $ids->{$_} !~ / / } keys %$ids;
my @arrived = $remote->wait_messages(scalar(keys %names), 120);
is scalar(@arrived), scalar(keys %names), 'all arrive';

my ($sealed, $signed, @wrong) = (0, 0);
for my $message (@arrived) {
	my ($id) = $message->{data} =~ /^\s+id (\w+-smtpd-\w+)/m;
	my $original = $messages->{ $names{ $id // '' } // '' };
	if (!defined $original || $message->{data} !~ /^X-List: all\r$/m) {
		push @wrong, $id // 'no id';
	} elsif (is_sealed($original)) {
		$sealed++;
		push @wrong, $names{$id} if body($message->{data}) ne body($original);
	} else {
		$signed += $message->{data} =~ /THE-LIST/;
	}
}
ok $sealed > 0, "$sealed that are signed or encrypted";
is_deeply \@wrong, [], 'keep every byte of their body';
ok $signed > (@arrived - $sealed) * 0.9, "$signed others have the list's signature";

$p->stop;
$remote->stop;
done_testing;

#!/usr/bin/perl
# Files that autoresponders send along.
use strict;
use warnings;
use lib 't/lib';
use JSON::PP qw(decode_json);
use MIME::Base64;
use Postroom::Delivered;
use Postroom::Process qw(read_file write_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { map { $_ => "$_-secret" } qw(anna bob) });
my $d = Postroom::Delivered->new($p);
my $domain = $p->domain;
my $server = Postroom::SmtpServer->start;
$p->postroom_ok('sender', 'set', 'default', '--method', 'relay', '--servers', '127.0.0.1:' . $server->port);
my $answers = 0; # of which the server knows

sub refused {
	my ($pattern, @arguments) = @_;
	my ($status, undef, $err) = $p->postroom(@arguments);
	is $status, 1, 'refused';
	return like $err, $pattern, 'with the reason';
}

# The next answer that goes to another server.
sub answer {
	my @messages = $server->wait_messages(++$answers);
	is scalar @messages, $answers, 'one answer';
	return $messages[-1];
}

subtest '02-16.1 files that go with an answer, while they are there' => sub {
	my $image = join '', map { chr } 0 .. 255, 0 .. 99;
	write_file($p->dir . '/Preise März.bin', $image);
	write_file($p->dir . '/b.txt', "two\n");
	$p->postroom_ok('user', 'media', 'add', 'anna', $p->dir . '/Preise März.bin');
	$p->postroom_ok('user', 'media', 'add', 'anna', $p->dir . '/b.txt', 'b');
	is_deeply [sort map { "$_->{name} $_->{size}" } @{ $p->postroom_json(qw(user media list anna)) }],
		[sort 'b 4', "Preise M\x{e4}rz.bin 356"], 'they are listed';
	refused(qr/no name for a file/, qw(user media add anna), $p->dir . '/b.txt', '../x');
	refused(qr/attachment:/, qw(user autoresponder add anna --name bad --attachment), 'a/b');
	$p->postroom_ok(qw(user autoresponder add anna --name files --hours 0 --append whole --text), 'See there.', '--attachment', 'Preise März.bin');
	$p->postroom_ok(qw(user autoresponder set anna files --attachment), 'Preise März.bin', '--attachment', 'b');
	$p->postroom_ok(qw(user autoresponder-rule add anna --responder files));
	$d->send(from => 'x@far.test');
	my $data = answer()->{data};
	like $data, qr{^Content-Type: multipart/mixed; boundary="([^"]+)"}m, 'parts';
	my ($boundary) = $data =~ /boundary="([^"]+)"/;
	my @parts = split /\r\n--\Q$boundary\E(?:--)?\r\n/, $data;
	is scalar @parts, 5, 'the header, the text, the original, two files';
	like $parts[1], qr/See there\./, 'text';
	like $parts[2], qr/^Hello\r$/m, 'original';
	like $parts[3], qr/filename\*=utf-8''Preise%20M%C3%A4rz\.bin\r\nContent-Transfer-Encoding: base64/, 'a name of its own';
	is decode_base64($parts[3] =~ s/\A.*?\r\n\r\n//sr), $image, 'octet for octet';
	ok !(grep { length > 76 } split /\r\n/, $parts[3] =~ s/\A.*?\r\n\r\n//sr), 'in lines of 76 characters';
	is decode_base64($parts[4] =~ s/\A.*?\r\n\r\n//sr), "two\n", 'the other';
	$p->postroom_ok(qw(user media delete anna b));
	refused(qr/no such file/, qw(user media delete anna b));
	$d->send(from => 'x@far.test');
	$data = answer()->{data};
	like $data, qr/Preise%20M/, 'one is left';
	unlike $data, qr/utf-8''b\r\n/, 'the other is not sent any more';
	like $data, qr/See there\./, 'the answer goes out';
	write_file($p->dir . '/price.txt', "ours\n");
	$p->postroom_ok('media', 'add', $p->dir . '/price.txt');
	$p->postroom_ok(qw(autoresponder add --name shared --hours 0 --text hello --attachment price.txt --attachment b));
	$p->postroom_ok(qw(user autoresponder-rule add bob --responder shared));
	$d->send(from => 'x@far.test', to => ["bob\@$domain"]);
	$data = answer()->{data};
	like $data, qr/filename\*=utf-8''price\.txt.*b3Vycwo=/s, 'a file of the server goes with an autoresponder of the server';
};

subtest 'an autoresponder in a file, with what it sends along, goes to another user and to all' => sub {
	my $image = join '', map { chr } 0 .. 255;
	my $path = $p->dir . '/away.json';
	write_file($p->dir . '/plan.bin', $image);
	$p->postroom_ok('user', 'media', 'add', 'anna', $p->dir . '/plan.bin');
	write_file($p->dir . '/text', qq{I am "away"\n\nM\xc3\xa4rz\n});
	$p->postroom_ok(qw(user autoresponder add anna --name Away --hours 12 --keep off --subject), 'Re: {OrigSubject}', '--text-file', $p->dir . '/text', '--attachment', 'plan.bin');
	$p->postroom_ok(qw(user autoresponder export anna away), $path);
	$p->postroom_ok(qw(user autoresponder import bob), $path);
	$p->postroom_ok(qw(autoresponder import), $path);
	my $texts = sub {
		my $item = $p->postroom_json(@_);
		delete @$item{qw(id number)};
		return $item;
	};
	my $first = $texts->(qw(user autoresponder show anna Away));
	is $first->{hours}, 12, 'it is what was made';
	is_deeply $texts->(qw(user autoresponder show bob Away)), $first, 'the other user has the same';
	is_deeply $texts->(qw(autoresponder show Away)), $first, 'so has the server';
	my $out = $p->postroom_ok(qw(user autoresponder export bob Away));
	is decode_base64(decode_json($out)->{files}{'plan.bin'}), $image, 'octet for octet with its file';
	is $p->postroom_ok(qw(autoresponder export Away)), $out, 'and the same file comes out again';
	for my $bad (['[1]', qr/object/], ['{"name": "x", "nonsense": "y"}', qr/nonsense/], ['{"name": "x", "files": {"a": "%"}}', qr/base64/],
		['{"name": 7}', qr/no text/], ['{', qr/no autoresponder/])
	{
		write_file($path, $bad->[0]);
		refused($bad->[1], qw(user autoresponder import bob), $path);
	}
	is scalar @{ $p->postroom_json(qw(user autoresponder list bob)) }, 1, 'nothing of these is there';
	$p->postroom_ok(qw(user media delete anna plan.bin));
	my ($status, undef, $err) = $p->postroom(qw(user autoresponder export anna Away), $path);
	is $status, 1, 'where a file is gone';
	like $err, qr/no such file/, 'it says so';
	$p->postroom_ok(qw(user autoresponder set anna Away --name Elsewhere));
	write_file($path, read_file($path) =~ s/"Away"/"Other"/r);
	$p->postroom_ok(qw(user autoresponder import anna), $path);
};

$p->stop;
done_testing;

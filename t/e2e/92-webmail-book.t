#!/usr/bin/perl
# Webmail: address books, by the API of the pages: one's own and everybody's, groups, files of other programs, and what is
# suggested to who writes.
use strict;
use warnings;
use utf8;
use lib 't/lib';
use Encode qw(encode);
use JSON::PP;
use Postroom::Test;
use Postroom::Webmail;
use Test::More;

my $p = Postroom::Test->start(users => { anna => 'secret-a', bob => 'secret-b' }, set => { 'smtp.collect-recipients' => 'on' });
my $domain = $p->domain;
my ($anna, $bob) = map { Postroom::Webmail->new($p, $_, 'secret-' . substr $_, 0, 1) } qw(anna bob);
my $admin = Postroom::Webmail->new($p, 'postmaster', $p->password);

sub book {
	my ($who, $query) = @_;
	return $who->ok(GET => '/mail/book' . ($query // ''))->{items};
}

sub told { return JSON::PP->new->decode($_[0]) }

sub suggested {
	my ($who, $q) = @_;
	return [map { $_->{group} ? "$_->{name}: " . join ' ', map { $_->{address} } @{ $_->{group} } : $_->{address} }
		@{ $who->ok(GET => "/mail/suggestions?q=$q")->{items} }];
}

subtest 'a contact is added, changed, deleted, and is its user\'s alone' => sub {
	my %jürgen = (name => 'Jürgen Groß', addresses => ['j@example.net', 'jg@example.org'], phones => ['+49 1'], places => ['Am Markt 1, Köln'],
		organization => 'Groß & Co; Söhne', title => 'Chef', note => "one,\ntwo; \\three", groups => ['Friends', 'Work'], rest => "BDAY:19700101\r\n");
	my $id = $anna->ok(POST => '/mail/book', \%jürgen)->{id};
	my ($kept) = @{ book($anna) };
	is_deeply { map { $_ => $kept->{$_} } keys %jürgen }, \%jürgen, 'it is kept as it was given';
	is_deeply book($bob), [], 'nobody else has it';
	is +($bob->call(PUT => "/mail/book/$id", \%jürgen))[0], 404, 'nor changes it';
	is +($bob->call(DELETE => "/mail/book/$id"))[0], 404, 'nor deletes it';
	$anna->ok(PUT => "/mail/book/$id", { %$kept, name => 'Jürgen', addresses => ['new@example.net'] });
	($kept) = @{ book($anna, '?q=NEW@') };
	is "$kept->{name} $kept->{id}", "Jürgen $id", 'found by a part of the new address';
	is_deeply book($anna, '?q=jg'), [], 'not by the old one';
	is $kept->{rest}, "BDAY:19700101\r\n", 'what is not shown is kept';
	$p->kill_daemon('policyd');
	$p->wait_for(sub { ($anna->call(GET => '/mail/book'))[0] == 200 }, 'policyd is there again', 20);
	is scalar @{ book($anna) }, 1, 'it outlives a crash';
	is +($anna->call(POST => '/mail/book', $_))[0], 422, 'refused: ' . encode_json($_)
		for {}, { name => "a\nb" }, { name => 'x', rest => "END:VCARD\r\n" }, { name => 'x', addresses => [1] }, { name => 'x', note => 'y' x 5000 };
	$anna->ok(DELETE => "/mail/book/$id");
	is_deeply book($anna), [], 'deleted';
};

subtest 'everybody\'s contacts' => sub {
	my %supplier = (domain => JSON::PP::true, name => 'Supplier', addresses => ['s@example.com']);
	is +($anna->call(POST => '/mail/book', \%supplier))[0], 403, 'users do not change them';
	my $id = $admin->ok(POST => '/mail/book', \%supplier)->{id};
	is_deeply [map { "$_->{name} " . ($_->{domain} ? 'all' : 'own') } @{ book($anna) }], ['Supplier all'], 'they see them';
	is +($anna->call(DELETE => "/mail/book/$id?domain=1"))[0], 403, 'and do not delete them';
	$p->postroom_ok('user', 'set', 'bob', 'web.directory', 'off');
	is_deeply book($bob), [], 'web.directory off: not for this user';
	is_deeply suggested($bob, 'anna'), [], 'nor other users';
	$p->postroom_ok('user', 'unset', 'bob', 'web.directory');
	is_deeply suggested($anna, 'suppl'), ['s@example.com'], 'they are suggested';
	$admin->ok(DELETE => "/mail/book/$id?domain=1");
	is_deeply book($anna), [], 'deleted for all';
};

subtest 'what is suggested' => sub {
	$anna->ok(POST => '/mail/book', { name => 'Bobby Brown', addresses => ['bb@example.net', 'second@example.net'], groups => ['Band'] });
	$anna->ok(POST => '/mail/book', { name => 'Zoe', addresses => ['zoe@example.net'], groups => ['Band'] });
	$p->postroom_ok('user', 'set', 'bob', 'web.name', 'Robert Bobson');
	is_deeply suggested($anna, 'bob'), ['bb@example.net', 'second@example.net', "bob\@$domain"], 'own contacts, then users';
	is_deeply suggested($anna, 'robert'), ["bob\@$domain"], 'users also by the name that they gave themselves';
	is_deeply suggested($anna, 'band'), ['Band: bb@example.net zoe@example.net', 'bb@example.net', 'second@example.net', 'zoe@example.net'],
		'a group with all that are in it';
	$anna->ok(POST => '/mail/send', { to => "nobody\@$domain, bob", text => 'x' });
	is_deeply $anna->ok(POST => '/mail/send', { to => 'bob+far@example.com, bob', text => 'x' })->{refused}, [],
		'webmail sends to other servers, too';
	$p->wait_for(sub { grep { $_ eq 'bob+far@example.com' } @{ suggested($anna, 'far') } }, 'whom the user wrote to', 20);
	is_deeply suggested($anna, '%25'), [], 'nothing for what nobody is called';
};

subtest 'files of other programs, and back' => sub {
	my $cards = join "\r\n", 'BEGIN:VCARD', 'VERSION:3.0', 'N:Müller;Änne;;Dr.;', 'EMAIL;TYPE=INTERNET,WORK:aenne@exam', ' ple.net',
		'item1.TEL;TYPE=CELL:+49 170', 'ORG:Firma\, Sohn;Einkauf', 'X-ODD;P="a:b":kept', 'CATEGORIES:A\,B,C', 'END:VCARD', 'BEGIN:VCARD', 'VERSION:2.1',
		'FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:J=C3=B6rg =', 'Lang', 'EMAIL:joerg@example.net', 'END:VCARD', 'BEGIN:VCARD', 'NOTE:nobody', 'END:VCARD', '';
	my ($status, $reply) = $bob->raw(POST => '/mail/book/file?form=vcf', encode('UTF-8', $cards), 'Content-Type' => 'text/vcard');
	is_deeply told($reply), { added => 2, bad => 1 }, 'two cards of three';
	my ($lang, $müller) = sort { $a->{name} cmp $b->{name} } @{ book($bob) };
	($müller, $lang) = ($lang, $müller) if $lang->{name} =~ /Müller/;
	is $müller->{name}, 'Dr. Änne Müller', 'the name, made of its parts';
	is_deeply $müller->{addresses}, ['aenne@example.net'], 'a folded line';
	is $müller->{organization}, 'Firma, Sohn, Einkauf', 'parts';
	is_deeply $müller->{groups}, ['A,B', 'C'], 'groups';
	like $müller->{rest}, qr/^X-ODD;P="a:b":kept\r$/m, 'what is not known';
	is $lang->{name}, 'Jörg Lang', 'version 2.1';
	my ($ok, $exported) = $bob->raw(GET => '/mail/book/file?form=vcf');
	is scalar(() = $exported =~ /^BEGIN:VCARD\r$/mg), 2, 'both go out';
	unlike $exported, qr/^[^\r]{76}/m, 'no line is longer than 75 octets';
	$admin->ok(DELETE => "/mail/book/$_->{id}") for @{ book($admin) };
	$admin->raw(POST => '/mail/book/file?form=vcf', $exported, 'Content-Type' => 'text/vcard');
	my @twins = map { my %one = %$_; delete $one{id}; \%one } map { @{ book($_) } } $bob, $admin;
	is_deeply [@twins[2, 3]], [@twins[0, 1]], 'and come in elsewhere as they were';
	my $csv = "\x{feff}First Name,Last Name,E-mail Address,E-mail 2 Address,Mobile Phone,Company,Categories,Odd\r\n"
		. "Ann,Example,ann\@example.net,ann2\@example.net,123,\"Acme, Inc.\",Work;Friends,x\r\n,,,,,,,\r\n";
	($status, $reply) = $anna->raw(POST => '/mail/book/file?form=csv', encode('UTF-8', $csv), 'Content-Type' => 'text/csv');
	is_deeply told($reply), { added => 1, bad => 1 }, 'a table';
	my ($ann) = @{ book($anna, '?q=ann2') };
	is_deeply [@$ann{qw(name organization)}, $ann->{addresses}, $ann->{groups}],
		['Ann Example', 'Acme, Inc.', ['ann@example.net', 'ann2@example.net'], ['Work', 'Friends']], 'as it says';
	($ok, $exported) = $anna->raw(GET => '/mail/book/file?form=csv');
	like $exported, qr/^Ann Example,ann\@example\.net,ann2\@example\.net,,123,,"Acme, Inc\.",,,,Work;Friends\r$/m, 'and back as a table';
	is +($anna->raw(POST => '/mail/book/file?form=csv', "a,b\r\n1,2\r\n", 'Content-Type' => 'text/csv'))[0], 422, 'a table of something else';
};

$p->stop;
done_testing;

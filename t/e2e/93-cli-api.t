#!/usr/bin/perl
# Each command of the command line has a call of the API, or stands in ARCHITECTURE.md with the reason why not.
use strict;
use warnings;
use lib 't/lib';
use JSON::PP;
use Postroom::Api;
use Postroom::Process qw(read_file);
use Test::More;

sub text_of { my ($path) = @_; return read_file($path) // die "$path: $!\n" }

# What both ask of daemons (doc/ipc.md): a verb's request, and that of each row of the API's table.
my @verbs;
for my $file (glob 'ctl/*.c') {
	my $text = text_of($file);
	while ($text =~ /VERB_(?:USAGE|OF)\(\s*"([^"]+)"(.*?)(?=VERB_(?:USAGE|OF)\(|\z)/gs) {
		my ($words, $rest) = ($1, $2);
		push @verbs, [$words, $rest =~ /\.op = "([\w-]+)"/];
	}
}
my %asked;
for my $file (glob 'webadmin/api/*.c') {
	my $text = text_of($file);
	my $words = qr/(?:"[^"]*"|\w+)(?:\s*(?:"[^"]*"|\w+))*/;
	$asked{"$1 $2"} = 1 while $text =~ /CALL\(\s*$words,\s*$words,\s*"([\w-]+)",\s*"([\w-]+)"/g;
}
my %request = map { (s/.* //r => 1) } keys %asked;

# Commands whose verbs are in no table: the words that main.c lists, or the command alone.
my %in_table = map { ((split / /, $_->[0])[0] => 1) } @verbs;
my $commands = text_of("ctl/main.c");
while ($commands =~ /^\s+\{"([\w-]+)",\s*"([^"]*)"/mg) {
	my ($command, $arguments) = ($1, $2);
	next if $in_table{$command};
	push @verbs, map { [$_] } $arguments =~ m{\A([a-z][a-z-]*(?:\|[a-z][a-z-]*)+)} ? map { "$command $_" } split /\|/, $1 : $command;
}

# The calls of those that have no request of that name, by patterns of "command verb".
my @calls = (
	qr/\A(?:prune|schedule|autoresponder|download-rule|lan-rule|lan-verifier) (?:list|show)\z/ => 'GET /items/{kind}',
	qr/\A(?:prune|schedule|autoresponder|download-rule|lan-rule|lan-verifier) add\z/ => 'POST /items/{kind}',
	qr/\A(?:prune|schedule|autoresponder|download-rule|lan-rule|lan-verifier) set\z/ => 'PATCH /items/{kind}/{number}',
	qr/\A(?:prune|schedule|autoresponder|download-rule|lan-rule|lan-verifier) move\z/ => 'POST /items/{kind}/{number}/move',
	qr/\A(?:prune|schedule|autoresponder|download-rule|lan-rule|lan-verifier) delete\z/ => 'DELETE /items/{kind}/{number}',
	qr/\A(?:settings|attributes|[a-z]+-settings)\z/ => 'GET /catalogue',
	qr/\Aget\z/ => 'GET /settings', qr/\A(?:un)?set\z/ => 'PATCH /settings', qr/\Atext\b/ => 'GET /texts',
	qr/\Acheck\z/ => 'GET /checklist', qr/\A(?:pause|resume)\z/ => 'POST /schedule/pause', qr/\Aconnect\z/ => 'POST /schedule/connect',
	qr/\Aconnection unset\z/ => 'PATCH /connections/{name}/settings', qr/\Asender unset\z/ => 'PATCH /senders/{name}/settings',
	qr/\Alist unset\z/ => 'PATCH /lists/{name}/settings', qr/\Acollector unset\z/ => 'PATCH /collectors/{name}/settings',
	qr/\Acollector import\z/ => 'POST /collectors/import', qr/\Acollector run\z/ => 'POST /collectors/{name}/run',
	qr/\Aaccess export\z/ => 'GET /access/{list}/export', qr/\Aaccess import\z/ => 'POST /access/{list}/import',
	qr/\Alogo set\z/ => 'PUT /logos/{name}', qr/\Ageoip/ => 'POST /geoip', qr/\Alist add\z/ => 'POST /lists', qr/\Alist member add\z/ => 'POST /lists/{name}/members',
	qr/\Alist member remove\z/ => 'POST /lists/{name}/members/remove', qr/\Alist member (?:im|ex)port\z/ => 'POST /lists/{name}/members/import',
	qr/\Alist member bulk-delete\z/ => 'POST /lists/{name}/members/bulk-delete', qr/\Alist member\z/ => 'GET /lists/{name}/members',
	qr/\Alist (?:message)\z/ => 'GET /held-posts', qr/\Alist digest\z/ => 'POST /lists/{name}/digest', qr/\Alist test\z/ => 'POST /lists/{name}/test',
	qr/\Amapping export\z/ => 'GET /mappings/export', qr/\Amapping import\z/ => 'POST /mappings/import',
	qr/\Amessage-security\b/ => 'GET /message-security', qr/\Aoauth add\z/ => 'POST /oauth',
	qr/\Auser delete\z/ => 'DELETE /users/{name}', qr/\Auser export\z/ => 'GET /users/export', qr/\Auser import\z/ => 'POST /users/import',
	qr/\Auser media\z/ => 'GET /users/{name}/media', qr/\Amedia (?:list|add|delete)\z/ => 'PUT /media/{file}',
	qr/\Auser empty-inbox\z/ => 'DELETE /users/{name}/inbox', qr/\Auser copy-inbox\z/ => 'POST /users/{name}/copy-inbox',
	qr/\Auser (?:enable|disable|set|unset)\z/ => 'PATCH /users/{name}/attributes', qr/\Auser get\z/ => 'GET /users/{name}/attributes',
	qr/\Agroup (?:set|unset)\z/ => 'PATCH /groups/{name}/attributes', qr/\Agroup get\z/ => 'GET /groups/{name}/attributes',
	qr/\Ascript show\z/ => 'GET /scripts/{name}', qr/\Ascript check\z/ => 'POST /script-check', qr/\Ascript run\z/ => 'POST /script-run',
	qr/\Ascript (?:edit|import|export)\z/ => 'PUT /scripts/{name}', qr/\Asmtp-rule show\z/ => 'GET /services/{name}/smtp-rules',
	qr/\Atoken add\z/ => 'POST /users/{name}/tokens', qr/\Adns\b/ => 'POST /dns/test', qr/\Adns\z/ => 'GET /dns',
	qr/\Admarc\b/ => 'POST /dmarc/{day}', qr/\Atls-report\b/ => 'POST /tls-reports/{day}', qr/\Aexport\z/ => 'GET /export',
	qr/\Aimport\z/ => 'POST /import', qr/\Aresolve\z/ => 'GET /resolve', qr/\Atrace\z/ => 'GET /trace', qr/\Asessions\z/ => 'GET /sessions-live',
	qr/\Aqueue (?:list|show|retry|final|hold|release|delete)\z/ => 'GET /queue', qr/\Aqueue sent\z/ => 'GET /queue/sent',
	qr/\Aqueue send\z/ => 'POST /senders/{name}/send', qr/\Aqueue counts?\z/ => 'GET /queue/counts', qr/\Aqueue (?:move|copy)\z/ => 'POST /queue/{id}/move',
	qr/\Alan (?:pause|resume)\z/ => 'PATCH /settings', qr/\Alan queue\z/ => 'GET /lan-queue', qr/\Alan delete\z/ => 'DELETE /lan-queue/{id}',
	qr/\Alan retarget\z/ => 'POST /lan-queue/retarget', qr/\Alan matches\z/ => 'GET /lan-queue/matches',
	qr/\Alan (?:export|import|own-rules)\z/ => 'GET /items/{kind}',
);
my %there = map { ($_->{name} => 1) } Postroom::Api->load->calls;

sub call_for {
	my ($verb) = @_;
	for (my $i = 0; $i < @calls; $i += 2) { return $calls[$i + 1] if $verb =~ $calls[$i] }
	return undef;
}

# What the command line alone does: code words that begin the rows of that list.
my ($section) = text_of('ARCHITECTURE.md') =~ /^## What the command line alone does\n(.*?)^## /ms or die "ARCHITECTURE.md lacks the list\n";
my @alone = map { [/`([^`]+)`/g] } $section =~ /^\| (`[^|]+) \|/mg;
my %alone = map { ($_ => 1) } map { @$_ } @alone;

subtest 'each command, by its verbs' => sub {
	cmp_ok scalar(@verbs), '>', 150, 'they are found';
	my %used;
	for my $verb (@verbs) {
		my ($words, $request) = @$verb;
		my ($reason) = grep { $words eq $_ || $words =~ /\A\Q$_\E / } keys %alone;
		my $call = call_for($words);
		if (defined $reason) {
			$used{$reason} = 1;
			ok !defined $call && !($request && $request{$request}), "$words: the command line alone, and no call has it";
		} else {
			ok +($request && $request{$request}) || (defined $call && $there{$call}), "$words: " . ($call // "request " . ($request // '?'));
		}
	}
	is_deeply [grep { !$used{$_} } sort keys %alone], [], 'nothing is in the list that is no command';
};

subtest 'what the patterns name is there' => sub {
	for (my $i = 1; $i < @calls; $i += 2) { ok $there{ $calls[$i] }, $calls[$i] }
};

done_testing;

#!/usr/bin/perl
# The API for administration: what it changes the command line sees, and the reverse; collections, tags, many at once.
use strict;
use warnings;
use lib 't/lib';
use JSON::PP;
use Postroom::Test;
use Postroom::Webmail;
use Test::More;

my $p = Postroom::Test->start(users => { karl => 'secret-k', MARC => 'secret-m', bob => 'secret-b' });
my $admin = Postroom::Webmail->new($p, 'postmaster', $p->password);

sub names {
	my ($query) = @_;
	return join ' ', map { $_->{name} } @{ $admin->ok(GET => "/users?$query")->{items} };
}

sub refused {
	my ($status, $code, $what, @call) = @_;
	my ($got, $value) = $admin->call(@call);
	is $got, $status, "$what: $status";
	is ref $value ? $value->{error}{code} : undef, $code, "$what: $code";
	return ref $value ? $value->{error} : {};
}

sub deliver {
	my ($to, $count, $size) = @_;
	for (1 .. $count) {
		my $smtp = $p->smtp;
		like $smtp->send_message('j@example.net', ["$to\@" . $p->domain], "Subject: x\n\n" . 'x' x $size . "\n"), qr/\A250/;
		$smtp->quit;
	}
	return;
}

subtest 'doc/openapi.json is that of the table (make manual)' => sub {
	my $made = qx($ENV{POSTROOM_BUILD}/libexec/postroom/webadmin --openapi);
	open my $file, '<', 'doc/openapi.json' or die "doc/openapi.json: $!";
	local $/ = undef;
	ok $made eq <$file>, 'the same';
	my $served = $admin->ok(GET => '/openapi.json');
	is_deeply $served, JSON::PP->new->utf8->decode($made), 'and what is served';
};

subtest '02-1.1 numbers are filtered by >, <, ranges; what is none is an error' => sub {
	deliver('karl', 6, 10);
	deliver('bob', 11, 10);
	$p->wait_for(sub { ($admin->ok(GET => '/users/bob')->{inbox} // 0) == 11 && $admin->ok(GET => '/users/karl')->{inbox} == 6 },
		'all is delivered');
	is names('filter[inbox]=>10'), 'bob', '>10';
	is names('filter[inbox]=>11'), '', '>11';
	is names('filter[inbox]=5..7'), 'karl', '5..7';
	is names('filter[inbox]=6..6'), 'karl', 'both ends are within';
	is names('filter[inbox]=6'), 'karl', '6';
	is names('filter[inbox]=<%3D6&sort=name'), 'karl MARC postmaster', '<=6';
	is refused(400, 'syntax', 'abc', GET => '/users?filter[inbox]=abc')->{field}, 'filter[inbox]', 'it is named';
	is $admin->ok(GET => '/users?filter[inbox]=%3E10')->{total}, 1, 'the total is of what is left';
};

subtest '02-1.2 sizes sort by octets, both ways' => sub {
	deliver('MARC', 1, 9000);
	deliver('karl', 1, 90);
	$p->wait_for(sub { ($admin->ok(GET => '/users/MARC')->{inbox} // 0) == 1 && $admin->ok(GET => '/users/karl')->{inbox} == 7 },
		'all is delivered');
	my @sizes = map { $_->{size} } @{ $admin->ok(GET => '/users?sort=size')->{items} };
	is_deeply \@sizes, [sort { $a <=> $b } @sizes], 'ascending';
	is_deeply [map { $_->{size} } @{ $admin->ok(GET => '/users?sort=-size')->{items} }], [reverse @sizes], 'descending';
	cmp_ok $sizes[-1], '>', 9000, 'octets';
	is names('filter[size]=>8k'), 'MARC', 'with a unit';
};

subtest '02-1.3 a text is found anywhere, in any case' => sub {
	is names('filter[name]=ar&sort=name'), 'karl MARC', 'ar';
	is names('filter[name]=k*l'), 'karl', 'with a star';
	is names('search=BOB'), 'bob', 'search';
	is names('filter[administrator]=true'), 'postmaster', 'a flag';
	refused(400, 'syntax', 'an unknown column', GET => '/users?filter[password]=x');
	refused(400, 'syntax', 'an unknown parameter', GET => '/users?drop=table');
};

subtest 'pages' => sub {
	is names('sort=name&limit=2'), 'bob karl', 'the first';
	is names('sort=name&limit=2&offset=2'), 'MARC postmaster', 'the second';
	is names('sort=name&offset=99'), '', 'behind the end';
	is names('sort=name&limit=99999999'), 'bob karl MARC postmaster', 'more than there may be is as much as there may be';
	is $admin->ok(GET => '/users?limit=1')->{total}, 4, 'the total is of all';
	is_deeply $admin->ok(GET => '/users?columns=name&filter[name]=bob')->{items}, [{ name => 'bob' }], 'one column alone';
	my ($status, $table, $headers) = $admin->raw(GET => '/users?columns=name,comment&sort=name&format=csv');
	like $headers->{'content-type'}, qr{\Atext/csv}, 'a table';
	is $table, "name,comment\r\nbob,\r\nkarl,\r\nMARC,\r\npostmaster,\r\n", 'its rows';
};

subtest 'what one changes the other sees' => sub {
	$admin->ok(PATCH => '/users/bob/attributes', { comment => 'at the desk', 'send.bcc' => JSON::PP::false });
	like $p->postroom_ok('user', 'get', 'bob', 'comment'), qr/at the desk/, 'the command line';
	$p->postroom_ok('user', 'set', 'bob', 'comment', 'away');
	is $admin->ok(GET => '/users/bob')->{comment}, 'away', 'and the reverse';
	my %value = map { $_->{key} => $_ } @{ $admin->ok(GET => '/users/bob/attributes?limit=1000')->{items} };
	is $value{'send.bcc'}{value}, JSON::PP::false, 'a flag is true or false';
	is $value{'send.bcc'}{from}, 'own', 'and whose it is';
	$admin->ok(PATCH => '/users/bob/attributes', { 'send.bcc' => undef, comment => 'x' });
	like $p->postroom_ok('user', 'get', 'bob', 'send.bcc'), qr/on/, 'null is the default';
	$admin->ok(PATCH => '/settings', { 'server.anonymise' => JSON::PP::true, 'queue.past-days' => 3 });
	like $p->postroom_ok('get', 'queue.past-days'), qr/3/, 'settings';
	refused(422, 'syntax', 'a bad value', PATCH => '/settings', { 'queue.past-days' => 4, 'server.anonymise' => 'perhaps' });
	is $admin->ok(GET => '/settings?key=queue.past-days')->{items}[0]{value}, 3, 'and nothing of that change is done';
	$admin->ok(POST => '/domains', { name => 'other.test' });
	like $p->postroom_ok('domain', 'list'), qr/other\.test/, 'domains';
	$admin->ok(POST => '/mappings', { pattern => 'sales', target => 'bob' });
	like $p->postroom_ok('mapping', 'list'), qr/sales.*bob/, 'mappings';
	$admin->ok(DELETE => '/mappings?pattern=sales&target=bob');
	unlike $p->postroom_ok('mapping', 'list'), qr/sales/, 'which go again';
	$p->postroom_ok('list', 'add', 'team', 'bob');
	is_deeply $admin->ok(GET => '/lists/team/members')->{items}, [{ address => 'bob', kind => 'user' }], 'members of a list';
	$admin->ok(PATCH => '/lists/team/settings', { comment => 'us', public => JSON::PP::true });
	is $admin->ok(GET => '/lists/TEAM')->{comment}, 'us', 'settings of a list, several at once';
};

subtest 'tags: who was slower is told' => sub {
	my ($status, undef, $headers) = $admin->raw(GET => '/users/bob/attributes');
	my $tag = $headers->{etag};
	like $tag, qr/\A"[0-9a-f]{32}"\z/, 'a tag';
	($status) = $admin->raw(GET => '/users/bob/attributes', undef, 'If-None-Match' => $tag);
	is $status, 304, 'what is known is not sent again';
	$p->postroom_ok('user', 'set', 'bob', 'comment', 'meanwhile');
	my @change = (PATCH => '/users/bob/attributes', '{"comment":"late"}', 'Content-Type' => 'application/json');
	($status) = $admin->raw(@change, 'If-Match' => $tag);
	is $status, 412, 'too late';
	like $p->postroom_ok('user', 'get', 'bob', 'comment'), qr/meanwhile/, 'nothing is changed';
	(undef, undef, $headers) = $admin->raw(GET => '/users/bob/attributes?limit=1000');
	($status) = $admin->raw(@change, 'If-Match' => $headers->{etag});
	is $status, 204, 'in time';
};

subtest 'many at once' => sub {
	$admin->ok(POST => '/users/bulk', { names => ['*', '!postmaster'], set => { comment => 'all of you' } });
	is names('filter[comment]=all&sort=name'), 'bob karl MARC', 'one value for several users';
	refused(422, 'syntax', 'a bad value', POST => '/users/bulk',
		{ names => ['bob', 'karl'], set => { comment => 'no', 'send.max-size' => 'abc' } });
	is names('filter[comment]=no'), '', 'and none is changed';
	refused(404, 'not-found', 'one user is not all', PATCH => '/users/*/attributes', { comment => 'oops' });
	my $results = $admin->ok(POST => '/users/bulk-delete', { names => ['karl', 'nobody'] })->{results};
	is_deeply [map { $_->{ok} ? 1 : 0 } @$results], [1, 0], 'each for itself';
	is $results->[1]{error}{code}, 'not-found', 'and why';
	is names('sort=name'), 'bob MARC postmaster', 'he is gone';
};

subtest '02-22.4 what is no such thing is refused, with a word' => sub {
	is refused(400, 'syntax', 'a word that is none', POST => '/lists', { name => 'x', type => 'heap' })->{field}, 'type', 'named';
	is refused(400, 'syntax', 'a field that is none', POST => '/lists', { name => 'x', colour => 'red' })->{field}, 'colour', 'named';
	is refused(400, 'syntax', 'a number that is none', POST => '/blocks', { network => '192.0.2.1', minutes => 'x' })->{field},
		'minutes', 'named';
	is refused(400, 'syntax', 'what is missing', POST => '/users', {})->{field}, 'name', 'named';
	refused(422, 'syntax', 'a rule of no kind of mail', POST => '/users/bob/items/message-rule',
		{ name => 'x', types => 'carrots', condition => ['subject contains x'], action => ['delete'] });
	refused(400, 'syntax', 'a text that rules have not', POST => '/users/bob/items/message-rule', { status => 'x' });
	refused(404, 'not-found', 'a thing of no kind', GET => '/users/bob/items/carrots');
};

subtest '02-22.1 rules by the API: their order, and what they do' => sub {
	my $rules = '/users/bob/items/message-rule';
	my @order = sub { map { $_->{name} } @{ $admin->ok(GET => $rules)->{items} } };
	my %rule = (types => 'incoming,local', condition => ['Subject contains x'], action => ['move Found']);
	my ($status, $value) = $admin->call(POST => $rules, { name => 'one', %rule });
	is $status, 200, 'a rule' or diag JSON::PP->new->encode($value);
	is $admin->ok(POST => $rules, { name => 'two', %rule, at => 1 })->{number}, 1, 'another, before it';
	is_deeply [$order[0]->()], [qw(two one)], 'their order';
	$admin->ok(POST => "$rules/2/move", { to => 1 });
	is_deeply [$order[0]->()], [qw(one two)], 'moved';
	$admin->ok(PATCH => "$rules/1", { name => 'first' });
	is_deeply [$order[0]->()], [qw(first two)], 'changed';
	$admin->ok(DELETE => "$rules/2");
	is_deeply [$order[0]->()], ['first'], 'deleted';
	deliver('bob', 1, 5);
	$p->wait_for(sub { $p->postroom_ok('mailbox', 'list', 'bob') =~ /^\s+1\s.*Found$/m }, 'the next message is where the rule wants it');
};

subtest 'the numbers of now, as they change' => sub {
	my $status = $admin->ok(GET => '/status');
	is $status->{queue}{deferred}, 0, 'the queue';
	ok $status->{sessions}{web} >= 1, 'sessions by service';
	ok $status->{disk}{free} > 0 && $status->{disk}{total} > $status->{disk}{free}, 'the disk';
	my $socket = IO::Socket::INET->new(PeerAddr => $p->host, PeerPort => $p->port('web'), Timeout => 10) or die "web: $!";
	print {$socket} "GET /api/v1/live HTTP/1.1\r\nHost: x\r\nCookie: " . $admin->cookie . "\r\n\r\n";
	local $SIG{ALRM} = sub { die "nothing more came\n" };
	alarm 30;
	my ($text, $told) = ('', 0);
	while (sysread $socket, $text, 65536, length $text) {
		if (!$told && $text =~ /^data: (\{.*"version".*\})/m) {
			pass 'all numbers at first';
			$told = 1;
			$admin->ok(POST => '/blocks', { network => '192.0.2.7', minutes => 5 });
		}
		last if $text =~ /^data: \{[^\n]*"blocked":1/m && $told;
	}
	alarm 0;
	like $text, qr/^data: (?!.*"version")\{.*"blocked":1/m, 'then what has changed alone';
	is $admin->ok(GET => '/blocks')->{items}[0]{network}, '192.0.2.7', 'and it is so';
};

subtest 'sessions are ended' => sub {
	my $imap = $p->imap;
	$imap->login('bob', 'secret-b');
	my ($session) = grep { $_->{user} eq 'bob' && $_->{program} eq 'imapd' }
		@{ $admin->ok(GET => '/sessions-live?limit=1000')->{items} };
	ok $session, 'it is listed';
	$admin->ok(DELETE => "/sessions-live/$session->{id}");
	$p->wait_for(sub { !grep { $_->{id} == $session->{id} } @{ $admin->ok(GET => '/sessions-live?limit=1000')->{items} } },
		'it has ended');
	refused(404, 'not-found', 'it is there no more', DELETE => "/sessions-live/$session->{id}");
};

subtest 'tables in and out' => sub {
	my ($status, $text) = $admin->raw(GET => '/users/export');
	like $text, qr/^bob/mi, 'users';
	($status, $text) = $admin->raw(POST => '/mappings/import?strict=true', "info,bob\r\nhelp,bob\r\n", 'Content-Type' => 'text/csv');
	is $status, 200, 'mappings' or diag $text;
	is $admin->ok(GET => '/mappings?filter[target]=bob')->{total}, 2, 'both are there';
	my $many = join '', map { "m$_,bob\r\n" } 1 .. 8000;
	($status, $text) = $admin->raw(POST => '/mappings/import', $many, 'Content-Type' => 'text/csv');
	is $status, 200, 'a large table' or diag $text;
	is $admin->ok(GET => '/mappings?limit=1')->{total}, 8002, 'all of it';
	($status, $text) = $admin->raw(GET => '/export');
	like $text, qr/\[mapping\]/, 'all settings as a text';
};

subtest 'the certificates that clients are shown' => sub {
	my ($one, @others) = @{ $admin->ok(GET => '/certificates')->{items} };
	is_deeply \@others, [], 'the one of init';
	is_deeply $one->{names}, ['mail.' . $p->domain], 'its names';
	ok $one->{'self-signed'}, 'who signed it';
	cmp_ok $one->{expires} - time, '>', 9 * 365 * 86400, 'how long it is good';
	$p->postroom_ok('tls', 'self-signed', '--name', 'other.example.net');
	$p->wait_for(sub {
		my $again = Postroom::Webmail->new($p, 'postmaster', $p->password);    # certificates are those of its connection
		return 2 == grep { $_->{names}[0] =~ /\A(?:mail|other)\./ } @{ $again->ok(GET => '/certificates')->{items} };
	}, 'another one, of a name of its own');
};

subtest 'files that autoresponders send along, of all and of one' => sub {
	my $bytes = join '', map { chr $_ % 256 } 1 .. 70_000;
	my @file = ($bytes, 'Content-Type' => 'application/octet-stream');
	my %listed = (media => ['media', 'list'], 'users/bob/media' => ['user', 'media', 'list', 'bob']);
	for my $path (sort keys %listed) {
		is +($admin->raw(PUT => "/$path/plan.pdf", @file))[0], 204, "$path: kept";
		is_deeply [map { [@$_{qw(name size)}] } @{ $admin->ok(GET => "/$path")->{items} }], [['plan.pdf', 70_000]], 'listed';
		like $p->postroom_ok(@{ $listed{$path} }), qr/70000\s+plan\.pdf/, 'the command line sees it';
		is +($admin->raw(PUT => "/$path/..%2Fx", @file))[0], 422, 'no way out of its folder';
		$admin->ok(DELETE => "/$path/plan.pdf");
		is $admin->ok(GET => "/$path")->{total}, 0, 'deleted';
		unlike $p->postroom_ok(@{ $listed{$path} }), qr/plan/, 'as the command line sees';
	}
	refused(404, 'not-found', 'whose there is no user', GET => '/users/nobody/media');
};

subtest 'tokens of scripts: by administrators for others, and by each for himself' => sub {
	my $by_token = sub {
		my ($token, $path) = @_;
		my $reply = HTTP::Tiny->new->get('http://' . $p->host . ':' . $p->port('web') . "/api/v1$path",
			{ headers => { Authorization => "Bearer $token" } });
		return $reply->{status};
	};
	my $made = $admin->ok(POST => '/users/bob/tokens', { name => 'backup', days => 3 });
	my ($row) = @{ $admin->ok(GET => '/users/bob/tokens')->{items} };
	is_deeply [@$row{qw(id name scope used)}], [$made->{id}, 'backup', 'own', 0], 'listed';
	cmp_ok abs($row->{expires} - $row->{made} - 3 * 86400), '<=', 1, 'good for three days';
	like $p->postroom_ok('token', 'list', 'bob'), qr/backup/, 'the command line sees it';
	is $by_token->($made->{token}, '/me'), 200, 'it is good';
	is $by_token->($made->{token}, '/users'), 403, 'for what he may himself';
	refused(409, 'refused', 'who is no administrator has none that administers', POST => '/users/bob/tokens', { name => 'x', scope => 'admin' });
	$admin->ok(DELETE => "/users/bob/tokens/$made->{id}");
	is $by_token->($made->{token}, '/me'), 401, 'no more';
	refused(404, 'not-found', 'it is there no more', DELETE => "/users/bob/tokens/$made->{id}");

	my $bob = Postroom::Webmail->new($p, 'bob', 'secret-b');
	my $own = $bob->ok(POST => '/tokens', { name => 'mine' });
	is $by_token->($own->{token}, '/me'), 200, 'one of his own';
	is_deeply [map { $_->{name} } @{ $bob->ok(GET => '/tokens')->{items} }], ['mine'], 'listed';
	is +($bob->call(POST => '/tokens', { name => 'mighty', scope => 'full' }))[0], 403, 'not for more than he may';
	is +($bob->call(POST => '/tokens', { name => 1 }))[0], 400, 'a name is a text';
	is +($bob->call(DELETE => '/users/karl/tokens/1'))[0], 403, 'of others he deletes none';
	is $by_token->($own->{token}, '/tokens'), 401, 'a token tells of no others';
	$bob->ok(DELETE => "/tokens/$own->{id}");
	is $by_token->($own->{token}, '/me'), 401, 'deleted';
};

subtest 'logs, from their ends' => sub {
	my $main = $admin->ok(GET => '/logs/postroom?match=token&lines=5');
	like $main->{line}[-1], qr/a token of user=bob was deleted/, 'postroom.log is one of them';
	is((($admin->raw(POST => '/session', '{"user":"bob","password":"wrong-' . $_ . '"}', 'Content-Type' => 'application/json'))[0]), 401,
		'a wrong password') for 1 .. 2;
	my $lines = sub { $admin->ok(GET => "/logs/security?$_[0]")->{line} };
	$p->wait_for(sub { @{ $lines->('match=bob') } >= 2 }, 'the log of logins has them');
	is scalar @{ $lines->('match=b*b&lines=1') }, 1, 'the last one alone';
	is_deeply $lines->('match=no-such-thing'), [], 'nothing else';
	refused(400, 'syntax', 'a log that is none', GET => '/logs/passwd');
	refused(400, 'syntax', 'a way out of the folder', GET => '/logs/..%2F..%2Fetc%2Fpasswd');
};

done_testing;

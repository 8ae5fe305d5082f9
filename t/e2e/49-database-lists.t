#!/usr/bin/perl
# Lists whose members come from a database: SQLite, a command, unixODBC with the drivers of SQLite and PostgreSQL.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Lists qw(header);
use Postroom::Need qw(need_program find_program);
use Postroom::Ports;
use Postroom::Process qw(run_program write_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

need_program('sqlite3');

my $p = Postroom::Test->start(users => { anna => 'anna-secret', bert => 'bert-secret', postbox => 'postbox-secret' });
my $domain = $p->domain;
my $lists = Postroom::Lists->new($p);
my $server = Postroom::SmtpServer->start;
my $folder = $p->dir . '/sources';
my $taken = 0;
$p->postroom_ok(qw(sender set default --method relay --encryption none --servers), $server->address);
$p->set('notices.administrator' => 'postbox');
mkdir $folder or die "$folder: $!\n";
chmod 0755, $folder;

sub sql {
	my ($text) = @_;
	my ($status, undef, $err) = run_program({ stdin => $text }, 'sqlite3', "$folder/members.db");
	is $status, 0, 'sqlite3' or diag $err;
	chmod 0644, "$folder/members.db";
	return;
}

sub set_list {
	my ($name, @values) = @_;
	while (my ($key, $value) = splice @values, 0, 2) {
		$p->postroom_ok('list', 'set', $name, $key, '--', $value);
	}
	return;
}

# Whom the next post to a list reaches elsewhere.
sub reached {
	my ($list, $count) = @_;
	like $lists->send(from => "anna\@$domain", to => "$list\@$domain"), qr/\A250 /, 'posted';
	my @messages;
	$p->wait_for(sub { @messages = ($server->messages)[$taken .. $server->messages - 1]; return map({ @{ $_->{to} } } @messages) >= $count }, "$count copies", 30);
	$taken += @messages;
	return [sort map { @{ $_->{to} } } @messages];
}

sql("CREATE TABLE member(address TEXT, active INTEGER);
	INSERT INTO member VALUES('a\@x.test', 1), ('b\@x.test', 1), ('c\@x.test', 1), ('no address', 1), ('', 1), (NULL, 1), ('d\@x.test', 0);");
$p->postroom_ok(qw(list add base --type database));
set_list('base', source => 'sqlite', 'source-name' => "$folder/members.db", 'source-query' => 'SELECT address FROM member WHERE active', public => 'on');

subtest '03-6.1 a file of SQLite' => sub {
	is $p->postroom_ok(qw(list test base)), "3 members, 3 rows that are no addresses\na\@x.test\nb\@x.test\nc\@x.test\n", 'what the test shows';
	is_deeply reached('base', 3), [qw(a@x.test b@x.test c@x.test)], 'exactly these';
	sql("UPDATE member SET active = 1;");
	is_deeply reached('base', 4), [qw(a@x.test b@x.test c@x.test d@x.test)], 'one more, from the next post on';
};

subtest '03-6.2 members cannot be edited' => sub {
	write_file("$folder/import", "e\@x.test\n");
	for my $command ([qw(member add base e@x.test)], [qw(member import base), "$folder/import"]) {
		my ($status, undef, $err) = $p->postroom('list', @$command);
		isnt $status, 0, "@$command[0, 1] is refused";
		like $err, qr/database/, 'and says why';
	}
};

subtest '03-6.3 the source is missing' => sub {
	rename "$folder/members.db", "$folder/away.db";
	like $lists->send(from => "anna\@$domain", to => "base\@$domain", subject => 'patient'), qr/\A250 /, 'a post is taken';
	my ($notice) = $lists->wait_mails('postbox', 1);
	like $notice, qr/members of the list base cannot be found out/, 'the administrator is told';
	my ($status, undef, $err) = $p->postroom(qw(list test base));
	isnt $status, 0, 'the test says so, too';
	is scalar($server->messages), $taken, 'nothing is sent meanwhile';
	$p->kill_daemon('listd');
	rename "$folder/away.db", "$folder/members.db";
	my @messages = $server->wait_messages($taken + 1, 40);
	is_deeply [sort @{ $messages[-1]{to} }], [qw(a@x.test b@x.test c@x.test d@x.test)], 'it is distributed when the source is back';
	is_deeply [header($messages[-1]{data}, 'Subject')], ['patient'], 'the post that waited';
	$taken++;
	is_deeply [$lists->mails('postbox')], [], 'told once';
};

subtest '03-6.4 the ListServer' => sub {
	$p->postroom_ok(qw(list set base subscribe on));
	$lists->send(from => "bert\@$domain", to => "listserver\@$domain", subject => 'subscribe base');
	like +($lists->wait_mails('bert', 1))[0], qr/come from a database/, 'nobody subscribes there';
};

subtest 'who may post: the members of the database' => sub {
	set_list('base', 'who-may-post' => 'members');
	$lists->send(from => 'b@x.test', to => "base\@$domain");
	$server->wait_messages(++$taken, 30);
	pass 'a member';
	$lists->send(from => "bert\@$domain", to => "base\@$domain");
	like +($lists->wait_mails('bert', 1))[0], qr/only members may post/, 'nobody else';
	set_list('base', 'who-may-post' => 'anyone');
};

subtest 'a command' => sub {
	write_file("$folder/command", "#!/bin/sh\necho \"\$1\@x.test\"\nid -un >&2\ncat /proc/self/environ | tr '\\0' '\\n'\n");
	chmod 0755, "$folder/command";
	set_list('base', source => 'command', 'source-name' => "$folder/command one");
	like $p->postroom_ok(qw(list test base)), qr/\A1 members, \d+ rows that are no addresses\none\@x\.test\n\z/, 'with its words, without an environment of ours';
	is_deeply reached('base', 1), ['one@x.test'], 'distributed';
	for my $bad ('exit 3', 'kill -9 $$', "cat $p->{dir}/state/lists/lists.db", "touch $p->{dir}/spool/listd/new/x", "ls $p->{dir}/spool/listd/new/") {
		write_file("$folder/command", "#!/bin/sh\n$bad\n");
		my ($status, undef, $err) = $p->postroom(qw(list test base));
		isnt $status, 0, "fails: $bad";
		like $err, qr/ended (?:with status|by signal)/, 'and it is told how';
	}
	set_list('base', 'source-name' => '/nonexistent/command');
	my ($status, undef, $err) = $p->postroom(qw(list test base));
	isnt $status, 0, 'one that is not there';
};

subtest 'unixODBC, SQLite' => sub {
	my ($driver) = glob '/usr/lib/*/odbc/libsqlite3odbc.so';
	plan(skip_all => 'needs libsqliteodbc') if !$driver;
	set_list('base', source => 'odbc', 'source-name' => "Driver=$driver;Database=$folder/members.db", 'source-query' => 'SELECT address FROM member ORDER BY address');
	my ($status, $out, $err) = $p->postroom(qw(list test base));
	is $status, 0, 'it answers' or diag $err;
	like $out, qr/\A4 members, 3 rows/, 'the rows';
	is_deeply reached('base', 4), [qw(a@x.test b@x.test c@x.test d@x.test)], 'distributed';
	set_list('base', 'source-query' => 'SELECT nonsense');
	($status, $out, $err) = $p->postroom(qw(list test base));
	isnt $status, 0, 'a wrong query';
	like $err, qr/nonsense/, 'in the words of the driver';
};

subtest 'unixODBC, PostgreSQL' => sub {
	my ($driver) = glob '/usr/lib/*/odbc/psqlodbcw.so';
	my ($bin) = reverse sort glob '/usr/lib/postgresql/*/bin';
	plan(skip_all => 'needs odbc-postgresql, postgresql and its user') if !$driver || !$bin || !getpwnam 'postgres';
	my $data = "$folder/pg";
	my $port = Postroom::Ports::port('127.0.0.1');
	my @as = $> == 0 ? ('setpriv', '--reuid=postgres', '--regid=' . (getpwnam 'postgres')[3], '--clear-groups') : ();
	mkdir $data;
	chown +(getpwnam 'postgres')[2, 3], $data if $> == 0;
	my ($status, undef, $err) = run_program(@as, "$bin/initdb", '-D', "$data/db", '-A', 'trust', '-U', 'reader', '-N');
	is $status, 0, 'initdb' or diag $err;
	($status, undef, $err) = run_program(@as, "$bin/pg_ctl", '-D', "$data/db", '-w', '-l', "$data/log", '-o', "-p $port -h 127.0.0.1 -k $data -F", 'start');
	is $status, 0, 'start' or diag $err;
	run_program({ stdin => "CREATE TABLE member(address text); INSERT INTO member VALUES('pg1\@x.test'), ('pg2\@x.test');\n" },
		"$bin/psql", '-h', '127.0.0.1', '-p', $port, '-U', 'reader', 'postgres');
	set_list('base', 'source-name' => "Driver=$driver;Server=127.0.0.1;Port=$port;Database=postgres;UID=reader", 'source-query' => 'SELECT address FROM member ORDER BY address');
	($status, my $out, $err) = $p->postroom(qw(list test base));
	is $out, "2 members, 0 rows that are no addresses\npg1\@x.test\npg2\@x.test\n", 'the rows' or diag $err;
	run_program(@as, "$bin/pg_ctl", '-D', "$data/db", '-m', 'immediate', 'stop');
};

$server->stop;
$p->stop;
done_testing;

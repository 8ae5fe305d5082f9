#!/usr/bin/perl
# Users as a table: out, in, row by row or all together; users of the system; who is in use stays.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Process qw(read_file run_program write_file);
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { anna => 'anna-secret', bert => 'bert-secret' }, set => { 'login.password-cost' => 1 });

sub import_table {
	my ($text, @options) = @_;
	return $p->postroom({ stdin => $text }, 'user', 'import', @options, '-');
}

sub value { return $p->postroom_json('user', 'get', @_)->[0]{value} }
sub names { return join q{ }, map { $_->{name} } @{ $p->postroom_json('user', 'list') } }
sub logs_in { my ($name, $password) = @_; return $p->pop3->login($name, $password) =~ /\A\+OK/ }
sub remove { $p->postroom_ok('user', 'delete', $_, '--yes') for @_; return }

subtest '02-18.4 03-1.4 wrong rows are told one by one, the good ones are in' => sub {
	$p->postroom_ok('list', 'add', 'office');
	my $table = <<'END';
name,password,administrator,comment
carl,carl-secret,,at the desk
two words,secret-1,,
dora,dora-secret,x,
Carl,again-secret,,
office,office-secret,,
emil,,,
anna,other-secret,,changed
fred,fred-secret
gina,"unfinished,,
END
	my ($status, $out, $err) = import_table($table, '--check');
	like $out, qr/^2 added, 1 there already, 6 refused\nnothing was changed/m, 'the preview';
	is names(), 'anna bert postmaster', 'changes nothing';
	($status, $out, $err) = import_table($table, '--strict');
	is $status, 1, 'strict: refused';
	like $err, qr/nothing was changed, as --strict was given and 6 lines are refused/, 'says so';
	is names(), 'anna bert postmaster', 'nothing was changed';
	($status, $out, $err) = import_table($table);
	is $status, 1, 'some are refused';
	my @reasons = ([3, 'letters, digits'], [4, 'administrator must be on or off, not "x"'], [5, 'stands in the text twice'],
		[6, 'list'], [9, 'it has 2 columns, not 4'], [10, 'a quoted field does not end']);
	like $err, qr/^line $_->[0]: .*\Q$_->[1]\E/m, "line $_->[0]" for @reasons;
	is names(), 'anna bert carl emil postmaster', 'the others are there';
	ok logs_in('carl', 'carl-secret'), 'with their passwords';
	ok !logs_in('emil', ''), 'or without one';
	is value('carl', 'comment'), 'at the desk', 'and attributes';
	ok logs_in('anna', 'anna-secret') && value('anna', 'comment') eq '', 'who was there stays as she was';
	like $p->log, qr/info: user carl added by a table/, 'a line of the log for each';
	unlike $p->log, qr/carl-secret/, 'without passwords';
	my (undef, undef, $titles) = import_table("user,mail\nx,y\n");
	like $titles, qr/there is no column "user"/, 'a column that is not known';
	(undef, undef, $titles) = import_table("password\nx\n");
	like $titles, qr/has no column "name"/, 'a table without names';
	remove('carl', 'emil');
};

subtest '02-18.2 columns that are ignored, and users that are changed' => sub {
	$p->postroom_ok('user', 'set', 'bert', 'send.bcc', 'off', 'comment', 'old');
	my $table = "anna,ignored,new,nothing,0\nbert,,,,1\n";
	my @columns = ('--columns', 'User Id,ignore,Comments,ignore,Send Internet Mail');
	import_table($table, @columns);
	is value('anna', 'comment'), '', 'nobody who is there is changed';
	my (undef, $out) = import_table($table, @columns, '--update');
	like $out, qr/^0 added, 2 there already, 0 refused$/m, 'with --update they are';
	is_deeply [map { value('anna', $_) } qw(comment send.internet send.bcc)], [qw(new off on)], 'in these columns';
	is_deeply [map { value('bert', $_) } qw(comment send.internet send.bcc)], ['', 'on', 'off'], 'an empty field unsets';
	ok logs_in('anna', 'anna-secret'), 'the password is not touched';
	$p->postroom_ok('user', 'unset', 'anna,bert', 'comment', 'send.internet', 'send.bcc');
};

subtest '02-18.1 02-18.6 out and in, with passwords' => sub {
	$p->postroom_ok('group', 'add', 'sales');
	$p->postroom_ok('group', 'add-member', 'sales', 'anna', '--primary');
	$p->postroom_ok('user', 'set', 'anna', 'comment', 'says "hello", twice', 'signature.outgoing.text', "line, one\nline \"two\"");
	is $p->postroom_ok('user', 'export'), "name,administrator\r\nanna,\r\nbert,\r\npostmaster,on\r\n", 'names and who administers';
	my $table = $p->postroom_ok('user', 'export', '--verbose', '--passwords');
	unlike $table, qr/(?:anna|bert)-secret/, 'no password in clear';
	like $table, qr/^anna,\$y\$/m, 'but hashes';
	like $p->postroom_ok('user', 'export', '--verbose'), qr/^anna,sales,/m, 'which are there only when asked for';
	remove('anna', 'bert');
	my ($status, undef, $err) = import_table($table, '--hashes');
	is "$status$err", '0', 'back' or diag $err;
	ok logs_in('anna', 'anna-secret') && logs_in('bert', 'bert-secret'), 'with the old passwords';
	is $p->postroom_ok('user', 'export', '--verbose', '--passwords'), $table, 'and everything else';
	($status, undef, $err) = import_table("name,password\nzoe,nonsense\n", '--hashes');
	is $status, 1, 'no hash';
	like $err, qr/^line 2: a line of password hashes reads/m, 'is refused';
	is names(), 'anna bert postmaster', 'with its user';
	$p->postroom_ok('user', 'unset', 'anna', 'comment', 'signature.outgoing.text');
};

subtest '02-18.5 02-23.3 passwords that are made, for five hundred users' => sub {
	my $table = join '', "name\n", map { "user$_\n" } 1 .. 500;
	my ($status, $out) = import_table($table, '--random-passwords');
	like $out, qr/^500 added, 0 there already, 0 refused$/m, 'all are there';
	my $log = $p->dir . '/log/importusers.log';
	is sprintf('%o', (stat $log)[2] & 07777), '600', 'their passwords are in a file that its owner alone reads';
	my %passwords = map { split /\t/ } split /\n/, read_file($log);
	is scalar keys %passwords, 500, 'one for each';
	ok logs_in($_, $passwords{$_}), "$_ logs in" for 'user1', 'user500';
	is_deeply [grep { $out =~ /\Q$_\E/ } values %passwords], [], 'and nowhere else';
};

subtest '02-18.3 02-3.6 who is missing goes, but for who is in use' => sub {
	my $imap = $p->imap;
	$imap->login('user7', { map { split /\t/ } split /\n/, read_file($p->dir . '/log/importusers.log') }->{user7});
	my (undef, undef, $err) = $p->postroom('user', 'delete', 'user7');
	like $err, qr/the user user7 is in use/, 'a user with a session is not deleted';
	my ($status, $out, $kept) = import_table("name\nanna\nuser9\n", '--replace');
	is $kept, "not removed: postmaster: administers this server\nnot removed: user7: is in use\n", 'who stays, and why';
	like $out, qr/^499 removed$/m, 'the others are gone';
	is names(), 'anna postmaster user7 user9', 'indeed';
	$imap->logout;
	$p->wait_for(sub { ($p->postroom('user', 'delete', 'user7'))[0] == 0 }, 'after the end of the session he is', 10);
	remove('user9');
};

subtest '02-3.3 a password that the script does not want costs its row alone' => sub {
	write_file($p->dir . '/etc/scripts/passwordcheck.lua', 'function Check(user, password, least) return user ~= password end');
	my ($status, undef, $err) = import_table("name,password\nhugo-hugo,hugo-hugo\nida,ida-secret\n");
	is $err, "line 2: the script passwordcheck.lua does not allow this password\n", 'refused';
	is names(), 'anna ida postmaster', 'the other one is in';
	($status, undef, $err) = $p->postroom({ stdin => "otto-otto\n" }, 'user', 'add', 'otto-otto', '--password-stdin');
	like $err, qr/does not allow/, 'also one by one';
	$p->script('passwordcheck');
	remove('ida');
};

subtest 'templates' => sub {
	$p->postroom_ok('user', 'set', 'anna', 'send.bcc', 'off', 'comment', 'model', 'administrator', 'on', 'directory', 'cn: Anna');
	$p->postroom_ok('user', 'rule', 'add', 'anna', '--name', 'bills', '--condition', 'subject contains invoice', '--action', 'flag');
	import_table("name,template,other\njan,anna,comment=own; mailbox.quota=7\nkim,,\n", '--copy-from', 'nobody');
	is names(), 'anna jan postmaster', 'a template that is not there';
	is_deeply [map { value('jan', $_) } qw(send.bcc comment mailbox.quota administrator directory)], ['off', 'own', 7, 'off', ''],
		'has the settings of anna, but not her name and rights';
	is scalar @{ $p->postroom_json('user', 'rule', 'list', 'jan') }, 1, 'and her rules';
	$p->postroom_ok({ stdin => "lea-secret\n" }, 'user', 'add', 'lea', '--copy-from', 'anna', '--password-stdin');
	is value('lea', 'comment'), 'model', 'also one by one';
	remove('jan', 'lea');
};

# Files of accounts of its own, in a name space of its own.
sub with_accounts {
	my ($accounts, $groups, @command) = @_;
	write_file($p->dir . '/passwd', read_file('/etc/passwd') . $accounts);
	write_file($p->dir . '/group', read_file('/etc/group') . $groups);
	my $dir = $p->dir;
	return run_program('unshare', '-m', 'sh', '-c', 'mount --bind "$1/passwd" /etc/passwd && mount --bind "$1/group" /etc/group'
		. ' && shift && exec "$@"', 'sh', $dir, $p->program, '-C', $dir, @command);
}

subtest '02-23.1 members of a group of the system' => sub {
	plan skip_all => 'needs root' if $> != 0;
	my $accounts = "mona:x:5001:5001:Mona Example,,,:/:/bin/sh\nnico:x:5002:5002:Nico:/:/bin/sh\n"
		. "olga:x:5003:5100::/:/bin/sh\nsysd:x:199:199:Some daemon:/:/bin/sh\n";
	my $groups = "mailusers:x:5100:mona,nico,sysd\nbosses:x:5101:nico\n";
	my ($status, $out, $err) = with_accounts($accounts, $groups, 'user', 'import-system', 'mailusers', '--admin-group', 'bosses');
	like $out, qr/^3 added, 0 there already, 0 refused$/m, 'three of them' or diag $err;
	is names(), 'anna mona nico olga postmaster', 'who are people';
	is value('mona', 'comment'), 'Mona Example', 'with their names';
	is value('mona', 'directory'), 'cn: Mona Example', 'in the address book, too';
	is_deeply [map { value($_, 'administrator') } qw(mona nico)], [qw(off on)], 'administrators of the system are ours';
	($status, $out) = with_accounts($accounts, $groups, 'user', 'import-system', 'mailusers');
	like $out, qr/^0 added, 3 there already, 0 refused$/m, 'again: nobody is new';
	($status, undef, $err) = with_accounts($accounts, $groups, 'user', 'import-system', 'nogroup-here');
	like $err, qr/has no group "nogroup-here"/, 'a group that is not there';
};

$p->stop;
done_testing;

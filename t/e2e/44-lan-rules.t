#!/usr/bin/perl
# Rules of LAN forwarding as administrators keep them: logins, what may not be said, another server for all, tables.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Lan;
use Postroom::Process qw(write_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

my $lan = Postroom::Lan->start;
my $p = $lan->{p};
my $domain = $p->domain;

sub server {
	return Postroom::SmtpServer->start(@_);
}

subtest 'the login of a rule' => sub {
	my $server = server(auth => { fred => 'rule-pass' });
	$p->postroom_ok({ stdin => "rule-pass\n" }, 'lan-rule', 'add', '--address', '*@login.test', '--server', $server->address,
		'--username', 'fred', '--password-stdin');
	unlike $p->postroom_ok('lan-rule', 'list', '--json'), qr/rule-pass/, 'no list shows the password';
	$lan->submit('x@login.test');
	my ($message) = $server->wait_messages(1);
	is $message->{user}, 'fred', 'AUTH as fred';
	unlike join('', map { read_all($_) } glob $p->dir . '/state/settings/*.db'), qr/rule-pass/, 'nor a snapshot';
	my $other = server(auth => { fred => 'rule-pass' });
	$other->set_reply(RCPT => '451 4.2.0 later');
	$lan->no_rules();
};

sub read_all {
	my ($path) = @_;
	open my $file, '<:raw', $path or die "$path: $!\n";
	local $/;
	return scalar <$file>;
}

subtest 'another server for all that waits' => sub {
	my ($old, $new) = (server(replies => { CONNECT => '421 4.3.2 closed' }), server());
	$lan->rule('--address', '*@moved.test', '--server', $old->address);
	$p->set('lan.retry' => 600);
	my $id = $lan->submit('x@moved.test');
	$p->wait_log(qr/id=\Q$id\E deferred to=<x\@moved/);
	like $p->postroom_ok('lan', 'retarget', $old->address, $new->address), qr/\A1 rules\n1 waiting recipients\n\z/, 'moved';
	$p->postroom_ok('queue', 'retry', $id);
	$new->wait_messages(1);
	$lan->submit('y@moved.test');
	$new->wait_messages(2);
	$p->set('lan.retry' => 1);
	$lan->no_rules();
};

subtest 'what rules may not say' => sub {
	my $bad = sub {
		my ($field, @options) = @_;
		my ($status, undef, $err) = $p->postroom('lan-rule', 'add', @options);
		is $status, 1, "refused: @options";
		like $err, qr/\b\Q$field\E\b/, 'with the field\'s name';
	};
	$bad->('address', qw(--address *@* --server host));
	$bad->('address', qw(--address bob --server host));
	$bad->('address', qw(--address a@b@ --server host));
	$bad->('server', qw(--address a@b.test --server host:99999));
	$bad->('rewrite', qw(--address a@b.test --server host --rewrite *@c.test));
	$bad->('username', qw(--address a@b.test --server host --username fred));
	$bad->('condition', qw(--address a@b.test --server host --condition imap));
	$p->set('lan.bare-addresses' => 'on');
	my $server = server();
	$lan->rule('--address', 'carol', '--server', $server->address);
	is +($p->postroom('set', 'lan.bare-addresses', 'off'))[0], 1, 'bare names cannot be forbidden while there are some';
	$lan->submit("carol\@$domain");
	$server->wait_messages(1);
	isnt $lan->rcpt('carol@elsewhere.test'), 250, 'a bare name means local domains';
	$lan->no_rules();
};

subtest '07-1.8 rules as a table; those of another server' => sub {
	my $file = $p->dir . '/rules.csv';
	write_file($file, "Cond,Address,Server,User,Pass,Rewrite Address\r\nall,*\@one.test,host:2525,,,\r\nall,nonsense\@,host,,,\r\n"
		. "pop3,\"a\@two.test\",host,fred,secret,\r\n");
	my ($status, $out, $err) = $p->postroom('lan', 'import', '--strict', $file);
	is $status, 1, 'strict: refused';
	like $out, qr/\A0 rules added/, 'nothing is in';
	like $err, qr/line 3: address/, 'the line is named';
	($status, $out) = $p->postroom('lan', 'import', $file);
	like $out, qr/\A2 rules added, 1 lines refused/, 'else the good ones are';
	like $p->postroom_ok('lan', 'export'), qr/^all,\*\@one\.test,host:2525,,,\r?\npop3,a\@two\.test,host,fred,\*{5},\r?$/m, 'and out again';
	$lan->no_rules();
	my $second = Postroom::Test->start(domain => 'second.test', users => { carl => 'carl-secret' });
	write_file($file, $second->postroom_ok('lan', 'own-rules', '127.0.0.1:' . $second->port('smtp')));
	$p->postroom_ok('lan', 'import', $file);
	my $id = $lan->submit('carl@second.test');
	$p->wait_log(qr/id=\Q$id\E sent to=<carl\@second\.test>/);
	$second->wait_for(sub {
		my $pop3 = $second->pop3;
		$pop3->login('carl', 'carl-secret');
		my ($count) = $pop3->stat;
		$pop3->quit;
		return $count == 1;
	}, 'the other server has it', 20);
	$second->stop;
	$lan->no_rules();
};

$p->stop;
done_testing;

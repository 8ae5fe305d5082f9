#!/usr/bin/perl
# LAN forwarding (specification 07): rules, targets in SMTP: form, its own queue. Against servers that do as told; real
# ones are in 44-lan-servers.t.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Ports;
use Postroom::Process qw(run_program write_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;
use Time::HiRes qw(sleep time);

my $p = Postroom::Test->start(
	users => { anna => 'anna-secret', bob => 'bob-secret' },
	set   => { 'lan.retry' => 1 },
	relay => ['127.0.0.5'],
);
my $domain = $p->domain;
my $spool = $p->dir . '/spool';

sub server {
	return Postroom::SmtpServer->start(@_);
}

sub rule {
	my (@options) = @_;
	return $p->postroom_ok('lan-rule', 'add', @options);
}

sub no_rules {
	my $rules = $p->postroom_json('lan-rule', 'list');
	$p->postroom_ok('lan-rule', 'delete', 1) for @$rules;
	return;
}

sub submit {
	my ($to, %options) = @_;
	my $smtp = $p->smtp;
	my @to = ref $to ? @$to : $to;
	like $smtp->send_message($options{from} // 'stranger@elsewhere.test', \@to, $options{text} // "Subject: over the LAN\n\nbody\n"),
		qr/\A250/, "taken for @to" or return;
	my ($id) = $smtp->last =~ /queued as (\S+)/;
	$smtp->quit;
	return $id;
}

sub rcpt {
	my ($to) = @_;
	my $smtp = $p->smtp;
	$smtp->ehlo('client.test');
	$smtp->cmd('MAIL FROM:<stranger@elsewhere.test>');
	my $code = $smtp->cmd("RCPT TO:<$to>");
	$smtp->quit;
	return $code;
}

sub matches {
	return map { $_->{matches} } @{ $p->postroom_json('lan', 'matches') };
}

sub wait_gone {
	my ($id) = @_;
	$p->wait_for(sub { !-e "$spool/active/$id" }, "$id has left the queue", 20);
	return;
}

sub count_mail {
	my ($user) = @_;
	my $pop3 = $p->pop3;
	$pop3->login($user, "$user-secret");
	my ($count) = $pop3->stat;
	$pop3->quit;
	return $count;
}

subtest '07-3.1 a rule takes any address of a domain that is not local' => sub {
	my $server = server();
	isnt rcpt('any@corp.test'), 250, 'without a rule it would be relaying';
	rule('--address', '*@corp.test', '--server', $server->address);
	is_deeply [matches()], [0], 'nothing matched yet';
	submit('any@corp.test');
	my ($message) = $server->wait_messages(1);
	is_deeply $message->{to}, ['any@corp.test'], 'the same recipient';
	is $message->{from}, 'stranger@elsewhere.test', 'the same sender';
	like $message->{data}, qr/^Subject: over the LAN\r$/m, 'the message';
	$p->wait_for(sub { (matches())[0] == 1 }, 'Matches is 1');
	no_rules();
};

subtest '07-3.2 the first rule that matches' => sub {
	my ($first, $second) = (server(), server());
	rule('--address', 'a@x.test', '--server', $first->address);
	rule('--address', '*@x.test', '--server', $second->address);
	submit('a@x.test');
	$first->wait_messages(1);
	submit('b@x.test');
	$second->wait_messages(1);
	$p->postroom_ok('lan-rule', 'move', 2, 1);
	is_deeply [map { $_->{address} } @{ $p->postroom_json('lan-rule', 'list') }], ['*@x.test', 'a@x.test'], 'moved';
	submit('a@x.test');
	$second->wait_messages(2);
	is scalar(my @all = $first->messages), 1, 'the other one gets nothing more';
	no_rules();
};

subtest '07-3.3 a rule for what is left over' => sub {
	my $server = server();
	rule('--address', "~\@$domain", '--server', $server->address);
	my $before = count_mail('bob');
	wait_gone(submit(["bob\@$domain", "other\@$domain"]));
	is count_mail('bob'), $before + 1, 'bob has his';
	is_deeply [map { $_->{to} } $server->wait_messages(1)], [["other\@$domain"]], 'the other one is forwarded';
	no_rules();
	is rcpt("other\@$domain"), 550, 'without the rule nobody';
};

subtest '07-3.4 rewriting' => sub {
	my $server = server();
	rule('--address', '*@outer.test', '--server', $server->address, '--rewrite', '*@inner.test');
	rule('--address', 'x@other.test', '--server', $server->address, '--rewrite', 'y@third.test');
	submit(['joe@outer.test', 'x@other.test']);
	$p->wait_for(sub { map({ @{ $_->{to} } } $server->messages) == 2 }, 'both are there', 20);
	is_deeply [sort map { @{ $_->{to} } } $server->messages], ['joe@inner.test', 'y@third.test'], 'RCPT is rewritten';
	no_rules();
};

subtest '07-3.5 conditions' => sub {
	my $server = server();
	rule('--address', '*@collected.test', '--server', $server->address, '--condition', 'pop3');
	isnt rcpt('any@collected.test'), 250, 'not for what is received by SMTP';
	$p->postroom_ok('lan-rule', 'set', 1, '--condition', 'smtp');
	is rcpt('any@collected.test'), 250, 'the other way round';
	no_rules();
};

subtest '07-3.6 SMTP: targets, with a login' => sub {
	my $server = server(auth => { fred => 'mypass' });
	my $target = 'SMTP:bob@example.com@fred:mypass@' . $server->address;
	$p->postroom_ok('mapping', 'add', "away\@$domain", $target);
	submit("away\@$domain");
	my ($message) = $server->wait_messages(1);
	is $message->{user}, 'fred', 'AUTH as fred';
	is_deeply $message->{to}, ['bob@example.com'], 'RCPT';
	isnt +($p->postroom('mapping', 'add', "bad\@$domain", 'SMTP:bob@example.com'))[0], 0, 'a target without a server is refused';
	unlike $p->log, qr/mypass/, 'the password is in no log';
};

subtest 'the login of a rule' => sub {
	my $server = server(auth => { fred => 'rule-pass' });
	$p->postroom_ok({ stdin => "rule-pass\n" }, 'lan-rule', 'add', '--address', '*@login.test', '--server', $server->address,
		'--username', 'fred', '--password-stdin');
	unlike $p->postroom_ok('lan-rule', 'list', '--json'), qr/rule-pass/, 'no list shows the password';
	submit('x@login.test');
	my ($message) = $server->wait_messages(1);
	is $message->{user}, 'fred', 'AUTH as fred';
	unlike join('', map { read_all($_) } glob $p->dir . '/state/settings/*.db'), qr/rule-pass/, 'nor a snapshot';
	my $other = server(auth => { fred => 'rule-pass' });
	$other->set_reply(RCPT => '451 4.2.0 later');
	no_rules();
};

sub read_all {
	my ($path) = @_;
	open my $file, '<:raw', $path or die "$path: $!\n";
	local $/;
	return scalar <$file>;
}

subtest '07-3.7 connections at a time, for each server and for all' => sub {
	my $server = server(replies => { DATA => 'SLEEP 0.3 354 go on' });
	rule('--address', '*@slow.test', '--server', $server->address);
	$p->set('lan.thread-rules' => $server->address . '-2');
	submit("r$_\@slow.test") for 1 .. 10;
	$server->wait_messages(10);
	cmp_ok $server->most_connections, '<=', 2, 'never more than 2';
	$p->set('lan.max-threads' => 1, 'lan.thread-rules' => $server->address . '-5');
	my $again = server(replies => { DATA => 'SLEEP 0.2 354 go on' });
	$p->postroom_ok('lan-rule', 'set', 1, '--server', $again->address);
	submit("r$_\@slow.test") for 1 .. 5;
	$again->wait_messages(5);
	is $again->most_connections, 1, 'never more than 1 altogether';
	is +($p->postroom('set', 'lan.thread-rules', 'host-'))[0], 1, 'a rule without a number is refused';
	$p->postroom_ok('unset', $_) for qw(lan.max-threads lan.thread-rules);
	no_rules();
};

subtest '07-3.8 again after a while, and given up' => sub {
	my $server = server(replies => { RCPT => ['451 4.3.0 later', '250 2.1.5 ok'] });
	rule('--address', '*@later.test', '--server', $server->address);
	my $before = count_mail('anna');
	submit('x@later.test', from => "anna\@$domain");
	$server->wait_messages(1);
	is scalar(grep { /\ARCPT/ } $server->commands), 2, 'the second attempt';
	my $port = Postroom::Ports::port('127.0.0.1');
	rule('--address', '*@dead.test', '--server', "127.0.0.1:$port");
	$p->set('lan.fail' => 1, 'lan.reports' => 'off');
	wait_gone(submit('x@dead.test', from => "anna\@$domain"));
	is count_mail('anna'), $before, 'no report where they are off, none of what was sent in the end';
	$p->set('lan.reports' => 'on');
	wait_gone(submit('x@dead.test', from => "anna\@$domain"));
	$p->wait_for(sub { count_mail('anna') == $before + 1 }, 'one report', 20);
	my $refusing = server(replies => { RCPT => '550 5.1.1 nobody here' });
	rule('--address', '*@refused.test', '--server', $refusing->address);
	wait_gone(submit('x@refused.test', from => "anna\@$domain"));
	$p->wait_for(sub { count_mail('anna') == $before + 2 }, 'a 5xx is reported at once', 20);
	$p->postroom_ok('unset', $_) for qw(lan.fail lan.reports);
	no_rules();
};

subtest '07-3.9 call-forward verification' => sub {
	my $server = server(replies => { RCPT => sub { $_[1] =~ /known\@/ && $_[1] !~ /unknown/ ? '250 2.1.5 ok' : $_[1] =~ /later/ ? '451 4.2.0 later' : '550 5.1.1 no' } });
	rule('--address', '*@verified.test', '--server', $server->address);
	is rcpt('unknown@verified.test'), 250, 'by default nobody is asked';
	$p->postroom_ok('lan-verifier', 'add', '--server', $server->address, '--type', 'call-forward');
	is rcpt('unknown@verified.test'), 550, 'refused there, refused here';
	is rcpt('known@verified.test'), 250, 'taken there, taken here';
	is rcpt('later@verified.test'), 250, 'no answer that says it: taken';
	ok +(grep { $_ eq 'MAIL FROM:<>' } $server->commands), 'asked with the null return path';
	ok !(grep { /\ADATA/ } $server->commands), 'and without a message';
	my $asked = () = grep { /\ARCPT TO:<known\@/ } $server->commands;
	is rcpt('known@verified.test'), 250, 'again';
	is scalar(grep { /\ARCPT TO:<known\@/ } $server->commands), $asked, 'without a question';
	rule('--address', 'exact@verified.test', '--server', $server->address);
	$p->postroom_ok('lan-rule', 'move', 2, 1);
	is rcpt('exact@verified.test'), 250, 'an exact rule is not verified';
	$server->stop;
	is rcpt('unknown@verified.test'), 550, 'with the server away who was refused still is';
	is rcpt('known@verified.test'), 250, 'who was taken still is';
	is rcpt('never@verified.test'), 250, 'and who was never asked for is taken';
	$p->kill_daemon('lfwd', 'KILL');
	is rcpt('other@verified.test'), 250, 'lfwd itself away: taken';
	$p->postroom_ok('lan-verifier', 'delete', 1);
	no_rules();
};

subtest '07-3.10 pause, delete, resume' => sub {
	my $server = server();
	rule('--address', '*@paused.test', '--server', $server->address);
	$p->postroom_ok('lan', 'pause');
	my $bob = count_mail('bob');
	my $gone = submit(['x@paused.test', "bob\@$domain"], text => "Subject: never\n sent\n\nbody\n");
	my $kept = submit('y@paused.test', text => "Subject: goes on\n\nbody\n");
	my $queue;
	$p->wait_for(sub { $queue = $p->postroom_json('lan', 'queue'); @$queue == 2 && !grep { !$_->{subject} } @$queue }, 'both wait', 20);
	my ($entry) = grep { $_->{id} eq $gone } @$queue;
	is $entry->{from}, 'stranger@elsewhere.test', 'sender';
	is $entry->{server}, $server->address, 'target server';
	is_deeply $entry->{recipients}, ['x@paused.test'], 'recipient';
	is $entry->{subject}, 'never sent', 'subject';
	$p->kill_daemon('queue-manager', 'KILL');
	$p->wait_for(sub { ($p->postroom('queue', 'count'))[0] == 0 }, 'the queue-manager is back', 20);
	is_deeply [sort map { $_->{id} } @{ $p->postroom_json('lan', 'queue') }], [sort $gone, $kept], 'also after a crash';
	$p->postroom_ok('lan', 'delete', $gone);
	wait_gone($gone);
	is count_mail('bob'), $bob + 1, 'the local recipient keeps his';
	is +($p->postroom('lan', 'delete', $gone))[0], 1, 'it cannot be deleted twice';
	is scalar(my @none = $server->messages), 0, 'nothing was sent';
	$p->postroom_ok('lan', 'resume');
	is_deeply [map { $_->{to} } $server->wait_messages(1)], [['y@paused.test']], 'the other one flows';
	wait_gone($kept);
	is scalar(my @all = $server->messages), 1, 'and nothing else';
	no_rules();
};

subtest 'another server for all that waits' => sub {
	my ($old, $new) = (server(replies => { CONNECT => '421 4.3.2 closed' }), server());
	rule('--address', '*@moved.test', '--server', $old->address);
	$p->set('lan.retry' => 600);
	my $id = submit('x@moved.test');
	$p->wait_log(qr/id=\Q$id\E deferred to=<x\@moved/);
	like $p->postroom_ok('lan', 'retarget', $old->address, $new->address), qr/\A1 rules\n1 waiting recipients\n\z/, 'moved';
	$p->postroom_ok('queue', 'retry', $id);
	$new->wait_messages(1);
	submit('y@moved.test');
	$new->wait_messages(2);
	$p->set('lan.retry' => 1);
	no_rules();
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
	rule('--address', 'carol', '--server', $server->address);
	is +($p->postroom('set', 'lan.bare-addresses', 'off'))[0], 1, 'bare names cannot be forbidden while there are some';
	submit("carol\@$domain");
	$server->wait_messages(1);
	isnt rcpt('carol@elsewhere.test'), 250, 'a bare name means local domains';
	no_rules();
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
	like $p->postroom_ok('lan', 'export'), qr/^all,\*\@one\.test,host:2525,,,\r?\npop3,a\@two\.test,host,fred,\*\*\*,\r?$/m, 'and out again';
	no_rules();
	my $second = Postroom::Test->start(domain => 'second.test', users => { carl => 'carl-secret' });
	write_file($file, $second->postroom_ok('lan', 'own-rules', '127.0.0.1:' . $second->port('smtp')));
	$p->postroom_ok('lan', 'import', $file);
	my $id = submit('carl@second.test');
	$p->wait_log(qr/id=\Q$id\E sent to=<carl\@second\.test>/);
	$second->wait_for(sub {
		my $pop3 = $second->pop3;
		$pop3->login('carl', 'carl-secret');
		my ($count) = $pop3->stat;
		$pop3->quit;
		return $count == 1;
	}, 'the other server has it', 20);
	$second->stop;
	no_rules();
};

$p->stop;
done_testing;

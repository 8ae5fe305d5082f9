#!/usr/bin/perl
# LAN forwarding (specification 07): rules, targets in SMTP: form, its own queue. Against servers that do as told;
# real ones are in 44-lan-servers.t, what administrators do with rules in 44-lan-rules.t.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Lan;
use Postroom::Ports;
use Postroom::SmtpServer;
use Test::More;

my $lan = Postroom::Lan->start;
my $p = $lan->{p};
my $domain = $p->domain;

sub server {
	return Postroom::SmtpServer->start(@_);
}

sub matches {
	return map { $_->{matches} } @{ $p->postroom_json('lan', 'matches') };
}

subtest '07-3.1 a rule takes any address of a domain that is not local' => sub {
	my $server = server();
	isnt $lan->rcpt('any@corp.test'), 250, 'without a rule it would be relaying';
	$lan->rule('--address', '*@corp.test', '--server', $server->address);
	is_deeply [matches()], [0], 'nothing matched yet';
	$lan->submit('any@corp.test');
	my ($message) = $server->wait_messages(1);
	is_deeply $message->{to}, ['any@corp.test'], 'the same recipient';
	is $message->{from}, 'stranger@elsewhere.test', 'the same sender';
	like $message->{data}, qr/^Subject: over the LAN\r$/m, 'the message';
	$p->wait_for(sub { (matches())[0] == 1 }, 'Matches is 1');
	$lan->no_rules();
};

subtest '07-3.2 the first rule that matches' => sub {
	my ($first, $second) = (server(), server());
	$lan->rule('--address', 'a@x.test', '--server', $first->address);
	$lan->rule('--address', '*@x.test', '--server', $second->address);
	$lan->submit('a@x.test');
	$first->wait_messages(1);
	$lan->submit('b@x.test');
	$second->wait_messages(1);
	$p->postroom_ok('lan-rule', 'move', 2, 1);
	is_deeply [map { $_->{address} } @{ $p->postroom_json('lan-rule', 'list') }], ['*@x.test', 'a@x.test'], 'moved';
	$lan->submit('a@x.test');
	$second->wait_messages(2);
	is scalar(my @all = $first->messages), 1, 'the other one gets nothing more';
	$lan->no_rules();
};

subtest '07-3.3 a rule for what is left over' => sub {
	my $server = server();
	$lan->rule('--address', "~\@$domain", '--server', $server->address);
	my $before = $lan->count_mail('bob');
	$lan->wait_gone($lan->submit(["bob\@$domain", "other\@$domain"]));
	is $lan->count_mail('bob'), $before + 1, 'bob has his';
	is_deeply [map { $_->{to} } $server->wait_messages(1)], [["other\@$domain"]], 'the other one is forwarded';
	$lan->no_rules();
	is $lan->rcpt("other\@$domain"), 550, 'without the rule nobody';
};

subtest '07-3.4 rewriting' => sub {
	my $server = server();
	$lan->rule('--address', '*@outer.test', '--server', $server->address, '--rewrite', '*@inner.test');
	$lan->rule('--address', 'x@other.test', '--server', $server->address, '--rewrite', 'y@third.test');
	$lan->submit(['joe@outer.test', 'x@other.test']);
	$p->wait_for(sub { map({ @{ $_->{to} } } $server->messages) == 2 }, 'both are there', 20);
	is_deeply [sort map { @{ $_->{to} } } $server->messages], ['joe@inner.test', 'y@third.test'], 'RCPT is rewritten';
	$lan->no_rules();
};

subtest '07-3.5 conditions' => sub {
	my $server = server();
	$lan->rule('--address', '*@collected.test', '--server', $server->address, '--condition', 'pop3');
	isnt $lan->rcpt('any@collected.test'), 250, 'not for what is received by SMTP';
	$p->postroom_ok('lan-rule', 'set', 1, '--condition', 'smtp');
	is $lan->rcpt('any@collected.test'), 250, 'the other way round';
	$lan->no_rules();
};

subtest '07-3.6 SMTP: targets, with a login' => sub {
	my $server = server(auth => { fred => 'mypass' });
	my $target = 'SMTP:bob@example.com@fred:mypass@' . $server->address;
	$p->postroom_ok('mapping', 'add', "away\@$domain", $target);
	$lan->submit("away\@$domain");
	my ($message) = $server->wait_messages(1);
	is $message->{user}, 'fred', 'AUTH as fred';
	is_deeply $message->{to}, ['bob@example.com'], 'RCPT';
	isnt +($p->postroom('mapping', 'add', "bad\@$domain", 'SMTP:bob@example.com'))[0], 0, 'a target without a server is refused';
	$p->postroom_ok('list', 'add', 'desk', '--type', 'distribution');
	$p->postroom_ok('list', 'member', 'add', 'desk', $target =~ s/bob\@/carol@/r);
	isnt +($p->postroom('list', 'member', 'add', 'desk', 'SMTP:bob@example.com'))[0], 0, 'nor is it as a member of a list';
	$p->postroom_ok('list', 'set', 'desk', 'public', 'on');
	$lan->submit("desk\@$domain");
	is_deeply +($server->wait_messages(2))[1]{to}, ['carol@example.com'], 'a member of a distribution list';
	unlike $p->log, qr/mypass/, 'the password is in no log';
};

subtest '07-3.7 connections at a time, for each server and for all' => sub {
	my $server = server(replies => { DATA => 'SLEEP 0.3 354 go on' });
	$lan->rule('--address', '*@slow.test', '--server', $server->address);
	$p->set('lan.thread-rules' => $server->address . '-2');
	$lan->submit("r$_\@slow.test") for 1 .. 10;
	$server->wait_messages(10);
	cmp_ok $server->most_connections, '<=', 2, 'never more than 2';
	$p->set('lan.max-threads' => 1, 'lan.thread-rules' => $server->address . '-5');
	my $again = server(replies => { DATA => 'SLEEP 0.2 354 go on' });
	$p->postroom_ok('lan-rule', 'set', 1, '--server', $again->address);
	$lan->submit("r$_\@slow.test") for 1 .. 5;
	$again->wait_messages(5);
	is $again->most_connections, 1, 'never more than 1 altogether';
	is +($p->postroom('set', 'lan.thread-rules', 'host-'))[0], 1, 'a rule without a number is refused';
	$p->postroom_ok('unset', $_) for qw(lan.max-threads lan.thread-rules);
	$lan->no_rules();
};

subtest '07-3.8 again after a while, and given up' => sub {
	my $server = server(replies => { RCPT => ['451 4.3.0 later', '250 2.1.5 ok'] });
	$lan->rule('--address', '*@later.test', '--server', $server->address);
	my $before = $lan->count_mail('anna');
	$lan->submit('x@later.test', from => "anna\@$domain");
	$server->wait_messages(1);
	is scalar(grep { /\ARCPT/ } $server->commands), 2, 'the second attempt';
	my $port = Postroom::Ports::port('127.0.0.1');
	$lan->rule('--address', '*@dead.test', '--server', "127.0.0.1:$port");
	$p->set('lan.fail' => 1, 'lan.reports' => 'off');
	$lan->wait_gone($lan->submit('x@dead.test', from => "anna\@$domain"));
	is $lan->count_mail('anna'), $before, 'no report where they are off, none of what was sent in the end';
	$p->wait_log(qr/LanFwd: LAN forwarding cannot reach 127\.0\.0\.1:$port\n.*notice to=<postmaster\@\S+> about=LanFwd$/ms, 20);
	pass 'administrators hear of it';
	$p->set('lan.reports' => 'on');
	$lan->wait_gone($lan->submit('x@dead.test', from => "anna\@$domain"));
	$p->wait_for(sub { $lan->count_mail('anna') == $before + 1 }, 'one report', 20);
	my $refusing = server(replies => { RCPT => '550 5.1.1 nobody here' });
	$lan->rule('--address', '*@refused.test', '--server', $refusing->address);
	$lan->wait_gone($lan->submit('x@refused.test', from => "anna\@$domain"));
	$p->wait_for(sub { $lan->count_mail('anna') == $before + 2 }, 'a 5xx is reported at once', 20);
	$p->postroom_ok('unset', $_) for qw(lan.fail lan.reports);
	$lan->no_rules();
};

subtest '07-3.9 call-forward verification' => sub {
	my $server = server(replies => { RCPT => sub { $_[1] =~ /known\@/ && $_[1] !~ /unknown/ ? '250 2.1.5 ok' : $_[1] =~ /later/ ? '451 4.2.0 later' : '550 5.1.1 no' } });
	$lan->rule('--address', '*@verified.test', '--server', $server->address);
	is $lan->rcpt('unknown@verified.test'), 250, 'by default nobody is asked';
	$p->postroom_ok('lan-verifier', 'add', '--server', $server->address, '--type', 'call-forward');
	is $lan->rcpt('unknown@verified.test'), 550, 'refused there, refused here';
	is $lan->rcpt('known@verified.test'), 250, 'taken there, taken here';
	is $lan->rcpt('later@verified.test'), 250, 'no answer that says it: taken';
	ok +(grep { $_ eq 'MAIL FROM:<>' } $server->commands), 'asked with the null return path';
	ok !(grep { /\ADATA/ } $server->commands), 'and without a message';
	my $asked = () = grep { /\ARCPT TO:<known\@/ } $server->commands;
	is $lan->rcpt('known@verified.test'), 250, 'again';
	is scalar(grep { /\ARCPT TO:<known\@/ } $server->commands), $asked, 'without a question';
	$lan->rule('--address', 'exact@verified.test', '--server', $server->address);
	$p->postroom_ok('lan-rule', 'move', 2, 1);
	is $lan->rcpt('exact@verified.test'), 250, 'an exact rule is not verified';
	$server->stop;
	is $lan->rcpt('unknown@verified.test'), 550, 'with the server away who was refused still is';
	is $lan->rcpt('known@verified.test'), 250, 'who was taken still is';
	is $lan->rcpt('never@verified.test'), 250, 'and who was never asked for is taken';
	$p->kill_daemon('lfwd', 'KILL');
	is $lan->rcpt('other@verified.test'), 250, 'lfwd itself away: taken';
	$p->postroom_ok('lan-verifier', 'delete', 1);
	$lan->no_rules();
};

subtest '07-3.10 pause, delete, resume' => sub {
	my $server = server();
	$lan->rule('--address', '*@paused.test', '--server', $server->address);
	$p->postroom_ok('lan', 'pause');
	my $bob = $lan->count_mail('bob');
	my $gone = $lan->submit(['x@paused.test', "bob\@$domain"], text => "Subject: never\n sent\n\nbody\n");
	my $kept = $lan->submit('y@paused.test', text => "Subject: goes on\n\nbody\n");
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
	$lan->wait_gone($gone);
	is $lan->count_mail('bob'), $bob + 1, 'the local recipient keeps his';
	is +($p->postroom('lan', 'delete', $gone))[0], 1, 'it cannot be deleted twice';
	is scalar(my @none = $server->messages), 0, 'nothing was sent';
	$p->postroom_ok('lan', 'resume');
	is_deeply [map { $_->{to} } $server->wait_messages(1)], [['y@paused.test']], 'the other one flows';
	$lan->wait_gone($kept);
	is scalar(my @all = $server->messages), 1, 'and nothing else';
	$lan->no_rules();
};

$p->stop;
done_testing;

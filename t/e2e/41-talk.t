#!/usr/bin/perl
# smtpclt.log: what is said in the sessions of senders; and the address that a script lets connections come from.
use strict;
use warnings;
use lib 't/lib';
use MIME::Base64 ();
use Postroom::Outgoing;
use Postroom::Process qw(read_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { anna => 'anna-secret' });
my $out = Postroom::Outgoing->new($p);
my ($quiet, $loud) = map { Postroom::SmtpServer->start(host => "127.0.0.$_", auth => { me => 'Xanadu-99' }) } 2, 3;
$p->postroom_ok(qw(sender set default --method relay --encryption none --servers), $quiet->address);
$p->postroom_ok('sender', 'set', 'default', 'filter', 'Skip: TO MATCHES "*@loud.test"');
$p->postroom_ok({ stdin => "Xanadu-99\n" }, qw(sender add loud --method relay --encryption none --user me --password-stdin --servers), $loud->address);

sub text { return read_file($p->dir . '/log/smtpclt.log') // '' }
sub send_to { my ($domain) = @_; $out->wait_gone($out->submit("x\@$domain.test", text => "Subject: talk\n\nthe body of $domain\n")); return }

subtest '04-15 smtpclt.log: one of two senders, without passwords, with messages where that is wanted' => sub {
	send_to('loud');
	is text(), '', 'nothing where it is off';
	$p->postroom_ok('sender', 'set', 'loud', 'log', 'commands');
	$p->stop_running;
	$p->run;
	send_to($_) for qw(loud quiet);
	$p->wait_for(sub { text() =~ /S: 250 2\.0\.0 taken/ }, 'the session is there');
	like text(), qr/^\S+ \S+ \[\d+\] loud 127\.0\.0\.3 C: EHLO \S+$/m, 'who says what to whom';
	like text(), qr/C: RCPT TO:<x\@loud\.test>/, 'commands';
	like text(), qr/C: AUTH .*\*\*\*/, 'a login';
	unlike text(), qr/quiet|127\.0\.0\.2/, 'of that sender alone';
	unlike text(), qr/Xanadu|\Q@{[MIME::Base64::encode_base64("\0me\0Xanadu-99", '')]}\E/, 'without the password';
	unlike text(), qr/the body|Subject/, 'without the message';
	$p->postroom_ok('sender', 'set', 'loud', 'log', 'all');
	send_to('loud');
	$p->wait_for(sub { text() =~ /C: the body of loud$/m }, 'with the message');
	$p->set('log.clients' => '127.0.0.2/32');
	$p->stop_running;
	my $before = text();
	$p->run;
	send_to('loud');
	is text(), $before, 'not of servers that log.clients does not name';
};

subtest 'relayout.lua: BindAddress' => sub {
	$p->script('relayout', "function Start() if sendername == 'default' then BindAddress = '127.0.0.78' end end\n");
	send_to($_) for qw(quiet loud);
	is +(grep { defined } map { $_->{connect} } $quiet->lines('transcript'))[-1], '127.0.0.78', 'connected from there';
	isnt +(grep { defined } map { $_->{connect} } $loud->lines('transcript'))[-1], '127.0.0.78', 'the other sender was not';
	$p->script('relayout');
};

subtest '09-5.6 ServerDetails: bindAddress' => sub {
	my $mx = Postroom::SmtpServer->start;
	$p->postroom_ok('sender', 'set', 'default', '--method', 'direct', '--servers', '');
	$p->set('sender.mx-port' => $mx->port);
	$p->script('mxout', "function ServerDetails(p, h, actions) actions.bindAddress = '127.0.0.77'; return actions end\n");
	$out->wait_gone($out->submit('x@[127.0.0.1]'));
	is_deeply [grep { defined } map { $_->{connect} } $mx->lines('transcript')], ['127.0.0.77'], 'connected from there';
	$p->script('mxout', "function ServerDetails(p, h, actions) actions.bindAddress = 'nowhere'; return actions end\n");
	$p->stop_running;
	$p->run;
	$out->wait_gone($out->submit('x@[127.0.0.1]'));
	is +(grep { defined } map { $_->{connect} } $mx->lines('transcript'))[-1], '127.0.0.1', 'what is no address counts for nothing';
	$p->wait_for(sub { (read_file($p->dir . '/log/luaerrors.log') // '') =~ /bindAddress is no address/ }, '... and is told');
};

$p->finish;
done_testing;

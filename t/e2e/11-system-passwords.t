#!/usr/bin/perl
# Passwords of accounts of the machine, by PAM: beside one's own, for who has the attribute, where it is switched on.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Process qw(write_file);
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(
	users => { anna => 'anna-secret', bert => 'bert-secret' },
	set   => { 'login.challenge-methods' => 'on' },
);
my $pam = $p->dir . '/etc/pam.d';

# The service as an administrator would write it: a program knows one account.
mkdir $pam or die $!;
write_file("$pam/check", "#!/bin/sh\nread -r password\n[ \"\$PAM_USER\" = sysanna ] && [ \"\$password\" = system-secret ]\n");
sub service { return write_file("$pam/postroom", join '', map { "$_\n" } @_) }
my @check = ("auth [success=1 default=ignore] pam_exec.so quiet expose_authtok $pam/check", 'auth requisite pam_deny.so',
	'auth required pam_permit.so', 'account required pam_permit.so');
service(@check);
chmod 0755, $pam, "$pam/check";
chmod 0644, "$pam/postroom";

sub by_pop3 { my ($user, $password) = @_; return $p->pop3->login($user, $password) =~ /\A\+OK/ ? 1 : 0 }

sub by_smtp {
	my ($mechanism, $user, $password) = @_;
	my $smtp = $p->smtp(service => 'submission');
	$smtp->ehlo('client.test');
	$smtp->starttls;
	$smtp->ehlo('client.test');
	return $smtp->auth($mechanism, $user, $password);
}

subtest '02-23.2 07-18.5 the password of the machine' => sub {
	$p->postroom_ok('user', 'set', 'anna', 'system-password', 'on', 'system-user', 'sysanna');
	is by_pop3('anna', 'system-secret'), 0, 'not while it is off';
	$p->set('login.system-passwords' => 'on');
	is by_pop3('anna', 'system-secret'), 1, 'POP3';
	is by_pop3('anna', 'anna-secret'), 1, 'beside the own one';
	is by_pop3('anna', 'other-secret'), 0, 'and no third';
	is by_smtp($_, 'anna', 'system-secret'), 235, $_ for qw(PLAIN LOGIN);
	is by_smtp($_, 'anna', 'system-secret'), 535, "not $_" for qw(CRAM-MD5 SCRAM-SHA-256);
	is by_smtp('CRAM-MD5', 'anna', 'anna-secret'), 235, 'which goes on to know the own one';
	is by_pop3('bert', 'system-secret'), 0, 'not for who does not have the attribute';
	like $p->postroom_ok('sessions', '--history'), qr/./, 'sessions are noted as ever';
	unlike $p->log, qr/system-secret/, 'and no password is in the log';
};

subtest 'a user without a password of his own' => sub {
	$p->postroom_ok('user', 'add', 'carl', '--no-password');
	$p->postroom_ok('user', 'set', 'carl', 'system-password', 'on', 'system-user', 'sysanna');
	is by_pop3('carl', 'system-secret'), 1, 'logs in';
	is by_pop3('carl', $_), 0, "but not with '$_'" for 'wrong-secret', '';
	is by_smtp('SCRAM-SHA-256', 'carl', ''), 535, 'nor by a proof of nothing';
	$p->set('login.lockout-failures' => 3);
	by_pop3('carl', 'wrong-secret') for 1 .. 3;
	is by_pop3('carl', 'system-secret'), 0, 'wrong ones lock the account';
	$p->set('login.lockout-failures' => 0);
	$p->postroom_ok('user', 'unlock', 'carl');
};

subtest 'PAM says no, or nothing' => sub {
	service('auth required pam_deny.so', 'account required pam_permit.so');
	is by_pop3('anna', 'system-secret'), 0, 'no';
	service('auth required pam_permit.so', 'account required pam_permit.so');
	is by_pop3('anna', 'whatever'), 1, 'yes to all';
	service('auth required pam_permit.so', 'account required pam_deny.so');
	is by_pop3('anna', 'whatever'), 0, 'an account that may not';
	service('auth required pam_there_is_no_such_module.so');
	my $pop3 = $p->pop3;
	like $pop3->login('anna', 'whatever'), qr/\A-ERR \[SYS\/TEMP\]/, 'a broken service is nobody\'s wrong password';
	$p->wait_log(qr/PAM cannot say whether a password is right/, 10);
	is by_pop3('anna', 'anna-secret'), 1, 'the own password works all the same';
};

subtest '07-18.5 kept' => sub {
	service(@check);
	$p->set('login.system-passwords-kept' => 'on');
	is by_pop3('anna', 'system-secret'), 1, 'a login';
	$p->wait_log(qr/the password of user=anna was set$/m, 20);
	$p->wait_for(sub { by_smtp('CRAM-MD5', 'anna', 'system-secret') == 235 }, 'CRAM-MD5 knows it now', 20);
	is by_smtp('SCRAM-SHA-256', 'anna', 'system-secret'), 235, 'SCRAM, too';
	is by_pop3('anna', 'anna-secret'), 0, 'and the old one is gone';
};

$p->stop;
done_testing;

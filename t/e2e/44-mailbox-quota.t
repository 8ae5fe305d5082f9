#!/usr/bin/perl
# How large mailboxes should be: who is told when they grow, daily, and who may send no more.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(domain => 'mycompany.test', relay => [], users => { map { $_ => 'secret-Pw' } qw(anna bert carl) });

sub attribute { return $p->postroom_ok('user', 'set', @_) }

sub subjects {
	my ($user) = @_;
	my $pop3 = $p->pop3;
	$pop3->login($user, $user eq 'postmaster' ? $p->password : 'secret-Pw');
	my ($count) = $pop3->stat;
	my @subjects = map { join("\n", $pop3->top($_, 0)) =~ /^Subject: (.*?)\r?$/m ? $1 : '' } 1 .. $count // 0;
	$pop3->quit;
	return @subjects;
}

# The percentages that a user was told by now; $whose: in words of the subject.
sub told {
	my ($user, $whose) = @_;
	return map { /\A\Q$whose\E is at (\d+) % of its quota\z/ ? $1 : () } subjects($user);
}

# Let the mailbox grow by so many octets, and wait until they are there.
sub grow {
	my ($user, $octets) = @_;
	my $smtp = $p->smtp;
	$smtp->ehlo;
	my $before = () = grep { $_ eq 'ballast' } subjects($user);
	my $lines = int $octets / 72;
	like $smtp->send_message('x@far.example', ["$user\@mycompany.test"], "Subject: ballast\n\n" . join '', ('x' x 70 . "\n") x $lines),
		qr/\A250/, 'mail is taken';
	$p->wait_for(sub { $before < grep { $_ eq 'ballast' } subjects($user) }, "ballast for $user");
	return;
}

sub mail_from {
	my ($user) = @_;
	my $smtp = $p->smtp;
	$smtp->ehlo;
	$smtp->auth('PLAIN', $user, 'secret-Pw');
	$smtp->cmd("MAIL FROM:<$user\@mycompany.test>");
	my $reply = $smtp->last;
	$smtp->quit;
	return $reply;
}

use constant MB => 1024 * 1024;

subtest '07-16.1 growing past the steps' => sub {
	attribute('anna', 'mailbox.quota', 1);
	grow('anna', 0.7 * MB);
	grow('anna', 0.15 * MB);
	$p->wait_for(sub { told('anna', 'Your mailbox') == 1 }, 'the first warning');
	grow('anna', 0.2 * MB);
	$p->wait_for(sub { told('anna', 'Your mailbox') == 2 }, 'the second');
	grow('anna', 0.25 * MB);
	$p->wait_for(sub { told('anna', 'Your mailbox') == 3 }, 'the third');
	my @user = told('anna', 'Your mailbox');
	ok $user[0] >= 80 && $user[0] < 100 && $user[1] >= 100 && $user[1] < 120 && $user[2] >= 120, "the user gets three: @user";
	$p->wait_for(sub { told('postmaster', 'The mailbox of anna') == 2 }, 'the administrator gets two');
	my @administrator = told('postmaster', 'The mailbox of anna');
	ok $administrator[0] >= 100 && $administrator[1] >= 120, "at @administrator per cent";
	grow('bert', 2 * MB);
	is scalar(told('bert', 'Your mailbox')), 0, 'who has no quota hears nothing';
	my $imap = $p->imap;
	$imap->login('anna', 'secret-Pw');
	$imap->cmd('GETQUOTA ""');
	like join('', map { $_->{raw} } $imap->untagged('QUOTA')), qr/STORAGE \d+ 1024\)/, 'IMAP clients see the quota';
};

subtest '07-16.2 a mailbox that is much too large sends nothing' => sub {
	like mail_from('anna'), qr/\A552 5\.2\.2 /, 'at 130 per cent';
	like mail_from('bert'), qr/\A250 /, 'others may';
	my $pop3 = $p->pop3;
	$pop3->login('anna', 'secret-Pw');
	my $size = $pop3->list;
	my ($small) = grep { $size->{$_} > 0.1 * MB && $size->{$_} < 0.17 * MB } keys %$size;
	$pop3->dele($small);
	$pop3->quit;
	like mail_from('anna'), qr/\A250 /, 'after deleting some, at once';
	grow('anna', 0.3 * MB);
	like mail_from('anna'), qr/\A552 5\.2\.2 /, 'no more again';
	$p->set('mailbox.quota-block-sending' => 0);
	like mail_from('anna'), qr/\A250 /, 'never blocked';
	$p->postroom_ok('unset', 'mailbox.quota-block-sending');
	attribute('anna', 'mailbox.quota', 0);
	like mail_from('anna'), qr/\A250 /, 'nor without a quota';
	$p->set('mailbox.quota' => 1);
	like mail_from('bert'), qr/\A552 /, 'the general one is for all others';
	$p->set('mailbox.quota' => 0);
};

subtest '07-16.3 a restart' => sub {
	attribute('carl', 'mailbox.quota', 1);
	$p->set('mailbox.quota-warn-user' => '');
	grow('carl', 0.85 * MB);
	is scalar(told('carl', 'Your mailbox')), 0, 'nothing yet';
	$p->stop_running;
	$p->run;
	$p->wait_for(sub { told('carl', 'Your mailbox') == 1 }, 'the daily warning', 40);
	is scalar(told('postmaster', 'The mailbox of carl')), 0, 'none to the administrator';
};

$p->stop;
done_testing;

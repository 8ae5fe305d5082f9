#!/usr/bin/perl
# A program of the administrator's that mail goes through: what it may change, how long it may take.
use strict;
use warnings;
use lib 't/lib';
use File::Temp qw(tempdir);
use Postroom::Process qw(read_file write_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;
use Time::HiRes qw(time);

my $remote = Postroom::SmtpServer->start(extensions => ['8BITMIME', 'PIPELINING']);
my $p = Postroom::Test->start(users => { anna => 'anna-secret', bert => 'bert-secret' }, relay => ['127.0.0.9']);
my $domain = $p->domain;
$p->postroom_ok(qw(sender set default --method relay --encryption none --servers), '127.0.0.1:' . $remote->port);

my $folder = tempdir('postroom-test-XXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0777, $folder;
my $runs = "$folder/runs";

# A program that notes that it runs.
sub program {
	my ($script) = @_;
	write_file("$folder/new", "#!/bin/sh\necho run >>$runs\n$script\n");
	chmod 0755, "$folder/new";
	rename "$folder/new", "$folder/program";
	$p->set('legacy.outmail-command' => "$folder/program one two");
	return;
}

sub runs { return scalar(() = (read_file($runs) // '') =~ /run/g) }

my ($sent, $delivered) = (0, 0);

sub both {
	my ($from, @to) = @_;
	my $smtp = $p->smtp(local => $from =~ /stranger/ ? '127.0.0.1' : '127.0.0.9');
	like $smtp->send_message($from, \@to, "Subject: x\nX-Before: yes\n\nbody\n"), qr/\A250/, "taken from $from";
	my ($outside, $inside);
	if (grep { /remote/ } @to) {
		my @messages = $remote->wait_messages(++$sent, 60);
		unlike $messages[-1]{data}, qr/(?<!\r)\n/, 'lines end with CRLF';
		$outside = $messages[-1]{data} =~ s/\r\n/\n/gr;
	}
	if (grep { /bert/ } @to) {
		my $pop3;
		$delivered++;
		$p->wait_for(sub { $pop3 = $p->pop3; $pop3->login('bert', 'bert-secret'); ($pop3->stat)[0] >= $delivered }, 'bert has it');
		$inside = $pop3->retr($delivered) =~ s/\r\n/\n/gr;
		$pop3->quit;
	}
	return ($outside, $inside);
}

# What administrators were told since the last look.
my $told = 0;

sub wait_told {
	my ($pattern) = @_;
	my @mails;
	$p->wait_for(sub {
		my $pop3 = $p->pop3;
		$pop3->login('postmaster', $p->password);
		my ($count) = $pop3->stat;
		@mails = map { $pop3->retr($_) } $told + 1 .. $count;
		$pop3->quit;
		grep { $_ =~ $pattern } @mails;
	}, "administrators are told: $pattern", 30);
	$told += @mails;
	return;
}

my $ANNA = "anna\@$domain";
my $BERT = "bert\@$domain";

subtest '06-11.1 a program that adds a header' => sub {
	program('echo "X-Program: $1 $2 $POSTROOM_SENDER $POSTROOM_RECIPIENTS $POSTROOM_TYPE"; cat');
	my ($outside, $inside) = both($ANNA, 'kate@remote.test', $BERT);
	like $outside, qr/^X-Program: one two \Q$ANNA\E kate\@remote\.test \Q$BERT\E outgoing$/m, 'outside';
	like $outside, qr/^X-Before: yes\n\nbody\n/m, 'with all the rest';
	unlike $inside, qr/X-Program/, 'not inside';
	(undef, $inside) = both('x@stranger.test', $BERT);
	unlike $inside, qr/X-Program/, 'nor what comes in';
	$p->set('legacy.outmail-incoming' => 'on');
	(undef, $inside) = both('x@stranger.test', $BERT);
	like $inside, qr/^X-Program: one two x\@stranger\.test \Q$BERT\E incoming$/m, 'only where it is to see that';
	$p->set('legacy.outmail-incoming' => 'off');
	program('cat >/dev/null');
	($outside) = both($ANNA, 'kate@remote.test');
	like $outside, qr/^X-Before: yes\n\nbody\n/m, 'one that prints nothing changes nothing';
};

subtest '06-11.3 exit statuses' => sub {
	program('echo "X-Program: 1"; cat; exit 3');
	my ($outside) = both($ANNA, 'kate@remote.test');
	unlike $outside, qr/X-Program/, 'what a failing program printed is not used';
	wait_told(qr/ended with status 3/);
	$p->set('legacy.outmail-ignore-status' => 'on');
	($outside) = both($ANNA, 'kate@remote.test');
	like $outside, qr/^X-Program: 1$/m, 'unless its status is ignored';
	$p->set('legacy.outmail-ignore-status' => 'off', 'legacy.outmail-command' => '/nowhere/at/all');
	($outside) = both($ANNA, 'kate@remote.test');
	like $outside, qr/^X-Before: yes\n\nbody\n/m, 'a program that is not there stops no mail';
	wait_told(qr/\/nowhere\/at\/all ended with status 127/);
};

subtest '06-11.2 a program that takes too long' => sub {
	program("sleep 300 & echo \$\$ >$folder/pid; sleep 300");
	$p->set('legacy.outmail-timeout' => 1);
	my ($outside) = both($ANNA, 'kate@remote.test');
	like $outside, qr/^X-Before: yes\n\nbody\n/m, 'delivery goes on';
	my ($pid) = read_file("$folder/pid") =~ /(\d+)/;
	$p->wait_for(sub { !kill 0, -$pid }, 'it and what it started are gone');
	wait_told(qr/took too long and was killed/);
};

subtest 'what it may not do' => sub {
	program("cat >/dev/null; printf 'X-Queue: '; cat " . $p->dir . "/state/config/config.db 2>/dev/null | wc -c; (: >" . $p->dir
		. '/spool/filterd/tmp/planted); printf "X-Net: "; perl -MSocket -e \'print socket(my $s, AF_INET, SOCK_STREAM, 0) ? "yes" : "no"\'; echo; echo');
	my ($outside) = both($ANNA, 'kate@remote.test');
	like $outside, qr/^X-Queue: 0$/m, 'settings are not read' if $> == 0;
	ok !-e $p->dir . '/spool/filterd/tmp/planted', 'the spool is not written to';
	like $outside, qr/^X-Net: no$/m, 'the network is not reached';
};

subtest '06-11.4 no command, no process' => sub {
	$p->set('legacy.outmail-command' => '');
	my $before = runs();
	my ($outside) = both($ANNA, 'kate@remote.test');
	like $outside, qr/^X-Before: yes\n\nbody\n/m, 'it goes out';
	is runs(), $before, 'nothing ran';
};

$p->stop;
done_testing;

#!/usr/bin/perl
# A full disk: who sends is told to come again, nothing half is kept, mail can be read and deleted, and when there is
# space again everything acknowledged arrives. On a small file system that holds the whole instance, log and all.
use strict;
use warnings;
use lib 't/lib';
use File::Temp qw(tempdir);
use Postroom::Dns;
use Postroom::Load;
use Postroom::Need qw(need_root need_program);
use Postroom::Process qw(run_program);
use Postroom::Test;
use Test::More;
use Time::HiRes qw(sleep);

need_root();
need_program('mount', 'mkfs.ext4', 'nsd');

my %users = (anna => 'anna-secret', bert => 'bert-secret');
my $dns = Postroom::Dns->start(zones => { 'remote.test' => { '@' => 'MX 10 mx.remote.test.', mx => 'A 127.0.0.1' } });
my @mounted;

sub run_or_die {
	my ($status, $out, $err) = run_program(@_);
	die "@_: $out$err" if $status != 0;
}

sub mount_tmpfs {
	my ($folder) = @_;
	run_or_die('mount', '-t', 'tmpfs', '-o', 'size=24m,mode=0755', 'tmpfs', $folder);
}

sub mount_ext4 {
	my ($folder) = @_;
	open my $image, '>', "$folder.img" or die "$folder.img: $!\n";
	truncate $image, 32 << 20;
	close $image;
	# blocks as large as pages, as on every disk that is not tiny: SQLite allocates its mapped files by the page
	run_or_die('mkfs.ext4', '-q', '-F', '-b', '4096', '-m', '0', "$folder.img");
	run_or_die('mount', '-o', 'loop', "$folder.img", $folder);
	chmod 0755, $folder;
}

sub unmount_all {
	for my $folder (splice @mounted) {
		run_program('umount', '-l', $folder);
		rmdir $folder;
		unlink "$folder.img";
	}
}

# Write until there is no space at all.
sub fill {
	my ($folder) = @_;
	open my $file, '>>:raw', "$folder/filler" or return;
	for my $size (1 << 20, 65536, 4096, 512, 1) {
		my $block = "\0" x $size;
		while ((syswrite($file, $block) // 0) == $size) { }
	}
	close $file;
}

sub free_space {
	my ($folder) = @_;
	unlink "$folder/filler";
}

sub start_on {
	my ($mount, @set) = @_;
	my $folder = tempdir('postroom-disk-XXXXXX', DIR => '/var/tmp');
	chmod 0755, $folder;
	eval { $mount->($folder); 1 } or do {
		rmdir $folder;
		unlink "$folder.img";
		plan(skip_all => "cannot mount a file system here: $@");
	};
	push @mounted, $folder;
	return ($folder, Postroom::Test->start(parent => $folder, users => \%users, set => { @set }));
}

# One message of 20 kB; the last reply.
sub send_large {
	my ($p) = @_;
	my $smtp = $p->smtp;
	my $reply = $smtp->send_message('a@b.test', ['anna@' . $p->domain], "Subject: large\n\n" . "some text\n" x 2000);
	$smtp->quit;
	return $reply;
}

sub drop_files {
	my ($p) = @_;
	return glob "$p->{dir}/spool/smtpd/{new,tmp}/*";
}

sub account_is_right {
	my ($load) = @_;
	my $account = $load->account;
	is_deeply $account->{$_}, [], "nothing $_" for qw(lost twice returned broken wrong);
	is_deeply $account->{sent_twice}, {}, 'nothing sent twice';
	ok $account->{acknowledged} > 0, "$account->{acknowledged} messages were acknowledged, $account->{refused} put off";
}

# The space that is left is looked at before a message is taken (09-9: 452 4.3.1): far from full already.
sub check_thresholds {
	my ($p) = @_;
	$p->set('smtp.disk-message' => 1_000_000_000_000);
	my $smtp = $p->smtp;
	$smtp->ehlo;
	is $smtp->cmd('MAIL FROM:<a@b.test>'), 452, 'MAIL below the threshold';
	like $smtp->last, qr/\A452 4\.3\.1 /, '4.3.1';
	$p->set('smtp.disk-message' => 0, 'smtp.disk-connect' => 1_000_000_000_000);
	like $p->smtp->greeting, qr/\A421 4\.3\.1 /, 'the greeting below its threshold';
	$p->set('smtp.disk-connect' => 0);
}

# Each is refused while there is no space. Daemons may free some at any moment (a log that ends, a journal that is
# emptied): what is taken then counts.
sub send_to_full {
	my ($p, $folder) = @_;
	my ($refused, $taken) = (0, 0);
	for (1 .. 50) {
		fill($folder);
		my $reply = send_large($p);
		like $reply, qr/\A(?:250 |452 4\.3\.1 )/, 'on a full disk: taken, or put off';
		$reply =~ /\A250/ ? $taken++ : $refused++;
		last if $refused == 5;
	}
	is $refused, 5, 'a full disk is told of';
	return $taken;
}

sub check_full {
	my ($p, $folder) = @_;
	like send_large($p), qr/\A250 /, 'as long as there is space';
	$p->wait_for(sub { !@{ $p->queue } }, 'delivered');
	my $taken = send_to_full($p, $folder);
	my $there = 1 + $taken;
	my @waiting = drop_files($p);
	cmp_ok scalar(@waiting), '<=', $taken, 'nothing half stays';
	my $pop3 = $p->pop3;
	like $pop3->login('anna', $users{anna}), qr/\A\+OK/, 'a mailbox can be read';
	ok length($pop3->retr(1) // '') > 20000, 'RETR';
	like $pop3->cmd('DELE 1'), qr/\A\+OK/, 'DELE';
	my $answer = $pop3->cmd('QUIT');
	like $answer, qr/\A(?:\+OK|-ERR \[SYS\/TEMP\])/, 'QUIT: the message is deleted, or cannot be at the moment';
	$there-- if $answer =~ /\A\+OK/;
	free_space($folder);
	like send_large($p), qr/\A250 /, 'when there is space again';
	$p->wait_for(sub { !@{ $p->queue } }, 'delivered');
	$pop3 = $p->pop3;
	$pop3->login('anna', $users{anna});
	my $count = ($pop3->stat)[0];
	is $count, $there + 1, 'what was taken is there, once; what was refused or deleted is not';
	$pop3->cmd("DELE $_") for 1 .. $count;
	$pop3->quit;
}

sub check_load {
	my ($p, $folder) = @_;
	my $load = Postroom::Load->new(p => $p, users => \%users, remote => 'remote.test', clients => 3);
	$p->set('sender.mx-port' => $load->remote_port);
	$load->start;
	for (1 .. 3) {
		sleep 0.4;
		fill($folder);
		sleep 0.8;
		free_space($folder);
	}
	$load->stop;
	$load->settle;
	account_is_right($load);
}

for my $kind ([tmpfs => \&mount_tmpfs], [ext4 => \&mount_ext4]) {
	my ($name, $mount) = @$kind;
	subtest "the instance on a full $name" => sub {
		my ($folder, $p) = start_on($mount, 'smtp.disk-connect' => 0, 'smtp.disk-message' => 0,
			'sender.retry' => '1', 'dns.servers' => $dns->address);
		subtest 'thresholds' => sub { check_thresholds($p) };
		subtest 'full' => sub { check_full($p, $folder) };
		subtest 'full again and again under load' => sub { check_load($p, $folder) };
		$p->stop;
		unmount_all();
	};
}

END {
	local $?;
	unmount_all();
}

done_testing;

package Postroom::Queued;

=head1 NAME

Postroom::Queued - many messages for other servers in the spool at once, without the time that SMTP takes

=head1 SYNOPSIS

    $p->stop_running;
    Postroom::Queued::fill($p, map { "user\@d$_.test" } 0 .. 999);    # one message for each address
    $p->run;
    Postroom::Queued::clear($p);                                    # also while it does not run: as if none had been

=head1 DESCRIPTION

The files are what smtpd would have put into its drop for a client of a network that may relay, with its token.

=cut

use strict;
use warnings;
use Digest::SHA qw(hmac_sha256_hex);
use Postroom::Process qw(read_file run_program);
use Time::HiRes qw(time);

sub token {
	my ($p) = @_;
	my $now = int time;
	return "smtpd:$now:" . hmac_sha256_hex("5:smtpd$now;4:smtp5:local0:", read_file($p->dir . '/etc/keys/relay-smtpd.key'));
}

sub fill {
	my ($p, @recipients) = @_;
	my $folder = $p->dir . '/spool/smtpd';
	my (undef, undef, undef, undef, $owner, $group) = stat "$folder/new" or die "$folder/new: $!\n";
	my $token = token($p);
	my $begin = int(time * 1_000_000);
	umask 027;
	for my $number (0 .. $#recipients) {
		my $time = $begin + $number;
		my $id = sprintf '%013x-smtpd-%08x', $time, $number;
		open my $file, '>', "$folder/tmp/$id" or die "$folder/tmp/$id: $!\n";
		print {$file} "id: $id\ntime: $time\nproducer: smtpd\nservice: smtp\nfrom: anna\@example.test\npeer: local\n",
			"token: $token\nto: <$recipients[$number]>\n\n", "Subject: test $number\r\n\r\n", "0123456789\r\n" x 20;
		close $file or die "$folder/tmp/$id: $!\n";
		chown $owner, $group, "$folder/tmp/$id" or die "$folder/tmp/$id: $!\n";
		rename "$folder/tmp/$id", "$folder/new/$id" or die "$folder/new/$id: $!\n";
	}
	return;
}

sub clear {
	my ($p) = @_;
	my $dir = $p->dir;
	unlink glob "$dir/spool/active/*";
	my ($status, undef, $err) = run_program({ timeout => 120 }, 'sqlite3', "$dir/state/queue/queue.db",
		map { "DELETE FROM $_;" } qw(message delivery past past_recipient sending));
	die "sqlite3: $err\n" if $status != 0;
	return;
}

1;

package Postroom::Peer;

=head1 NAME

Postroom::Peer - other mail servers, from Debian packages, in a temporary folder, for measuring against

=head1 SYNOPSIS

	my $postfix = Postroom::Peer->postfix(domain => 'example.test', user => 'anna', port => 20025);
	$postfix->{maildir}; ...
	$postfix->stop;
	my $dovecot = Postroom::Peer->dovecot(user => 'anna', password => 'x', port => 20110, maildir => $dir);

	my $folder = Postroom::Peer::journalled_folder(4096);    # megabytes

=head1 DESCRIPTION

C<journalled_folder> mounts an ext4 file system of its own, as Debian makes it, from an image file, so that a measurement
does not depend on what the machine has (ext4 without a journal allocates inodes slowly after many were deleted). As
anybody but root, or where loop devices are missing, it gives an ordinary temporary folder. It goes with the process.

=cut

use strict;
use warnings;
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use Postroom::Process qw(write_file);
use Time::HiRes qw(sleep);

sub wait_port {
	my ($port) = @_;
	for (1 .. 300) {
		return if IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port");
		sleep 0.1;
	}
	die "nothing listens on port $port\n";
}

# Postfix as it comes, taking mail for one domain into a Maildir by its virtual(8); an instance of its own.
sub postfix {
	my ($class, %options) = @_;
	my $dir = tempdir('postroom-postfix-XXXXXX', DIR => $options{parent} // '/var/tmp');
	chmod 0755, $dir;
	my $maildir = "$dir/mail/$options{user}";
	make_path("$dir/etc", "$dir/spool", "$dir/data", $maildir);
	system('chown', '-R', 'postfix', "$dir/data") == 0 or die;
	my ($uid, $gid) = (getpwnam 'nobody')[2, 3];
	system('chown', '-R', "$uid:$gid", "$dir/mail") == 0 or die;
	write_file("$dir/etc/main.cf", <<"END");
compatibility_level = 3.6
queue_directory = $dir/spool
data_directory = $dir/data
mail_owner = postfix
setgid_group = postdrop
myhostname = mail.$options{domain}
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
local_recipient_maps =
alias_maps =
maillog_file = /var/log/postroom-peer-postfix.log
virtual_mailbox_domains = $options{domain}
virtual_mailbox_base = $dir/mail
virtual_mailbox_maps = static:$options{user}/
virtual_uid_maps = static:$uid
virtual_gid_maps = static:$gid
virtual_minimum_uid = 1
END
	open my $in, '<', '/usr/share/postfix/master.cf.dist' or die "master.cf.dist: $!\n";
	my $master = join '', <$in>;
	$master =~ s/^smtp\s+inet.*smtpd$/127.0.0.1:$options{port} inet n - n - - smtpd/m;
	$master =~ s/^(\w\S*\s+\S+\s+\S+\s+\S+\s+)y(\s)/$1n$2/mg;    # no chroot
	write_file("$dir/etc/master.cf", $master);
	my $self = bless {dir => $dir, maildir => $maildir, port => $options{port}, kind => 'postfix'}, $class;
	$self->{out} = `postfix -c $dir/etc start 2>&1`;
	wait_port($options{port});
	return $self;
}

# Dovecot serving one user's Maildir by POP3 (and IMAP), with its recommended high-performance login service.
sub dovecot {
	my ($class, %options) = @_;
	my $dir = tempdir('postroom-dovecot-XXXXXX', DIR => $options{parent} // '/var/tmp');
	chmod 0755, $dir;
	my ($uid, $gid) = (getpwnam($options{owner} // 'nobody'))[2, 3];
	write_file("$dir/users", "$options{user}:{PLAIN}$options{password}:$uid:${gid}::$dir\n");
	write_file("$dir/dovecot.conf", <<"END");
base_dir = $dir/run
state_dir = $dir/state
log_path = $dir/log
protocols = pop3
ssl = no
disable_plaintext_auth = no
listen = 127.0.0.1
mail_location = maildir:$options{maildir}
first_valid_uid = 1
default_internal_user = dovecot
passdb {
  driver = passwd-file
  args = $dir/users
}
userdb {
  driver = passwd-file
  args = $dir/users
}
service pop3-login {
  inet_listener pop3 {
	port = $options{port}
  }
  inet_listener pop3s {
	port = 0
  }
  service_count = 0
}
END
	my $self = bless {dir => $dir, kind => 'dovecot'}, $class;
	system("dovecot -c $dir/dovecot.conf") == 0 or die "dovecot does not start\n";
	wait_port($options{port});
	return $self;
}

sub stop {
	my ($self) = @_;
	my $dir = delete $self->{dir} or return;
	system("postfix -c $dir/etc stop >/dev/null 2>&1") if $self->{kind} eq 'postfix';
	system("doveadm -c $dir/dovecot.conf stop >/dev/null 2>&1") if $self->{kind} eq 'dovecot';
	remove_tree($dir);
}

sub DESTROY { $_[0]->stop }

my @mounted;

sub journalled_folder {
	my ($megabytes) = @_;
	my $dir = tempdir('postroom-bench-XXXXXX', DIR => '/var/tmp');
	chmod 0755, $dir;
	return $dir if $> != 0;
	mkdir "$dir/mail";
	if (system("truncate -s ${megabytes}M $dir/image && mkfs.ext4 -q -F $dir/image && mount -o loop $dir/image $dir/mail") != 0) {
		print "# no loop device: measured on the file system of /var/tmp\n";
		return $dir;
	}
	push @mounted, $dir;
	return "$dir/mail";
}

END {
	for my $dir (@mounted) {
		system 'umount', '-l', "$dir/mail"; # a daemon may still be on its way out
		remove_tree($dir);
	}
}

1;

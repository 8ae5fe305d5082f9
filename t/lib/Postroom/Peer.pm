package Postroom::Peer;

=head1 NAME

Postroom::Peer - other mail servers, from Debian packages, in a temporary folder, for measuring against

=head1 SYNOPSIS

	my $postfix = Postroom::Peer->postfix(domain => 'example.test', user => 'anna', port => 20025);
	$postfix->{maildir}; ...
	$postfix->stop;
	my $dovecot = Postroom::Peer->dovecot(user => 'anna', password => 'x', port => 20110, maildir => $dir);
	my $dovecot = Postroom::Peer->dovecot(..., imap => 20143, imaps => 20993, login => 'secure');
	$dovecot->pids; $dovecot->imap(service => 'imaps');   # all its processes; a client (Postroom::Imap)

	my $folder = Postroom::Peer::journalled_folder(4096);    # megabytes

=head1 DESCRIPTION

C<journalled_folder> mounts an ext4 file system of its own, as Debian makes it, from an image file, so that a
measurement does not depend on what the machine has (ext4 without a journal allocates inodes slowly after many were
deleted). As anybody but root, or where loop devices are missing, it gives an ordinary temporary folder. It goes with
the process.

=cut

use strict;
use warnings;
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use Postroom::Imap;
use Postroom::Process qw(read_file write_file);
use Time::HiRes qw(sleep);

sub wait_port {
	my ($port) = @_;
	for (1 .. 300) {
		return if IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port");
		sleep 0.1;
	}
	die "nothing listens on port $port\n";
}

# Postfix as it comes, taking mail for one domain into a Maildir by its virtual(8); an instance of its own. extra: lines
# for its main.cf.
sub postfix {
	my ($class, %options) = @_;
	my $dir = tempdir('postroom-postfix-XXXXXX', DIR => $options{parent} // $Postroom::Process::SCRATCH);
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
@{[ $options{extra} // '' ]}
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

# A service of Dovecot's logins with its listeners; port 0: none. Its default is a process for each login ("secure"),
# its recommendation for many logins is one process for all ("performance").
sub login_service {
	my ($protocol, $login, $port, $tls_port) = @_;
	my ($count, $limit) = $login eq 'secure' ? (1, 5000) : (0, 100);
	return <<"END";
service $protocol-login {
  inet_listener $protocol {
	port = $port
  }
  inet_listener ${protocol}s {
	port = $tls_port
  }
  service_count = $count
  process_limit = $limit
}
service $protocol {
  process_limit = 5000
}
END
}

sub make_certificate {
	my ($dir) = @_;
	system("openssl req -x509 -newkey rsa:2048 -nodes -keyout $dir/key.pem -out $dir/cert.pem -days 30"
		. " -subj /CN=localhost 2>$dir/openssl.log") == 0 or die "openssl makes no certificate\n";
	return "ssl = yes\nssl_cert = <$dir/cert.pem\nssl_key = <$dir/key.pem\n";
}

# Dovecot serving one user's Maildir by POP3 (port) and IMAP (imap, imaps), else as it comes; limits that many sessions
# of one user would meet are lifted.
sub dovecot {
	my ($class, %options) = @_;
	my $dir = tempdir('postroom-dovecot-XXXXXX', DIR => $options{parent} // $Postroom::Process::SCRATCH);
	chmod 0755, $dir;
	my ($uid, $gid) = (getpwnam($options{owner} // 'nobody'))[2, 3];
	my $login = $options{login} // 'performance';
	my @services = ($options{port} ? login_service('pop3', $login, $options{port}, 0) : (),
		$options{imap} ? login_service('imap', $login, $options{imap}, $options{imaps} // 0) : ());
	my @protocols = (($options{port} ? 'pop3' : ()), ($options{imap} ? 'imap' : ()));
	my $tls = $options{imaps} ? make_certificate($dir) : "ssl = no\n";
	write_file("$dir/users", "$options{user}:{PLAIN}$options{password}:$uid:${gid}::$dir\n");
	write_file("$dir/dovecot.conf", <<"END");
base_dir = $dir/run
state_dir = $dir/state
log_path = $dir/log
protocols = @protocols
${tls}disable_plaintext_auth = no
listen = 127.0.0.1
mail_location = maildir:$options{maildir}
mail_max_userip_connections = 0
first_valid_uid = 1
default_internal_user = dovecot
default_client_limit = 20000
passdb {
  driver = passwd-file
  args = $dir/users
}
userdb {
  driver = passwd-file
  args = $dir/users
}
@services
END
	my $self = bless {dir => $dir, kind => 'dovecot', imap => $options{imap}, imaps => $options{imaps}}, $class;
	system("ulimit -n \$(ulimit -H -n); dovecot -c $dir/dovecot.conf") == 0 or die "dovecot does not start\n";
	wait_port($options{port} // $options{imap});
	return $self;
}

# All processes of the peer: its master and what descends from it.
sub pids {
	my ($self) = @_;
	my $file = $self->{kind} eq 'postfix' ? 'spool/pid/master.pid' : 'run/master.pid';
	my ($master) = (read_file("$self->{dir}/$file") // '') =~ /(\d+)/ or return;
	my %parent = map { /\A(\d+) \(.*\) \S (\d+)/s ? ($1 => $2) : () } map { read_file($_) // '' }
		glob '/proc/[0-9]*/stat';
	return ($master, grep { $parent{$_} == $master } keys %parent);
}

sub imap {
	my ($self, %options) = @_;
	my $service = delete $options{service} // 'imap';
	return Postroom::Imap->connect(port => $self->{$service}, tls => $service eq 'imaps', %options);
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

#!/usr/bin/perl
# Containment, tried in the real processes: gdb makes each do what one that was taken over would try. What is not its
# business must be refused, and it must go on working afterwards. As root with the real users, then again as one user,
# where nothing but the sandbox separates.
use strict;
use warnings;
use lib 't/lib';
use Fcntl;
use File::Temp;
use POSIX qw(EACCES EAFNOSUPPORT EINVAL ENOSYS EPERM ESPIPE EXDEV SIGCHLD SIGCONT SIGSTOP SIGTERM);
use Postroom::Connection;
use Postroom::Hijack qw(call_number constant hijack need_hijack);
use Postroom::Pop3Server;
use Postroom::Process qw(read_file run_program spawn_program wait_until write_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Socket qw(AF_INET AF_INET6 AF_UNIX SOCK_DGRAM SOCK_RAW SOCK_SEQPACKET SOCK_STREAM inet_aton pack_sockaddr_in
	pack_sockaddr_un);
use Test::More;

need_hijack();
{
	my $create_ruleset = call_number('landlock_create_ruleset');
	plan(skip_all => 'needs a kernel with Landlock')
		if !defined $create_ruleset || syscall($create_ruleset, 0, 0, constant('linux/landlock.h', 'LANDLOCK_CREATE_RULESET_VERSION')) < 2;
}

use constant {
	AT_FDCWD      => -100,
	AT_EMPTY_PATH => 0x1000,
	AF_NETLINK    => 16,
	AF_PACKET     => 17,
	AF_ALG        => 38,
	AF_VSOCK      => 40,
	LOG_FD        => 2,
	NEW_USER      => 0x10000000, # CLONE_NEWUSER
	X32           => 0x40000000, # the bit of system calls of the x32 kind
};

my $O_TMPFILE = constant('fcntl.h', 'O_TMPFILE');
my $TEXT = "Subject: contained\n\nbody\n";
my $may_answer = File::Temp->newdir;
my $remote = Postroom::SmtpServer->start(replies => {
	CONNECT => sub { wait_until(sub { -e "$may_answer/now" }, 'the greeting may come', 300); return '220 hello' },
});
my $lan = Postroom::SmtpServer->start(replies => {
	CONNECT => sub { wait_until(sub { -e "$may_answer/lan" }, 'the greeting may come', 300); return '220 hello' },
});
my $p = Postroom::Test->start(
	users    => { map { $_ => "$_-secret" } qw(anna bert) },
	mappings => [['away' => 'someone@remote.test']],
	set      => { 'smtp.dkim' => 'on' },
);
my $dir = $p->dir;
my $separate = $> == 0;

# The message that waits for a remote server, and the sender's session with it.
$p->postroom_ok(qw(dkim add example.test key1 --type ed25519));
$p->postroom_ok('sender', 'set', 'default', '--method', 'relay', '--servers', $remote->address, '--encryption', 'none');

sub send_to {
	my ($smtp, $user) = @_;
	return $smtp->send_message('sender@example.test', ["$user\@example.test"], $TEXT);
}

sub deliver_message {
	my ($user) = @_;
	my $before = message_files($user);
	like send_to($p->smtp, $user), qr/\A250/, "a message for $user is taken";
	wait_until(sub { message_files($user) > $before }, "$user has it");
	pass 'and delivered';
	return;
}

sub mailbox_of {
	my ($name) = @_;
	my ($user) = grep { $_->{name} eq $name } @{ $p->postroom_json('user', 'list') };
	return sprintf '%s/state/mail/%02d/%d', $dir, $user->{uid} % 100, $user->{uid};
}

my %mailbox = map { $_ => mailbox_of($_) } qw(anna bert);

sub message_files {
	my ($user) = @_;
	my @files = glob "$mailbox{$user}/msg/*/*/*";
	return @files;
}

# A process of the same user that has nothing to do with it: what would be signalled and traced.
my %victims;

sub victim_of {
	my ($program) = @_;
	my $user = $separate ? (getpwuid((stat "/proc/" . $p->main_pid($program))[4]))[0] : 'all';
	return $victims{$user} //= spawn_program({ user => $user }, 'sleep', 600);
}

deliver_message($_) for qw(anna bert);
like send_to($p->smtp, 'away'), qr/\A250/, 'a message for a remote server';
wait_until(sub { my @pids = $p->pids('sender'); @pids > 1 }, 'a session of the sender');
# The delivered ones go from there after their delivery.
my ($waiting) = wait_until(sub { my @ids = glob "$dir/spool/active/*"; @ids == 1 ? \@ids : undef }, 'it is in the queue')->[0];

# The one for a server of the LAN, and lfwd's session with it.
$p->postroom_ok('lan-rule', 'add', '--address', '*@corp.test', '--server', $lan->address);
like $p->smtp->send_message('sender@example.test', ['someone@corp.test'], $TEXT), qr/\A250/, 'a message for the LAN';
wait_until(sub { my @pids = $p->pids('lfwd'); @pids > 1 }, 'a session of lfwd');

my $queue_manager = $p->main_pid('queue-manager');
kill SIGSTOP, $queue_manager;
like send_to($p->smtp, 'bert'), qr/\A250/, 'a message that stays in the drop';
my ($dropped) = glob "$dir/spool/smtpd/new/*";

# Older snapshots go when settings change, so it is looked for again before each use.
sub newest_settings {
	my ($newest) = sort { $b <=> $a } map { m{/(\d+)\.db\z} } glob "$dir/state/settings/*.db";
	return "$dir/state/settings/$newest.db";
}

my %FILES = (
	'another mailbox'     => "$mailbox{bert}/index.db",
	'a message of it'     => (message_files('bert'))[0],
	'auth.db'             => "$dir/state/auth/auth.db",
	'secrets.db'          => "$dir/state/auth/secrets.db",
	'config.db'           => "$dir/state/config/config.db",
	'the settings'        => newest_settings(),
	'queue.db'            => "$dir/state/queue/queue.db",
	'what clients did'    => "$dir/state/policy/policy.db",
	'the history'         => "$dir/state/history/log.db",
	"authd's key"         => "$dir/etc/keys/relay-authd.key",
	"smtpd's key"         => "$dir/etc/keys/relay-smtpd.key",
	'the key of secrets'  => "$dir/etc/keys/secrets.key",
	'the TLS key'         => "$dir/etc/tls/key.pem",
	'a key of DKIM'       => "$dir/etc/dkim/domainkey_example.test_key1.key",
	'the conf file'       => "$dir/etc/postroom.conf",
	"another's message"   => $dropped,
	'a message in active' => $waiting,
	'the log'             => $p->log_path,
	'the status'          => "$dir/run/status",
);
my @FOLDERS = ($mailbox{bert}, "$mailbox{bert}/msg", '/etc', '/tmp', '/var/tmp', map { "$dir/$_" } qw(etc etc/keys log run
	run/authd spool spool/active spool/corrupt spool/queue-manager/new spool/smtpd/new spool/smtpd/tmp state state/auth
	state/config state/policy state/history state/mail state/queue state/settings));

# Attempts: [what it is, the call]. First those that no profile allows, wherever the file is.
sub metadata_attempts {
	my ($name, $path) = @_;
	return (
		["truncate $name", 'truncate', $path, 0],
		["chmod $name", 'chmod', $path, 0666],
		["fchmodat $name", 'fchmodat', AT_FDCWD, $path, 0666],
		["chown $name", 'chown', $path, $>, -1],
		["fchownat $name", 'fchownat', AT_FDCWD, $path, $>, -1, 0],
		["utimensat $name", 'utimensat', AT_FDCWD, $path, 0, 0],
		["setxattr $name", 'setxattr', $path, 'user.x', 'y', 1, 0],
		["removexattr $name", 'removexattr', $path, 'user.x'],
	);
}

sub reading_attempts {
	my ($name, $path) = @_;
	return (
		["open $name", 'open', $path, O_RDONLY],
		["openat $name", 'openat', AT_FDCWD, $path, O_RDONLY],
		["openat2 $name", 'openat2', AT_FDCWD, $path, \pack('Q3', O_RDONLY, 0, 0), 24],
		["open $name by way of the root folder of a process", 'openat', AT_FDCWD, "/proc/self/root$path", O_RDONLY],
	);
}

sub writing_attempts {
	my ($name, $path) = @_;
	return (
		["open $name for writing", 'openat', AT_FDCWD, $path, O_WRONLY],
		["open $name for appending", 'openat', AT_FDCWD, $path, O_RDWR | O_APPEND],
		["open $name, truncating", 'openat', AT_FDCWD, $path, O_RDONLY | O_TRUNC],
		["create $name over it", 'creat', $path, 0644],
		["rename $name", 'rename', $path, "$path.x"],
		["rename $name to another folder", 'renameat2', AT_FDCWD, $path, AT_FDCWD, "$dir/spool/smtpd/tmp/x", 0],
		["remove $name", 'unlink', $path],
		["unlinkat $name", 'unlinkat', AT_FDCWD, $path, 0],
		["link $name into a folder of its own", 'linkat', AT_FDCWD, $path, AT_FDCWD, "$dir/spool/smtpd/tmp/x", 0],
	);
}

sub folder_attempts {
	my ($folder, $mine, $readable) = @_;
	my $path = "$folder/planted";
	return (
		["symbolic link in $folder", 'symlink', '/etc/passwd', $path],
		["FIFO in $folder", 'mknod', $path, constant('sys/stat.h', 'S_IFIFO') | 0644, 0],
		["socket in $folder", 'mknodat', AT_FDCWD, $path, constant('sys/stat.h', 'S_IFSOCK') | 0644, 0],
		$mine ? () : (
			$readable ? () : ["list $folder", 'openat', AT_FDCWD, $folder, O_RDONLY | O_DIRECTORY],
			["make a file in $folder", 'openat', AT_FDCWD, $path, O_WRONLY | O_CREAT | O_EXCL, 0644],
			["unnamed file in $folder", 'openat', AT_FDCWD, $folder, O_WRONLY | $O_TMPFILE, 0644],
			["make a folder in $folder", 'mkdir', $path, 0755],
			["rename $folder", 'rename', $folder, "$folder.x"],
			["remove $folder", 'rmdir', $folder],
		),
	);
}

my $ADDRESS = \pack_sockaddr_in(25, inet_aton('127.0.0.1'));

sub socket_attempts {
	my (%may) = @_;
	my @attempts = (
		['a socket of the kernel', 'socket', AF_NETLINK, SOCK_RAW, 0],
		['a socket for packets', 'socket', AF_PACKET, SOCK_RAW, 0],
		['a socket for cryptography', 'socket', AF_ALG, SOCK_SEQPACKET, 0],
		['a socket to the host of a virtual machine', 'socket', AF_VSOCK, SOCK_STREAM, 0],
		['a pair of datagram sockets', 'socketpair', AF_UNIX, SOCK_DGRAM, 0, \("\0" x 8)],
		['listening', 'listen', LOG_FD, 5],
	);
	push @attempts, ['accepting', 'accept', LOG_FD, 0, 0], ['accepting', 'accept4', LOG_FD, 0, 0, 0] if !$may{accept};
	push @attempts,
		['a TCP socket', 'socket', AF_INET, SOCK_STREAM, 0],
		['a UDP socket', 'socket', AF_INET, SOCK_DGRAM, 0],
		['a TCP socket of IPv6', 'socket', AF_INET6, SOCK_STREAM, 0],
		['a TCP socket, with more bits in the register', 'socket', AF_INET | 1 << 32, SOCK_STREAM, 0],
		['binding', 'bind', LOG_FD, $ADDRESS, 16] if !$may{connect};
	push @attempts, ['a Unix socket', 'socket', AF_UNIX, SOCK_STREAM, 0], ['a Unix datagram socket', 'socket', AF_UNIX, SOCK_DGRAM, 0]
		if !$may{unix};
	push @attempts, ['connecting', 'connect', LOG_FD, $ADDRESS, 16] if !$may{connect} && !$may{unix};
	return @attempts;
}

# A caller of others may ask those who know it, by its own sockets: with separate users no other is open to it.
sub channel_attempts {
	my ($program) = @_;
	return map {
		my ($callee, $caller) = m{run/([^/]+)/([^/]+)\.sock\z};
		$caller eq $program ? () : (
			["the way to $callee", 'socket', AF_UNIX, SOCK_SEQPACKET, 0],
			["asking $callee as $caller", 'connect', [-1], \pack_sockaddr_un($_), 110],
		);
	} grep { !m{/local\.sock\z} } glob "$dir/run/*/*.sock";
}

sub process_attempts {
	my ($victim, %may) = @_;
	my $vector = \pack('QQ', 0, 0);
	# Who may signal its children signals by "all" and by "its group" itself and these; a descriptor of a process tells nothing.
	my @own = (['pidfd_open', 'pidfd_open', $victim, 0], ['pidfd_send_signal', 'pidfd_send_signal', LOG_FD, 0, 0, 0],
		['a signal to all', 'kill', -1, 0], ['a signal to its group', 'kill', 0, 0]);
	return (
		$may{signal} ? () : @own,
		['signal 0 to another', 'kill', $victim, 0],
		['SIGTERM to another', 'kill', $victim, SIGTERM],
		['a signal to the supervisor', 'kill', $p->{pid}, SIGCONT],
		['tkill', 'tkill', $victim, 0],
		['tgkill', 'tgkill', $victim, $victim, 0],
		['rt_sigqueueinfo', 'rt_sigqueueinfo', $victim, 0, \("\0" x 128)],
		['pidfd_getfd', 'pidfd_getfd', LOG_FD, 0, 0],
		['ptrace, attaching', 'ptrace', 16, $victim, 0, 0],
		['ptrace, seizing', 'ptrace', 0x4206, $victim, 0, 0],
		['process_vm_readv', 'process_vm_readv', $victim, $vector, 1, $vector, 1, 0],
		['process_vm_writev', 'process_vm_writev', $victim, $vector, 1, $vector, 1, 0],
		['kcmp', 'kcmp', $victim, $victim, 0, 0, 0],
		['prlimit64 of another', 'prlimit64', $victim, 7, 0, \("\0" x 16)],
		['get_robust_list of another', 'get_robust_list', $victim, \("\0" x 8), \("\0" x 8)],
		['setpriority', 'setpriority', 0, $victim, 5],
		['setpriority of a group', 'setpriority', 1, 0, 5],
		['setpriority of all of a user', 'setpriority', 2, 0, 5],
		['sched_setaffinity', 'sched_setaffinity', $victim, 8, \pack('Q', 1)],
		['move_pages', 'move_pages', $victim, 0, 0, 0, 0, 0],
		['process_madvise', 'process_madvise', LOG_FD, $vector, 1, 4, 0],
		['memory of another', 'openat', AT_FDCWD, "/proc/$victim/mem", O_RDWR],
		['the map of another', 'openat', AT_FDCWD, "/proc/$victim/maps", O_RDONLY],
		['environment of the supervisor', 'openat', AT_FDCWD, "/proc/$p->{pid}/environ", O_RDONLY],
		['the log by way of the supervisor', 'openat', AT_FDCWD, "/proc/$p->{pid}/fd/2", O_WRONLY],
		['what others log', 'openat', AT_FDCWD, '/proc/self/fd/2', O_RDONLY],
		['setns', 'setns', LOG_FD, 0],
		['unshare', 'unshare', NEW_USER],
		['clone into a namespace', 'clone', NEW_USER | SIGCHLD, 0, 0, 0, 0],
		['clone3', 'clone3', \pack('Q11', (0) x 4, SIGCHLD, (0) x 6), 88],
		['shared memory', 'shmget', 0x1234, 4096, 01666],
		['a message queue', 'msgget', 0x1234, 01666],
		['a named message queue', 'mq_open', 'planted', O_RDWR | O_CREAT, 0666, 0],
		['a semaphore', 'semget', 0x1234, 1, 01666],
	);
}

my @FORKING = (['fork', 'fork'], ['vfork', 'vfork'], ['clone', 'clone', SIGCHLD, 0, 0, 0, 0]);

my @PROGRAMS = (
	['execve', 'execve', '/bin/sh', 0, 0],
	['execveat', 'execveat', AT_FDCWD, '/bin/sh', 0, 0, 0],
	['execveat of itself', 'execveat', AT_FDCWD, '/proc/self/exe', 0, 0, 0],
	['execveat of a descriptor', 'execveat', LOG_FD, '', 0, 0, AT_EMPTY_PATH],
);

my @PRIVILEGES = (
	['setuid', 'setuid', 0],
	['setgid', 'setgid', 0],
	['setresuid', 'setresuid', 0, 0, 0],
	['setgroups', 'setgroups', 0, 0],
	['setfsuid', 'setfsuid', 0],
	['capset', 'capset', \pack('LL', 0x20080522, 0), \("\0" x 24)],
	['chroot', 'chroot', '/'],
	['pivot_root', 'pivot_root', '/', '/'],
	['mount', 'mount', 'none', '/tmp', 'tmpfs', 0, 0],
	['umount2', 'umount2', '/tmp', 2],
	['open_tree', 'open_tree', AT_FDCWD, '/', 1],
	['fsopen', 'fsopen', 'tmpfs', 0],
	['move_mount', 'move_mount', AT_FDCWD, '/', AT_FDCWD, '/', 0],
	['mount_setattr', 'mount_setattr', AT_FDCWD, '/', 0, \("\0" x 32), 32],
	['becoming traceable', 'prctl', constant('sys/prctl.h', 'PR_SET_DUMPABLE'), 1, 0, 0, 0],
	['naming a tracer', 'prctl', constant('sys/prctl.h', 'PR_SET_PTRACER'), -1, 0, 0, 0],
	['outliving its parent', 'prctl', constant('sys/prctl.h', 'PR_SET_PDEATHSIG'), 0, 0, 0, 0],
	['prctl with more bits in the register', 'prctl', constant('sys/prctl.h', 'PR_SET_DUMPABLE') | 1 << 32, 1, 0, 0, 0],
	['securebits', 'prctl', constant('sys/prctl.h', 'PR_SET_SECUREBITS'), 0, 0, 0, 0],
	['changing its memory map', 'prctl', constant('sys/prctl.h', 'PR_SET_MM'), 1, 0, 0, 0],
	['personality', 'personality', 0x0400000],
	['a rule for a sandbox', 'landlock_add_rule', -1, 1, \pack('Ql', 1, 0), 0],
);

my @KERNEL = (
	['io_uring_setup', 'io_uring_setup', 8, \("\0" x 120)],
	['io_setup', 'io_setup', 8, \("\0" x 8)],
	['bpf', 'bpf', 0, \("\0" x 72), 72],
	['perf_event_open', 'perf_event_open', \pack('LL', 1, 112), 0, -1, -1, 0],
	['userfaultfd', 'userfaultfd', 1],
	['keyctl', 'keyctl', 0, -1, 0],
	['add_key', 'add_key', 'user', 'x', 'y', 1, -2],
	['request_key', 'request_key', 'user', 'x', 0, -2],
	['name_to_handle_at', 'name_to_handle_at', AT_FDCWD, '/', \("\0" x 136), \("\0" x 8), 0],
	['open_by_handle_at', 'open_by_handle_at', AT_FDCWD, \("\0" x 136), O_RDONLY],
	['fanotify_init', 'fanotify_init', 0, 0],
	['quotactl', 'quotactl', 0, 0, 0, 0],
	['reboot', 'reboot', 0, 0, 0, 0],
	['kexec_load', 'kexec_load', 0, 0, 0, 0],
	['init_module', 'init_module', 0, 0, 0],
	['finit_module', 'finit_module', LOG_FD, '', 0],
	['delete_module', 'delete_module', 'none', 0],
	['swapon', 'swapon', '/none', 0],
	['settimeofday', 'settimeofday', 0, 0],
	['clock_settime', 'clock_settime', 0, \pack('qq', 0, 0)],
	['sethostname', 'sethostname', 'taken', 5],
	['syslog', 'syslog', 3, \("\0" x 64), 64],
	['vmsplice', 'vmsplice', LOG_FD, 0, 0, 0],
	['typing into a terminal', 'ioctl', LOG_FD, constant('sys/ioctl.h', 'TIOCSTI'), 'x'],
	['file attributes', 'ioctl', LOG_FD, constant('linux/fs.h', 'FS_IOC_SETFLAGS'), \("\0" x 8)],
	['signals by a descriptor', 'fcntl', LOG_FD, constant('fcntl.h', 'F_SETOWN'), $$],
	['a lease', 'fcntl', LOG_FD, constant('fcntl.h', 'F_SETLEASE'), constant('fcntl.h', 'F_RDLCK')],
	['a system call of the x32 kind', X32 | call_number('openat'), AT_FDCWD, '/etc/passwd', O_RDONLY],
	['a system call that is not known yet', 1000],
);

my @OWN_DESCRIPTORS = (
	['ftruncate', 'ftruncate', LOG_FD, 0],
	['fallocate', 'fallocate', LOG_FD, 3, 0, 10],
	['fchmod', 'fchmod', LOG_FD, 0666],
	['fchown', 'fchown', LOG_FD, $>, -1],
);

my %IS_REFUSAL = map { $_ => 1 } EACCES, EPERM, ENOSYS;

sub is_refusal {
	my ($call, $result) = @_;
	return 1 if $IS_REFUSAL{ $result->{errno} };
	return 1 if $call eq 'socket' && $result->{errno} == EAFNOSUPPORT;
	return $call =~ /\A(?:link|rename)/ && $result->{errno} == EXDEV; # as Landlock says it
}

# Groups of attempts, all made while gdb is attached once: name => [attempts].
sub refused {
	my ($pid, @groups) = @_;
	my @all = map { ref ? @$_ : () } @groups;
	my @results = hijack($pid, map { [@$_[1 .. $#$_]] } @all);
	while (my ($what, $attempts) = splice @groups, 0, 2) {
		my @wrong;
		for my $attempt (@$attempts) {
			my $result = shift @results;
			next if is_refusal($attempt->[1], $result) || $attempt->[0] =~ /\Athe way to /;
			push @wrong, "$attempt->[0]: $result->{value}, errno $result->{errno}";
		}
		ok !@wrong, "refused: $what, " . @$attempts . ' attempts';
		diag $_ for @wrong;
	}
	return;
}

sub allowed {
	my ($pid, @attempts) = @_;
	my @results = hijack($pid, map { [@$_[1 .. $#$_]] } @attempts);
	for my $index (0 .. $#attempts) {
		ok $results[$index]{value} >= 0, "allowed: $attempts[$index][0]" or diag "errno $results[$index]{errno}";
	}
	return;
}

# Everything is refused but what is its own: paths, settings to read, rights.
sub contained {
	my ($pid, $program, %is) = @_;
	my %may = map { $_ => 1 } @{ $is{may} // [] };
	my $is_own = sub { my ($path) = @_; return defined $is{own} && $path =~ /\A\Q$dir\E\/(?:$is{own})/ };
	$FILES{'the settings'} = newest_settings();
	my @names = sort keys %FILES;
	my @foreign = grep { !$is_own->($FILES{$_}) } @names;
	my @unreadable = grep { $_ ne 'the settings' || !$is{settings} } @foreign;

	refused($pid,
		'reading files' => [map { reading_attempts($_, $FILES{$_}) } @unreadable],
		'reading the system' => [map { reading_attempts($_, $_) } qw(/etc/passwd /etc/shadow /proc/1/environ)],
		'changing files' => [map { writing_attempts($_, $FILES{$_}) } @foreign],
		'changing what is about files' => [map { metadata_attempts($_, $FILES{$_}) } @names],
		'folders' => [map { folder_attempts($_, $is_own->($_), $is{settings} && $_ eq "$dir/state/settings") } @FOLDERS],
		'the network' => [socket_attempts(%may)],
		'other processes' => [process_attempts(victim_of($program), %may), $may{fork} ? () : @FORKING],
		'programs' => \@PROGRAMS,
		'privileges' => \@PRIVILEGES,
		'the kernel' => \@KERNEL,
		$may{truncate} ? () : ('its descriptors' => \@OWN_DESCRIPTORS),
		$may{unix} && $separate ? ("others' sockets" => [channel_attempts($program)]) : (),
		@{ $is{also} // [] },
	);
	if ($may{truncate}) { # of files of its own, but what it logs to is none
		my @results = hijack($pid, ['ftruncate', LOG_FD, 0], ['fallocate', LOG_FD, 3, 0, 10], ['lseek', LOG_FD, 0, 0]);
		is_deeply [map { $_->{errno} } @results], [EINVAL, ESPIPE, ESPIPE], 'the log has no beginning to cut or write over';
	}
	# Scripts are read by the sessions that run them; their folder is the sandbox's.
	my @open = grep { m{\A\Q$dir\E/(?:etc(?!/scripts\z)|state/(?:mail|auth|config|queue))/} && !$is_own->($_) && $_ !~ /\A\Q$mailbox{anna}\E/ }
		map { readlink($_) // '' } glob "/proc/$pid/fd/*";
	ok !@open, 'nothing else is open' or diag "@open";
	return;
}

# The process of a session that this begins.
sub session_of {
	my ($daemon, $begin) = @_;
	my %before = map { $_ => 1 } $p->pids($daemon);
	my $client = $begin->();
	my ($pid) = wait_until(sub { my @new = grep { !$before{$_} } $p->pids($daemon); @new ? \@new : undef }, "a session of $daemon")->[0];
	return ($pid, $client);
}

subtest 'a process of the same user without a sandbox can do what is refused below' => sub {
	allowed(victim_of('pop3d'),
		['reading another mailbox', 'openat', AT_FDCWD, $FILES{'another mailbox'}, O_RDONLY],
		['changing it', 'openat', AT_FDCWD, $FILES{'another mailbox'}, O_WRONLY],
		['a symbolic link in it', 'symlink', '/etc/passwd', "$mailbox{bert}/planted"],
		['removing that', 'unlink', "$mailbox{bert}/planted"],
		['reading the system', 'openat', AT_FDCWD, '/etc/passwd', O_RDONLY],
		['a TCP socket', 'socket', AF_INET, SOCK_STREAM, 0],
		['a signal to a daemon', 'kill', $p->main_pid('pop3d'), 0],
		['becoming traceable', 'prctl', constant('sys/prctl.h', 'PR_SET_DUMPABLE'), 1, 0, 0, 0]);
};

subtest 'pop3-login before anything was said' => sub {
	my ($pid, $pop3) = session_of('pop3-login', sub { $p->pop3 });
	contained($pid, 'pop3-login');
	like $pop3->login('anna', 'anna-secret'), qr/\A\+OK/, 'the session goes on';
	$pop3->quit;
};

subtest 'pop3-login under TLS' => sub {
	my ($pid, $pop3) = session_of('pop3-login', sub { my $pop3 = $p->pop3; $pop3->stls; $pop3->cmd('USER anna'); $pop3 });
	contained($pid, 'pop3-login');
	like $pop3->cmd('PASS anna-secret'), qr/\A\+OK/, 'the session goes on';
	contained($pid, 'pop3-login');
	like $pop3->retr(1), qr/contained/, 'also with the mailbox behind it';
	$pop3->quit;
};

subtest 'imap-login before anything was said, and under TLS with a mailbox behind it' => sub {
	my ($pid, $imap) = session_of('imap-login', sub { $p->imap });
	contained($pid, 'imap-login');
	is $imap->login('anna', 'anna-secret')->{type}, 'OK', 'the session goes on';
	$imap->logout;
	($pid, $imap) = session_of('imap-login', sub { $p->imap(service => 'imaps') });
	$imap->login('anna', 'anna-secret');
	contained($pid, 'imap-login');
	is $imap->select('INBOX')->{exists}, scalar(my @files = message_files('anna')), 'also after the login';
	$imap->logout;
};

# What is asked of the web on an open connection; the status of the answer, whose body is left.
sub ask_web {
	my ($client, $path) = @_;
	$client->send_raw("GET $path HTTP/1.1\r\nHost: x\r\n\r\n");
	my ($status) = ($client->line // '') =~ m{\AHTTP/1\.1 (\d+)};
	my $length = 0;
	while (defined(my $line = $client->line)) {
		last if $line eq '';
		$length = $1 if $line =~ /\AContent-Length: (\d+)/;
	}
	while ($length > 0) { $length -= 1 + length $client->line }
	return $status;
}

subtest 'webadmin, and who carries TLS for it' => sub {
	$p->set('web.timeout' => 3600);
	my ($pid, $client) = session_of('webadmin', sub { my $client = Postroom::Connection->connect(port => $p->port('web')); ask_web($client, '/login'); $client });
	contained($pid, 'webadmin', settings => 1);
	allowed($pid, ['a file without a name', 'openat', AT_FDCWD, "$dir/state/web", O_RDWR | $O_TMPFILE, 0600]);
	is ask_web($client, '/login'), 200, 'the session goes on';
	$client->close;
	wait_until(sub { my @pids = $p->pids('webadmin'); @pids == 1 }, 'it ends');
	$client = Postroom::Connection->connect(port => $p->port('web'), tls => 1);
	is ask_web($client, '/login'), 200, 'under TLS';
	my ($parser, $carrier) = sort { $a <=> $b } grep { $_ != $p->main_pid('webadmin') } $p->pids('webadmin');
	contained($parser, 'webadmin', settings => 1);
	contained($carrier, 'webadmin');
	is ask_web($client, '/login'), 200, 'that goes on, too';
	$client->close;
};

subtest 'imapd after the login' => sub {
	my ($pid, $imap) = session_of('imapd', sub { my $imap = $p->imap; $imap->login('anna', 'anna-secret'); $imap->select('INBOX'); $imap });
	contained($pid, 'imapd', may => ['truncate', 'fork']);
	my ($message) = message_files('anna');
	allowed($pid,
		['its own mailbox', 'openat', AT_FDCWD, "$mailbox{anna}/index.db", O_RDWR],
		['a message of its own', 'openat', AT_FDCWD, $message, O_RDONLY]);
	like $imap->fetch(1, '(BODY.PEEK[])')->{1}{'BODY[]'}, qr/contained/, 'the session goes on';
	is $imap->logout->{type}, 'OK', 'to its end';
};

# Anna's session, and the one in Bert's mailbox that serves her: each has its own mailbox alone.
subtest 'imapd with a folder of another user, and the session there' => sub {
	my $bert = $p->imap;
	$bert->login('bert', 'bert-secret');
	is $bert->cmd('SETACL INBOX anna lr')->{type}, 'OK', 'Bert shares his INBOX';
	my ($pid, $imap) = session_of('imapd', sub { my $imap = $p->imap; $imap->login('anna', 'anna-secret'); $imap });
	my ($there) = session_of('imapd', sub { $imap->select('#users/bert/INBOX') });
	contained($pid, 'imapd', may => ['truncate', 'fork']);
	allowed($pid, ['its own mailbox', 'openat', AT_FDCWD, "$mailbox{anna}/index.db", O_RDWR]);
	contained($there, 'imapd', may => ['truncate', 'fork'], own => substr($mailbox{bert}, 1 + length $dir), also => ["the guest's mailbox" => [
		map { (reading_attempts(@$_), writing_attempts(@$_)) } ['its index', "$mailbox{anna}/index.db"], ['a message', (message_files('anna'))[0]],
	]]);
	allowed($there, ['its own mailbox', 'openat', AT_FDCWD, "$mailbox{bert}/index.db", O_RDWR]);
	like $imap->fetch(1, '(BODY.PEEK[])')->{1}{'BODY[]'}, qr/contained/, 'both sessions go on';
	is $bert->cmd('DELETEACL INBOX anna')->{type}, 'OK', 'until it is shared no more';
	$imap->cmd('NOOP');
	like $imap->bye, qr/not shared any more/, 'which ends them';
};

subtest 'pop3d after the login' => sub {
	my ($pid, $pop3) = session_of('pop3d', sub { my $pop3 = $p->pop3; $pop3->login('anna', 'anna-secret'); $pop3 });
	contained($pid, 'pop3d', may => ['truncate']);
	my ($message) = message_files('anna');
	allowed($pid,
		['its own mailbox', 'openat', AT_FDCWD, "$mailbox{anna}/index.db", O_RDWR],
		['a message of its own', 'openat', AT_FDCWD, $message, O_RDONLY]);
	like $pop3->retr(1), qr/contained/, 'the session goes on';
	is $pop3->quit, '+OK signing off', 'to its end';
};

sub smtp_session {
	my ($what, $begin) = @_;
	subtest "smtpd $what" => sub {
		my ($pid, $smtp) = session_of('smtpd', $begin);
		my $new = "$dir/spool/smtpd/new";
		contained($pid, 'smtpd', own => 'spool/smtpd/(?:new|tmp)\z', settings => 1, also => ['the folder of its messages' => [
			['listing it', 'openat', AT_FDCWD, $new, O_RDONLY | O_DIRECTORY],
			['a folder in it', 'mkdir', "$new/planted", 0755],
			['listing what it holds', 'getdents64', LOG_FD, \("\0" x 64), 64],
		]]);
		allowed($pid,
			['an unnamed file', 'openat', AT_FDCWD, $new, O_WRONLY | $O_TMPFILE, 0640],
			['the settings', 'openat', AT_FDCWD, $FILES{'the settings'}, O_RDONLY]);
		like send_to($smtp, 'anna'), qr/\A250/, 'the session goes on';
		is $smtp->cmd('QUIT'), 221, 'to its end';
	};
	return;
}

smtp_session('on port 25', sub { $p->smtp });
smtp_session('for submission, after the login', sub {
	my $smtp = $p->smtp(service => 'submission');
	$smtp->ehlo;
	$smtp->starttls;
	$smtp->ehlo;
	is $smtp->auth('PLAIN', 'anna', 'anna-secret'), 235, 'logged in' or diag $smtp->last;
	return $smtp;
});
smtp_session('under TLS from the start', sub { $p->smtp(service => 'smtps') });

subtest 'sender' => sub {
	my ($pid) = grep { $_ != $p->main_pid('sender') } $p->pids('sender');
	contained($pid, 'sender', may => ['connect'], settings => 1);
	allowed($pid, ['a TCP socket', 'socket', AF_INET, SOCK_STREAM, 0]);
	write_file("$may_answer/now", '');
	my ($message) = $remote->wait_messages(1);
	like $message->{data}, qr/contained/, 'the session goes on';
};

subtest 'lfwd' => sub {
	my ($pid) = grep { $_ != $p->main_pid('lfwd') } $p->pids('lfwd');
	contained($pid, 'lfwd', may => ['connect'], settings => 1);
	allowed($pid, ['a TCP socket', 'socket', AF_INET, SOCK_STREAM, 0]);
	write_file("$may_answer/lan", '');
	my ($message) = $lan->wait_messages(1);
	like $message->{data}, qr/contained/, 'the session goes on';
};

subtest 'signer: who reads messages, and who has the keys' => sub {
	my ($main, $processes) = ($p->main_pid('signer'), $p->processes);
	my ($reader) = grep { $processes->{$_}[1] == $main } $p->pids('signer');
	my ($keeper) = grep { $processes->{$_}[1] == $reader } $p->pids('signer');
	contained($reader, 'signer');
	my $key = $FILES{'a key of DKIM'};
	contained($keeper, 'signer', own => 'etc/dkim', also => ['the keys' => [writing_attempts('a key', $key)]]);
	allowed($keeper, ['reading a key', 'open', $key, O_RDONLY]);
};

subtest 'resolver' => sub {
	contained($p->main_pid('resolver'), 'resolver', may => ['accept', 'unix', 'fork', 'signal'], settings => 1);
	like send_to($p->smtp, 'nobody'), qr/\A550/, 'it still answers';
};

subtest 'dnsd' => sub {
	my $pid = $p->main_pid('dnsd');
	contained($pid, 'dnsd', may => ['accept', 'connect'], settings => 1);
	is $p->main_pid('dnsd'), $pid, 'it goes on';
};

subtest 'authd' => sub {
	contained($p->main_pid('authd'), 'authd', may => ['accept', 'truncate'], own => 'state/auth', settings => 1);
	like $p->pop3->login('anna', 'anna-secret'), qr/\A\+OK/, 'it still answers';
};

subtest 'the keeper of its workers, and a worker' => sub {
	my $processes = $p->processes;
	my ($main) = $p->main_pid('authd');
	my @all = $p->pids('authd');
	my ($keeper) = grep { my $pid = $_; $processes->{$pid}[1] == $main && grep { $processes->{$_}[1] == $pid } @all } @all;
	my ($worker) = grep { $processes->{$_}[1] == $keeper } $p->pids('authd');
	contained($keeper, 'authd', may => ['fork']);
	contained($worker, 'authd');
	like $p->pop3->login('bert', 'wrong'), qr/\A-ERR/, 'a password is looked at';
	like $p->pop3->login('bert', 'bert-secret'), qr/\A\+OK/, 'another too';
};

subtest 'configd' => sub {
	contained($p->main_pid('configd'), 'configd', may => ['accept', 'truncate', 'unix'], own => 'state/(?:config|settings)');
	$p->set('smtp.timeout' => 299);
	pass 'it still answers';
};

subtest 'the log writer' => sub {
	my $pid = $p->main_pid('log-writer');
	contained($pid, 'statusd');
	allowed($pid, ['going on', 'write', LOG_FD, \"written by the log writer\n", 26]);
};

subtest 'statusd' => sub {
	contained($p->main_pid('statusd'), 'statusd', may => ['accept', 'unix'], settings => 1);
	my $smtp = $p->smtp;
	ok scalar(grep { $_->{service} eq 'smtp' } @{ $p->postroom_json('sessions') }), 'it still knows who comes';
};

subtest 'noticed, and its writer' => sub {
	my $main = $p->main_pid('noticed');
	my ($writer) = grep { $_ != $main } $p->pids('noticed');
	contained($main, 'noticed', may => ['accept']);
	contained($writer, 'noticed', may => ['unix', 'truncate'], own => '(?:state/notices|spool/noticed)', settings => 1);
};

subtest 'historyd' => sub {
	contained($p->main_pid('historyd'), 'historyd', may => ['accept', 'truncate'], own => 'state/history', settings => 1);
	wait_until(sub { @{ $p->postroom_json('sessions', '--history', '--user', 'anna') } }, 'it still keeps what ended');
	pass 'and tells it';
};

subtest 'policyd' => sub {
	contained($p->main_pid('policyd'), 'policyd', may => ['accept', 'truncate'], own => 'state/policy', settings => 1);
	$p->postroom_ok('block', 'add', '192.0.2.1');
	is scalar(@{ $p->postroom_json('block', 'list') }), 1, 'it still keeps its lists';
};

subtest 'mingerd: who answers' => sub {
	my ($child) = grep { $_ != $p->main_pid('mingerd') } $p->pids('mingerd');
	contained($child, 'mingerd', may => ['unix'], settings => 1);
};

subtest 'fetchd' => sub {
	contained($p->main_pid('fetchd'), 'fetchd', may => [qw(accept connect unix fork signal truncate)], own => 'state/fetch', settings => 1);
};

subtest 'reporter' => sub {
	contained($p->main_pid('reporter'), 'reporter', may => ['accept', 'unix'], own => 'spool/reporter', settings => 1);
	is_deeply $p->postroom_json('dmarc', 'report'), [], 'it still answers';
};

subtest 'brokerd' => sub {
	contained($p->main_pid('brokerd'), 'brokerd', may => ['accept', 'unix']);
};

subtest 'scheduler, and who runs commands' => sub {
	my $main = $p->main_pid('scheduler');
	my ($runner) = grep { $_ != $main } $p->pids('scheduler');
	contained($main, 'scheduler', may => [qw(accept unix fork signal truncate)], own => 'state/schedule', settings => 1);
	ok $runner, 'commands are run by a process of its own';
	is scalar(@{ $p->postroom_json('connection', 'status') }), 1, 'it still answers';
};

subtest 'filterd' => sub {
	contained($p->main_pid('filterd'), 'filterd', may => ['accept', 'unix', 'fork', 'signal'], own => 'spool/filterd', settings => 1);
};

subtest 'listd, and its fetcher' => sub {
	my $main = $p->main_pid('listd');
	my ($fetcher) = grep { $_ != $main } $p->pids('listd');
	contained($main, 'listd', may => ['accept', 'unix', 'fork', 'signal', 'truncate'], own => '(?:state/lists|spool/listd)', settings => 1);
	ok $fetcher, 'what asks databases is a process of its own';
};

subtest 'collector, and its session while the server is silent' => sub {
	my $main = $p->main_pid('collector');
	my $server = Postroom::Pop3Server->start(replies => { CAPA => 'SLEEP 600' });
	$p->postroom_ok({ stdin => "secret\n" }, qw(collector add box --password-stdin pop3.server 127.0.0.1 pop3.port), $server->port,
		qw(pop3.username box));
	my ($session) = session_of('collector', sub { $p->postroom_ok(qw(collector run box)) });
	wait_until(sub { $server->commands }, 'the server is spoken to');
	contained($session, 'collector', may => ['connect'], own => 'spool/collector', settings => 1);
	kill KILL => $session;
	$p->wait_for(sub { @{ $p->postroom_json('collector', 'history') } }, 'its end is noticed');
	$server->stop;
	contained($main, 'collector', may => ['accept', 'unix', 'connect', 'fork', 'signal', 'truncate'],
		own => '(?:state/collect|spool/collector)', settings => 1);
	is scalar @{ $p->postroom_json('collector', 'history') }, 1, 'it still answers';
};

subtest 'deliver' => sub {
	my $before = message_files('anna');
	contained($p->main_pid('deliver'), 'deliver', may => ['accept', 'truncate'], own => 'state/mail', settings => 1);
	my ($ringer, $clerk) = sort { $a <=> $b } grep { $p->processes->{$_}[1] == $p->main_pid('deliver') } $p->pids('deliver');
	contained($clerk, 'deliver', may => ['fork', 'truncate'], own => 'spool/deliver|state/mail/answers', settings => 1);
	kill SIGCONT, $queue_manager;
	wait_until(sub { message_files('anna') > $before }, 'it still delivers');
	deliver_message('bert');
};

subtest 'queue-manager' => sub {
	contained($p->main_pid('queue-manager'), 'queue-manager', may => ['accept', 'truncate', 'unix'],
		own => 'spool|state/queue', settings => 1);
	deliver_message('anna');
};

ok kill(0, $_), 'what was signalled lives' for values %victims;
kill 'KILL', values %victims;
like $p->log, qr/starting Postroom.*written by the log writer.*delivered/s, 'the log is whole';
$p->stop;

# The same where all run as one user, in a copy that this user can read.
subtest 'as one user' => sub {
	plan(skip_all => 'this is it') if !$separate;
	my $copy = File::Temp->newdir('postroom-test-XXXXXX', DIR => $Postroom::Process::SCRATCH);
	my $build = $ENV{POSTROOM_BUILD} // 'build';
	chmod 0755, $copy;
	my ($status, $out, $err) = run_program('sh', '-c', 'mkdir -p "$1/t/fault" "$1/build" && cp -R t/lib "$1/t" &&
		cp t/fault/60-containment.t "$1/t/fault" && cp -R "$2/bin" "$2/libexec" "$1/build" && chmod -R a+rX "$1"', 'sh', $copy, $build);
	is $status, 0, 'copied' or diag $err;
	local $ENV{POSTROOM_BUILD} = 'build';
	($status, $out, $err) = run_program({ user => 'nobody', folder => "$copy", timeout => 600 }, $^X, 't/fault/60-containment.t');
	is $status, 0, 'all the same' or diag "$out$err";
};

done_testing;

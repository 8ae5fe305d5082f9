/*
 * Containment: each test forks a process, enters a profile as the daemons build it, and tries what must fail and what
 * must work. What a hijacked session could call is called as it would: by system call numbers where the C library has
 * no function.
 */
#include "common/net/sandbox.h"
#include "common/base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];

static const char *in_folder(const char *name)
{
	static char path[4][128];
	static unsigned turn;
	char *out = path[turn++ % 4];

	snprintf(out, sizeof path[0], "%s/%s", folder, name);
	return out;
}

static int wrong(int line, const char *what, long result)
{
	fprintf(stderr, "sandbox.c:%d: %s gave %ld (%s)\n", line, what, result, strerror(errno));
	return 1;
}

/* Inside a sandbox: a call that must fail as refused, and one that must not fail. */
#define REFUSED(call)                                                               \
	do {                                                                            \
		long value_;                                                                \
		errno = 0;                                                                  \
		value_ = (long)(call);                                                      \
		if (value_ != -1 || (errno != EPERM && errno != EACCES && errno != ENOSYS)) \
			return wrong(__LINE__, #call, value_);                                  \
	} while (0)
/* As a kernel without that kind of socket would: libraries take that for an answer. */
#define UNSUPPORTED(call)                          \
	do {                                           \
		long value_;                               \
		errno = 0;                                 \
		value_ = (long)(call);                     \
		if (value_ != -1 || errno != EAFNOSUPPORT) \
			return wrong(__LINE__, #call, value_); \
	} while (0)
#define WORKS(call)                                \
	do {                                           \
		long value_;                               \
		errno = 0;                                 \
		value_ = (long)(call);                     \
		if (value_ < 0)                            \
			return wrong(__LINE__, #call, value_); \
	} while (0)
#define WITH_LANDLOCK(check)                 \
	do {                                     \
		if (sandbox_landlock_version() != 0) \
			check;                           \
	} while (0)

/* Run what in a child; its wait status. */
static int in_child(int (*what)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(what());
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static int enter(struct sandbox *sandbox)
{
	struct err err;

	if (sandbox_prepare(sandbox, &err) != 0 || sandbox_enter(sandbox, &err) != 0) {
		fprintf(stderr, "%s\n", err.text);
		return -1;
	}
	return 0;
}

static void begin(struct sandbox *sandbox, unsigned rights)
{
	struct err err;

	if (sandbox_init(sandbox, rights, &err) != 0)
		fail_msg("%s", err.text);
}

static void allow(struct sandbox *sandbox, const char *path, enum sandbox_path access)
{
	struct err err;

	if (sandbox_allow(sandbox, path, access, &err) != 0)
		fail_msg("%s", err.text);
}

/* What a test starts with, made before the sandbox. */
static struct sandbox profile;
static int drop_folder, held_file, listener;
static pid_t stranger;

static int closed_network(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int pair[2];

	WORKS(enter(&profile));
	REFUSED(socket(AF_INET, SOCK_STREAM, 0));
	REFUSED(socket(AF_INET6, SOCK_DGRAM, 0));
	REFUSED(socket(AF_UNIX, SOCK_STREAM, 0));
	REFUSED(socket(AF_NETLINK, SOCK_RAW, 0));
	REFUSED(socket(AF_PACKET, SOCK_RAW, 0));
	REFUSED(syscall(SYS_socket, AF_INET | 1UL << 32, SOCK_STREAM, 0));
	REFUSED(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
	REFUSED(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair));
	REFUSED(connect(listener, (struct sockaddr *)&address, sizeof address));
	REFUSED(bind(listener, (struct sockaddr *)&address, sizeof address));
	REFUSED(listen(listener, 1));
	REFUSED(accept(listener, NULL, NULL));
	REFUSED(accept4(listener, NULL, NULL, SOCK_CLOEXEC));
	WORKS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	WORKS(send(pair[0], "x", 1, MSG_NOSIGNAL));
	return 0;
}

static int closed_files(void)
{
	char link_path[64], text[8];
	struct timespec times[2] = {0};

	snprintf(link_path, sizeof link_path, "/proc/self/fd/%d", held_file);
	WORKS(enter(&profile));
	WITH_LANDLOCK({
		REFUSED(open(in_folder("secret/auth.db"), O_RDONLY));
		REFUSED(open(in_folder("secret/auth.db"), O_WRONLY));
		REFUSED(open(in_folder("secret"), O_RDONLY | O_DIRECTORY));
		REFUSED(open(in_folder("secret/fresh"), O_WRONLY | O_CREAT, 0600));
		REFUSED(open(in_folder("secret"), O_WRONLY | O_TMPFILE, 0600));
		REFUSED(open("/etc/passwd", O_RDONLY));
		REFUSED(open("/dev/null", O_RDWR));
		REFUSED(open("/proc/self/mem", O_RDWR));
		REFUSED(open(link_path, O_RDWR));
		REFUSED(rename(in_folder("secret/auth.db"), in_folder("secret/other")));
		REFUSED(unlink(in_folder("secret/auth.db")));
		REFUSED(link(in_folder("secret/auth.db"), in_folder("secret/other")));
		REFUSED(symlink("x", in_folder("secret/symlink")));
		REFUSED(mkdir(in_folder("secret/folder"), 0700));
		REFUSED(rmdir(in_folder("secret/empty")));
	});
	REFUSED(truncate(in_folder("secret/auth.db"), 0));
	REFUSED(ftruncate(held_file, 0));
	REFUSED(chmod(in_folder("secret/auth.db"), 0666));
	REFUSED(fchmod(held_file, 0666));
	REFUSED(fchmodat(AT_FDCWD, in_folder("secret/auth.db"), 0666, 0));
	REFUSED(syscall(452, AT_FDCWD, in_folder("secret/auth.db"), 0666, 0)); /* fchmodat2 */
	REFUSED(chown(in_folder("secret/auth.db"), getuid(), getgid()));
	REFUSED(lchown(in_folder("secret/auth.db"), getuid(), getgid()));
	REFUSED(fchownat(AT_FDCWD, in_folder("secret/auth.db"), getuid(), getgid(), 0));
	REFUSED(fchown(held_file, getuid(), getgid()));
	REFUSED(setxattr(in_folder("secret/auth.db"), "user.x", "1", 1, 0));
	REFUSED(fsetxattr(held_file, "user.x", "1", 1, 0));
	REFUSED(getxattr(in_folder("secret/auth.db"), "user.x", text, sizeof text));
	REFUSED(removexattr(in_folder("secret/auth.db"), "user.x"));
	REFUSED(syscall(463, AT_FDCWD, in_folder("secret/auth.db"), 0, "user.x", NULL, 0)); /* setxattrat */
	REFUSED(utimensat(AT_FDCWD, in_folder("secret/auth.db"), times, 0));
	REFUSED(futimens(held_file, times));
	REFUSED(mknod(in_folder("secret/fifo"), S_IFIFO | 0600, 0));
	REFUSED(syscall(SYS_name_to_handle_at, AT_FDCWD, in_folder("secret/auth.db"), NULL, NULL, 0));
	REFUSED(syscall(SYS_open_by_handle_at, AT_FDCWD, NULL, O_RDONLY));
	REFUSED(inotify_add_watch(inotify_init1(0), in_folder("secret"), IN_CREATE));
	REFUSED(syscall(SYS_fanotify_init, 0, 0));
	WORKS(write(held_file, "x", 1));
	WORKS(pread(held_file, text, 1, 0));
	WORKS(fsync(held_file));
	return 0;
}

static int closed_processes(void)
{
	char *const arguments[] = {(char *)"true", NULL};
	struct rlimit limit;
	struct f_owner_ex owner = {F_OWNER_PID, stranger};

	WORKS(enter(&profile));
	REFUSED(kill(stranger, 0));
	REFUSED(kill(stranger, SIGTERM));
	REFUSED(kill(-1, SIGTERM));
	REFUSED(kill(0, SIGTERM));
	REFUSED(syscall(SYS_tkill, stranger, SIGTERM));
	REFUSED(syscall(SYS_tgkill, stranger, stranger, SIGTERM));
	REFUSED(syscall(SYS_rt_sigqueueinfo, stranger, SIGTERM, NULL));
	REFUSED(syscall(SYS_rt_tgsigqueueinfo, stranger, stranger, SIGTERM, NULL));
	REFUSED(syscall(SYS_pidfd_open, stranger, 0));
	REFUSED(syscall(SYS_pidfd_getfd, 0, 0, 0));
	REFUSED(syscall(SYS_pidfd_send_signal, 0, SIGTERM, NULL, 0));
	REFUSED(fcntl(held_file, F_SETOWN, stranger));
	REFUSED(fcntl(held_file, F_SETOWN_EX, &owner));
	REFUSED(syscall(SYS_fcntl, held_file, F_SETOWN | 1UL << 32, stranger));
	REFUSED(syscall(SYS_ptrace, 16, stranger, 0, 0));
	REFUSED(syscall(SYS_process_vm_readv, stranger, NULL, 0, NULL, 0, 0));
	REFUSED(syscall(SYS_process_vm_writev, stranger, NULL, 0, NULL, 0, 0));
	REFUSED(syscall(SYS_kcmp, getpid(), stranger, 0, 0, 0));
	REFUSED(setpriority(PRIO_PROCESS, (id_t)stranger, 19));
	REFUSED(setpriority(PRIO_PGRP, 0, 19));
	REFUSED(setpriority(PRIO_USER, 0, 19));
	REFUSED(prlimit(stranger, RLIMIT_CPU, NULL, &limit));
	REFUSED(execv("/bin/true", arguments));
	REFUSED(syscall(SYS_execveat, held_file, "", arguments, NULL, AT_EMPTY_PATH));
	REFUSED(fork());
	REFUSED(syscall(SYS_vfork));
	REFUSED(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
	REFUSED(syscall(SYS_clone3, NULL, 0));
	REFUSED(syscall(SYS_shmget, 1, 4096, 01600));
	REFUSED(syscall(SYS_msgget, 1, 01600));
	REFUSED(syscall(SYS_semget, 1, 1, 01600));
	REFUSED(syscall(SYS_mq_open, "x", O_RDWR | O_CREAT, 0600, NULL));
	WORKS(getrlimit(RLIMIT_CPU, &limit));
	WORKS(kill(getpid(), 0));
	WORKS(setpriority(PRIO_PROCESS, 0, 10));
	return 0;
}

static int closed_system(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	WORKS(enter(&profile));
	REFUSED(mount("none", "/mnt", "tmpfs", 0, NULL));
	REFUSED(umount2("/mnt", 0));
	REFUSED(syscall(SYS_open_tree, AT_FDCWD, "/", 0));
	REFUSED(syscall(SYS_fsopen, "tmpfs", 0));
	REFUSED(syscall(SYS_move_mount, 0, "", 0, "", 0));
	REFUSED(syscall(SYS_pivot_root, ".", "."));
	REFUSED(chroot("/"));
	REFUSED(unshare(CLONE_NEWUSER));
	REFUSED(setns(held_file, 0));
	REFUSED(syscall(SYS_keyctl, 0, 0, 0, 0, 0));
	REFUSED(syscall(SYS_add_key, "user", "x", "x", 1, -1));
	REFUSED(syscall(SYS_request_key, "user", "x", NULL, 0));
	REFUSED(syscall(SYS_bpf, 0, NULL, 0));
	REFUSED(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
	REFUSED(syscall(SYS_io_uring_setup, 1, NULL));
	REFUSED(syscall(SYS_io_uring_enter, 0, 0, 0, 0, NULL));
	REFUSED(syscall(SYS_io_uring_register, 0, 0, NULL, 0));
	REFUSED(syscall(SYS_userfaultfd, 0));
	REFUSED(syscall(SYS_reboot, 0, 0, 0, NULL));
	REFUSED(syscall(SYS_kexec_load, 0, 0, NULL, 0));
	REFUSED(syscall(SYS_init_module, NULL, 0, ""));
	REFUSED(syscall(SYS_finit_module, 0, "", 0));
	REFUSED(syscall(SYS_delete_module, "x", 0));
	REFUSED(syscall(SYS_personality, 0xffffffff));
	REFUSED(syscall(SYS_setuid, getuid()));
	REFUSED(syscall(SYS_setgid, getgid()));
	REFUSED(syscall(SYS_setresuid, -1, -1, -1));
	REFUSED(syscall(SYS_setgroups, 0, NULL));
	REFUSED(syscall(SYS_settimeofday, NULL, NULL));
	REFUSED(ioctl(0, TIOCSTI, "x"));
	REFUSED(syscall(SYS_ioctl, 0, TIOCSTI | 1UL << 32, "x"));
	REFUSED(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
	REFUSED(prctl(PR_SET_PTRACER, stranger, 0, 0, 0));
	REFUSED(prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0));
	REFUSED(syscall(SYS_prctl, PR_SET_PDEATHSIG | 1UL << 32, 0, 0, 0, 0));
	REFUSED(syscall(500)); /* newer than we know */
	WORKS(prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0));
	WORKS(prctl(PR_SET_NAME, "session", 0, 0, 0));
	WORKS(syscall(SYS_capget, &header, data));
	WORKS(data[0].effective == 0 && data[0].permitted == 0 && data[1].permitted == 0 ? 0 : -1);
	WORKS(memfd_create("x", MFD_CLOEXEC));
	WORKS(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0);
	return 0;
}

static void a_session_reaches_nothing(void **state)
{
	(void)state;
	begin(&profile, 0);
	assert_int_equal(in_child(closed_network), 0);
	assert_int_equal(in_child(closed_files), 0);
	assert_int_equal(in_child(closed_processes), 0);
	assert_int_equal(in_child(closed_system), 0);
	sandbox_free(&profile);
}

#ifdef __x86_64__
/* getpid by the 32-bit entry, and connect by x32's numbers. */
static int foreign_calls(void)
{
	long result;

	WORKS(enter(&profile));
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory");
	WORKS(result < 0 ? 0 : -1);
	REFUSED(syscall(0x40000000 + SYS_getpid));
	REFUSED(syscall(0x40000000 + SYS_connect, 0, NULL, 0));
	return 0;
}

static void foreign_architectures_are_refused(void **state)
{
	(void)state;
	begin(&profile, 0);
	assert_int_equal(in_child(foreign_calls), 0);
	sandbox_free(&profile);
}
#endif

static int die(void)
{
	WORKS(enter(&profile));
	signal(SIGABRT, SIG_DFL);
	raise(SIGABRT);
	return 0;
}

static void abort_still_works(void **state)
{
	int status;

	(void)state;
	begin(&profile, 0);
	status = in_child(die);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	sandbox_free(&profile);
}

static int add_message(const char *name)
{
	int fd = openat(drop_folder, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0640);
	char path[64];

	if (fd < 0)
		return -1;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (write(fd, "x", 1) != 1 || fdatasync(fd) != 0 ||
	    linkat(AT_FDCWD, path, drop_folder, name, AT_SYMLINK_FOLLOW) != 0 || fsync(drop_folder) != 0)
		return -1;
	return close(fd);
}

/* The profile of smtpd's sessions: settings to read, new/ to add to, tmp/ to write. */
static int producer(void)
{
	char listing[1024], path[64];
	int fd;

	WORKS(enter(&profile));
	WORKS(add_message("mine"));
	WORKS(add_message("mine-too"));
	fd = openat(drop_folder, "by-name", O_WRONLY | O_CREAT | O_EXCL, 0640);
	WORKS(fd);
	WORKS(close(fd));
	REFUSED(openat(drop_folder, "theirs", O_RDWR));
	REFUSED(openat(drop_folder, "theirs", O_WRONLY));
	REFUSED(openat(drop_folder, "theirs", O_WRONLY | O_CREAT, 0640));
	REFUSED(openat(drop_folder, "theirs", O_WRONLY | O_EXCL));
	REFUSED(openat(drop_folder, "theirs", O_WRONLY | O_APPEND));
	REFUSED(openat(drop_folder, "theirs", O_RDONLY | O_TRUNC));
	REFUSED(open(in_folder("new/theirs"), O_WRONLY));
	REFUSED(creat(in_folder("new/theirs"), 0640));
	REFUSED(truncate(in_folder("new/theirs"), 0));
	REFUSED(syscall(SYS_openat2, drop_folder, "theirs", NULL, 0));
	REFUSED(syscall(SYS_getdents64, drop_folder, listing, sizeof listing));
	WITH_LANDLOCK({
		REFUSED(openat(drop_folder, "theirs", O_RDONLY));
		REFUSED(openat(drop_folder, "mine", O_RDONLY));
		REFUSED(unlinkat(drop_folder, "theirs", 0));
		REFUSED(renameat(drop_folder, "theirs", drop_folder, "renamed"));
		REFUSED(renameat(drop_folder, "mine", drop_folder, "theirs"));
		REFUSED(rename(in_folder("tmp/mine"), in_folder("new/theirs")));
		REFUSED(rename(in_folder("new/theirs"), in_folder("tmp/theirs")));
		REFUSED(mkdirat(drop_folder, "folder", 0700));
		REFUSED(symlinkat("theirs", drop_folder, "symlink"));
		REFUSED(open(in_folder("settings/1.db"), O_RDWR));
		REFUSED(unlink(in_folder("settings/1.db")));
		REFUSED(open(in_folder("secret/auth.db"), O_RDONLY));
	});
	WORKS(fd = open(in_folder("settings/1.db"), O_RDONLY));
	/* a descriptor for reading is not turned into one for writing */
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	REFUSED(open(path, O_RDWR));
	/* where a file system has no unnamed files: made in tmp/, renamed into new/ */
	WORKS(fd = open(in_folder("tmp/fallback"), O_WRONLY | O_CREAT | O_EXCL, 0640));
	WORKS(rename(in_folder("tmp/fallback"), in_folder("new/fallback")));
	return 0;
}

static void a_producer_adds_and_nothing_more(void **state)
{
	struct stat status;

	(void)state;
	begin(&profile, 0);
	allow(&profile, in_folder("settings"), SANDBOX_READ);
	allow(&profile, in_folder("new"), SANDBOX_ADD);
	allow(&profile, in_folder("tmp"), SANDBOX_WRITE);
	assert_int_equal(in_child(producer), 0);
	assert_int_equal(stat(in_folder("new/mine"), &status), 0);
	assert_int_equal(status.st_nlink, 1);
	assert_int_equal(stat(in_folder("new/theirs"), &status), 0);
	assert_int_equal(status.st_size, 7);
	sandbox_free(&profile);
}

static int mailbox_of_b(void)
{
	struct err err;

	WORKS(sandbox_allow(&profile, in_folder("mail/b"), SANDBOX_WRITE, &err));
	WORKS(sandbox_enter(&profile, &err));
	WITH_LANDLOCK(REFUSED(open(in_folder("mail/a/index.db"), O_RDWR)));
	WITH_LANDLOCK(REFUSED(open(in_folder("mail/a"), O_RDONLY | O_DIRECTORY)));
	WITH_LANDLOCK(REFUSED(rename(in_folder("mail/b/index.db"), in_folder("mail/a/stolen"))));
	WORKS(open(in_folder("mail/b/index.db"), O_RDWR));
	return 0;
}

static int mailbox_of_a(void)
{
	struct err err;
	int fd;

	WORKS(sandbox_allow(&profile, in_folder("mail/a"), SANDBOX_WRITE, &err));
	WORKS(sandbox_enter(&profile, &err));
	fd = open(in_folder("mail/a/index.db"), O_RDWR);
	WORKS(fd);
	WORKS(ftruncate(fd, 3));
	WORKS(fchmod(fd, 0640));
	WORKS(fallocate(fd, 0, 0, 100));
	WORKS(rename(in_folder("mail/a/index.db"), in_folder("mail/a/moved")));
	WORKS(rename(in_folder("mail/a/moved"), in_folder("mail/a/index.db")));
	WORKS(mkdir(in_folder("mail/a/new"), 0700));
	WORKS(rmdir(in_folder("mail/a/new")));
	WORKS(open(in_folder("mail/a"), O_RDONLY | O_DIRECTORY));
	REFUSED(symlink("/etc/passwd", in_folder("mail/a/symlink")));
	REFUSED(mkfifo(in_folder("mail/a/fifo"), 0600));
	WITH_LANDLOCK(REFUSED(open(in_folder("mail/b/index.db"), O_RDONLY)));
	return 0;
}

/* What one session allows itself is nobody else's: neither now nor of those that are forked later. */
static void a_session_has_its_own_mailbox(void **state)
{
	struct err err;

	(void)state;
	begin(&profile, SANDBOX_LOCK_OWNER);
	allow(&profile, in_folder("settings"), SANDBOX_READ);
	assert_int_equal(sandbox_prepare(&profile, &err), 0);
	assert_int_equal(in_child(mailbox_of_a), 0);
	assert_int_equal(in_child(mailbox_of_b), 0);
	assert_int_equal(sandbox_allow(&profile, in_folder("new"), SANDBOX_ADD, &err), -1);
	assert_int_equal(err.code, ERR_DENIED);
	sandbox_free(&profile);
}

static int connecting(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;
	int fd;

	WORKS(enter(&profile));
	REFUSED(socket(AF_UNIX, SOCK_STREAM, 0));
	UNSUPPORTED(socket(AF_NETLINK, SOCK_RAW, 0));
	REFUSED(syscall(SYS_socket, AF_UNIX | 1UL << 32, SOCK_STREAM, 0));
	WORKS(socket(AF_INET6, SOCK_DGRAM, 0));
	WORKS(getsockname(listener, (struct sockaddr *)&address, &size));
	fd = socket(AF_INET, SOCK_STREAM, 0);
	WORKS(fd);
	WORKS(connect(fd, (struct sockaddr *)&address, size));
	REFUSED(listen(fd, 1));
	return 0;
}

static int asking(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	snprintf(address.sun_path, sizeof address.sun_path, "%s", in_folder("socket"));
	WORKS(enter(&profile));
	REFUSED(socket(AF_INET, SOCK_STREAM, 0));
	fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	WORKS(fd);
	WORKS(connect(fd, (struct sockaddr *)&address, sizeof address));
	return 0;
}

static int forking(void)
{
	int status;
	pid_t pid;

	WORKS(enter(&profile));
	pid = fork();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	WORKS(pid);
	WORKS(kill(pid, SIGKILL));
	WORKS(waitpid(pid, &status, 0));
	if (sandbox_landlock_version() >= 6)
		REFUSED(kill(stranger, SIGTERM));
	REFUSED(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
	REFUSED(syscall(SYS_clone, CLONE_NEWNET | SIGCHLD, 0, 0, 0, 0));
	return 0;
}

static int executing(void)
{
	WORKS(enter(&profile));
	execl("/bin/true", "true", (char *)NULL);
	return 1;
}

static int accepting(void)
{
	WORKS(enter(&profile));
	WORKS(accept4(listener, NULL, NULL, SOCK_CLOEXEC) >= 0 || errno == EAGAIN ? 0 : -1);
	WORKS(inotify_add_watch(inotify_init1(0), folder, IN_CREATE));
	return 0;
}

static void rights_open_what_they_name(void **state)
{
	static const struct {
		unsigned rights;
		int (*what)(void);
		const char *path;
	} tests[] = {
	    {SANDBOX_CONNECT, connecting, NULL},
	    {SANDBOX_UNIX, asking, NULL},
	    {SANDBOX_FORK | SANDBOX_SIGNAL, forking, NULL},
	    {SANDBOX_EXEC, executing, "/"},
	    {SANDBOX_ACCEPT | SANDBOX_WATCH, accepting, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
		begin(&profile, tests[i].rights);
		if (tests[i].path != NULL)
			allow(&profile, tests[i].path, SANDBOX_READ);
		assert_int_equal(in_child(tests[i].what), 0);
		sandbox_free(&profile);
	}
}

static int limited(void)
{
	struct err err;
	struct rlimit limit;

	WORKS(sandbox_limit((size_t)1 << 30, 10, 20, &err));
	WORKS(getrlimit(RLIMIT_NOFILE, &limit));
	WORKS(limit.rlim_max == 20 ? 0 : -1);
	WORKS(getrlimit(RLIMIT_CPU, &limit));
	WORKS(limit.rlim_max == 10 ? 0 : -1);
	WORKS(getrlimit(RLIMIT_CORE, &limit));
	WORKS(limit.rlim_max == 0 ? 0 : -1);
#ifndef POSTROOM_SANITIZED
	WORKS(getrlimit(RLIMIT_AS, &limit));
	WORKS(limit.rlim_max == (rlim_t)1 << 30 ? 0 : -1);
#endif
	for (int i = 0; i < 20; i++)
		if (dup(2) < 0)
			return 0;
	return 1;
}

static void limits_are_set(void **state)
{
	(void)state;
	assert_int_equal(in_child(limited), 0);
}

static void make_file(const char *name)
{
	int fd = open(in_folder(name), O_WRONLY | O_CREAT, 0640);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "content", 7), 7);
	close(fd);
}

static void make_sockets(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int local = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s", in_folder("socket"));
	assert_int_equal(bind(local, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(local, 8), 0);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(listen(listener, 8), 0); /* on a free port of any address */
}

static int set_up(void **state)
{
	static const char *const folders[] = {"secret", "secret/empty", "settings", "new",
	                                      "tmp",    "mail",         "mail/a",   "mail/b"};

	(void)state;
	snprintf(folder, sizeof folder, "/tmp/postroom-sandbox-XXXXXX");
	assert_non_null(mkdtemp(folder));
	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
		assert_int_equal(mkdir(in_folder(folders[i]), 0700), 0);
	make_file("secret/auth.db");
	make_file("settings/1.db");
	make_file("new/theirs");
	make_file("tmp/mine");
	make_file("mail/a/index.db");
	make_file("mail/b/index.db");
	make_file("held");
	make_sockets();
	drop_folder = open(in_folder("new"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	held_file = open(in_folder("held"), O_RDWR | O_CLOEXEC);
	assert_true(drop_folder >= 0 && held_file >= 0);
	stranger = fork();
	if (stranger == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pause();
		_exit(0);
	}
	return 0;
}

static int tear_down(void **state)
{
	char command[128];
	int status;

	(void)state;
	/* nobody's signal reached it */
	assert_int_equal(waitpid(stranger, &status, WNOHANG), 0);
	kill(stranger, SIGKILL);
	waitpid(stranger, &status, 0);
	snprintf(command, sizeof command, "rm -rf %s", folder);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_session_reaches_nothing),
#ifdef __x86_64__
	    cmocka_unit_test(foreign_architectures_are_refused),
#endif
	    cmocka_unit_test(abort_still_works),
	    cmocka_unit_test(a_producer_adds_and_nothing_more),
	    cmocka_unit_test(a_session_has_its_own_mailbox),
	    cmocka_unit_test(rights_open_what_they_name),
	    cmocka_unit_test(limits_are_set),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}

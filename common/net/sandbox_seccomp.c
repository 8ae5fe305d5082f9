/*
 * sandbox: the seccomp filter.
 *
 * Two of them: the base closes what no right opens, a profile's closes the rest. A listener enters the base once, and
 * its sessions, which inherit it, add their small one: to install a filter takes time by its length.
 *
 * A list of what is closed, not of what is open: a C library that learns to use another old call goes on working. What
 * is newer than the list does not exist (ENOSYS), so that nothing is open that nobody thought of.
 */
#include "common/net/sandbox_parts.h"

#include "common/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	NEWEST_CALL = 450,    /* set_mempolicy_home_node of Linux 5.17; new numbers are the same on every machine */
	OWN_PID = 0x3f5a7e11, /* stands for the process's own id in the compiled filter; above every possible one */
	SOCKET_DOMAINS = 64,  /* more than there are */
	PREFIX = 4,           /* instructions before libseccomp's */
};

#define OWN_PID_MAX (sizeof((struct sandbox *)0)->own_pid / sizeof((struct sandbox *)0)->own_pid[0])

#define DENIED  SCMP_ACT_ERRNO(EPERM)
#define MISSING SCMP_ACT_ERRNO(ENOSYS)
/* What libraries take for a kernel without it: PAM fails where an audit is forbidden, and not where there is none. */
#define UNSUPPORTED SCMP_ACT_ERRNO(EAFNOSUPPORT)

/* An argument of type int: what stands in the upper half of the register does not count in the kernel. */
#define INT_IS(index, value) SCMP_CMP64(index, SCMP_CMP_MASKED_EQ, UINT32_MAX, (uint32_t)(value))

struct filter {
	scmp_filter_ctx context;
	int failure; /* the first, negative errno of libseccomp */
};

/* Close a call where its arguments compare so (altogether where none are given). */
static void add(struct filter *filter, uint32_t action, const char *name, const struct scmp_arg_cmp *compare,
                unsigned count)
{
	int number = seccomp_syscall_resolve_name(name);
	int result;

	if (number < 0) /* not of this machine, or newer than libseccomp: then also newer than NEWEST_CALL */
		return;
	result = seccomp_rule_add_array(filter->context, action, number, count, compare);
	if (result < 0 && filter->failure == 0)
		filter->failure = result;
}

static void deny(struct filter *filter, const char *name)
{
	add(filter, DENIED, name, NULL, 0);
}

static void deny_if(struct filter *filter, const char *name, struct scmp_arg_cmp compare)
{
	add(filter, DENIED, name, &compare, 1);
}

/* What no right opens. */
static void close_base_calls(struct filter *filter)
{
	for (const struct sandbox_calls *calls = sandbox_calls; calls->names != NULL; calls++)
		for (const char *const *name = calls->names; *name != NULL && calls->opened_by == 0; name++)
			deny(filter, *name);
}

/* What these rights do not open, though others would. */
static void close_calls(struct filter *filter, unsigned rights)
{
	for (const struct sandbox_calls *calls = sandbox_calls; calls->names != NULL; calls++)
		if (calls->opened_by != 0 && (rights & calls->opened_by) == 0)
			for (const char *const *name = calls->names; *name != NULL; name++)
				deny(filter, *name);
	/* Not in the base: capabilities are given up, and paths added, before a profile is entered. */
	deny(filter, "capset");
	deny(filter, "landlock_add_rule"); /* its siblings' profiles are made of a rule set that a session holds too */
}

static void close_sockets(struct filter *filter, unsigned rights)
{
	if ((rights & (SANDBOX_CONNECT | SANDBOX_UNIX)) == 0) {
		deny(filter, "socket");
	} else {
		for (int domain = 0; domain < SOCKET_DOMAINS; domain++)
			if (!((rights & SANDBOX_UNIX) != 0 && domain == AF_UNIX) &&
			    !((rights & SANDBOX_CONNECT) != 0 && (domain == AF_INET || domain == AF_INET6)))
				add(filter, domain == AF_NETLINK ? UNSUPPORTED : DENIED, "socket", &INT_IS(0, domain), 1);
		deny_if(filter, "socket", SCMP_CMP64(0, SCMP_CMP_GE, SOCKET_DOMAINS));
	}
}

/* A pair reaches nobody else, but one of datagrams could send to any local socket by name. */
static void close_pairs(struct filter *filter)
{
	deny_if(filter, "socketpair", SCMP_CMP64(0, SCMP_CMP_NE, AF_UNIX));
	for (int type = 0; type < 16; type++)
		if (type != SOCK_STREAM && type != SOCK_SEQPACKET)
			deny_if(filter, "socketpair", SCMP_CMP64(1, SCMP_CMP_MASKED_EQ, 15, (uint64_t)type));
}

static void close_namespaces(struct filter *filter)
{
	static const uint64_t namespaces[] = {CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
	                                      CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET};

	/* Its flags are out of a filter's sight; the C library falls back to clone. */
	add(filter, MISSING, "clone3", NULL, 0);
	for (size_t i = 0; i < sizeof namespaces / sizeof namespaces[0]; i++)
		deny_if(filter, "clone", SCMP_CMP64(0, SCMP_CMP_MASKED_EQ, namespaces[i], namespaces[i]));
	deny_if(filter, "prlimit64", SCMP_CMP64(0, SCMP_CMP_NE, 0));
	/* Its own alone, which can only be lowered: a session whose client turns out to be an attacker does that. */
	deny_if(filter, "setpriority", SCMP_CMP64(0, SCMP_CMP_NE, PRIO_PROCESS));
	deny_if(filter, "setpriority", SCMP_CMP64(1, SCMP_CMP_NE, 0));
}

static void close_processes(struct filter *filter, unsigned rights)
{
	if ((rights & SANDBOX_FORK) == 0)
		deny(filter, "clone");
	if ((rights & SANDBOX_SIGNAL) == 0) { /* but to itself: abort() */
		deny_if(filter, "kill", SCMP_CMP64(0, SCMP_CMP_NE, OWN_PID));
		deny_if(filter, "tgkill", SCMP_CMP64(0, SCMP_CMP_NE, OWN_PID));
	}
}

/* Controls that lift what was laid on the process, or signal others, or change files' attributes. */
static void close_controls(struct filter *filter)
{
	static const int options[] = {PR_SET_DUMPABLE,        PR_SET_PTRACER,    PR_SET_MM,
	                              PR_SET_CHILD_SUBREAPER, PR_SET_SECUREBITS, PR_SET_KEEPCAPS,
	                              PR_SET_SPECULATION_CTRL};
	static const int commands[] = {F_SETOWN, F_SETOWN_EX, F_SETLEASE, F_NOTIFY};
	static const unsigned long controls[] = {TIOCSTI,   TIOCLINUX,       FIOSETOWN,
	                                         SIOCSPGRP, FS_IOC_SETFLAGS, FS_IOC_FSSETXATTR};
	const struct scmp_arg_cmp outlive[] = {INT_IS(0, PR_SET_PDEATHSIG), SCMP_CMP64(1, SCMP_CMP_EQ, 0)};

	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
		deny_if(filter, "prctl", INT_IS(0, options[i]));
	add(filter, DENIED, "prctl", outlive, 2);
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		deny_if(filter, "fcntl", INT_IS(1, commands[i]));
		deny_if(filter, "fcntl64", INT_IS(1, commands[i]));
	}
	for (size_t i = 0; i < sizeof controls / sizeof controls[0]; i++)
		deny_if(filter, "ioctl", INT_IS(1, controls[i]));
}

/* Of who adds files to a folder: nothing is opened for writing that exists, no folder is listed (SANDBOX_ADD). */
static void close_existing(struct filter *filter)
{
	static const uint64_t unnamed = O_TMPFILE & ~O_DIRECTORY;
	static const uint64_t not_new[] = {0, O_CREAT, O_EXCL};

	for (unsigned argument = 1; argument <= 2; argument++) {
		const char *name = argument == 1 ? "open" : "openat";

		for (uint64_t mode = O_WRONLY; mode <= O_ACCMODE; mode++)
			for (size_t i = 0; i < sizeof not_new / sizeof not_new[0]; i++)
				deny_if(filter, name,
				        SCMP_CMP64(argument, SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_EXCL | unnamed,
				                   mode | not_new[i]));
		/* reading and truncating at once */
		deny_if(filter, name, SCMP_CMP64(argument, SCMP_CMP_MASKED_EQ, O_TRUNC | O_EXCL, O_TRUNC));
	}
	add(filter, MISSING, "openat2", NULL, 0); /* its flags are out of a filter's sight */
	deny(filter, "creat");
	deny(filter, "getdents");
	deny(filter, "getdents64");
}

/*
 * Take libseccomp's program over, behind our own first instructions. TAX changes nothing but ends the kernel's attempt
 * to run the filter for every call there is, at the time it is installed, to remember which are allowed: that costs a
 * session more (0.2 ms) than it can save (some 20 ns a call).
 */
static int take_program(struct sandbox *sandbox, scmp_filter_ctx context, struct err *err)
{
	const struct sock_filter prefix[PREFIX] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, NEWEST_CALL, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
	};
	int fd = memfd_create("filter", MFD_CLOEXEC);
	struct stat status = {0};
	int result = 0;

	if (fd < 0 || seccomp_export_bpf(context, fd) != 0 || fstat(fd, &status) != 0) {
		result = err_system(err, "cannot compile the system call filter");
	} else {
		sandbox->filter_size = sizeof prefix + (size_t)status.st_size;
		sandbox->filter = memory_get(sandbox->filter_size);
		memcpy(sandbox->filter, prefix, sizeof prefix);
		if (pread(fd, (char *)sandbox->filter + sizeof prefix, (size_t)status.st_size, 0) != status.st_size)
			result = err_system(err, "cannot read the system call filter");
	}
	if (fd >= 0)
		close(fd);
	return result;
}

/* Remember where the process's own id has to stand. */
static int find_own_pid(struct sandbox *sandbox, struct err *err)
{
	const struct sock_filter *program = sandbox->filter;
	size_t found = 0;

	for (size_t i = PREFIX; i < sandbox->filter_size / sizeof *program; i++) {
		if (program[i].code != (BPF_JMP | BPF_JEQ | BPF_K) || program[i].k != OWN_PID)
			continue;
		if (found == OWN_PID_MAX)
			return err_set(err, ERR_SYSTEM, "the system call filter compares too often");
		sandbox->own_pid[found++] = i;
	}
	return 0;
}

static int compile(struct sandbox *sandbox, void (*close_all)(struct filter *, const struct sandbox *), struct err *err)
{
	struct filter filter = {.context = seccomp_init(SCMP_ACT_ALLOW)};
	int result;

	if (filter.context == NULL)
		return err_set(err, ERR_SYSTEM, "cannot prepare the system call filter");
	/* Calls of foreign architectures (i386, x32) are refused, whatever they mean. */
	seccomp_attr_set(filter.context, SCMP_FLTATR_ACT_BADARCH, DENIED);
	seccomp_attr_set(filter.context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	close_all(&filter, sandbox);
	errno = -filter.failure;
	result = filter.failure == 0 ? take_program(sandbox, filter.context, err)
	                             : err_system(err, "cannot build the system call filter");
	seccomp_release(filter.context);
	return result == 0 ? find_own_pid(sandbox, err) : -1;
}

static void close_base(struct filter *filter, const struct sandbox *sandbox)
{
	(void)sandbox;
	close_base_calls(filter);
	close_pairs(filter);
	close_namespaces(filter);
	close_controls(filter);
}

static void close_profile(struct filter *filter, const struct sandbox *sandbox)
{
	close_calls(filter, sandbox->rights);
	close_sockets(filter, sandbox->rights);
	close_processes(filter, sandbox->rights);
	if (sandbox->adds && (sandbox->rights & SANDBOX_LOCK_OWNER) == 0)
		close_existing(filter);
}

int sandbox_seccomp_compile_base(struct sandbox *sandbox, struct err *err)
{
	return compile(sandbox, close_base, err);
}

int sandbox_seccomp_compile(struct sandbox *sandbox, struct err *err)
{
	return compile(sandbox, close_profile, err);
}

int sandbox_seccomp_enter(const struct sandbox *sandbox, struct err *err)
{
	struct sock_filter *program = sandbox->filter;
	struct sock_fprog whole = {
	    .len = (unsigned short)(sandbox->filter_size / sizeof *program),
	    .filter = program,
	};

	/* In place: a child's memory is its own. */
	for (size_t i = 0; i < OWN_PID_MAX && sandbox->own_pid[i] != 0; i++)
		program[sandbox->own_pid[i]].k = (uint32_t)getpid();
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &whole) != 0)
		return err_system(err, "cannot install the system call filter");
	return 0;
}

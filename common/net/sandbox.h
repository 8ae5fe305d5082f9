/*
 * sandbox: what a process may still do, decided once, before it reads a stranger's byte.
 *
 * no_new_privs; Landlock for paths (and TCP, signals, abstract sockets where the kernel offers them); seccomp for what
 * Landlock leaves open: no socket, connect, bind, listen, accept; no truncate by path, chmod, chown, xattr, utime; no
 * kill of others, ptrace, exec, mount, namespaces, SysV IPC, bpf, perf, keyctl, io_uring, module or reboot calls; no
 * capability is kept. A call outside the profile fails with EPERM (EACCES by Landlock); system calls newer than this
 * list fail with ENOSYS, as on an older kernel. Nothing kills. What stays: the open descriptors, reading metadata
 * (stat) of paths, memory, time, waiting, random numbers, socketpair, signals to itself.
 *
 * Prepared in the parent (the Landlock rule set and the compiled filter), entered in each child at little cost, while
 * it has one thread. A kernel without Landlock: one warning at start; seccomp still applies.
 */
#ifndef POSTROOM_NET_SANDBOX_H
#define POSTROOM_NET_SANDBOX_H

#include "common/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum sandbox_path {
	SANDBOX_READ, /* read files and folders below */
	/*
	 * Make and link new files below (also unnamed ones), write to what was opened; nothing more. Allowed before
	 * sandbox_prepare only. A profile that adds opens for writing only what it makes itself by that (O_TMPFILE, or
	 * O_CREAT|O_EXCL), on any path, and lists no folder; with SANDBOX_LOCK_OWNER it may do both, but then unnamed files
	 * have to be made in a folder with SANDBOX_WRITE.
	 */
	SANDBOX_ADD,
	SANDBOX_WRITE, /* read, write, make, rename, remove below */
};

enum sandbox_right {
	SANDBOX_CONNECT = 1,     /* sockets that connect out (inet, inet6) */
	SANDBOX_UNIX = 2,        /* sockets that connect to Unix sockets */
	SANDBOX_FORK = 4,        /* fork children (they inherit the sandbox) */
	SANDBOX_ACCEPT = 8,      /* accept on sockets it holds */
	SANDBOX_LOCK_OWNER = 16, /* fchmod, ftruncate and the like on own descriptors (the SQLite writers) */
	SANDBOX_EXEC = 32,       /* exec (a listener that executes itself again), with SANDBOX_READ of the program */
	SANDBOX_SIGNAL = 64,     /* signal own children, those forked in the sandbox (before Landlock 6: all of its user) */
	SANDBOX_WATCH = 128,     /* inotify */
	SANDBOX_CONNECT_FROM = 512, /* with SANDBOX_CONNECT: from an address of one's own choice, at any port */
	SANDBOX_LISTEN = 256,       /* listen; not in the base, for a listener outside of every profile does it */
};

enum { SANDBOX_MAX_PATHS = 16 };

struct sandbox {
	unsigned rights;
	int ruleset; /* Landlock's, -1 without */
	pid_t owner; /* the process whose the rule set is: others with the same descriptor would change it for all */
	struct sandbox_rule {
		int folder; /* O_PATH */
		uint64_t access;
	} rules[SANDBOX_MAX_PATHS];
	size_t rule_count;
	bool adds;          /* a path with SANDBOX_ADD is in it */
	void *filter;       /* compiled seccomp program, NULL before sandbox_prepare */
	size_t filter_size; /* in bytes */
	size_t own_pid[4];  /* instructions that compare with the process's own id, set when it enters; 0: none */
};

/* Begin a profile with these rights (of enum sandbox_right, or-ed). -1: ERR_SYSTEM. */
int sandbox_init(struct sandbox *sandbox, unsigned rights, struct err *err);
/*
 * Allow a path, a folder or file that exists now. May be called in the child too, before sandbox_enter, for what only
 * this child may reach: its siblings' profiles do not change. -1: ERR_SYSTEM, ERR_LIMIT, ERR_DENIED (SANDBOX_ADD too
 * late).
 */
int sandbox_allow(struct sandbox *sandbox, const char *path, enum sandbox_path access, struct err *err);
/* Compile; after it sandbox_enter is cheap. -1: ERR_SYSTEM. */
int sandbox_prepare(struct sandbox *sandbox, struct err *err);
/*
 * For a listener, before it forks: close what no profile opens, for this process and all it forks and executes, so that
 * its sessions' sandbox_enter only has to add what their profile closes beyond. -1: ERR_SYSTEM.
 */
int sandbox_enter_base(struct err *err);
/* For this process and its children, for good. -1: ERR_SYSTEM; the caller must end then. */
int sandbox_enter(const struct sandbox *sandbox, struct err *err);
void sandbox_free(struct sandbox *sandbox);

/* Limits of a session process: address space and CPU seconds, open descriptors; no core files. 0 = leave as it is.
 * -1: ERR_SYSTEM. */
int sandbox_limit(size_t memory_bytes, unsigned cpu_seconds, unsigned descriptors, struct err *err);

/* Does this kernel have Landlock? Its ABI version, 0 = none. */
int sandbox_landlock_version(void);

#endif

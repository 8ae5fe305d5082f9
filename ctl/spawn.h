/*
 * spawn: starting a daemon as its user, with its sockets and nothing else of ours.
 */
#ifndef POSTROOM_CTL_SPAWN_H
#define POSTROOM_CTL_SPAWN_H

#include "ctl/sockets.h"

#include <sys/types.h>

struct child {
	const struct program *program;
	pid_t pid;      /* 0 = not running */
	bool ready;     /* has said so since it was started */
	bool was_ready; /* has ever said so */
	unsigned restarts;
	int64_t started_ms; /* io_now_ms() */
	int64_t restart_ms; /* when to start it again; 0 = not waiting */
};

/* The socket on which daemons tell how they are (sd_notify(3)), at run/notify.sock. -1: ERR_SYSTEM. */
int spawn_notify_socket(const struct instance *instance, struct err *err);

/* What a daemon tells (common/daemon/daemon.h). */
struct notice {
	pid_t pid; /* who */
	enum notice_kind {
		NOTICE_NONE,
		NOTICE_READY,
		NOTICE_KEEP,   /* the descriptor, under the name in text */
		NOTICE_FORGET, /* what has the name in text */
		NOTICE_STATUS, /* text is for people */
	} kind;
	char text[512];
	int fd; /* -1: none; else the caller's to close */
};

/* Read what was told; false: nothing more. */
bool spawn_read_notice(int notify_fd, struct notice *notice_out);

/*
 * Start a program: its user and groups, standard error to log_fd, its sockets of `sockets` handed down. Sets
 * child->pid. -1: ERR_NOT_FOUND (no such program or user), ERR_SYSTEM.
 */
int spawn_daemon(struct child *child, const struct instance *instance, const struct sockets *sockets, int log_fd,
                 struct err *err);

/*
 * Become a program's user, for good, with its groups; nothing to do where the instance has one user for all.
 * -1: ERR_NOT_FOUND (no such user), ERR_SYSTEM (only root may).
 */
int spawn_become_user(const struct instance *instance, const struct program *program, struct err *err);

#endif

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

/* The socket on which daemons tell that they are ready (sd_notify(3)), at run/notify.sock. -1: ERR_SYSTEM. */
int spawn_notify_socket(const struct instance *instance, struct err *err);

/* Read what was told: returns the pid of a daemon that is ready, 0 where nothing (more) was told. */
pid_t spawn_read_ready(int notify_fd);

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

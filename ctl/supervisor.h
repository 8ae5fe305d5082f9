/*
 * supervisor: holds the listening sockets, starts the daemons as their users, restarts those that die, ends them all.
 *
 * It parses nothing but its conf file. Every socket, network and Unix, is bound here and handed down (LISTEN_FDS), so
 * that a daemon that dies loses no connection that waits: the next one takes it.
 */
#ifndef POSTROOM_CTL_SUPERVISOR_H
#define POSTROOM_CTL_SUPERVISOR_H

#include "common/daemon/instance.h"

/* Run the instance until SIGTERM or SIGINT. Returns the exit status: 0, 1 (already running, nothing could be bound). */
int supervisor_run(const struct instance *instance);

/*
 * Start configd and authd of an instance that does not run, for this process's lifetime (they end with it). Returns 0
 * when both take requests; 1 where the instance runs already; -1 with err.
 */
int supervisor_borrow(const struct instance *instance, struct err *err);

/* The pid of the running supervisor, 0 where the instance does not run. */
pid_t supervisor_pid(const struct instance *instance);

#endif

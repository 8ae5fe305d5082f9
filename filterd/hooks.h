/*
 * hooks: programs of the administrator's that look at mail at fixed points (specification 06, "Legacy extensions"): for
 * compatibility, scripts are preferred.
 *
 * One gets the message on its standard input, POSTROOM_SENDER, POSTROOM_RECIPIENTS (separated by blanks) and
 * POSTROOM_TYPE in its environment, and prints the message that is to go on, or, of collected mail, who gets it;
 * nothing: all stays as it is. Nothing else of this house is open to it. It is run without a shell, as this daemon's
 * user, with limits on time and memory. Each run leaves a line in extrouter.log (common/daemon/logs.h).
 *
 * Who executes programs cannot be confined as filterd is, so a process of its own does, the runner, which filterd forks
 * at its start; it parses nothing and reaches no more than any program of its user, without network and writing to /tmp
 * alone. For each run it forks once more, to feed the program and to kill it when its time is over.
 */
#ifndef POSTROOM_FILTERD_HOOKS_H
#define POSTROOM_FILTERD_HOOKS_H

#include "filterd/filterd.h"

enum {
	HOOK_MEMORY = 512 * 1024 * 1024, /* octets of address space of the program */
	HOOK_ARGUMENTS_MAX = 32,
	HOOK_PATIENCE_S = 10, /* for the runner's answer, beyond the program's own time */
};

/* Fork the runner. Before anything else is opened, and before the sandbox. -1: ERR_SYSTEM. */
int hooks_start(struct filterd *filterd, struct err *err);
/* Hear its answers, once there is an event loop. */
void hooks_listen(struct filterd *filterd);

enum hook {
	HOOK_OUTMAIL, /* taken by SMTP for other servers; prints the message */
	HOOK_ROUTER,  /* collected; prints who gets it */
	HOOK_RELAY,   /* about to be given to a relay; prints the message */
};

/* Is there a program at this point? */
bool hooks_is_set(const struct settings *settings, enum hook hook);
/* Is that for outgoing mail to see this message? */
bool hooks_wanted(const struct job *job);
/*
 * Have it run; sender and recipients are those of job->envelope. done is called once, later: job->replaced is what the
 * program printed, where it did. What it did wrong was told to administrators, and the message goes on as it is; err:
 * this cannot be done now.
 */
void hooks_run(struct job *job, enum hook hook, void (*done)(struct job *job, const struct err *err));
/* Tell administrators that a program did something wrong ("ended with status 3"). */
void hooks_tell(struct job *job, enum hook hook, const char *what);

/* hook_runner.c: all that the runner does. fd: to filterd. */
void hook_runner(int fd) __attribute__((noreturn));

#endif

/*
 * daily: `postroom maintain`, once a day, where the instance runs in the foreground (systemd has a timer for it).
 *
 * It runs at half past three in the night, by local time, as a program of its own with low priority; and soon after the
 * start where that hour was missed. state/maintained has the time of the last one.
 */
#ifndef POSTROOM_CTL_DAILY_H
#define POSTROOM_CTL_DAILY_H

#include "common/daemon/instance.h"

#include <sys/types.h>
#include <time.h>

struct daily {
	const struct instance *instance; /* NULL: it has not begun */
	time_t last;
	pid_t pid; /* of the one that runs; 0: none */
};

void daily_begin(struct daily *daily, const struct instance *instance);
/* Start it where it is time. Returns the milliseconds until it should be looked at again, -1: not at all. */
int64_t daily_look(struct daily *daily);
/* Was that the one that ended? */
bool daily_ended(struct daily *daily, pid_t pid, int status);

/* The first half past three after a time. */
time_t daily_next(time_t last);

#endif

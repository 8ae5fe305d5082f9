/*
 * old_logs: what was in a log before it moved to <name>.lbk twice: log/old/<name>_<date>_<number>.lbk (specification
 * 06, Retention).
 *
 * Before a .lbk is overwritten it is copied there, where more than one old content is to be kept, and what is too much
 * is deleted, in this order: while the disk has too little room, while all of them take too much, what is too many or
 * too old of each log; the oldest first. Only files of that form are ever deleted.
 */
#ifndef POSTROOM_STATUSD_HISTORYD_OLD_LOGS_H
#define POSTROOM_STATUSD_HISTORYD_OLD_LOGS_H

#include "common/settings/settings.h"

struct old_logs {
	const struct settings *settings;
	int folder; /* descriptor of log/old */
};

/* Open the folder, before the sandbox; settings must stay. -1: ERR_SYSTEM. */
int old_logs_open(struct old_logs *old, const struct instance *instance, const struct settings *settings,
                  struct err *err);
void old_logs_close(struct old_logs *old);

/* name.lbk, open as fd, is about to be overwritten: keep it where that is wanted. Failures are logged. */
void old_logs_keep(const struct old_logs *old, const char *name, int fd);

#endif

/*
 * lock: one process at a time runs the daemons of an instance. state/postroom.lock is locked as long as it lives, and
 * says which one it is.
 */
#ifndef POSTROOM_CTL_LOCK_H
#define POSTROOM_CTL_LOCK_H

#include "common/daemon/instance.h"

/*
 * Take the lock, for "run" or "borrowed". Where a command holds it for a moment ("borrowed") it is waited for. Returns
 * its descriptor, to be kept; -1 with ERR_EXISTS ("already running (pid N)").
 */
int lock_take(const struct instance *instance, const char *purpose, struct err *err);

#endif

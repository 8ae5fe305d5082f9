/*
 * layout: the folders and files of an instance that are there before any daemon starts, with their owners.
 *
 * As root every daemon has a user of its own, and root acts in these folders: once an instance is in use nothing is
 * done below a folder that belongs to a daemon's user, who could have put a link there, and nothing that exists is
 * touched.
 */
#ifndef POSTROOM_CTL_LAYOUT_H
#define POSTROOM_CTL_LAYOUT_H

#include "common/daemon/instance.h"

#include <sys/types.h>

/* The owners of a file or folder; NULL: root (or whoever makes the instance). */
struct layout_owner {
	const char *program; /* whose user owns it */
	const char *group;   /* a program whose group it gets, or a group's name */
};

/* Set mode and, where daemons have users of their own, owner. -1: ERR_SYSTEM, ERR_NOT_FOUND (no such user). */
int layout_give(const struct instance *instance, const char *path, struct layout_owner owner, mode_t mode,
                struct err *err);

/* All of it, for a new instance; the users are there. */
int layout_make(const struct instance *instance, struct err *err);

/* What this version has and the one that made the instance had not, users too; before the daemons start. */
int layout_complete(const struct instance *instance, struct err *err);

#endif

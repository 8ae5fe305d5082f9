/*
 * users: the system's users and groups that the daemons run as.
 */
#ifndef POSTROOM_CTL_USERS_H
#define POSTROOM_CTL_USERS_H

#include "common/base/err.h"

/* The group every daemon is in, which may read the settings; and the one that may read the TLS key. */
#define USERS_GROUP     "postroom"
#define USERS_TLS_GROUP "postroom-tls"

/* Make the users of common/daemon/programs.h and the groups where they are missing (groupadd, useradd, as root). */
int users_make(struct err *err);

#endif

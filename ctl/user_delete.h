/*
 * user_delete: `user delete` of one user, or of all that a selection means, once it was confirmed.
 */
#ifndef POSTROOM_CTL_USER_DELETE_H
#define POSTROOM_CTL_USER_DELETE_H

#include "ctl/ctl.h"

#define USER_DELETE_ARGUMENTS "NAME[,NAME...] [--yes]"

/* argv[0] is the verb. */
int user_delete(struct ctl *ctl, int argc, char **argv);

#endif

/*
 * permissions: the lists of whom users may write to and get mail from (common/policy/permissions.h), as configd keeps
 * them: for all, and of each user.
 */
#ifndef POSTROOM_CONFIGD_PERMISSIONS_H
#define POSTROOM_CONFIGD_PERMISSIONS_H

#include "configd/import.h"

int op_permission_add(struct change *change, struct err *err);
int op_permission_remove(struct change *change, struct err *err);
int op_permission_list(struct change *change, struct err *err);

/* A user goes: so do his lists. */
int permissions_drop(struct change *change, const struct user *user, struct err *err);

int permissions_export(struct change *change, struct buf *out, struct err *err);
/* After the users. */
int permissions_import(struct change *change, const struct text *text, struct err *err);

#endif

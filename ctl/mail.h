/*
 * mail: what the commands that work on mailboxes share. They work on the files themselves, the instance may run or not;
 * started as root, they become the user that owns the mail before they touch it, so that all they make is his.
 */
#ifndef POSTROOM_CTL_MAIL_H
#define POSTROOM_CTL_MAIL_H

#include "common/store/store.h"
#include "ctl/ctl.h"

enum { MAIL_WAIT_MS = 30000 }; /* for a mailbox that is in use */

/* The number of a user, from the settings as published. -1: ERR_NOT_FOUND, and as settings_open. */
int mail_find_user(const struct instance *instance, const char *name, int64_t *uid, struct err *err);

/* Call visit for every mailbox; name is "uid N". One that fails does not keep the others from being visited. Returns
 * CTL_DONE, or CTL_REFUSED where one did. */
typedef int mail_visit(struct ctl *ctl, int64_t uid, const char *name, void *context);
int mail_each(struct ctl *ctl, mail_visit *visit, void *context);

/*
 * Become the mail user, for good. read_all: keep the right to read files of others, to import what a user has.
 * Returns CTL_DONE or CTL_REFUSED, said why.
 */
int mail_become(struct ctl *ctl, bool read_all);

/* A user's mailbox: found, root given up, opened; the recycle bin is kept as set. *mailbox_out is to be closed. */
int mail_open(struct ctl *ctl, const char *name, bool read_all, struct mailbox **mailbox_out);
/* The same without a user's name. */
int mail_open_uid(struct ctl *ctl, int64_t uid, struct mailbox **mailbox_out);

/* A count on a terminal, in one line that is written over; nothing where standard error is none. */
void mail_progress(const char *what, int64_t done, bool end);

#endif

/* store/backup: index.bak, written by who changed flags and read by mailbox_repair; see backup.c. */
#ifndef POSTROOM_STORE_BACKUP_H
#define POSTROOM_STORE_BACKUP_H

#include "common/store/mailbox.h"

/* Where this process changed flags and index.bak is a day old. Failures are logged. */
void backup_if_due(struct mailbox *mailbox);

/*
 * salvage.c. What an index that was set aside, or index.bak, still says about messages that are here, as far as it can
 * be read: flags, dates, ids, and what the mailbox keeps beside them. name is below the mailbox; flags: of db_open. -1:
 * the index that is open fails.
 */
int salvage(struct mailbox *mailbox, const char *name, unsigned flags, struct err *err);
/* What it says of files in msg/ that are messages no more; they are to be moved to the recycle bin by removed_finish.
 */
int salvage_removed(struct mailbox *mailbox, const char *name, struct err *err);
/* Rows for files of the recycle bin that have none, and none for those whose file is gone. */
int salvage_bin(struct mailbox *mailbox, struct err *err);

#endif

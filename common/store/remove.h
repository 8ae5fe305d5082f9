/*
 * store/remove: one message's row goes, within the caller's transaction, under the lock. The caller counts it out of
 * the totals and lets its UID vanish, and calls removed_defer after the commit.
 */
#ifndef POSTROOM_STORE_REMOVE_H
#define POSTROOM_STORE_REMOVE_H

#include "common/store/mailbox.h"

/* bin_time: to the recycle bin, removed at that second; 0: its file is unlinked. */
int remove_row(struct mailbox *mailbox, int64_t folder, uint32_t uid, struct str id, int64_t bin_time, struct err *err);

#endif

/*
 * store/verify: does a mailbox hold together? Reads everything but the messages' bytes, changes nothing, under the lock
 * (deliveries wait that long: about a second for 100,000 messages).
 */
#ifndef POSTROOM_STORE_VERIFY_H
#define POSTROOM_STORE_VERIFY_H

#include "common/store/store.h"

struct mailbox_verify {
	int64_t folders, messages, bytes; /* looked at, with held ones */
	int64_t findings;
};

/*
 * Rows against files, totals, order of MODSEQ and UIDs, marks, what vanished, the recycle bin. found is called with a
 * sentence for each thing that is not as it should be. -1: it could not be looked at (STORE_BUSY, ERR_SYSTEM,
 * ERR_CORRUPT).
 */
int mailbox_verify(struct mailbox *mailbox, int wait_ms, void (*found)(const char *what, void *context), void *context,
                   struct mailbox_verify *report, struct err *err);

#endif

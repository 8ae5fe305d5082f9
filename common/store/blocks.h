/*
 * store/blocks: what somebody derives from all messages of a folder, kept in few long rows of the index, so that all of
 * it is read in some milliseconds, where a row for each of a hundred thousand messages (mailbox_cache_each) takes half
 * a second.
 *
 * A block is about the messages with UIDs from `first` to `last`. The blocks of a folder follow each other from UID 1
 * on without a gap; behind one nothing is believed. So who writes replaces all from some UID on, in one transaction,
 * and whoever wrote meanwhile with other borders has at worst made the rest unbelievable, never wrong.
 *
 * Messages never change and UIDs are never given twice, so what is there stays right; of messages that went it says
 * more than there is, and of those that are new nothing: readers hold it against the folder. The format is the caller's
 * (imapd). Losing blocks costs time only; they are not synced, and they go with their folder.
 */
#ifndef POSTROOM_STORE_BLOCKS_H
#define POSTROOM_STORE_BLOCKS_H

#include "common/store/store.h"

struct mailbox_block {
	uint32_t first, last;
	struct str data;
};

/* Visit a folder's blocks in their order; data is valid while visit runs, which returns false to stop. -1: as the
 * database fails. */
int mailbox_blocks_each(struct mailbox *mailbox, int64_t folder,
                        bool (*visit)(const struct mailbox_block *block, void *context), void *context,
                        struct err *err);
/*
 * Keep blocks (at least one, without gaps) in the place of all that reach to blocks[0].first or beyond. Never waits:
 * where the lock is taken or the folder is gone nothing is kept, and 0 returned. -1: as the database fails.
 */
int mailbox_blocks_put(struct mailbox *mailbox, int64_t folder, const struct mailbox_block *blocks, size_t count,
                       struct err *err);

#endif

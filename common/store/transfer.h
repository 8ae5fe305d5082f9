/*
 * store/transfer: messages that are there already get a second row in a folder, with new UIDs: COPY, MOVE, undelete.
 *
 * The files are hard links. Their UIDs and names are committed first as a list of files to unlink (table removed), and
 * taken off it in the transaction that makes the rows: so a process that dies between leaves nothing behind, unlike an
 * APPEND, whose file is the only one of its message.
 *
 * All under the lock, in this order: transfer_begin, transfer_add for each message, transfer_link, the caller's
 * transaction with transfer_insert for each, then transfer_end.
 */
#ifndef POSTROOM_STORE_TRANSFER_H
#define POSTROOM_STORE_TRANSFER_H

#include "common/store/mailbox.h"

struct transfer_item {
	struct message_row row; /* where it comes from */
	uint32_t uid;           /* where it goes */
};

struct transfer {
	struct mailbox *mailbox;
	struct arena arena;
	struct transfer_item *items;
	size_t count, capacity;
	struct folder_row to;
	struct mailbox_totals change; /* of that folder */
};

int transfer_begin(struct transfer *transfer, struct mailbox *mailbox, int64_t to, struct err *err);
void transfer_add(struct transfer *transfer, const struct message_row *row);
/* Give out UIDs, make the links, synced. to.modseq is the new rows' then. */
int transfer_link(struct transfer *transfer, struct err *err);
/* The row of one message, as `row` says but for folder, UID and MODSEQ; counted into change. */
int transfer_insert(struct transfer *transfer, const struct transfer_item *item, const struct message_row *row,
                    struct err *err);
/* finish: whatever `removed` lists is removed now; after a failure that is what was linked and not inserted. */
void transfer_end(struct transfer *transfer, bool finish);

#endif

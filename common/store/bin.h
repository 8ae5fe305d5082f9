/*
 * store/bin: the recycle bin: what a user removed, kept for some hours.
 *
 * mailbox_expunge and mailbox_folder_delete move messages (and folders) here, out of every client's sight and count;
 * their files stay (bin/ instead of msg/). With 0 hours nothing is kept. What is older is purged when the mailbox is
 * opened, at most once an hour. A lost index loses the bin's list, not its files: repair leaves them for the purge.
 */
#ifndef POSTROOM_STORE_BIN_H
#define POSTROOM_STORE_BIN_H

#include "common/store/store.h"

/* How long removed mail is kept from now on, seconds; daemons say it after mailbox_open, from the setting. The default
 * is 72 hours. 0: removed at once. */
void mailbox_set_bin(struct mailbox *mailbox, int64_t keep_seconds);

struct mailbox_bin {
	int64_t messages, bytes;               /* of folders that exist */
	int64_t folder_messages, folder_bytes; /* of removed folders */
	int64_t folders;
};
/* What was removed at or after `since` (seconds since 1970; 0: all). */
int mailbox_bin_stat(struct mailbox *mailbox, int64_t since, struct mailbox_bin *bin, struct err *err);
/*
 * Bring back what was removed at or after since: with its flags, without \Deleted; unread: without \Seen; flagged: with
 * \Flagged. Messages get new UIDs (RFC 9051 2.3.1.1); a removed folder comes back under its name, or into the folder
 * that has it now. restored: what came back.
 */
int mailbox_undelete(struct mailbox *mailbox, int64_t since, bool unread, bool flagged, int wait_ms,
                     struct mailbox_bin *restored, struct err *err);
/* Remove for good what was removed before `before`. */
int mailbox_bin_purge(struct mailbox *mailbox, int64_t before, int wait_ms, struct mailbox_bin *purged,
                      struct err *err);

#endif

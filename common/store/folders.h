/*
 * store/folders: what IMAP does with folders, beside making them (store.h).
 *
 * The hierarchy is in the names alone, levels separated by '/': a parent may be missing (RFC 9051 7.3.1 \NonExistent).
 * INBOX cannot be removed. Renaming INBOX moves its messages into a new folder (RFC 9051 6.3.6). Removing a folder
 * moves it and its messages to the recycle bin (bin.h). Everything here is synced before it returns.
 */
#ifndef POSTROOM_STORE_FOLDERS_H
#define POSTROOM_STORE_FOLDERS_H

#include "common/store/store.h"

enum {
	STORE_SUBSCRIPTIONS_MAX = 20000,
	STORE_ACL_MAX = 1000,      /* entries of a folder */
	STORE_RIGHTS_MAX = 32,     /* letters */
	STORE_METADATA_MAX = 1000, /* entries of a folder, or of the mailbox */
	STORE_METADATA_VALUE_MAX = 65536,
};

/* With all below it. -1: ERR_NOT_FOUND, ERR_EXISTS (the new name, or one below it), ERR_SYNTAX, ERR_LIMIT, ERR_DENIED
 * (into itself). */
int mailbox_folder_rename(struct mailbox *mailbox, int64_t id, struct str name, int wait_ms, struct err *err);
/* Without those below it. -1: ERR_NOT_FOUND, ERR_DENIED (INBOX). */
int mailbox_folder_delete(struct mailbox *mailbox, int64_t id, int wait_ms, struct err *err);

/* A folder's counts for STATUS, without a scan where an index can tell. */
struct mailbox_counts {
	int64_t unseen, deleted, deleted_bytes, recent;
};
int mailbox_folder_counts(struct mailbox *mailbox, int64_t id, struct mailbox_counts *counts, struct err *err);

/* Special use (RFC 6154): attributes as "\Sent \Archive" separated by spaces, "" for none. One folder has a use at a
 * time: -1 with ERR_EXISTS where another has it. out: STORE_NAME_MAX bytes. */
int mailbox_folder_set_use(struct mailbox *mailbox, int64_t id, struct str uses, int wait_ms, struct err *err);
int mailbox_folder_use(struct mailbox *mailbox, int64_t id, char *out, size_t size, struct err *err);

/* Names a client subscribed to, whether there is such a folder or not (01-18.4); names in #users too. Sorted. */
int mailbox_subscribe(struct mailbox *mailbox, struct str name, bool subscribed, int wait_ms, struct err *err);
int mailbox_subscription_each(struct mailbox *mailbox, bool (*visit)(struct str name, void *context), void *context,
                              struct err *err);
int mailbox_is_subscribed(struct mailbox *mailbox, struct str name, bool *subscribed, struct err *err);

/*
 * Access lists (RFC 4314): who may do what, as the letters of rights in their usual order. identifier: "user 12" by
 * uid, "group 3", "anyone", each with '-' before it for rights taken away. A new folder takes its parent's list. rights
 * "" removes the entry. The owner's own rights stand under "owner"; without an entry he has all.
 */
int mailbox_acl_set(struct mailbox *mailbox, int64_t folder, struct str identifier, struct str rights, int wait_ms,
                    struct err *err);
int mailbox_acl_each(struct mailbox *mailbox, int64_t folder,
                     bool (*visit)(struct str identifier, struct str rights, void *context), void *context,
                     struct err *err);

/* All identifiers that any folder's list gives rights to, each once, without "owner". */
int mailbox_acl_grantees(struct mailbox *mailbox, bool (*visit)(struct str identifier, void *context), void *context,
                         struct err *err);

/* Metadata (RFC 5464): folder 0 is the mailbox itself. Entry names are compared without regard to case. value with data
 * NULL removes. -1: ERR_LIMIT. */
int mailbox_metadata_set(struct mailbox *mailbox, int64_t folder, struct str entry, struct str value, int wait_ms,
                         struct err *err);
int mailbox_metadata_each(struct mailbox *mailbox, int64_t folder,
                          bool (*visit)(struct str entry, struct str value, void *context), void *context,
                          struct err *err);

#endif

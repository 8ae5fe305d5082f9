/*
 * store/changes: what happened in a folder since a moment, and the changes that IMAP makes (RFC 7162).
 *
 * Every change of a message gives it the folder's next MODSEQ; a message that leaves a folder leaves its UID in a list
 * of what vanished, with a MODSEQ too. So a session that knows a folder up to one MODSEQ asks for what came after, and
 * there is one way to follow a mailbox for the session that made a change and for all others.
 *
 * Added, copied and removed messages are synced before the call returns. Flags are written at once, visible to all
 * sessions, and safe from the end of any process; mailbox_sync (or the next synced change) saves them from the end of
 * power too. Where power ended before that, each folder's MODSEQ goes on from its mark, so that no MODSEQ that a client
 * has heard is given to another change.
 */
#ifndef POSTROOM_STORE_CHANGES_H
#define POSTROOM_STORE_CHANGES_H

#include "common/base/buf.h"
#include "common/store/store.h"

enum {
	STORE_KEYWORD_MAX = 128,      /* octets of one keyword */
	STORE_KEYWORDS_MAX = 4096,    /* octets of a message's keywords together */
	STORE_VANISHED_KEPT = 100000, /* UIDs remembered of a folder at least, after they went */
};

/* One message, as a view of the folder needs it. */
struct mailbox_entry {
	uint32_t uid;
	uint32_t flags; /* enum store_flag */
	int64_t modseq;
	struct str keywords; /* sorted without regard to case, separated by one space; lives as long as the visit */
};

struct mailbox_visitor {
	/* Messages that are there and whose MODSEQ is above the moment, by UID upwards. */
	void (*present)(const struct mailbox_entry *entry, void *context);
	/* UIDs that went after the moment, in ranges, rising. May hold UIDs that never were there. NULL: not wanted. */
	void (*vanished)(uint32_t first, uint32_t last, void *context);
	void *context;
};

/* A folder at the moment of the visit. */
struct mailbox_state {
	uint32_t uidvalidity, uidnext;
	int64_t modseq;     /* of the latest change */
	int64_t remembered; /* what vanished at or before this MODSEQ may be forgotten */
	int64_t messages;
	uint32_t recent; /* UIDs from here on were seen by no session that had the folder selected for writing */
};

/* As mailbox_expunge, for those that have \Deleted still: another session may have taken it back meanwhile. */
int mailbox_expunge_deleted(struct mailbox *mailbox, int64_t folder, const uint32_t *uids, size_t count, int wait_ms,
                            struct err *err);

/* All in one transaction. since 0: the whole folder, without what vanished. -1: ERR_NOT_FOUND (the folder is gone),
 * ERR_SYSTEM, ERR_CORRUPT. */
int mailbox_changes(struct mailbox *mailbox, int64_t folder, int64_t since, const struct mailbox_visitor *visitor,
                    struct mailbox_state *state, struct err *err);
/* The folder's MODSEQ and UIDNEXT alone, as cheap as can be. */
int mailbox_peek(struct mailbox *mailbox, int64_t folder, int64_t *modseq_out, uint32_t *uidnext_out, struct err *err);
/* Which of a folder's UIDs, known to a client as the ranges of a sequence set, are not there (for QRESYNC where
 * `remembered` is not far back enough): visitor->vanished is called. */
int mailbox_missing(struct mailbox *mailbox, int64_t folder, uint32_t first, uint32_t last,
                    const struct mailbox_visitor *visitor, struct err *err);
/* Messages up to uidnext - 1 have been seen by a session that may write: `recent` moves. */
int mailbox_mark_recent(struct mailbox *mailbox, int64_t folder, uint32_t uidnext, int wait_ms, struct err *err);

/* Everything else about one message. */
struct mailbox_details {
	int64_t size, internal_date, save_date; /* octets, seconds since 1970 */
	int64_t modseq;
	int64_t email_id; /* positive; the same for a copy, never for another message (RFC 8474 5.1) */
	uint32_t flags;
};
int mailbox_details(struct mailbox *mailbox, int64_t folder, uint32_t uid, struct mailbox_details *details,
                    struct err *err);
/* The same for many at once: uids rising; visit is not called for those that went. It must not wait for anybody, nor
 * call what is in this header. */
int mailbox_details_each(struct mailbox *mailbox, int64_t folder, const uint32_t *uids, size_t count,
                         void (*visit)(uint32_t uid, const struct mailbox_details *details, void *context),
                         void *context, struct err *err);
/* Of a message that was removed, as long as it is in the recycle bin; modseq is 0. -1: ERR_NOT_FOUND, ... */
int mailbox_details_gone(struct mailbox *mailbox, int64_t folder, uint32_t uid, struct mailbox_details *details,
                         struct err *err);

enum store_how {
	STORE_SET,
	STORE_ADD,
	STORE_TAKE,
};

struct store_change {
	enum store_how how;
	unsigned flags;
	struct str keywords;     /* separated by spaces */
	int64_t unchanged_since; /* -1: none; otherwise messages with a higher MODSEQ are left alone (RFC 7162 3.1.3) */
	unsigned closed;         /* flags that stay as they are, whatever else is said */
	bool closed_keywords;    /* keywords stay as they are */
};

/* What becomes of a message's keywords, as mailbox_entry has them, by a change. -1: ERR_LIMIT. */
int keywords_change(struct str old, enum store_how how, struct str change, struct buf *out, struct err *err);

/*
 * Change flags and keywords of messages (uids rising; those that went are passed over). One transaction, one MODSEQ for
 * all; a message that already is as wanted keeps its MODSEQ. failed (count entries, may be NULL without
 * unchanged_since) gets the UIDs that unchanged_since left alone. -1: nothing was changed: STORE_BUSY, ERR_LIMIT (too
 * many keywords), ...
 */
int mailbox_store(struct mailbox *mailbox, int64_t folder, const uint32_t *uids, size_t count,
                  const struct store_change *change, uint32_t *failed, size_t *failed_count, int wait_ms,
                  struct err *err);

struct store_copy {
	int64_t from, to; /* folders */
	bool move;        /* remove from the first in the same transaction (RFC 6851) */
	bool keep;        /* internal dates, flags and keywords go with the copy; otherwise now, and none */
	unsigned closed;  /* flags that do not go with the copy */
	bool closed_keywords;
};
struct store_pair {
	uint32_t from, to; /* UIDs */
};
/*
 * Copy or move messages between folders of one mailbox, all or none (RFC 9051 6.4.7), by hard links, synced. pairs:
 * count entries; *copied_out are filled, in the order of uids (rising). Those that went meanwhile are passed over.
 * -1: nothing was copied: ERR_NOT_FOUND (no such folder), STORE_BUSY, ERR_TEMPORARY (disk full), ...
 */
int mailbox_copy(struct mailbox *mailbox, const struct store_copy *copy, const uint32_t *uids, size_t count,
                 struct store_pair *pairs, size_t *copied_out, int wait_ms, struct err *err);

/* Bring flags that were changed since to disk; nothing to do is cheap. */
int mailbox_sync(struct mailbox *mailbox, struct err *err);
/* A session waits for its client: give back memory that can be had again (page cache, statements). */
void mailbox_idle(struct mailbox *mailbox);

/*
 * One blob a message that costs work to compute (envelope, structure, keys of sort and thread), kept as long as the
 * message, copied with it. Its format is the caller's (imapd); losing it costs time only. Not synced.
 */
enum { STORE_CACHE_MAX = 64 * 1024 }; /* larger ones are not kept */
struct mailbox_cached {
	uint32_t uid;
	struct str blob;
};
/* uids rising. visit is called for those that have one. */
int mailbox_cache_each(struct mailbox *mailbox, int64_t folder, const uint32_t *uids, size_t count,
                       void (*visit)(uint32_t uid, struct str blob, void *context), void *context, struct err *err);
/* Never waits: where the lock is taken nothing is kept, and 0 returned. */
int mailbox_cache_put(struct mailbox *mailbox, int64_t folder, const struct mailbox_cached *cached, size_t count,
                      struct err *err);

#endif

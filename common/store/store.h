/*
 * store: mailboxes at rest, one folder of the file system for each: state/mail/<uid % 100>/<uid>/.
 *
 *   index.db        folders, messages, totals, what was delivered (SQLite, WAL)
 *   msg/<folder>/<uid / 1000>/<uid>[.<message id>]   the messages: immutable, 0440, CRLF, sent to clients as they are
 *   marks           how far UIDs, MODSEQ, UIDVALIDITY and folder ids may have been given out, and the folders' names
 *   lock            flock: held by who writes the index, and while the index is opened; "w" in it: by one that died
 *   bin/...         what was removed, as in msg/, for some hours (bin.h)
 *   index.bak       flags and the like of yesterday at the latest, for a lost index
 *   pop3.lock       flock: held by the one POP3 session
 *
 * Promises: a message is acknowledged after its bytes, its name and its row are synced, in that order; a name without a
 * leading dot in msg/ is always a complete message, so one that has no row (the process died between the two) is taken
 * in when the mailbox is opened next, and its message id keeps a repeated delivery from adding a second copy, also when
 * the user has deleted the first meanwhile. A UID is never given twice: marks is synced before UIDs of a new block are
 * used, so that a lost index is rebuilt from msg/ and marks (mailbox_repair). Rows go before files when a message is
 * removed. One stored file serves all recipients of a message by hard links.
 *
 * Nothing below a mailbox's folder is reached by a name that a stranger chose: folder names are in the index only,
 * message ids are checked (letters, digits, '-'). A process confined to the one folder can do everything here but make
 * it. Readers need no lock; writers wait for `lock` as long as they say, then fail with STORE_BUSY.
 */
#ifndef POSTROOM_STORE_STORE_H
#define POSTROOM_STORE_STORE_H

#include "common/base/err.h"
#include "common/base/str.h"
#include "common/daemon/instance.h"

enum store_err {
	STORE_BUSY = 700, /* another process holds the lock that was asked for; try again later */
	STORE_INDEX_LOST, /* the index is missing or damaged: `postroom repair` */
};

enum {
	STORE_INBOX = 1,       /* folder id of INBOX */
	STORE_NAME_MAX = 1000, /* bytes of a folder's full name, UTF-8, levels separated by '/' */
	STORE_FOLDERS_MAX = 10000,
	STORE_ID_MAX = 63, /* bytes of a message id */
	STORE_PATH_MAX = INSTANCE_PATH_MAX + 64,
	STORE_DELIVERED_DAYS = 30, /* how long a delivered message id is remembered at least */
};

enum store_flag { /* RFC 3501 2.3.2 */
	              STORE_SEEN = 1,
	              STORE_ANSWERED = 2,
	              STORE_FLAGGED = 4,
	              STORE_DELETED = 8,
	              STORE_DRAFT = 16,
};

struct mailbox;

/* Write the path of a user's mailbox folder into out (STORE_PATH_MAX bytes are enough). Returns out. */
const char *mailbox_path(char *out, size_t size, const struct instance *instance, int64_t uid);

/*
 * Make the folder of a user's mailbox where it is missing, 0700, synced. A session calls this before it enters a
 * sandbox confined to mailbox_path; all else works inside it. -1: ERR_SYSTEM, ERR_SYNTAX (a uid below 1).
 */
int mailbox_make(const struct instance *instance, int64_t uid, struct err *err);

/*
 * Open a user's mailbox; a new one is made on demand, with an empty INBOX. Takes in what an unclean stop has left.
 * wait_ms: how long to wait for the lock. -1: STORE_BUSY, STORE_INDEX_LOST, ERR_SYSTEM, ERR_TEMPORARY (disk full),
 * ERR_CORRUPT; *mailbox_out is NULL then.
 */
int mailbox_open(struct mailbox **mailbox_out, const struct instance *instance, int64_t uid, int wait_ms,
                 struct err *err);
/* Close; releases the POP3 lock. NULL is allowed. */
void mailbox_close(struct mailbox *mailbox);

int64_t mailbox_uid(const struct mailbox *mailbox); /* the user's number */

/*
 * Take the POP3 lock, at once or not at all; it is held until mailbox_unlock_pop3, mailbox_close or the process's end.
 * -1: STORE_BUSY (another POP3 session), ERR_SYSTEM.
 */
int mailbox_lock_pop3(struct mailbox *mailbox, struct err *err);
/* For a session of another protocol that is to exclude POP3 sessions, and to be excluded by them; several may. */
int mailbox_share_pop3(struct mailbox *mailbox, struct err *err);
void mailbox_unlock_pop3(struct mailbox *mailbox);

/* Totals of a mailbox, without looking at messages. Held messages count apart. Bytes as sent to clients. */
struct mailbox_totals {
	int64_t messages;
	int64_t bytes;
	int64_t held_messages;
	int64_t held_bytes;
	int64_t unseen; /* of messages: without \Seen; with \Deleted, and their bytes */
	int64_t deleted, deleted_bytes;
};
int mailbox_stat(struct mailbox *mailbox, struct mailbox_totals *totals, struct err *err);

struct mailbox_folder {
	int64_t id; /* never used again in this mailbox */
	char name[STORE_NAME_MAX + 1];
	uint32_t uidvalidity;
	uint32_t uidnext;
	int64_t modseq; /* highest in the folder */
	struct mailbox_totals totals;
};

/* Find a folder by id, or by name ("INBOX" in any case). -1: ERR_NOT_FOUND, or as a database fails. */
int mailbox_folder(struct mailbox *mailbox, int64_t id, struct mailbox_folder *folder, struct err *err);
int mailbox_folder_find(struct mailbox *mailbox, struct str name, struct mailbox_folder *folder, struct err *err);
/* All folders, sorted by name, INBOX first. visit returns false to stop. */
int mailbox_folder_each(struct mailbox *mailbox, bool (*visit)(const struct mailbox_folder *folder, void *context),
                        void *context, struct err *err);
/* Make a folder. -1: ERR_EXISTS, ERR_SYNTAX (name empty, too long, not UTF-8, control characters), ERR_LIMIT,
 * STORE_BUSY. */
int mailbox_folder_create(struct mailbox *mailbox, struct str name, int wait_ms, int64_t *id_out, struct err *err);

/* A folder as it is at one moment, by UID upwards, without held messages. 16 bytes a message. */
struct mailbox_message {
	uint32_t uid;
	uint32_t flags; /* enum store_flag */
	int64_t size;   /* octets, as sent to clients */
};
struct mailbox_list {
	struct mailbox_message *messages;
	size_t count;
	int64_t bytes; /* sum of sizes */
	uint32_t uidvalidity;
	uint32_t uidnext;
	int64_t modseq;
};
/* -1: ERR_NOT_FOUND (no such folder), ERR_SYSTEM, ERR_CORRUPT; nothing to free then. */
int mailbox_list(struct mailbox *mailbox, int64_t folder, struct mailbox_list *list, struct err *err);
void mailbox_list_free(struct mailbox_list *list);

/* What identifies a message for ever (RFC 1939 UIDL, at most 21 characters): "<uidvalidity>-<uid>". Returns out. */
enum { STORE_UNIQUE_MAX = 22 };
const char *mailbox_unique(char out[STORE_UNIQUE_MAX], uint32_t uidvalidity, uint32_t uid);

/*
 * Open a message for reading; its bytes never change. *fd_out is the caller's. One that was removed can be read as long
 * as it is in the recycle bin, or its file was not taken away yet, by who still believes it to be there (RFC 2180 4.1).
 * -1: ERR_NOT_FOUND, ERR_SYSTEM.
 */
int mailbox_open_message(struct mailbox *mailbox, int64_t folder, uint32_t uid, int *fd_out, struct err *err);

/*
 * The message of a folder that was stored with that id (struct store_source). 1; 0: it is not there (any more); -1: as
 * a database fails. It looks at every message of the folder.
 */
int mailbox_find_message(struct mailbox *mailbox, int64_t folder, struct str id, uint32_t *uid_out, struct err *err);

/* The id that a message was stored with, "" where it had none. -1: ERR_NOT_FOUND, or as a database fails. */
int mailbox_message_id(struct mailbox *mailbox, int64_t folder, uint32_t uid, char out[STORE_ID_MAX + 1],
                       struct err *err);

/*
 * Remove messages; uids that are not there are passed over. All rows go in one synced transaction; the files later,
 * many together, at the latest by mailbox_idle, mailbox_close or the next opening. *removed_out (may be NULL): how many
 * went. -1: nothing was removed, or it is not known to be on disk (ERR_SYSTEM: a sync failed); it is safe to ask again.
 */
int mailbox_expunge(struct mailbox *mailbox, int64_t folder, const uint32_t *uids, size_t count, int wait_ms,
                    size_t *removed_out, struct err *err);
/* Make messages invisible to all clients instead, and keep them. Otherwise as mailbox_expunge. */
int mailbox_hold(struct mailbox *mailbox, int64_t folder, const uint32_t *uids, size_t count, int wait_ms,
                 size_t *held_out, struct err *err);

/* Bytes to be stored: prefix (trace fields, CRLF), then size octets of fd from offset on. */
struct store_source {
	int fd;
	int64_t offset;
	int64_t size;
	struct str prefix;
	struct str id; /* message id: a mailbox takes one copy of it; empty: no such check (APPEND) */
};

enum store_result {
	STORE_ADDED,     /* synced, uid is set */
	STORE_DUPLICATE, /* the mailbox has had this id already (the user may have removed it since) */
	STORE_FAILED,    /* not stored; err says why (STORE_BUSY: the mailbox is locked) */
};

struct store_append {
	struct mailbox *mailbox;
	int64_t folder;
	const struct store_source *source; /* appends with the same pointer share one file */
	int64_t internal_date;             /* seconds since 1970 */
	unsigned flags;                    /* enum store_flag */
	struct str keywords;               /* separated by spaces */
	/* set by store_append: */
	enum store_result result;
	uint32_t uid;
	struct err err;
};

/* Has the mailbox had a message of that id? What a STORE_DUPLICATE would be: 1, 0; -1: as a database fails. */
int store_has_had(struct mailbox *mailbox, struct str id, struct err *err);

/*
 * Store many messages in many mailboxes with few syncs. Each append ends added, duplicate or failed, on its own; of one
 * that failed nothing stays. A mailbox whose lock is not free within wait_ms fails alone, with STORE_BUSY (with several
 * mailboxes wait_ms must be 0: locks are never waited for while others are held).
 */
void store_append(struct store_append *appends, size_t count, int wait_ms);
/*
 * The same for messages of one mailbox that come all or not at all (RFC 3502); without message ids. They get their UIDs
 * in the order given. -1: none was stored, or it is not known to be on disk (ERR_SYSTEM: a sync failed).
 */
int store_append_together(struct store_append *appends, size_t count, int wait_ms, struct err *err);

/* What mailbox_repair did. */
struct mailbox_repair {
	bool index_rebuilt; /* from the files; the old index, if any, is kept as index.db.damaged-<time> */
	int64_t messages;   /* in the mailbox now */
	int64_t bytes;
	int64_t taken_in;      /* files without a row that became messages */
	int64_t renumbered;    /* of them, those that needed a new UID */
	int64_t rows_removed;  /* rows whose file is gone */
	int64_t files_removed; /* left by interrupted work */
};
/*
 * Check a mailbox and mend it: a lost or damaged index is rebuilt (flags are saved where the damaged one can still be
 * read), totals are counted anew, files that belong to nothing are removed. Under the lock, so that the instance may
 * run. -1: ERR_NOT_FOUND (no such mailbox), STORE_BUSY, ERR_SYSTEM, ERR_TEMPORARY.
 */
int mailbox_repair(const struct instance *instance, int64_t uid, int wait_ms, struct mailbox_repair *report,
                   struct err *err);

#endif

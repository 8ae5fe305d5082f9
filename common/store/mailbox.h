/*
 * store/mailbox: the inside of a mailbox, for the files of common/store alone.
 *
 * The rule that all of them keep: whoever writes a row, a name below msg/ or the marks holds `lock`
 * (mailbox_lock, mailbox_unlock), and so does who opens the index: SQLite 3.40 loses data where two processes write or
 * checkpoint in the same instant.
 */
#ifndef POSTROOM_STORE_MAILBOX_H
#define POSTROOM_STORE_MAILBOX_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/db/db.h"
#include "common/store/changes.h"
#include "common/store/store.h"

#include <sys/types.h>

enum {
	BUCKET_SIZE = 1000, /* UIDs in one folder of the file system */
	UID_BLOCK = 1000,   /* how far ahead UIDs are reserved in marks */
	MODSEQ_BLOCK = 100000,
	BIN_KEEP = 72 * 3600, /* seconds, until mailbox_set_bin says otherwise */
	FILE_NAME_MAX = 96,   /* a leading dot, a UID, a dot, a message id */
	FOLDER_PATH_MAX = 48, /* "msg/<folder>/<bucket>" */
};

enum mailbox_statement {
	STATEMENT_STAT,
	STATEMENT_MESSAGE_BY_ID,
	STATEMENT_FOLDER_BY_ID,
	STATEMENT_FOLDER_BY_NAME,
	STATEMENT_FOLDER_ADVANCE,
	STATEMENT_WAS_DELIVERED,
	STATEMENT_ADD_DELIVERED,
	STATEMENT_ADD_MESSAGE,
	STATEMENT_MESSAGE,
	STATEMENT_LIST,
	STATEMENT_NAMES,
	STATEMENT_GONE_NAME,
	STATEMENT_DELETE_MESSAGE,
	STATEMENT_HOLD_MESSAGE,
	STATEMENT_ADD_REMOVED,
	STATEMENT_DELETE_REMOVED,
	STATEMENT_PEEK,
	STATEMENT_MARK_RECENT,
	STATEMENT_FOLDER_ALL,
	STATEMENT_FOLDER_SINCE,
	STATEMENT_VANISHED_SINCE,
	STATEMENT_UIDS,
	STATEMENT_DETAILS,
	STATEMENT_FLAGS,
	STATEMENT_SET_FLAGS,
	STATEMENT_MESSAGE_ALL,
	STATEMENT_ADD_VANISHED,
	STATEMENT_ADD_BIN,
	STATEMENT_CACHE_GET,
	STATEMENT_CACHE_PUT,
	STATEMENT_CACHE_COPY,
	STATEMENT_CACHE_DELETE,
	STATEMENT_BLOCKS,
	STATEMENT_BLOCK_PUT,
	STATEMENT_BLOCKS_DELETE,
	STATEMENT_COUNT,
};

/* Of table folder, as folder.c reads them. */
#define FOLDER_COLUMNS                                                                                           \
	"id, name, uidvalidity, uidnext, modseq, uid_mark, modseq_mark, messages, bytes, held_messages, held_bytes," \
	" unseen, deleted, deleted_bytes, recent, forgotten, vanished"

struct names_ahead;

struct mailbox {
	int64_t uid;
	char path[STORE_PATH_MAX];
	int root;      /* descriptor of the mailbox's folder */
	int lock;      /* descriptor of `lock` */
	int pop3_lock; /* -1 while not held */
	bool working;  /* the lock file says that files and rows are being changed */
	struct db db;
	struct db_statement statements[STATEMENT_COUNT]; /* prepared when first needed */
	struct names_ahead *ahead;                       /* open.c; NULL before the first message is opened */
	ino_t index_inode;                               /* tells when mailbox_repair has put another index in place */
	int64_t pruned;     /* when old rows of `delivered` were last removed, seconds since 1970 */
	int64_t bin_keep;   /* seconds */
	size_t unfinished;  /* messages removed by this process whose files are still to go (removed.c) */
	bool flags_changed; /* by this process, since the last look at index.bak */
	int log_pages;      /* in the write-ahead log */
	enum log_state {
		LOG_SYNCED,
		LOG_LOOSE,    /* it holds changes that nobody was promised: flags */
		LOG_UNSYNCED, /* it may hold rows of a process that died before its sync */
		LOG_DOUBTFUL, /* a sync failed: only moving it into the index shows what is on disk */
	} log_state;
};

/* mailbox.c. Lock, and see to it that the index is the one in place. wait_ms 0: at once or not. -1: STORE_BUSY, ... */
int mailbox_lock(struct mailbox *mailbox, int wait_ms, struct err *err);
/* The same for a change that promises nothing: what others have left in the log is not synced first. */
int mailbox_lock_loose(struct mailbox *mailbox, int wait_ms, struct err *err);
/* Before reading: has mailbox_repair put another index in place? Then it is opened. */
int mailbox_look(struct mailbox *mailbox, struct err *err);
/* Also moves a log that has grown back into the index. */
void mailbox_unlock(struct mailbox *mailbox);
/* The folders of a mailbox and its descriptors, without the index; for mailbox_open and mailbox_repair. */
int mailbox_open_folder(struct mailbox **mailbox_out, const struct instance *instance, int64_t uid, struct err *err);
int mailbox_take_lock(const struct mailbox *mailbox, int wait_ms, struct err *err); /* the lock and nothing else */
/* A path in the mailbox: STORE_PATH_MAX + 32 bytes. */
const char *mailbox_file(const struct mailbox *mailbox, const char *name, char *out, size_t size);

/*
 * index.c. Open index.db, made with an INBOX where the mailbox is new (create: in any case). Call under the lock.
 * -1: STORE_INDEX_LOST, ERR_CORRUPT, ERR_DENIED (written by a newer version), or as the database fails.
 */
int index_open(struct mailbox *mailbox, bool create, struct err *err);
void index_close(struct mailbox *mailbox);
/* Give prepared statements back; they are prepared again when needed. */
void index_finalize(struct mailbox *mailbox);
/* NULL with err where it cannot be prepared. Reset, unbound. */
struct db_statement *index_statement(struct mailbox *mailbox, enum mailbox_statement which, struct err *err);
/* Bring what was committed to disk. */
int index_sync(struct mailbox *mailbox, struct err *err);
/*
 * The same after mailbox_unlock, for what was committed under the lock (LOG_UNSYNCED): other writers are let in before
 * and their rows come along. Nothing is left to do where a sync under the lock has done it; where that failed: -1.
 */
int index_sync_late(struct mailbox *mailbox, struct err *err);
/* What is found in the log counts as stored from here on (a repeated delivery is answered by it): make it so. */
int index_settle(struct mailbox *mailbox, struct err *err);
int index_checkpoint(struct mailbox *mailbox, struct err *err);
/* Forget delivered ids that are old, once a day; within a transaction. */
int index_prune(struct mailbox *mailbox, int64_t now, struct err *err);

/* A folder's row as writers need it. */
struct folder_row {
	int64_t id;
	int64_t uidvalidity, uidnext, modseq;
	int64_t uid_mark, modseq_mark; /* up to where marks has reserved */
	struct mailbox_totals totals;
	int64_t recent;    /* UIDs from here on are \Recent for the next session */
	int64_t forgotten; /* what vanished up to this MODSEQ is not remembered */
	int64_t vanished;  /* ranges that are */
};

/* folder.c. -1: ERR_NOT_FOUND, or as the database fails. */
int folder_read(struct mailbox *mailbox, int64_t id, struct folder_row *row, struct err *err);
/* Write all but the totals as it is in row, and add change to the totals. */
int folder_advance(struct mailbox *mailbox, const struct folder_row *row, const struct mailbox_totals *change,
                   struct err *err);
int folder_insert(struct mailbox *mailbox, const struct folder_row *row, struct str name, struct err *err);
int folder_check_name(struct str name, struct err *err);
/* mailbox_folder_create under the lock. */
int folder_create(struct mailbox *mailbox, struct str name, int64_t *id_out, struct err *err);
/* attributes.c: a new folder takes the access list of the one above it. */
int acl_inherit(struct mailbox *mailbox, int64_t id, struct str name, struct err *err);

/* message.c: one message's row. */
struct message_row {
	int64_t folder;
	uint32_t uid;
	int64_t size, internal_date, save_date, modseq;
	unsigned flags;
	bool held;
	struct str keywords;
	struct str id;    /* as in the file's name */
	int64_t email_id; /* 0: a new one */
};
/* Count a message in (sign 1) or out (-1). */
void totals_count(struct mailbox_totals *totals, int sign, unsigned flags, bool held, int64_t size);
/* 1: found, its texts live as long as the arena; 0: not there; -1: err. */
int message_read(struct mailbox *mailbox, int64_t folder, uint32_t uid, struct arena *arena, struct message_row *row,
                 struct err *err);
int message_insert(struct mailbox *mailbox, const struct message_row *row, struct err *err);
/* Remember an id as delivered. 1: now, 0: it was before, -1: err. An empty id is always new. */
int message_mark_delivered(struct mailbox *mailbox, struct str id, int64_t now, struct err *err);
/* What is to happen to the file of a row that is gone (table removed). */
enum removed_fate {
	REMOVED_UNLINK, /* in msg/ or bin/ */
	REMOVED_TO_BIN,
};
int removed_add(struct mailbox *mailbox, int64_t folder, uint32_t uid, struct str id, enum removed_fate fate,
                struct err *err);
/*
 * Unlink and move the files that `removed` lists, and empty it, under the lock. The log is synced before: no file goes
 * that a row on disk still names.
 */
int removed_finish(struct mailbox *mailbox, struct err *err);
/*
 * count rows more were committed to `removed`, under the lock: their files go with many others, when nobody waits
 * (removed_rest), or now where too many wait already.
 */
void removed_defer(struct mailbox *mailbox, size_t count);
/* Nobody waits: removed_finish for what this process has deferred. A failure leaves it to the next opening. */
void removed_rest(struct mailbox *mailbox, int wait_ms);

/* vanish.c: gather UIDs that leave a folder into ranges of table vanished. */
struct vanish {
	struct mailbox *mailbox;
	struct folder_row *row; /* row->vanished counts */
	uint32_t first, last;   /* not written yet; first 0: none */
};
int vanish_add(struct vanish *vanish, uint32_t uid, struct err *err);
/* Write the last range, and forget the oldest where there are too many. */
int vanish_end(struct vanish *vanish, struct err *err);

/*
 * keywords.c. Words separated by spaces, in any order, to what a row holds: sorted without regard to case, each once.
 * out has a limit of STORE_KEYWORDS_MAX. -1: ERR_LIMIT (one, or all, too long).
 */
int keywords_sort(struct str words, struct buf *out, struct err *err);
/* keywords_change where change is sorted already. */
int keywords_merge(struct str old, enum store_how how, struct str change, struct buf *out, struct err *err);

/* cache.c: the blob of a message goes, or is copied with it; within a transaction. */
int cache_delete(struct mailbox *mailbox, int64_t folder, uint32_t uid, struct err *err);
int cache_copy(struct mailbox *mailbox, int64_t from, uint32_t from_uid, int64_t to, uint32_t to_uid, struct err *err);

/* open.c: forget the names that were read ahead. */
void names_free(struct mailbox *mailbox);

/* files.c: names below msg/. */
bool file_id_valid(struct str id);
const char *file_name(char out[FILE_NAME_MAX], uint32_t uid, struct str id);
/* false: not the name of a message. id is a view into name. */
bool file_parse_name(const char *name, uint32_t *uid, struct str *id);
const char *file_bucket(char out[FOLDER_PATH_MAX], int64_t folder, uint32_t uid); /* "msg/<folder>/<bucket>" */
enum { FILE_PATH_MAX = FOLDER_PATH_MAX + FILE_NAME_MAX };
/* The whole path below the mailbox; place is "msg" or "bin". Returns out. */
const char *file_path(char out[FILE_PATH_MAX], const char *place, int64_t folder, uint32_t uid, struct str id);
/* Open a bucket, made where it is missing (with synced parents). Returns the descriptor or -1. */
int file_open_bucket(struct mailbox *mailbox, int64_t folder, uint32_t uid, struct err *err);

/* files.c. Visit the numbered folders below one ("msg", "msg/1"), those >= from. Where there is none: nothing. */
typedef int file_visit(struct mailbox *mailbox, int64_t number, void *context, struct err *err);
int file_each_folder(struct mailbox *mailbox, const char *path, int64_t from, file_visit *visit, void *context,
                     struct err *err);

/* files.c. Visit the names in the buckets of all folders below "msg" or "bin", but those with a leading dot. */
struct file_place {
	const char *place;
	int64_t folder, bucket;
};
typedef int file_visit_name(struct mailbox *mailbox, const struct file_place *place, const char *name, void *context,
                            struct err *err);
int file_each_name(struct mailbox *mailbox, const char *place, file_visit_name *visit, void *context, struct err *err);

/* sweep.c */
struct sweep {
	int64_t taken_in, renumbered, files_removed, rows_removed;
};
/* Take in files with a UID the index does not know yet (uidnext and above). Begins and ends its own transaction. */
int sweep_new_files(struct mailbox *mailbox, int64_t folder, struct sweep *sweep, struct err *err);
/* Also remove files and rows that have no counterpart. */
int sweep_all_files(struct mailbox *mailbox, int64_t folder, struct sweep *sweep, struct err *err);

#endif

#include "common/store/mailbox.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	BUSY_MS = 5000,        /* readers hold the index for a moment while they recover its log */
	DAY = 86400,           /* seconds */
	BOOT_SLACK = 5,        /* seconds that the clocks may differ by without a start between them */
	DELIVERED_KEPT = 1000, /* ids that stay whatever the clock says: it may have jumped */
};

/* Additive: an older program of the same major version must be able to go on. */
static const char *const schema[] = {
    "CREATE TABLE mailbox(one INTEGER PRIMARY KEY CHECK (one = 1), next_folder INTEGER NOT NULL,"
    " last_validity INTEGER NOT NULL, pruned INTEGER NOT NULL);"
    "CREATE TABLE folder(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, uidvalidity INTEGER NOT NULL,"
    " uidnext INTEGER NOT NULL, modseq INTEGER NOT NULL, uid_mark INTEGER NOT NULL, modseq_mark INTEGER NOT NULL,"
    " messages INTEGER NOT NULL, bytes INTEGER NOT NULL, held_messages INTEGER NOT NULL,"
    " held_bytes INTEGER NOT NULL);"
    "CREATE TABLE message(folder INTEGER NOT NULL, uid INTEGER NOT NULL, size INTEGER NOT NULL,"
    " internal_date INTEGER NOT NULL, save_date INTEGER NOT NULL, flags INTEGER NOT NULL, held INTEGER NOT NULL,"
    " modseq INTEGER NOT NULL, keywords TEXT NOT NULL, id TEXT NOT NULL,"
    " PRIMARY KEY (folder, uid)) WITHOUT ROWID;"
    /* The index is one user's: the id alone says what this recipient has had. */
    "CREATE TABLE delivered(id TEXT PRIMARY KEY, time INTEGER NOT NULL) WITHOUT ROWID;"
    /* Files to unlink whose rows are gone. */
    "CREATE TABLE removed(folder INTEGER NOT NULL, uid INTEGER NOT NULL, id TEXT NOT NULL,"
    " PRIMARY KEY (folder, uid)) WITHOUT ROWID;"
    "INSERT INTO mailbox VALUES(1, 2, unixepoch(), 0);"
    "INSERT INTO folder VALUES(1, 'INBOX', unixepoch(), 1, 1, 0, 0, 0, 0, 0, 0);",
    /* IMAP. The totals of flags are kept like those of messages, so that STATUS scans nothing. */
    "ALTER TABLE folder ADD COLUMN unseen INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE folder ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE folder ADD COLUMN deleted_bytes INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE folder ADD COLUMN recent INTEGER NOT NULL DEFAULT 1;"
    "ALTER TABLE folder ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE folder ADD COLUMN vanished INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE folder ADD COLUMN special_use TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE message ADD COLUMN email_id INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE removed ADD COLUMN fate INTEGER NOT NULL DEFAULT 0;"
    /* The second when the machine was started, by the clock of who opened the index last. */
    "ALTER TABLE mailbox ADD COLUMN boot INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE mailbox ADD COLUMN bin_purged INTEGER NOT NULL DEFAULT 0;"
    "UPDATE message SET email_id = random() & 0x7fffffffffffffff;"
    "UPDATE folder SET forgotten = modseq, (unseen, deleted, deleted_bytes) = (SELECT"
    " ifnull(sum(flags & 1 = 0), 0), ifnull(sum(flags & 8 <> 0), 0), ifnull(sum(size * (flags & 8 <> 0)), 0)"
    " FROM message WHERE folder = folder.id AND held = 0);"
    "CREATE INDEX message_modseq ON message(folder, modseq);"
    "CREATE TABLE vanished(folder INTEGER NOT NULL, modseq INTEGER NOT NULL, first INTEGER NOT NULL,"
    " last INTEGER NOT NULL, PRIMARY KEY (folder, modseq, first)) WITHOUT ROWID;"
    /* key: the folder's number and 32 bits of UID. Rows are too long for WITHOUT ROWID. */
    "CREATE TABLE cache(key INTEGER PRIMARY KEY, value BLOB NOT NULL);"
    "CREATE TABLE bin(folder INTEGER NOT NULL, uid INTEGER NOT NULL, size INTEGER NOT NULL,"
    " internal_date INTEGER NOT NULL, save_date INTEGER NOT NULL, flags INTEGER NOT NULL, keywords TEXT NOT NULL,"
    " id TEXT NOT NULL, email_id INTEGER NOT NULL, time INTEGER NOT NULL, PRIMARY KEY (folder, uid)) WITHOUT ROWID;"
    "CREATE INDEX bin_time ON bin(time);"
    "CREATE TABLE bin_folder(id INTEGER PRIMARY KEY, name TEXT NOT NULL, special_use TEXT NOT NULL,"
    " time INTEGER NOT NULL);"
    "CREATE TABLE subscription(name TEXT PRIMARY KEY) WITHOUT ROWID;"
    "CREATE TABLE acl(folder INTEGER NOT NULL, identifier TEXT NOT NULL, rights TEXT NOT NULL,"
    " PRIMARY KEY (folder, identifier)) WITHOUT ROWID;"
    "CREATE TABLE metadata(folder INTEGER NOT NULL, entry TEXT NOT NULL COLLATE NOCASE, value BLOB NOT NULL,"
    " PRIMARY KEY (folder, entry));",
    /* What is derived of many messages at once (blocks.h). Rows are too long for WITHOUT ROWID. */
    "CREATE TABLE block(folder INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, value BLOB NOT NULL,"
    " PRIMARY KEY (folder, first));",
};

enum { SCHEMA_VERSION = sizeof schema / sizeof schema[0] };

static const char *const statement_text[STATEMENT_COUNT] = {
    [STATEMENT_STAT] = "SELECT total(messages), total(bytes), total(held_messages), total(held_bytes), total(unseen),"
                       " total(deleted), total(deleted_bytes) FROM folder",
    [STATEMENT_MESSAGE_BY_ID] = "SELECT uid FROM message WHERE folder = ? AND id = ? AND held = 0",
    [STATEMENT_FOLDER_BY_ID] = "SELECT " FOLDER_COLUMNS " FROM folder WHERE id = ?",
    [STATEMENT_FOLDER_BY_NAME] = "SELECT " FOLDER_COLUMNS " FROM folder WHERE name = ?",
    [STATEMENT_FOLDER_ADVANCE] =
        "UPDATE folder SET uidnext = ?2, modseq = ?3, uid_mark = ?4, modseq_mark = ?5,"
        " messages = messages + ?6, bytes = bytes + ?7,"
        " held_messages = held_messages + ?8, held_bytes = held_bytes + ?9, unseen = unseen + ?10,"
        " deleted = deleted + ?11, deleted_bytes = deleted_bytes + ?12, recent = ?13,"
        " forgotten = ?14, vanished = ?15 WHERE id = ?1",
    [STATEMENT_WAS_DELIVERED] = "SELECT 1 FROM delivered WHERE id = ?",
    [STATEMENT_ADD_DELIVERED] = "INSERT OR IGNORE INTO delivered VALUES(?, ?)",
    [STATEMENT_ADD_MESSAGE] = "INSERT INTO message(folder, uid, size, internal_date, save_date, flags, held, modseq,"
                              " keywords, id, email_id) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,"
                              " ifnull(nullif(?11, 0), random() & 0x7fffffffffffffff))",
    [STATEMENT_MESSAGE] = "SELECT id, size, held, flags FROM message WHERE folder = ? AND uid = ?",
    [STATEMENT_LIST] = "SELECT uid, flags, size FROM message WHERE folder = ? AND held = 0 ORDER BY uid",
    [STATEMENT_NAMES] = "SELECT uid, id FROM message WHERE folder = ? AND uid >= ? ORDER BY uid LIMIT ?",
    [STATEMENT_GONE_NAME] = "SELECT id FROM removed WHERE folder = ?1 AND uid = ?2 UNION ALL"
                            " SELECT id FROM bin WHERE folder = ?1 AND uid = ?2",
    [STATEMENT_DELETE_MESSAGE] = "DELETE FROM message WHERE folder = ? AND uid = ?",
    [STATEMENT_HOLD_MESSAGE] = "UPDATE message SET held = 1, modseq = ?3 WHERE folder = ?1 AND uid = ?2",
    [STATEMENT_ADD_REMOVED] = "INSERT OR REPLACE INTO removed(folder, uid, id, fate) VALUES(?, ?, ?, ?)",
    [STATEMENT_DELETE_REMOVED] = "DELETE FROM removed WHERE folder = ? AND uid = ?",
    [STATEMENT_PEEK] = "SELECT modseq, uidnext FROM folder WHERE id = ?",
    [STATEMENT_MARK_RECENT] = "UPDATE folder SET recent = ?2 WHERE id = ?1 AND recent < ?2",
    [STATEMENT_FOLDER_ALL] = "SELECT uid, flags, modseq, keywords FROM message WHERE folder = ? AND held = 0 ORDER BY"
                             " uid",
    [STATEMENT_FOLDER_SINCE] = "SELECT uid, flags, modseq, keywords FROM message INDEXED BY message_modseq"
                               " WHERE folder = ? AND modseq > ? AND held = 0 ORDER BY uid",
    [STATEMENT_VANISHED_SINCE] = "SELECT first, last FROM vanished WHERE folder = ? AND modseq > ? ORDER BY first",
    [STATEMENT_UIDS] = "SELECT uid FROM message WHERE folder = ? AND uid BETWEEN ? AND ? AND held = 0 ORDER BY uid",
    [STATEMENT_DETAILS] = "SELECT uid, size, internal_date, save_date, flags, modseq, email_id FROM message"
                          " WHERE folder = ? AND uid BETWEEN ? AND ? AND held = 0 ORDER BY uid",
    [STATEMENT_FLAGS] = "SELECT flags, modseq, size, keywords FROM message WHERE folder = ? AND uid = ? AND held = 0",
    [STATEMENT_SET_FLAGS] = "UPDATE message SET flags = ?3, modseq = ?4, keywords = ?5 WHERE folder = ?1 AND uid = ?2",
    [STATEMENT_MESSAGE_ALL] = "SELECT size, internal_date, save_date, flags, held, modseq, keywords, id, email_id"
                              " FROM message WHERE folder = ? AND uid = ?",
    [STATEMENT_ADD_VANISHED] = "INSERT INTO vanished VALUES(?, ?, ?, ?)",
    [STATEMENT_ADD_BIN] = "INSERT OR REPLACE INTO bin SELECT folder, uid, size, internal_date, save_date, flags,"
                          " keywords, id, email_id, ?3 FROM message WHERE folder = ?1 AND uid = ?2",
    [STATEMENT_CACHE_GET] = "SELECT value FROM cache WHERE key = ?",
    [STATEMENT_CACHE_PUT] = "INSERT OR REPLACE INTO cache VALUES(?, ?)",
    [STATEMENT_CACHE_COPY] = "INSERT OR REPLACE INTO cache SELECT ?2, value FROM cache WHERE key = ?1",
    [STATEMENT_CACHE_DELETE] = "DELETE FROM cache WHERE key = ?",
    [STATEMENT_BLOCKS] = "SELECT first, last, value FROM block WHERE folder = ? ORDER BY first",
    [STATEMENT_BLOCK_PUT] = "INSERT INTO block VALUES(?, ?, ?, ?)",
    [STATEMENT_BLOCKS_DELETE] = "DELETE FROM block WHERE folder = ? AND last >= ?",
};

static int read_number(struct mailbox *mailbox, const char *query, int64_t *number, struct err *err)
{
	struct db_statement statement;
	int row;

	if (db_prepare(&mailbox->db, &statement, query, err) != 0)
		return -1;
	row = db_step(&statement, err);
	if (row == 1)
		*number = db_number(&statement, 0);
	else if (row == 0)
		err_set(err, ERR_CORRUPT, "%s has lost its first row", mailbox->db.path);
	db_finalize(&statement);
	return row == 1 ? 0 : -1;
}

static int bring_up(struct mailbox *mailbox, struct err *err)
{
	int64_t version;

	if (db_version(&mailbox->db, &version, err) != 0)
		return -1;
	/* Not for repair to mend, so not ERR_CORRUPT. */
	if (version > SCHEMA_VERSION)
		return err_set(err, ERR_DENIED, "%s was written by a newer version", mailbox->db.path);
	if (db_migrate(&mailbox->db, schema, SCHEMA_VERSION, err) != 0)
		return -1;
	return read_number(mailbox, "SELECT pruned FROM mailbox", &mailbox->pruned, err);
}

/*
 * The end of power may have taken changes of flags that were not synced, and MODSEQs with them that clients have heard
 * of: where the machine was started since, each folder goes on from its mark. The second of the start is the
 * difference of two clocks, which needs no file; a clock that was set looks like a start, and costs nothing but the
 * jump.
 */
static int skip_after_boot(struct mailbox *mailbox, struct err *err)
{
	struct timespec real, since_boot;
	int64_t boot, before;
	char update[200];

	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_BOOTTIME, &since_boot);
	boot = (int64_t)real.tv_sec - (int64_t)since_boot.tv_sec;
	if (read_number(mailbox, "SELECT boot FROM mailbox", &before, err) != 0)
		return -1;
	if (boot >= before - BOOT_SLACK && boot <= before + BOOT_SLACK)
		return 0;
	/* A mailbox that was just made has no past. */
	snprintf(update, sizeof update,
	         "UPDATE folder SET modseq = max(modseq, modseq_mark) WHERE (SELECT boot FROM mailbox) <> 0;"
	         "UPDATE mailbox SET boot = %lld",
	         (long long)boot);
	if (db_begin(&mailbox->db, err) != 0)
		return -1;
	if (db_exec(&mailbox->db, update, err) != 0) {
		db_rollback(&mailbox->db);
		return -1;
	}
	return db_commit(&mailbox->db, err);
}

static int count_log_pages(void *context, sqlite3 *handle, const char *name, int pages)
{
	struct mailbox *mailbox = context;

	(void)handle, (void)name;
	mailbox->log_pages = pages;
	return SQLITE_OK;
}

/* The index must not be made anew where there was one: UIDs would be given out a second time. */
static int check_not_lost(struct mailbox *mailbox, struct err *err)
{
	struct stat info;
	bool missing = fstatat(mailbox->root, "index.db", &info, AT_SYMLINK_NOFOLLOW) != 0 || info.st_size == 0;

	if (missing && faccessat(mailbox->root, "marks", F_OK, 0) == 0)
		return err_set(err, STORE_INDEX_LOST, "%s/index.db is missing: run `postroom repair`", mailbox->path);
	return 0;
}

int index_open(struct mailbox *mailbox, bool create, struct err *err)
{
	char path[STORE_PATH_MAX + 32];
	struct stat info;

	if (!create && check_not_lost(mailbox, err) != 0)
		return -1;
	mailbox_file(mailbox, "index.db", path, sizeof path);
	if (db_open(&mailbox->db, path, DB_CREATE | DB_NO_CHECKPOINT, BUSY_MS, err) != 0)
		goto failed;
	/* The log is synced by index_sync, once for many mailboxes where it can be. */
	if (db_exec(&mailbox->db, "PRAGMA synchronous=NORMAL; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-512", err) != 0)
		goto failed;
	sqlite3_wal_hook(mailbox->db.handle, count_log_pages, mailbox);
	if (bring_up(mailbox, err) != 0)
		goto failed;
	if (skip_after_boot(mailbox, err) != 0)
		goto failed;
	/* A new schema must not hang on the log, which is the first file to get lost in a careless copy. */
	if (mailbox->log_pages > 0 && index_checkpoint(mailbox, err) != 0 && err->code != ERR_TEMPORARY)
		goto failed;
	if (fstatat(mailbox->root, "index.db", &info, AT_SYMLINK_NOFOLLOW) != 0) {
		err_system(err, "cannot look at %s", path);
		goto failed;
	}
	mailbox->index_inode = info.st_ino;
	mailbox->log_state = LOG_UNSYNCED;
	return 0;

failed:
	index_close(mailbox);
	return -1;
}

void index_finalize(struct mailbox *mailbox)
{
	for (int i = 0; i < STATEMENT_COUNT; i++)
		db_finalize(&mailbox->statements[i]);
}

void index_close(struct mailbox *mailbox)
{
	index_finalize(mailbox);
	db_close(&mailbox->db);
}

struct db_statement *index_statement(struct mailbox *mailbox, enum mailbox_statement which, struct err *err)
{
	struct db_statement *statement = &mailbox->statements[which];

	if (mailbox->db.handle == NULL) {
		err_set(err, STORE_INDEX_LOST, "the index of %s is not open", mailbox->path);
		return NULL;
	}
	if (statement->handle == NULL && db_prepare(&mailbox->db, statement, statement_text[which], err) != 0)
		return NULL;
	return statement;
}

int index_sync(struct mailbox *mailbox, struct err *err)
{
	sqlite3_file *log = NULL;
	int rc;

	if (sqlite3_file_control(mailbox->db.handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) != SQLITE_OK ||
	    log == NULL || log->pMethods == NULL)
		return 0; /* no log yet: nothing was written through this connection */
	rc = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
	if (rc != SQLITE_OK) {
		mailbox->log_state = LOG_DOUBTFUL;
		return err_set(err, ERR_SYSTEM, "cannot sync %s-wal: %s", mailbox->db.path, sqlite3_errstr(rc));
	}
	mailbox->log_state = LOG_SYNCED;
	return 0;
}

int index_sync_late(struct mailbox *mailbox, struct err *err)
{
	if (mailbox->log_state == LOG_UNSYNCED)
		return index_sync(mailbox, err);
	return mailbox->log_state == LOG_DOUBTFUL ? err_set(err, ERR_SYSTEM, "cannot sync %s-wal", mailbox->db.path) : 0;
}

int index_checkpoint(struct mailbox *mailbox, struct err *err)
{
	int result;

	/* Readers are not waited for: the next time will do. */
	sqlite3_busy_timeout(mailbox->db.handle, 0);
	result = db_checkpoint(&mailbox->db, err);
	sqlite3_busy_timeout(mailbox->db.handle, BUSY_MS);
	if (result == 0)
		mailbox->log_pages = 0;
	return result;
}

int index_settle(struct mailbox *mailbox, struct err *err)
{
	if (mailbox->log_state == LOG_SYNCED || mailbox->log_state == LOG_LOOSE)
		return 0;
	if (mailbox->log_state == LOG_UNSYNCED)
		return index_sync(mailbox, err);
	/* The kernel takes pages whose writing failed for clean: another sync of the log would prove nothing. */
	if (index_checkpoint(mailbox, err) != 0)
		return err_prefix(err, "an earlier sync failed");
	mailbox->log_state = LOG_SYNCED;
	return 0;
}

int index_prune(struct mailbox *mailbox, int64_t now, struct err *err)
{
	struct db_statement statement;
	int result;

	if (mailbox->pruned <= now && now - mailbox->pruned < DAY)
		return 0;
	/* Ids begin with the time, so that their order tells which are the latest. */
	if (db_prepare(&mailbox->db, &statement,
	               "DELETE FROM delivered WHERE time < ? AND id < (SELECT id FROM delivered ORDER BY id DESC"
	               " LIMIT 1 OFFSET ?)",
	               err) != 0)
		return -1;
	db_bind_number(&statement, 1, now - (int64_t)STORE_DELIVERED_DAYS * DAY);
	db_bind_number(&statement, 2, DELIVERED_KEPT - 1);
	result = db_run(&statement, err);
	db_finalize(&statement);
	if (result != 0 || db_prepare(&mailbox->db, &statement, "UPDATE mailbox SET pruned = ?", err) != 0)
		return -1;
	db_bind_number(&statement, 1, now);
	result = db_run(&statement, err);
	db_finalize(&statement);
	if (result == 0)
		mailbox->pruned = now;
	return result;
}

#include "common/store/mailbox.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	BUSY_MS = 5000,        /* readers hold the index for a moment while they recover its log */
	DAY = 86400,           /* seconds */
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
};

enum { SCHEMA_VERSION = sizeof schema / sizeof schema[0] };

#define FOLDER_COLUMNS \
	"id, name, uidvalidity, uidnext, modseq, uid_mark, modseq_mark, messages, bytes, held_messages, held_bytes"

static const char *const statement_text[STATEMENT_COUNT] = {
    [STATEMENT_STAT] = "SELECT total(messages), total(bytes), total(held_messages), total(held_bytes) FROM folder",
    [STATEMENT_FOLDER_BY_ID] = "SELECT " FOLDER_COLUMNS " FROM folder WHERE id = ?",
    [STATEMENT_FOLDER_BY_NAME] = "SELECT " FOLDER_COLUMNS " FROM folder WHERE name = ?",
    [STATEMENT_FOLDER_ADVANCE] = "UPDATE folder SET uidnext = ?2, modseq = ?3, uid_mark = ?4, modseq_mark = ?5,"
                                 " messages = messages + ?6, bytes = bytes + ?7,"
                                 " held_messages = held_messages + ?8, held_bytes = held_bytes + ?9 WHERE id = ?1",
    [STATEMENT_WAS_DELIVERED] = "SELECT 1 FROM delivered WHERE id = ?",
    [STATEMENT_ADD_DELIVERED] = "INSERT OR IGNORE INTO delivered VALUES(?, ?)",
    [STATEMENT_ADD_MESSAGE] = "INSERT INTO message(folder, uid, size, internal_date, save_date, flags, held, modseq,"
                              " keywords, id) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [STATEMENT_MESSAGE] = "SELECT id, size, held FROM message WHERE folder = ? AND uid = ?",
    [STATEMENT_LIST] = "SELECT uid, flags, size FROM message WHERE folder = ? AND held = 0 ORDER BY uid",
    [STATEMENT_NAMES] = "SELECT uid, id FROM message WHERE folder = ? AND uid >= ? ORDER BY uid LIMIT ?",
    [STATEMENT_DELETE_MESSAGE] = "DELETE FROM message WHERE folder = ? AND uid = ?",
    [STATEMENT_HOLD_MESSAGE] = "UPDATE message SET held = 1, modseq = ?3 WHERE folder = ?1 AND uid = ?2",
    [STATEMENT_ADD_REMOVED] = "INSERT OR REPLACE INTO removed VALUES(?, ?, ?)",
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

	if (read_number(mailbox, "PRAGMA user_version", &version, err) != 0)
		return -1;
	/* Not for repair to mend, so not ERR_CORRUPT. */
	if (version > SCHEMA_VERSION)
		return err_set(err, ERR_DENIED, "%s was written by a newer version", mailbox->db.path);
	if (db_migrate(&mailbox->db, schema, SCHEMA_VERSION, err) != 0)
		return -1;
	return read_number(mailbox, "SELECT pruned FROM mailbox", &mailbox->pruned, err);
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

void index_close(struct mailbox *mailbox)
{
	for (int i = 0; i < STATEMENT_COUNT; i++)
		db_finalize(&mailbox->statements[i]);
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

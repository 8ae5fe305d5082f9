#include "common/db/db.h"

#include "common/base/buf.h"
#include "common/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* What SQLite said, in the words of err.h; the code tells a caller whether trying again may help. */
static int db_fail(const struct db *db, struct err *err)
{
	int extended = sqlite3_extended_errcode(db->handle);
	int sys = sqlite3_system_errno(db->handle);
	int code;

	switch (extended & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_FULL:
	case SQLITE_NOMEM:
	case SQLITE_INTERRUPT:
		code = ERR_TEMPORARY;
		break;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		code = ERR_CORRUPT;
		break;
	case SQLITE_CONSTRAINT:
		code = extended == SQLITE_CONSTRAINT_UNIQUE || extended == SQLITE_CONSTRAINT_PRIMARYKEY ||
		               extended == SQLITE_CONSTRAINT_ROWID
		           ? ERR_EXISTS
		           : ERR_SYNTAX;
		break;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		code = ERR_DENIED;
		break;
	case SQLITE_CANTOPEN:
		code = sys == ENOENT ? ERR_NOT_FOUND : ERR_SYSTEM;
		break;
	case SQLITE_TOOBIG:
		code = ERR_LIMIT;
		break;
	default:
		/* SQLite reports a full disk as an I/O error where a shared-memory file does not fit. */
		code = sys == ENOSPC || sys == EDQUOT ? ERR_TEMPORARY : ERR_SYSTEM;
		break;
	}
	err_set(err, code, "%s: %s", db->path, sqlite3_errmsg(db->handle));
	if (err != NULL && code == ERR_SYSTEM)
		err->sys = sys;
	return -1;
}

/* The path as a URI, so that immutable can be asked for; what a URI would read as its own syntax is escaped. */
static int immutable_uri(const char *path, struct buf *uri)
{
	buf_add_str(uri, STR("file:"));
	for (const char *at = path; *at != '\0'; at++)
		if (*at == '?' || *at == '#' || *at == '%')
			buf_printf(uri, "%%%02X", (unsigned char)*at);
		else
			buf_add_char(uri, *at);
	return buf_add_str(uri, STR("?immutable=1"));
}

static int open_handle(struct db *db, unsigned flags, struct err *err)
{
	int mode = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	struct buf uri;
	int rc;

	if (flags & (DB_READ_ONLY | DB_IMMUTABLE))
		mode |= SQLITE_OPEN_READONLY;
	else
		mode |= SQLITE_OPEN_READWRITE | (flags & DB_CREATE ? SQLITE_OPEN_CREATE : 0);
	if (!(flags & DB_IMMUTABLE)) {
		rc = sqlite3_open_v2(db->path, &db->handle, mode, NULL);
	} else {
		buf_init(&uri, 4 * sizeof db->path);
		immutable_uri(db->path, &uri);
		rc = sqlite3_open_v2(buf_text(&uri), &db->handle, mode | SQLITE_OPEN_URI, NULL);
		buf_free(&uri);
	}
	return rc == SQLITE_OK ? 0 : db_fail(db, err);
}

/* WAL is a property of the file, full sync one of the connection. */
static int set_up_writing(struct db *db, unsigned flags, struct err *err)
{
	struct db_statement mode;
	int row;

	if (db_prepare(db, &mode, "PRAGMA journal_mode=WAL", err) != 0)
		return -1;
	row = db_step(&mode, err);
	if (row == 1 && !str_equal(db_text(&mode, 0), STR("wal")))
		row = err_set(err, ERR_SYSTEM, "%s: cannot use a write-ahead log here", db->path);
	db_finalize(&mode);
	if (row < 0 || db_exec(db, "PRAGMA synchronous=FULL", err) != 0)
		return -1;
	if (flags & DB_NO_CHECKPOINT) {
		sqlite3_wal_autocheckpoint(db->handle, 0);
		sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
	}
	return 0;
}

int db_open(struct db *db, const char *path, unsigned flags, int busy_ms, struct err *err)
{
	db->handle = NULL;
	if (!str_copy(str_of(path), db->path, sizeof db->path))
		return err_set(err, ERR_LIMIT, "the path %s is too long", path);
	if (open_handle(db, flags, err) != 0)
		goto failed;
	sqlite3_busy_timeout(db->handle, busy_ms);
	/* A damaged or forged file must not get at more than its own tables. */
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)NULL);
	if (db_exec(db, "PRAGMA mmap_size=0", err) != 0)
		goto failed;
	if (!(flags & (DB_READ_ONLY | DB_IMMUTABLE | DB_MEMORY)) && set_up_writing(db, flags, err) != 0)
		goto failed;
	return 0;

failed:
	db_close(db);
	return -1;
}

void db_close(struct db *db)
{
	/* _v2: a statement that its owner finalizes later keeps the handle until then. */
	sqlite3_close_v2(db->handle);
	db->handle = NULL;
}

int db_exec(struct db *db, const char *sql, struct err *err)
{
	return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : db_fail(db, err);
}

int db_version(struct db *db, int64_t *version, struct err *err)
{
	struct db_statement statement;
	int row;

	if (db_prepare(db, &statement, "PRAGMA user_version", err) != 0)
		return -1;
	row = db_step(&statement, err);
	*version = row == 1 ? db_number(&statement, 0) : 0;
	db_finalize(&statement);
	return row < 0 ? -1 : 0;
}

/* One step in one transaction; another process may have done it since the version was read. */
static int migrate_step(struct db *db, const char *const *steps, int64_t from, struct err *err)
{
	char set_version[64];
	int64_t now;

	if (db_begin(db, err) != 0)
		return -1;
	if (db_version(db, &now, err) != 0)
		goto failed;
	if (now == from) {
		snprintf(set_version, sizeof set_version, "PRAGMA user_version=%lld", (long long)from + 1);
		if (db_exec(db, steps[from], err) != 0 || db_exec(db, set_version, err) != 0)
			goto failed;
	}
	return db_commit(db, err);

failed:
	db_rollback(db);
	return -1;
}

int db_migrate(struct db *db, const char *const *steps, int count, struct err *err)
{
	int64_t version;

	for (;;) {
		if (db_version(db, &version, err) != 0)
			return -1;
		if (version > count)
			return err_set(err, ERR_CORRUPT, "%s was written by a newer version", db->path);
		if (version < 0)
			return err_set(err, ERR_CORRUPT, "%s has the impossible version %lld", db->path, (long long)version);
		if (version == count)
			return 0;
		if (migrate_step(db, steps, version, err) != 0)
			return -1;
	}
}

int db_prepare(struct db *db, struct db_statement *statement, const char *sql, struct err *err)
{
	statement->db = db;
	statement->handle = NULL;
	if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement->handle, NULL) != SQLITE_OK)
		return db_fail(db, err);
	return 0;
}

void db_finalize(struct db_statement *statement)
{
	sqlite3_finalize(statement->handle);
	statement->handle = NULL;
}

/* A value that was not bound would be stored as NULL without a word: end the process instead. */
static void must_bind(int rc)
{
	if (rc == SQLITE_OK)
		return;
	log_error("cannot bind a value: %s", sqlite3_errstr(rc));
	abort();
}

void db_bind_text(struct db_statement *statement, int position, struct str value)
{
	/* A NULL pointer would bind SQL's NULL. */
	must_bind(sqlite3_bind_text64(statement->handle, position, value.data != NULL ? value.data : "", value.len,
	                              SQLITE_STATIC, SQLITE_UTF8));
}

void db_bind_blob(struct db_statement *statement, int position, struct str value)
{
	must_bind(sqlite3_bind_blob64(statement->handle, position, value.data != NULL ? value.data : "", value.len,
	                              SQLITE_STATIC));
}

void db_bind_number(struct db_statement *statement, int position, int64_t value)
{
	must_bind(sqlite3_bind_int64(statement->handle, position, value));
}

void db_bind_null(struct db_statement *statement, int position)
{
	must_bind(sqlite3_bind_null(statement->handle, position));
}

int db_step(struct db_statement *statement, struct err *err)
{
	int rc = sqlite3_step(statement->handle);

	if (rc == SQLITE_ROW)
		return 1;
	if (rc != SQLITE_DONE)
		db_fail(statement->db, err);
	sqlite3_reset(statement->handle);
	return rc == SQLITE_DONE ? 0 : -1;
}

int db_run(struct db_statement *statement, struct err *err)
{
	int row;

	do
		row = db_step(statement, err);
	while (row == 1);
	return row;
}

void db_reset(struct db_statement *statement)
{
	sqlite3_reset(statement->handle);
}

struct str db_text(const struct db_statement *statement, int column)
{
	const void *data = sqlite3_column_blob(statement->handle, column);
	int len = sqlite3_column_bytes(statement->handle, column);

	return data != NULL ? str_from(data, (size_t)len) : STR("");
}

int64_t db_number(const struct db_statement *statement, int column)
{
	return sqlite3_column_int64(statement->handle, column);
}

bool db_is_null(const struct db_statement *statement, int column)
{
	return sqlite3_column_type(statement->handle, column) == SQLITE_NULL;
}

int db_sync_later(struct db *db, bool later, struct err *err)
{
	return db_exec(db, later ? "PRAGMA synchronous=NORMAL" : "PRAGMA synchronous=FULL", err);
}

int db_begin(struct db *db, struct err *err)
{
	return db_exec(db, "BEGIN IMMEDIATE", err);
}

int db_commit(struct db *db, struct err *err)
{
	if (db_exec(db, "COMMIT", err) == 0)
		return 0;
	db_rollback(db);
	return -1;
}

void db_rollback(struct db *db)
{
	/* Some errors have rolled back already; then there is nothing to do. */
	if (!sqlite3_get_autocommit(db->handle))
		sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

int db_checkpoint(struct db *db, struct err *err)
{
	int rc = sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);

	return rc == SQLITE_OK ? 0 : db_fail(db, err);
}

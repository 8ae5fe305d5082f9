/*
 * db: SQLite with the habits of this house: full sync, WAL, arbitrary bytes in text, migrations by user_version.
 *
 * A statement is prepared once and reused. Errors name the file. Busy databases are waited for (busy_ms), then fail
 * with ERR_TEMPORARY; a full disk is ERR_TEMPORARY, a damaged file ERR_CORRUPT.
 */
#ifndef POSTROOM_DB_DB_H
#define POSTROOM_DB_DB_H

#include "common/base/err.h"
#include "common/base/str.h"

#include <sqlite3.h>

enum db_flags {
	DB_CREATE = 1, /* make the file where it is missing */
	DB_READ_ONLY = 2,
	DB_IMMUTABLE = 4,     /* a snapshot that never changes: no locks at all */
	DB_NO_CHECKPOINT = 8, /* no automatic checkpoint: the caller runs db_checkpoint under its own lock */
	DB_MEMORY = 16,       /* path is ":memory:": no file, no log */
};

struct db {
	sqlite3 *handle;
	char path[256];
};

struct db_statement {
	sqlite3_stmt *handle;
	struct db *db;
};

/* Open; WAL and synchronous=FULL unless read-only. -1 closes everything. */
int db_open(struct db *db, const char *path, unsigned flags, int busy_ms, struct err *err);
void db_close(struct db *db);

/* Run statements that return no rows. */
int db_exec(struct db *db, const char *sql, struct err *err);

/*
 * Bring the schema up: steps[i] is the SQL that leads from user_version i to i + 1, each in a transaction. A database
 * newer than count is refused (ERR_CORRUPT with "was written by a newer version").
 */
int db_migrate(struct db *db, const char *const *steps, int count, struct err *err);
/* The version that the schema has: 0 where db_migrate has not run yet. */
int db_version(struct db *db, int64_t *version, struct err *err);

int db_prepare(struct db *db, struct db_statement *statement, const char *sql, struct err *err);
void db_finalize(struct db_statement *statement);

/* Bind by position from 1. The bytes must stay valid until db_reset. Text is bytes, not checked. */
void db_bind_text(struct db_statement *statement, int position, struct str value);
void db_bind_blob(struct db_statement *statement, int position, struct str value);
void db_bind_number(struct db_statement *statement, int position, int64_t value);
void db_bind_null(struct db_statement *statement, int position);

/* 1 = a row, 0 = done, -1 = error (the statement is reset on 0 and -1). */
int db_step(struct db_statement *statement, struct err *err);
/* Step a statement that returns no rows, and reset it. */
int db_run(struct db_statement *statement, struct err *err);
void db_reset(struct db_statement *statement);

/* Columns from 0; views live until the next step or reset. */
struct str db_text(const struct db_statement *statement, int column);
int64_t db_number(const struct db_statement *statement, int column);
bool db_is_null(const struct db_statement *statement, int column);

/*
 * Where later is true: the commits that follow outlive this process, but may be lost at the end of power, as long as
 * none has followed that was made with it false. Not within a transaction.
 */
int db_sync_later(struct db *db, bool later, struct err *err);
int db_begin(struct db *db, struct err *err);  /* BEGIN IMMEDIATE */
int db_commit(struct db *db, struct err *err); /* rolls back where it fails */
void db_rollback(struct db *db);
int db_checkpoint(struct db *db, struct err *err); /* WAL back into the file, WAL truncated */

#endif

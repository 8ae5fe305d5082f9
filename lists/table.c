#include "lists/lists.h"

#include <stdio.h>

static const char *const schema[] = {
    "CREATE TABLE post(key INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, list INTEGER NOT NULL,"
    " state INTEGER NOT NULL, time INTEGER NOT NULL, origin TEXT NOT NULL, subject TEXT NOT NULL,"
    " size INTEGER NOT NULL, to_at INTEGER NOT NULL, is_8bit INTEGER NOT NULL, is_utf8 INTEGER NOT NULL,"
    " is_archived INTEGER NOT NULL, next INTEGER NOT NULL, trouble INTEGER NOT NULL, token TEXT NOT NULL);"
    "CREATE UNIQUE INDEX post_id ON post(id, list);"
    "CREATE INDEX post_next ON post(state, next);"
    "CREATE INDEX post_list ON post(list, state, time);"
    "CREATE TABLE post_member(post INTEGER NOT NULL, address TEXT NOT NULL COLLATE NOCASE,"
    " PRIMARY KEY(post, address)) WITHOUT ROWID;"
    /* what was asked for and is to be confirmed */
    "CREATE TABLE token(token TEXT PRIMARY KEY, list INTEGER NOT NULL, action TEXT NOT NULL,"
    " address TEXT NOT NULL COLLATE NOCASE, moderator TEXT NOT NULL, time INTEGER NOT NULL);"
    "CREATE INDEX token_time ON token(time);"
    /* messages to the ListServer that were worked off, and whom it wrote to */
    "CREATE TABLE command(id TEXT PRIMARY KEY, time INTEGER NOT NULL);"
    "CREATE TABLE answered(address TEXT NOT NULL COLLATE NOCASE, time INTEGER NOT NULL);"
    "CREATE INDEX answered_address ON answered(address, time);"
    /* up to when a list has its digests; when the last one was made or tried */
    "CREATE TABLE digest(list INTEGER PRIMARY KEY, last INTEGER NOT NULL);"
    "CREATE TABLE digest_made(list INTEGER PRIMARY KEY, made INTEGER NOT NULL);"
    /* mail that is parked in the drop, or released since the last commit */
    "CREATE TABLE outbox(id TEXT PRIMARY KEY);",
    /* the return paths of members' copies; on how many days mail came back, the last of them (bounces.h) */
    "CREATE TABLE bounce(token TEXT PRIMARY KEY, list INTEGER NOT NULL, address TEXT NOT NULL COLLATE NOCASE,"
    " days INTEGER NOT NULL DEFAULT 0, last INTEGER NOT NULL DEFAULT 0, suspended INTEGER NOT NULL DEFAULT 0);"
    "CREATE UNIQUE INDEX bounce_member ON bounce(list, address);",
    /* what was found of it when it came, for seals (RFC 8617) */
    "ALTER TABLE post ADD COLUMN arc TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE post ADD COLUMN results TEXT NOT NULL DEFAULT '';",
};

#define POST_COLUMNS                                                                                                  \
	"key, id, list, state, time, origin, subject, size, to_at, is_8bit, is_utf8, is_archived, next, trouble, token, " \
	"arc, results"

int table_open(struct listd *listd, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 128];

	instance_path(path, sizeof path, listd->daemon.instance.state, "lists/lists.db");
	return db_open(&listd->db, path, DB_CREATE, 1000, err) != 0 ||
	               db_migrate(&listd->db, schema, sizeof schema / sizeof *schema, err) != 0
	           ? -1
	           : 0;
}

int table_begin(struct listd *listd, struct err *err)
{
	if (db_begin(&listd->db, err) != 0)
		return -1;
	if (!listd->released || db_query_run(&listd->db, err, "DELETE FROM outbox", "") == 0)
		return 0;
	db_rollback(&listd->db);
	return -1;
}

int table_commit(struct listd *listd, struct err *err)
{
	if (outbox_sync(listd, err) != 0) {
		table_rollback(listd);
		return -1;
	}
	if (db_commit(&listd->db, err) != 0) {
		outbox_forget(listd);
		return -1;
	}
	listd->released = false;
	outbox_release(listd);
	return 0;
}

void table_rollback(struct listd *listd)
{
	db_rollback(&listd->db);
	outbox_forget(listd);
}

int table_add_post(struct listd *listd, struct post *post, struct err *err)
{
	if (db_query_run(&listd->db, err, "INSERT INTO post VALUES(NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	                 "tnnnttnnnnnnnttt", post->id, post->list, (int64_t)post->state, post->time, post->origin,
	                 post->subject, post->size, post->to_at, (int64_t)post->is_8bit, (int64_t)post->is_utf8,
	                 (int64_t)post->is_archived, post->next, post->trouble, post->token, post->arc, post->results) != 0)
		return -1;
	post->key = sqlite3_last_insert_rowid(listd->db.handle);
	return 0;
}

static void read_post(const struct db_statement *row, struct arena *arena, struct post *post)
{
	*post = (struct post){
	    .key = db_number(row, 0),
	    .id = arena_copy(arena, db_text(row, 1)),
	    .list = db_number(row, 2),
	    .state = (enum post_state)db_number(row, 3),
	    .time = db_number(row, 4),
	    .origin = arena_copy(arena, db_text(row, 5)),
	    .subject = arena_copy(arena, db_text(row, 6)),
	    .size = db_number(row, 7),
	    .to_at = db_number(row, 8),
	    .is_8bit = db_number(row, 9) != 0,
	    .is_utf8 = db_number(row, 10) != 0,
	    .is_archived = db_number(row, 11) != 0,
	    .next = db_number(row, 12),
	    .trouble = db_number(row, 13),
	    .token = arena_copy(arena, db_text(row, 14)),
	    .arc = arena_copy(arena, db_text(row, 15)),
	    .results = arena_copy(arena, db_text(row, 16)),
	};
}

int table_posts(struct listd *listd, struct db_statement *query, struct err *err, const char *where, const char *types,
                ...)
{
	char sql[512];
	va_list args;
	int result;

	snprintf(sql, sizeof sql, "SELECT " POST_COLUMNS " FROM post WHERE %s", where);
	va_start(args, types);
	result = db_query_va(&listd->db, query, err, sql, types, args);
	va_end(args);
	return result;
}

int table_next_post(struct db_statement *query, struct arena *arena, struct post *post_out, struct err *err)
{
	int row = db_step(query, err);

	if (row == 1)
		read_post(query, arena, post_out);
	return row;
}

int table_get_post(struct listd *listd, struct arena *arena, struct post *post_out, struct err *err, const char *where,
                   struct str text, int64_t number)
{
	struct db_statement query;
	int row;

	if (table_posts(listd, &query, err, where, "tn", text, number) != 0)
		return -1;
	row = table_next_post(&query, arena, post_out, err);
	db_finalize(&query);
	return row;
}

int table_set_post(struct listd *listd, const struct post *post, struct err *err)
{
	return db_query_run(&listd->db, err, "UPDATE post SET state = ?, next = ?, trouble = ?, token = ? WHERE key = ?",
	                    "nnntn", (int64_t)post->state, post->next, post->trouble, post->token, post->key);
}

#include "collector/table.h"

#include <jansson.h>
#include <stdio.h>

enum {
	BUSY_MS = 1000,
	DIGEST_DAYS = 90, /* identities that no list of a server shows are kept so long */
};

/* What digests.h makes identities of; no list of a server tells whether these are there still. */
#define IS_DIGEST "uidl GLOB 'sha256:*'"

static const char *const schema[] = {
    "CREATE TABLE message(collector INTEGER NOT NULL, uidl TEXT NOT NULL, size INTEGER NOT NULL,"
    " subject TEXT NOT NULL DEFAULT '', sender TEXT NOT NULL DEFAULT '', recipients TEXT NOT NULL DEFAULT '',"
    " date INTEGER NOT NULL DEFAULT 0, first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL,"
    " downloaded INTEGER NOT NULL DEFAULT 0, headers_only INTEGER NOT NULL DEFAULT 0,"
    " asked INTEGER NOT NULL DEFAULT 0, told INTEGER NOT NULL DEFAULT 0, token TEXT,"
    " get INTEGER NOT NULL DEFAULT 0, remove INTEGER NOT NULL DEFAULT 0, PRIMARY KEY(collector, uidl)) WITHOUT ROWID;"
    "CREATE INDEX message_token ON message(token) WHERE token IS NOT NULL;"
    "CREATE TABLE answerer(collector INTEGER NOT NULL, uidl TEXT NOT NULL, address TEXT NOT NULL COLLATE NOCASE,"
    " PRIMARY KEY(collector, uidl, address)) WITHOUT ROWID;"
    "CREATE TABLE run(id INTEGER PRIMARY KEY, collector INTEGER NOT NULL, connection INTEGER NOT NULL,"
    " began INTEGER NOT NULL, ended INTEGER NOT NULL, connected INTEGER NOT NULL, ok INTEGER NOT NULL,"
    " messages INTEGER NOT NULL, result TEXT NOT NULL);"
    "CREATE INDEX run_collector ON run(collector, id);"
    /* mail that is parked in the drop, or released since the last commit */
    "CREATE TABLE outbox(id TEXT PRIMARY KEY) WITHOUT ROWID;",
};

int table_open(struct collectord *collectord, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 128];

	instance_path(path, sizeof path, collectord->daemon.instance.state, "collect/collect.db");
	return db_open(&collectord->db, path, DB_CREATE, BUSY_MS, err) != 0 ||
	               db_migrate(&collectord->db, schema, sizeof schema / sizeof *schema, err) != 0
	           ? -1
	           : 0;
}

static int read_known(struct collectord *collectord, int64_t collector, struct str identity, struct known *known,
                      struct err *err)
{
	struct db_statement query;
	int row;

	*known = (struct known){0};
	if (db_query(&collectord->db, &query, err,
	             "SELECT first_seen, downloaded, asked, headers_only, told, get, remove FROM message"
	             " WHERE collector = ? AND uidl = ?",
	             "nt", collector, identity) != 0)
		return -1;
	row = db_step(&query, err);
	if (row == 1)
		*known = (struct known){
		    .first_seen = db_number(&query, 0),
		    .downloaded = db_number(&query, 1),
		    .asked = db_number(&query, 2),
		    .headers_only = db_number(&query, 3) != 0,
		    .told = db_number(&query, 4) != 0,
		    .get = db_number(&query, 5) != 0,
		    .remove = db_number(&query, 6) != 0,
		};
	db_finalize(&query);
	return row < 0 ? -1 : 0;
}

int table_see(struct collectord *collectord, int64_t collector, struct str identity, int64_t size, int64_t now,
              struct known *known_out, struct err *err)
{
	if (read_known(collectord, collector, identity, known_out, err) != 0)
		return -1;
	return db_query_run(&collectord->db, err,
	                    "INSERT INTO message(collector, uidl, size, first_seen, last_seen) VALUES(?, ?, ?, ?4, ?4)"
	                    " ON CONFLICT DO UPDATE SET last_seen = excluded.last_seen,"
	                    " size = CASE WHEN excluded.size > 0 THEN excluded.size ELSE size END",
	                    "ntnn", collector, identity, size, now);
}

int table_note(struct collectord *collectord, int64_t collector, const struct fate *fate, int64_t now, struct err *err)
{
	int64_t happened = (int64_t)fate->downloaded | (int64_t)fate->headers_only << 1 | (int64_t)fate->asked << 2 |
	                   (int64_t)fate->told << 3 | (int64_t)fate->remove << 4;

	if (db_query_run(&collectord->db, err,
	                 "INSERT INTO message(collector, uidl, size, first_seen, last_seen) VALUES(?, ?, ?, ?4, ?4)"
	                 " ON CONFLICT DO UPDATE SET last_seen = excluded.last_seen, size = excluded.size",
	                 "ntnn", collector, fate->identity, fate->size, now) != 0)
		return -1;
	return db_query_run(
	    &collectord->db, err,
	    "UPDATE message SET subject = iif(?3 = '', subject, ?3), sender = iif(?4 = '', sender, ?4),"
	    " recipients = iif(?5 = '', recipients, ?5), date = iif(?6 = 0, date, ?6),"
	    " downloaded = iif(?7 & 1, ?8, downloaded), headers_only = (?7 & 2) <> 0,"
	    " asked = iif(?7 & 4, ?8, asked), told = told | (?7 & 8) <> 0, remove = remove | (?7 & 16) <> 0, get = 0,"
	    " token = iif(?9 = '', token, ?9) WHERE collector = ?1 AND uidl = ?2",
	    "nttttnnnt", collector, fate->identity, fate->subject, fate->from, fate->to, fate->date, happened, now,
	    fate->token);
}

int table_add_answerer(struct collectord *collectord, int64_t collector, struct str identity, struct str address,
                       struct err *err)
{
	return db_query_run(&collectord->db, err, "INSERT OR IGNORE INTO answerer VALUES(?, ?, ?)", "ntt", collector,
	                    identity, address);
}

static int forget_answerers(struct collectord *collectord, struct err *err)
{
	return db_exec(&collectord->db,
	               "DELETE FROM answerer WHERE NOT EXISTS (SELECT 1 FROM message WHERE"
	               " message.collector = answerer.collector AND message.uidl = answerer.uidl)",
	               err);
}

int table_deleted(struct collectord *collectord, int64_t collector, struct str identity, int64_t hold_days,
                  struct err *err)
{
	return db_query_run(&collectord->db, err,
	                    "DELETE FROM message WHERE collector = ? AND uidl = ? AND (?3 = 0 OR " IS_DIGEST ")", "ntn",
	                    collector, identity, hold_days);
}

int table_forget(struct collectord *collectord, int64_t collector, int64_t listed_since, int64_t hold_days,
                 struct err *err)
{
	if (db_query_run(&collectord->db, err,
	                 "DELETE FROM message WHERE collector = ? AND last_seen < ?2 AND"
	                 " last_seen <= ?2 - 86400 * iif(" IS_DIGEST ", ?4, ?3)",
	                 "nnnn", collector, listed_since, hold_days, (int64_t)DIGEST_DAYS) != 0)
		return -1;
	return forget_answerers(collectord, err);
}

int table_forget_collectors(struct collectord *collectord, const struct collector_settings *list, size_t count,
                            struct err *err)
{
	struct db *db = &collectord->db;

	if (db_exec(db, "CREATE TEMP TABLE IF NOT EXISTS alive(id INTEGER PRIMARY KEY); DELETE FROM alive", err) != 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (db_query_run(db, err, "INSERT INTO alive VALUES(?)", "n", list[i].id) != 0)
			return -1;
	if (db_exec(db,
	            "DELETE FROM message WHERE collector NOT IN (SELECT id FROM alive);"
	            "DELETE FROM run WHERE collector NOT IN (SELECT id FROM alive)",
	            err) != 0)
		return -1;
	return forget_answerers(collectord, err);
}

int table_mark(struct collectord *collectord, int64_t collector, struct str identity, int get, int remove,
               int64_t *count_out, struct err *err)
{
	if (db_query_run(&collectord->db, err,
	                 "UPDATE message SET get = iif(?3 < 0, get, ?3), remove = iif(?4 < 0, remove, ?4)"
	                 " WHERE collector = ?1 AND (?2 = '' OR uidl = ?2)",
	                 "ntnn", collector, identity, (int64_t)get, (int64_t)remove) != 0)
		return -1;
	*count_out = sqlite3_changes64(collectord->db.handle);
	return 0;
}

void table_add_object(struct ipc_message *reply, const char *key, struct json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);

	if (text != NULL)
		ipc_add_text(reply, key, text);
	free(text);
	json_decref(object);
}

int table_list(struct collectord *collectord, int64_t collector, struct ipc_message *reply, struct err *err)
{
	struct db_statement row;
	int result;

	if (db_query(
	        &collectord->db, &row, err,
	        "SELECT uidl, subject, sender, recipients, size, date, first_seen, last_seen, downloaded, headers_only,"
	        " asked, get, remove FROM message WHERE collector = ? ORDER BY first_seen DESC, uidl",
	        "n", collector) != 0)
		return -1;
	while ((result = db_step(&row, err)) == 1)
		table_add_object(reply, "message",
		                 json_pack("{s:s%, s:s%, s:s%, s:s%, s:I, s:I, s:I, s:I, s:I, s:b, s:I, s:b, s:b}", "uidl",
		                           db_text(&row, 0).data, db_text(&row, 0).len, "subject", db_text(&row, 1).data,
		                           db_text(&row, 1).len, "from", db_text(&row, 2).data, db_text(&row, 2).len, "to",
		                           db_text(&row, 3).data, db_text(&row, 3).len, "size", (json_int_t)db_number(&row, 4),
		                           "date", (json_int_t)db_number(&row, 5), "first-seen", (json_int_t)db_number(&row, 6),
		                           "last-seen", (json_int_t)db_number(&row, 7), "downloaded",
		                           (json_int_t)db_number(&row, 8), "headers-only", (int)db_number(&row, 9), "asked",
		                           (json_int_t)db_number(&row, 10), "get", (int)db_number(&row, 11), "delete",
		                           (int)db_number(&row, 12)));
	db_finalize(&row);
	return result;
}

int table_answer(struct collectord *collectord, struct str token, struct err *err)
{
	if (token.len == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no token");
	if (db_query_run(&collectord->db, err, "UPDATE message SET get = 1 WHERE token = ?", "t", token) != 0)
		return -1;
	if (sqlite3_changes(collectord->db.handle) == 0)
		return err_set(err, ERR_NOT_FOUND, "no message that waits for an answer has this token");
	return 0;
}

#include "statusd/historyd/historyd.h"

enum { BUSY_MS = 5000, PRUNE_ROWS = 5000 };

static const char *const schema[] = {
    /* Begin and id together are unique: ids are counted on from a random number at each start of statusd. */
    "CREATE TABLE session(begin INTEGER NOT NULL, id INTEGER NOT NULL, end INTEGER NOT NULL, program TEXT NOT NULL,"
    " pid INTEGER NOT NULL, service TEXT NOT NULL, peer TEXT NOT NULL, user TEXT NOT NULL COLLATE NOCASE,"
    " uid INTEGER NOT NULL, tls INTEGER NOT NULL, PRIMARY KEY(begin, id)) WITHOUT ROWID;"
    "CREATE INDEX session_end ON session(end);"
    "CREATE INDEX session_user ON session(user, end) WHERE user <> '';",
    /* traces.c; times in microseconds */
    "CREATE TABLE trace(id TEXT PRIMARY KEY, time INTEGER NOT NULL, sender TEXT NOT NULL, client TEXT NOT NULL,"
    " user TEXT NOT NULL, service TEXT NOT NULL, recipients TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX trace_time ON trace(time);"
    "CREATE TABLE trace_line(time INTEGER NOT NULL, id TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY(time, id))"
    " WITHOUT ROWID;"
    "CREATE INDEX trace_line_id ON trace_line(id, time);",
};

int sessions_open(struct historyd *historyd, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 128];

	instance_path(path, sizeof path, historyd->daemon.instance.state, "history/log.db");
	if (db_open(&historyd->db, path, DB_CREATE, BUSY_MS, err) != 0)
		return -1;
	if (db_migrate(&historyd->db, schema, sizeof schema / sizeof schema[0], err) != 0 ||
	    db_prepare(&historyd->db, &historyd->insert,
	               "INSERT OR IGNORE INTO session(begin, id, end, program, pid, service, peer, user, uid, tls)"
	               " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	               err) != 0) {
		db_close(&historyd->db);
		return -1;
	}
	return 0;
}

void sessions_close(struct historyd *historyd)
{
	db_finalize(&historyd->insert);
	db_close(&historyd->db);
}

int sessions_add(struct historyd *historyd, const struct status_record *record, struct err *err)
{
	struct db_statement *insert = &historyd->insert;

	db_bind_number(insert, 1, record->begin);
	db_bind_number(insert, 2, record->id);
	db_bind_number(insert, 3, record->end);
	db_bind_text(insert, 4, record->program);
	db_bind_number(insert, 5, record->pid);
	db_bind_text(insert, 6, record->service);
	db_bind_text(insert, 7, record->peer);
	db_bind_text(insert, 8, record->user);
	db_bind_number(insert, 9, record->uid);
	db_bind_number(insert, 10, record->tls);
	return db_run(insert, err);
}

static struct status_record read_row(const struct db_statement *row)
{
	return (struct status_record){
	    .begin = db_number(row, 0),
	    .id = db_number(row, 1),
	    .end = db_number(row, 2),
	    .program = db_text(row, 3),
	    .pid = db_number(row, 4),
	    .service = db_text(row, 5),
	    .peer = db_text(row, 6),
	    .user = db_text(row, 7),
	    .uid = db_number(row, 8),
	    .tls = db_number(row, 9) != 0,
	};
}

#define COLUMNS "begin, id, end, program, pid, service, peer, user, uid, tls"

int sessions_query(struct historyd *historyd, const struct history_query *query,
                   void (*take)(const struct status_record *record, void *context), void *context, struct err *err)
{
	static const char *const sql[] = {
	    "SELECT * FROM (SELECT " COLUMNS " FROM session WHERE end > ?1 ORDER BY end DESC LIMIT ?2) ORDER BY end",
	    "SELECT * FROM (SELECT " COLUMNS " FROM session WHERE end > ?1 AND user = ?3 AND user <> ''"
	    " ORDER BY end DESC LIMIT ?2) ORDER BY end",
	};
	bool by_user = query->user.data != NULL;
	struct db_statement select;
	int got;

	if (db_prepare(&historyd->db, &select, sql[by_user], err) != 0)
		return -1;
	db_bind_number(&select, 1, query->since);
	db_bind_number(&select, 2, query->limit);
	if (by_user)
		db_bind_text(&select, 3, query->user);
	while ((got = db_step(&select, err)) == 1) {
		struct status_record record = read_row(&select);

		take(&record, context);
	}
	db_finalize(&select);
	return got;
}

int sessions_prune(struct historyd *historyd, int64_t before, struct err *err)
{
	struct db_statement prune;
	int result = 0;

	/* some at a time, so that nobody waits long for the next batch */
	if (db_prepare(&historyd->db, &prune,
	               "DELETE FROM session WHERE (begin, id) IN"
	               " (SELECT begin, id FROM session WHERE end < ?1 ORDER BY end LIMIT ?2)",
	               err) != 0)
		return -1;
	do {
		db_bind_number(&prune, 1, before);
		db_bind_number(&prune, 2, PRUNE_ROWS);
		result = db_run(&prune, err);
	} while (result == 0 && sqlite3_changes(historyd->db.handle) == PRUNE_ROWS);
	db_finalize(&prune);
	return result;
}

#include "deliver/answered.h"

#include "common/base/io.h"

static const char schema[] =
    "CREATE TABLE answer(responder INTEGER NOT NULL, address TEXT NOT NULL COLLATE NOCASE, time INTEGER NOT NULL,"
    " message TEXT NOT NULL, PRIMARY KEY (responder, address)) WITHOUT ROWID;"
    "CREATE INDEX answer_time ON answer(time);"
    "CREATE TABLE matched(rule INTEGER PRIMARY KEY, count INTEGER NOT NULL, message TEXT NOT NULL);";

static const char schema_seen[] =
    "CREATE TABLE seen(fingerprint TEXT NOT NULL, uid INTEGER NOT NULL, time INTEGER NOT NULL, message TEXT NOT NULL,"
    " PRIMARY KEY (fingerprint, uid)) WITHOUT ROWID;"
    "CREATE INDEX seen_time ON seen(time);";

const char *answered_folder(char *out, size_t size, const struct instance *instance)
{
	return instance_path(out, size, instance->state, "mail/answers");
}

int answered_open(struct db *db, const struct instance *instance, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 128];

	return db_open(db, instance_path(path, sizeof path, instance->state, "mail/answers/answers.db"), DB_CREATE, 10000,
	               err);
}

int answered_prepare(const struct instance *instance, struct err *err)
{
	static const char *const steps[] = {schema, schema_seen};
	char path[INSTANCE_PATH_MAX + 128];
	struct db db;
	int result;

	if (io_make_folder(instance_path(path, sizeof path, instance->state, "mail"), 0700, err) != 0 ||
	    io_make_folder(answered_folder(path, sizeof path, instance), 0700, err) != 0 ||
	    answered_open(&db, instance, err) != 0)
		return -1;
	result = db_migrate(&db, steps, 2, err);
	db_close(&db);
	return result;
}

int answered_lately(struct db *db, int64_t responder, struct str address, int64_t hours, struct str message,
                    int64_t now, struct err *err)
{
	struct db_statement statement;
	int row;

	if (db_prepare(db, &statement,
	               "SELECT 1 FROM answer WHERE responder = ? AND address = ? AND time > ? AND message <> ?", err) != 0)
		return -1;
	db_bind_number(&statement, 1, responder);
	db_bind_text(&statement, 2, address);
	db_bind_number(&statement, 3, now - hours * 3600);
	db_bind_text(&statement, 4, message);
	row = db_step(&statement, err);
	db_finalize(&statement);
	return row;
}

static int forget_old(struct db *db, int64_t now, struct err *err)
{
	struct db_statement statement;
	int result;

	if (db_prepare(db, &statement, "DELETE FROM answer WHERE time < ?", err) != 0)
		return -1;
	db_bind_number(&statement, 1, now - (int64_t)ANSWERED_DAYS * 86400);
	result = db_run(&statement, err);
	db_finalize(&statement);
	return result;
}

int answered_record(struct db *db, int64_t responder, struct str address, struct str message, int64_t now,
                    struct err *err)
{
	struct db_statement statement;
	int result;

	if (forget_old(db, now, err) != 0 ||
	    db_prepare(db, &statement, "INSERT OR REPLACE INTO answer VALUES(?, ?, ?, ?)", err) != 0)
		return -1;
	db_bind_number(&statement, 1, responder);
	db_bind_text(&statement, 2, address);
	db_bind_number(&statement, 3, now);
	db_bind_text(&statement, 4, message);
	result = db_run(&statement, err);
	db_finalize(&statement);
	return result;
}

int answered_count(struct db *db, int64_t rule, struct str message, struct err *err)
{
	struct db_statement statement;
	int result;

	if (db_prepare(db, &statement,
	               "INSERT INTO matched VALUES(?1, 1, ?2) ON CONFLICT (rule) DO UPDATE SET count = count + 1,"
	               " message = ?2 WHERE message <> ?2",
	               err) != 0)
		return -1;
	db_bind_number(&statement, 1, rule);
	db_bind_text(&statement, 2, message);
	result = db_run(&statement, err);
	db_finalize(&statement);
	return result;
}

int64_t answered_matches(struct db *db, int64_t rule)
{
	struct db_statement statement;
	int64_t count = 0;

	if (db_prepare(db, &statement, "SELECT count FROM matched WHERE rule = ?", NULL) != 0)
		return 0;
	db_bind_number(&statement, 1, rule);
	if (db_step(&statement, NULL) == 1)
		count = db_number(&statement, 0);
	db_finalize(&statement);
	return count;
}

int answered_forget(struct db *db, int64_t responder, struct err *err)
{
	struct db_statement statement;
	int result;

	if (db_prepare(db, &statement, "DELETE FROM answer WHERE responder = ?", err) != 0)
		return -1;
	db_bind_number(&statement, 1, responder);
	result = db_run(&statement, err);
	db_finalize(&statement);
	return result;
}

int answered_seen(struct db *db, struct str fingerprint, int64_t uid, int64_t days, struct str message, int64_t now,
                  struct err *err)
{
	struct db_statement statement;
	int row;

	if (db_prepare(db, &statement, "SELECT 1 FROM seen WHERE fingerprint = ? AND uid = ? AND time > ? AND message <> ?",
	               err) != 0)
		return -1;
	db_bind_text(&statement, 1, fingerprint);
	db_bind_number(&statement, 2, uid);
	db_bind_number(&statement, 3, now - days * 86400);
	db_bind_text(&statement, 4, message);
	row = db_step(&statement, err);
	db_finalize(&statement);
	return row;
}

int answered_see(struct db *db, struct str fingerprint, int64_t uid, int64_t days, struct str message, int64_t now,
                 struct err *err)
{
	struct db_statement statement;
	int result;

	if (db_prepare(db, &statement, "DELETE FROM seen WHERE time <= ?", err) != 0)
		return -1;
	db_bind_number(&statement, 1, now - days * 86400);
	result = db_run(&statement, err);
	db_finalize(&statement);
	if (result != 0 || db_prepare(db, &statement, "INSERT OR IGNORE INTO seen VALUES(?, ?, ?, ?)", err) != 0)
		return -1;
	db_bind_text(&statement, 1, fingerprint);
	db_bind_number(&statement, 2, uid);
	db_bind_number(&statement, 3, now);
	db_bind_text(&statement, 4, message);
	result = db_run(&statement, err);
	db_finalize(&statement);
	return result;
}

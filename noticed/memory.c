#include "noticed/noticed.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>

enum { LIST_MAX = 1000, STATE_DAYS = 366 };

static const char schema[] =
    "CREATE TABLE event(key TEXT PRIMARY KEY, first INTEGER NOT NULL, seen INTEGER NOT NULL, sent INTEGER NOT NULL,"
    " count INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE suppressed(id INTEGER PRIMARY KEY, time INTEGER NOT NULL, component TEXT NOT NULL,"
    " kind TEXT NOT NULL, severity TEXT NOT NULL, item TEXT NOT NULL, text TEXT NOT NULL);"
    "CREATE INDEX suppressed_time ON suppressed(time);";

int memory_open(struct db *db, const struct instance *instance, struct err *err)
{
	static const char *const steps[] = {schema};
	char path[INSTANCE_PATH_MAX + 32];

	instance_path(path, sizeof path, instance->state, "notices/notices.db");
	return db_open(db, path, DB_CREATE, 5000, err) != 0 || db_migrate(db, steps, 1, err) != 0 ? -1 : 0;
}

/* The same event under the same control: a hash of what makes it that. */
static void key_of(const struct control *control, const struct notice *notice, char key[65])
{
	const struct str parts[] = {control->text, notice->item, notice->subject, notice->text};
	unsigned char hash[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	char head[96];

	EVP_DigestInit_ex(context, EVP_sha256(), NULL);
	snprintf(head, sizeof head, "%d %d %d", (int)notice->component, (int)notice->kind, (int)notice->severity);
	EVP_DigestUpdate(context, head, strlen(head) + 1);
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		EVP_DigestUpdate(context, parts[i].data != NULL ? parts[i].data : "", parts[i].len);
		EVP_DigestUpdate(context, "", 1);
	}
	EVP_DigestFinal_ex(context, hash, NULL);
	EVP_MD_CTX_free(context);
	for (int i = 0; i < 32; i++)
		snprintf(key + 2 * i, 3, "%02x", hash[i]);
}

int memory_read(struct db *db, const struct control *control, const struct notice *notice,
                struct control_state *state_out, struct err *err)
{
	struct db_statement statement;
	char key[65];
	int row;

	*state_out = (struct control_state){0};
	key_of(control, notice, key);
	if (db_prepare(db, &statement, "SELECT first, seen, sent, count FROM event WHERE key = ?", err) != 0)
		return -1;
	db_bind_text(&statement, 1, str_of(key));
	row = db_step(&statement, err);
	if (row == 1)
		*state_out = (struct control_state){db_number(&statement, 0), db_number(&statement, 1),
		                                    db_number(&statement, 2), db_number(&statement, 3)};
	db_finalize(&statement);
	return row < 0 ? -1 : 0;
}

int memory_keep(struct db *db, const struct control *control, const struct notice *notice,
                const struct control_state *state, struct err *err)
{
	struct db_statement statement;
	char key[65];
	int result;

	key_of(control, notice, key);
	if (db_prepare(db, &statement, "INSERT OR REPLACE INTO event VALUES(?, ?, ?, ?, ?)", err) != 0)
		return -1;
	db_bind_text(&statement, 1, str_of(key));
	db_bind_number(&statement, 2, state->first);
	db_bind_number(&statement, 3, state->seen);
	db_bind_number(&statement, 4, state->sent);
	db_bind_number(&statement, 5, state->count);
	result = db_run(&statement, err);
	db_finalize(&statement);
	return result;
}

static int forget(struct db *db, const char *sql, int64_t before, struct err *err)
{
	struct db_statement statement;
	int result;

	if (db_prepare(db, &statement, sql, err) != 0)
		return -1;
	db_bind_number(&statement, 1, before);
	result = db_run(&statement, err);
	db_finalize(&statement);
	return result;
}

int memory_suppress(struct db *db, const struct notice *notice, int64_t now, struct err *err)
{
	struct db_statement statement;
	int result;

	if (forget(db, "DELETE FROM suppressed WHERE time < ?", now - NOTICED_KEPT_MS, err) != 0 ||
	    forget(db, "DELETE FROM event WHERE seen < ?", now - STATE_DAYS * (int64_t)NOTICED_KEPT_MS, err) != 0 ||
	    db_prepare(db, &statement,
	               "INSERT INTO suppressed(time, component, kind, severity, item, text) VALUES(?, ?, ?, ?, ?, ?)",
	               err) != 0)
		return -1;
	db_bind_number(&statement, 1, now);
	db_bind_text(&statement, 2, str_of(notice_component_word(notice->component)));
	db_bind_text(&statement, 3, str_of(notice_kind_word(notice->kind)));
	db_bind_text(&statement, 4, str_of(notice_severity_word(notice->severity)));
	db_bind_text(&statement, 5, notice->item);
	db_bind_text(&statement, 6, notice->subject);
	result = db_run(&statement, err);
	db_finalize(&statement);
	return result;
}

static void add_row(const struct db_statement *row, struct ipc_message *reply)
{
	static const char *const names[] = {"component", "kind", "severity", "item", "text"};
	json_t *object = json_object();
	char *text;

	json_object_set_new(object, "time", json_integer(db_number(row, 0) / 1000));
	for (int i = 0; i < 5; i++) {
		struct str value = db_text(row, i + 1);

		json_object_set_new(object, names[i], json_stringn(value.data, value.len));
	}
	text = json_dumps(object, JSON_COMPACT);
	if (text != NULL)
		ipc_add_text(reply, "notice", text);
	free(text);
	json_decref(object);
}

int memory_list(struct db *db, int64_t now, struct ipc_message *reply, struct err *err)
{
	struct db_statement statement;
	int row, count = 0;

	if (db_prepare(
	        db, &statement,
	        "SELECT time, component, kind, severity, item, text FROM suppressed WHERE time >= ? ORDER BY id DESC",
	        err) != 0)
		return -1;
	db_bind_number(&statement, 1, now - NOTICED_KEPT_MS);
	while ((row = db_step(&statement, err)) == 1 && count++ < LIST_MAX)
		add_row(&statement, reply);
	db_finalize(&statement);
	return row < 0 ? -1 : 0;
}

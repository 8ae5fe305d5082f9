#include "statusd/historyd/traces.h"

#include "common/base/arena.h"
#include "common/base/log.h"
#include "statusd/historyd/log_file.h"
#include "statusd/historyd/summary.h"

#include <jansson.h>
#include <stdlib.h>

enum { PRUNE_ROWS = 5000 };

/* "id TAB time" before the rest of a field. false: it is no such thing. */
static bool cut_line(struct str value, struct str *id_out, int64_t *time_out, struct str *rest_out)
{
	uint64_t time;

	*id_out = str_cut(&value, '\t');
	if (id_out->len == 0 || value.data == NULL || !str_to_u64(str_cut(&value, '\t'), INT64_MAX, &time) ||
	    value.data == NULL)
		return false;
	*time_out = (int64_t)time;
	*rest_out = value;
	return true;
}

static int add_line(struct db_statement *insert, struct str value, struct err *err)
{
	struct str id, text;
	int64_t time;

	if (!cut_line(value, &id, &time, &text)) {
		log_error("queue-manager sent what is no line about a message: %.*s", STR_ARG(value));
		return 0;
	}
	db_bind_text(insert, 1, id);
	db_bind_number(insert, 2, time);
	db_bind_text(insert, 3, text);
	return db_run(insert, err);
}

static int add_head(struct db_statement *insert, struct str value, struct err *err)
{
	struct str id, rest;
	int64_t time;

	if (!cut_line(value, &id, &time, &rest) || str_count_char(rest, '\t') != 4) {
		log_error("queue-manager sent what is no head of a message: %.*s", STR_ARG(value));
		return 0;
	}
	db_bind_text(insert, 1, id);
	db_bind_number(insert, 2, time);
	for (int i = 3; i <= 6; i++)
		db_bind_text(insert, i, str_cut(&rest, '\t'));
	db_bind_text(insert, 7, rest);
	return db_run(insert, err);
}

static void add_summary(struct historyd *historyd, struct str value)
{
	struct str id, text;
	int64_t time;

	if (!cut_line(value, &id, &time, &text) || !summary_add(historyd->summary, id, text))
		log_error("queue-manager sent what is no line of summary.log: %.*s", STR_ARG(value));
}

static int add_all(struct historyd *historyd, const struct ipc_message *message, struct err *err)
{
	struct db_statement head, line;
	struct str key, value;
	int result = 0;

	if (db_prepare(&historyd->db, &head, "INSERT OR IGNORE INTO trace VALUES(?, ?, ?, ?, ?, ?, ?)", err) != 0)
		return -1;
	if (db_prepare(&historyd->db, &line, "INSERT OR IGNORE INTO trace_line(id, time, text) VALUES(?, ?, ?)", err) !=
	    0) {
		db_finalize(&head);
		return -1;
	}
	for (size_t position = 0; result == 0 && ipc_next(message, &position, &key, &value);)
		if (str_equal(key, STR("line")))
			result = add_line(&line, value, err);
		else if (str_equal(key, STR("message")))
			result = add_head(&head, value, err);
		else if (str_equal(key, STR("summary")))
			add_summary(historyd, value);
	db_finalize(&head);
	db_finalize(&line);
	return result;
}

void traces_add(struct historyd *historyd, struct ipc_incoming *incoming)
{
	struct err err;
	int result = db_begin(&historyd->db, &err);

	if (result == 0) {
		result = add_all(historyd, &incoming->message, &err);
		if (result == 0)
			result = db_commit(&historyd->db, &err);
		if (result != 0)
			db_rollback(&historyd->db);
	}
	if (result == 0) {
		ipc_answer_ok(incoming);
		return;
	}
	log_error("cannot keep what became of messages: %s", err.text);
	err.code = ERR_TEMPORARY;
	ipc_answer_error(incoming, &err);
}

#define COLUMNS "id, time, sender, client, user, service, recipients"

static void add_message(const struct db_statement *row, struct ipc_message *reply)
{
	static const char *const names[] = {"from", "client", "user", "service", "to"};
	struct str id = db_text(row, 0);
	json_t *object = json_pack("{s:s%, s:I}", "id", id.data, id.len, "time", (json_int_t)(db_number(row, 1) / 1000000));
	char *text;

	for (int i = 0; i < 5; i++) {
		struct str value = db_text(row, 2 + i);

		json_object_set_new(object, names[i], json_stringn(value.data, value.len));
	}
	text = json_dumps(object, JSON_COMPACT);
	ipc_add_text(reply, "message", text != NULL ? text : "{}");
	free(text);
	json_decref(object);
}

/* A pattern for anywhere in a text, for LIKE, in arena: '*' and '?' are any and one. Of nothing it is NULL. */
static void bind_pattern(struct db_statement *select, int position, struct str wanted, struct arena *arena)
{
	struct buf pattern;

	if (wanted.len == 0) {
		db_bind_null(select, position);
		return;
	}
	buf_init(&pattern, IPC_PACKET_MAX);
	buf_add_char(&pattern, '%');
	for (size_t i = 0; i < wanted.len; i++) {
		char c = wanted.data[i];

		if (c == '%' || c == '_' || c == '\\')
			buf_add_char(&pattern, '\\');
		buf_add_char(&pattern, (char)(c == '*' ? '%' : c == '?' ? '_' : c));
	}
	buf_add_char(&pattern, '%');
	db_bind_text(select, position, arena_copy(arena, buf_str(&pattern)));
	buf_free(&pattern);
}

static int list(struct historyd *historyd, const struct ipc_message *request, struct ipc_message *reply,
                struct err *err)
{
	static const char *const fields[] = {"id", "from", "to", "client", "any"};
	struct db_statement select;
	struct arena arena;
	int64_t since = 0, limit = TRACES_LIMIT;
	int got;

	ipc_get_number(request, "since", 0, INT64_MAX / 1000000, &since);
	ipc_get_number(request, "limit", 1, TRACES_LIMIT_MAX, &limit);
	if (db_prepare(
	        &historyd->db, &select,
	        "SELECT " COLUMNS " FROM trace WHERE time >= ?6"
	        " AND (?1 IS NULL OR id LIKE ?1 ESCAPE '\\') AND (?2 IS NULL OR sender LIKE ?2 ESCAPE '\\')"
	        " AND (?3 IS NULL OR recipients LIKE ?3 ESCAPE '\\') AND (?4 IS NULL OR client LIKE ?4 ESCAPE '\\')"
	        " AND (?5 IS NULL OR id LIKE ?5 ESCAPE '\\' OR sender LIKE ?5 ESCAPE '\\' OR client LIKE ?5 ESCAPE '\\'"
	        " OR user LIKE ?5 ESCAPE '\\' OR service LIKE ?5 ESCAPE '\\' OR recipients LIKE ?5 ESCAPE '\\')"
	        " ORDER BY time DESC LIMIT ?7",
	        err) != 0)
		return -1;
	arena_init(&arena);
	for (int i = 0; i < 5; i++)
		bind_pattern(&select, i + 1, ipc_get(request, fields[i]), &arena);
	db_bind_number(&select, 6, since * 1000000);
	db_bind_number(&select, 7, limit);
	while ((got = db_step(&select, err)) == 1)
		add_message(&select, reply);
	db_finalize(&select);
	arena_free(&arena);
	return got;
}

static int show(struct historyd *historyd, struct str id, struct ipc_message *reply, struct err *err)
{
	struct db_statement select;
	int got, messages = 0, lines = 0;

	if (db_prepare(&historyd->db, &select, "SELECT " COLUMNS " FROM trace WHERE id = ?", err) != 0)
		return -1;
	db_bind_text(&select, 1, id);
	while ((got = db_step(&select, err)) == 1) {
		add_message(&select, reply);
		messages++;
	}
	db_finalize(&select);
	if (got != 0 || db_prepare(&historyd->db, &select,
	                           "SELECT time, text FROM trace_line WHERE id = ? ORDER BY time LIMIT 10000", err) != 0)
		return -1;
	db_bind_text(&select, 1, id);
	while ((got = db_step(&select, err)) == 1) {
		struct buf line;
		struct str time;

		buf_init(&line, IPC_PACKET_MAX);
		log_file_add_time(&line, db_number(&select, 0) / 1000);
		time = str_trim(buf_str(&line));
		line.len = time.len;
		buf_printf(&line, ": %.*s", STR_ARG(db_text(&select, 1)));
		ipc_add(reply, "line", buf_str(&line));
		buf_free(&line);
		lines++;
	}
	db_finalize(&select);
	return got == 0 && messages + lines == 0
	           ? err_set(err, ERR_NOT_FOUND, "nothing is known of a message %.*s", STR_ARG(id))
	           : got;
}

static void answer(struct ipc_incoming *incoming, struct ipc_message *reply, int result, const struct err *err)
{
	if (result == 0)
		ipc_answer(incoming, reply);
	else
		ipc_answer_error(incoming, err);
	ipc_message_free(reply);
}

void traces_list(struct historyd *historyd, struct ipc_incoming *incoming)
{
	struct ipc_message reply;
	struct err err;
	int result;

	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	result = list(historyd, &incoming->message, &reply, &err);
	answer(incoming, &reply, result, &err);
}

void traces_show(struct historyd *historyd, struct ipc_incoming *incoming)
{
	struct ipc_message reply;
	struct err err;
	int result;

	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	result = show(historyd, ipc_get(&incoming->message, "id"), &reply, &err);
	answer(incoming, &reply, result, &err);
}

static int prune_table(struct historyd *historyd, const char *sql, int64_t before_us, struct err *err)
{
	struct db_statement prune;
	int result;

	if (db_prepare(&historyd->db, &prune, sql, err) != 0)
		return -1;
	/* some at a time, so that nobody waits long */
	do {
		db_bind_number(&prune, 1, before_us);
		db_bind_number(&prune, 2, PRUNE_ROWS);
		result = db_run(&prune, err);
	} while (result == 0 && sqlite3_changes(historyd->db.handle) == PRUNE_ROWS);
	db_finalize(&prune);
	return result;
}

int traces_prune(struct historyd *historyd, int64_t before_us, struct err *err)
{
	return prune_table(historyd,
	                   "DELETE FROM trace_line WHERE (time, id) IN (SELECT time, id FROM trace_line WHERE time < ?1"
	                   " ORDER BY time LIMIT ?2)",
	                   before_us, err) != 0
	           ? -1
	           : prune_table(
	                 historyd,
	                 "DELETE FROM trace WHERE id IN (SELECT id FROM trace WHERE time < ?1 ORDER BY time LIMIT ?2)",
	                 before_us, err);
}

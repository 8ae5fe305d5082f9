#include "queue-manager/control.h"

#include "common/base/log.h"
#include "common/db/query.h"

#include <time.h>

/*
 * The past: rows that table.c keeps of messages that went to other servers, once they have left the queue. A message
 * that an administrator deleted before anything was decided leaves none.
 */

enum { LIST_MAX = 1000, DAY_S = 86400, PRUNE_MAX = 2000 };

int64_t past_days(const struct queue *queue)
{
	return settings_number(&queue->settings, SETTING_QUEUE_PAST);
}

/* A part at a time: it is called again in a minute. */
void past_prune(struct queue *queue)
{
	int64_t until = (int64_t)time(NULL) - past_days(queue) * DAY_S;
	struct db *db = table_db(queue);
	struct err err;

	if (db_query_run(
	        db, &err,
	        "DELETE FROM past_recipient WHERE message IN (SELECT key FROM past WHERE ended <= ?1 ORDER BY ended, "
	        "key LIMIT ?2)",
	        "nn", until, (int64_t)PRUNE_MAX) != 0 ||
	    db_query_run(db, &err,
	                 "DELETE FROM past WHERE key IN (SELECT key FROM past WHERE ended <= ?1 ORDER BY ended, key "
	                 "LIMIT ?2)",
	                 "nn", until, (int64_t)PRUNE_MAX) != 0)
		log_error("what was sent long ago cannot be forgotten now: %s", err.text);
}

static int add_recipients(struct queue *queue, int64_t message, json_t *array, struct err *err)
{
	struct db_statement rows;
	int row;

	if (db_query(
	        table_db(queue), &rows, err,
	        "SELECT address, target, state, attempts, answer FROM past_recipient WHERE message = ? ORDER BY position",
	        "n", message) != 0)
		return -1;
	while ((row = db_step(&rows, err)) == 1) {
		struct delivery delivery = {
		    .kind = DELIVERY_REMOTE,
		    .target = db_text(&rows, 1),
		    .state = (enum delivery_state)db_number(&rows, 2),
		    .attempts = (unsigned)db_number(&rows, 3),
		    .answer = db_text(&rows, 4),
		};

		json_array_append_new(array, control_recipient(db_text(&rows, 0), &delivery));
	}
	db_finalize(&rows);
	return row;
}

static int add_message(struct queue *queue, const struct db_statement *row, struct ipc_message *reply, struct err *err)
{
	json_t *json = json_object(), *recipients = json_array();
	char *text;
	int result;

	json_object_set_new(json, "id", control_json(db_text(row, 1)));
	json_object_set_new(json, "time", json_integer(db_number(row, 2) / 1000000));
	json_object_set_new(json, "size", json_integer(db_number(row, 3)));
	json_object_set_new(json, "from", control_json(db_text(row, 4)));
	json_object_set_new(json, "user", control_json(db_text(row, 5)));
	json_object_set_new(json, "peer", control_json(db_text(row, 6)));
	json_object_set_new(json, "ended", json_integer(db_number(row, 7)));
	json_object_set_new(json, "recipients", recipients);
	result = add_recipients(queue, db_number(row, 0), recipients, err);
	text = result == 0 ? json_dumps(json, JSON_COMPACT) : NULL;
	if (text != NULL)
		ipc_add_text(reply, "message", text);
	free(text);
	json_decref(json);
	return result;
}

int past_answer(struct queue *queue, const struct ipc_message *request, struct ipc_message *reply, struct err *err)
{
	int64_t limit = LIST_MAX, before = INT64_MAX;
	struct db_statement rows;
	int row;

	ipc_get_number(request, "limit", 1, LIST_MAX, &limit);
	ipc_get_number(request, "before", 1, INT64_MAX, &before);
	if (db_query(
	        table_db(queue), &rows, err,
	        "SELECT key, id, time, size, coalesce(sender, ''), user, peer, ended FROM past WHERE key < ? AND ended > ? "
	        "ORDER BY key DESC LIMIT ?",
	        "nnn", before, (int64_t)time(NULL) - past_days(queue) * DAY_S, limit) != 0)
		return -1;
	while ((row = db_step(&rows, err)) == 1) {
		if (add_message(queue, &rows, reply, err) != 0) {
			row = -1;
			break;
		}
		before = db_number(&rows, 0);
		limit--;
	}
	db_finalize(&rows);
	if (row == 0 && limit == 0)
		ipc_add_number(reply, "before", before);
	return row;
}

#include "queue-manager/control.h"

#include "common/base/log.h"
#include "common/db/query.h"
#include "common/settings/attributes.h"

#include <time.h>

enum {
	SLACK_MS = 1000, /* by which the two clocks may differ before a row is written for it */
	TRY_AGAIN_MS = 5000,
	LISTED_MAX = 1000,
};

/* Nothing is known of where it goes yet, so all that is open waits as one. */
static void put_off(struct message *message, int64_t until)
{
	message->hold_until = until; /* for lists; the way out looks at it too */
	for (size_t i = 0; i < message->delivery_count; i++) {
		struct delivery *delivery = &message->deliveries[i];

		if (delivery->state != DELIVERY_PENDING || delivery->busy ||
		    (delivery->next >= until - SLACK_MS && delivery->next <= until + SLACK_MS))
			continue;
		delivery->next = until;
		delivery->dirty = true;
	}
}

/* The user by whose login it came: 1 = may log in still, 0 = not; -1 = cannot say. *uid_out: his number. */
static int find_sender(const struct message *message, int64_t *uid_out, struct err *err)
{
	struct settings *settings = &message->queue->settings;
	int64_t enabled = 0;
	int found = db_query_number(&settings->objects, uid_out, err, "SELECT uid FROM user WHERE name = ? COLLATE NOCASE",
	                            "t", message->envelope.user);

	if (found == 1)
		found =
		    db_query_number(&settings->objects, &enabled, err, "SELECT enabled FROM user WHERE uid = ?", "n", *uid_out);
	return found < 0 ? -1 : found == 1 && enabled != 0;
}

static void refuse(struct message *message)
{
	for (size_t i = 0; i < message->delivery_count; i++) {
		struct delivery *delivery = &message->deliveries[i];

		if (delivery->state != DELIVERY_PENDING)
			continue;
		message_set_answer(message, delivery, "5.7.1", STR(""),
		                   STR("It was to be sent later, and its sender may not send mail any more"));
		outcome_failed(message, delivery);
	}
}

/* It counts as new from here on: how old it is decides when others are warned of it, and when it is given up. */
static void end_waiting(struct message *message)
{
	int64_t now = queue_now();

	message->release = message->hold_until = 0;
	message->priority = 0;
	message->born = now;
	for (size_t i = 0; i < message->delivery_count; i++)
		if (message->deliveries[i].next > now)
			message->deliveries[i].next = 0;
	if (message->row != 0)
		table_write(message);
}

void scheduled_settle(struct message *message)
{
	int64_t wait, uid = 0;
	struct err err;
	int may;

	if (message->release == 0 || message->held)
		return;
	wait = message->release - (int64_t)time(NULL);
	if (wait > 0) {
		put_off(message, queue_now() + wait * 1000);
		return;
	}
	may = find_sender(message, &uid, &err);
	if (may < 0) {
		log_error("id=%s whether its sender may send still is not known: %s", message->id, err.text);
		put_off(message, queue_now() + TRY_AGAIN_MS);
		return;
	}
	log_info("id=%s its time has come, user=%.*s%s", message->id, STR_ARG(message->envelope.user),
	         may == 0 ? ", who may not send any more" : "");
	end_waiting(message);
	if (may == 0)
		refuse(message);
}

int scheduled_may_leave(const struct message *message)
{
	struct attributes attributes;
	struct arena arena;
	struct err err;
	int64_t uid = 0;
	int may = 1;

	if (message->envelope.release == 0)
		return 1;
	arena_init(&arena);
	may = find_sender(message, &uid, &err);
	if (may == 1)
		may = attributes_read(&message->queue->settings.objects, uid, &arena, &attributes, &err) != 0
		          ? -1
		          : attributes_flag(&attributes, ATTRIBUTE_SEND_INTERNET);
	if (may < 0)
		log_error("id=%s whether its sender may send to other servers is not known: %s", message->id, err.text);
	arena_free(&arena);
	return may;
}

void scheduled_look_for_due(struct queue *queue)
{
	struct db *db = table_db(queue);
	struct err err;

	if (db_query_run(db, &err,
	                 "UPDATE message SET next = 0 WHERE release > 0 AND release <= ? AND held = 0 AND next IS NOT NULL "
	                 "AND next > ?",
	                 "nn", (int64_t)time(NULL), queue_now() + TRY_AGAIN_MS) != 0)
		log_error("cannot look for mail whose time has come: %s", err.text);
	else if (sqlite3_changes64(db->handle) > 0)
		schedule_at(queue, 0);
}

static void add(struct ipc_message *reply, struct str id, int64_t release)
{
	json_t *json = json_pack("{s:o, s:I}", "id", control_json(id), "at", (json_int_t)release);
	char *text = json_dumps(json, JSON_COMPACT);

	ipc_add_text(reply, "message", text != NULL ? text : "{}");
	free(text);
	json_decref(json);
}

static int list(struct queue *queue, struct str user, struct ipc_message *reply, struct err *err)
{
	struct db_statement rows;
	int result;

	if (db_prepare(
	        table_db(queue), &rows,
	        "SELECT id, release FROM message WHERE release > 0 AND user = ?1 AND held < 2 ORDER BY release LIMIT ?2",
	        err) != 0)
		return -1;
	db_bind_text(&rows, 1, user);
	db_bind_number(&rows, 2, LISTED_MAX);
	while ((result = db_step(&rows, err)) == 1)
		add(reply, db_text(&rows, 0), db_number(&rows, 1));
	db_finalize(&rows);
	for (const struct message *message = queue->messages; message != NULL; message = message->next)
		if (message->row == 0 && message->release != 0 && str_equal(message->envelope.user, user))
			add(reply, str_of(message->id), message->release);
	return result;
}

/* Does it wait still, and is it this user's? */
static bool waits(struct queue *queue, struct str id, struct str user)
{
	const struct message *message = message_find(queue, id);
	int64_t one;

	if (message != NULL)
		return message->release != 0 && !message->deleted && str_equal(message->envelope.user, user);
	return db_query_number(table_db(queue), &one, NULL,
	                       "SELECT 1 FROM message WHERE id = ? AND user = ? AND release > 0 AND held < 2", "tt", id,
	                       user) == 1;
}

bool scheduled_handle(struct queue *queue, const struct ipc_message *request, struct ipc_message *reply,
                      int *result_out, struct err *err)
{
	bool cancels = ipc_is(request, "scheduled-cancel"), sends = ipc_is(request, "scheduled-send");
	struct str user = ipc_get(request, "user"), id = ipc_get(request, "id");
	struct control_changed changed;

	if (!cancels && !sends && !ipc_is(request, "scheduled"))
		return false;
	if (user.len == 0)
		*result_out = err_set(err, ERR_SYNTAX, "whose mail?");
	else if (!cancels && !sends)
		*result_out = list(queue, user, reply, err);
	else if (!spool_id_is_valid(id) || !waits(queue, id, user))
		*result_out = err_set(err, ERR_NOT_FOUND, "no such message waits for its time");
	else
		*result_out = control_change_one(queue, cancels ? "delete" : "release", id, &changed, err);
	return true;
}

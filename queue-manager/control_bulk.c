#include "queue-manager/queue.h"

#include "common/base/log.h"

#include <string.h>

/*
 * Messages in memory are changed there; the rows of all others (those with a time) by these statements. ?1 is the id,
 * or NULL for all, ?2 the time.
 */
#define OTHERS "held < 2 AND next IS NOT NULL AND (?1 IS NULL OR id = ?1)"

enum { STATEMENTS_MAX = 3 };

struct operation {
	const char *name;
	const char *statements[STATEMENTS_MAX]; /* the last one's changes are messages, the first one's recipients */
	/* How much was changed: of retry recipients, of all else 1 or 0. */
	unsigned (*change)(struct message *message);
};

/* Try at once whatever is put off. */
static unsigned retry_now(struct message *message)
{
	unsigned changed = 0;

	for (size_t i = 0; i < message->delivery_count; i++) {
		struct delivery *delivery = &message->deliveries[i];

		if (delivery->state != DELIVERY_PENDING || delivery->busy || delivery->next == 0)
			continue;
		delivery->next = 0;
		changed++;
	}
	if (changed > 0)
		message_touch(message);
	return changed;
}

static unsigned change_retry(struct message *message)
{
	return message->held ? 0 : retry_now(message);
}

static bool set_held(struct message *message, bool held)
{
	if (message->held == held)
		return false;
	message->held = held;
	table_write(message);
	return true;
}

static unsigned change_hold(struct message *message)
{
	return set_held(message, true);
}

static unsigned change_release(struct message *message)
{
	bool was_timed = message->hold_until > queue_now();

	if (was_timed) {
		message->hold_until = 0;
		message->release = 0;
		retry_now(message);
		table_write(message);
	}
	return set_held(message, false) || was_timed;
}

static unsigned change_final(struct message *message)
{
	if (message->final)
		return 0;
	message->final = true;
	table_write(message);
	return 1;
}

static unsigned change_delete(struct message *message)
{
	if (message->deleted)
		return 0;
	message->deleted = true;
	message_touch(message);
	return 1;
}

static const struct operation operations[] = {
    {
        "retry",
        {
            "UPDATE delivery SET next = 0 WHERE state = 0 AND message IN "
            "(SELECT key FROM message WHERE held = 0 AND " OTHERS ")",
            "UPDATE message SET next = 0 WHERE held = 0 AND " OTHERS,
        },
        change_retry,
    },
    {
        "hold",
        {"UPDATE message SET held = 1 WHERE held = 0 AND " OTHERS},
        change_hold,
    },
    {
        "release",
        {
            "UPDATE delivery SET next = 0, state = 0 WHERE state <= 1 AND message IN "
            "(SELECT key FROM message WHERE (held = 1 OR hold_until > ?2) AND " OTHERS ")",
            "UPDATE message SET held = 0, hold_until = 0, release = 0, crashes = 0, next = 0 WHERE (held = 1 OR "
            "hold_until > ?2) AND " OTHERS,
        },
        change_release,
    },
    {
        "final",
        {"UPDATE message SET final = 1 WHERE final = 0 AND " OTHERS},
        change_final,
    },
    {
        "delete",
        {"UPDATE message SET held = 2, next = 9223372036854775807 WHERE " OTHERS},
        change_delete,
    },
};

static int change_rows(struct queue *queue, const struct operation *operation, const char *id,
                       struct control_changed *changed, struct err *err)
{
	struct db *db = table_db(queue);
	int64_t count = 0, first = 0;
	int result = db_begin(db, err);

	if (result != 0)
		return -1;
	for (int i = 0; i < STATEMENTS_MAX && operation->statements[i] != NULL && result == 0; i++) {
		struct db_statement statement;

		result = db_prepare(db, &statement, operation->statements[i], err);
		if (result != 0)
			break;
		if (id != NULL)
			db_bind_text(&statement, 1, str_of(id));
		if (sqlite3_bind_parameter_count(statement.handle) >= 2)
			db_bind_number(&statement, 2, queue_now());
		result = db_run(&statement, err);
		count = sqlite3_changes64(db->handle);
		first = i == 0 ? count : first;
		db_finalize(&statement);
	}
	if (result != 0) {
		db_rollback(db);
		return -1;
	}
	changed->messages += count;
	changed->recipients += first;
	return db_commit(db, err);
}

static void change_memory(struct queue *queue, unsigned (*change)(struct message *), const char *id,
                          struct control_changed *changed)
{
	for (struct message *message = queue->messages; message != NULL; message = message->next) {
		unsigned count = id == NULL || strcmp(id, message->id) == 0 ? change(message) : 0;

		changed->messages += count > 0;
		changed->recipients += count;
	}
}

/* Is there such a message, although there was nothing to change? */
static bool exists(struct queue *queue, const char *id)
{
	struct db_statement statement;
	int row = -1;

	if (message_find(queue, str_of(id)) != NULL)
		return true;
	if (db_prepare(table_db(queue), &statement, "SELECT 1 FROM message WHERE id = ?1 AND held < 2", NULL) == 0) {
		db_bind_text(&statement, 1, str_of(id));
		row = db_step(&statement, NULL);
		db_finalize(&statement);
	}
	return row == 1;
}

static const struct operation *operation_find(struct str name)
{
	for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
		if (str_equal(name, str_of(operations[i].name)))
			return &operations[i];
	return NULL;
}

int control_send_all(struct queue *queue, struct err *err)
{
	const struct operation *retry = &operations[0];
	struct control_changed changed = {0, 0};

	change_memory(queue, retry->change, NULL, &changed);
	if (change_rows(queue, retry, NULL, &changed, err) != 0)
		return -1;
	remote_forget_trouble(queue);
	schedule_at(queue, 0);
	return 0;
}

/* id: NULL for all. */
static int run(struct queue *queue, const struct operation *operation, const char *id, struct control_changed *changed,
               struct err *err)
{
	*changed = (struct control_changed){0, 0};
	change_memory(queue, operation->change, id, changed);
	if (change_rows(queue, operation, id, changed, err) != 0)
		return -1;
	if (id != NULL && changed->messages == 0 && !exists(queue, id))
		return err_set(err, ERR_NOT_FOUND, "no message %s is in the queue", id);
	if (operation->change == change_retry)
		remote_forget_trouble(queue);
	if (operation->change == change_delete)
		doom_begin(queue);
	schedule_at(queue, 0);
	return 0;
}

int control_change(struct queue *queue, const struct ipc_message *request, struct control_changed *changed,
                   struct err *err)
{
	const struct operation *operation = operation_find(ipc_get(request, "op"));
	char text[SPOOL_ID_MAX];
	int64_t all = 0;
	const char *id;

	if (operation == NULL)
		return err_set(err, ERR_PROTOCOL, "the queue-manager knows no such request");
	ipc_get_number(request, "all", 0, 1, &all);
	if (all == 0 && (!ipc_get_text(request, "id", text, sizeof text) || !spool_id_is_valid(str_of(text))))
		return err_set(err, ERR_SYNTAX, "that is not the id of a message");
	id = all == 0 ? text : NULL;
	if (run(queue, operation, id, changed, err) != 0)
		return -1;
	log_info("%s of %s by an administrator: %lld messages", operation->name, id != NULL ? id : "all",
	         (long long)changed->messages);
	return 0;
}

int control_change_one(struct queue *queue, const char *name, struct str id, struct control_changed *changed,
                       struct err *err)
{
	char text[SPOOL_ID_MAX];

	str_copy(id, text, sizeof text);
	if (run(queue, operation_find(str_of(name)), text, changed, err) != 0)
		return -1;
	log_info("%s of %s by its sender", name, text);
	return 0;
}

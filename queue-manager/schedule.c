#include "queue-manager/queue.h"

#include "common/base/log.h"

enum {
	PICK_MAX = 200, /* rows taken into memory in one turn */
	TRY_AGAIN_MS = 2000,
	UNREADABLE_MS = 10000, /* for a message whose file cannot be read: as long as that lasts, this often */
	SUSPECT_CRASHES = 2,   /* points, from which on a message is tried when no other such is */
};

struct pick {
	int64_t row;
	char id[SPOOL_ID_MAX];
};

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what, (void)context; /* the turn that follows looks */
}

int schedule_open(struct queue *queue, struct err *err)
{
	queue->due_timer = evtimer_new(queue->base, on_timer, NULL);
	if (queue->due_timer == NULL)
		return err_set(err, ERR_SYSTEM, "cannot make a timer");
	queue->due = 0;
	return 0;
}

void schedule_at(struct queue *queue, int64_t when)
{
	int64_t wait = when - queue_now();
	struct timeval span;

	if (when >= queue->due && evtimer_pending(queue->due_timer, NULL))
		return;
	if (when < queue->due)
		queue->due = when;
	if (when == QUEUE_NEVER)
		return;
	wait = wait < 0 ? 0 : wait > 3600000 ? 3600000 : wait;
	span = (struct timeval){wait / 1000, wait % 1000 * 1000};
	evtimer_add(queue->due_timer, &span);
}

static bool is_picked(const struct pick *picks, int count, int64_t row)
{
	while (count > 0 && picks[count - 1].row != row)
		count--;
	return count > 0;
}

/* Rows of a statement with key and id, each message once. -1: error. */
static int read_picks(struct db_statement *statement, struct pick *picks, unsigned limit, struct err *err)
{
	int result = 0, count = 0;

	while (count < (int)limit && (result = db_step(statement, err)) == 1) {
		if (is_picked(picks, count, db_number(statement, 0)))
			continue;
		picks[count].row = db_number(statement, 0);
		str_copy(db_text(statement, 1), picks[count].id, SPOOL_ID_MAX);
		count++;
	}
	db_finalize(statement);
	return result < 0 ? -1 : count;
}

static int find_due(struct queue *queue, int64_t now, bool suspects, unsigned limit, struct pick *picks,
                    struct err *err)
{
	struct db_statement statement;
	const char *sql = suspects ? "SELECT key, id FROM message WHERE held = 0 AND next <= ?1 AND crashes >= ?2 LIMIT ?3"
	                           : "SELECT key, id FROM message WHERE held = 0 AND next <= ?1 AND crashes < ?2 "
	                             "ORDER BY next LIMIT ?3";

	if (db_prepare(table_db(queue), &statement, sql, err) != 0)
		return -1;
	db_bind_number(&statement, 1, now);
	db_bind_number(&statement, 2, SUSPECT_CRASHES);
	db_bind_number(&statement, 3, limit);
	return read_picks(&statement, picks, limit, err);
}

static int find_parked(struct queue *queue, struct str destination, unsigned limit, struct pick *picks, struct err *err)
{
	struct db_statement statement;

	if (db_prepare(table_db(queue), &statement,
	               "SELECT m.key, m.id FROM delivery d CROSS JOIN message m ON m.key = d.message "
	               "WHERE d.destination = ?1 AND d.state = 1 AND m.held = 0 AND m.next IS NOT NULL ORDER BY d.rank",
	               err) != 0)
		return -1;
	db_bind_text(&statement, 1, destination);
	return read_picks(&statement, picks, limit, err);
}

/* In memory from now on, and being tried: durable before their files are read, so that a crash by one is counted. */
static int mark(struct queue *queue, const struct pick *picks, int count, struct err *err)
{
	struct db *db = table_db(queue);
	struct db_statement statement;
	int result = 0;

	if (db_prepare(db, &statement, "UPDATE message SET next = NULL, trying = 1 WHERE key = ?1", err) != 0)
		return -1;
	if (db_begin(db, err) != 0) {
		db_finalize(&statement);
		return -1;
	}
	for (int i = 0; i < count && result == 0; i++) {
		db_bind_number(&statement, 1, picks[i].row);
		result = db_run(&statement, err);
	}
	db_finalize(&statement);
	if (result == 0)
		return db_commit(db, err);
	db_rollback(db);
	return -1;
}

/* Is one of them in our hands, and has not been handed on yet? */
static bool has_suspect(const struct queue *queue)
{
	const struct message *message = queue->messages;

	while (message != NULL && !(message->crashes >= SUSPECT_CRASHES && message->trying))
		message = message->next;
	return message != NULL;
}

static unsigned room(const struct queue *queue)
{
	unsigned left = queue->retry_messages < QUEUE_RETRIES_MAX ? QUEUE_RETRIES_MAX - queue->retry_messages : 0;

	return left < PICK_MAX ? left : PICK_MAX;
}

static int64_t earliest(struct queue *queue)
{
	struct db_statement statement;
	int64_t next = QUEUE_NEVER;

	if (db_prepare(table_db(queue), &statement, "SELECT min(next) FROM message WHERE held = 0 AND next IS NOT NULL",
	               NULL) != 0)
		return queue_now() + TRY_AGAIN_MS;
	if (db_step(&statement, NULL) == 1 && !db_is_null(&statement, 0))
		next = db_number(&statement, 0);
	db_finalize(&statement);
	return next;
}

/* Not in memory after all. Where this fails too, the next start looks at it. */
static void put_off(struct queue *queue, int64_t row, int64_t now)
{
	struct db_statement statement;
	struct err err;
	int result =
	    db_prepare(table_db(queue), &statement, "UPDATE message SET next = ?2, trying = 0 WHERE key = ?1", &err);

	if (result == 0) {
		db_bind_number(&statement, 1, row);
		db_bind_number(&statement, 2, now + UNREADABLE_MS);
		result = db_run(&statement, &err);
		db_finalize(&statement);
	}
	if (result != 0)
		log_error("a message that cannot be read now waits until the next start: %s", err.text);
}

static void load(struct queue *queue, const struct pick *picks, int count, int64_t now)
{
	for (int i = 0; i < count; i++)
		if (message_load(queue, picks[i].id, picks[i].row) == 1)
			put_off(queue, picks[i].row, now);
}

void schedule_turn(struct queue *queue)
{
	static struct pick picks[PICK_MAX + 1];
	unsigned limit = room(queue);
	int64_t now = queue_now();
	struct err err;
	int count, suspects = 0;

	if (queue->stopping || queue->due > now || limit == 0)
		return;
	count = find_due(queue, now, false, limit, picks, &err);
	if (count >= 0 && !has_suspect(queue))
		suspects = find_due(queue, now, true, 1, picks + count, &err);
	if (count < 0 || suspects < 0 || (count + suspects > 0 && mark(queue, picks, count + suspects, &err) != 0)) {
		log_error("cannot look for mail whose time has come: %s", err.text);
		queue->due = now + TRY_AGAIN_MS;
		schedule_at(queue, queue->due);
		return;
	}
	load(queue, picks, count + suspects, now);
	queue->due = earliest(queue);
	if (queue->due <= now &&
	    (unsigned)count < limit) { /* only suspects are left: any turn may find the last one tried */
		schedule_at(queue, now + TRY_AGAIN_MS);
		return;
	}
	queue->turn_again |= queue->due <= now;
	schedule_at(queue, queue->due);
}

bool schedule_parked(struct queue *queue, struct str destination, unsigned limit)
{
	struct pick picks[PICK_MAX];
	struct err err;
	int count;

	if (room(queue) == 0)
		return true;
	if (limit > room(queue))
		limit = room(queue);
	count = find_parked(queue, destination, limit, picks, &err);
	if (count < 0 || (count > 0 && mark(queue, picks, count, &err) != 0)) {
		log_error("cannot look for mail that waits for a destination: %s", err.text);
		return true;
	}
	for (int i = 0; i < count; i++) {
		struct message *message;

		if (message_load(queue, picks[i].id, picks[i].row) != 0)
			continue;
		message = queue->messages; /* the newest is the first */
		for (size_t n = 0; n < message->delivery_count; n++) {
			struct delivery *delivery = &message->deliveries[n];

			if (delivery->state != DELIVERY_PARKED || !str_equal(delivery->destination, destination))
				continue;
			delivery->state = DELIVERY_PENDING; /* the row may go on saying parked: what it leads to is the same */
			delivery->next = 0;
		}
	}
	return count > 0;
}

int schedule_take(struct queue *queue, struct str id, struct err *err)
{
	struct db_statement statement;
	struct pick pick;
	int count;

	if (db_prepare(table_db(queue), &statement,
	               "SELECT key, id FROM message WHERE id = ?1 AND held < 2 AND next IS NOT NULL", err) != 0)
		return -1;
	db_bind_text(&statement, 1, id);
	count = read_picks(&statement, &pick, 1, err);
	if (count == 0)
		return err_set(err, ERR_NOT_FOUND, "no message %.*s is in the queue", STR_ARG(id));
	if (count < 0 || mark(queue, &pick, 1, err) != 0)
		return -1;
	load(queue, &pick, 1, queue_now());
	return 0;
}

#include "queue-manager/remote.h"
#include "queue-manager/table.h"

#include "common/base/log.h"

enum {
	PICK_MAX = 200, /* rows taken into memory in one turn */
	WANTS_MAX = 50, /* destinations that are looked for in one turn */
	/* of what may be taken from the table so much is for lines, whatever else is due */
	KEPT_FOR_LINES = QUEUE_RETRIES_MAX / 4,
	TRY_AGAIN_MS = 2000,
	UNREADABLE_MS = 10000, /* for a message whose file cannot be read: as long as that lasts, this often */
	SUSPECT_CRASHES = 2,   /* points, from which on a message is tried when no other such is */
};

struct pick {
	int64_t row;
	char id[SPOOL_ID_MAX];
	struct remote_destination *destination; /* it is parked for; NULL: it is due */
};

/* What one turn takes into memory, together: one commit marks it all. */
struct picks {
	struct pick list[PICK_MAX + 1];
	unsigned count;
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

static bool is_picked(const struct picks *picks, int64_t row)
{
	unsigned count = picks->count;

	while (count > 0 && picks->list[count - 1].row != row)
		count--;
	return count > 0;
}

/* Rows of a statement with key and id, each message once. Returns how many; -1: error. */
static int read_picks(struct db_statement *statement, struct remote_destination *destination, unsigned limit,
                      struct picks *picks, struct err *err)
{
	unsigned from = picks->count;
	int result = 0;

	while (picks->count < from + limit && picks->count < PICK_MAX + 1 && (result = db_step(statement, err)) == 1) {
		struct pick *pick = &picks->list[picks->count];

		if (is_picked(picks, db_number(statement, 0)))
			continue;
		pick->row = db_number(statement, 0);
		pick->destination = destination;
		str_copy(db_text(statement, 1), pick->id, SPOOL_ID_MAX);
		picks->count++;
	}
	db_reset(statement);
	return result < 0 ? -1 : (int)(picks->count - from);
}

static int find_due(struct queue *queue, int64_t now, bool suspects, unsigned limit, struct picks *picks,
                    struct err *err)
{
	struct db_statement *statement = &queue->table->statements[suspects ? TABLE_SUSPECTS : TABLE_DUE];

	db_bind_number(statement, 1, now);
	db_bind_number(statement, 2, limit);
	return read_picks(statement, NULL, limit, picks, err);
}

static int find_parked(struct queue *queue, const struct remote_want *want, struct picks *picks, struct err *err)
{
	struct db_statement *statement = &queue->table->statements[TABLE_PARKED_FOR];

	db_bind_text(statement, 1, str_of(want->destination->name));
	return read_picks(statement, want->destination, want->count, picks, err);
}

static int mark_all(struct table *table, const struct picks *picks, struct err *err)
{
	struct db_statement *statement = &table->statements[TABLE_MARK];
	int result = 0;

	if (db_begin(&table->db, err) != 0)
		return -1;
	for (unsigned i = 0; i < picks->count && result == 0; i++) {
		db_bind_number(statement, 1, picks->list[i].row);
		result = db_run(statement, err);
	}
	if (result == 0)
		return db_commit(&table->db, err);
	db_rollback(&table->db);
	return -1;
}

/*
 * In memory from now on, and being tried: written before their files are read, so that a crash by one is counted. The
 * end of power is nobody's crash, so that does not wait for the disk.
 */
static int mark(struct queue *queue, const struct picks *picks, struct err *err)
{
	struct db *db = table_db(queue);
	int result;

	if (picks->count == 0)
		return 0;
	if (db_sync_later(db, true, err) != 0)
		return -1;
	result = mark_all(queue->table, picks, err);
	return db_sync_later(db, false, result == 0 ? err : NULL) == 0 ? result : -1;
}

/* Is one of them in our hands, and has not been handed on yet? */
static bool has_suspect(const struct queue *queue)
{
	const struct message *message = queue->messages;

	while (message != NULL && !(message->crashes >= SUSPECT_CRASHES && message->trying))
		message = message->next;
	return message != NULL;
}

static unsigned room(const struct queue *queue, unsigned most)
{
	unsigned left = queue->retry_messages < most ? most - queue->retry_messages : 0;

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

/* What is parked for a destination is for its line now. */
static void unpark(struct message *message, struct remote_destination *destination)
{
	message->fetched_for = destination;
	destination->coming++;
	for (size_t i = 0; i < message->delivery_count; i++) {
		struct delivery *delivery = &message->deliveries[i];

		if (delivery->state != DELIVERY_PARKED || !str_equal(delivery->destination, str_of(destination->name)))
			continue;
		delivery->state = DELIVERY_PENDING; /* the row may go on saying parked: what it leads to is the same */
		delivery->next = 0;
	}
}

static void load(struct queue *queue, const struct picks *picks, int64_t now)
{
	for (unsigned i = 0; i < picks->count; i++) {
		const struct pick *pick = &picks->list[i];
		int result = message_load(queue, pick->id, pick->row);

		if (result == 1)
			put_off(queue, pick->row, now);
		else if (result == 0 && pick->destination != NULL)
			unpark(queue->messages, pick->destination); /* the newest is the first */
	}
}

/* For the lines of destinations that have sessions, or may have. */
static int pick_parked(struct queue *queue, struct picks *picks, struct err *err)
{
	struct remote_want wants[WANTS_MAX];
	unsigned limit = room(queue, QUEUE_RETRIES_MAX);
	size_t count = limit > 0 ? remote_wants(queue, wants, WANTS_MAX) : 0;

	for (size_t i = 0; i < count && picks->count < limit; i++) {
		int found;

		if (wants[i].count > limit - picks->count)
			wants[i].count = limit - picks->count;
		found = find_parked(queue, &wants[i], picks, err);
		if (found < 0)
			return -1;
		wants[i].destination->parked = found > 0;
	}
	return 0;
}

/* What is due. *all_out: and nothing else is. */
static int pick_due(struct queue *queue, struct picks *picks, int64_t now, bool *all_out, struct err *err)
{
	unsigned limit = room(queue, QUEUE_RETRIES_MAX - KEPT_FOR_LINES);
	int count;

	*all_out = false;
	limit = limit > picks->count ? limit - picks->count : 0;
	if (queue->due > now || limit == 0)
		return 0;
	count = find_due(queue, now, false, limit, picks, err);
	*all_out = count >= 0 && (unsigned)count < limit;
	if (count < 0 || has_suspect(queue))
		return count < 0 ? -1 : 1;
	return find_due(queue, now, true, 1, picks, err) < 0 ? -1 : 1;
}

void schedule_turn(struct queue *queue)
{
	static struct picks picks;
	int64_t now = queue_now();
	bool all_out;
	struct err err;
	int looked = 0;

	if (queue->stopping || now < queue->look_again)
		return;
	picks.count = 0;
	if (pick_parked(queue, &picks, &err) != 0 || (looked = pick_due(queue, &picks, now, &all_out, &err)) < 0 ||
	    mark(queue, &picks, &err) != 0) {
		log_error("cannot look for mail whose time has come: %s", err.text);
		queue->look_again = now + TRY_AGAIN_MS;
		return;
	}
	load(queue, &picks, now);
	if (looked == 0)
		return;
	queue->due = earliest(queue);
	if (queue->due <= now && all_out) { /* only suspects are left: any turn may find the last one tried */
		schedule_at(queue, now + TRY_AGAIN_MS);
		return;
	}
	queue->turn_again |= queue->due <= now;
	schedule_at(queue, queue->due);
}

int schedule_take(struct queue *queue, struct str id, struct err *err)
{
	struct db_statement statement;
	struct picks picks = {.count = 0};
	int count;

	if (db_prepare(table_db(queue), &statement,
	               "SELECT key, id FROM message WHERE id = ?1 AND held < 2 AND next IS NOT NULL", err) != 0)
		return -1;
	db_bind_text(&statement, 1, id);
	count = read_picks(&statement, NULL, 1, &picks, err);
	db_finalize(&statement);
	if (count == 0)
		return err_set(err, ERR_NOT_FOUND, "no message %.*s is in the queue", STR_ARG(id));
	if (count < 0 || mark(queue, &picks, err) != 0)
		return -1;
	load(queue, &picks, queue_now());
	return 0;
}

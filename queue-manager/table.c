#include "queue-manager/table.h"

#include "common/base/log.h"
#include "common/base/memory.h"
#include "queue-manager/senders.h"

#include <time.h>
#include <unistd.h>

enum { BUSY_MS = 5000, TRY_AGAIN_MS = 2000, FORGET_LATER_MS = 200 };

/* Queue time goes on: after a reboot from where it was saved last, else as before. */
static int clock_open(struct table *table, struct err *err)
{
	struct db_statement statement;
	int row;

	queue_boot_id(table->boot, sizeof table->boot);
	if (db_prepare(&table->db, &statement, "SELECT boot, offset, last FROM clock", err) != 0)
		return -1;
	row = db_step(&statement, err);
	if (row == 1 && str_equal(db_text(&statement, 0), str_of(table->boot)))
		queue_clock_continue(db_number(&statement, 1));
	else if (row == 1)
		queue_clock_continue(db_number(&statement, 2) - queue_now());
	db_finalize(&statement);
	return row < 0 ? -1 : 0;
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
	struct table *table = context;

	(void)fd, (void)what;
	table->urgent = table->forget_due = true;
}

static void flush_in(struct table *table, int ms)
{
	struct timeval wait = {ms / 1000, ms % 1000 * 1000};

	if (!evtimer_pending(table->timer, NULL))
		evtimer_add(table->timer, &wait);
}

int table_open(struct queue *queue, struct err *err)
{
	struct table *table = memory_get(sizeof *table);
	char path[INSTANCE_PATH_MAX + 128];

	queue->table = table;
	table->queue = queue;
	table->dirty_last = &table->dirty;
	buf_init(&table->forgotten, SIZE_MAX / 2);
	table_reserve_make(queue);
	instance_path(path, sizeof path, queue->instance->state, "queue/queue.db");
	if (db_open(&table->db, path, DB_CREATE, BUSY_MS, err) != 0)
		return -1;
	/* the sandbox has no place for temporary files */
	if (db_exec(&table->db, "PRAGMA temp_store = MEMORY", err) != 0 || table_prepare(table, err) != 0 ||
	    clock_open(table, err) != 0)
		return -1;
	table->timer = evtimer_new(queue->base, on_timer, table);
	return 0;
}

void table_close(struct queue *queue)
{
	for (int i = 0; i < TABLE_STATEMENTS; i++)
		db_finalize(&queue->table->statements[i]);
	db_close(&queue->table->db);
}

struct db *table_db(struct queue *queue)
{
	return &queue->table->db;
}

void table_write(struct message *message)
{
	struct table *table = message->queue->table;

	if (message->dirty)
		return;
	message->dirty = true;
	message->next_dirty = NULL;
	*table->dirty_last = message;
	table->dirty_last = &message->next_dirty;
	table->urgent = true;
	table->inserts |= message->row == 0;
}

void table_forget(struct queue *queue, int64_t row)
{
	buf_add(&queue->table->forgotten, &row, sizeof row);
	flush_in(queue->table, FORGET_LATER_MS);
}

/* When the row is due: never while in memory (NULL) and while all that is left waits for its destination. */
static int64_t next_of(const struct message *message)
{
	int64_t next = QUEUE_NEVER;

	for (size_t i = 0; i < message->delivery_count; i++) {
		const struct delivery *delivery = &message->deliveries[i];

		if (delivery->report != REPORT_NONE)
			return 0;
		if (delivery->state == DELIVERY_PENDING && delivery->next < next)
			next = delivery->next;
	}
	return next;
}

static int write_message(struct table *table, struct message *message, struct err *err)
{
	struct db_statement *statement = &table->statements[message->row == 0 ? TABLE_INSERT : TABLE_UPDATE];

	db_bind_text(statement, 1, str_of(message->id));
	db_bind_number(statement, 2, message->envelope.time_us);
	db_bind_number(statement, 3, message->size);
	db_bind_text(statement, 4, message->envelope.from);
	db_bind_number(statement, 5, message->born);
	if (message->leaving)
		db_bind_number(statement, 6, next_of(message));
	else
		db_bind_null(statement, 6);
	db_bind_number(statement, 7, message->trying);
	db_bind_number(statement, 8, message->crashes);
	db_bind_number(statement, 9, message->held);
	db_bind_number(statement, 10, message->warned);
	db_bind_number(statement, 11, message->reports);
	db_bind_number(statement, 12, message->prepared);
	db_bind_text(statement, 13, message->outgoing_from);
	db_bind_number(statement, 14, message->priority);
	db_bind_number(statement, 15, message->hold_until);
	if (message->expires != 0)
		db_bind_number(statement, 16, message->expires);
	else
		db_bind_null(statement, 16);
	db_bind_number(statement, 17, message->final);
	db_bind_number(statement, 18, message->release);
	if (message->row != 0) {
		db_bind_number(statement, 19, message->row);
	} else {
		db_bind_text(statement, 19, message->envelope.user);
		db_bind_text(statement, 20, message->envelope.peer);
	}
	return db_run(statement, err);
}

static int write_delivery(struct table *table, int64_t row, const struct message *message, size_t position,
                          struct err *err)
{
	struct db_statement *statement = &table->statements[TABLE_DELIVERY];
	const struct delivery *delivery = &message->deliveries[position];

	db_bind_number(statement, 1, row);
	db_bind_number(statement, 2, (int64_t)position);
	db_bind_number(statement, 3, delivery->recipient);
	db_bind_number(statement, 4, delivery->kind);
	db_bind_number(statement, 5, delivery->state);
	db_bind_number(statement, 6, delivery->uid);
	db_bind_text(statement, 7, message_recipient(message, delivery)->address);
	db_bind_text(statement, 8, delivery->target);
	db_bind_number(statement, 9, delivery->attempts);
	db_bind_number(statement, 10, delivery->next);
	db_bind_text(statement, 11, delivery->destination);
	db_bind_text(statement, 12, delivery->answer);
	db_bind_number(statement, 13, delivery->report);
	db_bind_number(statement, 14, delivery->rank);
	return db_run(statement, err);
}

static int write_all(struct table *table, struct message *message, struct err *err)
{
	int64_t row = message->row;

	if (write_message(table, message, err) != 0)
		return -1;
	if (row == 0)
		row = sqlite3_last_insert_rowid(table->db.handle);
	for (size_t i = 0; i < message->delivery_count; i++)
		if ((message->row == 0 || message->deliveries[i].dirty) && write_delivery(table, row, message, i, err) != 0)
			return -1;
	message->written_row = row;
	return 0;
}

/* What went to other servers is to be seen for some days (past.c). */
static int remember(struct table *table, int64_t row, struct err *err)
{
	struct db_statement *message = &table->statements[TABLE_PAST];
	struct db_statement *recipients = &table->statements[TABLE_PAST_RECIPIENTS];

	db_bind_number(message, 1, row);
	db_bind_number(message, 2, time(NULL));
	if (db_run(message, err) != 0)
		return -1;
	if (sqlite3_changes64(table->db.handle) == 0)
		return 0;
	db_bind_number(recipients, 1, row);
	db_bind_number(recipients, 2, sqlite3_last_insert_rowid(table->db.handle));
	return db_run(recipients, err);
}

static int forget(struct table *table, int64_t row, struct err *err)
{
	if (past_days(table->queue) > 0 && remember(table, row, err) != 0)
		return -1;
	db_bind_number(&table->statements[TABLE_FORGET], 1, row);
	db_bind_number(&table->statements[TABLE_FORGET_DELIVERIES], 1, row);
	return db_run(&table->statements[TABLE_FORGET], err) == 0 ? db_run(&table->statements[TABLE_FORGET_DELIVERIES], err)
	                                                          : -1;
}

static int write_clock(struct table *table, struct err *err)
{
	struct db_statement *statement = &table->statements[TABLE_CLOCK];

	db_bind_text(statement, 1, str_of(table->boot));
	db_bind_number(statement, 2, queue_clock_offset());
	db_bind_number(statement, 3, queue_now());
	return db_run(statement, err);
}

/* All changes in one transaction. Nothing in memory is changed by a failure: it is tried again as it is. */
static int write_transaction(struct table *table, struct err *err)
{
	int result = db_begin(&table->db, err);

	if (result != 0)
		return -1;
	for (struct message *message = table->dirty; message != NULL && result == 0; message = message->next_dirty)
		result = write_all(table, message, err);
	for (size_t at = 0; table->forget_due && at < table->forgotten.len && result == 0; at += sizeof(int64_t)) {
		int64_t row;

		memcpy(&row, table->forgotten.data + at, sizeof row);
		result = forget(table, row, err);
	}
	if (result == 0)
		result = lan_write_matches(table->queue, err);
	if (result == 0)
		result = limits_write(table->queue, err);
	if (result == 0)
		result = write_clock(table, err);
	if (result == 0)
		return db_commit(&table->db, err);
	db_rollback(&table->db);
	return -1;
}

static void put_out(struct message *message)
{
	schedule_at(message->queue, next_of(message));
	for (size_t i = 0; i < message->delivery_count; i++)
		if (message->deliveries[i].state == DELIVERY_PARKED)
			remote_note_parked(message->queue, message->deliveries[i].destination);
	message_free(message);
}

/* What the commit made true: messages go on, or leave the memory. */
static void after_commit(struct table *table)
{
	struct message *message = table->dirty;

	if (table->forget_due)
		buf_reset(&table->forgotten);
	buf_reset(&table->queue->lan_matched);
	limits_written(table->queue);
	table->inserts = table->forget_due = false;
	table->dirty = NULL;
	table->dirty_last = &table->dirty;
	while (message != NULL) {
		struct message *next = message->next_dirty;

		message->dirty = false;
		message->row = message->written_row;
		made_parent_changed(table->queue, message->id);
		for (size_t i = 0; i < message->delivery_count; i++)
			message->deliveries[i].dirty = false;
		if (message->leaving) {
			put_out(message);
		} else {
			message_touch(message);
		}
		message = next;
	}
}

/*
 * Names first: a row speaks of a file that is in active/, a removed row of one that is gone. Other commits, most of
 * them where much is sent, change neither, and need not wait for the disk twice.
 */
static int sync_names(const struct table *table, struct err *err)
{
	if (!table->inserts && !table->forget_due)
		return 0;
	if (fsync(table->queue->active_folder) != 0)
		return err_system(err, "cannot sync spool/active");
	table->queue->removals_unsynced = false;
	return 0;
}

void table_flush(struct queue *queue)
{
	struct table *table = queue->table;
	struct err err;

	if (queue->stopping && table->forgotten.len > 0)
		table->urgent = table->forget_due = true;
	if (!table->urgent || (table->dirty == NULL && table->forgotten.len == 0 && !table->clock_due)) {
		table->urgent = false;
		return;
	}
	table->urgent = false;
	if (sync_names(table, &err) == 0 && write_transaction(table, &err) == 0) {
		if (table->failing)
			log_info("queue.db can be written again");
		table->failing = table->clock_due = false;
		after_commit(table);
		return;
	}
	if (!table->failing) {
		log_error("nothing that needs queue.db goes on: %s", err.text);
		table_reserve_free(queue);
	}
	table->failing = true;
	flush_in(table, TRY_AGAIN_MS);
}

void table_minute(struct queue *queue)
{
	queue->table->clock_due = queue->table->urgent = true;
	past_prune(queue);
	table_reserve_make(queue);
}

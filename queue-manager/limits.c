#include "queue-manager/senders.h"

#include "common/base/log.h"
#include "common/db/query.h"

/* Relay restrictions: what a relay is given within a time. Kept in queue.db, so that a restart starts no new count. */

struct unwritten {
	int64_t sender;
	struct sending sending;
};

static bool has_limits(const struct sender *sender)
{
	return sender->limits[LIMIT_MESSAGES].most != 0 || sender->limits[LIMIT_RECIPIENTS].most != 0;
}

static int64_t longest_span(const struct sender *sender)
{
	int64_t messages = sender->limits[LIMIT_MESSAGES].span_ms, recipients = sender->limits[LIMIT_RECIPIENTS].span_ms;

	return messages > recipients ? messages : recipients;
}

static void remember(struct sender *sender, const struct sending *sending)
{
	buf_add(&sender->sent, sending, sizeof *sending);
}

int limits_load(struct queue *queue, struct err *err)
{
	struct db_statement rows;
	int row;

	if (db_prepare(table_db(queue), &rows, "SELECT sender, at, recipients FROM sending ORDER BY at", err) != 0)
		return -1;
	while ((row = db_step(&rows, err)) == 1) {
		struct sender *sender = senders_find(queue, db_number(&rows, 0));
		struct sending sending = {db_number(&rows, 1), db_number(&rows, 2)};

		if (sender != NULL)
			remember(sender, &sending);
	}
	db_finalize(&rows);
	return row;
}

static size_t sending_count(const struct sender *sender)
{
	return sender->sent.len / sizeof(struct sending);
}

static struct sending sending_at(const struct sender *sender, size_t index)
{
	struct sending sending;

	memcpy(&sending, sender->sent.data + index * sizeof sending, sizeof sending);
	return sending;
}

/* What is too old for any limit is forgotten. */
static void prune(struct sender *sender, int64_t now)
{
	size_t old = 0;

	while (old < sending_count(sender) && sending_at(sender, old).when <= now - longest_span(sender))
		old++;
	if (old == 0)
		return;
	memmove(sender->sent.data, sender->sent.data + old * sizeof(struct sending),
	        sender->sent.len - old * sizeof(struct sending));
	sender->sent.len -= old * sizeof(struct sending);
}

bool limits_allow(const struct sender *sender, size_t recipients)
{
	int64_t now = queue_now();
	int64_t used[LIMITS] = {sender->busy_messages, sender->busy_recipients};
	const int64_t more[LIMITS] = {1, (int64_t)recipients};

	if (!has_limits(sender))
		return true;
	for (size_t i = 0; i < sending_count(sender); i++) {
		struct sending sending = sending_at(sender, i);

		if (sending.when > now - sender->limits[LIMIT_MESSAGES].span_ms)
			used[LIMIT_MESSAGES]++;
		if (sending.when > now - sender->limits[LIMIT_RECIPIENTS].span_ms)
			used[LIMIT_RECIPIENTS] += sending.recipients;
	}
	for (enum limit limit = 0; limit < LIMITS; limit++)
		if (sender->limits[limit].most != 0 && used[limit] != 0 &&
		    used[limit] + more[limit] > sender->limits[limit].most)
			return false;
	return true;
}

void limits_begin(struct sender *sender, size_t recipients)
{
	sender->busy_messages++;
	sender->busy_recipients += (unsigned)recipients;
}

void limits_end(struct queue *queue, struct sender *sender, size_t recipients, size_t sent)
{
	struct unwritten unwritten = {sender->id, {queue_now(), (int64_t)sent}};

	sender->busy_messages--;
	sender->busy_recipients -= (unsigned)recipients;
	if (sent == 0 || !has_limits(sender))
		return;
	prune(sender, unwritten.sending.when);
	remember(sender, &unwritten.sending);
	buf_add(&queue->senders->unwritten, &unwritten, sizeof unwritten);
}

int limits_write(struct queue *queue, struct err *err)
{
	const struct buf *all = &queue->senders->unwritten;

	for (size_t at = 0; at < all->len; at += sizeof(struct unwritten)) {
		const struct sender *sender;
		struct unwritten unwritten;

		memcpy(&unwritten, all->data + at, sizeof unwritten);
		if (db_query_run(table_db(queue), err, "INSERT INTO sending(sender, at, recipients) VALUES(?, ?, ?)", "nnn",
		                 unwritten.sender, unwritten.sending.when, unwritten.sending.recipients) != 0)
			return -1;
		sender = senders_find(queue, unwritten.sender);
		if (sender != NULL && db_query_run(table_db(queue), err, "DELETE FROM sending WHERE sender = ? AND at <= ?",
		                                   "nn", unwritten.sender, unwritten.sending.when - longest_span(sender)) != 0)
			return -1;
	}
	return 0;
}

void limits_written(struct queue *queue)
{
	buf_reset(&queue->senders->unwritten);
}

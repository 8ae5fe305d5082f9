#include "queue-manager/senders.h"

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/db/query.h"

#include <stdio.h>

enum { TELL_TIMEOUT_MS = 10000 };

/*
 * Rows that wait for a pass are due at once; which of them are taken into memory first says their "time", long ago: by
 * priority, then as the sender orders them. One %s: a row's place in that order, of 48 bits.
 */
#define RELEASE_MESSAGES                                                                                         \
	"UPDATE message SET next = -4611686018427387904 + ((100 + max(priority, 1)) << 48) + (%s) WHERE held = 0 "   \
	"AND next IS NOT NULL AND key IN (SELECT message FROM delivery WHERE destination = '" SENDERS_LATER "' AND " \
	"state = 1)"
#define RELEASE_DELIVERIES                                                                                            \
	"UPDATE delivery SET state = 0, next = 0, destination = '' WHERE destination = '" SENDERS_LATER "' AND state = 1" \
	" AND message IN (SELECT key FROM message WHERE held = 0 AND next IS NOT NULL)"

/* Those that could not be handed over because nobody was reached (RFC 3463 3.5). */
#define UNREACHED "kind = 2 AND state = 0 AND next > 0 AND answer LIKE '4.4.%'"
#define UNREACHED_MESSAGES                                                                                            \
	"UPDATE message SET next = 0 WHERE held = 0 AND next > 0 AND EXISTS (SELECT 1 FROM delivery d WHERE d.message = " \
	"key AND " UNREACHED ")"
#define UNREACHED_DELIVERIES \
	"UPDATE delivery SET next = 0 WHERE " UNREACHED " AND message IN (SELECT key FROM message WHERE next = 0)"

static const char *order_of(const struct sender *sender)
{
	if (sender == NULL || (!sender->small_first && !sender->reverse))
		return "time / 1000";
	if (!sender->small_first)
		return "(1 << 48) - time / 1000";
	return sender->reverse ? "(1 << 48) - size" : "size";
}

static void release_memory(struct queue *queue)
{
	for (struct message *message = queue->messages; message != NULL; message = message->next)
		for (size_t i = 0; i < message->delivery_count && !message->held; i++) {
			struct delivery *delivery = &message->deliveries[i];

			if (delivery->state != DELIVERY_PARKED || !str_equal(delivery->destination, STR(SENDERS_LATER)))
				continue;
			delivery->state = DELIVERY_PENDING;
			delivery->next = 0;
			delivery->destination = STR("");
			message_change(message, delivery);
		}
}

/* What waits for a pass is due now, in the order of a sender (or NULL). */
static int release(struct queue *queue, const struct sender *sender, struct err *err)
{
	struct db *db = table_db(queue);
	char sql[sizeof RELEASE_MESSAGES + 40];

	snprintf(sql, sizeof sql, RELEASE_MESSAGES, order_of(sender));
	if (db_begin(db, err) != 0)
		return -1;
	if (db_exec(db, sql, err) != 0 || db_exec(db, RELEASE_DELIVERIES, err) != 0) {
		db_rollback(db);
		return -1;
	}
	if (db_commit(db, err) != 0)
		return -1;
	release_memory(queue);
	schedule_at(queue, 0);
	return 0;
}

static void unreached_memory(struct queue *queue, int64_t now)
{
	for (struct message *message = queue->messages; message != NULL; message = message->next)
		for (size_t i = 0; i < message->delivery_count && !message->held; i++) {
			struct delivery *delivery = &message->deliveries[i];

			if (delivery->kind != DELIVERY_REMOTE || delivery->state != DELIVERY_PENDING || delivery->busy ||
			    delivery->next <= now || !str_starts(delivery->answer, STR("4.4.")))
				continue;
			delivery->next = 0;
			message_change(message, delivery);
		}
}

/* What just failed by another sender, whose fallback this one is, is due again. */
static int release_unreached(struct queue *queue, struct err *err)
{
	struct db *db = table_db(queue);

	if (db_begin(db, err) != 0)
		return -1;
	if (db_exec(db, UNREACHED_MESSAGES, err) != 0 || db_exec(db, UNREACHED_DELIVERIES, err) != 0) {
		db_rollback(db);
		return -1;
	}
	if (db_commit(db, err) != 0)
		return -1;
	unreached_memory(queue, queue_now());
	schedule_at(queue, 0);
	return 0;
}

static uint64_t fingerprint(const struct queue *queue)
{
	const struct senders *senders = queue->senders;
	uint64_t hash = 0;

	for (size_t i = 0; i < senders->count; i++) {
		const struct sender *sender = &senders->list[i];

		if (!sender->is_continuous)
			continue;
		hash = (hash ^ (uint64_t)sender->id) * 1099511628211U + 1;
		for (const char *c = sender->filter_text; *c != '\0'; c++)
			hash = (hash ^ (unsigned char)*c) * 1099511628211U;
	}
	return hash;
}

void pass_look_again(struct queue *queue)
{
	uint64_t always = fingerprint(queue);
	struct err err;

	if (always != queue->senders->always && always != 0 && release(queue, NULL, &err) != 0)
		log_error("mail that waits for a sender cannot be looked at: %s", err.text);
	queue->senders->always = always;
}

static void on_told(struct ipc_message *reply, const struct err *err, void *context);

static void tell(struct queue *queue, int64_t sender)
{
	struct ipc_message request;

	queue->senders->telling = true;
	ipc_message_init(&request);
	ipc_request(&request, "arrived");
	ipc_add_number(&request, "sender", sender);
	ipc_client_call(queue->senders->scheduler, &request, TELL_TIMEOUT_MS, on_told, queue);
	ipc_message_free(&request);
}

/* Whether the scheduler heard it or not: it asks for what waits, too. */
static void on_told(struct ipc_message *reply, const struct err *err, void *context)
{
	struct queue *queue = context;
	int64_t again = queue->senders->tell_again;

	(void)reply, (void)err;
	queue->senders->telling = false;
	queue->senders->tell_again = 0;
	if (again != 0)
		tell(queue, again);
}

static void tell_scheduler(struct message *message, const struct delivery *delivery)
{
	struct queue *queue = message->queue;

	for (size_t i = 0; i < queue->senders->count; i++) {
		const struct sender *sender = &queue->senders->list[i];

		if (sender->is_continuous || !sender_filter_takes(sender, message, delivery))
			continue;
		if (queue->senders->telling)
			queue->senders->tell_again = sender->id;
		else
			tell(queue, sender->id);
		return;
	}
}

void pass_wait(struct message *message, struct delivery *delivery)
{
	if (delivery->attempts == 0 && !message->from_table)
		tell_scheduler(message, delivery);
	delivery->state = DELIVERY_PARKED;
	delivery->destination = STR(SENDERS_LATER);
	delivery->rank = 0;
	message_change(message, delivery);
}

int pass_begin(struct queue *queue, struct ipc_incoming *incoming, struct err *err)
{
	struct str name = ipc_get(&incoming->message, "name");
	struct sender *sender = NULL;
	int64_t id, again = 0;

	ipc_get_number(&incoming->message, "again", 0, 1, &again);
	if (name.data != NULL)
		sender = senders_find_name(queue, name);
	else if (ipc_get_number(&incoming->message, "sender", 1, INT64_MAX, &id))
		sender = senders_find(queue, id);
	if (sender == NULL)
		return err_set(err, ERR_NOT_FOUND, "there is no such sender");
	if (sender->pass != NULL)
		return err_set(err, ERR_EXISTS, "the sender %s is sending", sender->name);
	if (release(queue, sender, err) != 0 || (again != 0 && release_unreached(queue, err) != 0))
		return -1;
	sender->pass = memory_get(sizeof *sender->pass);
	sender->pass->incoming = incoming;
	sender->pass->begun = queue_now();
	queue->turn_again = true;
	log_info("sender=%s a pass begins", sender->name);
	return 0;
}

void pass_note(struct sender *sender, bool connected, size_t sent, size_t deferred, size_t failed, struct str words)
{
	struct pass *pass = sender->pass;

	if (pass == NULL)
		return;
	pass->connected |= connected;
	pass->sent += (unsigned)sent;
	pass->deferred += (unsigned)deferred;
	pass->failed += (unsigned)failed;
	if (words.len != 0)
		str_copy(words, pass->result, sizeof pass->result);
}

/* Is anything of what is in memory for it? */
static bool has_due(const struct queue *queue, const struct sender *sender, int64_t now)
{
	for (struct message *message = queue->messages; message != NULL; message = message->next)
		for (size_t i = 0; i < message->delivery_count && !message->held && !message->deleted; i++) {
			const struct delivery *delivery = &message->deliveries[i];

			if (delivery->kind == DELIVERY_REMOTE && delivery->state == DELIVERY_PENDING && !delivery->busy &&
			    delivery->next <= now && sender_is_next(sender, message, delivery))
				return true;
		}
	return false;
}

/* Rows that become due while it is on may be others', and need not end. */
static bool is_over(const struct queue *queue, const struct sender *sender, int64_t now)
{
	if (sender->busy_messages > 0)
		return false;
	if (sender->pass->full)
		return true;
	return queue->due > sender->pass->begun && !remote_waits_for(queue, sender->id) && !has_due(queue, sender, now);
}

static void end(struct queue *queue, struct sender *sender)
{
	struct pass *pass = sender->pass;
	struct ipc_message reply;

	sender->pass = NULL;
	log_info("sender=%s the pass ends: %u sent, %u deferred, %u failed%s%s", sender->name, pass->sent, pass->deferred,
	         pass->failed, pass->result[0] != '\0' ? ": " : "", pass->result);
	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	ipc_add_number(&reply, "connected", pass->connected);
	ipc_add_number(&reply, "sent", pass->sent);
	ipc_add_number(&reply, "deferred", pass->deferred);
	ipc_add_number(&reply, "failed", pass->failed);
	ipc_add_text(&reply, "result",
	             pass->result[0] != '\0' ? pass->result
	             : pass->connected       ? "Connection successful"
	                                     : "Nothing to send");
	ipc_answer(pass->incoming, &reply);
	ipc_message_free(&reply);
	memory_free(pass);
	queue->turn_again = true;
}

void pass_turn(struct queue *queue)
{
	int64_t now = queue_now();

	for (size_t i = 0; i < queue->senders->count; i++) {
		struct sender *sender = &queue->senders->list[i];

		if (sender->pass != NULL && (queue->stopping || is_over(queue, sender, now)))
			end(queue, sender);
	}
}

int pass_answer_waiting(struct queue *queue, struct ipc_message *reply, struct err *err)
{
	struct db_statement statement;
	int row;

	if (db_prepare(table_db(queue), &statement,
	               "SELECT count(*), coalesce(min(born), 0), coalesce(max(prepared & 16), 0) FROM message m WHERE "
	               "held = 0 AND EXISTS (SELECT 1 FROM delivery WHERE message = m.key AND kind = 2 AND state <= 1)",
	               err) != 0)
		return -1;
	row = db_step(&statement, err);
	if (row == 1) {
		int64_t count = db_number(&statement, 0);

		ipc_add_number(reply, "count", count);
		ipc_add_number(reply, "oldest", count > 0 ? (queue_now() - db_number(&statement, 1)) / 1000 : 0);
		ipc_add_number(reply, "urgent", db_number(&statement, 2) != 0);
	}
	db_finalize(&statement);
	return row == 1 ? 0 : -1;
}

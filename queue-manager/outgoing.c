#include "queue-manager/queue.h"

#include "common/base/log.h"
#include "common/db/query.h"
#include "common/settings/attributes.h"

enum { PRIORITY_NORMAL = 5 };

/* The user who logged in to send it: 1 = found, 0 = nobody did, or he is gone; -1 = error. */
static int find_user(const struct message *message, int64_t *uid_out, struct err *err)
{
	struct settings *settings = &message->queue->settings;

	if (message->envelope.user.len == 0)
		return 0;
	return db_query_number(&settings->objects, uid_out, err, "SELECT uid FROM user WHERE name = ? COLLATE NOCASE", "t",
	                       message->envelope.user);
}

/* Seconds: the user's own where he has any, else the server's; as queue time, 0: never. */
static int64_t moment(const struct message *message, int64_t own, enum setting setting)
{
	int64_t seconds = own >= 0 ? own : settings_number(&message->queue->settings, setting);

	return seconds > 0 ? message->born + seconds * 1000 : 0;
}

void outgoing_settle(struct message *message)
{
	int64_t hold = -1, expire = -1, uid = 0;
	struct attributes attributes;
	struct arena arena;
	struct err err;
	int found;

	if (message->priority != 0)
		return;
	message->priority = PRIORITY_NORMAL;
	arena_init(&arena);
	found = find_user(message, &uid, &err);
	if (found == 1 && attributes_read(&message->queue->settings.objects, uid, &arena, &attributes, &err) != 0)
		found = -1;
	if (found == 1) {
		message->priority = attributes_number(&attributes, ATTRIBUTE_SEND_PRIORITY);
		hold = attributes_number(&attributes, ATTRIBUTE_SEND_HOLD);
		expire = attributes_number(&attributes, ATTRIBUTE_SEND_DELETE);
	}
	if (found < 0)
		log_error("id=%s what its sender's attributes say is not known: %s", message->id, err.text);
	arena_free(&arena);
	message->hold_until = moment(message, hold, SETTING_OUTGOING_HOLD);
	message->expires = moment(message, expire, SETTING_OUTGOING_DELETE);
}

bool outgoing_expire(struct message *message)
{
	bool changed = false;

	if (message->expires == 0 || message->expires > queue_now())
		return false;
	for (size_t i = 0; i < message->delivery_count; i++) {
		struct delivery *delivery = &message->deliveries[i];

		if (delivery->kind != DELIVERY_REMOTE || delivery->state > DELIVERY_PARKED || delivery->busy)
			continue;
		message_set_answer(message, delivery, "5.4.7", STR(""),
		                   STR("It was not sent within the time that mail may wait here, and is deleted"));
		outcome_failed(message, delivery);
		changed = true;
	}
	return changed;
}

void outgoing_look_for_expired(struct queue *queue)
{
	struct err err;

	if (db_query_run(table_db(queue), &err,
	                 "UPDATE message SET held = 0, next = 0 WHERE expires <= ? AND next IS NOT NULL AND held < 2 AND "
	                 "(next > 0 OR held = 1)",
	                 "n", queue_now()) != 0)
		log_error("cannot look for mail that is to be deleted unsent: %s", err.text);
	else if (sqlite3_changes64(table_db(queue)->handle) > 0)
		schedule_at(queue, 0);
}

#include "queue-manager/senders.h"

#include "common/base/log.h"
#include "common/db/query.h"
#include "common/script/script.h"
#include "common/settings/attributes.h"

#include <time.h>

enum {
	PRIORITY_NORMAL = 5,
	PRIORITY_MAX = 9,
	TIMEOUT_MS = 30000, /* a call of a script is given five seconds */
};

#define MOMENT_MAX ((int64_t)1 << 40) /* seconds since 1970; queue time stays far from its end */

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

/* A moment of the wall clock, seconds since 1970, as queue time; 0 stays: never. */
static int64_t queue_moment(int64_t seconds)
{
	return seconds > 0 ? queue_now() + (seconds - (int64_t)time(NULL)) * 1000 : 0;
}

/* By its envelope, its user's attributes and the settings. */
static void settle(struct message *message)
{
	int64_t hold = -1, expire = -1, uid = 0;
	struct attributes attributes;
	struct arena arena;
	struct err err;
	int found;

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
	if (message->envelope.hold_until != 0)
		message->hold_until = queue_moment(message->envelope.hold_until);
	if (message->envelope.expires != 0)
		message->expires = queue_moment(message->envelope.expires);
}

static bool has_script(const struct queue *queue)
{
	struct script script;

	script_open(&script, queue->instance, "outmessage", NULL, NULL);
	return script_is_installed(&script);
}

void outgoing_settle(struct message *message)
{
	if (message->priority == 0 && !has_script(message->queue))
		settle(message);
}

/* What outmessage.lua changed. */
static void take_changes(struct message *message, const struct ipc_message *reply)
{
	int64_t number;

	ipc_get_number(reply, "priority", 1, PRIORITY_MAX, &message->priority);
	if (ipc_get_number(reply, "hold-until", 0, MOMENT_MAX, &number))
		message->hold_until = queue_moment(number);
	if (ipc_get_number(reply, "expires", 0, MOMENT_MAX, &number))
		message->expires = queue_moment(number);
	if (ipc_get_number(reply, "held", 0, 1, &number) && number != 0) {
		message->held = true;
		log_info("id=%s is held: outmessage.lua wants it", message->id);
	}
}

static void on_answer(struct ipc_message *reply, const struct err *err, void *context)
{
	struct message *message = context;

	message->jobs--;
	message->entering = false;
	message_touch(message);
	if (reply == NULL || err->code != ERR_NONE) {
		log_warning("id=%s outmessage.lua cannot be asked now: %s", message->id, err->text);
		message->away++;
		for (size_t i = 0; i < message->delivery_count; i++)
			if (message->deliveries[i].kind == DELIVERY_REMOTE && message->deliveries[i].state == DELIVERY_PENDING)
				outcome_away(message, &message->deliveries[i]);
		return;
	}
	message->away = 0;
	settle(message);
	take_changes(message, reply);
	table_write(message);
}

static int64_t seconds_until(int64_t moment)
{
	return moment > queue_now() ? (moment - queue_now() + 999) / 1000 : 0;
}

/* The script is told what would hold without it. */
static void ask(struct message *message)
{
	struct form_file form = message_form(message, DELIVERY_REMOTE);
	struct ipc_message request;

	ipc_message_init(&request);
	ipc_request(&request, "enter");
	message_describe(message, &request, 0);
	settle(message);
	ipc_add_number(&request, "priority", message->priority);
	ipc_add_number(&request, "hold", seconds_until(message->hold_until));
	ipc_add_number(&request, "delete", seconds_until(message->expires));
	message->priority = message->hold_until = message->expires = 0;
	ipc_add_number(&request, "offset", form.offset);
	ipc_add_number(&request, "size", form.size);
	ipc_add_fd(&request, form.fd);
	message->entering = true;
	message->jobs++;
	ipc_client_call(message->queue->senders->scripts, &request, TIMEOUT_MS, on_answer, message);
	ipc_message_free(&request);
}

bool outgoing_is_settled(struct message *message)
{
	outgoing_settle(message);
	if (message->priority == 0 && !message->entering)
		ask(message);
	return message->priority != 0;
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

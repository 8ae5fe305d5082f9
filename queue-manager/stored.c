#include "queue-manager/queue.h"

#include "common/base/log.h"

/*
 * Mail that waits in its user's Inbox until another server has it (specification 02, "Store and forward"; deliver made
 * it). Before each attempt deliver is asked whether it is still there; when the server took it over, it is to go. Where
 * deliver cannot say, the attempt is put off; where it cannot remove it, the user has it still, which does no harm.
 */

enum { TIMEOUT_MS = 30000 };

/* "<id>/stored/<uid>": which message, of whom. False: it is no such mail. */
static bool read_parent(const struct message *message, struct str *id, struct str *user)
{
	struct str rest = message->envelope.parent;

	if (!str_equal(message->envelope.producer, STR("deliver")) || !str_equal(message->envelope.service, STR("stored")))
		return false;
	*id = str_cut(&rest, '/');
	str_cut(&rest, '/');
	*user = rest;
	return id->len > 0 && user->data != NULL && user->len > 0;
}

static void ask(struct message *message, const char *op, struct str id, struct str user,
                void (*done)(struct ipc_message *reply, const struct err *err, void *message))
{
	struct ipc_message request;

	ipc_message_init(&request);
	ipc_request(&request, op);
	ipc_add(&request, "id", id);
	ipc_add(&request, "uid", user);
	message->jobs++;
	ipc_client_call(local_client(message->queue, DELIVERY_LOCAL), &request, TIMEOUT_MS, done, message);
	ipc_message_free(&request);
}

/* The user deleted it. */
static void drop(struct message *message)
{
	log_info("id=%s is not sent on: it was deleted from the Inbox", message->id);
	for (size_t i = 0; i < message->delivery_count; i++)
		if (message->deliveries[i].state <= DELIVERY_PARKED && !message->deliveries[i].busy)
			outcome_discarded(message, &message->deliveries[i]);
}

static void put_off(struct message *message)
{
	message->away++;
	for (size_t i = 0; i < message->delivery_count; i++)
		if (message->deliveries[i].state == DELIVERY_PENDING && !message->deliveries[i].busy)
			outcome_away(message, &message->deliveries[i]);
}

static void on_answer(struct ipc_message *reply, const struct err *err, void *context)
{
	struct message *message = context;
	int64_t there;

	message->jobs--;
	message_touch(message);
	if (reply == NULL || err->code != ERR_NONE || !ipc_get_number(reply, "there", 0, 1, &there)) {
		log_warning("id=%s waits: it cannot be said whether it is still in the Inbox: %s", message->id, err->text);
		put_off(message);
		return;
	}
	message->away = 0;
	message->is_stored = there == 1;
	if (there == 0)
		drop(message);
}

bool stored_is_settled(struct message *message)
{
	struct str id, user;
	bool known = message->is_stored;

	if (!read_parent(message, &id, &user))
		return true;
	message->is_stored = false; /* true for one attempt */
	if (!known && message->jobs == 0)
		ask(message, "stored", id, user, on_answer);
	return known;
}

static void on_removed(struct ipc_message *reply, const struct err *err, void *context)
{
	struct message *message = context;

	(void)reply;
	message->jobs--;
	message_touch(message);
	if (err->code != ERR_NONE)
		log_warning("id=%s was sent on and stays in the Inbox: %s", message->id, err->text);
}

void stored_sent(struct message *message)
{
	struct str id, user;

	if (read_parent(message, &id, &user))
		ask(message, "unstore", id, user, on_removed);
}

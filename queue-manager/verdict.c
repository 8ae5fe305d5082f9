#include "queue-manager/senders.h"

#include "common/base/log.h"
#include "common/script/script.h"
#include "queue-manager/remote.h"

#include <time.h>

enum {
	TIMEOUT_MS = 30000,   /* a call of a script is given five seconds */
	AWAY_AGAIN_MS = 5000, /* where it could not be asked */
	PRIORITY_NORMAL = 50,
};

struct question {
	struct message *message;
	struct verdict *verdict;
};

static const char *script_of(const struct sender *sender)
{
	return sender->is_relay ? "relayout" : "mxout";
}

static bool is_installed(const struct queue *queue, const struct sender *sender)
{
	struct script script;

	script_open(&script, queue->instance, script_of(sender), NULL, NULL);
	return script_is_installed(&script);
}

static int64_t pass_of(const struct sender *sender)
{
	return sender->pass != NULL ? sender->pass->begun : 0;
}

static struct verdict *find(const struct message *message, const struct sender *sender)
{
	struct verdict *verdict = message->verdicts;

	while (verdict != NULL && verdict->sender != sender->id)
		verdict = verdict->next;
	return verdict;
}

const struct verdict *verdict_known(const struct message *message, const struct sender *sender)
{
	return find(message, sender);
}

/* Relay restrictions that the script has set for its sender. */
static void take_limits(struct sender *sender, const struct ipc_message *reply)
{
	int64_t number;

	if (ipc_get_number(reply, "max-messages", 0, INT32_MAX, &number))
		sender->session_messages = number;
	if (ipc_get_number(reply, "max-recipients", 0, INT32_MAX, &number))
		sender->session_recipients = number;
	if (ipc_get_number(reply, "max-recipients-message", 1, REMOTE_RECIPIENTS_MAX, &number))
		sender->max_recipients = (unsigned)number;
	if (ipc_get_number(reply, "batv", 0, 1, &number))
		sender->uses_batv = number != 0;
}

static void take(struct message *message, struct verdict *verdict, const struct sender *sender,
                 const struct ipc_message *reply)
{
	int64_t skip = 0, final = 0;

	verdict->priority = PRIORITY_NORMAL;
	ipc_get_number(reply, "skip", 0, 1, &skip);
	ipc_get_number(reply, "final", 0, 1, &final);
	ipc_get_number(reply, "priority", 1, 100, &verdict->priority);
	verdict->final = final != 0;
	verdict->state = skip != 0 ? VERDICT_SKIP : VERDICT_SEND;
	verdict->until = skip != 0 && sender->is_continuous ? queue_now() + SENDERS_LOOK_AGAIN_MS : QUEUE_NEVER;
	if (skip != 0)
		log_info("id=%s sender=%s %s.lua: not this time: %.*s", message->id, sender->name, script_of(sender),
		         STR_ARG(ipc_get(reply, "reason")));
}

static void on_answer(struct ipc_message *reply, const struct err *err, void *context)
{
	const struct question *question = context; /* in the message's arena */
	struct message *message = question->message;
	struct verdict *verdict = question->verdict;
	struct sender *sender = senders_find(message->queue, verdict->sender);

	message->jobs--;
	message_touch(message);
	if (sender != NULL)
		sender->asking--;
	verdict->state = VERDICT_SKIP;
	verdict->until = queue_now() + AWAY_AGAIN_MS;
	if (reply == NULL || err->code != ERR_NONE) {
		log_warning("id=%s a script cannot be asked now: %s", message->id, err->text);
	} else if (sender != NULL) {
		take_limits(sender, reply);
		take(message, verdict, sender, reply);
	}
}

/* About when the last attempt was, microseconds since 1970: the time of the next one was set then. */
static int64_t last_try_us(const struct sender *sender, const struct delivery *delivery)
{
	int64_t ago = queue_now() - (delivery->next - patience_delay(&sender->patience, delivery->attempts));

	return delivery->next != 0 ? ((int64_t)time(NULL) * 1000 - ago) * 1000 : 0;
}

static void ask(struct message *message, struct sender *sender, struct verdict *verdict)
{
	struct form_file form = message_form(message, DELIVERY_REMOTE);
	struct question *question = arena_get(&message->arena, sizeof *question);
	const struct delivery *tried = NULL;
	struct ipc_message request;

	*question = (struct question){message, verdict};
	ipc_message_init(&request);
	ipc_request(&request, "check");
	ipc_add_text(&request, "script", script_of(sender));
	ipc_add_number(&request, "sender", sender->id);
	ipc_add_text(&request, "name", sender->name);
	for (size_t i = 0; i < message->delivery_count; i++) {
		const struct delivery *delivery = &message->deliveries[i];

		if (delivery->kind != DELIVERY_REMOTE || delivery->state > DELIVERY_PARKED)
			continue;
		ipc_add(&request, "to", delivery->target);
		tried = tried == NULL || delivery->attempts > tried->attempts ? delivery : tried;
	}
	message_describe(message, &request, tried != NULL ? tried->attempts : 0);
	if (tried != NULL && tried->attempts > 0)
		ipc_add_number(&request, "last-try", last_try_us(sender, tried));
	ipc_add_number(&request, "offset", form.offset);
	ipc_add_number(&request, "size", form.size);
	ipc_add_fd(&request, form.fd);
	verdict->state = VERDICT_ASKED;
	verdict->pass = pass_of(sender);
	message->jobs++;
	sender->asking++;
	ipc_client_call(message->queue->senders->scripts, &request, TIMEOUT_MS, on_answer, question);
	ipc_message_free(&request);
}

const struct verdict *verdict_get(struct message *message, struct sender *sender)
{
	struct verdict *verdict = find(message, sender);

	if (!is_installed(message->queue, sender))
		return NULL;
	if (verdict != NULL &&
	    (verdict->state == VERDICT_ASKED || (verdict->until > queue_now() && verdict->pass == pass_of(sender))))
		return verdict;
	if (verdict == NULL) {
		verdict = arena_get(&message->arena, sizeof *verdict);
		*verdict = (struct verdict){.sender = sender->id, .next = message->verdicts};
		message->verdicts = verdict;
	}
	ask(message, sender, verdict);
	return verdict;
}

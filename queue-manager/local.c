#include "queue-manager/queue.h"

#include "common/base/log.h"
#include "common/base/memory.h"

#include <inttypes.h>

enum {
	USERS_MAX = 500,     /* of one request */
	TIMEOUT_MS = 120000, /* repeating is harmless: deliver knows what it has stored */
};

/* One request to deliver: the deliveries of a message that it is about, and the place of each in the list of users. */
struct handover {
	struct message *message;
	size_t count, users;
	struct handed {
		size_t delivery;
		size_t place;
	} parts[];
};

/* Ask once for each user, also where several recipients lead to him. */
static size_t place_of(const struct handover *handover, int64_t uid)
{
	for (size_t i = 0; i < handover->count; i++)
		if (handover->message->deliveries[handover->parts[i].delivery].uid == uid)
			return handover->parts[i].place;
	return handover->users;
}

static bool is_due(const struct delivery *delivery, int64_t now)
{
	return delivery->kind == DELIVERY_LOCAL && delivery->state == DELIVERY_PENDING && !delivery->busy &&
	       delivery->next <= now;
}

/* A result for one delivery, in deliver's words: "delivered", "deferred <text>", "failed <text>". */
static void apply(struct message *message, struct delivery *delivery, struct str result)
{
	struct str rest = result, word = str_cut_word(&rest), words = str_trim(rest);

	if (str_equal(word, STR("delivered"))) {
		message_set_answer(message, delivery, "2.0.0", STR(""), STR("delivered to the mailbox"));
		outcome_delivered(message, delivery, false);
	} else if (str_equal(word, STR("failed"))) {
		message_set_answer(message, delivery, "5.2.0", STR(""), words);
		outcome_failed(message, delivery);
	} else {
		message_set_answer(message, delivery, "4.2.0", STR(""), words.len != 0 ? words : STR("not delivered now"));
		outcome_deferred(message, delivery);
	}
}

static bool read_results(const struct ipc_message *reply, struct str *results, size_t count)
{
	struct str key, value;
	size_t position = 0, found = 0;

	while (found < count && ipc_next(reply, &position, &key, &value))
		if (str_equal(key, STR("result")))
			results[found++] = value;
	return found == count;
}

static void on_answer(struct ipc_message *reply, const struct err *err, void *context)
{
	struct handover *handover = context;
	struct message *message = handover->message;
	struct str *results = memory_get((handover->users + 1) * sizeof *results);
	bool answered = reply != NULL && err->code == ERR_NONE && read_results(reply, results, handover->users);

	message->jobs--;
	message_touch(message);
	if (!answered) {
		log_warning("id=%s not delivered now: %s", message->id,
		            err->code != ERR_NONE ? err->text : "deliver's answer is incomplete");
		message->away++;
	} else {
		message->away = 0;
	}
	for (size_t i = 0; i < handover->count; i++) {
		struct delivery *delivery = &message->deliveries[handover->parts[i].delivery];

		delivery->busy = false;
		if (answered)
			apply(message, delivery, results[handover->parts[i].place]);
		else
			outcome_away(message, delivery);
	}
	memory_free(results);
	memory_free(handover);
}

static void ask(struct handover *handover)
{
	struct message *message = handover->message;
	struct ipc_message request;
	size_t next = 0;

	ipc_message_init(&request);
	ipc_request(&request, "deliver");
	ipc_add_text(&request, "id", message->id);
	ipc_add_number(&request, "offset", (int64_t)message->offset);
	ipc_add(&request, "from", message->envelope.from);
	for (size_t i = 0; i < handover->count; i++) {
		const struct delivery *delivery = &message->deliveries[handover->parts[i].delivery];

		if (handover->parts[i].place != next)
			continue; /* the user has been named already */
		ipc_add_number(&request, "uid", delivery->uid);
		ipc_add(&request, "address", message_recipient(message, delivery)->address);
		ipc_add(&request, "folder", message_recipient(message, delivery)->folder);
		next++;
	}
	ipc_add(&request, "keywords", message->envelope.keywords);
	ipc_add_fd(&request, message->fd);
	message->jobs++;
	ipc_client_call(message->queue->deliver, &request, TIMEOUT_MS, on_answer, handover);
	ipc_message_free(&request);
}

void local_dispatch(struct message *message)
{
	int64_t now = queue_now();
	struct handover *handover;
	size_t room = 0;

	for (size_t i = 0; i < message->delivery_count && room < USERS_MAX; i++)
		room += is_due(&message->deliveries[i], now);
	if (room == 0)
		return;
	handover = memory_get(sizeof *handover + room * sizeof handover->parts[0]);
	handover->message = message;
	for (size_t i = 0; i < message->delivery_count && handover->count < room; i++) {
		struct delivery *delivery = &message->deliveries[i];
		size_t place;

		if (!is_due(delivery, now))
			continue;
		place = place_of(handover, delivery->uid);
		handover->users += place == handover->users;
		handover->parts[handover->count++] = (struct handed){i, place};
		delivery->busy = true;
	}
	ask(handover);
}

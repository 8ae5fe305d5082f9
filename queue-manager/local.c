#include "queue-manager/summary.h"
#include "queue-manager/trace.h"

#include "common/base/log.h"
#include "common/base/memory.h"

#include <inttypes.h>

enum {
	USERS_MAX = 500,     /* of one request to deliver */
	TIMEOUT_MS = 120000, /* repeating is harmless: each of these knows what it has done */
};

struct handover;

/* A daemon of this house that messages go to, and how it is asked. */
struct office {
	enum delivery_kind kind;
	const char *program;
	size_t places;            /* targets of one request */
	const char *refused_code; /* where it names none */
	const char *delivered;    /* in words */
	void (*ask)(const struct handover *handover, struct ipc_message *request);
};

/* One request: the deliveries of a message that it is about, and the place of each among the targets that are named. */
struct handover {
	const struct office *office;
	struct message *message;
	size_t count, places;
	struct handed {
		size_t delivery;
		size_t place;
	} parts[];
};

static void ask_deliver(const struct handover *handover, struct ipc_message *request)
{
	const struct message *message = handover->message;
	size_t next = 0;

	ipc_request(request, "deliver");
	for (size_t i = 0; i < handover->count; i++) {
		const struct delivery *delivery = &message->deliveries[handover->parts[i].delivery];

		if (handover->parts[i].place != next)
			continue; /* the user has been named already */
		ipc_add_number(request, "uid", delivery->uid);
		ipc_add(request, "address", message_recipient(message, delivery)->address);
		ipc_add(request, "folder", message_recipient(message, delivery)->folder);
		next++;
	}
	ipc_add(request, "keywords", message->envelope.keywords);
}

/* One of its own: what the user has got of this message, and what his rules are, is not to keep it from him. */
static void ask_handed(const struct handover *handover, struct ipc_message *request)
{
	const struct message *message = handover->message;
	const struct delivery *delivery = &message->deliveries[handover->parts[0].delivery];

	ipc_request(request, "deliver");
	ipc_add_number(request, "uid", delivery->uid);
	ipc_add(request, "address", message_recipient(message, delivery)->address);
	ipc_add(request, "folder", delivery->destination);
	ipc_add_number(request, "plain", 1);
}

static void ask_listd(const struct handover *handover, struct ipc_message *request)
{
	const struct message *message = handover->message;
	const struct delivery *delivery = &message->deliveries[handover->parts[0].delivery];
	const struct spool_envelope *envelope = &message->envelope;

	ipc_request(request, "post");
	ipc_add_number(request, "list", delivery->uid);
	ipc_add(request, "name", delivery->target);
	ipc_add(request, "address", message_recipient(message, delivery)->address);
	ipc_add_number(request, "size", message_form(message, DELIVERY_LIST).size);
	ipc_add(request, "service", envelope->service);
	ipc_add(request, "peer", envelope->peer);
	ipc_add(request, "user", message_may_relay(message) ? envelope->user : STR(""));
	ipc_add(request, "parent", envelope->parent);
	ipc_add(request, "arc", envelope->arc);
	ipc_add(request, "results", envelope->results);
}

static const struct office offices[] = {
    {DELIVERY_LOCAL, "deliver", USERS_MAX, "5.2.0", "delivered to the mailbox", ask_deliver},
    {DELIVERY_LIST, "listd", 1, "5.7.1", "posted to the list", ask_listd},
    {DELIVERY_HANDED, "deliver", 1, "5.2.0", "given to the user", ask_handed},
};

#define OFFICES (sizeof offices / sizeof offices[0])
_Static_assert(OFFICES == QUEUE_OFFICES, "a client for each");

/* Name each target once, also where several recipients lead to it. */
static size_t place_of(const struct handover *handover, const struct delivery *delivery)
{
	for (size_t i = 0; i < handover->count; i++) {
		const struct delivery *other = &handover->message->deliveries[handover->parts[i].delivery];

		if (other->uid == delivery->uid && (delivery->uid != 0 || str_equal(other->target, delivery->target)))
			return handover->parts[i].place;
	}
	return handover->places;
}

static bool is_due(const struct message *message, const struct delivery *delivery, enum delivery_kind kind, int64_t now)
{
	return (!message->held || kind == DELIVERY_HANDED) && delivery->kind == kind &&
	       delivery->state == DELIVERY_PENDING && !delivery->busy && delivery->next <= now;
}

/* The enhanced code that the words may begin with, or the office's own. */
static void set_refusal(struct message *message, struct delivery *delivery, const struct office *office,
                        struct str words)
{
	struct str rest = words, first = str_cut_word(&rest);
	char code[12];

	if (first.len >= 5 && str_starts(first, STR("5.")) && str_count_char(first, '.') == 2 &&
	    str_copy(first, code, sizeof code))
		message_set_answer(message, delivery, code, STR(""), str_trim(rest));
	else
		message_set_answer(message, delivery, office->refused_code, STR(""), words);
}

/* A result for one delivery: "delivered [<where>]", "deferred <text>", "failed <text>". */
static void apply(struct message *message, struct delivery *delivery, const struct office *office, struct str result)
{
	struct str rest = result, word = str_cut_word(&rest), words = str_trim(rest);

	if (str_equal(word, STR("delivered"))) {
		message_set_answer(message, delivery, "2.0.0", STR(""), str_of(office->delivered));
		outcome_delivered(message, delivery, false);
		if (delivery->kind == DELIVERY_LOCAL) {
			trace_stored(message, delivery, words);
			summary_stored(message, delivery);
		}
	} else if (str_equal(word, STR("failed"))) {
		set_refusal(message, delivery, office, words);
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
	struct str *results = memory_get((handover->places + 1) * sizeof *results);
	bool answered = reply != NULL && err->code == ERR_NONE && read_results(reply, results, handover->places);

	message->jobs--;
	message_touch(message);
	if (!answered) {
		log_warning("id=%s not delivered now: %s%s", message->id,
		            err->code != ERR_NONE ? err->text : handover->office->program,
		            err->code != ERR_NONE ? "" : " gave an incomplete answer");
		message->away++;
	} else {
		message->away = 0;
	}
	for (size_t i = 0; i < handover->count; i++) {
		struct delivery *delivery = &message->deliveries[handover->parts[i].delivery];

		delivery->busy = false;
		if (answered)
			apply(message, delivery, handover->office, results[handover->parts[i].place]);
		else
			outcome_away(message, delivery);
	}
	memory_free(results);
	memory_free(handover);
}

void local_open(struct queue *queue)
{
	for (size_t i = 0; i < OFFICES; i++)
		queue->offices[i] = ipc_client_new(queue->base, queue->instance, offices[i].program, "queue-manager");
}

struct ipc_client *local_client(const struct queue *queue, enum delivery_kind kind)
{
	size_t i = 0;

	while (offices[i].kind != kind)
		i++;
	return queue->offices[i];
}

bool local_has(enum delivery_kind kind)
{
	for (size_t i = 0; i < OFFICES; i++)
		if (offices[i].kind == kind)
			return true;
	return false;
}

/* By which deliver knows what it has done. A delivery's place never changes. */
static const char *copy_id(const struct handover *handover, char id[SPOOL_ID_MAX])
{
	if (handover->office->kind != DELIVERY_HANDED)
		return handover->message->id;
	snprintf(id, SPOOL_ID_MAX, "%.50s-h%zu", handover->message->id, handover->parts[0].delivery);
	return id;
}

static void ask(struct handover *handover)
{
	struct message *message = handover->message;
	struct form_file form = message_form(message, handover->office->kind);
	struct ipc_message request;
	char id[SPOOL_ID_MAX];

	ipc_message_init(&request);
	handover->office->ask(handover, &request);
	ipc_add_text(&request, "id", copy_id(handover, id));
	ipc_add_number(&request, "offset", form.offset);
	ipc_add(&request, "from", message->envelope.from);
	ipc_add_fd(&request, form.fd);
	message->jobs++;
	ipc_client_call(message->queue->offices[handover->office - offices], &request, TIMEOUT_MS, on_answer, handover);
	ipc_message_free(&request);
}

/* One request, if anything is due for this office; what it has no room for comes after its answer. */
static void hand_over(struct message *message, const struct office *office, int64_t now)
{
	struct handover *handover;
	size_t room = 0;

	for (size_t i = 0; i < message->delivery_count && room < USERS_MAX; i++)
		room += is_due(message, &message->deliveries[i], office->kind, now);
	if (room == 0)
		return;
	handover = memory_get(sizeof *handover + room * sizeof handover->parts[0]);
	handover->office = office;
	handover->message = message;
	for (size_t i = 0; i < message->delivery_count && handover->count < room; i++) {
		struct delivery *delivery = &message->deliveries[i];
		size_t place;

		if (!is_due(message, delivery, office->kind, now))
			continue;
		place = place_of(handover, delivery);
		if (place == office->places)
			continue;
		handover->places += place == handover->places;
		handover->parts[handover->count++] = (struct handed){i, place};
		delivery->busy = true;
	}
	ask(handover);
}

void local_dispatch(struct message *message)
{
	int64_t now = queue_now();

	for (size_t i = 0; i < OFFICES; i++)
		hand_over(message, &offices[i], now);
}

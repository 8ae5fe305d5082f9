#include "queue-manager/summary.h"
#include "queue-manager/trace.h"

#include "common/addr/addr.h"
#include "common/base/log.h"
#include "common/base/memory.h"

enum {
	ASKED_OF_ONE = 10,    /* questions on their way for one message: a long list does not keep others waiting */
	TARGETS_MAX = 100000, /* deliveries of one message */
	TIMEOUT_MS = 10000,
};

struct question {
	struct message *message;
	size_t delivery;
};

bool message_may_relay(const struct message *message)
{
	const struct spool_envelope *envelope = &message->envelope;
	const struct queue *queue = message->queue;

	if (made_by_us(envelope->producer))
		return true;
	for (size_t i = 0; i < QUEUE_ISSUERS_MAX; i++)
		if (token_check(&queue->issuers[i].key, queue->issuers[i].name, envelope->token, envelope->service,
		                envelope->peer, envelope->user, envelope->time_us))
			return true;
	return false;
}

/*
 * Targets in the resolver's words (doc/ipc.md): a kind, a number where the kind has one, and a name or an address.
 */
static const struct target_kind {
	struct str word;
	enum delivery_kind kind;
	bool has_number, has_from;
} target_kinds[] = {
    {{"user", 4}, DELIVERY_LOCAL, true, false}, {{"remote", 6}, DELIVERY_REMOTE, false, false},
    {{"list", 4}, DELIVERY_LIST, true, false},  {{"discard", 7}, DELIVERY_NOBODY, false, false},
    {{"lan", 3}, DELIVERY_LAN, true, false},    {{"lan-from", 8}, DELIVERY_LAN, true, true},
};

static const struct target_kind *target_kind_find(struct str word)
{
	for (size_t i = 0; i < sizeof target_kinds / sizeof target_kinds[0]; i++)
		if (str_equal(word, target_kinds[i].word))
			return &target_kinds[i];
	return NULL;
}

static bool set_target(struct message *message, struct delivery *delivery, struct str target)
{
	struct str rest = target;
	const struct target_kind *kind = target_kind_find(str_cut_word(&rest));
	struct str from = {NULL, 0};
	uint64_t number = 0;

	if (kind == NULL || (kind->has_number && !str_to_u64(str_cut_word(&rest), INT64_MAX, &number)))
		return false;
	/* "=" and xtext, so that the null path is a word too */
	if (kind->has_from && addr_xtext_decode(str_skip(str_cut_word(&rest), 1), &message->arena, &from, NULL) != 0)
		return false;
	rest = str_trim(rest);
	if (rest.len == 0)
		return false;
	if (kind->kind == DELIVERY_LAN &&
	    !lan_set_target(message, delivery, (int64_t)number, kind->has_from ? &from : NULL, rest))
		return false;
	delivery->kind = kind->kind;
	delivery->uid = (int64_t)number;
	if (kind->kind != DELIVERY_LAN)
		delivery->target = arena_copy(&message->arena, rest);
	delivery->dirty = true;
	delivery->next = 0;
	if (delivery->kind == DELIVERY_NOBODY)
		outcome_discarded(message, delivery);
	return true;
}

/* How the next target was reached; they are in the same order. */
static struct str next_cause(const struct ipc_message *reply, size_t *position)
{
	struct str key, value;

	while (ipc_next(reply, position, &key, &value))
		if (str_equal(key, STR("cause")))
			return value;
	return STR("");
}

/* The first target takes the place of the question, further ones are added. */
static void add_targets(struct message *message, size_t index, const struct ipc_message *reply)
{
	unsigned recipient = message->deliveries[index].recipient, count = 0;
	struct str key, value, cause;
	size_t position = 0, cause_position = 0;

	while (ipc_next(reply, &position, &key, &value)) {
		struct delivery *delivery = &message->deliveries[index];

		if (!str_equal(key, STR("target")))
			continue;
		cause = next_cause(reply, &cause_position);
		if (count > 0 && message->delivery_count >= TARGETS_MAX) {
			log_error("id=%s has more than %d targets; the rest is left out", message->id, TARGETS_MAX);
			break;
		}
		if (count > 0)
			delivery = message_add_delivery(message, recipient);
		if (!set_target(message, delivery, value)) {
			/* not the whole: it may hold a password */
			log_error("id=%s a target of the resolver's is not understood: %.*s ...", message->id,
			          STR_ARG(str_cut_word(&value)));
			if (count > 0)
				message->delivery_count--;
			continue;
		}
		trace_target(message, delivery, cause);
		summary_target(message, delivery);
		count++;
	}
	if (count == 0) {
		message->away++;
		outcome_away(message, &message->deliveries[index]);
	}
}

static void fail(struct message *message, struct delivery *delivery, const char *code, struct str words)
{
	message_set_answer(message, delivery, code, STR(""), words);
	outcome_failed(message, delivery);
}

/* Where somebody allowed it, or an administrator's rule sends it there. */
static void answered_remote(struct message *message, size_t index, const struct ipc_message *reply)
{
	struct delivery *delivery = &message->deliveries[index];
	struct str address = message_recipient(message, delivery)->address;
	int allowed = message_may_relay(message) ? 1 : rule_targets_have(message->queue, address);
	int may_leave = scheduled_may_leave(message);

	if (allowed < 0 || may_leave < 0) {
		outcome_away(message, delivery);
	} else if (may_leave == 0) {
		fail(message, delivery, "5.7.1", STR("Its sender may not send to other servers any more"));
	} else if (allowed == 0) {
		/* Not reported to anybody: who made this envelope did not get it by a way that we offer. */
		log_error("id=%s to=<%.*s> no right to relay", message->id, STR_ARG(address));
		message_set_answer(message, delivery, "5.7.1", STR(""), STR("no right to relay"));
		delivery->state = DELIVERY_REFUSED;
		message_change(message, delivery);
	} else if (ipc_get(reply, "target").data != NULL) {
		add_targets(message, index, reply);
	} else {
		delivery->kind = DELIVERY_REMOTE;
		delivery->target = address;
		summary_target(message, delivery);
		delivery->dirty = true;
		delivery->next = 0;
	}
}

static void answered(struct message *message, size_t index, const struct ipc_message *reply)
{
	struct delivery *delivery = &message->deliveries[index];
	struct str kind = ipc_get(reply, "kind");

	message->away = 0;
	if (str_equal(kind, STR("local"))) {
		add_targets(message, index, reply);
	} else if (str_equal(kind, STR("unknown"))) {
		fail(message, delivery, "5.1.1", STR("Recipient not recognised"));
	} else if (str_equal(kind, STR("failed"))) {
		char code[12] = "5.3.0";

		ipc_get_text(reply, "code", code, sizeof code);
		fail(message, delivery, code, ipc_get(reply, "words"));
	} else if (str_equal(kind, STR("remote"))) {
		answered_remote(message, index, reply);
	} else {
		log_error("id=%s the resolver's answer is not understood: %.*s", message->id, STR_ARG(kind));
		outcome_away(message, delivery);
	}
}
static void on_answer(struct ipc_message *reply, const struct err *err, void *context)
{
	struct question question = *(struct question *)context;
	struct message *message = question.message;
	struct delivery *delivery = &message->deliveries[question.delivery];

	memory_free(context);
	message->resolving--;
	delivery->busy = false;
	message_touch(message);
	if (reply != NULL && err->code == ERR_NONE) {
		answered(message, question.delivery, reply);
	} else if (err->code == ERR_SYNTAX) {
		fail(message, delivery, "5.1.3", str_of(err->text));
	} else {
		log_warning("id=%s to=<%.*s> cannot be resolved now: %s", message->id,
		            STR_ARG(message_shown_recipient(message, delivery)), err->text);
		message->away++;
		outcome_away(message, delivery);
	}
}

static void ask(struct message *message, const struct delivery *delivery, struct question *question)
{
	const struct spool_envelope *envelope = &message->envelope;
	const struct spool_recipient *recipient = message_recipient(message, delivery);
	const char *via = "smtp";
	struct ipc_message request;

	if (recipient->named || (str_equal(envelope->producer, STR("listd")) && str_equal(envelope->service, STR("list"))))
		via = "list";
	else if (envelope->collector != 0)
		via = "pop3";
	ipc_message_init(&request);
	ipc_request(&request, "resolve");
	ipc_add(&request, "address", recipient->address);
	ipc_add(&request, "from", envelope->from);
	ipc_add_text(&request, "via", via);
	if (envelope->collector != 0)
		ipc_add_number(&request, "collector", envelope->collector);
	ipc_add_number(&request, "local", message_may_relay(message));
	ipc_add_number(&request, "internal", made_by_us(envelope->producer));
	ipc_client_call(message->queue->resolver, &request, TIMEOUT_MS, on_answer, question);
	ipc_message_free(&request);
}

/* Who put the message into the spool wants its sender to be told that it does not go there. */
static void refuse(struct message *message, struct delivery *delivery)
{
	struct str refused = message_recipient(message, delivery)->refused, words;

	if (addr_xtext_decode(refused, &message->arena, &words, NULL) != 0)
		words = refused;
	fail(message, delivery, "5.1.1", words);
}

void resolve_ask(struct message *message)
{
	int64_t now = queue_now();
	bool first = true;

	for (size_t i = message->resolve_from; i < message->delivery_count; i++) {
		struct delivery *delivery = &message->deliveries[i];
		struct question *question;

		if (delivery->kind != DELIVERY_UNRESOLVED || delivery->state != DELIVERY_PENDING)
			continue;
		if (first)
			message->resolve_from = i;
		first = false;
		if (delivery->busy || delivery->next > now)
			continue;
		if (message_recipient(message, delivery)->refused.len != 0) {
			refuse(message, delivery);
			continue;
		}
		if (message->resolving >= ASKED_OF_ONE)
			return; /* each answer brings us here again */
		question = memory_get(sizeof *question);
		*question = (struct question){message, i};
		delivery->busy = true;
		message->resolving++;
		ask(message, delivery, question);
	}
	if (first)
		message->resolve_from = message->delivery_count;
}

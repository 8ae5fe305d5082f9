#include "queue-manager/trace.h"

#include "common/base/log.h"

enum {
	ATTEMPTS_MIN = 2,       /* no age alone makes a message fail */
	LOCAL_DELAY_MS = 60000, /* a mailbox that could not be written is tried at least so often */
	AWAY_FIRST_MS = 500,
	AWAY_MAX_MS = 30000,
};

/* The last answer as people read it: "host said: 550 5.1.1 ..." or our own words. */
static struct str answer_words(const struct delivery *delivery)
{
	struct str rest = delivery->answer;

	str_cut(&rest, '\t');
	str_cut(&rest, '\t');
	return rest.data != NULL ? rest : STR("");
}

static struct str answer_host(const struct delivery *delivery)
{
	struct str rest = delivery->answer, host;

	str_cut(&rest, '\t');
	host = rest.data != NULL ? str_cut(&rest, '\t') : STR("");
	return host.len != 0 ? host : STR("here");
}

static void log_outcome(struct message *message, const struct delivery *delivery, const char *what)
{
	log_info("id=%s %s to=<%.*s> target=%.*s host=%.*s: %.*s", message->id, what,
	         STR_ARG(message_shown_recipient(message, delivery)),
	         STR_ARG(delivery->kind != DELIVERY_UNRESOLVED ? delivery->target : STR("none")),
	         STR_ARG(answer_host(delivery)), STR_ARG(answer_words(delivery)));
	if (delivery->kind != DELIVERY_LOCAL || delivery->state != DELIVERY_DONE) /* else trace_stored says more */
		trace_outcome(message, delivery, what, answer_host(delivery), answer_words(delivery));
}

/*
 * RFC 3461 4.1 and 6.2: which reports the sender wants; a null sender gets none, ever, and none tells that an
 * administrator gave a copy to somebody.
 */
static bool is_wanted(const struct message *message, const struct delivery *delivery, enum report_kind kind)
{
	unsigned notify = message_recipient(message, delivery)->notify;

	if (message->envelope.from.len == 0 || (delivery->kind == DELIVERY_HANDED && kind != REPORT_FAILED))
		return false;
	if (kind == REPORT_DELIVERED || kind == REPORT_RELAYED)
		return (notify & SPOOL_NOTIFY_SUCCESS) != 0;
	return notify == 0 || (notify & (kind == REPORT_FAILED ? SPOOL_NOTIFY_FAILURE : SPOOL_NOTIFY_DELAY)) != 0;
}

/* RFC 3463 3.5: the way there failed, and it is not another server that says so. */
static bool is_network_failure(const struct delivery *delivery)
{
	struct str words = answer_words(delivery), rest = delivery->answer, code = str_cut(&rest, '\t');

	return delivery->kind == DELIVERY_REMOTE && str_starts(str_skip(code, 1), STR(".4.")) &&
	       (words.len == 0 || words.data[0] < '0' || words.data[0] > '9');
}

void outcome_delivered(struct message *message, struct delivery *delivery, bool dsn_passed)
{
	bool local = local_has(delivery->kind);

	delivery->state = DELIVERY_DONE;
	/* RFC 3461 5.2.2: where the next server took the request over, the report is its own */
	if (is_wanted(message, delivery, REPORT_DELIVERED) && !(dsn_passed && !local))
		delivery->report = local ? REPORT_DELIVERED : REPORT_RELAYED;
	if (!local)
		stored_sent(message);
	log_outcome(message, delivery, local ? "delivered" : "sent");
	message_change(message, delivery);
}

void outcome_discarded(struct message *message, struct delivery *delivery)
{
	delivery->state = DELIVERY_DONE;
	message_set_answer(message, delivery, "2.0.0", STR(""), STR("taken, and kept by nobody"));
	log_outcome(message, delivery, "discarded");
	message_change(message, delivery);
}

void outcome_failed(struct message *message, struct delivery *delivery)
{
	delivery->state = DELIVERY_FAILED;
	log_outcome(message, delivery, "failed");
	if (!patience_for(message->queue, delivery)->reports)
		log_info("id=%s no report of this: lan.reports is off", message->id);
	else if (is_wanted(message, delivery, REPORT_FAILED))
		delivery->report =
		    settings_flag(&message->queue->settings, SETTING_NOTICES_NETWORK) && is_network_failure(delivery)
		        ? REPORT_UNREACHABLE
		        : REPORT_FAILED;
	else
		log_info("id=%s no report of this: %s", message->id,
		         message->envelope.from.len == 0 ? "the sender is <>" : "the sender wants none");
	message_change(message, delivery);
}

void outcome_deferred(struct message *message, struct delivery *delivery)
{
	const struct patience *patience = patience_for(message->queue, delivery);
	int64_t now = queue_now(), age = now - message->born, delay;

	delivery->attempts++;
	message->verdicts = NULL; /* scripts may think otherwise of it now */
	if (message->final && delivery->kind == DELIVERY_REMOTE) {
		log_info("id=%s is given up: its last attempt was this", message->id);
		outcome_failed(message, delivery);
		return;
	}
	if (age >= patience->fail_ms && delivery->attempts >= ATTEMPTS_MIN && delivery->kind != DELIVERY_HANDED) {
		log_info("id=%s is given up after %u attempts in %lld s", message->id, delivery->attempts,
		         (long long)age / 1000);
		outcome_failed(message, delivery);
		return;
	}
	delay = patience_delay(patience, delivery->attempts);
	if (local_has(delivery->kind) && delay > LOCAL_DELAY_MS)
		delay = LOCAL_DELAY_MS;
	delivery->next = now + delay;
	if (patience->warn_ms > 0 && age >= patience->warn_ms && !message->warned &&
	    is_wanted(message, delivery, REPORT_DELAYED))
		delivery->report = REPORT_DELAYED;
	log_outcome(message, delivery, delivery->kind == DELIVERY_REMOTE ? "deferred, MX Send Warning -" : "deferred");
	message_change(message, delivery);
}

void outcome_away(struct message *message, struct delivery *delivery)
{
	int64_t delay = message->away < 6 ? (int64_t)AWAY_FIRST_MS << message->away : AWAY_MAX_MS;

	delivery->next = queue_now() + delay;
	if (message->again == 0 || message->again > delivery->next)
		message->again = delivery->next;
	message_touch(message);
}

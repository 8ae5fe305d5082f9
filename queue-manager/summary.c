#include "queue-manager/summary.h"

#include "queue-manager/trace.h"

enum { NAMED_MAX = 10 }; /* recipients of a transaction in mail.log */

static bool is_system(const struct message *message)
{
	const struct spool_envelope *envelope = &message->envelope;

	return envelope->parent.len != 0 || made_by_us(envelope->producer) || str_equal(envelope->producer, STR("noticed"));
}

/* Who logged in; of those who may send by their address alone, and of strangers, what they call themselves. */
static struct str sender_of(const struct message *message)
{
	return message->envelope.user.len != 0 ? message->envelope.user : message->envelope.from;
}

static void count_sender(struct message *message, const struct delivery *delivery, enum summary_item item)
{
	if (is_system(message) || (message->summed & 1u << item) != 0)
		return;
	message->summed |= 1u << item;
	trace_summary(message, item, message_form(message, delivery->kind).size, sender_of(message), STR(""));
}

void summary_target(struct message *message, const struct delivery *delivery)
{
	bool ours = message_may_relay(message);

	if (delivery->kind == DELIVERY_LOCAL && ours)
		count_sender(message, delivery, SUMMARY_LOCAL_SENT);
	if (delivery->kind == DELIVERY_REMOTE && ours)
		count_sender(message, delivery, SUMMARY_INTERNET_SENT);
	if (delivery->kind == DELIVERY_LAN) {
		count_sender(message, delivery, SUMMARY_LAN_QUEUED);
		trace_summary(message, SUMMARY_LAN_RECIPIENT, message_form(message, DELIVERY_LAN).size,
		              message_shown_recipient(message, delivery), STR(""));
	}
}

void summary_stored(struct message *message, const struct delivery *delivery)
{
	enum summary_item item = is_system(message)           ? SUMMARY_SYSTEM_RECEIVED
	                         : message_may_relay(message) ? SUMMARY_LOCAL_RECEIVED
	                                                      : SUMMARY_INTERNET_RECEIVED;

	trace_summary(message, item, message_form(message, DELIVERY_LOCAL).size, delivery->target, delivery->target);
}

void summary_sent(struct message *message, const unsigned *deliveries, size_t count)
{
	enum delivery_kind kind;
	struct buf to;

	if (count == 0)
		return;
	buf_init(&to, 64 * 1024);
	for (size_t i = 0; i < count && i < NAMED_MAX; i++)
		buf_printf(&to, "%s<%.*s>", i > 0 ? ", " : "",
		           STR_ARG(message_shown_recipient(message, &message->deliveries[deliveries[i]])));
	if (count > NAMED_MAX)
		buf_printf(&to, " and %zu more", count - NAMED_MAX);
	kind = message->deliveries[deliveries[0]].kind;
	trace_summary(message, kind == DELIVERY_LAN ? SUMMARY_LAN_SENT : SUMMARY_CLIENT_SENT,
	              message_form(message, kind).size, is_system(message) ? STR("") : sender_of(message), buf_str(&to));
	buf_free(&to);
}

void summary_urgent(struct message *message)
{
	trace_summary(message, SUMMARY_URGENT, message->size, is_system(message) ? STR("") : sender_of(message), STR(""));
}

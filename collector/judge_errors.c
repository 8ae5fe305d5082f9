/* judge: messages without a recipient. */
#include "collector/judge_parts.h"

#include "common/addr/addr.h"
#include "common/base/log.h"
#include "common/rules/number.h"

enum { REFUSED_MAX = 20 }; /* addresses that a delivery report names */

/* Let the queue tell the sender: recipients that are refused, and nobody else learns of it. */
static void add_bounce(const struct judge *judge, struct arena *arena, struct judgement *judgement)
{
	const struct routing *routing = &judgement->routing;
	struct str words =
	    judge->options.bounce_text.len > 0 ? judge->options.bounce_text : STR("Recipient not recognised");
	struct spool_recipient *list = arena_get(arena, (judgement->recipient_count + REFUSED_MAX + 1) * sizeof *list),
	                       refused = {.folder = STR("")};
	size_t count = judgement->recipient_count, first = count;

	refused.refused = addr_xtext_encode(words, arena);
	for (size_t i = 0; i < count; i++)
		list[i] = judgement->recipients[i];
	for (size_t i = 0; i < routing->address_count && count - first < REFUSED_MAX; i++) {
		if (routing->addresses[i].standing != ROUTING_UNKNOWN)
			continue;
		refused.address = routing->addresses[i].address;
		list[count++] = refused;
	}
	if (count == first) {
		refused.address = arena_printf(arena, "unknown-recipient@%.*s", STR_ARG(judge->options.own_domain));
		list[count++] = refused;
	}
	judgement->recipients = list;
	judgement->recipient_count = count;
}

/* What stands behind "score=" in X-Spam-Status, or X-Spam-Score, as the provider's filter left it; 0 without them. */
static double provider_score(struct str header)
{
	static const char *const names[] = {"X-Spam-Score", "X-Spam-Status"};
	struct mime_field field;
	double highest = 0, score;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct str value;
		ptrdiff_t at;

		if (!mime_field_find(header, str_of(names[i]), &field))
			continue;
		value = field.value;
		at = str_find(value, STR("score="));
		if (at >= 0)
			value = str_skip(value, (size_t)at + strlen("score="));
		if (number_read(str_cut_item(&value), &score) && score > highest)
			highest = score;
	}
	return highest;
}

/* RFC 5321 4.5.5: a report about a report is never sent. */
static bool may_bounce(const struct judge *judge, const struct judgement *judgement, double spam_score)
{
	double provider = provider_score(judgement->routing.header);
	double score = provider > spam_score ? provider : spam_score;

	return judgement->sender.len > 0 && score < (double)judge->options.bounce_below &&
	       judge->options.own_domain.len > 0;
}

/* Who gets the message itself, or the report about it. */
static int find_target(const struct judge *judge, struct arena *arena, struct spool_recipient *list, size_t *count,
                       struct err *err)
{
	enum routing_error error = judge->options.error;
	bool is_report = error == ROUTING_ERROR_REPORT_ADMIN || error == ROUTING_ERROR_REPORT_ADDRESS;

	if (error == ROUTING_ERROR_REPORT_ADDRESS || error == ROUTING_ERROR_MESSAGE_ADDRESS)
		judge_add_named(judge, &judge->options.error_targets, arena, list, count);
	return *count > 0 ? 0 : judge_add_account(judge, is_report ? "InvalidRecipient" : NULL, arena, list, count, err);
}

int judge_error(const struct judge *judge, double spam_score, struct arena *arena, struct judgement *judgement,
                struct err *err)
{
	enum routing_error error = judge->options.error;
	struct spool_recipient *list = arena_get(arena, (TARGETS_MAX + 1) * sizeof *list);
	bool bounces = judge->options.bounce || error == ROUTING_ERROR_BOUNCE;
	size_t count = 0;

	judgement->reason = STR("no valid recipient");
	log_info("collector %.*s: no recipient for a message from=<%.*s>, unknown=%zu", STR_ARG(judge->setup.name),
	         STR_ARG(judgement->sender), judgement->routing.unknown);
	if (error != ROUTING_ERROR_BOUNCE && error != ROUTING_ERROR_IGNORE &&
	    find_target(judge, arena, list, &count, err) != 0)
		return -1;
	if (error == ROUTING_ERROR_MESSAGE_ADMIN || error == ROUTING_ERROR_MESSAGE_ADDRESS) {
		judgement->recipients = list;
		judgement->recipient_count = count;
	} else if (count > 0) {
		judge_add_report(judge, arena, judgement, list, count);
	}
	if (bounces && may_bounce(judge, judgement, spam_score))
		add_bounce(judge, arena, judgement);
	return 0;
}

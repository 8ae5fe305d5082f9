/* carrier: the account of answers. It is opened where a message has something to do with autoresponders. */
#include "common/base/log.h"
#include "common/items/responder.h"
#include "deliver/carrier.h"

static int need_account(struct desk *desk, struct err *err)
{
	if (!desk->answered_open && answered_open(&desk->answered, desk->instance, err) != 0)
		return -1;
	desk->answered_open = true;
	return 0;
}

static void read_counts(struct desk *desk, struct order *order, const struct items *rules)
{
	struct order_count *longer = arena_get(&order->arena, (order->count_count + rules->count + 1) * sizeof *longer);

	if (order->count_count > 0)
		memcpy(longer, order->counts, order->count_count * sizeof *longer);
	order->counts = longer;
	for (size_t i = 0; i < rules->count; i++) {
		int64_t rule = rules->list[i].id;

		order->counts[order->count_count++] = (struct order_count){rule, answered_matches(&desk->answered, rule)};
	}
}

void account_begin(struct desk *desk, struct order *order)
{
	struct items rules;
	struct err err;

	for (size_t i = 0; i < order->user_count; i++) {
		if (items_load(&desk->settings.objects, ITEM_RESPONDER_RULE, order->users[i].uid, &order->arena, &rules,
		               &err) != 0 ||
		    rules.count == 0)
			continue;
		if (need_account(desk, &err) == 0)
			read_counts(desk, order, &rules);
		else
			log_warning("id=%.*s the account of answers cannot be read: %s", STR_ARG(order->id), err.text);
	}
	/* the decider must not have it, nor can a connection of SQLite go through a fork */
	if (desk->answered_open)
		db_close(&desk->answered);
	desk->answered_open = false;
}

int account_may_answer(struct desk *desk, const struct order *order, struct made *made, struct err *err)
{
	size_t kept = 0;

	if (need_account(desk, err) != 0)
		return -1;
	for (size_t i = 0; i < made->to_count; i++) {
		int lately = made->hours == 0 ? 0
		                              : answered_lately(&desk->answered, made->responder, made->to[i], made->hours,
		                                                order->id, order->now, err);

		if (lately < 0)
			return -1;
		if (lately == 0)
			made->to[kept++] = made->to[i];
		else
			log_info("id=%.*s to=<%.*s> was answered within the last %lld hours", STR_ARG(order->id),
			         STR_ARG(made->to[i]), (long long)made->hours);
	}
	made->to_count = kept;
	return kept > 0;
}

int account_answered(struct desk *desk, const struct order *order, const struct made *made, struct err *err)
{
	for (size_t i = 0; i < made->to_count; i++)
		if (answered_record(&desk->answered, made->responder, made->to[i], order->id, order->now, err) != 0)
			return -1;
	return 0;
}

void account_matched(struct desk *desk, const struct order *order, int64_t rule)
{
	struct err err;

	if (need_account(desk, &err) != 0 || answered_count(&desk->answered, rule, order->id, &err) != 0)
		log_warning("id=%.*s the match of an autoresponder's rule is not counted: %s", STR_ARG(order->id), err.text);
}

int account_is_duplicate(struct desk *desk, const struct order *order, const struct decision *decision, struct err *err)
{
	int64_t days = settings_number(&desk->settings, SETTING_DUPLICATES_DAYS);
	int seen;

	if (need_account(desk, err) != 0)
		return -1;
	seen = answered_seen(&desk->answered, decision->fingerprint, decision->uid, days, order->id, order->now, err);
	if (seen != 0)
		return seen;
	return answered_see(&desk->answered, decision->fingerprint, decision->uid, days, order->id, order->now, err);
}

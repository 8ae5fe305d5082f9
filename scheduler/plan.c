#include "scheduler/plan.h"

#include "common/base/str.h"

int64_t plan_minute(time_t now, int *weekday, int *minute)
{
	struct tm local;

	if (localtime_r(&now, &local) == NULL)
		local = (struct tm){0};
	*weekday = local.tm_wday;
	*minute = local.tm_hour * 60 + local.tm_min;
	local.tm_sec = 0;
	return timegm(&local) / 60;
}

static bool is_enough(const struct plan *plan, const struct schedule_item *item)
{
	return plan->waiting >= item->waiting;
}

static bool names(const struct schedule_item *item, const struct plan_connection *connection)
{
	if (item->defaults && connection->is_default)
		return true;
	for (struct str rest = item->connections, name; (name = str_cut_item(&rest)).len != 0;)
		if (str_equal_nocase(name, connection->name))
			return true;
	return false;
}

/* "If a connection occurred in the last X minutes": so old or younger. Before a clock was put back is long ago. */
static bool is_recent(const struct plan *plan, const struct plan_connection *connection, int64_t now)
{
	return plan->skip_minutes > 0 && connection->started != PLAN_NEVER && connection->started <= now &&
	       now - connection->started <= plan->skip_minutes;
}

void plan_schedule(struct plan *plan, int64_t before, int64_t now, int weekday, int minute)
{
	bool has_jumped = before != PLAN_NEVER && now != before + 1;

	if (has_jumped && !plan->after_jump)
		return;
	for (size_t i = 0; i < plan->item_count; i++) {
		const struct schedule_item *item = &plan->items[i];

		if (item->denies && item->enabled && schedule_item_is_minute(item, weekday, minute) && is_enough(plan, item))
			return;
	}
	for (size_t i = 0; i < plan->item_count; i++) {
		const struct schedule_item *item = &plan->items[i];

		if (!item->enabled || !schedule_item_is_minute(item, weekday, minute) || !is_enough(plan, item))
			continue;
		for (size_t j = 0; j < plan->connection_count; j++)
			if (names(item, &plan->connections[j]) && !is_recent(plan, &plan->connections[j], now))
				plan->connections[j].is_due = true;
	}
}

/* As soon as enough wait; where they still do after that, when there are more. */
static bool starts_by_number(const struct plan *plan, struct plan_connection *connection)
{
	bool starts = connection->auto_messages > 0 && plan->waiting >= connection->auto_messages &&
	              plan->waiting > connection->auto_count;

	if (starts)
		connection->auto_count = plan->waiting;
	else if (plan->waiting < connection->auto_messages)
		connection->auto_count = 0;
	return starts;
}

static bool starts_by_age(const struct plan *plan, struct plan_connection *connection, int64_t now)
{
	bool is_old =
	    connection->auto_minutes > 0 && plan->waiting > 0 && plan->oldest_seconds >= connection->auto_minutes * 60;

	if (!is_old || (connection->auto_started != PLAN_NEVER && now >= connection->auto_started &&
	                now - connection->auto_started < connection->auto_minutes))
		return false;
	connection->auto_started = now;
	return true;
}

static bool starts_by_urgency(const struct plan *plan, struct plan_connection *connection)
{
	bool starts = connection->auto_urgent && plan->has_urgent && !connection->auto_urgent_known;

	connection->auto_urgent_known = plan->has_urgent;
	return starts;
}

void plan_auto(struct plan *plan, int64_t now)
{
	for (size_t i = 0; i < plan->connection_count; i++) {
		struct plan_connection *connection = &plan->connections[i];
		bool by_number = starts_by_number(plan, connection), by_age = starts_by_age(plan, connection, now);

		if (starts_by_urgency(plan, connection) || by_number || by_age)
			connection->is_due = true;
	}
}

bool plan_needs_queue(const struct plan *plan)
{
	for (size_t i = 0; i < plan->item_count; i++)
		if (plan->items[i].enabled && plan->items[i].waiting > 0)
			return true;
	for (size_t i = 0; i < plan->connection_count; i++)
		if (plan->connections[i].auto_messages > 0 || plan->connections[i].auto_minutes > 0 ||
		    plan->connections[i].auto_urgent)
			return true;
	return false;
}

bool plan_people(int64_t people, int64_t wanted, int64_t within, int64_t now, int64_t *reached)
{
	if (wanted == 0 || people < wanted) {
		*reached = PLAN_NEVER;
		return false;
	}
	if (*reached == PLAN_NEVER || *reached > now)
		*reached = now;
	return now - *reached >= within;
}

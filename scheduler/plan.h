/*
 * plan: which connections are to be started in a minute (specification 04, Connector schedule). Pure functions of what
 * is set, what is known, and the time; nothing is remembered here but in struct plan_connection.
 *
 * Minutes are those of local time, counted from 1970: the day times 1440 and the minute of the day. So a change to
 * summer time is a jump like any other.
 */
#ifndef POSTROOM_SCHEDULER_PLAN_H
#define POSTROOM_SCHEDULER_PLAN_H

#include "common/items/schedule.h"

#include <time.h>

enum { PLAN_NEVER = -1 };

struct plan_connection {
	int64_t id;
	struct str name;
	bool is_default;
	int64_t auto_messages, auto_minutes; /* AutoConnect, 0: off */
	bool auto_urgent;
	/* What is remembered. */
	int64_t started;        /* the minute, PLAN_NEVER */
	int64_t auto_count;     /* how many waited when their number started it last, 0: none did since */
	int64_t auto_started;   /* the minute when their age did, PLAN_NEVER */
	bool auto_urgent_known; /* the urgent message that waits started it */
	/* What comes out. */
	bool is_due;
};

struct plan {
	const struct schedule_item *items;
	size_t item_count;
	struct plan_connection *connections;
	size_t connection_count;
	int64_t skip_minutes;
	bool after_jump; /* a minute that the clock jumped to counts */
	/* What waits in the queue for other servers. */
	int64_t waiting, oldest_seconds;
	bool has_urgent;
};

/* The minute of a time; weekday 0 is Sunday. */
int64_t plan_minute(time_t now, int *weekday_out, int *minute_out);

/*
 * Mark as due what the schedule starts in that minute. before: the minute that was looked at last, PLAN_NEVER: this is
 * the first. A minute that does not follow it was jumped to.
 */
void plan_schedule(struct plan *plan, int64_t before, int64_t now, int weekday, int minute);

/* Mark as due what mail that waits starts by itself (AutoConnect), and remember it. */
void plan_auto(struct plan *plan, int64_t now);

/* Does the schedule, or AutoConnect, depend on what waits? */
bool plan_needs_queue(const struct plan *plan);

/*
 * The default connections where enough people have looked for mail. *reached: the minute when there were enough,
 * PLAN_NEVER; remembered by the caller, as is that people count from the last start on. True: now.
 */
bool plan_people(int64_t people, int64_t wanted, int64_t within, int64_t now, int64_t *reached);

#endif

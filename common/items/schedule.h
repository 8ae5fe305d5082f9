/*
 * schedule: when connections are started (specification 04, Connector schedule): items of the server, in local time.
 *
 * An item runs every so many minutes between two times of the day, or once at a time; on some days; always, or where so
 * many messages wait to be sent. What it starts is the default connections, those that it names, or it denies: then
 * nothing that the schedule has for the same minute is started.
 */
#ifndef POSTROOM_ITEMS_SCHEDULE_H
#define POSTROOM_ITEMS_SCHEDULE_H

#include "common/items/item.h"

enum { SCHEDULE_ITEMS_MAX = 200, SCHEDULE_EVERY = 10, SCHEDULE_DAY = 24 * 60 };

/* What stands among the names of connections, which have no "@". */
#define SCHEDULE_DEFAULT "@default"
#define SCHEDULE_DENY    "@deny"

struct schedule_item {
	int64_t id;
	struct str name;
	bool enabled;
	bool denies;
	bool defaults;          /* starts the default connections */
	struct str connections; /* names of others, separated by commas, "@default" and "@deny" among them */
	int64_t every;          /* minutes; 0: only once, at from */
	int from, to;           /* minutes of the day, both inside */
	int64_t waiting;        /* messages at least; 0: always */
	unsigned weekdays;      /* bit 0 is Sunday; never 0 */
};

/* -1: ERR_SYNTAX, ERR_LIMIT; the sentence begins with the field's name. */
int schedule_item_read(const struct item *item, struct schedule_item *schedule_out, struct err *err);

/* Does it run in that minute of that day (0: Sunday)? Whether it is enabled and what waits is not looked at. */
bool schedule_item_is_minute(const struct schedule_item *item, int weekday, int minute);

#endif

/*
 * window: from when until when something holds: by day, by time of day, or both, in local time.
 *
 * Each end is "YYYYMMDD", "HH:MM", "YYYYMMDD HH:MM", or nothing. Days and times are looked at separately: from
 * "20161013 12:00" to "20161017 15:00" is from 12:00 to 15:00 on each of the five days. Both ends are inside; an end
 * that is not there is open; times whose end lies before their beginning go over midnight.
 */
#ifndef POSTROOM_SETTINGS_WINDOW_H
#define POSTROOM_SETTINGS_WINDOW_H

#include "common/base/err.h"
#include "common/base/str.h"

#include <time.h>

/* One end. */
struct window_end {
	int day;    /* year * 10000 + month * 100 + day; 0: any */
	int minute; /* of the day; -1: any */
};

/* -1: ERR_SYNTAX. */
int window_end_parse(struct str text, struct window_end *end_out, struct err *err);

/* Do both ends hold now? Texts that cannot be read count as nothing. */
bool window_holds(struct str from, struct str to, time_t now);
/* The same where days and times are known: day as above, minute of the day. */
bool window_is_inside(const struct window_end *from, const struct window_end *to, int day, int minute);

#endif

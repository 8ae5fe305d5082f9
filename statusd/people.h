/*
 * people: which users looked for mail lately, by POP3 or IMAP, for the scheduler ("if X people have checked their
 * mail"). A number and a time for each user who did since statusd began; no more than that.
 */
#ifndef POSTROOM_STATUSD_PEOPLE_H
#define POSTROOM_STATUSD_PEOPLE_H

#include <stddef.h>
#include <stdint.h>

enum { PEOPLE_MAX = 100000 }; /* those beyond are not counted */

struct people {
	struct person {
		int64_t uid, seen; /* seconds since 1970 */
	} * list;              /* sorted by uid */
	size_t count, room;
};

void people_note(struct people *people, int64_t uid, int64_t now);
/* How many did at that time or later. */
int64_t people_count(const struct people *people, int64_t since);

#endif

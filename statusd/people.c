#include "statusd/people.h"

#include "common/base/memory.h"

#include <string.h>

/* Where a user stands, or would stand. */
static size_t position_of(const struct people *people, int64_t uid)
{
	size_t low = 0, high = people->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (people->list[middle].uid < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void make_room(struct people *people)
{
	struct person *longer;

	if (people->count < people->room)
		return;
	people->room = people->room != 0 ? 2 * people->room : 16;
	longer = memory_get(people->room * sizeof *longer);
	if (people->count > 0)
		memcpy(longer, people->list, people->count * sizeof *longer);
	memory_free(people->list);
	people->list = longer;
}

void people_note(struct people *people, int64_t uid, int64_t now)
{
	size_t at = position_of(people, uid);

	if (at < people->count && people->list[at].uid == uid) {
		people->list[at].seen = now;
		return;
	}
	if (people->count == PEOPLE_MAX)
		return;
	make_room(people);
	memmove(&people->list[at + 1], &people->list[at], (people->count - at) * sizeof *people->list);
	people->list[at] = (struct person){uid, now};
	people->count++;
}

int64_t people_count(const struct people *people, int64_t since)
{
	int64_t count = 0;

	for (size_t i = 0; i < people->count; i++)
		count += people->list[i].seen >= since;
	return count;
}

#include "minger/mingerd.h"

#include "common/base/str.h"

enum { PLACES = 4096, SECOND_MS = 1000 };

static struct place {
	int64_t since; /* how many answers there were to be had then */
	int64_t left;  /* in thousandths */
} places[PLACES];

static struct place *place_of(struct str key)
{
	uint32_t hash = 2166136261u; /* FNV-1a: who shares a place shares its rate, which is all a stranger gets by that */

	for (size_t i = 0; i < key.len; i++)
		hash = (hash ^ (unsigned char)key.data[i]) * 16777619u;
	return &places[hash % PLACES];
}

bool rate_permits(struct str key, int64_t now)
{
	struct place *place = place_of(key);
	int64_t full = (int64_t)ANSWERS_BURST * SECOND_MS, passed = now - place->since;

	if (place->since == 0 || passed < 0 || passed > full / ANSWERS_PER_S)
		place->left = full;
	else
		place->left = place->left + passed * ANSWERS_PER_S < full ? place->left + passed * ANSWERS_PER_S : full;
	place->since = now;
	if (place->left < SECOND_MS)
		return false;
	place->left -= SECOND_MS;
	return true;
}

#include "webadmin/pace.h"

#include <sys/mman.h>
#include <sys/random.h>

enum { MINUTE_US = 60 * 1000000, TRIES = 8 /* places that a key may have */ };

struct pace {
	uint64_t seed;
	struct place {
		uint64_t key;     /* 0: nobody's */
		int64_t until_us; /* all requests so far would have come by then at an even pace */
	} places[PACE_PLACES];
};

struct pace *pace_new(struct err *err)
{
	struct pace *pace = mmap(NULL, sizeof *pace, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (pace == MAP_FAILED || getrandom(&pace->seed, sizeof pace->seed, 0) != sizeof pace->seed) {
		err_system(err, "cannot make the table of requests");
		return NULL;
	}
	return pace;
}

/* FNV-1a, begun with the seed; never 0. */
static uint64_t hash(uint64_t seed, const char *kind, struct str key)
{
	uint64_t value = 0xcbf29ce484222325U ^ seed;

	for (; *kind != '\0'; kind++)
		value = (value ^ (unsigned char)*kind) * 0x100000001b3U;
	for (size_t i = 0; i < key.len; i++)
		value = (value ^ (unsigned char)key.data[i]) * 0x100000001b3U;
	value ^= value >> 32;
	return value != 0 ? value : 1;
}

/* That of the key; else one that is free, or free soonest. Two processes at once may lose a count: no harm. */
static struct place *find(struct pace *pace, uint64_t key)
{
	struct place *best = NULL;

	for (uint64_t i = 0; i < TRIES; i++) {
		struct place *place = &pace->places[(key + i) % PACE_PLACES];

		if (__atomic_load_n(&place->key, __ATOMIC_RELAXED) == key)
			return place;
		if (best == NULL ||
		    __atomic_load_n(&place->until_us, __ATOMIC_RELAXED) < __atomic_load_n(&best->until_us, __ATOMIC_RELAXED))
			best = place;
	}
	__atomic_store_n(&best->key, key, __ATOMIC_RELAXED);
	__atomic_store_n(&best->until_us, 0, __ATOMIC_RELAXED);
	return best;
}

int pace_take(struct pace *pace, const char *kind, struct str key, int64_t per_minute, int64_t now_us)
{
	struct place *place;
	int64_t until;

	if (per_minute == 0 || key.len == 0)
		return 0;
	place = find(pace, hash(pace->seed, kind, key));
	until = __atomic_load_n(&place->until_us, __ATOMIC_RELAXED);
	if (until < now_us)
		until = now_us;
	/* nobody owes more than a minute and a request, unless the number was changed meanwhile */
	if (until > now_us + 2 * (int64_t)MINUTE_US)
		until = now_us + MINUTE_US;
	until += MINUTE_US / per_minute;
	if (until > now_us + MINUTE_US)
		return (int)((until - now_us - MINUTE_US + 999999) / 1000000);
	__atomic_store_n(&place->until_us, until, __ATOMIC_RELAXED);
	return 0;
}

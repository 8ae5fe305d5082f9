#include "deliver/deliver.h"

#include "common/base/memory.h"

/* An open mailbox, in a row of those with the same hash and in the order of use. */
struct cached {
	struct mailbox *mailbox;
	struct cached *same_hash;
	struct cached *newer, *older;
};

struct cache {
	const struct instance *instance;
	size_t limit, count;
	struct cached *newest, *oldest;
	struct cached *table[256];
};

static struct cached **row_of(struct cache *cache, int64_t uid)
{
	return &cache->table[(uint64_t)uid % (sizeof cache->table / sizeof cache->table[0])];
}

static struct cached *find(struct cache *cache, int64_t uid)
{
	struct cached *entry = *row_of(cache, uid);

	while (entry != NULL && mailbox_uid(entry->mailbox) != uid)
		entry = entry->same_hash;
	return entry;
}

static void take_out_of_order(struct cache *cache, struct cached *entry)
{
	*(entry->newer != NULL ? &entry->newer->older : &cache->newest) = entry->older;
	*(entry->older != NULL ? &entry->older->newer : &cache->oldest) = entry->newer;
}

static void put_first(struct cache *cache, struct cached *entry)
{
	entry->newer = NULL;
	entry->older = cache->newest;
	*(cache->newest != NULL ? &cache->newest->newer : &cache->oldest) = entry;
	cache->newest = entry;
}

static void remove_entry(struct cache *cache, struct cached *entry)
{
	struct cached **at = row_of(cache, mailbox_uid(entry->mailbox));

	while (*at != entry)
		at = &(*at)->same_hash;
	*at = entry->same_hash;
	take_out_of_order(cache, entry);
	mailbox_close(entry->mailbox);
	memory_free(entry);
	cache->count--;
}

struct cache *cache_new(const struct instance *instance, size_t limit)
{
	struct cache *cache = memory_get(sizeof *cache);

	cache->instance = instance;
	cache->limit = limit;
	return cache;
}

void cache_free(struct cache *cache)
{
	while (cache->oldest != NULL)
		remove_entry(cache, cache->oldest);
	memory_free(cache);
}

int cache_get(struct cache *cache, int64_t uid, struct mailbox **mailbox_out, struct err *err)
{
	struct cached *entry = find(cache, uid);
	struct mailbox *mailbox;

	if (entry != NULL) {
		take_out_of_order(cache, entry);
	} else {
		if (mailbox_open(&mailbox, cache->instance, uid, 0, err) != 0)
			return -1;
		if (cache->count == cache->limit)
			remove_entry(cache, cache->oldest);
		entry = memory_get(sizeof *entry);
		entry->mailbox = mailbox;
		entry->same_hash = *row_of(cache, uid);
		*row_of(cache, uid) = entry;
		cache->count++;
	}
	put_first(cache, entry);
	*mailbox_out = entry->mailbox;
	return 0;
}

void cache_drop(struct cache *cache, int64_t uid)
{
	struct cached *entry = find(cache, uid);

	if (entry != NULL)
		remove_entry(cache, entry);
}

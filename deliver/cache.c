#include "deliver/deliver.h"

#include "common/base/memory.h"
#include "common/db/query.h"

/* An open mailbox, in a row of those with the same hash and in the order of use. */
struct cached {
	struct mailbox *mailbox;
	struct cached *same_hash;
	struct cached *newer, *older;
};

struct cache {
	const struct instance *instance;
	struct settings *settings; /* who is a user; NULL: everybody */
	uint64_t looked_at;        /* generation of the settings by which the mailboxes that are open were looked at */
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

struct cache *cache_new(const struct instance *instance, size_t limit, struct settings *settings)
{
	struct cache *cache = memory_get(sizeof *cache);

	cache->instance = instance;
	cache->settings = settings;
	cache->limit = limit;
	return cache;
}

void cache_free(struct cache *cache)
{
	while (cache->oldest != NULL)
		remove_entry(cache, cache->oldest);
	memory_free(cache);
}

int deliver_find_user(struct settings *settings, struct str name, int64_t *uid_out, struct err *err)
{
	int row = db_query_number(&settings->objects, uid_out, err, "SELECT uid FROM user WHERE name = ?", "t", name);

	if (row == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no user %.*s", STR_ARG(name));
	return row == 1 ? 0 : -1;
}

int cache_find_user(struct cache *cache, struct str name, int64_t *uid_out, struct err *err)
{
	if (cache->settings == NULL)
		return err_set(err, ERR_NOT_FOUND, "users have no names here");
	settings_refresh(cache->settings);
	return deliver_find_user(cache->settings, name, uid_out, err);
}

int cache_knows_user(struct cache *cache, int64_t uid, struct err *err)
{
	if (cache->settings == NULL)
		return 1;
	settings_refresh(cache->settings);
	return db_query_number(&cache->settings->objects, NULL, err, "SELECT 1 FROM user WHERE uid = ?", "n", uid);
}

/* The mailboxes of users who were deleted meanwhile are closed. -1: it cannot be told whose those are. */
static int close_those_of_nobody(struct cache *cache, struct err *err)
{
	struct cached *entry, *older;

	if (cache->settings == NULL)
		return 0;
	settings_refresh(cache->settings);
	if (cache->looked_at == cache->settings->generation)
		return 0;
	for (entry = cache->newest; entry != NULL; entry = older) {
		int known = cache_knows_user(cache, mailbox_uid(entry->mailbox), err);

		older = entry->older;
		if (known < 0)
			return -1;
		if (known == 0)
			remove_entry(cache, entry);
	}
	cache->looked_at = cache->settings->generation;
	return 0;
}

/* Who is no user gets no mailbox, lest the folder of one who was deleted be made again. */
static int open_new(struct cache *cache, int64_t uid, struct mailbox **mailbox_out, struct err *err)
{
	int known = cache_knows_user(cache, uid, err);

	if (known == 0)
		return err_set(err, DELIVER_NO_USER, "there is no user uid=%lld", (long long)uid);
	return known < 0 ? -1 : mailbox_open(mailbox_out, cache->instance, uid, 0, err);
}

int cache_get(struct cache *cache, int64_t uid, struct mailbox **mailbox_out, struct err *err)
{
	struct cached *entry;
	struct mailbox *mailbox = NULL;

	if (close_those_of_nobody(cache, err) != 0)
		return -1;
	entry = find(cache, uid);
	if (entry != NULL) {
		take_out_of_order(cache, entry);
	} else {
		if (open_new(cache, uid, &mailbox, err) != 0)
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

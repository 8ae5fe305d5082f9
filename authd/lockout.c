#include "authd/lockout.h"

#include "common/base/memory.h"
#include "common/policy/known.h"

void lockout_init(struct lockout *lockout)
{
	*lockout = (struct lockout){0};
}

static struct lockout_entry **bucket_of(struct lockout *lockout, int64_t uid)
{
	return &lockout->buckets[(uint64_t)uid % LOCKOUT_BUCKETS];
}

/* What stands for a client among the entries. */
static void make_key(const char *client, char key[LOCKOUT_CLIENT_MAX])
{
	struct cidr cidr;
	struct buf text;

	buf_init(&text, LOCKOUT_CLIENT_MAX - 1);
	if (policy_key(str_of(client), &cidr))
		cidr_format(&cidr, &text);
	else
		buf_add_str(&text, str_sub(str_of(client), 0, LOCKOUT_CLIENT_MAX - 1));
	str_copy(buf_str(&text), key, LOCKOUT_CLIENT_MAX);
	buf_free(&text);
}

static struct lockout_entry *find(const struct lockout *lockout, int64_t uid, const char *key)
{
	struct lockout_entry *entry = lockout->buckets[(uint64_t)uid % LOCKOUT_BUCKETS];

	while (entry != NULL && (entry->uid != uid || strcmp(entry->client, key) != 0))
		entry = entry->next;
	return entry;
}

/* Remove from a bucket what is over, and where uid is not negative, all of that account; of key alone, unless NULL. */
static void sweep(struct lockout *lockout, struct lockout_entry **place, int64_t uid, const char *key, int64_t now_ms)
{
	while (*place != NULL) {
		struct lockout_entry *entry = *place;

		if (entry->until_ms > now_ms && (entry->uid != uid || (key != NULL && strcmp(entry->client, key) != 0))) {
			place = &entry->next;
			continue;
		}
		*place = entry->next;
		memory_free(entry);
		lockout->count--;
	}
}

void lockout_free(struct lockout *lockout)
{
	for (size_t i = 0; i < LOCKOUT_BUCKETS; i++)
		sweep(lockout, &lockout->buckets[i], -1, NULL, INT64_MAX);
}

bool lockout_is_locked(const struct lockout *lockout, int64_t uid, const char *client, int64_t now_ms)
{
	char key[LOCKOUT_CLIENT_MAX];
	const struct lockout_entry *entry;

	make_key(client, key);
	entry = find(lockout, uid, key);
	return entry != NULL && entry->locked && entry->until_ms > now_ms;
}

/* NULL: there are too many, and none is over. */
static struct lockout_entry *add(struct lockout *lockout, int64_t uid, const char *key, int64_t now_ms)
{
	struct lockout_entry **bucket = bucket_of(lockout, uid), *entry;

	for (size_t i = 0; lockout->count >= LOCKOUT_ENTRIES_MAX && i < LOCKOUT_BUCKETS; i++)
		sweep(lockout, &lockout->buckets[i], -1, NULL, now_ms);
	if (lockout->count >= LOCKOUT_ENTRIES_MAX)
		return NULL;
	entry = memory_get(sizeof *entry);
	entry->uid = uid;
	str_copy(str_of(key), entry->client, sizeof entry->client);
	entry->next = *bucket;
	*bucket = entry;
	lockout->count++;
	return entry;
}

bool lockout_fail(struct lockout *lockout, int64_t uid, const char *client, int64_t limit, int64_t duration_ms,
                  int64_t now_ms)
{
	char key[LOCKOUT_CLIENT_MAX];
	struct lockout_entry *entry;

	if (limit == 0 || lockout_is_locked(lockout, uid, client, now_ms))
		return false;
	make_key(client, key);
	sweep(lockout, bucket_of(lockout, uid), -1, NULL, now_ms);
	entry = find(lockout, uid, key);
	if (entry == NULL && (entry = add(lockout, uid, key, now_ms)) == NULL)
		return false;
	entry->failures++;
	entry->until_ms = now_ms + duration_ms;
	entry->locked = entry->failures >= limit;
	return entry->locked;
}

void lockout_clear(struct lockout *lockout, int64_t uid, const char *client)
{
	char key[LOCKOUT_CLIENT_MAX];

	make_key(client, key);
	sweep(lockout, bucket_of(lockout, uid), uid, key, 0);
}

static void count_lock(const struct lockout_entry *entry, void *context)
{
	(void)entry;
	++*(size_t *)context;
}

size_t lockout_clear_all(struct lockout *lockout, int64_t uid, int64_t now_ms)
{
	size_t locks = 0;

	lockout_each(lockout, uid, now_ms, count_lock, &locks);
	sweep(lockout, bucket_of(lockout, uid), uid, NULL, 0);
	return locks;
}

void lockout_each(const struct lockout *lockout, int64_t uid, int64_t now_ms,
                  void (*visit)(const struct lockout_entry *entry, void *context), void *context)
{
	const struct lockout_entry *entry = lockout->buckets[(uint64_t)uid % LOCKOUT_BUCKETS];

	for (; entry != NULL; entry = entry->next)
		if (entry->uid == uid && entry->locked && entry->until_ms > now_ms)
			visit(entry, context);
}

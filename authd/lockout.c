#include "authd/lockout.h"

#include "common/base/memory.h"

void lockout_init(struct lockout *lockout)
{
	*lockout = (struct lockout){0};
}

static struct lockout_entry **place_of(struct lockout *lockout, int64_t uid)
{
	struct lockout_entry **place = &lockout->buckets[(uint64_t)uid % LOCKOUT_BUCKETS];

	while (*place != NULL && (*place)->uid != uid)
		place = &(*place)->next;
	return place;
}

void lockout_clear(struct lockout *lockout, int64_t uid)
{
	struct lockout_entry **place = place_of(lockout, uid);
	struct lockout_entry *entry = *place;

	if (entry == NULL)
		return;
	*place = entry->next;
	memory_free(entry);
}

void lockout_free(struct lockout *lockout)
{
	for (size_t i = 0; i < LOCKOUT_BUCKETS; i++)
		while (lockout->buckets[i] != NULL)
			lockout_clear(lockout, lockout->buckets[i]->uid);
}

bool lockout_is_locked(struct lockout *lockout, int64_t uid, int64_t now_ms)
{
	struct lockout_entry *entry = *place_of(lockout, uid);

	if (entry == NULL || entry->until_ms == 0)
		return false;
	if (entry->until_ms > now_ms)
		return true;
	lockout_clear(lockout, uid);
	return false;
}

static struct lockout_entry *entry_of(struct lockout *lockout, int64_t uid)
{
	struct lockout_entry **place = place_of(lockout, uid);

	if (*place == NULL) {
		*place = memory_get(sizeof **place);
		(*place)->uid = uid;
	}
	return *place;
}

bool lockout_fail(struct lockout *lockout, int64_t uid, int64_t limit, int64_t duration_ms, int64_t now_ms)
{
	struct lockout_entry *entry;

	if (lockout_is_locked(lockout, uid, now_ms))
		return false;
	entry = entry_of(lockout, uid);
	entry->failures++;
	if (limit == 0 || entry->failures < limit)
		return false;
	entry->until_ms = now_ms + duration_ms;
	return true;
}

void lockout_set(struct lockout *lockout, int64_t uid, int64_t until_ms)
{
	entry_of(lockout, uid)->until_ms = until_ms;
}

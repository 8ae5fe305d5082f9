#include "resolver/targets.h"

#include <ctype.h>

enum { FIRST_CAPACITY = 16 };

const char *resolve_kind_word(enum resolve_kind kind)
{
	static const char *const words[] = {[RESOLVE_LOCAL] = "local",
	                                    [RESOLVE_REMOTE] = "remote",
	                                    [RESOLVE_UNKNOWN] = "unknown",
	                                    [RESOLVE_FAILED] = "failed"};

	return words[kind];
}

const char *target_kind_word(enum target_kind kind)
{
	static const char *const words[] = {
	    [TARGET_USER] = "user",   [TARGET_REMOTE] = "remote", [TARGET_LIST] = "list",
	    [TARGET_GROUP] = "group", [TARGET_LAN] = "lan",       [TARGET_DISCARD] = "discard"};

	return words[kind];
}

void resolution_begin(struct resolution *resolution, struct arena *arena, bool explain)
{
	resolution->arena = arena;
	resolution->kind = RESOLVE_UNKNOWN;
	resolution->words = STR("");
	resolution->targets = NULL;
	resolution->slots = NULL;
	resolution->target_count = resolution->target_capacity = resolution->slot_count = resolution->step_count = 0;
	resolution->is_own = false;
	resolution->explain = explain;
}

/* What has a number is known by it: names are only what they are called. */
static bool same(const struct resolve_target *a, const struct resolve_target *b)
{
	if (a->kind != b->kind || a->id != b->id)
		return false;
	return a->id != 0 || str_equal_nocase(a->text, b->text);
}

/* FNV-1a */
static uint32_t hash(const struct resolve_target *target)
{
	uint32_t value = 2166136261U ^ (uint32_t)target->kind;

	if (target->id != 0)
		return (value ^ (uint32_t)target->id) * 16777619U;
	for (size_t i = 0; i < target->text.len; i++)
		value = (value ^ (uint32_t)tolower((unsigned char)target->text.data[i])) * 16777619U;
	return value;
}

/* The slot of a target, or the free one where it belongs. The table is never full. */
static uint32_t *find_slot(const struct resolution *resolution, const struct resolve_target *target)
{
	size_t slot = hash(target) & (resolution->slot_count - 1);

	while (resolution->slots[slot] != 0 && !same(&resolution->targets[resolution->slots[slot] - 1], target))
		slot = (slot + 1) & (resolution->slot_count - 1);
	return &resolution->slots[slot];
}

/* Room for one more, and twice as many slots. */
static void grow(struct resolution *resolution)
{
	struct resolve_target *old = resolution->targets;

	resolution->target_capacity = old != NULL ? 2 * resolution->target_capacity : FIRST_CAPACITY;
	resolution->targets = arena_get(resolution->arena, resolution->target_capacity * sizeof *old);
	if (old != NULL)
		memcpy(resolution->targets, old, resolution->target_count * sizeof *old);
	resolution->slot_count = 2 * resolution->target_capacity;
	resolution->slots = arena_get(resolution->arena, resolution->slot_count * sizeof *resolution->slots);
	for (size_t i = 0; i < resolution->target_count; i++)
		*find_slot(resolution, &resolution->targets[i]) = (uint32_t)i + 1;
}

int resolution_add(struct resolution *resolution, enum target_kind kind, int64_t id, struct str text, struct str cause,
                   struct err *err)
{
	const struct resolve_target target = {.kind = kind, .id = id, .text = text, .cause = cause};
	uint32_t *slot;

	if (resolution->target_count == resolution->target_capacity)
		grow(resolution);
	slot = find_slot(resolution, &target);
	if (*slot != 0)
		return 0;
	if (resolution->target_count == RESOLVE_TARGETS_MAX)
		return err_set(err, ERR_LIMIT, "an address has more than %d targets", RESOLVE_TARGETS_MAX);
	resolution->targets[resolution->target_count++] = target;
	*slot = (uint32_t)resolution->target_count;
	return 0;
}

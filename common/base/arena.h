/*
 * arena: memory that is given back all at once.
 *
 * One for each command and one for each session: allocate freely, reset at the end, no ladders of free. What was
 * allocated dies at arena_reset or arena_free.
 */
#ifndef POSTROOM_BASE_ARENA_H
#define POSTROOM_BASE_ARENA_H

#include "common/base/str.h"

struct arena_block;

struct arena {
	struct arena_block *blocks; /* newest first */
};

void arena_init(struct arena *arena);
void arena_reset(struct arena *arena); /* keeps one block for the next round */
void arena_free(struct arena *arena);
void arena_wipe(struct arena *arena); /* arena_reset, after zeroing all that was in it: it held secrets */

void *arena_get(struct arena *arena, size_t size);        /* zeroed, aligned for any type */
struct str arena_copy(struct arena *arena, struct str s); /* followed by a NUL that is not counted */
char *arena_text(struct arena *arena, struct str s);      /* a terminated copy */
/* Several texts one behind the other, as one; they may hold NUL. */
struct str arena_join(struct arena *arena, const struct str *parts, size_t count);
struct str arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif

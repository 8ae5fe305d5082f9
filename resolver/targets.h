/*
 * targets: the set of targets that a resolution collects, and the sentences that explain it.
 *
 * Each target is there once, with the cause that came first. Adding one costs the same however many there are.
 */
#ifndef POSTROOM_RESOLVER_TARGETS_H
#define POSTROOM_RESOLVER_TARGETS_H

#include "resolver/resolve.h"

/* Begin anew in arena. */
void resolution_begin(struct resolution *resolution, struct arena *arena, bool explain);

/* Add a target unless it is there. Texts must live in the arena or longer. -1: ERR_LIMIT. */
int resolution_add(struct resolution *resolution, enum target_kind kind, int64_t id, struct str text, struct str cause,
                   struct err *err);

/* Add a sentence; nothing is formatted for who did not ask for an explanation. */
#define EXPLAIN(resolution, ...)                                                                              \
	do {                                                                                                      \
		if ((resolution)->explain && (resolution)->step_count < RESOLVE_STEPS_MAX)                            \
			(resolution)->steps[(resolution)->step_count++] = arena_printf((resolution)->arena, __VA_ARGS__); \
	} while (false)

#endif

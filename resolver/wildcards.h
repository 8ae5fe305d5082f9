/*
 * wildcards: which of many patterns with '*' and '?' match an address, without trying each of them.
 *
 * A pattern whose domain has no wildcard is only tried for addresses of that domain, which a binary search finds; what
 * is left are patterns with a wildcard in the domain, and those without a domain, which are tried one by one. Patterns
 * compare as common/base/wildcard.h does.
 */
#ifndef POSTROOM_RESOLVER_WILDCARDS_H
#define POSTROOM_RESOLVER_WILDCARDS_H

#include "common/base/arena.h"

struct wildcard {
	struct str pattern; /* all of it */
	struct str local;   /* what stands before the last '@', or all of it */
	struct str domain;  /* where it has no wildcard; empty: it has one, or the pattern has no domain */
	bool has_domain;
	const void *value; /* the caller's */
};

struct wildcards {
	struct wildcard *items; /* sorted by domain once wildcards_sort was called */
	size_t count, capacity;
	size_t free_count; /* items without a fixed domain: they come first */
};

/* Add one; pattern and value stay the caller's. The array grows in arena. */
void wildcards_add(struct wildcards *wildcards, struct arena *arena, struct str pattern, const void *value);
/* After the last one, before the first search. */
void wildcards_sort(struct wildcards *wildcards);

/*
 * The next pattern that matches, or NULL: begin with *position 0. Patterns without a domain match where the address is
 * local. local_part is unquoted; domain normalised, empty for a name alone.
 */
const struct wildcard *wildcards_next(const struct wildcards *wildcards, struct str local_part, struct str domain,
                                      bool is_local, size_t *position);

#endif

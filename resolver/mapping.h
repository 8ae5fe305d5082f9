/*
 * mapping: which mappings an address, or a sender, has (specification 03, Mappings).
 *
 * All that match apply, in whatever order they were made: exact ones are found by the database's index, those with
 * wildcards by resolver/wildcards.h. "~@domain" is asked for on its own, when nothing else had the address.
 */
#ifndef POSTROOM_RESOLVER_MAPPING_H
#define POSTROOM_RESOLVER_MAPPING_H

#include "resolver/resolve.h"

enum mapping_type { MAPPING_ALWAYS, MAPPING_POP3, MAPPING_SMTP, MAPPING_FROM };

struct mapping {
	struct str pattern, target;
	enum mapping_type type;
	int64_t collector; /* 0: any */
};

/* Where a search stands. */
struct mapping_search {
	const struct resolve_question *question;
	bool of_sender; /* FROM mappings, and no others */
	struct mapping *found;
	size_t count, capacity;
};

/* A row of "pattern, target, type, collector"; texts are copied into arena. */
void mapping_read(const struct db_statement *row, struct arena *arena, struct mapping *mapping_out);

/*
 * Find all for an address: local_part is unquoted, domain normalised, or empty for a name alone. is_local: mappings of
 * a bare name count. Found ones stand sorted in search->found, in arena. -1: the snapshot cannot be read.
 */
int mapping_find(struct resolver *resolver, struct mapping_search *search, struct str local_part, struct str domain,
                 bool is_local, struct arena *arena, struct err *err);
/* The same for "~@domain" alone. */
int mapping_find_rest(struct resolver *resolver, struct mapping_search *search, struct str domain, struct arena *arena,
                      struct err *err);

#endif

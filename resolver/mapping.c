#include "resolver/mapping.h"

#include "common/addr/addr.h"

#include <stdlib.h>

static enum mapping_type read_type(struct str word)
{
	static const char *const words[] = {"always", "pop3", "smtp", "from"};

	for (int type = MAPPING_POP3; type <= MAPPING_FROM; type++)
		if (str_equal(word, str_of(words[type])))
			return (enum mapping_type)type;
	return MAPPING_ALWAYS;
}

void mapping_read(const struct db_statement *row, struct arena *arena, struct mapping *mapping_out)
{
	*mapping_out = (struct mapping){
	    .pattern = arena_copy(arena, db_text(row, 0)),
	    .target = arena_copy(arena, db_text(row, 1)),
	    .type = read_type(db_text(row, 2)),
	    .collector = db_number(row, 3),
	};
}

/* Does it count for mail that came this way? */
static bool applies(const struct mapping_search *search, const struct mapping *mapping)
{
	const struct resolve_question *question = search->question;
	bool is_collected = question->via == RESOLVE_POP3;

	if (search->of_sender != (mapping->type == MAPPING_FROM))
		return false;
	if (mapping->type == MAPPING_SMTP)
		return !is_collected;
	if (mapping->type != MAPPING_ALWAYS && !is_collected)
		return false;
	return mapping->collector == 0 || (is_collected && mapping->collector == question->collector);
}

static void keep(struct mapping_search *search, const struct mapping *mapping, struct arena *arena)
{
	if (search->count == search->capacity) {
		struct mapping *old = search->found;

		search->capacity = search->capacity != 0 ? 2 * search->capacity : 8;
		search->found = arena_get(arena, search->capacity * sizeof *old);
		if (search->count != 0)
			memcpy(search->found, old, search->count * sizeof *old);
	}
	search->found[search->count++] = *mapping;
}

static int find_exact(struct resolver *resolver, struct mapping_search *search, struct str pattern, struct arena *arena,
                      struct err *err)
{
	struct db_statement *statement = snapshot_ask_text(&resolver->snapshot, ASK_MAPPING, pattern);
	int row;

	while ((row = db_step(statement, err)) == 1) {
		struct mapping mapping;

		mapping_read(statement, arena, &mapping);
		if (applies(search, &mapping))
			keep(search, &mapping, arena);
	}
	db_reset(statement);
	return row;
}

static int compare_text(struct str a, struct str b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int result = strncasecmp(a.data, b.data, len);

	return result != 0 ? result : (a.len > b.len) - (a.len < b.len);
}

/* The order in which they were made must not show. */
static int compare(const void *a, const void *b)
{
	const struct mapping *left = a, *right = b;
	int result = compare_text(left->target, right->target);

	return result != 0 ? result : compare_text(left->pattern, right->pattern);
}

int mapping_find(struct resolver *resolver, struct mapping_search *search, struct str local_part, struct str domain,
                 bool is_local, struct arena *arena, struct err *err)
{
	const struct wildcard *wildcard;
	size_t position = 0;

	/* A mapping of "~" means what others leave over, not an address of that name. */
	if (!str_equal(local_part, STR("~"))) {
		if (domain.len != 0 && find_exact(resolver, search, addr_format(local_part, domain, arena), arena, err) != 0)
			return -1;
		if (is_local && find_exact(resolver, search, addr_format(local_part, STR(""), arena), arena, err) != 0)
			return -1;
	}
	while ((wildcard = wildcards_next(&resolver->snapshot.mappings, local_part, domain, is_local, &position)) != NULL)
		if (applies(search, wildcard->value))
			keep(search, wildcard->value, arena);
	if (search->count > 1)
		qsort(search->found, search->count, sizeof *search->found, compare);
	return 0;
}

int mapping_find_rest(struct resolver *resolver, struct mapping_search *search, struct str domain, struct arena *arena,
                      struct err *err)
{
	return domain.len == 0 ? 0 : find_exact(resolver, search, addr_format(STR("~"), domain, arena), arena, err);
}

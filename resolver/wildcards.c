#include "resolver/wildcards.h"

#include <stdlib.h>

static bool has_wildcard(struct str text)
{
	return str_find_char(text, '*') >= 0 || str_find_char(text, '?') >= 0;
}

void wildcards_add(struct wildcards *wildcards, struct arena *arena, struct str pattern, const void *value)
{
	ptrdiff_t at = str_find_last_char(pattern, '@');
	struct wildcard item = {.pattern = pattern, .local = pattern, .has_domain = at >= 0, .value = value};

	if (at >= 0) {
		struct str domain = str_skip(pattern, (size_t)at + 1);

		item.local = str_sub(pattern, 0, (size_t)at);
		if (!has_wildcard(domain))
			item.domain = domain;
	}
	if (wildcards->count == wildcards->capacity) {
		struct wildcard *old = wildcards->items;

		wildcards->capacity = wildcards->capacity != 0 ? 2 * wildcards->capacity : 64;
		wildcards->items = arena_get(arena, wildcards->capacity * sizeof *old);
		if (wildcards->count != 0)
			memcpy(wildcards->items, old, wildcards->count * sizeof *old);
	}
	wildcards->items[wildcards->count++] = item;
}

static int compare(const void *a, const void *b)
{
	const struct wildcard *left = a, *right = b;
	int result = str_compare(left->domain, right->domain);

	return result != 0 ? result : str_compare(left->pattern, right->pattern);
}

void wildcards_sort(struct wildcards *wildcards)
{
	if (wildcards->count != 0)
		qsort(wildcards->items, wildcards->count, sizeof *wildcards->items, compare);
	wildcards->free_count = 0;
	while (wildcards->free_count < wildcards->count && wildcards->items[wildcards->free_count].domain.len == 0)
		wildcards->free_count++;
}

/* The first item whose domain is not before this one. */
static size_t find_domain(const struct wildcards *wildcards, struct str domain)
{
	size_t low = wildcards->free_count, high = wildcards->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (str_compare(wildcards->items[middle].domain, domain) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool matches(const struct wildcard *item, struct str local_part, struct str domain, bool is_local)
{
	char address[64 + 1 + 255];

	if (!item->has_domain)
		return is_local && str_matches_wildcard(local_part, item->pattern);
	if (item->domain.len != 0)
		return str_matches_wildcard(local_part, item->local);
	if (domain.len == 0 || local_part.len + 1 + domain.len > sizeof address)
		return false;
	/* A '*' of the local part may reach over the '@': the whole address is what is compared. */
	memcpy(address, local_part.data, local_part.len);
	address[local_part.len] = '@';
	memcpy(address + local_part.len + 1, domain.data, domain.len);
	return str_matches_wildcard(str_from(address, local_part.len + 1 + domain.len), item->pattern);
}

const struct wildcard *wildcards_next(const struct wildcards *wildcards, struct str local_part, struct str domain,
                                      bool is_local, size_t *position)
{
	while (*position < wildcards->count) {
		const struct wildcard *item;

		if (*position == wildcards->free_count && domain.len != 0)
			*position = find_domain(wildcards, domain);
		if (*position >= wildcards->count)
			break;
		item = &wildcards->items[*position];
		if (*position >= wildcards->free_count && !str_equal(item->domain, domain))
			break;
		(*position)++;
		if (matches(item, local_part, domain, is_local))
			return item;
	}
	*position = wildcards->count;
	return NULL;
}

#include "common/imap/sequence.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	TEXT_MAX = 64 * 1024,
	BUILD_MAX = 64 * 1024 * 1024,
};

static bool take_number(struct str text, uint32_t largest, uint32_t *number)
{
	uint64_t value;

	if (str_equal(text, STR("*"))) {
		*number = largest;
		return true;
	}
	if (!str_to_u64(text, UINT32_MAX, &value) || value == 0)
		return false;
	*number = (uint32_t)value;
	return true;
}

static bool take_range(struct str part, uint32_t largest, struct sequence_range *range)
{
	struct str first = str_cut(&part, ':');

	if (!take_number(first, largest, &range->first))
		return false;
	range->last = range->first;
	if (part.data != NULL && !take_number(part, largest, &range->last))
		return false;
	if (range->first > range->last) { /* RFC 9051 "seq-range": 4:2 is 2:4, and "*" may be the smaller one */
		uint32_t first_number = range->last;

		range->last = range->first;
		range->first = first_number;
	}
	return true;
}

static int compare(const void *a, const void *b)
{
	const struct sequence_range *left = a, *right = b;

	return left->first < right->first ? -1 : left->first > right->first;
}

/* Sort, and join what overlaps or touches. */
static void normalise(struct sequence *set)
{
	size_t kept = 0;

	if (set->count == 0)
		return;
	for (size_t i = 1; i < set->count; i++)
		if (set->ranges[i].first < set->ranges[i - 1].first) {
			qsort(set->ranges, set->count, sizeof *set->ranges, compare);
			break;
		}
	for (size_t i = 1; i < set->count; i++) {
		struct sequence_range *last = &set->ranges[kept], *next = &set->ranges[i];

		if (last->last == UINT32_MAX || next->first <= last->last + 1) {
			if (next->last > last->last)
				last->last = next->last;
		} else {
			set->ranges[++kept] = *next;
		}
	}
	set->count = kept + 1;
}

bool sequence_parse(struct arena *arena, struct str text, uint32_t largest, struct sequence *set)
{
	size_t parts = 1;

	*set = (struct sequence){NULL, 0};
	if (text.len == 0 || text.len > TEXT_MAX)
		return false;
	for (size_t i = 0; i < text.len; i++)
		parts += text.data[i] == ',';
	set->ranges = arena_get(arena, parts * sizeof *set->ranges);
	while (text.data != NULL) {
		struct sequence_range *range = &set->ranges[set->count];

		if (!take_range(str_cut(&text, ','), largest, range))
			return false;
		if (range->first == 0) /* "*" of a folder without messages */
			range->first = range->last;
		set->count += range->last != 0;
	}
	normalise(set);
	return true;
}

bool sequence_holds(const struct sequence *set, uint32_t number)
{
	size_t low = 0, high = set->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (set->ranges[middle].last < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low < set->count && set->ranges[low].first <= number;
}

uint64_t sequence_size(const struct sequence *set)
{
	uint64_t size = 0;

	for (size_t i = 0; i < set->count; i++)
		size += (uint64_t)set->ranges[i].last - set->ranges[i].first + 1;
	return size;
}

void sequence_builder_init(struct sequence_builder *builder)
{
	buf_init(&builder->text, BUILD_MAX);
	builder->first = builder->last = 0;
}

static void write_range(struct sequence_builder *builder)
{
	const char *comma = builder->text.len > 0 ? "," : "";

	if (builder->first == 0)
		return;
	if (builder->first == builder->last)
		buf_printf(&builder->text, "%s%u", comma, builder->first);
	else
		buf_printf(&builder->text, "%s%u:%u", comma, builder->first, builder->last);
	builder->first = 0;
}

void sequence_builder_add_range(struct sequence_builder *builder, uint32_t first, uint32_t last)
{
	if (builder->first != 0 && first == builder->last + 1) {
		builder->last = last;
		return;
	}
	write_range(builder);
	builder->first = first;
	builder->last = last;
}

void sequence_builder_add(struct sequence_builder *builder, uint32_t number)
{
	sequence_builder_add_range(builder, number, number);
}

struct str sequence_builder_text(struct sequence_builder *builder)
{
	write_range(builder);
	return builder->text.len > 0 ? buf_str(&builder->text) : STR("");
}

void sequence_builder_free(struct sequence_builder *builder)
{
	buf_free(&builder->text);
}

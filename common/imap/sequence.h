/*
 * imap/sequence: sets of numbers, as clients send them and as they are told (RFC 9051 "sequence-set").
 */
#ifndef POSTROOM_IMAP_SEQUENCE_H
#define POSTROOM_IMAP_SEQUENCE_H

#include "common/base/arena.h"
#include "common/base/buf.h"

struct sequence_range {
	uint32_t first, last; /* first <= last */
};

/* Sorted, not overlapping, not touching. */
struct sequence {
	struct sequence_range *ranges;
	size_t count;
};

/*
 * Parse the text of a set; "*" is largest (0: there is none; then "*" gives nothing, but "*" alone and "n:*" are still
 * right). At most 64 kB of text. false: not a set, or a zero in it.
 */
bool sequence_parse(struct arena *arena, struct str text, uint32_t largest, struct sequence *set);
bool sequence_holds(const struct sequence *set, uint32_t number);
uint64_t sequence_size(const struct sequence *set); /* how many numbers */

/* Collect numbers in rising order, and write them in the shortest form ("1:3,7"). */
struct sequence_builder {
	struct buf text;
	uint32_t first, last; /* the range in the making; first 0: none */
};
void sequence_builder_init(struct sequence_builder *builder);
void sequence_builder_add(struct sequence_builder *builder, uint32_t number);
void sequence_builder_add_range(struct sequence_builder *builder, uint32_t first, uint32_t last);
/* The text, "" where nothing was added; valid until free. */
struct str sequence_builder_text(struct sequence_builder *builder);
void sequence_builder_free(struct sequence_builder *builder);

#endif

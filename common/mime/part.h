/*
 * part: the header of a part, line by line, into what the tree keeps of it; for this folder alone.
 */
#ifndef POSTROOM_MIME_PART_H
#define POSTROOM_MIME_PART_H

#include "common/mime/mime.h"

struct part_header {
	struct arena *arena;
	struct mime_part *part;
	struct str media;   /* Content-Type's value, "" while none was seen */
	bool has_media;     /* there was a Content-Type */
	struct buf field;   /* the value of the field being read, unfolded */
	const void *wanted; /* entry of part.c's table for it, NULL: a field that is not kept */
	size_t seen;        /* bytes of this header */
	size_t kept;        /* bytes of values in the whole tree */
};

void part_header_open(struct part_header *header, struct arena *arena);
void part_header_close(struct part_header *header);

/* part: its parent and depth are known. */
void part_header_begin(struct part_header *header, struct mime_part *part);
/* A line without its end; is_rest: it goes on with the line before. */
void part_header_line(struct part_header *header, struct str line, bool is_rest);
/* Decide what the part is. may_nest: limits allow parts in it. boundary_out: of a multipart, else "". */
void part_header_end(struct part_header *header, bool may_nest, struct str *boundary_out);

/* RFC 2045 5.2: what cannot be taken for what it says is text/plain; charset=us-ascii. */
void part_make_plain(struct mime_part *part);

#endif

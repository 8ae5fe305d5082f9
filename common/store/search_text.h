/*
 * store/search_text: the text of a message that a search looks into, and looking into it.
 *
 * What counts as text, for the search through messages and for the index alike, so that both find the same:
 *   fields    the values of header fields with that name, unfolded, encoded words decoded (RFC 2047)
 *   header    "Name: value" of each field of the message and of its MIME parts
 *   body      the text parts, their transfer encoding undone, in UTF-8; HTML once as it is and once as plain text; and
 *             the header fields of messages inside the message
 * A match is a substring of one field or one part, case folded (common/base/fold.h); nothing is matched across two.
 *
 * Promises: bounded memory for a message of any size; a broken message is searched as far as it can be read.
 */
#ifndef POSTROOM_STORE_SEARCH_TEXT_H
#define POSTROOM_STORE_SEARCH_TEXT_H

#include "common/mime/text.h"

enum search_field {
	SEARCH_FROM,
	SEARCH_TO,
	SEARCH_CC,
	SEARCH_BCC,
	SEARCH_SUBJECT,
	SEARCH_HEADER,
	SEARCH_BODY,
	SEARCH_FIELD_COUNT,
};

/* The field with this name, case ignored; SEARCH_HEADER for all others. */
enum search_field search_field_of(struct str name);

/* A message that is looked into. */
struct search_text {
	struct mime_source source;
	struct arena *arena;    /* the caller's: holds what was parsed, and texts while they are decoded */
	struct str header;      /* as it stands */
	struct mime_part *root; /* NULL until it is needed */
};

/* Read the header. -1: as mime_parse. */
int search_text_open(struct search_text *text, struct mime_source source, struct arena *arena, struct err *err);
/* Does a field of that name hold needle (folded)? An empty needle: is there such a field? */
bool search_text_field(struct search_text *text, struct str name, struct str needle);
/* Does the body hold needle (folded), or, with_header, the header? 1, 0; -1: as mime_parse. */
int search_text_find(struct search_text *text, struct str needle, bool with_header, struct err *err);

/* All the text, folded. take gets a unit (a field, a part) in pieces, is_first with the first one; what it returns is
 * as for a struct mime_sink. */
struct search_taker {
	int (*take)(struct search_taker *taker, enum search_field field, struct str folded, bool is_first, struct err *err);
};
/* Returns MIME_MORE, MIME_ENOUGH, -1. */
int search_text_all(struct search_text *text, struct search_taker *taker, struct err *err);

#endif

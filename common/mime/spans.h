/*
 * mime/spans: where addresses stand in the value of a header field, so that they can be changed without anything else
 * (display names, comments, folding, encoded words) being touched.
 *
 * Tolerant like mime_parse_addresses: what cannot be read has no span. Where a mailbox has an address in angle brackets
 * (RFC 5322 3.4) that one counts, and what looks like an address in its display name does not.
 */
#ifndef POSTROOM_MIME_SPANS_H
#define POSTROOM_MIME_SPANS_H

#include "common/mime/mime.h"

enum { MIME_SPANS_MAX = 20000 }; /* in one field; the rest is left out */

/* Views into the value. */
struct mime_span {
	struct str whole;  /* local part to domain, comments and blanks between them included */
	struct str local;  /* as written, with its quotes */
	struct str domain; /* as written: a name or a literal in brackets; "" where there is none */
};

struct mime_spans {
	struct mime_span *list;
	size_t count;
};

void mime_find_spans(struct str value, struct arena *arena, struct mime_spans *spans_out);

#endif

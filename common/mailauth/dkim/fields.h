/*
 * mailauth/dkim/fields: the header of a message as a table, found in one pass; for common/mailauth.
 *
 * Signatures name fields, and a name that comes again means the next one further up (RFC 6376 5.4.2). The table answers
 * that without looking at the header's bytes again. A header with more fields than the limit is refused as a whole:
 * what was left out could be what a signature covers, or what it should have.
 */
#ifndef POSTROOM_MAILAUTH_DKIM_FIELDS_H
#define POSTROOM_MAILAUTH_DKIM_FIELDS_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"

enum {
	DKIM_FIELDS_MAX = 2000,
	DKIM_HEADER_MAX = 1 << 20, /* octets */
};

struct dkim_field {
	struct str name;  /* "" where the line is no field */
	struct str whole; /* with its line ends */
	uint32_t hash;    /* of the name, whatever its case */
};

struct dkim_fields {
	struct dkim_field *list; /* from the top down */
	size_t count;
};

/* Read a header, with or without the empty line that ends it. Views into it. -1: ERR_LIMIT. */
int dkim_fields_read(struct str header, struct arena *arena, struct dkim_fields *fields_out, struct err *err);

/* What stands behind the colon, with the line end. */
struct str dkim_field_value(const struct dkim_field *field);

bool dkim_field_is(const struct dkim_field *field, struct str name);

/* How many fields have this name. */
size_t dkim_fields_count(const struct dkim_fields *fields, struct str name);

/* Which fields one signature took already, by their place in the table. */
struct dkim_choice {
	const struct dkim_fields *fields;
	bool *taken;
};

/* own: the signature's field, which it never covers as one of those that it names. */
struct dkim_choice dkim_choice_begin(const struct dkim_fields *fields, const struct dkim_field *own,
                                     struct arena *arena);

/* The lowest field of that name that was not taken yet; it is taken now. NULL: none is left. */
const struct dkim_field *dkim_choice_take(struct dkim_choice *choice, struct str name);

enum dkim_canon { DKIM_SIMPLE, DKIM_RELAXED };

/*
 * Add a field that has a name in its canonical form (RFC 6376 3.4.1, 3.4.2) to out, up to its limit. It ends with CRLF,
 * also where the field does not.
 */
void dkim_field_canon(struct str whole, enum dkim_canon canon, struct buf *out);

#endif

/*
 * mime/fields: a header that is changed field by field; what is not changed keeps its bytes, folding and place.
 *
 * Security stance: values that are set are one line each (line ends become blanks) and are folded and encoded here, so
 * that no text of anybody adds a field by way of another.
 */
#ifndef POSTROOM_MIME_FIELDS_H
#define POSTROOM_MIME_FIELDS_H

#include "common/mime/mime.h"

struct mime_fields {
	struct arena *arena;     /* for what is changed */
	struct mime_field *list; /* in their order; whole is empty where one was removed */
	size_t count, room;
	bool changed;
};

/* Take a header apart. Views into it, which must stay. */
void mime_fields_read(struct mime_fields *fields, struct str header, struct arena *arena);

/* The first field of that name from index `from` on, case ignored: its index, or -1. */
ptrdiff_t mime_fields_find(const struct mime_fields *fields, struct str name, size_t from);
/* Its value on one line; "" where there is none. */
struct str mime_fields_value(const struct mime_fields *fields, struct str name);

/* Take away all fields of that name; returns how many. */
size_t mime_fields_remove(struct mime_fields *fields, struct str name);
/*
 * Give a field this value (UTF-8), in the place of the first of that name, of which only one is left then; or at the
 * end of the header where there is none. Encoded and folded as an unstructured field, with display names that stand
 * before an address in angle brackets as these need it.
 */
void mime_fields_set(struct mime_fields *fields, struct str name, struct str value);
/* Another field at the end, also where there is one of that name. */
void mime_fields_add(struct mime_fields *fields, struct str name, struct str value);
/* Another field at the top, where trace fields stand. */
void mime_fields_add_top(struct mime_fields *fields, struct str name, struct str value);
/* Put other bytes in the place of a field's value, as they are: they are of the value that stood there. */
void mime_fields_replace(struct mime_fields *fields, size_t index, struct str raw_value);

/* Add all of it to out, with the empty line. -1: it does not fit. */
int mime_fields_write(const struct mime_fields *fields, struct buf *out);

/* Is it the name of a field: printable ASCII without a colon (RFC 5322 3.6.8), of 76 octets at most? */
bool mime_is_field_name(struct str name);

#endif

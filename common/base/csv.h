/*
 * csv: tables as text, for imports and exports (RFC 4180).
 *
 * Fields are separated by commas; one that holds a comma, a quote or a line end stands in quotes, with each quote of
 * its own doubled. Read are lines that end in CRLF or LF, with or without a byte order mark; empty ones are passed
 * over. A row that breaks the rules is reported and reading goes on with the next line, so one bad row costs no other.
 */
#ifndef POSTROOM_BASE_CSV_H
#define POSTROOM_BASE_CSV_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"

enum { CSV_FIELDS_MAX = 100 };

struct csv {
	struct str rest;
	unsigned line; /* of what comes next, from 1 */
};

struct csv_row {
	unsigned line; /* where it begins */
	struct str fields[CSV_FIELDS_MAX];
	size_t count;
};

void csv_open(struct csv *csv, struct str text);

/*
 * The next row: 1 = there is one, 0 = the text has ended, -1 = a row is bad (ERR_SYNTAX, ERR_LIMIT), and reading may go
 * on; row->line is set then, too. Fields are views into the text or into arena; blanks around them are theirs.
 */
int csv_next(struct csv *csv, struct arena *arena, struct csv_row *row, struct err *err);

/* Add a field, in quotes where it must be, behind a comma where it is not the first; and the end of a row. */
void csv_add_field(struct buf *out, struct str field, bool is_first);
void csv_end_row(struct buf *out);

#endif

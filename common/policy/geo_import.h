/*
 * geo_import: a CSV file into the tables of geo.db (common/policy/geo.h).
 *
 * The new database is made in memory, written beside the old one and renamed over it: readers see all of the old or all
 * of the new, and where a line is bad, all of the old stays. For configd alone.
 */
#ifndef POSTROOM_POLICY_GEO_IMPORT_H
#define POSTROOM_POLICY_GEO_IMPORT_H

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	GEO_LINE_MAX = 4096,    /* octets of a line */
	GEO_ROWS_MAX = 2000000, /* of a table */
	GEO_RESULT_MAX = 200,   /* octets of what a range is called */
};

/* Which columns of the CSV file, from 1, are the first address, the last address, and what the range is called. */
struct geo_columns {
	unsigned from, to, result;
};

/* One row; addresses are 16 octets of which IPv4 fills the first four. */
struct geo_row {
	unsigned char from[16], to[16];
	struct str result; /* empty: the range has no name, the row means nothing */
};

/* "125". -1: ERR_SYNTAX. */
int geo_columns_parse(struct str digits, struct geo_columns *columns_out, struct err *err);
/*
 * One line without its end: fields separated by commas, in double quotes or not ("" is a quote, RFC 4180 2.7). An
 * address is in its usual text, or a decimal number for IPv4. Views live as long as line and arena. -1: ERR_SYNTAX,
 * ERR_LIMIT.
 */
int geo_row_parse(struct str line, const struct geo_columns *columns, bool is_ipv6, struct arena *arena,
                  struct geo_row *row_out, struct err *err);

/*
 * Replace the table of one family by what the file csv holds, in the database path, which need not exist.
 * *rows_out: how many there are. -1: as above with the number of the line; ERR_SYSTEM, db_open's.
 */
int geo_import(const char *path, int csv, const struct geo_columns *columns, bool is_ipv6, int64_t *rows_out,
               struct err *err);
/* Delete the rows whose range holds a single address; *rows_out: how many there were. -1: ERR_SYNTAX, db_open's. */
int geo_delete(const char *path, struct str address, int64_t *rows_out, struct err *err);

#endif

/*
 * rows: collections: which rows of a list a client gets, and in which order.
 *
 * The query says it: filter[COLUMN]=TEXT, search=TEXT, sort=COLUMN or -COLUMN, offset=N, limit=N. A filter of a text
 * finds it anywhere in the column, upper and lower case alike, and '*' and '?' stand for what they do elsewhere; of a
 * number it is N, >N, <N, >=N, <=N or N..M (both included), where N may end in k, M or G (1024 each); of a time N may
 * be a date, YYYY-MM-DD or YYYY-MM-DD HH:MM, by the server's clock; of a flag true or false. Rows that lack the column
 * do not match. Numbers sort as numbers. columns=A,B: these alone are told, and what costs much is not found out in
 * vain.
 */
#ifndef POSTROOM_WEBADMIN_API_ROWS_H
#define POSTROOM_WEBADMIN_API_ROWS_H

#include "webadmin/api/table.h"

#include "common/base/buf.h"

enum {
	ROWS_PAGE = 100,       /* rows of a page where the client says nothing */
	ROWS_PAGE_MAX = 10000, /* and at most, whatever it says */
	ROWS_FILTERS_MAX = 20,
};

struct rows_filter {
	const struct api_column *column;
	struct str text;  /* of a text: the pattern */
	int64_t min, max; /* of a number, a time or a flag */
};

struct rows_wish {
	const struct api_column *columns;
	struct rows_filter filters[ROWS_FILTERS_MAX];
	size_t filter_count;
	struct str search;             /* pattern; data NULL: none */
	struct str only;               /* names of columns, separated by commas; data NULL: all */
	const struct api_column *sort; /* NULL: as they came */
	bool descending;
	int64_t offset, limit;
};

void rows_wish_init(struct rows_wish *wish, const struct api_column *columns);
/*
 * Take one parameter of the query. 1 = taken, 0 = it is none of these, -1 = it is bad (ERR_SYNTAX, ERR_LIMIT). Patterns
 * live as long as arena.
 */
int rows_wish_take(struct rows_wish *wish, struct str name, struct str value, struct arena *arena, struct err *err);
/* Does a filter or the order need one of these columns, names separated by '|'? */
bool rows_wish_needs(const struct rows_wish *wish, const char *names);
/* Is one of them told? */
bool rows_wish_tells(const struct rows_wish *wish, const char *names);
/* Each row of a page with the wanted columns alone; takes page over and returns what is to be told. */
json_t *rows_narrow(const struct rows_wish *wish, json_t *page);

/*
 * The rows of the page, a new array that shares them with rows (an array of objects); *total_out: how many the filters
 * left.
 */
json_t *rows_select(const struct rows_wish *wish, const json_t *rows, size_t *total_out);

/* Rows as a table (RFC 4180) of the columns that are told, their names first. */
void rows_to_csv(const struct rows_wish *wish, const json_t *rows, struct buf *out);

#endif

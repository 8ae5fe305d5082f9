/*
 * rows: imports of tables, where each bad row is reported and the good ones are taken, or none of them.
 */
#ifndef POSTROOM_CONFIGD_ROWS_H
#define POSTROOM_CONFIGD_ROWS_H

#include "configd/configd.h"

enum { ROWS_ERRORS_MAX = 1000 /* that are told one by one */ };

struct rows {
	struct change *change;
	bool strict; /* one bad row spoils all */
	int64_t added, known, bad;
};

/* Begin: reads the flag "strict" of the request. */
int rows_begin(struct rows *rows, struct change *change, struct err *err);
/* A row that cannot be taken: tells why in a field "error" of the answer. */
void rows_refuse(struct rows *rows, unsigned line, const struct err *why);
/*
 * The end: "added", "known" (those that were there already) and "bad" in the answer. Where strict and one was bad
 * nothing is changed, and the answer has "refused" = 1.
 */
void rows_end(struct rows *rows, const char *what);

#endif

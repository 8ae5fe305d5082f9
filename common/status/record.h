/*
 * record: one session in one line, as statusd, historyd and the command line hand it on.
 *
 * Values are separated by TAB; none holds a control character, for statusd refuses such. Parsing believes nothing: a
 * line of too few or too many values, or with a number that is none, is refused.
 */
#ifndef POSTROOM_STATUS_RECORD_H
#define POSTROOM_STATUS_RECORD_H

#include "common/base/buf.h"

struct status_record {
	int64_t id;         /* unique for as long as anybody remembers */
	struct str program; /* the daemon whose process it is */
	int64_t pid;
	struct str service;
	struct str peer; /* an address, or "local" */
	struct str user; /* empty: nobody logged in */
	int64_t uid;     /* 0: nobody */
	bool tls;
	int64_t begin;    /* milliseconds since 1970 */
	int64_t end;      /* the same; 0: it goes on */
	int64_t messages; /* taken or fetched, as far as it was told */
};

enum { STATUS_RECORD_MAX = 1024 }; /* octets of a line */

/* Add the line, without a line end. */
void status_record_format(const struct status_record *record, struct buf *line);
/* false: not such a line. The texts are views into it. */
bool status_record_parse(struct str line, struct status_record *record_out);

/* May this stand in a record: UTF-8 without control characters, at most max octets? */
bool status_text_is_clean(struct str text, size_t max);

#endif

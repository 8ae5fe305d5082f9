/*
 * imapd/sort: the order of SORT (RFC 5256, RFC 5957).
 *
 * Texts are compared by i;unicode-casemap (RFC 5256 section 4, RFC 5051): without regard to case, an accent behind its
 * letter. What is equal by all keys stays in the folder's order.
 */
#ifndef POSTROOM_IMAPD_SORT_H
#define POSTROOM_IMAPD_SORT_H

#include "imapd/search.h"

enum { SORT_KEYS_MAX = 20 };

enum sort_key {
	SORT_ARRIVAL,
	SORT_CC,
	SORT_DATE,
	SORT_DISPLAY_FROM,
	SORT_DISPLAY_TO,
	SORT_FROM,
	SORT_SIZE,
	SORT_SUBJECT,
	SORT_TO,
};

struct sort_program {
	size_t count;
	struct {
		enum sort_key key;
		bool reverse;
	} keys[SORT_KEYS_MAX];
};

/* "(REVERSE DATE SUBJECT)". false: noted. */
bool sort_parse(struct session *session, struct sort_program *program);
/* Put a result in order. -1: noted. Messages that went meanwhile leave it. */
int sort_run(struct session *session, const struct sort_program *program, struct search_result *result);

/* A text as it is compared. */
struct str sort_text(struct str text, struct arena *arena);

#endif

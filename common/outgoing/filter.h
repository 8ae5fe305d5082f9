/*
 * filter: which messages a mail sender takes: the domain filtering language (specification 04, mail senders).
 *
 *     # what is large waits for the night
 *     Skip: size > 5 MB, age < 10 hours
 *     Attempt: to matches "*@example.com"
 *
 * One rule or comment a line; all conditions of a rule must hold, the first rule that does decides. Where none does, a
 * message is attempted if the text has no Attempt rule. A text that is not understood is refused as a whole, with the
 * number of the line. Nothing here asks anybody; a message decides nothing but how its own comparisons come out.
 */
#ifndef POSTROOM_OUTGOING_FILTER_H
#define POSTROOM_OUTGOING_FILTER_H

#include "common/outgoing/compare.h"

enum {
	FILTER_TEXT_MAX = 65536, /* octets */
	FILTER_LINES_MAX = 1000,
	FILTER_CONDITIONS_MAX = 20, /* of one line */
};

struct filter_line;

struct filter {
	struct filter_line *lines;
	size_t count;
	bool has_attempt; /* some line is an Attempt */
	bool asks_age;    /* so what it says of a message changes as time goes by */
};

/*
 * Parse. Texts and lines live in arena (text may go), regular expressions until filter_free.
 * -1: ERR_SYNTAX, ERR_LIMIT, "line N: ..."; nothing to free then.
 */
int filter_parse(struct str text, struct arena *arena, struct filter *filter_out, struct err *err);
void filter_free(struct filter *filter);

/* Is a message with these facts to be attempted? */
bool filter_attempts(const struct filter *filter, const struct outgoing_facts *facts);

#endif

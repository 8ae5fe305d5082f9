/*
 * imapd/search_match: does a message match, as far as that can be told from what is known of it?
 */
#ifndef POSTROOM_IMAPD_SEARCH_MATCH_H
#define POSTROOM_IMAPD_SEARCH_MATCH_H

#include "imapd/search.h"

enum truth {
	IS_FALSE,
	IS_TRUE,
	IS_UNKNOWN, /* more has to be known of the message */
};

/* What is known of a message; NULL: not yet. */
struct candidate {
	const struct view *view;
	size_t at; /* its position there */
	const struct mailbox_details *details;
	const struct str *fields; /* the header fields of cached_has_field */
	struct search_text *text; /* the message: everything can be told */
	struct arena *arena;      /* of what is decoded for it */
	struct err *err;          /* set where text could not be read */
	bool failed;
};

enum truth search_match(const struct search_key *key, struct candidate *candidate);

/* Can it be told without the message whether it matches? */
bool search_needs_text(const struct search_key *key);

#endif

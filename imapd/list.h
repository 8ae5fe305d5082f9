/*
 * imapd/list: what a LIST command asks for (RFC 5258), from its parser (list_parse.c) to its answer (list.c).
 */
#ifndef POSTROOM_IMAPD_LIST_H
#define POSTROOM_IMAPD_LIST_H

#include "imapd/metadata.h"
#include "imapd/status.h"

enum {
	LIST_PATTERNS_MAX = 100,
	LIST_PATTERN_MAX = 2000, /* octets */
};

enum list_option {
	LIST_SUBSCRIBED = 1,
	LIST_REMOTE = 2, /* there are no remote folders: it changes nothing */
	LIST_RECURSIVE = 4,
	LIST_SPECIAL_USE = 8,
	LIST_CHILDREN = 16, /* always told */
	LIST_STATUS = 32,
	LIST_METADATA = 64,
};

struct list_request {
	bool is_lsub;
	bool is_extended;  /* has options, or several patterns */
	unsigned select;   /* of enum list_option: what has to be true of a name */
	unsigned returned; /* what is told of it */
	unsigned status_items;
	struct metadata_query metadata;
	struct str patterns[LIST_PATTERNS_MAX]; /* with the reference before them, in UTF-8 */
	size_t pattern_count;
	bool asks_delimiter; /* RFC 9051 6.3.9: LIST "" "" */
};

/* Parse the arguments to the command's end. False: the parser has failed. */
bool list_parse(struct session *session, struct list_request *request);

#endif

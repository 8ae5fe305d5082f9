/*
 * imapd/metadata: annotations of folders and of the server (RFC 5464), also for LIST ... RETURN (METADATA) (RFC 9590).
 */
#ifndef POSTROOM_IMAPD_METADATA_H
#define POSTROOM_IMAPD_METADATA_H

#include "imapd/imapd.h"

enum {
	METADATA_ENTRIES_MAX = 100, /* in one command */
	METADATA_NAME_MAX = 1000,   /* octets */
	METADATA_SERVER = 0,        /* in place of a folder: the server's own entries */
};

struct metadata_query {
	struct str entries[METADATA_ENTRIES_MAX];
	size_t count;
	unsigned depth; /* levels below each entry; UINT_MAX: all */
	uint64_t limit; /* octets of a value; larger ones are not sent; UINT64_MAX: any */
};

/* Parse an entry or "(" entries ")"; depth and limit are set to their defaults. False: the parser has failed. */
bool metadata_parse_entries(struct session *session, struct metadata_query *query);
/*
 * Write "* METADATA name (...)", nothing where nothing is known. longest_out (may be NULL): octets of the largest value
 * that was not sent because of the limit, 0: none. -1 as the store fails.
 */
int metadata_write(struct session *session, struct str name, int64_t folder, const struct metadata_query *query,
                   size_t *longest_out, struct err *err);

#endif

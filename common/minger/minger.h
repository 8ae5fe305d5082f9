/*
 * minger: "is this address valid with you?", asked by a server that forwards mail (draft-hathcock-minger).
 *
 * One datagram asks, one answers; both are a line, with CRLF or without:
 *
 *     address [SP digest]           anna@example.com 0123456789abcdef0123456789abcdef
 *     address SP status             anna@example.com 5
 *
 * digest: 32 hexadecimal digits, MD5 of address ":" secret, the address in lower case. The draft was not at hand when
 * this was written: its numbers of states are those that other servers are known to use, the rest is our reading of its
 * abstract ("a hashed shared secret"). Both ends of this house speak it alike.
 *
 * Security stance: strict, and small: what is longer than MINGER_PACKET_MAX or not of this form is none. An answer is
 * never longer than its question by more than the status, so that nobody can be flooded by way of it.
 */
#ifndef POSTROOM_MINGER_MINGER_H
#define POSTROOM_MINGER_MINGER_H

#include "common/addr/addr.h"
#include "common/base/buf.h"

enum {
	MINGER_PORT = 4069,
	MINGER_PACKET_MAX = 512, /* octets */
	MINGER_DIGEST = 32,      /* octets of a digest as text */
};

enum minger_status {
	MINGER_MALFORMED = 0,
	MINGER_DENIED = 1,
	MINGER_BUSY = 2,     /* nobody can say now */
	MINGER_UNKNOWN = 3,  /* no such address */
	MINGER_INACTIVE = 4, /* it exists, and takes no mail */
	MINGER_VALID = 5,
};

struct minger_query {
	struct str text; /* the address as it was sent, which the answer repeats */
	struct addr address;
	struct str digest; /* "" without */
};

/* Add a question to packet; an empty secret: without digest. -1: ERR_SYSTEM (no MD5), ERR_LIMIT. */
int minger_query_format(struct str address, struct str secret, struct buf *packet, struct err *err);
/* Read one. Views into packet and arena. -1: ERR_SYNTAX, ERR_LIMIT; text is "" where it cannot be repeated. */
int minger_query_parse(struct str packet, struct arena *arena, struct minger_query *query_out, struct err *err);
/* Was the question made with this secret? Never with an empty one. */
bool minger_query_is_from(const struct minger_query *query, struct str secret);

/* Add an answer to packet. */
void minger_answer_format(const struct minger_query *query, enum minger_status status, struct buf *packet);
/* Read the answer about this address. -1: ERR_SYNTAX: it is none, or about another address. */
int minger_answer_parse(struct str packet, struct str address, enum minger_status *status_out, struct err *err);

#endif

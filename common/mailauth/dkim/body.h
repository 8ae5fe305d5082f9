/*
 * mailauth/dkim/body: hashes of a message's body as it streams by; for common/mailauth.
 *
 * What signatures want is said first (canonical form, and how much of it); what several want is hashed once. Then the
 * octets come in pieces of any size, cut anywhere; nothing of them is kept but a few at a cut. Only CRLF ends a line: a
 * CR or LF alone is an octet like any other.
 */
#ifndef POSTROOM_MAILAUTH_DKIM_BODY_H
#define POSTROOM_MAILAUTH_DKIM_BODY_H

#include "common/mailauth/dkim/fields.h"

#include <openssl/types.h>

enum {
	DKIM_HASH_SIZE = 32,       /* SHA-256 */
	DKIM_BODY_HASHES_MAX = 16, /* different ones of one message: each costs a pass of SHA-256 */
	DKIM_BODY_ROOM = 1024,
};

#define DKIM_WHOLE_BODY UINT64_MAX

struct dkim_body_hash {
	enum dkim_canon canon;
	uint64_t limit; /* octets of the canonical body that are hashed, or DKIM_WHOLE_BODY */
	EVP_MD_CTX *context;
	unsigned char hash[DKIM_HASH_SIZE]; /* once the body has ended */
};

/* One canonical form on its way. */
struct dkim_body_form {
	bool is_wanted;
	bool has_cr;          /* the last octet was a CR: its line ends if an LF follows */
	bool has_blank;       /* blanks that count if more than a line end follows; of the relaxed form */
	uint64_t empty_lines; /* line ends that count if anything follows them */
	uint64_t length;      /* octets so far */
};

struct dkim_body {
	struct dkim_body_hash hashes[DKIM_BODY_HASHES_MAX];
	size_t count;
	struct dkim_body_form forms[2]; /* by enum dkim_canon */
	char room[DKIM_BODY_ROOM];      /* of the relaxed form, on its way into the hashes */
	size_t used;
};

void dkim_body_open(struct dkim_body *body);
void dkim_body_close(struct dkim_body *body);

/* Ask for a hash, before the first octet. Returns which one it is, or -1: there are too many. */
int dkim_body_want(struct dkim_body *body, enum dkim_canon canon, uint64_t limit);

/* The next octets of the body: what follows the header's empty line. */
void dkim_body_feed(struct dkim_body *body, struct str octets);

/* That was all: the hashes are there, and the forms' lengths. */
void dkim_body_end(struct dkim_body *body);

#endif

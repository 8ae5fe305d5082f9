/*
 * mailauth/dkim/signature: what a DKIM-Signature field says (RFC 6376 3.5), and the two of ARC that are made like it
 * (RFC 8617 4.1.2, 4.1.3); for common/mailauth.
 *
 * Strict: what does not follow the grammar gives no signature. The three kinds differ in which tags they have.
 */
#ifndef POSTROOM_MAILAUTH_DKIM_SIGNATURE_H
#define POSTROOM_MAILAUTH_DKIM_SIGNATURE_H

#include "common/mailauth/dkim/fields.h"

enum {
	DKIM_FIELD_MAX = 32 << 10, /* octets of a signature's field */
	DKIM_NAMES_MAX = 500,      /* header fields that one signature names */
	DKIM_B_SHOWN = 8,          /* octets of b= that tell signatures apart, RFC 6008 4 */
};

enum dkim_kind { DKIM_SIGNATURE, DKIM_ARC_MESSAGE, DKIM_ARC_SEAL };

enum dkim_key_type { DKIM_RSA, DKIM_ED25519 };

/* Codes of struct err: which word of RFC 8601 2.7.1 stands for it. */
enum dkim_code {
	DKIM_BROKEN = 200, /* syntax, or something that is not known: neutral */
	DKIM_UNFIT,        /* against a rule of the standard: permerror */
	DKIM_REFUSED,      /* against what is accepted here: policy */
	DKIM_FORGED,       /* it is not that message's: fail */
	DKIM_UNKNOWN_NOW,  /* the DNS does not say now: temperror */
};

struct dkim_signature {
	const struct dkim_field *field;
	struct str algorithm; /* a= as it stands, "" where there is none */
	enum dkim_key_type key_type;
	struct str domain, selector; /* A-labels in lower case */
	struct str identity;         /* i= decoded, "@" and d= where there is none; "" in ARC */
	struct str identity_domain;  /* A-labels in lower case */
	enum dkim_canon header_canon, body_canon;
	struct str bytes;     /* of b= */
	struct str body_hash; /* of bh= */
	struct str b_raw;     /* where the value of b= stands in the field, with all blanks around it */
	struct str b_shown;   /* its first octets */
	struct str names;     /* h= */
	uint64_t body_limit;  /* l=, or DKIM_WHOLE_BODY */
	uint64_t created;     /* t=, seconds since 1970, 0: not given */
	uint64_t expires;     /* x=, 0: never */
	unsigned instance;    /* i= of ARC, else 0 */
	struct str chain;     /* cv= of a seal */
};

enum { DKIM_INSTANCE_MAX = 50 }; /* RFC 8617 4.2.1 */

/*
 * Read a signature out of a field. What could be read is in *signature_out also where it is refused; texts without a
 * value are "". -1: an enum dkim_code.
 */
int dkim_signature_parse(const struct dkim_field *field, enum dkim_kind kind, struct arena *arena,
                         struct dkim_signature *signature_out, struct err *err);

/* Cut the next name off the rest of h=. */
struct str dkim_signature_name(struct str *rest);

/*
 * Add a signature's own field as it is hashed (RFC 6376 3.7 step 2): b= without its value, canonical, no line end.
 */
void dkim_signature_canon(const struct dkim_signature *signature, enum dkim_canon canon, struct arena *arena,
                          struct buf *out);

#endif

/*
 * mailauth/dkim/key: public keys in the DNS (RFC 6376 3.6, RFC 8463), for common/mailauth.
 *
 * Strict as the standard asks: a record that does not follow the grammar is none. A key is asked for once a message,
 * whoever needs it; what came of it is kept until the message is done, answers that nobody gave among them.
 */
#ifndef POSTROOM_MAILAUTH_DKIM_KEY_H
#define POSTROOM_MAILAUTH_DKIM_KEY_H

#include "common/mailauth/dkim/signature.h"
#include "common/mailauth/dns/dns.h"

#include <openssl/types.h>

enum { DKIM_RSA_BITS_MIN = 1024, DKIM_RSA_BITS_MAX = 4096 }; /* RFC 8301 3.2 */

/* What a record says. */
struct dkim_key {
	enum dkim_key_type type;
	EVP_PKEY *pkey;
	unsigned bits;
	bool takes_sha256; /* h= */
	bool is_for_mail;  /* s= */
	bool is_testing;   /* t=y */
	bool is_strict;    /* t=s: i= must be in the very domain of d= */
};

/*
 * Read a record. The key is freed with dkim_key_free. -1: DKIM_UNFIT (no key's record, of another kind, revoked),
 * DKIM_REFUSED (a key of a length that is not accepted).
 */
int dkim_key_parse(struct str record, struct arena *arena, struct dkim_key *key_out, struct err *err);
void dkim_key_free(struct dkim_key *key);

struct dkim_keys_entry;

/* The keys of one message. */
struct dkim_keys {
	struct dkim_keys_entry *entries;
};

/* Where the key of a signature stands in the DNS. */
struct str dkim_key_name(const struct dkim_signature *signature, struct arena *arena);

void dkim_keys_free(struct dkim_keys *keys);

/*
 * The key that a signature names. Of several records the first that is a key's counts (RFC 6376 3.6.2.2 leaves that
 * open): others may stand there by a wildcard. *key_out belongs to keys. -1: as dkim_key_parse, or DKIM_UNKNOWN_NOW.
 */
int dkim_keys_find(struct dkim_keys *keys, const struct dkim_signature *signature, const struct mailauth_dns *dns,
                   struct arena *arena, const struct dkim_key **key_out, struct err *err);

#endif

/*
 * mailauth/dkim/sign: signing messages (RFC 6376 5, RFC 8463).
 *
 *     dkim_message_open(&message, header, &arena, &err)
 *     dkim_sign_begin(&message, &signer, &signing, &err)    once for each signature, signing = {0}
 *     dkim_message_body(&message, octets) ...
 *     dkim_sign(&message, &signer, &signing, &out, &err)    "DKIM-Signature: ...", to be put on top of the header
 *     dkim_message_close(&message)
 *
 * Signed are the fields that readers see and that say how the body is to be read, as often as they are there (RFC 6376
 * 5.4.1). From, Subject and Date are named once more than they are there, so that none can be added. Fields that others
 * add or change on the way (Received, Return-Path and so on) are not signed.
 * The message must be as it will be sent, with CRLF line ends.
 */
#ifndef POSTROOM_MAILAUTH_DKIM_SIGN_H
#define POSTROOM_MAILAUTH_DKIM_SIGN_H

#include "common/mailauth/dkim/dkim.h"

/* A private key; whoever holds one keeps it from being read by others. */
struct dkim_private_key {
	enum dkim_key_type type;
	EVP_PKEY *pkey;
};

/*
 * Read a key in PEM (PKCS#8 or PKCS#1; not encrypted): RSA of 1024 to 4096 bits, or Ed25519.
 * -1: ERR_SYNTAX, ERR_LIMIT (another length).
 */
int dkim_private_key_read(struct str pem, struct dkim_private_key *key_out, struct err *err);
void dkim_private_key_free(struct dkim_private_key *key);

/* Make a new key and add it to pem, in PKCS#8; bits: of RSA. The caller wipes pem. -1: ERR_LIMIT (bits), ERR_SYSTEM. */
int dkim_private_key_make(enum dkim_key_type type, unsigned bits, struct buf *pem, struct err *err);

/* Add the text of the TXT record that publishes the key. -1: ERR_LIMIT, ERR_SYSTEM. */
int dkim_private_key_record(const struct dkim_private_key *key, struct buf *record, struct err *err);

/* Who signs, and how. */
struct dkim_signer {
	struct str domain, selector; /* A-labels */
	const struct dkim_private_key *key;
	enum dkim_canon header_canon, body_canon;
	int64_t now;    /* t=, seconds since 1970 */
	int64_t expiry; /* x=, 0: never */
	/*
	 * For who does not hold the key (of it the type alone counts then): as dkim_sign_hash, by who has it. -1: what
	 * dkim_sign and arc_seal return. NULL: the key signs.
	 */
	int (*sign)(const struct dkim_signer *signer, const unsigned char hash[DKIM_HASH_SIZE], struct buf *out,
	            struct err *err);
	void *context; /* of sign */
};

/* A signature that is being made. */
struct dkim_signing {
	enum dkim_kind kind;
	unsigned instance; /* i= of ARC */
	struct str chain;  /* cv= of a seal */
	int body_hash;     /* set by dkim_sign_begin */
};

/* Ask for the hash of the body. -1: ERR_LIMIT. */
int dkim_sign_begin(struct dkim_message *message, const struct dkim_signer *signer, struct dkim_signing *signing,
                    struct err *err);

/*
 * The body is complete: add the field, with its line end, to out. -1: ERR_LIMIT (out is full), ERR_SYSTEM (OpenSSL
 * could not sign); out may have a part of it then.
 */
int dkim_sign(struct dkim_message *message, const struct dkim_signer *signer, const struct dkim_signing *signing,
              struct buf *out, struct err *err);

/* For ARC: the beginning of a field, up to t= and x=; and the value of b= for a hash, with the line end. */
void dkim_sign_head(const struct dkim_signer *signer, const struct dkim_signing *signing, struct buf *out);
int dkim_sign_value(const struct dkim_signer *signer, const unsigned char hash[DKIM_HASH_SIZE], struct buf *out,
                    struct err *err);

/* The value of b= for a hash by a key, with the line end. -1: ERR_LIMIT (out is full), ERR_SYSTEM. */
int dkim_sign_hash(const struct dkim_private_key *key, const unsigned char hash[DKIM_HASH_SIZE], struct buf *out,
                   struct err *err);

#endif

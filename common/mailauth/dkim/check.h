/*
 * mailauth/dkim/check: one signature against a message; for common/mailauth.
 */
#ifndef POSTROOM_MAILAUTH_DKIM_CHECK_H
#define POSTROOM_MAILAUTH_DKIM_CHECK_H

#include "common/mailauth/dkim/dkim.h"

/* The body is complete; may be called again. */
void dkim_message_end(struct dkim_message *message);

/* Ask for the hash of the body that a signature needs: its number, or -1. */
int dkim_want_body(struct dkim_message *message, const struct dkim_signature *signature);

/* The hash that a signature signs: the fields that it names and its own (RFC 6376 3.7 step 2). */
void dkim_hash_header(struct dkim_message *message, const struct dkim_signature *signature,
                      unsigned char hash_out[DKIM_HASH_SIZE]);

/*
 * The key of a signature, fit for it. *key_out is set to what was found also where it is not fit, else NULL.
 * -1: an enum dkim_code.
 */
int dkim_find_key(struct dkim_message *message, const struct dkim_signature *signature, const struct mailauth_dns *dns,
                  const struct dkim_key **key_out, struct err *err);

/* Did this key sign this hash? */
bool dkim_is_signed_by(const struct dkim_key *key, const unsigned char hash[DKIM_HASH_SIZE], struct str signature);

/* What can be told of a signature without its key. -1: an enum dkim_code. */
int dkim_check_message(const struct dkim_message *message, const struct dkim_signature *signature, int body_hash,
                       int64_t now, struct err *err);

/* A signature of the message (not a seal), body_hash from dkim_want_body. Otherwise as dkim_find_key. */
int dkim_check(struct dkim_message *message, const struct dkim_signature *signature, int body_hash,
               const struct mailauth_dns *dns, int64_t now, const struct dkim_key **key_out, struct err *err);

#endif

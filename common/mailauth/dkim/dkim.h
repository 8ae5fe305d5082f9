/*
 * mailauth/dkim: signatures of messages (RFC 6376, with RFC 8301, 8463, 8616): who answers for a message, and is it as
 * it was.
 *
 * A message is worked on so:
 *
 *     dkim_message_open(&message, header, &arena, &err)     the header is read once
 *     dkim_find(&message)                                   its signatures are read, ARC's by arc_find
 *     dkim_message_body(&message, octets) ...               only where dkim_message_wants_body
 *     dkim_verify(&message, &dns, now, &results)            the DNS is asked
 *     dkim_message_close(&message)
 *
 * The header has to stay as long as the results are used; the body is neither kept nor copied. The message must have
 * CRLF line ends, as it came by SMTP, without what was added or removed since.
 *
 * Promises: every signature gets its own result, independent of the others. One that passes covers the message's only
 * author: fields From that it does not cover make it one that is refused here. Algorithms and keys are those that
 * RFC 8301 and 8463 allow. Work has limits: on the header, the signatures, the different hashes of the body, the keys
 * asked for (each once a message; how long all may take is in struct mailauth_dns).
 * Security stance: strangers wrote the message and the keys' records; nothing here decides what a result means.
 */
#ifndef POSTROOM_MAILAUTH_DKIM_H
#define POSTROOM_MAILAUTH_DKIM_H

#include "common/mailauth/dkim/body.h"
#include "common/mailauth/dkim/key.h"

enum { DKIM_SIGNATURES_MAX = 10 }; /* of one message; those further down are not looked at */

struct dkim_found;

struct dkim_message {
	struct arena *arena;
	struct dkim_fields fields;
	struct dkim_body body;
	bool body_ended;
	struct dkim_keys keys;
	struct dkim_found *found; /* signatures, by dkim_find */
	size_t found_count;
};

/* Read the header (with or without its empty line). Everything lives in arena. -1: ERR_LIMIT. */
int dkim_message_open(struct dkim_message *message, struct str header, struct arena *arena, struct err *err);
void dkim_message_close(struct dkim_message *message);

/* Does anything that was found, or is to be signed, depend on the body? */
bool dkim_message_wants_body(const struct dkim_message *message);
/* The next octets of the body, which begins behind the header's empty line. */
void dkim_message_body(struct dkim_message *message, struct str octets);

/* RFC 8601 2.7.1 */
enum dkim_state {
	DKIM_NONE, /* no signature's: of a message without any */
	DKIM_PASS,
	DKIM_FAIL,      /* the message is another one, or the signature somebody else's */
	DKIM_POLICY,    /* not accepted here: rsa-sha1, short keys, expired, more authors than are signed */
	DKIM_NEUTRAL,   /* not a signature by its syntax, or of a kind that is not known */
	DKIM_TEMPERROR, /* the key cannot be had now */
	DKIM_PERMERROR, /* no usable key, or against the standard */
};

/* The word for header fields. */
const char *dkim_word(enum dkim_state state);

/* What is known of one signature; a text without value is "". */
struct dkim_result {
	enum dkim_state state;
	struct str reason;    /* a sentence where it did not pass, without a full stop */
	struct str domain;    /* d=, A-labels in lower case: who signed */
	struct str selector;  /* s= */
	struct str algorithm; /* a= */
	struct str identity;  /* i= */
	struct str b;         /* b=: the first octets */
	unsigned key_bits;    /* 0: no key was found */
	bool is_testing;      /* t=y in the key: RFC 6376 3.6.1 wants such mail treated like unsigned one */
	bool is_partial;      /* l=: the body goes on behind what is signed */
};

struct dkim_results {
	struct dkim_result *list; /* from the top of the header down */
	size_t count;
};

/* Look for signatures. Returns how many there are to verify. */
size_t dkim_find(struct dkim_message *message);

/* dkim_verify will be called, with the body as it is: ask for the keys. */
void dkim_foresee(struct dkim_message *message, const struct mailauth_dns *dns, int64_t now);

/* Verify what was found; the body is complete. now: seconds since 1970. Results live in the message's arena. */
void dkim_verify(struct dkim_message *message, const struct mailauth_dns *dns, int64_t now,
                 struct dkim_results *results_out);

#endif

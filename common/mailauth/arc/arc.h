/*
 * mailauth/arc: chains of custody (RFC 8617): who handled a message before, and what they found when it came to them.
 *
 * Works on a struct dkim_message (mailauth/dkim/dkim.h), beside DKIM or alone:
 *
 *     arc_find(&message, &chain)                       after dkim_message_open (and after dkim_find)
 *     dkim_message_body(&message, octets) ...          where dkim_message_wants_body
 *     arc_verify(&message, &chain, &dns, now, &result)
 *
 * Promises: a chain passes only as a whole; where anything is wrong with it, or the DNS does not answer, it fails, for
 * good (RFC 8617 5.2.1), and nothing of it is handed out. What passes says who vouches for the results that stand in
 * the message, not that they are true: whom to believe is the reader's decision (RFC 8617 9.4).
 */
#ifndef POSTROOM_MAILAUTH_ARC_H
#define POSTROOM_MAILAUTH_ARC_H

#include "common/mailauth/dkim/sign.h"

/* RFC 8617 4.4 */
enum arc_state { ARC_NONE, ARC_PASS, ARC_FAIL };

/* The word for header fields. */
const char *arc_word(enum arc_state state);

struct arc_member;

/* The sets of a message. */
struct arc_chain {
	struct arc_member *sets; /* by instance, from 0 on */
	unsigned count;          /* the highest instance */
	struct err err;          /* what is wrong with its structure; code ERR_NONE: nothing */
	bool is_dead;            /* its last seal says cv=fail */
};

/* Find the sets and ask for the hashes of the body that they need. */
void arc_find(struct dkim_message *message, struct arc_chain *chain_out);

/* One handler of a message. */
struct arc_set {
	struct str domain, selector; /* of the seal */
	struct str results;          /* what was found: as in an Authentication-Results field, authserv-id first */
};

struct arc_result {
	enum arc_state state;
	struct str reason;    /* a sentence where it failed, else "" */
	struct arc_set *sets; /* where it passed: the first handler first */
	size_t count;
	unsigned oldest_pass; /* since this instance nobody has changed the message; 0: since the first (RFC 8617 5.2) */
};

/* Verify the chain; the body is complete. now: seconds since 1970. The result lives in the message's arena. */
void arc_verify(struct dkim_message *message, const struct arc_chain *chain, const struct mailauth_dns *dns,
                int64_t now, struct arc_result *result_out);

/* A seal that is being made. */
struct arc_sealing {
	struct dkim_signing signing;
	enum arc_state state;
};

/*
 * Begin to seal a message as it is to be sent; chain is what arc_find found in it, state what arc_verify said of it
 * when it came. -1: ERR_DENIED: the chain ended with a failure, there is nothing to add (RFC 8617 5.1); ERR_LIMIT.
 */
int arc_seal_begin(struct dkim_message *message, const struct arc_chain *chain, enum arc_state state,
                   const struct dkim_signer *signer, struct arc_sealing *sealing_out, struct err *err);

/*
 * The body is complete: add the three fields of a set to out, to be put on top of the header. results: as in an
 * Authentication-Results field, authserv-id first, without a line end at the end. -1: as dkim_sign.
 */
int arc_seal(struct dkim_message *message, const struct arc_chain *chain, const struct arc_sealing *sealing,
             const struct dkim_signer *signer, struct str results, struct buf *out, struct err *err);

#endif

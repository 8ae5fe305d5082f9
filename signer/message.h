/*
 * message: what message.c, seal.c and questions.c of the reader's side share.
 */
#ifndef POSTROOM_SIGNER_MESSAGE_H
#define POSTROOM_SIGNER_MESSAGE_H

#include "common/mailauth/arc/arc.h"
#include "signer/signer.h"

/* A key that the keeper has. */
struct chosen_key {
	struct str selector;
	enum dkim_key_type type;
};

struct chosen_keys {
	struct chosen_key list[SIGNER_KEYS_MAX];
	size_t count;
};

/*
 * questions.c: which keys has the domain, of these selectors (separated by commas; in their order) or, where there are
 * none, of any? Texts live in arena. -1: the keeper does not answer.
 */
int questions_keys(struct ipc_channel *keeper, struct str domain, struct str selectors, struct arena *arena,
                   struct chosen_keys *keys_out, struct err *err);

/* Who signs with that key by asking the keeper; a key that has gone meanwhile is ERR_NOT_FOUND. */
struct dkim_signer questions_signer(struct ipc_channel *keeper, struct str domain, const struct chosen_key *key,
                                    int64_t now);

/* seal.c: the set of ARC (RFC 8617) of a message that somebody else wrote and that is passed on. */
struct seal {
	bool is_wanted;     /* it is going to be made */
	struct str results; /* what was found when the message came, as in an Authentication-Results field */
	struct dkim_signer signer;
	struct arc_chain chain;
	struct arc_sealing sealing;
};

/*
 * Before the body is read: is the request's message to be sealed, and can it be? Where it cannot, the log says why and
 * is_wanted is false. -1: the keeper does not answer.
 */
int seal_begin(const struct ipc_message *request, struct ipc_channel *keeper, struct dkim_message *message,
               struct seal *seal_out, struct err *err);

/* The body is complete: add the set to fields. -1: as dkim_sign; a part may be in fields then. */
int seal_add(struct dkim_message *message, const struct seal *seal, struct buf *fields, struct err *err);

#endif

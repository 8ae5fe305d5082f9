/*
 * mailauth/arc/member: the fields of one set; for this folder alone.
 */
#ifndef POSTROOM_MAILAUTH_ARC_MEMBER_H
#define POSTROOM_MAILAUTH_ARC_MEMBER_H

#include "common/mailauth/arc/arc.h"
#include "common/mailauth/dkim/check.h"

struct arc_member {
	const struct dkim_field *results; /* ARC-Authentication-Results; NULL: missing, as below */
	struct str payload;               /* of it, behind the instance */
	const struct dkim_field *message; /* ARC-Message-Signature */
	struct dkim_signature message_signature;
	struct err message_err; /* code ERR_NONE: it is well-formed */
	int body_hash;
	const struct dkim_field *seal; /* ARC-Seal */
	struct dkim_signature seal_signature;
};

/* Add what the seals sign of a set (RFC 8617 5.1.1), but for its seal. */
static inline void arc_member_canon(const struct arc_member *member, struct buf *out)
{
	dkim_field_canon(member->results->whole, DKIM_RELAXED, out);
	dkim_field_canon(member->message->whole, DKIM_RELAXED, out);
}

#endif

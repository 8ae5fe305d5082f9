/*
 * smtpd/permissions: what the sender of a message may do (specification 02, permissions; 07, global permissions).
 *
 * Who logged in is judged by the attributes and lists of that user. Without a login a client that may send elsewhere is
 * judged by the lists for all, and by the attributes of the user whose address it gives as the sender's: anybody could
 * give that, so it restricts and never permits (his own lists are not asked), and it is looked at where a recipient is
 * elsewhere alone. Where it cannot be found out, the answer is temporary.
 *
 * Who may get mail from a stranger is the resolver's to say: to him the recipient does not exist.
 */
#ifndef POSTROOM_SMTPD_PERMISSIONS_H
#define POSTROOM_SMTPD_PERMISSIONS_H

#include "common/db/db.h"
#include "common/settings/attributes.h"
#include "common/smtp/command.h"

struct session;
struct message;

/* What is known of the sender. All zero: nothing. */
struct permissions {
	struct db objects;   /* the snapshot, open from its first use on */
	uint64_t generation; /* of the settings that all of this was read from */
	bool known;          /* who the sender is was looked for; for good after a login, else for a transaction */
	bool proven;         /* by a login */
	int64_t uid;         /* 0: no user of this server */
	struct attributes attributes;
	struct arena arena;
};

/* A transaction is over, or somebody logged in: who the sender is has to be looked at anew. */
void permissions_forget(struct session *session);

/* At MAIL: may who logged in send as this address? True; or false after the refusal. */
bool permissions_at_mail(struct session *session);
/* At RCPT, for a recipient elsewhere. True; or false after the refusal. */
bool permissions_at_target(struct session *session, const struct addr *to);
/* At RCPT, for any recipient, once the sender is known: is there room in what he may send? */
bool permissions_at_rcpt(struct session *session, bool is_remote);
/* The whole message is there. NULL, or the refusal. */
const struct smtp_refusal *permissions_at_data(struct session *session, const struct message *message);

#endif

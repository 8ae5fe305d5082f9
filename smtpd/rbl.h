/*
 * smtpd/rbl: is the client's address in a list of bad ones that the DNS publishes (specification 05, Realtime
 * blacklists; RFC 5782)?
 *
 * Asked once a session, before the first recipient is accepted, so that nobody who logs in is asked about; whoever may
 * relay by address neither, unless smtp.rbl-check-authorised says so. A list that does not answer lists nobody. A
 * script may have lists of its own, and the last word on what they say (smtpd/hooks.h).
 */
#ifndef POSTROOM_SMTPD_RBL_H
#define POSTROOM_SMTPD_RBL_H

#include "common/smtp/message.h"
#include "smtpd/smtpd.h"

/* The lists to ask, and who is not asked about: as smtp.rbl-servers and smtp.rbl-whitelist have them. */
struct str rbl_servers(const struct session *session);
struct str rbl_whitelist(const struct session *session);
/* Are there lists to ask for clients of this session? */
bool rbl_is_wanted(const struct session *session);

/* At RCPT. True; or false after the refusal, where that is the action. */
bool rbl_permits(struct session *session);
/* At the end of data: X-RBLFound on top of the message, where that is the action. */
void rbl_mark(struct session *session, struct message *message);
/* The last word on where a message goes: nowhere, or to one user alone, where those are the actions. */
void rbl_address(struct session *session, struct spool_envelope *envelope);

/* Add the name to ask for in a zone: octets or nibbles of the address in reverse (RFC 5782 2.1, 2.4). */
void rbl_name(const struct cidr *client, struct str zone, struct buf *name);

#endif

/*
 * smtpd/sender_auth: is a message from whom it says, and who says so: SPF at MAIL, and at the end of data the field
 * Authentication-Results (RFC 8601) with what SPF, DKIM, DMARC, the client's name and the login tell.
 *
 * The standards themselves are in common/mailauth; here is decided of whom they are asked and what follows. DNS answers
 * come from dnsd alone, over the session's channel. A message is refused only by the settings smtp.spf-reject and
 * mail-auth.dmarc-policy; where the DNS does not answer, it is not refused for good.
 *
 * From a server in mail-auth.gateways nothing is checked, added or removed: it has done that.
 */
#ifndef POSTROOM_SMTPD_SENDER_AUTH_H
#define POSTROOM_SMTPD_SENDER_AUTH_H

#include "common/smtp/message.h"
#include "smtpd/smtpd.h"

/* Before the sandbox: open the channel to dnsd where this session will want one; it is closed (-1) else. */
void sender_auth_connect(struct session *session);

/* Neither a program of this machine, nor logged in, nor with a right to relay. */
bool sender_auth_is_stranger(const struct session *session);

/* Does the client belong to mail-auth.gateways? */
bool sender_auth_is_gateway(const struct session *session);

/*
 * At MAIL, once its parameters are read: check SPF where the settings want it; transaction.spf holds the outcome
 * where spf_is_known. Returns true, or false after answering a refusal.
 */
bool sender_auth_mail(struct session *session);

/* Is it to be found out at the end of data who wrote the message? */
bool sender_auth_wants_results(const struct session *session);

/* What the end of data needs of DNS answers, with a deadline for all of them. */
struct mailauth_dns sender_auth_dns(struct session *session);

/*
 * At the end of data: take fields out that claim to be this server's, put one on top. Returns the refusal that
 * DMARC's policy wants, or NULL.
 */
const struct smtp_refusal *auth_results_apply(struct session *session, struct message *message);

#endif

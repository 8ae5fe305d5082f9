/*
 * smtpd/batv: reports that come back (07, BATV): tagged addresses become what they were, false reports are refused.
 */
#ifndef POSTROOM_SMTPD_BATV_H
#define POSTROOM_SMTPD_BATV_H

#include "common/smtp/message.h"
#include "smtpd/smtpd.h"

/*
 * At RCPT: take the tag off a recipient. Returns true, or false after answering a refusal: an address of ours with a
 * tag that is not, or has expired.
 */
bool batv_permits(struct session *session, struct smtp_rcpt *rcpt);

/*
 * At the end of data: a message from <> to an address of ours that has no tag is about mail that others sent; NULL, or
 * how it is refused. Only now, since notifications that a message was read (RFC 8098) come so, too, and pass.
 */
const struct smtp_refusal *batv_at_data(const struct session *session, const struct message *message);

#endif

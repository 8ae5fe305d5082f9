/*
 * smtpd/mailbox_quota: who has let his mailbox grow far beyond its quota may not send (common/policy/mailbox_quota.h).
 *
 * deliver is asked how large it is, for senders that have a quota alone, so that it counts at once when room was made.
 * Where deliver does not say, the answer is temporary. A session that began before anybody had a quota knows of none.
 */
#ifndef POSTROOM_SMTPD_MAILBOX_QUOTA_H
#define POSTROOM_SMTPD_MAILBOX_QUOTA_H

#include "smtpd/smtpd.h"

/* Before the sandbox: open the channel to deliver where somebody has a quota. */
void mailbox_quota_connect(struct session *session);

/* The sender is known (smtpd/permissions.h). NULL, or the refusal. */
const struct smtp_refusal *mailbox_quota_refuses(struct session *session);

#endif

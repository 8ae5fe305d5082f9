/*
 * smtpd/send_quota: how much a sender may send (common/policy/send_quota.h), which policyd counts.
 *
 * It is asked for senders that have a limit alone: at MAIL, at each RCPT, and when the whole message is there, which
 * counts it. Two sessions at once cannot both have what is left. Where policyd does not say, the answer is temporary.
 * A session that began before anybody had a limit knows of none.
 */
#ifndef POSTROOM_SMTPD_SEND_QUOTA_H
#define POSTROOM_SMTPD_SEND_QUOTA_H

#include "smtpd/smtpd.h"

/* Before the sandbox: open the channel to policyd where somebody has a limit, unless it is open. */
void send_quota_connect(struct session *session);

/*
 * The sender is known (smtpd/permissions.h). With so many more recipients, so many of them elsewhere, would it be too
 * much? NULL, or the refusal.
 */
const struct smtp_refusal *send_quota_refuses(struct session *session, size_t more, size_t more_remote);
/* The same for the whole message, just before it is stored: it counts from now on. Any sender may be asked about. */
const struct smtp_refusal *send_quota_take(struct session *session, uint64_t octets);

#endif

/*
 * smtpd/collect: remembers whom users write to, for completing addresses as they are typed (05, SMTP advanced).
 *
 * policyd keeps them, by user. Only of who logged in; nothing waits for it longer than a moment, and nothing becomes of
 * the message if it fails.
 */
#ifndef POSTROOM_SMTPD_COLLECT_H
#define POSTROOM_SMTPD_COLLECT_H

#include "smtpd/smtpd.h"

/* Before the sandbox: open the channel to policyd where it may be needed; others may have opened it. */
void collect_connect(struct session *session);

/* As the settings or a script say. */
bool collect_is_wanted(const struct session *session);

/* The message is stored, for these recipients. */
void collect_recipients(struct session *session, const struct spool_envelope *envelope);

#endif

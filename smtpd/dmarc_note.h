/*
 * smtpd/dmarc_note: tells policyd what a message says for the aggregate report of its author's domain (RFC 7489 7.2).
 *
 * Only where reports are on (mail-auth.dmarc-reports) and the domain's owner wants some. Nothing waits for it longer
 * than a moment, and nothing becomes of the message if it fails.
 */
#ifndef POSTROOM_SMTPD_DMARC_NOTE_H
#define POSTROOM_SMTPD_DMARC_NOTE_H

#include "common/mailauth/dkim/dkim.h"
#include "common/mailauth/dmarc/dmarc.h"
#include "smtpd/smtpd.h"

/* Are reports on? Then the channel to policyd is to be opened before the sandbox. */
bool dmarc_note_is_on(const struct session *session);

/* What was found and done: disposition is what became of the message, at most what the owner wants. */
void dmarc_note(struct session *session, const struct dmarc_outcome *outcome, const struct dkim_results *signatures,
                enum dmarc_policy disposition);

#endif

/*
 * smtpd/greylist: the first attempt of an unknown server is put off (specification 05, greylisting).
 *
 * policyd remembers who tried what; here is decided who is asked about: strangers alone, whose address and sender are
 * not exempt and whom SPF did not pass already. Where policyd is away everybody is let through.
 */
#ifndef POSTROOM_SMTPD_GREYLIST_H
#define POSTROOM_SMTPD_GREYLIST_H

#include "smtpd/smtpd.h"

/* Before the sandbox: open the channel to policyd where greylisting or DMARC reports are on; it is closed (-1) else. */
void greylist_connect(struct session *session);

/* At RCPT, when the recipient is welcome otherwise. True; or false after "451 4.7.1". */
bool greylist_permits(struct session *session, struct str recipient);

#endif

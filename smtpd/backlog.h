/*
 * smtpd/backlog: no more mail for elsewhere while too much waits in the queue (specification 05, SMTP advanced).
 *
 * queue-manager is asked how many messages wait, of all and of the user who logged in. Where it does not say, mail is
 * taken.
 */
#ifndef POSTROOM_SMTPD_BACKLOG_H
#define POSTROOM_SMTPD_BACKLOG_H

#include "smtpd/smtpd.h"

/* Before the sandbox: open the channel to queue-manager where there is a limit; it is closed (-1) else. */
void backlog_connect(struct session *session);

/* At RCPT, for a recipient elsewhere. True; or false after "452 4.3.1". */
bool backlog_permits(struct session *session);

#endif

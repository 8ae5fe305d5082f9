/*
 * turned: a connection that this server made, and whose roles were reversed (ATRN, RFC 2645): the other side sends.
 *
 * The collector hands it over. It is served as that of any stranger: recipients here alone, no relaying, no login, all
 * that looks at messages. What judges the client's address is left out, since who it is was decided by whom we asked.
 */
#ifndef POSTROOM_SMTPD_TURNED_H
#define POSTROOM_SMTPD_TURNED_H

#include "smtpd/smtpd.h"

#define SMTP_TURNED "from-collector" /* the socket that it comes by */

/*
 * In a process forked for it: take the connection that comes by the channel, serve it as the first SMTP service that is
 * enabled, and answer how many messages were taken. Returns the exit status.
 */
int turned_run(struct session *session, struct smtpd *smtpd, int channel);

#endif

/*
 * handed: connections that another daemon hands over, instead of the network.
 *
 * Of the collector: one that it made itself and whose roles were reversed (ATRN, RFC 2645): the other side sends. It is
 * served as that of any stranger: recipients here alone, no relaying, no login, all that looks at messages. What judges
 * the client's address is left out, since who it is was decided by whom we asked.
 *
 * Of webadmin: what users send by webmail. With it comes a ticket of authd, by which the session stands behind a login
 * from its first command on, so that whatever holds for submissions holds for webmail.
 */
#ifndef POSTROOM_SMTPD_HANDED_H
#define POSTROOM_SMTPD_HANDED_H

#include "smtpd/smtpd.h"

/* The sockets that they come by. */
#define HANDED_BY_COLLECTOR "from-collector"
#define HANDED_BY_WEBADMIN  "from-webadmin"

/*
 * In a process forked for it: take the connection that comes by the channel of that socket, serve it as the first SMTP
 * service that is enabled and meant for such, and answer how many messages were taken. Returns the exit status.
 */
int handed_run(struct session *session, struct smtpd *smtpd, const char *socket, int channel);

#endif

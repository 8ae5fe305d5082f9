/*
 * smtpd/load: how much a service takes at a time, of strangers and of those who may send outgoing mail (specification
 * 05, "SMTP load limiting").
 *
 * Sessions are counted by the listener, which all SMTP services have in common, for each service on its own; clients
 * whose rule of the access list allows them to send without a login are neither counted nor limited. Messages and
 * recipients are counted by the session; a login makes its client a local one. What is too much is refused for a while,
 * never for good.
 */
#ifndef POSTROOM_SMTPD_LOAD_H
#define POSTROOM_SMTPD_LOAD_H

#include "common/net/listen.h"

struct session;
struct smtpd;

/* In the listener: the limits of a connection that was just accepted. */
void load_limits(struct smtpd *smtpd, int fd, const struct listen_origin *origin, struct listen_limits *limits);

/* May another message, or another recipient, come? Where not, the refusal is answered. */
bool load_permits_message(struct session *session);
bool load_permits_recipient(struct session *session);

#endif

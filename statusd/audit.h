/*
 * statusd/audit: what authd knows of logins, for security.log.
 *
 * statusd asks (authd connects to nobody), and hands what it gets to historyd. The question waits in authd until there
 * is something to tell.
 */
#ifndef POSTROOM_STATUSD_AUDIT_H
#define POSTROOM_STATUSD_AUDIT_H

#include "statusd/feed.h"

struct audit;

/* Ask from now on; what comes goes to history as fields "security". */
struct audit *audit_open(struct event_base *base, const struct instance *instance, struct feed *history);
void audit_free(struct audit *audit);

#endif

/*
 * gauge: how full many mailboxes are, for lists of users.
 *
 * A helper looks, so that the writer goes on meanwhile; what it found it remembers together with the state of the
 * index's files, and a mailbox that did not change since is not opened again: ten thousand of them take some seconds
 * once, and some milliseconds then. Questions (uid*) are numbers of users; answers octets and inbox for each, in their
 * order, -1 where a mailbox cannot be looked at now.
 */
#ifndef POSTROOM_DELIVER_GAUGE_H
#define POSTROOM_DELIVER_GAUGE_H

#include "deliver/helper.h"

enum { GAUGE_MAX = 2000 }; /* mailboxes of one question */

/* Start the process, before the sandbox. -1: ERR_SYSTEM. */
int gauge_start(struct helper **gauge_out, const struct daemon *daemon, struct event_base *base, struct err *err);

#endif

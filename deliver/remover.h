/*
 * remover: mailboxes of users who were deleted go for good, with the files that their autoresponders sent.
 *
 * configd says which, by number, and asks again until there is nothing left. The writer hands that on to a helper only
 * where the settings know no such user; it has closed the mailbox by then and opens it no more (cache.c).
 */
#ifndef POSTROOM_DELIVER_REMOVER_H
#define POSTROOM_DELIVER_REMOVER_H

#include "deliver/helper.h"

/* Start the process, before the sandbox. -1: ERR_SYSTEM. */
int remover_start(struct helper **remover_out, const struct daemon *daemon, struct event_base *base, struct err *err);

#endif

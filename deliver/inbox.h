/*
 * inbox: what administrators have done with a user's whole Inbox: it is emptied, or copied to his assistants.
 *
 * A helper of the writer, which has no time for so many messages. Both requests may be repeated: what was removed is
 * removed once, into the recycle bin, and a copy has an id that follows from the message's, the same that it has where
 * the message is copied as it comes (route.c), so that an assistant gets each once, however often that is asked for
 * (within STORE_DELIVERED_DAYS). Messages are bytes here, nothing of them is parsed.
 */
#ifndef POSTROOM_DELIVER_INBOX_H
#define POSTROOM_DELIVER_INBOX_H

#include "deliver/helper.h"

/* Start the process, before the sandbox. ringer: of ringer_start, so that sessions see it. -1: ERR_SYSTEM. */
int inbox_start(struct helper **inbox_out, int ringer, const struct daemon *daemon, struct event_base *base,
                struct err *err);

#endif

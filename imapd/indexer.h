/*
 * imapd/indexer: the child that brings a mailbox's full-text index up (common/store/search.h).
 *
 * A session forks it, with the lowest priority, when there is something to index: after a search in texts, and while
 * the client is idle where the mailbox has an index already. So a mailbox whose user never searches costs nothing. The
 * child is in the session's sandbox, holds none of its descriptors but the log, opens nothing of the mailbox but
 * messages and search.db, and ends when it is done or the instance does. There is one for a mailbox at a time.
 */
#ifndef POSTROOM_IMAPD_INDEXER_H
#define POSTROOM_IMAPD_INDEXER_H

#include "imapd/imapd.h"

/* See to it that all messages there are now get into the index. */
void indexer_wake(struct session *session);
/* The same where the mailbox has an index already; cheap where there is nothing to do. */
void indexer_consider(struct session *session);

#endif

/*
 * copy: all messages of an IMAP account, with their folders, flags and dates, to a process that stores them in a
 * mailbox here (`postroom collector copy`). It is asked on a socket that it gave; the session fetches, and never
 * reaches the mailbox; who stores never hears the server. What was stored is not fetched again.
 *
 * | op | fields | answer |
 * |---|---|---|
 * | `folder` | `name` (levels parted by "/"), `[use]` (sent, drafts, junk, trash, archive), `uidvalidity`,
 *   `messages` (how many it has) | the following is about this folder |
 * | `known` | `uid`*, COPY_UIDS_MAX at most | `wanted`: a "1" or "0" for each: is it to be fetched? |
 * | `messages` | descriptor of a file; `message`*: "OFFSET SIZE FLAGS DATE UID KEYWORDS", flags as enum store_flag,
 *   keywords separated by spaces | when all are stored, and synced |
 *
 * Security stance: who stores believes no number of these; a session that was taken over can put messages into that one
 * mailbox, and nothing else.
 */
#ifndef POSTROOM_COLLECTOR_COPY_H
#define POSTROOM_COLLECTOR_COPY_H

#include "collector/session.h"

enum {
	COPY_UIDS_MAX = 1000,
	COPY_TIMEOUT_MS = 600000, /* for who stores */
};

/* On session->storer. -1: why it failed; what was stored stays. */
int copy_collect(struct session *session, struct err *err);

#endif

/*
 * collector: fetches mail that waits at other servers: out of POP3 mailboxes, by ETRN, by ODMR (specification 04).
 *
 * The scheduler, or an administrator, says which collector is to run; what is set of it comes from the settings. Each
 * run is a process of its own (session.h), forked for it: it speaks with one server, writes what it fetches into the
 * drop, and tells this daemon by a channel what it has (dialogue.h). The daemon alone writes collect.db, which knows
 * every message that was seen (table.h).
 *
 * Promises: a message is neither lost nor delivered twice, whenever a process is killed or the power ends. A session
 * parks what it fetched in tmp/ of the drop and syncs it; the daemon commits what became of the messages and the names
 * of the parked files in one transaction, then moves these into new/ (outbox.h); only then the session tells the server
 * to delete. What was parked and not committed is removed, and fetched again.
 *
 * Security stance: what a server sends is read in the session's process, which can connect out, read the settings, make
 * files in the drop and ask the resolver; it has read the one password that it needs and closed the way to authd before
 * it connects. It reaches neither collect.db nor other sessions' files. The daemon itself reads requests and what its
 * sessions report, each of which is checked; a session speaks for its own collector alone.
 *
 * Files: main.c the loop; requests.c what is asked; runs.c the sessions' processes; staying.c which of
 * them stay; dialogue.c what they report; table.c, history.c collect.db; outbox.c the drop. In the session: session.c
 * its begin and end, keeper.c its side of the dialogue, login.c the way to a mailbox, mailbox.c POP3, folders.c IMAP,
 * watch.c staying there, copy.c a whole account, plan.c what is to be done with each, fetch.c fetching them, flow.c
 * what comes of it, message.c one of them, store.c into the drop, batch.c what is stored together, digests.c which were
 * the same; turn.c ETRN and ODMR.
 */
#ifndef POSTROOM_COLLECTOR_COLLECTOR_H
#define POSTROOM_COLLECTOR_COLLECTOR_H

#include "common/daemon/daemon.h"
#include "common/db/query.h"
#include "common/ipc/loop.h"
#include "common/net/sandbox.h"
#include "common/notice/notice.h"
#include "common/settings/connectors.h"
#include "common/spool/spool.h"

#include <openssl/types.h>

enum {
	COLLECT_TEXT_MAX = 300, /* octets that are kept of a subject, of addresses */
	COLLECT_RESULT_MAX = 500,
	COLLECT_RUNS_KEPT = 200, /* of each collector's history */
	COLLECT_DAY_S = 86400,
};

struct runs;

struct collectord {
	struct daemon daemon;
	struct event_base *base;
	struct settings settings; /* with the objects kept open */
	struct db db;
	struct spool_drop drop;
	char scratch[INSTANCE_PATH_MAX + 64]; /* folder for sessions' files without a name */
	struct sandbox session_sandbox;
	SSL_CTX *tls;
	struct notices *notices;
	struct ipc_client *historyd;
	struct runs *runs;
};

/* How a run ended. */
struct run_result {
	bool connected; /* a TCP connection came about */
	bool ok;
	int64_t messages; /* that were stored */
	int64_t octets;   /* of messages, that came from the server */
	char text[COLLECT_RESULT_MAX];
};

/* requests.c: an ipc_handler. */
void requests_take(struct ipc_incoming *incoming, void *context);

#endif

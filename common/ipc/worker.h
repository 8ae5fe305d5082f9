/*
 * ipc/worker: a process for one job, forked from an event loop, that answers once.
 *
 * What parses strangers' bytes, runs scripts or waits for others does so in such a process: it holds nothing but the
 * descriptors that it is given, enters a sandbox as the first thing its function does, and is killed when it has
 * answered or when its time is over. So the files that it wrote are nobody else's to change when the loop looks at
 * them. Of a pool so many run at a time as it allows, the others wait in their order.
 *
 * Security stance: the answer is the word of a process that may be anybody's by now; who gets it checks every field.
 */
#ifndef POSTROOM_IPC_WORKER_H
#define POSTROOM_IPC_WORKER_H

#include "common/ipc/ipc.h"

#include <event2/event.h>

enum { WORKER_KEEP_MAX = 8 };

struct worker_pool;

struct worker_job {
	/*
	 * In the worker: do it and write the answer's fields (after ipc_reply_ok, which was called). -1: the answer says
	 * so.
	 */
	int (*run)(struct ipc_message *reply, void *context, struct err *err);
	/* In the loop, exactly once, never from within worker_start: as ipc_callback. context is the caller's again. */
	void (*done)(struct ipc_message *reply, const struct err *err, void *context);
	void *context;
	int keep[WORKER_KEEP_MAX]; /* descriptors that the worker keeps open, -1: none; those of its sandbox too */
};

/* at_once: workers at a time; limit_ms: how long one may take. */
struct worker_pool *worker_pool_new(struct event_base *base, unsigned at_once, int limit_ms);
/* Workers that run are killed, and nobody is told. */
void worker_pool_free(struct worker_pool *pool);
/* Have a job done; what it points to has to stay until done was called. */
void worker_start(struct worker_pool *pool, const struct worker_job *job);

#endif

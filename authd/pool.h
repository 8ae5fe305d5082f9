/*
 * authd/pool: worker processes that do the hashing, so that the event loop never does.
 *
 * A keeper process is forked before authd opens any file of its own, and forks the workers; so a worker holds neither
 * keys nor databases, nor any path or network once its sandbox is on. A worker that dies is replaced; its job ends with
 * HASH_FAILED.
 *
 * Fair by address: each address has a queue of its own and the workers take from them in turn, so that somebody who
 * guesses passwords waits for himself alone. An IPv6 address counts as its /64. Where a login failed lately there is
 * one worker for all that come from such addresses, beside the others, which works a quarter of the time, and gets what
 * everybody else leaves of the processors: many who guess from many addresses take that at most, and no good client's.
 */
#ifndef POSTROOM_AUTHD_POOL_H
#define POSTROOM_AUTHD_POOL_H

#include "authd/hash.h"
#include "common/daemon/daemon.h"

#include <event2/event.h>

enum {
	POOL_WORKERS_MAX = 16, /* with the one for those who failed */
	POOL_NICE = 10,        /* of the one for those who failed, and how many times as long as it worked it rests */
	POOL_RESTS = 3,
	POOL_DISTRUST_MS = 60000, /* after a failed login */
	POOL_WAITING_MAX = 2000,  /* jobs that wait, altogether */
	POOL_WAITING_PER_ADDRESS_MAX = 200,
};

struct pool;

/* The job is done. Called from the event loop, exactly once for each job taken. */
typedef void pool_done(const struct hash_reply *reply, void *context);
/* Does anybody still wait for the answer? Asked before a job is given to a worker; false: done hears HASH_FAILED. */
typedef bool pool_wanted(void *context);

/* Fork keeper and workers (0: one a processor, at least two; and the one for those who failed). Call before anything
 * secret is read. -1: ERR_SYSTEM. */
int pool_start(struct pool **pool_out, const struct daemon *daemon, int workers, struct err *err);

/* Listen to the workers. When all are gone for good, the loop is left with pool_is_broken. */
int pool_attach(struct pool *pool, struct event_base *base, struct err *err);
bool pool_is_broken(const struct pool *pool);

/* Queue a job (copied) for an address, as text. -1: ERR_TEMPORARY where too many wait; done is not called then. */
int pool_submit(struct pool *pool, struct str address, const struct hash_request *request, pool_wanted *wanted,
                pool_done *done, void *context, struct err *err);

/* A login from there failed; succeeded. */
void pool_distrust(struct pool *pool, struct str address);
void pool_trust(struct pool *pool, struct str address);

/* Waiting jobs are not called back. The workers end. */
void pool_free(struct pool *pool);

#endif

/*
 * statusd/bandwidth: pools of bandwidth, shared by the sessions of all services.
 *
 * A session of a pool asks for a slice: so many octets, which it may move after so many milliseconds. Slices of a pool
 * follow one another in time, so together they never exceed its bandwidth, and who asks in turn with others gets as
 * much as they do. Who asks again before its time has come gets nothing but the rest of the wait, so nobody can take
 * the time of a whole pool. Pools come from the settings, and change while sessions run.
 */
#ifndef POSTROOM_STATUSD_BANDWIDTH_H
#define POSTROOM_STATUSD_BANDWIDTH_H

#include "common/settings/pools.h"
#include "common/settings/settings.h"

struct bandwidth {
	struct settings *settings;
	uint64_t generation; /* of the settings that pools are from */
	struct pools pools;
	int64_t free_at_ms[POOLS_MAX + 1]; /* io_now_ms() from which the next slice of a pool begins */
};

struct bandwidth_slice {
	int64_t octets, wait_ms; /* octets 0: ask again after the wait */
};

/* settings must stay. */
void bandwidth_init(struct bandwidth *bandwidth, struct settings *settings);
/* A slice of a pool (1 to POOLS_MAX) for who may move something from *until_ms on, which is moved on. */
struct bandwidth_slice bandwidth_ask(struct bandwidth *bandwidth, int pool, int64_t now_ms, int64_t *until_ms);

#endif

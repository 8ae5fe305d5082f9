/*
 * jobs: the questions of other daemons (doc/ipc.md, dnsd), from request to answer.
 *
 * A name is checked before it is asked for; what comes back is checked before it is handed on: host names are host
 * names, addresses are of the right size and none that nobody can be reached at. Every question is answered within
 * JOB_LIMIT_MS, before its caller gives up; where nothing is known the answer is "temporary".
 */
#ifndef POSTROOM_DNSD_JOBS_H
#define POSTROOM_DNSD_JOBS_H

#include "common/ipc/loop.h"
#include "dnsd/lookup.h"
#include "dnsd/servers.h"

enum {
	JOB_LIMIT_MS = 25000,
	JOBS_MAX = 10000,       /* open at a time; further ones are put off */
	JOB_HOSTS_MAX = 100,    /* mail exchangers of a domain */
	JOB_ADDRESSES_MAX = 32, /* of each family */
};

struct jobs {
	struct event_base *base;
	struct lookups *lookups;
	const struct servers *servers;
	size_t count;
};

/* Take a request; it is answered now or later. */
void jobs_take(struct jobs *jobs, struct ipc_incoming *incoming);

#endif

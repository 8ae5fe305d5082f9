/*
 * pools: bandwidth that connections share (specification 05 and 07, "Bandwidth pools"), as the setting bandwidth.pools
 * has them, and what a service's setting says of its connections.
 *
 * A pool has a number from 1 to 1000, maybe a name, and a bandwidth: 0 has no limit; octets in a second, both ways
 * together; or -N: it is part of pool N, which may be part of another. What is not listed has no limit.
 */
#ifndef POSTROOM_SETTINGS_POOLS_H
#define POSTROOM_SETTINGS_POOLS_H

#include "common/base/err.h"
#include "common/base/str.h"

enum { POOLS_MAX = 1000, BANDWIDTH_MAX = 999999999, POOLS_NAME_MAX = 40 };

struct pools {
	int64_t bandwidth[POOLS_MAX + 1]; /* by number */
};

/* "1 office=100000, 2=-1": items NUMBER[ NAME]=BANDWIDTH. -1: ERR_SYNTAX, ERR_LIMIT; also where pools go round. */
int pools_parse(struct str text, struct pools *pools_out, struct err *err);
/* The pool whose bandwidth a pool shares: the last of its chain. */
int pools_root(const struct pools *pools, int pool);

/*
 * What holds for a connection: "0" none, "N" octets in a second for itself, "pool N". limit_out: as GetBandwidth of
 * bandwidth.lua says it, 0, N, or -N for a pool. -1: ERR_SYNTAX.
 */
int bandwidth_parse(struct str text, int64_t *limit_out, struct err *err);

#endif

/*
 * rules: mxserverrules.lua, the administrator's choice of mail exchangers (specification 04).
 */
#ifndef POSTROOM_SENDER_RULES_H
#define POSTROOM_SENDER_RULES_H

#include "common/sending/sending.h"

struct exchanger {
	struct route_host host;
	unsigned priority; /* as a preference of the DNS: small ones first */
};

/* By priority; equal ones in the order in which they were added. */
struct exchangers {
	struct exchanger list[ROUTE_HOSTS_MAX];
	size_t count;
};

/* Put one in its place, where there is room. */
void exchangers_add(struct exchangers *exchangers, const struct exchanger *exchanger);

/* GetOverrides: add the servers that it names. Returns their number. *go_on: false: act as if there was no server. */
size_t rules_override(const struct delivery *delivery, struct str domain, struct arena *arena,
                      struct exchangers *exchangers, bool *go_on);
/*
 * CheckServer and FinalOverrides: leave out what is not to be used, change the rest. -1: nothing is left; every
 * recipient is deferred and held for as long as the script says, without an attempt that counts.
 */
int rules_check(struct delivery *delivery, struct str domain, struct arena *arena, struct exchangers *exchangers);

#endif

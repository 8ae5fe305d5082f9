/*
 * collected: what a collector's settings mean for mail that it fetched.
 *
 * Its accepted domains stand in for the local ones, users may need mappings, and all may go to another server. What was
 * read last is kept until the settings change, since the recipients of a message are asked for one after another.
 */
#ifndef POSTROOM_RESOLVER_COLLECTED_H
#define POSTROOM_RESOLVER_COLLECTED_H

#include "common/collecting/routing.h"
#include "common/settings/settings.h"

struct collected {
	struct arena arena;
	uint64_t generation; /* of the settings that it is from */
	int64_t id;          /* 0: nothing was read */
	struct str domains[ROUTING_DOMAINS_MAX];
	size_t domain_count; /* 0: the local ones count */
	bool default_mappings;
	struct str forward_address; /* this address goes to that server; empty: nothing is forwarded */
	struct str forward_server;  /* [USER:PASSWORD@]HOST[:PORT] */
};

void collected_init(struct collected *collected);
void collected_free(struct collected *collected);
/* Read those of a collector; of one that is not there the defaults. -1: as db_prepare. */
int collected_look(struct collected *collected, struct settings *settings, int64_t collector, struct err *err);

#endif

/*
 * sending: giving messages to other servers by SMTP, message after message, for each program that does (sender, lfwd).
 *
 * A program is a listener of queue-manager's connections; each is a process of its own (session.h) for one destination.
 * What is the same for all stands here: the request, the way over hosts and addresses, TLS and login, who is decided by
 * what. What a program alone knows it says by these functions: what a destination means, and where its servers are.
 */
#ifndef POSTROOM_SENDING_SENDING_H
#define POSTROOM_SENDING_SENDING_H

#include "common/sending/route.h"

struct sending {
	const char *program; /* as dnsd and authd know it */
	bool by_mx;          /* policies of domains are asked for: fetchd knows it, too */
	/*
	 * Understand delivery->destination: set is_relay and needs_secrets, and what else of the delivery follows from it.
	 * Called before any connection is used. -1: ERR_PROTOCOL, ERR_SYNTAX.
	 */
	int (*accept)(struct delivery *delivery, struct arena *arena, struct err *err);
	/* Find the servers; arena's texts. 0; -1 where there are none: then every recipient is decided. */
	int (*find_route)(struct route_sources *sources, struct delivery *delivery, struct arena *arena,
	                  struct route *route);
	/* Say in the log that a relay did not do its work; may be NULL. name: as the route has it. */
	void (*report_trouble)(const struct delivery *delivery, const char *name, struct str words);
};

#endif

/*
 * networks: what this machine is attached to, as the kernel says (rtnetlink, rtnetlink(7)): its routers, which are the
 * gateways of its default routes, and its local networks, which are those of its interfaces' addresses; 127.0.0.0/8,
 * ::1 and fe80::/64 always.
 *
 * The kernel tells of changes, so that looking again costs one system call where nothing changed. It answers nobody but
 * the kernel, sends to nobody, and keeps what it knew where the kernel cannot be asked.
 */
#ifndef POSTROOM_POLICY_NETWORKS_H
#define POSTROOM_POLICY_NETWORKS_H

#include "common/addr/cidr.h"
#include "common/base/arena.h"

enum { NETWORKS_MAX = 1024 }; /* of each kind; what the kernel names beyond is left out, and logged */

struct networks {
	int notices; /* the kernel's socket; -1: closed */
	bool stale;  /* something changed since the lists were made */
	struct arena arena;
	struct cidr *routers, *local;
	size_t router_count, local_count;
};

/* Ask, and listen for changes from then on. -1: ERR_SYSTEM. */
int networks_open(struct networks *networks, struct err *err);
void networks_close(struct networks *networks);
/* Ask again where something changed. What fails is logged, and tried again the next time. */
void networks_refresh(struct networks *networks);

/* Is a single address one of the routers; is it in a local network? */
bool networks_is_router(const struct networks *networks, const struct cidr *address);
bool networks_is_local(const struct networks *networks, const struct cidr *address);

#endif

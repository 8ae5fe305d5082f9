/*
 * ask: the resolver as routing asks it (struct routing_asker), for one collector.
 *
 * Security stance: the resolver decides; what cannot be understood of its answer is an error, and the message stays
 * where it is.
 */
#ifndef POSTROOM_COLLECTING_ASK_H
#define POSTROOM_COLLECTING_ASK_H

#include "common/collecting/routing.h"
#include "common/ipc/ipc.h"

struct collect_asker {
	struct ipc_channel channel;
	struct ipc_message request, reply;
	int64_t collector;
};

/* Connect as `caller`. -1: as ipc_connect; nothing to close then. */
int collect_asker_open(struct collect_asker *asker, const struct instance *instance, const char *caller,
                       int64_t collector, struct err *err);
void collect_asker_close(struct collect_asker *asker);
struct routing_asker collect_asker_face(struct collect_asker *asker);

#endif

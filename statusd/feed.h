/*
 * statusd/feed: records on their way to another daemon, in batches.
 *
 * Nothing here waits. What the other does not take is kept and offered again; what finds no room is counted and logged.
 * A record may come twice, where an answer was lost.
 */
#ifndef POSTROOM_STATUSD_FEED_H
#define POSTROOM_STATUSD_FEED_H

#include "common/ipc/loop.h"

struct feed;

/* To callee ("historyd"), by requests of that name ("record"), each with what came within pause_ms. Both texts must
 * stay. */
struct feed *feed_open(struct event_base *base, const struct instance *instance, const char *callee, const char *op,
                       int pause_ms);
/* One record, as a field of that key, which must stay. */
void feed_add(struct feed *feed, const char *key, struct str text);
/* Has the other taken all? */
bool feed_is_empty(const struct feed *feed);
void feed_free(struct feed *feed);

#endif

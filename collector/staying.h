/*
 * staying: which collectors stay connected, and whether what is set has changed for one that does.
 *
 * A session has the settings with which it began. What concerns it is all that is set of the server, of the collector
 * and its connections, and the download rules; users, mappings and lists are the resolver's, who knows of their changes
 * himself. Where something of that has changed it begins anew; all else leaves it where it is.
 */
#ifndef POSTROOM_COLLECTOR_STAYING_H
#define POSTROOM_COLLECTOR_STAYING_H

#include "collector/collector.h"
#include "collector/digests.h"

/* Does a collector with these settings stay? */
bool staying_is_set(const struct collector_settings *settings);
/* Does that one, by what is set now? */
bool staying_is_wanted(struct collectord *collectord, int64_t collector);
/* What is set now and concerns it. What cannot be read has another digest than what can. */
void staying_digest(struct collectord *collectord, int64_t collector, unsigned char bytes[DIGEST_LEN]);
/* Is that another one than it was? */
bool staying_has_changed(struct collectord *collectord, int64_t collector, const unsigned char before[DIGEST_LEN]);

#endif

/*
 * lookup: questions to the DNS through libunbound, inside the event loop.
 *
 * Asks the servers that servers.h found. Answers are cached and, where the servers hand on what that needs, validated
 * with DNSSEC: a question for the signed root zone finds out whether they do, once a minute until it succeeds; until
 * then answers are taken unvalidated, so that mail flows behind servers that know nothing of DNSSEC. Names below a
 * trust anchor of the settings are always validated. The zone test. (RFC 6761) is asked like any other and not
 * validated but by such an anchor, for private and test networks.
 */
#ifndef POSTROOM_DNSD_LOOKUP_H
#define POSTROOM_DNSD_LOOKUP_H

#include "dnsd/message.h"

#include <event2/event.h>

enum lookup_state {
	LOOKUP_FAILED,  /* no answer, SERVFAIL, or one that is bogus: may be different later */
	LOOKUP_MISSING, /* NXDOMAIN */
	LOOKUP_EMPTY,   /* the name exists, without such records */
	LOOKUP_FOUND,
};

struct lookup_result {
	enum lookup_state state;
	bool secure; /* validated */
	int rcode;
	struct str *rdata;
	size_t count;
	struct str reason; /* in words, where it failed */
};

/* May be called before lookup_start returns (an answer from the cache). rdata and reason live in the arena given. */
typedef void lookup_callback(const struct lookup_result *result, void *context);

struct lookups; /* two resolvers, one that validates, and the questions open in them */

/* lookups_change is to follow before the first question. -1: ERR_SYSTEM. */
struct lookups *lookups_open(struct event_base *base, struct err *err);
/*
 * Go over to other servers and trust anchors (resolver.h); open questions are still answered by the old ones. -1:
 * ERR_SYSTEM with libunbound's words; everything stays.
 */
int lookups_change(struct lookups *lookups, struct str servers, struct str anchors, struct err *err);

/* Ask for a name (A-labels, without the final dot). The callback comes exactly once, but maybe late: no limit here. */
void lookup_start(struct lookups *lookups, const char *name, unsigned type, struct arena *arena,
                  lookup_callback *callback, void *context);
/* Ask one server alone, past the cache and unvalidated: how it does. -1: ERR_SYSTEM; there is no callback then. */
int lookup_start_at(struct lookups *lookups, struct str server, const char *name, unsigned type, struct arena *arena,
                    lookup_callback *callback, void *context, struct err *err);

#endif

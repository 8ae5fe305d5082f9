/*
 * lookup: questions to the DNS through libunbound, inside the event loop.
 *
 * Asks the servers of dns.servers, or those of /etc/resolv.conf (read when this starts, or the setting changes).
 * Answers are cached and, where the servers hand on what that needs, validated with DNSSEC: a question for the signed
 * root zone finds out whether they do, once a minute until it succeeds; until then answers are taken unvalidated, so
 * that mail flows behind servers that know nothing of DNSSEC. The zone test. (RFC 6761) is asked like any other and
 * never validated, for private and test networks.
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

/* servers: as in dns.servers. -1: ERR_SYSTEM with libunbound's words. */
struct lookups *lookups_open(struct event_base *base, const char *servers, struct err *err);
/* Go over to other servers; open questions are still answered by the old ones. On failure everything stays. */
int lookups_change(struct lookups *lookups, const char *servers, struct err *err);

/* Ask for a name (A-labels, without the final dot). The callback comes exactly once, but maybe late: no limit here. */
void lookup_start(struct lookups *lookups, const char *name, unsigned type, struct arena *arena,
                  lookup_callback *callback, void *context);

#endif

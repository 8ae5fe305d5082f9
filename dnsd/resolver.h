/*
 * resolver: one context of libunbound inside the event loop, set up for some servers, validating or not.
 *
 * Made for lookup.c alone, which asks it and frees it with its last question.
 */
#ifndef POSTROOM_DNSD_RESOLVER_H
#define POSTROOM_DNSD_RESOLVER_H

#include "common/base/err.h"
#include "common/base/str.h"

struct event_base;
struct ub_ctx;

#define RESOLVER_ROOT_ANCHOR "/usr/share/dns/root.key"

enum { RESOLVER_ANCHOR_MAX = 2048 }; /* octets of one trust anchor as text, with its end */

struct resolver_options {
	struct str servers; /* "192.0.2.53,[2001:db8::53]:5353"; empty: from the root on */
	struct str anchors; /* DS or DNSKEY records, separated by commas; names below them are validated by these */
	bool root_anchor;   /* validate everything by the root's keys */
};

struct resolver {
	struct ub_ctx *context;
	unsigned open; /* questions */
	bool retired;
};

/* NULL: ERR_SYSTEM with libunbound's words, ERR_LIMIT. */
struct resolver *resolver_new(struct event_base *base, const struct resolver_options *options, struct err *err);
/* Not while it is calling. NULL does no harm. */
void resolver_free(struct resolver *resolver);

#endif

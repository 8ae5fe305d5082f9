/*
 * ask: one question to a server whether it knows a recipient.
 */
#ifndef POSTROOM_LFWD_ASK_H
#define POSTROOM_LFWD_ASK_H

#include "common/lan/verifier.h"
#include "common/sending/route.h"

enum verdict {
	VERDICT_NONE, /* no answer, or none that says it */
	VERDICT_KNOWN,
	VERDICT_UNKNOWN,
};

/* By an SMTP session; by Minger. Both end within limit_ms. */
enum verdict ask_by_smtp(struct route_sources *sources, const struct server *server, struct str address, int limit_ms);
enum verdict ask_by_minger(struct route_sources *sources, const struct server *server, struct str secret,
                           struct str address, int limit_ms);

#endif

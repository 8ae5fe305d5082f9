/*
 * verify: does a recipient exist at the server where a LAN rule sends him (specification 07, "Address verification for
 * wildcard rules")? The resolver asks before mail for him is taken; each of its connections is a process here.
 *
 * A server is asked by Minger, or by an SMTP session with MAIL FROM:<> and RCPT that sends nothing. A clear answer is
 * kept: that he exists for an hour, in which nobody is asked again; that he does not for a day, in which it counts
 * where there is no answer. Without any answer he is taken. So nothing that is asked here ever loses mail, and a server
 * that is away keeps refusing whom it refused.
 *
 * Security stance: the process hears strangers' servers; it has their answers of before (state/lan), no message, and
 * passwords of Minger only. It answers within VERIFY_MS.
 */
#ifndef POSTROOM_LFWD_VERIFY_H
#define POSTROOM_LFWD_VERIFY_H

#include "common/daemon/daemon.h"
#include "common/net/sandbox.h"

enum { VERIFY_MS = 8000 };

struct verify_parent {
	const struct daemon *daemon;
	struct sandbox sandbox;
};

/* Before connections are taken: the database, the sandbox. */
int verify_prepare(struct verify_parent *parent, struct err *err);
/* A connection of the resolver. Returns the exit status. */
int verify_run(int fd, const struct verify_parent *parent);

#endif

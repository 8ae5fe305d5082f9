/*
 * audit: logins on their way to security.log.
 *
 * authd, which knows why a login failed, connects to nobody: statusd asks it for what there is (op audit), and gets the
 * answer when there is something. Until then up to AUDIT_MAX lines wait; what comes then is counted and lost, and
 * stands in the ordinary log alone.
 */
#ifndef POSTROOM_AUTHD_AUDIT_H
#define POSTROOM_AUTHD_AUDIT_H

#include "common/ipc/loop.h"
#include "common/status/security.h"

#include <sys/queue.h>

enum { AUDIT_MAX = 5000 };

struct audit_line {
	STAILQ_ENTRY(audit_line) next;
	size_t len;
	char text[];
};

struct audit {
	STAILQ_HEAD(audit_lines, audit_line) lines;
	size_t count, lost;
	struct ipc_incoming *waiting; /* statusd's question; NULL: it has not asked yet */
};

void audit_init(struct audit *audit);
void audit_free(struct audit *audit);
/* One login; its time is set here. */
void audit_add(struct audit *audit, struct security_record *record);
/* statusd asks: answered now or when there is something. A question before it is answered with nothing. */
void audit_ask(struct audit *audit, struct ipc_incoming *incoming);

#endif

/*
 * servers: which DNS servers are asked: those of dns.servers, or where that is empty those that the system names in
 * /etc/resolv.conf, read again when it changes.
 *
 * What the system wrote is read with limits; lines that are no addresses are passed over.
 */
#ifndef POSTROOM_DNSD_SERVERS_H
#define POSTROOM_DNSD_SERVERS_H

#include "common/base/buf.h"
#include "common/base/err.h"

#include <time.h>

enum {
	SERVERS_TEXT_MAX = 8192, /* octets of the list */
	SERVERS_MAX = 20,        /* that the system may name */
};

#define SERVERS_SYSTEM_FILE "/etc/resolv.conf"

struct servers {
	struct buf list;         /* in use: "192.0.2.53,[2001:db8::53]:5353"; empty: the DNS is asked from its root on */
	bool detected;           /* they are the system's */
	struct timespec changed; /* of the system's file as it was read */
	int64_t looked_ms;       /* io_now_ms() of the last look at it */
};

void servers_init(struct servers *servers);

/* Read the addresses of a resolv.conf(5). */
void servers_parse_system(struct str text, struct buf *list);

/*
 * Take over what the setting says. Looks at the system's file once a second at most. Returns whether the list is
 * another than before. A file that cannot be read leaves the list as it was, with a line in the log.
 */
bool servers_refresh(struct servers *servers, const char *setting);

#endif

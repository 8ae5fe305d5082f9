/*
 * authd/recent: addresses from which somebody logged in by POP3 lately ("POP3 then SMTP", specification 05).
 *
 * An old way for mail programs that cannot log in when they send: whoever read his mail may send from the same address
 * for some minutes. In memory only. An address counts as it is, IPv6 too.
 */
#ifndef POSTROOM_AUTHD_RECENT_H
#define POSTROOM_AUTHD_RECENT_H

#include "common/base/str.h"

enum { RECENT_MAX = 10000, RECENT_PEER_MAX = 64 };

struct recent_login {
	char peer[RECENT_PEER_MAX];
	int64_t at_ms; /* io_now_ms */
};

/* The oldest makes room for the newest. */
struct recent {
	struct recent_login *list; /* NULL before the first */
	size_t count;
};

void recent_add(struct recent *recent, const char *peer, int64_t now_ms);
/* Did somebody log in from there, less than duration_ms ago? */
bool recent_has(const struct recent *recent, const char *peer, int64_t duration_ms, int64_t now_ms);
void recent_free(struct recent *recent);

#endif

/*
 * ceilings: how many connections there may be to a server at a time (specification 07, LAN forwarding, "Thread
 * rules"), as the setting lan.thread-rules has them: "192.0.2.1-10 mail-2.example.com:1025-5".
 */
#ifndef POSTROOM_SETTINGS_CEILINGS_H
#define POSTROOM_SETTINGS_CEILINGS_H

#include "common/addr/server.h"

enum { CEILINGS_MAX = 200, CEILING_MOST = 1000 };

struct ceiling {
	struct server server; /* port 25 where none is written */
	unsigned most;        /* 1 to CEILING_MOST */
};

/*
 * Cut the next item off *rest; its number stands behind the last hyphen, since host names have hyphens, too.
 * 1 = there is one, 0 = none is left, -1: ERR_SYNTAX. Views into *rest and arena.
 */
int ceiling_next(struct str *rest, struct arena *arena, struct ceiling *ceiling_out, struct err *err);

#endif

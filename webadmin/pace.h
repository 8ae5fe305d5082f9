/*
 * pace: how many requests in a minute an address, or a session, may make.
 *
 * One table for all processes of connections, made by the listener before it forks: who exceeds his number is told to
 * wait (429), however many connections he has. A minute's worth may come at once. The table has room for
 * PACE_PLACES at a time; where there are more, those that are done waiting first are forgotten first.
 *
 * Security stance: keys are hashes under a seed of the listener's, so that nobody chooses who shares a place. A process
 * that was taken over could write here, and so keep others waiting for as long as it lives, or let them pass; it learns
 * nothing of them.
 */
#ifndef POSTROOM_WEBADMIN_PACE_H
#define POSTROOM_WEBADMIN_PACE_H

#include "common/base/err.h"
#include "common/base/str.h"

enum { PACE_PLACES = 8192 };

struct pace;

/* In memory that processes forked later share. NULL: ERR_SYSTEM. */
struct pace *pace_new(struct err *err);
/*
 * Count a request of key, one of a kind ("address"), which may make per_minute of them (0: any). now_us: a clock that
 * does not go back. Returns 0: go on; else so many seconds from now it may come again.
 */
int pace_take(struct pace *pace, const char *kind, struct str key, int64_t per_minute, int64_t now_us);

#endif

/*
 * moment: points in time as protocols write them, the Internet's date-time of RFC 3339: "2026-12-31T23:59:59Z".
 */
#ifndef POSTROOM_BASE_MOMENT_H
#define POSTROOM_BASE_MOMENT_H

#include "common/base/arena.h"

/* Seconds since 1970. Any offset ("+01:00") and fractions of seconds, which are dropped, are understood. False: it is
 * none. */
bool moment_parse(struct str text, struct arena *arena, int64_t *seconds_out);

/* In UTC. */
struct str moment_format(int64_t seconds, struct arena *arena);

#endif

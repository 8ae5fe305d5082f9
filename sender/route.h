/*
 * route: where sender's messages go: a domain's mail exchangers ("mx <domain>"), or the servers of a sender of the
 * settings ("relay <sender id>"). The functions are those of struct sending (common/sending/sending.h).
 */
#ifndef POSTROOM_SENDER_ROUTE_H
#define POSTROOM_SENDER_ROUTE_H

#include "common/sending/sending.h"

int sender_accept(struct delivery *delivery, struct arena *arena, struct err *err);
int sender_find_route(struct route_sources *sources, struct delivery *delivery, struct arena *arena,
                      struct route *route);
void sender_report_trouble(const struct delivery *delivery, const char *name, struct str words);

#endif

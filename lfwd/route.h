/*
 * route: where LAN forwarding sends: the server that the message's destination names (common/lan/destination.h), as A
 * or AAAA, never by MX. The login is the destination's own, or that of the rule as long as the rule means that server.
 * STARTTLS is used where it is offered, with any certificate. The functions are those of struct sending.
 */
#ifndef POSTROOM_LFWD_ROUTE_H
#define POSTROOM_LFWD_ROUTE_H

#include "common/lan/rules.h"
#include "common/sending/sending.h"

int lan_accept(struct delivery *delivery, struct arena *arena, struct err *err);
int lan_find_route(struct route_sources *sources, struct delivery *delivery, struct arena *arena, struct route *route);
void lan_report_trouble(const struct delivery *delivery, const char *name, struct str words);

/* The rule of that number, as the snapshot has it. 1 = found, 0 = there is none, -1 = error. */
int lan_find_rule(struct settings *settings, int64_t id, struct arena *arena, struct lan_rule *rule_out,
                  struct err *err);

#endif

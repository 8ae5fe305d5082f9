/*
 * destination: where queue-manager hands mail for LAN forwarding, as one line of text.
 *
 *     lan <rule> <host>:<port> [USER=<xtext> PASSWORD=<xtext>] [FROM=<xtext>]
 *
 * The rule's number says whose login counts (0: none); USER and PASSWORD are those of an SMTP: target or of a script;
 * where PASSWORD is the name of a secret of lfwd's (common/settings/secret.h), as of a collector that forwards all,
 * authd has it. FROM is the return path of a script. Messages with the same line can share a connection. It may hold a
 * password: show its server only.
 */
#ifndef POSTROOM_LAN_DESTINATION_H
#define POSTROOM_LAN_DESTINATION_H

#include "common/addr/server.h"

#define LAN_SECRETS_OF "lfwd"

enum { LAN_DESTINATION_MAX = 2400 }; /* octets of the line with its end; what would be longer is refused */

struct lan_destination {
	int64_t rule; /* of the table; 0: an SMTP: target */
	struct server server;
	struct str user, password; /* empty: those of the rule, or none */
	bool has_from;             /* a return path of its own */
	struct str from;
};

/* -1: ERR_LIMIT. The line is in arena. */
int lan_destination_format(const struct lan_destination *destination, struct arena *arena, struct str *line_out,
                           struct err *err);
/* -1: ERR_SYNTAX. Views into line and arena. */
int lan_destination_parse(struct str line, struct arena *arena, struct lan_destination *destination_out,
                          struct err *err);
/* "host:port" of a line; empty where it is no such line. A view into line. */
struct str lan_destination_server(struct str line);

#endif

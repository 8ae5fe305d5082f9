/*
 * options: how a collector routes, out of its settings.
 */
#ifndef POSTROOM_COLLECTING_OPTIONS_H
#define POSTROOM_COLLECTING_OPTIONS_H

#include "common/collecting/routing.h"
#include "common/settings/connectors.h"

/*
 * own_domain: of this server, for recipients without one. Texts live in arena or settings, regular expressions until
 * routing_options_free. -1: ERR_SYNTAX, ERR_LIMIT, which configd does not let in; nothing to free then.
 */
int routing_read_options(const struct collector_settings *settings, struct str own_domain, struct arena *arena,
                         struct routing_options *options_out, struct err *err);

#endif

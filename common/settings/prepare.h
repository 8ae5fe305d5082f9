/*
 * settings/prepare: does any setting want messages to be looked at before they are delivered?
 *
 * queue-manager asks filterd to prepare a message only where this says so for one of its targets, so that mail of an
 * instance without signatures, rewriting or monitoring takes its way without a further process.
 */
#ifndef POSTROOM_SETTINGS_PREPARE_H
#define POSTROOM_SETTINGS_PREPARE_H

#include "common/settings/settings.h"

struct prepare_wants {
	bool internal; /* mail of our own senders to users, lists and LAN servers */
	bool incoming; /* mail of strangers to users */
	bool outgoing; /* mail to remote targets */
};

/* What the settings loaded want; look again when settings_refresh says that they changed. It costs some queries. -1:
 * what db says; then everything is wanted. */
int prepare_wants(const struct settings *settings, struct prepare_wants *wants_out, struct err *err);

/*
 * Is there a script that changes messages of our own senders, whatever is set? It costs a stat(2), and may be asked for
 * each message.
 */
bool prepare_has_script(const struct settings *settings);

#endif

/*
 * talk: whose sessions smtpclt.log is to have, as the senders' setting "log" says.
 */
#ifndef POSTROOM_SENDER_TALK_H
#define POSTROOM_SENDER_TALK_H

#include "common/sending/attempt.h"
#include "common/settings/connectors.h"

/* Does any sender want it? As struct sending has it. */
bool talk_is_logged(struct settings *settings);
/* The next connections are this one's; NULL: of none that is known. */
void talk_log(struct attempt *attempt, const struct sender_settings *sender);

#endif

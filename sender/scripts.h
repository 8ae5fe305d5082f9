/*
 * scripts: what the administrator's scripts say of mail that leaves: relayout.lua for senders that use a relay,
 * mxout.lua for those that send by MX, mxserverrules.lua for the choice of mail exchangers (specification 04 and 09).
 *
 * They run in sender's sessions (common/script): CheckFile in one that queue-manager keeps for such questions, all else
 * in the one that sends the message. A script that fails, or says what cannot be, changes nothing.
 *
 * Those without a comment are the functions of struct sending (common/sending/sending.h).
 */
#ifndef POSTROOM_SENDER_SCRIPTS_H
#define POSTROOM_SENDER_SCRIPTS_H

#include "common/sending/attempt.h"

struct script;

int scripts_allow(struct sandbox *sandbox, const struct instance *instance, struct err *err);
void scripts_connect(const struct instance *instance);
bool scripts_answer(struct route_sources *sources, struct ipc_message *request, struct ipc_message *reply,
                    struct arena *arena);
void scripts_begin(struct attempt *attempt, struct delivery *delivery, struct arena *arena);
void scripts_prepare(struct delivery *delivery, struct route_host *host, struct host_details *details,
                     struct arena *arena);
void scripts_connected(const struct delivery *delivery, const char *host);

/* mxserverrules.lua, for a message of this sender. */
struct script *scripts_rules(const struct delivery *delivery);
/* May a script send another message for the same domain elsewhere? */
bool scripts_choose_servers(void);

#endif

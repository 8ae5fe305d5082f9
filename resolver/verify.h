/*
 * verify: recipients whom a LAN rule of more than one address would take, where their server is to be asked whether
 * they exist (specification 07). lfwd asks it, while questions about others are answered; the answer waits.
 */
#ifndef POSTROOM_RESOLVER_VERIFY_H
#define POSTROOM_RESOLVER_VERIFY_H

#include "common/ipc/loop.h"
#include "resolver/resolve.h"

struct verifier; /* channels to lfwd */

struct verifier *verifier_new(struct event_base *base, const struct instance *instance);
/* Is that so for the answer to a question? Then it has one target, whose rule and recipient lfwd is asked about. */
bool verify_is_wanted(const struct resolver *resolver, const struct resolve_question *question,
                      const struct resolution *resolution);
/* Ask, and answer incoming later: with reply, also where lfwd does not answer, or as unknown. */
void verify_ask(struct verifier *verifier, int64_t rule, struct str address, struct ipc_incoming *incoming,
                const struct ipc_message *reply);

#endif

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
/*
 * Is that so for the answer to a question? Then lfwd is asked, and incoming answered later: with reply, or as unknown.
 * Where lfwd does not answer it is reply. False: answer it now.
 */
bool verify_begin(struct verifier *verifier, struct resolver *resolver, const struct resolve_question *question,
                  const struct resolution *resolution, struct ipc_incoming *incoming, const struct ipc_message *reply);

#endif

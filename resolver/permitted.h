/*
 * permitted: which users may get mail from a sender out there (specification 02, permissions; 07, global permissions).
 *
 * A user who may not receive from the Internet, or not from this sender, is no target of strangers' mail; where nobody
 * else is left the address is unknown to them, in the same words as one that nobody has.
 */
#ifndef POSTROOM_RESOLVER_PERMITTED_H
#define POSTROOM_RESOLVER_PERMITTED_H

#include "resolver/resolve.h"

/* Take out of a finished resolution who may not get it. Senders of our own are not asked about. */
int permitted_filter(struct resolver *resolver, const struct resolve_question *question, struct resolution *resolution,
                     struct err *err);

#endif

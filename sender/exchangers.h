/*
 * exchangers: the servers that mail for a domain is given to: its mail exchangers as the DNS says (RFC 5321 5.1), what
 * the sender's DNS overrides put in their place, and what mxserverrules.lua makes of both.
 *
 * What the DNS cannot tell now is a deferral; what there is not (no such domain, a null MX) is final, unless an
 * override names a server.
 */
#ifndef POSTROOM_SENDER_EXCHANGERS_H
#define POSTROOM_SENDER_EXCHANGERS_H

#include "common/sending/sending.h"

/* Fill route for a domain (normalised, no literal). -1: there is none, and every recipient is decided. */
int exchangers_find(struct route_sources *sources, struct delivery *delivery, struct str domain, struct arena *arena,
                    struct route *route);

#endif

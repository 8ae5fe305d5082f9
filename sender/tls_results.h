/*
 * tls_results: how TLS went on the way to a domain's servers, for the domain's owner (RFC 8460): policyd is told, and
 * reporter reports it. Of what an administrator decided himself, or a message waived, nothing is told.
 */
#ifndef POSTROOM_SENDER_TLS_RESULTS_H
#define POSTROOM_SENDER_TLS_RESULTS_H

#include "common/sending/sending.h"

/* As struct sending wants it; where policyd does not answer, the log has a warning. */
void tls_results_tell(struct attempt *attempt, const struct tls_story *story, struct arena *arena);

#endif

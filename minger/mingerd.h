/*
 * mingerd: tells other servers whether an address is valid here (05, Minger; common/minger/minger.h).
 *
 * Two processes: the first binds UDP port 4069 where the settings want that, follows them, and reads nothing; the other
 * answers. It reads strangers' datagrams in its sandbox, and asks the resolver as smtpd does for a RCPT of a stranger.
 *
 * Promises: without the right digest every question that is well-formed gets the same answer, whatever the address; so
 * does every question where no secret is set. A client on the block list gets none, nor does one that asks more than
 * ANSWERS_PER_S in the long run. A wrong digest counts as a failed login (policyd).
 */
#ifndef POSTROOM_MINGER_MINGERD_H
#define POSTROOM_MINGER_MINGERD_H

#include "common/daemon/daemon.h"
#include "common/net/endpoint.h"
#include "common/policy/known.h"

enum {
	ANSWERS_PER_S = 20, /* of one address, or /64 of IPv6 */
	ANSWERS_BURST = 200,
};

/* answer.c: the second process, on bound sockets, with the mapped file of known clients. */
void answer_run(const struct daemon *daemon, const struct known *known, const int *sockets, size_t count)
    __attribute__((noreturn));

/* rate.c: may an address have an answer now? now: milliseconds. Some that share a place of the table share its share.
 */
bool rate_permits(struct str key, int64_t now);

#endif

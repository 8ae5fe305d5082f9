/*
 * mailauth/dns/channel: answers of dnsd, over a channel to it.
 *
 * Questions may be on their way before they are asked for (mailauth_foresee): all of them travel at once, and who asks
 * waits for his own alone. At most MAILAUTH_CHANNEL_QUESTIONS are; what is foreseen beyond is asked in its turn.
 * Nothing waits longer than the deadline; a channel on which dnsd did not answer is closed, and everything is temporary
 * from then on.
 */
#ifndef POSTROOM_MAILAUTH_DNS_CHANNEL_H
#define POSTROOM_MAILAUTH_DNS_CHANNEL_H

#include "common/ipc/ipc.h"
#include "common/mailauth/dns/dns.h"

enum { MAILAUTH_CHANNEL_QUESTIONS = 16 };

struct mailauth_question;

struct mailauth_channel {
	struct ipc_channel *ipc;             /* the caller's */
	struct mailauth_question *questions; /* on their way, or answered and not asked for yet */
	size_t count;
};

void mailauth_channel_init(struct mailauth_channel *channel, struct ipc_channel *ipc);
/* Forget what was foreseen; its answers are dropped when they come. */
void mailauth_channel_forget(struct mailauth_channel *channel);

/* The channel must outlive what is returned. */
struct mailauth_dns mailauth_channel_dns(struct mailauth_channel *channel);

#endif

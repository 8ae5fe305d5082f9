/*
 * attempt: one message to one destination, host after host, until every recipient is decided.
 *
 * Specification 04 (SMTP relay, SMTP direct) and 09, 9: by MX, a connection failure, a greeting that refuses, a failed
 * TLS handshake and 4xx answers lead on to the next host; 5xx answers are final for whom they are about. A relay's
 * first server that answers decides. Whatever stays open at the end is deferred with the last server's words. Every
 * host tried leaves a log line with the message's id.
 */
#ifndef POSTROOM_SENDING_ATTEMPT_H
#define POSTROOM_SENDING_ATTEMPT_H

#include "common/sending/sending.h"
#include "common/status/transcript.h"

/* What a session keeps from message to message. */
struct attempt {
	const struct sending *sending;
	struct route_sources sources;
	SSL_CTX *tls;
	struct smtp_client client;
	char destination[512]; /* that the open connection is for */
	bool once;             /* that connection is not for another message */
	char relay_name[128];  /* of the relay sender that is used */
	uint64_t generation;   /* of the settings it was made under */
	struct transcript log; /* what is said, where it is wanted */
	char log_name[128];    /* for whom it is; empty: the next connection is not logged */
	bool log_messages;     /* what is sent in them, too */
	bool is_required;      /* it is such as a message with REQUIRETLS wants */
};

/* How long to wait for what, by the settings. */
struct smtp_timeouts attempt_timeouts(const struct settings *settings);

/* Decide every recipient. The connection may stay open for the next message. */
void attempt_deliver(struct attempt *attempt, struct delivery *delivery, struct arena *arena);

#endif

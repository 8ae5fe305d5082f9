/*
 * request: what queue-manager asks for, and its answer (doc/ipc.md, sender and lfwd).
 */
#ifndef POSTROOM_SENDING_REQUEST_H
#define POSTROOM_SENDING_REQUEST_H

#include "common/ipc/ipc.h"
#include "common/net/smtp_client.h"
#include "common/spool/spool.h"

/* One message on its way to one destination. */
struct delivery {
	char id[SPOOL_ID_MAX];
	struct smtp_message message;
	struct str *hosts;      /* beside message.recipients: the server that decided each; empty = none was reached */
	struct str destination; /* as asked for: identifies what a connection can be used again for */
	bool is_relay;          /* the first server that answers decides */
	bool needs_secrets;     /* a password of the settings may be wanted for it */
	int64_t brief_ms;       /* a server that does not greet within so long is given up, others wait; 0: as ever */
	bool cut_short;         /* set: that happened, no attempt is counted */
	bool connected;         /* set: one connection to a server came about */
	int64_t hold_s;         /* set: who is deferred waits so long, and no attempt is counted; 0: as ever */
	/* of sender alone: as whom, and what scripts and overrides ask about */
	int64_t sender;       /* its number */
	unsigned attempts;    /* so far */
	int64_t time_us;      /* when the message came */
	struct str mail_from; /* as it came, without brackets */
	struct str user;      /* who logged in to send it, or empty */
	struct str peer;      /* client address */
	struct str *all;      /* recipients of the whole message */
	size_t all_count;
};

/*
 * Read a request, but for what its destination means. Views into request and arena; the descriptor of the file moves
 * into delivery (the caller closes it). -1: ERR_PROTOCOL, ERR_SYNTAX; nothing to close then.
 */
int request_parse(struct ipc_message *request, struct arena *arena, struct delivery *delivery, struct err *err);

/* One result for each recipient, in order. */
void request_reply(const struct delivery *delivery, struct ipc_message *reply);

/* Decide every recipient that is undecided, by this host (or none: ""). */
void delivery_decide(struct delivery *delivery, enum smtp_outcome outcome, const char *enhanced, struct str words,
                     struct str host);

bool delivery_is_decided(const struct delivery *delivery);

#endif

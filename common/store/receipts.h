/*
 * receipts: a session tells filterd, once, that its user has fetched a message whose header wants to know
 * (receipts.read-fields; specification 06, "Receipts"). The message keeps that as a keyword.
 *
 * Nothing is opened where the setting is empty; where it is not, the header of what is fetched is searched for the
 * fields, and the message handed over as a descriptor. What cannot be told is not: it is a courtesy.
 */
#ifndef POSTROOM_STORE_RECEIPTS_H
#define POSTROOM_STORE_RECEIPTS_H

#include "common/ipc/ipc.h"
#include "common/settings/settings.h"
#include "common/store/store.h"

#define RECEIPT_KEYWORD "$ReceiptSent"

struct receipts {
	const struct settings *settings;
	struct ipc_channel channel; /* to filterd; fd -1: nobody wants receipts, or it is gone */
};

/* Before the sandbox. program: whose channel it is. */
void receipts_open(struct receipts *receipts, const struct settings *settings, const struct instance *instance,
                   const char *program);
void receipts_close(struct receipts *receipts);
/* The session's own user fetched this message. Costs nothing where receipts are not wanted. */
void receipts_fetched(struct receipts *receipts, struct mailbox *mailbox, int64_t folder, uint32_t uid,
                      const char *user);

#endif

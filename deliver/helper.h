/*
 * helper: a process beside the writer that answers requests the writer has no time for, one after another.
 *
 * It is forked before the sandbox and enters the writer's own, so that it reaches no more than that. Its questions are
 * requests of other daemons, handed on as they came; the answers go back in their order. Where it ends, the writer ends
 * too and both are started again.
 */
#ifndef POSTROOM_DELIVER_HELPER_H
#define POSTROOM_DELIVER_HELPER_H

#include "deliver/deliver.h"

#include "common/daemon/daemon.h"

enum { HELPER_WAITING = 64 }; /* questions at a time */

struct helper;

/* Answers a request, after ipc_reply_ok. context: of helper_start. -1: the answer says why. */
typedef int helper_work(const struct ipc_message *request, struct ipc_message *reply, void *context, struct err *err);

/* Start one before the sandbox. name: for the log. -1: ERR_SYSTEM. */
int helper_start(struct helper **helper_out, const char *name, helper_work *work, void *context,
                 const struct daemon *daemon, struct event_base *base, struct err *err);
/* Have a request answered; it is the helper's from here on. */
void helper_ask(struct helper *helper, struct ipc_incoming *incoming);

#endif

/*
 * gauge: how full many mailboxes are, for lists of users.
 *
 * A process beside the writer looks, so that the writer goes on meanwhile; what it found it remembers together with the
 * state of the index's files, and a mailbox that did not change since is not opened again: ten thousand of them take
 * some seconds once, and some milliseconds then. It is in the writer's sandbox; questions are numbers of users, answers
 * numbers.
 */
#ifndef POSTROOM_DELIVER_GAUGE_H
#define POSTROOM_DELIVER_GAUGE_H

#include "deliver/deliver.h"

#include "common/daemon/daemon.h"

enum {
	GAUGE_MAX = 2000,  /* mailboxes of one question */
	GAUGE_WAITING = 64 /* questions at a time */
};

struct gauge;

/* Start the process, before the sandbox. -1: ERR_SYSTEM. */
int gauge_start(struct gauge **gauge_out, const struct daemon *daemon, struct event_base *base, struct err *err);
/*
 * Answer a question with uid*: octets and inbox for each, in their order; -1 where a mailbox cannot be looked at now.
 * It is the gauge's from here on.
 */
void gauge_answer(struct gauge *gauge, struct ipc_incoming *incoming);

#endif

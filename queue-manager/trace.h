/*
 * trace: tells historyd what becomes of messages, for who wants to know later (specification 06, "Message trace").
 *
 * Lines for people, in their order; historyd keeps them for trace.days (0: nothing is said). Nobody waits for it: lines
 * are collected for a second, and what historyd cannot take is lost, which the log says. What matters is in the log,
 * too.
 */
#ifndef POSTROOM_QUEUE_MANAGER_TRACE_H
#define POSTROOM_QUEUE_MANAGER_TRACE_H

#include "common/daemon/logs.h"
#include "queue-manager/queue.h"

struct trace *trace_new(struct event_base *base, const struct instance *instance);

/* A message has come: from whom, to whom. */
void trace_begin(struct message *message);
/* A recipient leads there; cause in the resolver's words (doc/ipc.md), or empty. */
void trace_target(struct message *message, const struct delivery *delivery, struct str cause);
/* deliver has it. where: "INBOX UID 7", as deliver said. */
void trace_stored(struct message *message, const struct delivery *delivery, struct str where);
/* Everything else that an attempt ends with: "sent", "deferred", "failed". */
void trace_outcome(struct message *message, const struct delivery *delivery, const char *what, struct str host,
                   struct str words);

/* For summary.log, whether anything else is said or not. who: the user; to: whom the message is for. */
void trace_summary(struct message *message, enum summary_item item, int64_t octets, struct str who, struct str to);

/* Hand on what was said. */
void trace_flush(const struct queue *queue);
/* Has historyd answered all that was said, or refused it? */
bool trace_is_told(const struct queue *queue);

#endif

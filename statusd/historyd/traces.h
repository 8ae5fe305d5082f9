/*
 * traces: what became of messages (log.db), as queue-manager tells it line by line (queue-manager/trace.h).
 *
 * A message has a head (from, client, user, service, recipients) and lines with times, of which no two are the same, so
 * that what is told twice is kept once. What is no such line is dropped and named in the log.
 */
#ifndef POSTROOM_STATUSD_HISTORYD_TRACES_H
#define POSTROOM_STATUSD_HISTORYD_TRACES_H

#include "statusd/historyd/historyd.h"

enum { TRACES_LIMIT = 100, TRACES_LIMIT_MAX = 10000 };

/* Answer trace-add of queue-manager, and of the command line: traces (which messages there are), trace (one of them).
 */
void traces_add(struct historyd *historyd, struct ipc_incoming *incoming);
void traces_list(struct historyd *historyd, struct ipc_incoming *incoming);
void traces_show(struct historyd *historyd, struct ipc_incoming *incoming);
/* Forget what is older (microseconds since 1970). -1: as databases fail. */
int traces_prune(struct historyd *historyd, int64_t before_us, struct err *err);

#endif

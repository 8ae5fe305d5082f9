/*
 * scripted: questions in which a script has a say. Each is answered by a process of its own, which opens the settings
 * anew, runs the script and ends; the resolver's loop waits for nothing and is not touched by what a script does.
 */
#ifndef POSTROOM_RESOLVER_SCRIPTED_H
#define POSTROOM_RESOLVER_SCRIPTED_H

#include "common/ipc/loop.h"
#include "resolver/resolve.h"

struct scripted;

/* done: the answer is in reply (NULL: err says why there is none), from the loop. */
typedef void scripted_done(struct ipc_incoming *incoming, struct ipc_message *reply, const struct err *err,
                           void *context);
/* Answers a question in the worker: as the loop would, with question->lan_script set. */
typedef int scripted_answer(struct ipc_incoming *incoming, struct settings *settings, struct lan_script *script,
                            struct ipc_message *reply, struct err *err);

/* Before the sandbox is on; the script's folder is read in the workers. -1: ERR_SYSTEM. */
int scripted_new(struct scripted **scripted_out, struct event_base *base, const struct instance *instance,
                 scripted_answer *answer, scripted_done *done, void *context, struct err *err);
/* Is there a script that has a say? Then the question is answered later. Costs a stat(2). */
bool scripted_take(struct scripted *scripted, struct ipc_incoming *incoming);

#endif

/*
 * check_file: CheckFile of relayout.lua and mxout.lua, by which queue-manager learns whether and when a message of a
 * sender's goes (specification 04-11, 04-12), and what relayout.lua made of the sender's limits.
 *
 * What the script is given of the message is a stranger's, and goes into it as texts only; of its answer nothing is
 * taken that is not of the form that it must have.
 */
#ifndef POSTROOM_SENDER_CHECK_FILE_H
#define POSTROOM_SENDER_CHECK_FILE_H

#include "common/script/script.h"

struct ipc_message;

/* Answer `check` of queue-manager (doc/ipc.md) for the message in file, which stays the caller's. */
void check_file_answer(struct script *script, bool is_relay, const struct ipc_message *request, int file,
                       struct ipc_message *reply, struct arena *arena);
/* Add the globals that relayout.lua may have changed; nothing where there is no such script. */
void check_file_add_limits(struct script *script, struct ipc_message *reply, struct arena *arena);

#endif

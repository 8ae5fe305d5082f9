/*
 * outmessage: outmessage.lua, which is asked once about each message that enters the outgoing queue (specification
 * 09-5.6): with which priority it waits, whether and until when it is held, when it is deleted unsent.
 *
 * It runs in the session of sender's that queue-manager keeps for questions of scripts. What the script is given of the
 * message is a stranger's, and goes into it as texts only; of its answer nothing is taken that is not of the form that
 * it must have, and what is not is told in luaerrors.log.
 */
#ifndef POSTROOM_SENDER_OUTMESSAGE_H
#define POSTROOM_SENDER_OUTMESSAGE_H

#include "common/script/script.h"

enum { OUTMESSAGE_TEXT_MAX = 8 * 1024 * 1024 }; /* octets of a message that the script is given; the rest is left out */

/* Answer the request `enter` of queue-manager (doc/ipc.md). now: seconds since 1970. */
void outmessage_answer(struct script *script, struct ipc_message *request, struct ipc_message *reply,
                       struct arena *arena, int64_t now);

/*
 * A moment as the script may write it, in seconds since 1970: a number of seconds from now on, "YYYYMMDDHHMMSS", or
 * ISO 8601 ("2026-11-22T10:00:00", a blank for the T, the seconds may be missing), both local time. False: neither.
 */
bool outmessage_moment(struct str text, int64_t now, int64_t *moment_out);

#endif

/*
 * program: the administrator's program that sees mail just before it is given to a relay (legacy.relay-command).
 *
 * filterd runs it (filterd/hooks.h); what it prints is what the relay gets. Where filterd cannot be asked the message
 * waits; where the program fails it goes as it is, and administrators are told.
 *
 * Both are functions of struct sending (common/sending/sending.h).
 */
#ifndef POSTROOM_SENDER_PROGRAM_H
#define POSTROOM_SENDER_PROGRAM_H

#include "common/sending/attempt.h"

bool program_is_set(const struct settings *settings);
/* The scripts first, then the program. */
void program_begin(struct attempt *attempt, struct delivery *delivery, struct arena *arena);

#endif

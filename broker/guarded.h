/*
 * broker/guarded: what Message Security keeps administrators from who did not give its password (06 Admin settings):
 * requests that show what is in others' mail, or that lead it elsewhere, to themselves perhaps.
 *
 * A user's own things are not meant. What the command line does is not, either: who is root there reads the files.
 * Only what is asked for is looked at here; whether Message Security is on, and for whom, authd says (web-session).
 */
#ifndef POSTROOM_BROKER_GUARDED_H
#define POSTROOM_BROKER_GUARDED_H

#include "common/ipc/ipc.h"

struct guarded {
	const char *callee, *request;
	const char *field; /* that makes it one of these, by its value; NULL: it always is */
	const char *words; /* such values, separated by '|', with '*' and '?', upper and lower case alike */
};

/* All of them; ends with a callee of NULL. */
extern const struct guarded guarded[];

/* Is a request one of them? position: where its fields begin in message (ipc_next). */
bool guarded_is(const char *callee, const char *request, const struct ipc_message *message, size_t position);

#endif

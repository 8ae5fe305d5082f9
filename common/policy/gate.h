/*
 * policy/gate: is a client shut out, because of what it did (policyd)? For the listeners of all services.
 */
#ifndef POSTROOM_POLICY_GATE_H
#define POSTROOM_POLICY_GATE_H

#include "common/policy/known.h"

/* What a blocked client is told, in its protocol's words. */
#define GATE_TEXT      "Server access temporarily blocked! Please try again later"
#define GATE_SMTP_TEXT "Your connection has been blocked temporarily - try again later."

enum { GATE_PATIENCE_MS = 500 };

/* In the listener, before each fork: map the file of known addresses, as soon as there is one. */
void gate_refresh(struct known *known, const struct instance *instance);

/*
 * In the listener: is the client of that connection blocked for certain? Then it gets no process: there may be many who
 * try again and again. It is told line, with its line end; NULL: nothing, where TLS would have to come first.
 */
bool gate_turns_away(const struct known *known, int fd, const char *line);

/* In a session, after its client failed to log in: was its address blocked meanwhile? Then it ends. */
bool gate_was_shut(const struct known *known, const char *peer);

/*
 * In the session, before its sandbox and its greeting: asks policyd where something is held against the address, which
 * may put it on the block list now. Where it does not, the session is a suspect's (common/policy/event.h). peer: an
 * address as text; whatever is none is never blocked. program: a caller of policyd. Where policyd is away or silent
 * everybody is let in, and one line is logged.
 */
bool gate_is_shut(const struct known *known, const struct instance *instance, const char *program, const char *peer);

#endif

/*
 * programs: the daemons of the house: the user each runs as, who may ask it.
 *
 * The one list that the supervisor, `init` and each daemon's own start read. "Who may ask" is enforced by the sockets
 * run/<callee>/<caller>.sock, which belong to the caller's user alone. Network services are no list here: they are
 * settings (common/settings/services.h), and their listeners bind what these say.
 */
#ifndef POSTROOM_DAEMON_PROGRAMS_H
#define POSTROOM_DAEMON_PROGRAMS_H

#include <stdbool.h>

struct program {
	const char *name;
	const char *user;           /* "postroom-smtp" */
	const char *const *callers; /* programs that may ask it, NULL at the end; "postroom" is the command line */
	const char *drop;           /* name of its spool drop, or NULL */
	bool listens;               /* to the network: it opens the TLS key (group postroom-tls) and may bind low ports */
	const char *local;          /* name of a Unix stream socket run/<program>/<local>.sock for anybody, or NULL */
};

/* In the order of starting; ends with a name of NULL. */
extern const struct program programs[];

/* NULL where there is none. */
const struct program *program_find(const char *name);

/*
 * Whom a program counts as where it asks: itself; but for brokerd, who asks what administrators in a browser want done:
 * it counts as "postroom", since it lets through only what somebody may who could have typed it (broker/rights.h).
 */
const char *program_speaks_for(const char *name);

#endif

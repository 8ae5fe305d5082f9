/*
 * programs: the daemons of the house: the user each runs as, who may ask it, what it listens on.
 *
 * The one list that the supervisor, `init` and each daemon's own start read. "Who may ask" is enforced by the sockets
 * run/<callee>/<caller>.sock, which belong to the caller's user alone.
 */
#ifndef POSTROOM_DAEMON_PROGRAMS_H
#define POSTROOM_DAEMON_PROGRAMS_H

#include <stdbool.h>

struct service {
	const char *name;    /* "smtp" */
	const char *program; /* "smtpd" */
	unsigned short port; /* default, before the offset; 0: a Unix stream socket run/<program>/<name>.sock for anybody */
	bool implicit_tls;
};

struct program {
	const char *name;
	const char *user;           /* "postroom-smtp" */
	const char *const *callers; /* programs that may ask it, NULL at the end; "postroom" is the command line */
	const char *drop;           /* name of its spool drop, or NULL */
	bool tls_files;             /* its parent opens the TLS key: it is in the group postroom-tls */
};

/* In the order of starting; both end with a name of NULL. */
extern const struct program programs[];
extern const struct service services[];

/* NULL where there is none. */
const struct program *program_find(const char *name);
const struct service *service_find(const char *name);

#endif

/*
 * sockets: the sockets that daemons find open when they start: those on which they may be asked, bound by the
 * supervisor before they exist, and those of network services, which listeners bind themselves and give to be kept
 * while they come and go (common/daemon/daemon.h, daemon_keep_socket).
 */
#ifndef POSTROOM_CTL_SOCKETS_H
#define POSTROOM_CTL_SOCKETS_H

#include "common/daemon/daemon.h"

enum { SOCKETS_MAX = 400 };

struct bound_socket {
	int fd;
	const char *program;           /* whose it is */
	char name[DAEMON_SOCKET_NAME]; /* "local", "from-smtpd", or as it was given */
	bool is_kept;                  /* given by the program itself */
};

struct sockets {
	struct bound_socket list[SOCKETS_MAX];
	int count;
};

/*
 * Bind the sockets on which program may be asked, run/<program>/<caller>.sock, each reachable by its caller alone, and
 * its local one for everybody. -1: ERR_SYSTEM, ERR_NOT_FOUND (no such user), ERR_LIMIT.
 */
int sockets_bind(struct sockets *sockets, const struct instance *instance, const struct program *program,
                 struct err *err);

/* Keep a socket that program gave, in place of one of that name; fd is owned from then on. -1: ERR_SYNTAX (it does not
 * listen), ERR_LIMIT; fd stays the caller's. program must stay valid. */
int sockets_keep(struct sockets *sockets, int fd, const char *program, const char *name, struct err *err);
/* Close what program gave under that name. */
void sockets_forget(struct sockets *sockets, const char *program, const char *name);

#endif

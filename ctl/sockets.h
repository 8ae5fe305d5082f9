/*
 * sockets: every socket of an instance, bound by the supervisor before its daemons exist and kept while they come and
 * go.
 */
#ifndef POSTROOM_CTL_SOCKETS_H
#define POSTROOM_CTL_SOCKETS_H

#include "common/daemon/instance.h"
#include "common/daemon/programs.h"

enum { SOCKETS_MAX = 256 };

struct bound_socket {
	int fd;
	const char *program; /* whose it is */
	char name[48];       /* "smtp", "from-smtpd" */
};

struct sockets {
	struct bound_socket list[SOCKETS_MAX];
	int count;
};

/* Bind the sockets on which program may be asked, run/<program>/<caller>.sock, each reachable by its caller alone. */
int sockets_bind_callers(struct sockets *sockets, const struct instance *instance, const struct program *program,
                         struct err *err);

/*
 * Bind the network services. What cannot be bound is named, address and port, by complain(), and left out. Returns how
 * many could be bound.
 */
int sockets_bind_services(struct sockets *sockets, const struct instance *instance,
                          void (*complain)(const char *format, ...) __attribute__((format(printf, 1, 2))));

#endif

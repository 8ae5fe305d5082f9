/*
 * endpoint: an address and port to listen at, made of what a binding says.
 *
 * "any", "any4" and "any6" are all addresses of a family or of both, or those that the instance is bound to
 * (postroom.conf); anything else is one address. Ports get the instance's offset. The forms for all addresses follow
 * the machine's addresses by themselves.
 */
#ifndef POSTROOM_NET_ENDPOINT_H
#define POSTROOM_NET_ENDPOINT_H

#include "common/daemon/instance.h"

#include <sys/socket.h>

enum { ENDPOINTS_MAX = 64, ENDPOINT_TEXT = 80 };

struct endpoint {
	struct sockaddr_storage address;
	socklen_t len;
	bool is_wanted; /* by name; not only as one of a family that this machine may lack */
};

/*
 * The endpoints of a binding, ENDPOINTS_MAX at most. -1: ERR_SYNTAX (address is neither one of the words nor an
 * address; the port with the offset is none).
 */
int endpoints_of(const struct instance *instance, const char *address, unsigned port, struct endpoint *endpoints,
                 size_t *count_out, struct err *err);
/* Would a socket at the one be in the way of one at the other? The same, or one of both all addresses of the family. */
bool endpoint_meets(const struct endpoint *a, const struct endpoint *b);
bool endpoint_equals(const struct endpoint *a, const struct endpoint *b);
/* Where a socket of the network is bound; false for any other. */
bool endpoint_of_socket(int fd, struct endpoint *endpoint_out);
/* "127.0.0.1 port 25", "[::1] port 25", for people. Returns out. */
const char *endpoint_text(const struct endpoint *endpoint, char out[ENDPOINT_TEXT]);
/* "25-127.0.0.1", "25-__1": a word of letters, digits, '.', '-' and '_'. Returns out. */
const char *endpoint_word(const struct endpoint *endpoint, char out[ENDPOINT_TEXT]);
/* A socket bound there, not listening yet. -1: ERR_SYSTEM, sys EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EACCES. */
int endpoint_bind(const struct endpoint *endpoint, struct err *err);
/* The same, listening, non-blocking. */
int endpoint_listen(const struct endpoint *endpoint, struct err *err);

#endif

/*
 * route: the servers that a message for a destination can be given to, in order.
 *
 * A domain's mail exchangers come from dnsd, a smarthost's servers from the settings, its password from authd, which
 * gives it for this one job. What they cannot tell now is a deferral, never a guess.
 */
#ifndef POSTROOM_SENDER_ROUTE_H
#define POSTROOM_SENDER_ROUTE_H

#include "common/settings/settings.h"
#include "sender/request.h"

enum {
	ROUTE_HOSTS_MAX = 20,
	ROUTE_ADDRESSES_MAX = 4, /* of one host that are tried */
};

enum route_encryption {
	ROUTE_CLEAR,
	ROUTE_STARTTLS_IF_AVAILABLE,
	ROUTE_STARTTLS, /* or nothing is sent */
	ROUTE_TLS,      /* from the first octet */
};

struct route_host {
	struct str name; /* host name, or address as text */
	unsigned port;
	bool is_address;
};

struct route {
	struct route_host hosts[ROUTE_HOSTS_MAX];
	size_t host_count;
	enum route_encryption encryption;
	bool verify;         /* the certificate, where encryption is required */
	bool is_relay;       /* the first server that answers decides */
	struct str name;     /* of the relay sender */
	struct str username; /* empty: no login */
	struct str password; /* in the arena: wiped by route_wipe */
};

/* Where routes are asked for. A channel that breaks stays closed: the session ends after its answer. */
struct route_sources {
	struct settings *settings; /* with objects open */
	struct ipc_channel dnsd, authd;
};

/*
 * Find the route of a delivery's destination. Returns 0; -1 where there is none: then every recipient is decided.
 */
int route_find(struct route_sources *sources, struct delivery *delivery, struct arena *arena, struct route *route);
void route_wipe(struct route *route);

/*
 * The addresses of a host. Returns their number; 0 with a reason (enhanced code and words) where there are none.
 */
size_t route_addresses(struct route_sources *sources, const struct route_host *host, struct arena *arena,
                       struct str addresses[ROUTE_ADDRESSES_MAX], struct err *err);

#endif

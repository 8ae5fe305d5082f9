/*
 * route: the servers that a message for a destination can be given to, in order.
 *
 * A domain's mail exchangers come from dnsd, other servers from the settings or the destination itself, passwords from
 * authd, which gives one for this one job. What they cannot tell now is a deferral, never a guess.
 */
#ifndef POSTROOM_SENDING_ROUTE_H
#define POSTROOM_SENDING_ROUTE_H

#include "common/mailauth/sts/sts.h"
#include "common/sending/request.h"
#include "common/settings/settings.h"
#include "common/settings/tls_demands.h"

enum {
	ROUTE_HOSTS_MAX = 20,
	ROUTE_ADDRESSES_MAX = 4,         /* of one host that are tried */
	ROUTE_DNS_TIMEOUT_MS = 30000,    /* dnsd answers within 25 s */
	ROUTE_TOKEN_TIMEOUT_MS = 95000,  /* authd within 90 s, where it has to renew the token */
	ROUTE_POLICY_TIMEOUT_MS = 70000, /* fetchd within 60 s, where it has to fetch the policy */
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
	bool is_override;    /* an administrator named it in place of a mail exchanger */
	struct str username; /* a login of its own; empty: the route's */
	struct str password;
};

struct route {
	struct route_host hosts[ROUTE_HOSTS_MAX];
	size_t host_count;
	enum route_encryption encryption;
	bool verify;       /* the certificate, where encryption is required */
	struct str domain; /* by MX: that the mail is for; else empty */
	bool secure;       /* by MX: who its mail exchangers are was validated */
	enum tls_demand demand;
	bool waived; /* by the message: what the domain publishes about TLS does not count (RFC 8689 section 4) */
	const struct sts_policy *sts;    /* the domain's policy; NULL: none */
	const struct socks_proxy *proxy; /* all is reached through; NULL: none */
	struct str name;                 /* of the relay sender */
	struct str username;             /* empty: no login */
	struct str password;             /* or access token; in the arena: wiped by route_wipe */
	enum sasl_client_method method;
	bool is_new; /* another message to the destination may have another route: connections are not used again */
};

/* Where routes are asked for. A channel that breaks stays closed: the session ends after its answer. */
struct route_sources {
	struct settings *settings;              /* with objects open */
	struct ipc_channel dnsd, authd, fetchd; /* fetchd: where mail is sent by MX */
	struct ipc_channel filterd;             /* where an administrator's program sees what goes to relays */
	struct ipc_channel policyd;             /* where TLS is reported of; closed where it is not */
};

/* One host more, where there is room. */
void route_add_host(struct route *route, struct str name, unsigned port, bool is_address);
/*
 * Ask authd for a password; or, where the route's method is by token, for one, and who it is for where the route has no
 * user name. -1: as authd answers. The caller wipes the route.
 */
int route_read_password(struct route_sources *sources, struct str secret, struct arena *arena, struct route *route,
                        struct err *err);
void route_wipe(struct route *route);

/*
 * The proxy through which a connection reaches everything, NULL where it does so itself, or there is no such
 * connection. -1: there is no proxy to be had: ERR_NOT_FOUND (none is set), or as dnsd answers.
 */
int route_find_proxy(struct route_sources *sources, int64_t connection, struct arena *arena,
                     const struct socks_proxy **proxy_out, struct err *err);

/* There is no route: every recipient that is undecided is deferred, or fails. -1 always. */
int route_defer(struct delivery *delivery, const char *enhanced, struct str words);
int route_fail(struct delivery *delivery, const char *enhanced, struct str words);

/*
 * The addresses of a host. Returns their number; 0 with a reason (enhanced code and words) where there are none.
 * secure_out: they were validated with DNSSEC.
 */
size_t route_addresses(struct route_sources *sources, const struct route_host *host, struct arena *arena,
                       struct str addresses[ROUTE_ADDRESSES_MAX], bool *secure_out, struct err *err);

#endif

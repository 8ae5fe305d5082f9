/*
 * security: how well protected mail has to travel to a domain, and what the server has to show for that.
 *
 * For mail by MX. What the administrator wrote (sender.tls-policies) goes first. Else, the strongest that the domain
 * itself publishes: TLSA records, where mail exchanger, address and record were validated with DNSSEC (DANE, RFC 7672);
 * else a policy by HTTPS (MTA-STS, RFC 8461); else TLS where the server offers it. What cannot be found out now (a
 * bogus answer of the DNS) is a deferral: whoever can forge answers must not talk anybody out of TLS.
 */
#ifndef POSTROOM_SENDING_SECURITY_H
#define POSTROOM_SENDING_SECURITY_H

#include "common/net/tlsa.h"
#include "common/sending/route.h"

/* What one connection to one server has to be. */
struct security {
	enum route_encryption encryption;
	bool verify;                 /* a CA has to vouch for the host's name */
	const struct tlsa_set *tlsa; /* or one of these records has to match; NULL: none */
	const char *domain;          /* that mail is for */
	const char *by;              /* who wants it so, for logs: "DANE", "MTA-STS", ...; "": nobody */
};

/*
 * Find the policy of the route's domain (MTA-STS), where it counts; lives in arena. -1: nobody can say now whether
 * there is one, with the reason.
 */
int security_find_policy(struct route_sources *sources, struct route *route, struct arena *arena, struct err *err);

/*
 * Find out what the host of a route has to be; secure: its addresses were validated. Lives in arena.
 * -1: the host cannot be used (ERR_TEMPORARY: not now), with the reason.
 */
int security_of_host(struct route_sources *sources, const struct route *route, const struct route_host *host,
                     bool secure, struct arena *arena, struct security *security_out, struct err *err);

/*
 * The message itself requires TLS (REQUIRETLS, RFC 8689 4.2.1): the server has to be authenticated, and, by MX, to be
 * known for sure to be one of the domain's. -1: ERR_DENIED: this one is not.
 */
int security_require(const struct route *route, const struct route_host *host, struct security *security,
                     struct err *err);

/*
 * Does the message ask, by "TLS-Required: No" in its header, to be delivered whatever the domain publishes about TLS
 * (RFC 8689 section 4)? Not where it came with REQUIRETLS.
 */
bool security_is_waived(const struct smtp_message *message);

#endif

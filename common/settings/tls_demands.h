/*
 * tls_demands: what an administrator demands of TLS on the way to single domains (sender.tls-policies).
 *
 * Items DOMAIN=DEMAND, separated by commas; the domain may hold '*' and '?', the first item that matches counts.
 */
#ifndef POSTROOM_SETTINGS_TLS_DEMANDS_H
#define POSTROOM_SETTINGS_TLS_DEMANDS_H

#include "common/base/buf.h"
#include "common/base/err.h"

enum tls_demand {
	TLS_DEMAND_AUTO,    /* the strongest that the domain publishes, else TLS where it is offered */
	TLS_DEMAND_NONE,    /* no TLS */
	TLS_DEMAND_MAY,     /* where it is offered, whatever the domain publishes */
	TLS_DEMAND_ENCRYPT, /* TLS, with any certificate */
	TLS_DEMAND_DANE,    /* TLS with a certificate that a TLSA record names */
	TLS_DEMAND_VERIFY,  /* TLS with a certificate that a CA vouches for */
};

enum { TLS_DEMANDS_MAX = 200 };

/* Add the normal form to normal. -1: ERR_SYNTAX, ERR_LIMIT. */
int tls_demands_check(struct str text, struct buf *normal, struct err *err);

/* What holds for a domain by a text that passed the check. */
enum tls_demand tls_demands_find(struct str text, struct str domain);

#endif

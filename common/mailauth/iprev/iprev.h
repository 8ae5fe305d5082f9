/*
 * mailauth/iprev: has the client's address a name that leads back to it? RFC 8601 section 3.
 *
 * At most IPREV_NAMES_MAX names of the address are tried. The name that is returned is a stranger's: it is the text of
 * a DNS name, in lower case, without anything that is not printable ASCII.
 */
#ifndef POSTROOM_MAILAUTH_IPREV_H
#define POSTROOM_MAILAUTH_IPREV_H

#include "common/mailauth/dns/dns.h"

enum { IPREV_NAMES_MAX = 10 };

enum iprev_result {
	IPREV_PASS,
	IPREV_FAIL,      /* it has names, and none leads back */
	IPREV_TEMPERROR, /* the DNS does not answer now */
	IPREV_PERMERROR, /* it has no name */
};

struct iprev_outcome {
	enum iprev_result result;
	struct str name; /* that leads back; of one that failed the first; empty: none */
};

/* Check one address; the name lives in the arena. */
void iprev_check(const struct mailauth_dns *dns, const struct cidr *client, struct arena *arena,
                 struct iprev_outcome *outcome_out);

/* iprev_check will be called: ask what it asks first. */
void iprev_foresee(const struct mailauth_dns *dns, const struct cidr *client, struct arena *arena);

/* The word (RFC 8601 2.7.3): "pass", "permerror" ... */
const char *iprev_result_word(enum iprev_result result);

#endif

/*
 * mailauth/spf: may this client send mail of this domain? Sender Policy Framework, RFC 7208.
 *
 * Complete: all mechanisms, modifiers and macros, explanations, and the limits of 4.6.4: ten terms that ask the DNS,
 * ten exchangers of an mx, ten names of an address, two terms that find nothing, MAILAUTH_DNS_MS altogether. Domains in
 * UTF-8 are checked as A-labels, and a local part in UTF-8 matches no name (RFC 8616 4).
 *
 * Records and explanations are strangers' text: a record is checked as a whole before any of it counts, and what it
 * makes this ask for are names alone. An explanation is printable ASCII of at most SPF_EXPLANATION_MAX octets; it is
 * the sender's domain that speaks in it, not this server.
 */
#ifndef POSTROOM_MAILAUTH_SPF_H
#define POSTROOM_MAILAUTH_SPF_H

#include "common/mailauth/dns/dns.h"

enum {
	SPF_TERMS_MAX = 10,        /* terms of all records together that ask the DNS, RFC 7208 4.6.4 */
	SPF_VOID_MAX = 2,          /* of them, those that find nothing */
	SPF_HOSTS_MAX = 10,        /* exchangers of one mx, names of the client's address */
	SPF_EXPLANATION_MAX = 400, /* octets */
};

enum spf_result {
	SPF_NONE, /* no record, or no domain that could have one */
	SPF_NEUTRAL,
	SPF_PASS,
	SPF_FAIL,
	SPF_SOFTFAIL,
	SPF_TEMPERROR, /* the DNS does not answer now */
	SPF_PERMERROR, /* the record is wrong */
};

struct spf_check {
	const struct mailauth_dns *dns;
	struct cidr client;    /* one address */
	struct str helo;       /* as the client named itself */
	struct str local_part; /* of MAIL FROM, unquoted; empty: postmaster (RFC 7208 4.3) */
	struct str domain;     /* of MAIL FROM; empty: what HELO named is checked instead (2.4) */
	struct str receiver;   /* this server's name, for explanations */
};

struct spf_outcome {
	enum spf_result result;
	bool is_helo;             /* HELO's name was checked, not MAIL FROM's domain */
	struct str domain;        /* that was checked, in A-labels */
	struct str record_domain; /* whose record has the term that matched: of an include the included one; else empty */
	struct str mechanism;     /* that term, as in the record; empty: none matched */
	struct str explanation;   /* why the domain's owner refuses, with SPF_FAIL; empty: he says nothing */
	struct str problem;       /* what is wrong, with SPF_TEMPERROR and SPF_PERMERROR */
};

/* Check; all texts of the outcome live in the arena or are literals. */
void spf_check(const struct spf_check *check, struct arena *arena, struct spf_outcome *outcome_out);

/* The word for a result (RFC 7208 2.6, RFC 8601 2.7.2): "pass", "softfail" ... */
const char *spf_result_word(enum spf_result result);

#endif

/*
 * mailauth/sts: MTA-STS (RFC 8461): what a domain says by DNS and HTTPS of the TLS of its mail exchangers.
 *
 * The record says that there is a policy, and by its id whether it is another than before; the policy itself, fetched
 * by HTTPS, lists the names of mail exchangers and how long that counts. Both are strangers' texts: lines, names and
 * their number are limited, what is unknown is passed over as the RFC wants it. Nothing here asks the network.
 */
#ifndef POSTROOM_MAILAUTH_STS_H
#define POSTROOM_MAILAUTH_STS_H

#include "common/base/arena.h"
#include "common/base/err.h"

enum {
	STS_ID_MAX = 32,          /* RFC 8461 3.1 */
	STS_TEXT_MAX = 64 * 1024, /* octets of a policy, 3.3 */
	STS_MX_MAX = 100,         /* patterns of a policy */
	STS_AGE_MAX = 31557600,   /* seconds, 3.2 */
};

enum sts_mode { STS_NONE, STS_TESTING, STS_ENFORCE };

struct sts_policy {
	enum sts_mode mode;
	int64_t max_age;           /* seconds */
	struct str mx[STS_MX_MAX]; /* "mail.example.net", "*.example.net"; lower case */
	size_t mx_count;
};

/* The words of modes, and back. False: no such word. */
const char *sts_mode_word(enum sts_mode mode);
bool sts_mode_of(struct str word, enum sts_mode *mode_out);

/* Is it a record of MTA-STS ("v=STSv1; id=20160831085700Z;")? id_out: its id. */
bool sts_parse_record(struct str text, char id_out[STS_ID_MAX + 1]);

/* Read a policy (RFC 8461 3.2); texts in arena. -1: ERR_SYNTAX, ERR_LIMIT, with what is wrong. */
int sts_parse_policy(struct str text, struct arena *arena, struct sts_policy *policy_out, struct err *err);

/* May this host be a mail exchanger of the domain (RFC 8461 4.1)? */
bool sts_allows(const struct sts_policy *policy, struct str host);

#endif

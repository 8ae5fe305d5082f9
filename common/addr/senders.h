/*
 * senders: a list of who is meant, as an administrator writes it: by the client's address, the sender, the service.
 *
 * One line of entries separated by commas; an entry is up to three words separated by blanks, in any order: a range of
 * addresses (common/addr/cidr.h), a pattern LOCAL@DOMAIN with '*' (any run) and '?' (exactly one), "service=NUMBER".
 * A word that is missing means any: "192.0.2.0/24 *@*.example, anna@partner.test, 10.0.0.1 service=2". An entry holds
 * where all its words do. Reading it asks nobody and allocates nothing.
 */
#ifndef POSTROOM_ADDR_SENDERS_H
#define POSTROOM_ADDR_SENDERS_H

#include "common/addr/cidr.h"

enum { SENDERS_MAX = 500 }; /* entries of a list */

/* Whom a list is asked about. */
struct sender_facts {
	const struct cidr *client; /* NULL: none, which no range holds */
	struct str local_part;     /* of MAIL FROM, unquoted; empty with the domain: the null sender */
	struct str domain;
	int64_t service; /* number */
};

/* Add a list in its normal form. -1: ERR_SYNTAX, ERR_LIMIT with a sentence that names what is wrong. */
int senders_normalise(struct str list, struct buf *normal, struct err *err);

/* Does an entry of the list hold? Entries that cannot be read hold for nobody. */
bool senders_hold(struct str list, const struct sender_facts *facts);

#endif

/*
 * pattern: addresses as an administrator means them: LOCAL@DOMAIN with '*' (any run) and '?' (exactly one character).
 *
 * "*@example.com", "@example.com" (the same), "anna@*", "*" (any address at all). Upper and lower case are one. Nothing
 * here asks anybody or allocates.
 */
#ifndef POSTROOM_ADDR_PATTERN_H
#define POSTROOM_ADDR_PATTERN_H

#include "common/base/buf.h"
#include "common/base/err.h"

enum { ADDR_PATTERN_MAX = 320 }; /* octets */

/*
 * Add a pattern in its normal form: with both its parts, the domain in lower case and as A-labels where it has no
 * wildcard. -1: ERR_SYNTAX, ERR_LIMIT with a sentence that names the pattern.
 */
int addr_pattern_normalise(struct str pattern, struct buf *normal, struct err *err);

/* Does a pattern in its normal form hold for an address? domain is normalised (addr_normalise_domain). */
bool addr_pattern_holds(struct str pattern, struct str local_part, struct str domain);

/*
 * Does an entry of a list of domains (a domain, "*@" or "@" and a domain, an address; each with wildcards) mean this
 * address? domain is normalised; an entry with a full address needs local_part.
 */
bool addr_entry_holds(struct str entry, struct str local_part, struct str domain);

#endif

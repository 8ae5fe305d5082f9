/*
 * imap/pattern: the patterns of LIST (RFC 9051 6.3.9): "*" is anything, "%" anything within a level.
 */
#ifndef POSTROOM_IMAP_PATTERN_H
#define POSTROOM_IMAP_PATTERN_H

#include "common/base/str.h"

/*
 * Does a mailbox name match? Levels are separated by '/'; a first level "INBOX" in the pattern matches in any case.
 * Time grows with the product of both lengths at most.
 */
bool imap_pattern_matches(struct str pattern, struct str name);

#endif

/*
 * wildcard: patterns of '*' (any run of characters, also none) and '?' (exactly one) that must match the whole text.
 *
 * Upper and lower case are one (base/fold.h); there is no escape character. A character is one of UTF-8; a byte that
 * belongs to none counts as one. The work is at most the length of the text times that of the pattern's longest part
 * between two stars, whatever the pattern: nothing is tried again before the last star.
 */
#ifndef POSTROOM_BASE_WILDCARD_H
#define POSTROOM_BASE_WILDCARD_H

#include "common/base/str.h"

/* Does text match? steps_out (may be NULL): how many characters were compared or passed over. */
bool wildcard_match(struct str text, struct str pattern, size_t *steps_out);

#endif

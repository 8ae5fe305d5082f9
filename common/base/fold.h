/*
 * fold: upper and lower case made one, for comparing what people write.
 *
 * Simple case folding of Unicode (CaseFolding.txt, status C and S): one character becomes one character, so that a
 * substring stays a substring. Nothing else is changed: accents count, and a character that is composed differently is
 * another one. Finer than i;ascii-casemap, coarser than i;unicode-casemap (RFC 5051), which decomposes as well.
 */
#ifndef POSTROOM_BASE_FOLD_H
#define POSTROOM_BASE_FOLD_H

#include "common/base/arena.h"
#include "common/base/buf.h"

/* One character. */
uint32_t fold_character(uint32_t character);

/* Add text, folded, to out, up to its limit. Bytes that are not UTF-8 pass as they are. Returns as buf_add. */
int fold_add(struct buf *out, struct str text);

/* The same in an arena. */
struct str fold_text(struct str text, struct arena *arena);

/* The character s begins with and its length; a byte that begins none is itself, length 1. s is not empty. */
size_t fold_decode(struct str s, uint32_t *character);

#endif

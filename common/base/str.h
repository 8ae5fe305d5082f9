/*
 * str: a view of bytes that somebody else owns; not terminated, may hold NUL.
 *
 * Reading never allocates and never changes what it reads. A struct str is passed by value.
 */
#ifndef POSTROOM_BASE_STR_H
#define POSTROOM_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *data;
	size_t len;
};

/* A view of a string literal. */
#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})

/* The two arguments of a "%.*s". */
#define STR_ARG(s) (int)(s).len, (s).data

/* A view of a terminated string; NULL gives the empty view. */
static inline struct str str_of(const char *text)
{
	return (struct str){text != NULL ? text : "", text != NULL ? strlen(text) : 0};
}

static inline struct str str_from(const char *data, size_t len)
{
	return (struct str){data, len};
}

bool str_equal(struct str a, struct str b);
bool str_equal_nocase(struct str a, struct str b); /* ASCII letters alone are folded */
bool str_starts(struct str s, struct str prefix);
bool str_starts_nocase(struct str s, struct str prefix);
bool str_ends_nocase(struct str s, struct str suffix);
int str_compare(struct str a, struct str b); /* like memcmp, the shorter first */

/* Position of the first (last) occurrence, or -1. */
ptrdiff_t str_find_char(struct str s, char c);
ptrdiff_t str_find_last_char(struct str s, char c);
ptrdiff_t str_find(struct str s, struct str needle);
/* How often c stands in s. */
size_t str_count_char(struct str s, char c);

/* The part from `from` on, at most len bytes; both are cut to what is there. */
struct str str_sub(struct str s, size_t from, size_t len);
struct str str_skip(struct str s, size_t count);

/* Without spaces and tabs (and CR, LF) at both ends. */
struct str str_trim(struct str s);

/*
 * Cut the first part off *rest at the next separator: returns the part, *rest is set behind the separator. Without a
 * separator the part is all of *rest, and *rest becomes empty with data NULL. Use: while (rest.data != NULL) ...
 */
struct str str_cut(struct str *rest, char separator);

/* Cut the next word off *rest, words being separated by any number of spaces and tabs. Empty when none is left. */
struct str str_cut_word(struct str *rest);
/* The same for a list whose items are separated by commas, spaces or tabs. */
struct str str_cut_item(struct str *rest);

/* A number of digits only; false when empty, not digits, or above max. */
bool str_to_u64(struct str s, uint64_t max, uint64_t *value_out);

/* Copy into a terminated array, cut where it does not fit. Returns false where it was cut or s holds a NUL. */
bool str_copy(struct str s, char *out, size_t size);

/* Write stars over each place of a terminated text where hidden stands: three, or as many as it has octets if fewer. */
void str_blot(char *text, struct str hidden);

/* Length of the well-formed UTF-8 sequence s begins with (RFC 3629 section 4), 0 where there is none. */
size_t str_utf8_sequence(struct str s);
/* How many characters s has, being UTF-8. */
size_t str_utf8_length(struct str s);
/* Is all of s well-formed UTF-8? ASCII is. */
bool str_is_utf8(struct str s);

/* Does s match a pattern of '*' (any run, also none) and '?' (exactly one character)? See base/wildcard.h. */
bool str_matches_wildcard(struct str s, struct str pattern);

#endif

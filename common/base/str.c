#include "common/base/str.h"

#include <strings.h>

static inline char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool str_equal(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool str_equal_nocase(struct str a, struct str b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (lower(a.data[i]) != lower(b.data[i]))
			return false;
	return true;
}

bool str_starts(struct str s, struct str prefix)
{
	return s.len >= prefix.len && str_equal(str_sub(s, 0, prefix.len), prefix);
}

bool str_starts_nocase(struct str s, struct str prefix)
{
	return s.len >= prefix.len && str_equal_nocase(str_sub(s, 0, prefix.len), prefix);
}

bool str_ends_nocase(struct str s, struct str suffix)
{
	return s.len >= suffix.len && str_equal_nocase(str_skip(s, s.len - suffix.len), suffix);
}

int str_compare(struct str a, struct str b)
{
	size_t shared = a.len < b.len ? a.len : b.len;
	int order = shared != 0 ? memcmp(a.data, b.data, shared) : 0;

	if (order != 0)
		return order;
	return a.len < b.len ? -1 : a.len > b.len;
}

ptrdiff_t str_find_char(struct str s, char c)
{
	const char *at = s.len != 0 ? memchr(s.data, c, s.len) : NULL;

	return at != NULL ? at - s.data : -1;
}

ptrdiff_t str_find_last_char(struct str s, char c)
{
	const char *at = s.len != 0 ? memrchr(s.data, c, s.len) : NULL;

	return at != NULL ? at - s.data : -1;
}

ptrdiff_t str_find(struct str s, struct str needle)
{
	const char *at;

	if (needle.len == 0)
		return 0;
	if (s.len == 0)
		return -1;
	at = memmem(s.data, s.len, needle.data, needle.len);
	return at != NULL ? at - s.data : -1;
}

size_t str_count_char(struct str s, char c)
{
	size_t count = 0;

	for (size_t i = 0; i < s.len; i++)
		count += s.data[i] == c;
	return count;
}

struct str str_skip(struct str s, size_t count)
{
	if (count > s.len)
		count = s.len;
	return (struct str){s.data + count, s.len - count};
}

struct str str_sub(struct str s, size_t from, size_t len)
{
	struct str part = str_skip(s, from);

	if (len < part.len)
		part.len = len;
	return part;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
	while (s.len > 0 && is_blank(s.data[0]))
		s = str_skip(s, 1);
	while (s.len > 0 && is_blank(s.data[s.len - 1]))
		s.len--;
	return s;
}

struct str str_cut(struct str *rest, char separator)
{
	ptrdiff_t at = str_find_char(*rest, separator);
	struct str part = *rest;

	if (at < 0) {
		*rest = (struct str){NULL, 0};
		return part;
	}
	part.len = (size_t)at;
	*rest = str_skip(*rest, part.len + 1);
	return part;
}

static bool is_one_of(char c, const char *characters)
{
	return c != '\0' && strchr(characters, c) != NULL;
}

static struct str cut_between(struct str *rest, const char *separators)
{
	struct str part;

	while (rest->len > 0 && is_one_of(rest->data[0], separators))
		*rest = str_skip(*rest, 1);
	part = *rest;
	part.len = 0;
	while (part.len < rest->len && !is_one_of(part.data[part.len], separators))
		part.len++;
	*rest = str_skip(*rest, part.len);
	return part;
}

struct str str_cut_word(struct str *rest)
{
	return cut_between(rest, " \t");
}

struct str str_cut_item(struct str *rest)
{
	return cut_between(rest, ", \t");
}

bool str_to_u64(struct str s, uint64_t max, uint64_t *value_out)
{
	uint64_t value = 0;

	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		unsigned digit = (unsigned char)s.data[i] - (unsigned)'0';

		if (digit > 9 || value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
		if (value > max)
			return false;
	}
	*value_out = value;
	return true;
}

bool str_copy(struct str s, char *out, size_t size)
{
	size_t len = s.len < size ? s.len : size - 1;

	if (len != 0)
		memcpy(out, s.data, len);
	out[len] = '\0';
	return len == s.len && strlen(out) == s.len;
}

void str_blot(char *text, struct str hidden)
{
	size_t stars = hidden.len < 3 ? hidden.len : 3;
	ptrdiff_t at;

	while (hidden.len > 0 && (at = str_find(str_of(text), hidden)) >= 0) {
		text += at;
		memset(text, '*', stars);
		memmove(text + stars, text + hidden.len, strlen(text + hidden.len) + 1);
		text += stars;
	}
}

size_t str_utf8_sequence(struct str s)
{
	const unsigned char *at = (const unsigned char *)s.data;
	unsigned char low = 0x80, high = 0xbf; /* bounds of the second octet: no overlong forms, no surrogates */
	size_t want;

	if (s.len == 0)
		return 0;
	if (at[0] < 0x80)
		return 1;
	want = at[0] >= 0xc2 && at[0] <= 0xdf ? 2 : (at[0] & 0xf0) == 0xe0 ? 3 : at[0] >= 0xf0 && at[0] <= 0xf4 ? 4 : 0;
	if (want == 0 || want > s.len)
		return 0;
	if (at[0] == 0xe0 || at[0] == 0xf0)
		low = at[0] == 0xe0 ? 0xa0 : 0x90;
	if (at[0] == 0xed || at[0] == 0xf4)
		high = at[0] == 0xed ? 0x9f : 0x8f;
	if (at[1] < low || at[1] > high)
		return 0;
	for (size_t i = 2; i < want; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	return want;
}

size_t str_utf8_length(struct str s)
{
	size_t count = 0;

	for (size_t i = 0; i < s.len; i++)
		count += ((unsigned char)s.data[i] & 0xc0) != 0x80; /* the octets that begin one */
	return count;
}

bool str_is_utf8(struct str s)
{
	while (s.len > 0) {
		size_t count = str_utf8_sequence(s);

		if (count == 0)
			return false;
		s = str_skip(s, count);
	}
	return true;
}

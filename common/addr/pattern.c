#include "common/addr/pattern.h"

#include "common/addr/addr.h"
#include "common/base/wildcard.h"

/* What separates the entries of lists and the lines of files stands in no pattern. */
static bool is_plain(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.data[i] <= ' ' || text.data[i] == 0x7f || text.data[i] == ',')
			return false;
	return str_is_utf8(text);
}

static bool has_wildcard(struct str text)
{
	return str_find_char(text, '*') >= 0 || str_find_char(text, '?') >= 0;
}

static int add_domain(struct str pattern, struct str domain, struct buf *normal, struct err *err)
{
	struct arena arena;
	struct err reason;
	int result = 0;

	if (has_wildcard(domain)) {
		for (size_t i = 0; i < domain.len; i++)
			buf_add_char(normal, domain.data[i] >= 'A' && domain.data[i] <= 'Z' ? (char)(domain.data[i] | 0x20)
			                                                                    : domain.data[i]);
		return 0;
	}
	arena_init(&arena);
	if (addr_normalise_domain(domain, &arena, &domain, &reason) == 0)
		buf_add_str(normal, domain);
	else
		result = err_set(err, ERR_SYNTAX, "\"%.*s\" is no pattern of addresses: %s", STR_ARG(str_sub(pattern, 0, 80)),
		                 reason.text);
	arena_free(&arena);
	return result;
}

int addr_pattern_normalise(struct str pattern, struct buf *normal, struct err *err)
{
	ptrdiff_t at = str_find_last_char(pattern, '@');

	if (pattern.len > ADDR_PATTERN_MAX)
		return err_set(err, ERR_LIMIT, "a pattern of addresses has at most %d bytes", ADDR_PATTERN_MAX);
	if (str_equal(pattern, STR("*")))
		return buf_add_str(normal, STR("*@*"));
	if (!is_plain(pattern) || at < 0 || (size_t)at + 1 == pattern.len)
		return err_set(err, ERR_SYNTAX,
		               "\"%.*s\" is no pattern of addresses, such as anna@example.com or *@example.com",
		               STR_ARG(str_sub(pattern, 0, 80)));
	buf_add_str(normal, at > 0 ? str_sub(pattern, 0, (size_t)at) : STR("*"));
	buf_add_char(normal, '@');
	return add_domain(pattern, str_skip(pattern, (size_t)at + 1), normal, err);
}

bool addr_pattern_holds(struct str pattern, struct str local_part, struct str domain)
{
	ptrdiff_t at = str_find_last_char(pattern, '@');

	return at >= 0 && wildcard_match(local_part, str_sub(pattern, 0, (size_t)at), NULL) &&
	       wildcard_match(domain, str_skip(pattern, (size_t)at + 1), NULL);
}

bool addr_entry_holds(struct str entry, struct str local_part, struct str domain)
{
	ptrdiff_t at = str_find_last_char(entry, '@');

	if (at < 0)
		return wildcard_match(domain, entry, NULL);
	if (!wildcard_match(domain, str_skip(entry, (size_t)at + 1), NULL))
		return false;
	entry = str_sub(entry, 0, (size_t)at);
	/* "@example.com" is how some write a domain. */
	return entry.len == 0 || (local_part.len != 0 && wildcard_match(local_part, entry, NULL));
}

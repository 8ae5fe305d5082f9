#include "common/addr/addr.h"

#include <arpa/inet.h>
#include <idn2.h>

enum { LABEL_MAX = 63 }; /* octets, RFC 1035 2.3.4 */

static bool is_ascii_letter_or_digit(char c)
{
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

/*
 * RFC 5321 4.1.2 sub-domain, with "_" as well: no host may be called so, but mail domains are. Octets of UTF-8 pass;
 * libidn2 judges them.
 */
static bool is_label(struct str label)
{
	if (label.len == 0 || label.data[0] == '-' || label.data[label.len - 1] == '-')
		return false;
	for (size_t i = 0; i < label.len; i++)
		if (!is_ascii_letter_or_digit(label.data[i]) && label.data[i] != '-' && label.data[i] != '_' &&
		    (unsigned char)label.data[i] < 0x80)
			return false;
	return true;
}

/* The labels of an ASCII domain, as they go on the wire. */
static bool is_ascii_domain(struct str domain)
{
	if (domain.len == 0 || domain.len > ADDR_DOMAIN_MAX)
		return false;
	for (struct str rest = domain; rest.data != NULL;) {
		struct str label = str_cut(&rest, '.');

		if (label.len > LABEL_MAX || !is_label(label))
			return false;
		for (size_t i = 0; i < label.len; i++)
			if ((unsigned char)label.data[i] >= 0x80)
				return false;
	}
	return true;
}

static char *to_lower(struct str s, char *out)
{
	for (size_t i = 0; i < s.len; i++)
		out[i] = s.data[i] >= 'A' && s.data[i] <= 'Z' ? (char)(s.data[i] + 32) : s.data[i];
	out[s.len] = '\0';
	return out;
}

/* A domain with U-labels as A-labels in lower case. -1: it has no such form. */
static int to_ascii(struct str domain, char out[ADDR_DOMAIN_MAX + 1])
{
	char text[ADDR_DOMAIN_MAX + 1];
	uint8_t *ascii = NULL;
	bool good;

	for (struct str rest = domain; rest.data != NULL;)
		if (!is_label(str_cut(&rest, '.')))
			return -1;
	if (!str_copy(domain, text, sizeof text) || !str_is_utf8(domain))
		return -1;
	if (idn2_lookup_u8((const uint8_t *)text, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
		return -1;
	/* The mapping may bring forth other characters, dots and "@" too (from their full-width forms). */
	good = is_ascii_domain(str_of((const char *)ascii));
	if (good)
		to_lower(str_of((const char *)ascii), out);
	idn2_free(ascii);
	return good ? 0 : -1;
}

bool addr_is_domain(struct str domain)
{
	char ascii[ADDR_DOMAIN_MAX + 1];

	return is_ascii_domain(domain) ||
	       (domain.len != 0 && domain.len <= ADDR_DOMAIN_MAX && to_ascii(domain, ascii) == 0);
}

bool addr_is_literal(struct str domain)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;
	struct str inner;

	if (domain.len < 2 || domain.data[0] != '[' || domain.data[domain.len - 1] != ']')
		return false;
	inner = str_sub(domain, 1, domain.len - 2);
	if (str_starts_nocase(inner, STR("IPv6:")))
		return str_copy(str_skip(inner, 5), text, sizeof text) && inet_pton(AF_INET6, text, &address) == 1;
	return str_copy(inner, text, sizeof text) && inet_pton(AF_INET, text, &address) == 1;
}

int addr_normalise_domain(struct str domain, struct arena *arena, struct str *domain_out, struct err *err)
{
	char ascii[ADDR_DOMAIN_MAX + 1];

	if (domain.len > ADDR_DOMAIN_MAX)
		return err_set(err, ADDR_TOO_LONG, "the domain is longer than %d octets", ADDR_DOMAIN_MAX);
	if (is_ascii_domain(domain) || addr_is_literal(domain))
		to_lower(domain, ascii);
	else if (to_ascii(domain, ascii) != 0)
		return err_set(err, ADDR_SYNTAX, "\"%.*s\" is not a domain", STR_ARG(domain));
	*domain_out = arena_copy(arena, str_of(ascii));
	return 0;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	struct arena arena;
	struct str first = STR(""), second = STR("");
	bool equal = false;

	if (!str_equal_nocase(a->local_part, b->local_part) || a->is_null != b->is_null)
		return false;
	if (str_equal_nocase(a->domain, b->domain))
		return true;
	arena_init(&arena);
	if (addr_normalise_domain(a->domain, &arena, &first, NULL) == 0 &&
	    addr_normalise_domain(b->domain, &arena, &second, NULL) == 0)
		equal = str_equal(first, second);
	arena_free(&arena);
	return equal;
}

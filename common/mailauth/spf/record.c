#include "common/mailauth/spf/record.h"

#include "common/mailauth/spf/macro.h"

#include <arpa/inet.h>

enum { IPV4_BITS = 32, IPV6_BITS = 128 };

/* What may stand behind a mechanism's name. */
enum argument { NO_ARGUMENT, WANTS_DOMAIN, MAY_DOMAIN, MAY_DOMAIN_AND_LENGTHS, WANTS_IPV4, WANTS_IPV6 };

static const struct {
	const char *name;
	enum spf_mechanism mechanism;
	enum argument argument;
} mechanisms[] = {
    {"all", SPF_ALL, NO_ARGUMENT},        {"include", SPF_INCLUDE, WANTS_DOMAIN},
    {"a", SPF_A, MAY_DOMAIN_AND_LENGTHS}, {"mx", SPF_MX, MAY_DOMAIN_AND_LENGTHS},
    {"ptr", SPF_PTR, MAY_DOMAIN},         {"ip4", SPF_IP4, WANTS_IPV4},
    {"ip6", SPF_IP6, WANTS_IPV6},         {"exists", SPF_EXISTS, WANTS_DOMAIN},
};

static int wrong(struct err *err, const char *what, struct str term)
{
	return err_set(err, ERR_SYNTAX, "%s in \"%.*s\"", what, STR_ARG(str_sub(term, 0, 100)));
}

bool spf_is_record(struct str text)
{
	static const struct str version = {"v=spf1", 6};

	return str_starts_nocase(text, version) && (text.len == version.len || text.data[version.len] == ' ');
}

/* A number of bits without needless zeros (RFC 7208 5.6). */
static bool read_length(struct str digits, unsigned max, unsigned *length_out)
{
	uint64_t length;

	if ((digits.len > 1 && digits.data[0] == '0') || !str_to_u64(digits, max, &length))
		return false;
	*length_out = (unsigned)length;
	return true;
}

/* The position of the "/" before digits that end s, or -1. */
static ptrdiff_t find_length(struct str s)
{
	size_t at = s.len;

	while (at > 0 && s.data[at - 1] >= '0' && s.data[at - 1] <= '9')
		at--;
	return at < s.len && at > 0 && s.data[at - 1] == '/' ? (ptrdiff_t)at - 1 : -1;
}

/* Cut dual-cidr-length ("/24", "//64", "/24//64") off the end of *argument. */
static int cut_lengths(struct str *argument, struct spf_term *term, struct err *err)
{
	ptrdiff_t slash = find_length(*argument);

	term->length4 = IPV4_BITS;
	term->length6 = IPV6_BITS;
	if (slash > 0 && argument->data[slash - 1] == '/') {
		if (!read_length(str_skip(*argument, (size_t)slash + 1), IPV6_BITS, &term->length6))
			return wrong(err, "the length of an IPv6 network is wrong", term->text);
		*argument = str_sub(*argument, 0, (size_t)slash - 1);
		slash = find_length(*argument);
	}
	if (slash >= 0) {
		if (!read_length(str_skip(*argument, (size_t)slash + 1), IPV4_BITS, &term->length4))
			return wrong(err, "the length of an IPv4 network is wrong", term->text);
		*argument = str_sub(*argument, 0, (size_t)slash);
	}
	return 0;
}

static int read_network(struct str argument, struct spf_term *term, bool is_ipv6, struct err *err)
{
	unsigned length = is_ipv6 ? IPV6_BITS : IPV4_BITS;
	struct cidr *network = &term->network;
	char address[INET6_ADDRSTRLEN];
	ptrdiff_t slash;

	network->is_ipv6 = is_ipv6;
	if (argument.len == 0 || argument.data[0] != ':')
		return wrong(err, "an address is missing", term->text);
	argument = str_skip(argument, 1);
	slash = str_find_char(argument, '/');
	if (slash >= 0 && !read_length(str_skip(argument, (size_t)slash + 1), length, &length))
		return wrong(err, "the length of the network is wrong", term->text);
	/* Not by common/addr/cidr: IPv4 written in IPv6 is not IPv4 here, it matches no client at all (RFC 7208 5). */
	if (!str_copy(slash >= 0 ? str_sub(argument, 0, (size_t)slash) : argument, address, sizeof address) ||
	    inet_pton(is_ipv6 ? AF_INET6 : AF_INET, address, network->address) != 1)
		return wrong(err, is_ipv6 ? "no IPv6 address" : "no IPv4 address", term->text);
	network->prefix = length;
	return 0;
}

/* ":domain-spec", or nothing where that may be. */
static int read_domain(struct str argument, struct spf_term *term, bool is_needed, struct err *err)
{
	if (argument.len == 0 && !is_needed)
		return 0;
	if (argument.len == 0 || argument.data[0] != ':')
		return wrong(err, "a domain is missing", term->text);
	term->spec = str_skip(argument, 1);
	return spf_is_domain_spec(term->spec) ? 0 : wrong(err, "no domain", term->text);
}

static int read_argument(struct str argument, enum argument kind, struct spf_term *term, struct err *err)
{
	switch (kind) {
	case NO_ARGUMENT:
		return argument.len == 0 ? 0 : wrong(err, "something stands behind the mechanism", term->text);
	case WANTS_DOMAIN:
		return read_domain(argument, term, true, err);
	case MAY_DOMAIN:
		return read_domain(argument, term, false, err);
	case MAY_DOMAIN_AND_LENGTHS:
		return cut_lengths(&argument, term, err) == 0 ? read_domain(argument, term, false, err) : -1;
	case WANTS_IPV4:
		return read_network(argument, term, false, err);
	case WANTS_IPV6:
		break;
	}
	return read_network(argument, term, true, err);
}

static int read_directive(struct str word, struct spf_term *term, struct err *err)
{
	static const char qualifiers[] = "+-~?";
	static const enum spf_result results[] = {SPF_PASS, SPF_FAIL, SPF_SOFTFAIL, SPF_NEUTRAL};
	ptrdiff_t qualifier = str_find_char(str_of(qualifiers), word.data[0]);
	struct str name = qualifier >= 0 ? str_skip(word, 1) : word;
	size_t len = 0;

	*term = (struct spf_term){.text = word, .qualifier = qualifier >= 0 ? results[qualifier] : SPF_PASS};
	while (len < name.len && name.data[len] != ':' && name.data[len] != '/')
		len++;
	for (size_t i = 0; i < sizeof mechanisms / sizeof mechanisms[0]; i++)
		if (str_equal_nocase(str_sub(name, 0, len), str_of(mechanisms[i].name))) {
			term->mechanism = mechanisms[i].mechanism;
			return read_argument(str_skip(name, len), mechanisms[i].argument, term, err);
		}
	return wrong(err, "no mechanism of SPF", word);
}

/* The length of the name before "=" where word is a modifier, else 0. */
static size_t modifier_name(struct str word)
{
	size_t len = 0;

	for (; len < word.len && word.data[len] != '='; len++) {
		char c = word.data[len];
		bool is_letter = (c | 32) >= 'a' && (c | 32) <= 'z';

		if (!is_letter && (len == 0 || !((c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.')))
			return 0;
	}
	return len < word.len ? len : 0;
}

static int read_modifier(struct str word, size_t name_len, struct spf_record *record, struct err *err)
{
	struct str name = str_sub(word, 0, name_len), value = str_skip(word, name_len + 1);
	struct str *known = str_equal_nocase(name, STR("redirect")) ? &record->redirect
	                    : str_equal_nocase(name, STR("exp"))    ? &record->explanation
	                                                            : NULL;

	if (known == NULL) /* RFC 7208 6: ignored, but what stands there must follow the grammar */
		return spf_is_macro_string(value) ? 0 : wrong(err, "a wrong macro", word);
	if (known->data != NULL)
		return wrong(err, "a modifier that may stand only once", word);
	if (!spf_is_domain_spec(value))
		return wrong(err, "no domain", word);
	*known = value;
	return 0;
}

/* RFC 7208 3.1: ASCII; 4.6.1: nothing but spaces between terms. */
static bool is_printable(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] < ' ' || text.data[i] > '~')
			return false;
	return true;
}

int spf_record_parse(struct str text, struct arena *arena, struct spf_record *record_out, struct err *err)
{
	struct str rest = str_skip(text, sizeof "v=spf1" - 1);

	*record_out = (struct spf_record){0};
	if (!is_printable(text))
		return err_set(err, ERR_SYNTAX, "the record holds octets that are not printable ASCII");
	/* A term takes two octets at least. */
	record_out->terms = arena_get(arena, (rest.len / 2 + 1) * sizeof *record_out->terms);
	while (rest.data != NULL) {
		struct str word = str_cut(&rest, ' ');
		size_t name_len = modifier_name(word);

		if (word.len == 0)
			continue;
		if (name_len != 0 ? read_modifier(word, name_len, record_out, err) != 0
		                  : read_directive(word, &record_out->terms[record_out->count], err) != 0)
			return -1;
		record_out->count += name_len == 0;
	}
	return 0;
}

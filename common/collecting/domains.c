/* routing: accepted domains. */
#include "common/addr/addr.h"
#include "common/addr/pattern.h"
#include "common/collecting/routing.h"

static bool has_wildcard(struct str text)
{
	return str_find_char(text, '*') >= 0 || str_find_char(text, '?') >= 0;
}

/* What stands behind the last "@", or all of it. */
static struct str domain_of(struct str entry)
{
	return str_skip(entry, (size_t)(str_find_last_char(entry, '@') + 1));
}

/* One entry in its normal form: domains without wildcards as they are compared. */
static int read_entry(struct str entry, struct arena *arena, struct str *normal_out, struct err *err)
{
	struct str domain = domain_of(entry), normal = domain, local_part = str_sub(entry, 0, entry.len - domain.len);

	if (entry.len > ADDR_PATTERN_MAX)
		return err_set(err, ERR_LIMIT, "an accepted domain has at most %d octets", ADDR_PATTERN_MAX);
	for (size_t i = 0; i < entry.len; i++)
		if ((unsigned char)entry.data[i] <= ' ' || entry.data[i] == ',' || entry.data[i] == 0x7f)
			return err_set(err, ERR_SYNTAX, "\"%.*s\" is neither a domain nor an address; separate them by semicolons",
			               STR_ARG(str_sub(entry, 0, 80)));
	if (!str_is_utf8(entry) || domain.len == 0)
		return err_set(err, ERR_SYNTAX, "\"%.*s\" has no domain", STR_ARG(str_sub(entry, 0, 80)));
	if (!has_wildcard(domain) && addr_normalise_domain(domain, arena, &normal, err) != 0) {
		if (err != NULL)
			err->code = ERR_SYNTAX;
		return -1;
	}
	*normal_out = arena_printf(arena, "%.*s%.*s", STR_ARG(local_part.len > 1 ? local_part : STR("")), STR_ARG(normal));
	return 0;
}

int routing_parse_domains(struct str text, struct arena *arena, struct str domains[ROUTING_DOMAINS_MAX],
                          size_t *count_out, struct err *err)
{
	*count_out = 0;
	while (text.data != NULL) {
		struct str entry = str_trim(str_cut(&text, ';'));

		if (entry.len == 0)
			continue;
		if (*count_out == ROUTING_DOMAINS_MAX)
			return err_set(err, ERR_LIMIT, "there are at most %d accepted domains", ROUTING_DOMAINS_MAX);
		if (read_entry(entry, arena, &domains[*count_out], err) != 0)
			return -1;
		(*count_out)++;
	}
	return 0;
}

#include "common/settings/tls_demands.h"

#include <ctype.h>

static const char *const words[] = {
    [TLS_DEMAND_AUTO] = "auto",       [TLS_DEMAND_NONE] = "none", [TLS_DEMAND_MAY] = "may",
    [TLS_DEMAND_ENCRYPT] = "encrypt", [TLS_DEMAND_DANE] = "dane", [TLS_DEMAND_VERIFY] = "verify",
};

static bool parse_demand(struct str word, enum tls_demand *demand_out)
{
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (str_equal_nocase(word, str_of(words[i]))) {
			*demand_out = (enum tls_demand)i;
			return true;
		}
	return false;
}

/* A domain, or a pattern of some: letters, digits, what stands between them, and wildcards. */
static bool is_pattern(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!isalnum((unsigned char)text.data[i]) && strchr("-_.*?", text.data[i]) == NULL)
			return false;
	return text.len > 0 && text.len <= 255;
}

int tls_demands_check(struct str text, struct buf *normal, struct err *err)
{
	struct str item;
	int count = 0;

	while ((item = str_cut_item(&text)).len != 0) {
		struct str domain = str_cut(&item, '=');
		enum tls_demand demand;

		if (!is_pattern(domain))
			return err_set(err, ERR_SYNTAX, "\"%.*s\" is not a domain", STR_ARG(str_sub(domain, 0, 80)));
		if (!parse_demand(item, &demand))
			return err_set(err, ERR_SYNTAX, "%.*s: \"%.*s\" is not auto, none, may, encrypt, dane or verify",
			               STR_ARG(str_sub(domain, 0, 80)), STR_ARG(str_sub(item, 0, 40)));
		if (++count > TLS_DEMANDS_MAX)
			return err_set(err, ERR_LIMIT, "at most %d domains are possible", TLS_DEMANDS_MAX);
		if (normal->len > 0)
			buf_add_char(normal, ',');
		for (size_t i = 0; i < domain.len; i++)
			buf_add_char(normal, (char)tolower((unsigned char)domain.data[i]));
		buf_printf(normal, "=%s", words[demand]);
	}
	return 0;
}

enum tls_demand tls_demands_find(struct str text, struct str domain)
{
	enum tls_demand demand = TLS_DEMAND_AUTO;
	struct str item;

	while ((item = str_cut_item(&text)).len != 0)
		if (str_matches_wildcard(domain, str_cut(&item, '=')) && parse_demand(item, &demand))
			return demand;
	return TLS_DEMAND_AUTO;
}

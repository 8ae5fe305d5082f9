#include "common/settings/check.h"

#include "common/addr/addr.h"
#include "common/addr/cidr.h"
#include "common/addr/senders.h"
#include "common/addr/smtp_target.h"
#include "common/rules/regex.h"
#include "common/settings/ceilings.h"
#include "common/settings/pools.h"

int check_senders(const struct setting_definition *definition, struct str value, struct buf *normal, struct err *err)
{
	return senders_normalise(value, normal, err) == 0 ? 0 : err_prefix(err, "%s", definition->key);
}

int check_networks(const struct setting_definition *definition, struct str value, struct buf *normal, struct err *err)
{
	struct cidr network;
	struct str item;
	int count = 0;

	while ((item = str_cut_item(&value)).len != 0) {
		if (cidr_parse(item, &network, NULL, err) != 0)
			return err_prefix(err, "%s", definition->key);
		if (count++ == CHECK_ITEMS_MAX)
			return err_set(err, ERR_LIMIT, "%s takes at most %d networks", definition->key, CHECK_ITEMS_MAX);
		if (normal->len != 0)
			buf_add_char(normal, ',');
		cidr_format(&network, normal);
	}
	return 0;
}

int check_host(const struct setting_definition *definition, struct str value, struct buf *normal, struct err *err)
{
	struct arena arena;
	struct str host;
	struct err reason;
	int result = 0;

	if (value.len == 0)
		return 0;
	arena_init(&arena);
	if (!addr_is_domain(value))
		result = err_set(err, ERR_SYNTAX, "%s must be a host name such as mail.example.com, not \"%.*s\"",
		                 definition->key, SHOWN(value));
	else if (addr_normalise_domain(value, &arena, &host, &reason) != 0)
		result = err_set(err, ERR_SYNTAX, "%s: %s", definition->key, reason.text);
	else
		result = buf_add_str(normal, host);
	arena_free(&arena);
	return result;
}

/* One "ADDRESS", "ADDRESS:PORT", "[IPV6]" or "[IPV6]:PORT", added to normal. False where it is none. */
static bool add_server(struct str item, struct buf *normal)
{
	struct cidr address;
	struct str host = item, port = {NULL, 0};
	ptrdiff_t colon = str_find_char(item, ':');
	uint64_t number = 0;

	if (item.data[0] == '[') {
		ptrdiff_t end = str_find_char(item, ']');

		if (end < 0)
			return false;
		host = str_sub(item, 1, (size_t)end - 1);
		port = str_skip(item, (size_t)end + 1);
		if (port.len == 0)
			port.data = NULL;
		else if (port.data[0] != ':')
			return false;
		else
			port = str_skip(port, 1);
	} else if (colon >= 0 && str_find_last_char(item, ':') == colon) {
		host = str_sub(item, 0, (size_t)colon);
		port = str_skip(item, (size_t)colon + 1);
	}
	if (str_find_char(host, '/') >= 0 || str_find_char(host, '%') >= 0 || cidr_parse(host, &address, NULL, NULL) != 0)
		return false;
	if (port.data != NULL && (!str_to_u64(port, 65535, &number) || number == 0))
		return false;
	if (normal->len != 0)
		buf_add_char(normal, ',');
	if (address.is_ipv6 && port.data != NULL)
		buf_add_char(normal, '[');
	cidr_format(&address, normal);
	if (port.data != NULL)
		buf_printf(normal, "%s:%u", address.is_ipv6 ? "]" : "", (unsigned)number);
	return true;
}

int check_servers(const struct setting_definition *definition, struct str value, struct buf *normal, struct err *err)
{
	struct str item;
	int count = 0;

	while ((item = str_cut_item(&value)).len != 0) {
		if (count++ == CHECK_ITEMS_MAX)
			return err_set(err, ERR_LIMIT, "%s takes at most %d servers", definition->key, CHECK_ITEMS_MAX);
		if (!add_server(item, normal))
			return err_set(
			    err, ERR_SYNTAX,
			    "%s: \"%.*s\" is not a server; write ADDRESS or ADDRESS:PORT, as in 192.0.2.53 or [2001:db8::53]:53",
			    definition->key, SHOWN(item));
	}
	return 0;
}

/* "zone" or "zone(regex)" */
static int check_zone(const struct setting_definition *definition, struct str entry, struct err *err)
{
	ptrdiff_t bracket = str_find_char(entry, '(');
	struct str zone = bracket >= 0 ? str_sub(entry, 0, (size_t)bracket) : entry;
	struct regex *regex;

	if (!addr_is_domain(zone))
		return err_set(err, ERR_SYNTAX, "%s: \"%.*s\" is not the name of a zone", definition->key, SHOWN(zone));
	if (bracket < 0)
		return 0;
	if (entry.data[entry.len - 1] != ')')
		return err_set(err, ERR_SYNTAX, "%s: \"%.*s\" lacks its closing bracket", definition->key, SHOWN(entry));
	if (regex_compile(str_sub(entry, zone.len + 1, entry.len - zone.len - 2), &regex, err) != 0)
		return err_prefix(err, "%s", definition->key);
	regex_free(regex);
	return 0;
}

int check_zones(const struct setting_definition *definition, struct str value, struct buf *normal, struct err *err)
{
	struct str entry;
	int count = 0;

	while ((entry = str_cut_word(&value)).len != 0) {
		if (count++ == CHECK_ITEMS_MAX)
			return err_set(err, ERR_LIMIT, "%s takes at most %d zones", definition->key, CHECK_ITEMS_MAX);
		if (check_zone(definition, entry, err) != 0)
			return -1;
		buf_printf(normal, "%s%.*s", normal->len != 0 ? " " : "", STR_ARG(entry));
	}
	return 0;
}

int check_pools(const struct setting_definition *definition, struct str value, struct buf *normal, struct err *err)
{
	struct pools pools;

	if (pools_parse(value, &pools, err) != 0)
		return err_prefix(err, "%s", definition->key);
	return buf_add_str(normal, str_trim(value));
}

int check_bandwidth(const struct setting_definition *definition, struct str value, struct buf *normal, struct err *err)
{
	int64_t limit;

	if (bandwidth_parse(value, &limit, err) != 0)
		return err_prefix(err, "%s", definition->key);
	return limit < 0 ? buf_printf(normal, "pool %lld", (long long)-limit)
	                 : buf_printf(normal, "%lld", (long long)limit);
}

int check_ceilings(const struct setting_definition *definition, struct str value, struct buf *normal, struct err *err)
{
	struct arena arena;
	struct ceiling ceiling;
	int found, count = 0;

	arena_init(&arena);
	while ((found = ceiling_next(&value, &arena, &ceiling, err)) == 1 && count++ < CEILINGS_MAX)
		buf_printf(normal, "%s%.*s-%u", normal->len != 0 ? " " : "", STR_ARG(server_format(&ceiling.server, &arena)),
		           ceiling.most);
	arena_free(&arena);
	if (found == 1)
		return err_set(err, ERR_LIMIT, "%s takes at most %d servers", definition->key, CEILINGS_MAX);
	return found == 0 ? 0 : err_prefix(err, "%s", definition->key);
}

int check_smtp_target(const struct setting_definition *definition, struct str value, struct buf *normal,
                      struct err *err)
{
	struct smtp_target target;
	struct arena arena;
	int result = 0;

	if (value.len == 0)
		return 0;
	arena_init(&arena);
	if (!smtp_target_is(value))
		result = err_set(err, ERR_SYNTAX, "%s must be SMTP:ADDRESS@[USER:PASSWORD@]SERVER[:PORT]", definition->key);
	else if (smtp_target_parse(value, &arena, &target, err) != 0)
		result = err_prefix(err, "%s", definition->key);
	else
		buf_add_str(normal, smtp_target_format(&target, &arena));
	arena_free(&arena);
	return result;
}

bool settings_networks_hold(const char *networks, const char *address)
{
	struct str rest = str_of(networks), item;
	struct cidr wanted, network;

	if (strchr(address, '/') != NULL || cidr_parse(str_of(address), &wanted, NULL, NULL) != 0)
		return false;
	while ((item = str_cut_item(&rest)).len != 0)
		if (cidr_parse(item, &network, NULL, NULL) == 0 && cidr_holds(&network, &wanted))
			return true;
	return false;
}

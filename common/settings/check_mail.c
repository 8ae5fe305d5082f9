#include "common/settings/check.h"

#include "common/addr/addr.h"
#include "common/mime/modify.h"
#include "common/settings/tls_demands.h"

#include <inttypes.h>

/* CRs before LFs are dropped. */
int check_lines(const struct setting_definition *definition, struct str value, struct buf *normal, struct err *err)
{
	if (!str_is_utf8(value))
		return err_set(err, ERR_SYNTAX, "%s must be valid UTF-8", definition->key);
	for (size_t i = 0; i < value.len; i++) {
		char c = value.data[i];

		if (c == '\r' && i + 1 < value.len && value.data[i + 1] == '\n')
			continue;
		if (((unsigned char)c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
			return err_set(err, ERR_SYNTAX, "%s must be lines without control characters", definition->key);
		buf_add_char(normal, c);
	}
	if (definition->max > 0 && str_utf8_length(buf_str(normal)) > (size_t)definition->max)
		return err_set(err, ERR_LIMIT, "%s must have at most %" PRId64 " characters", definition->key, definition->max);
	return 0;
}

int check_modifiers(const struct setting_definition *definition, struct str value, struct buf *normal, struct err *err)
{
	if (modifiers_check(value, err) != 0)
		return err_prefix(err, "%s", definition->key);
	return check_lines(definition, value, normal, err);
}

int check_fields(const struct setting_definition *definition, struct str value, struct buf *normal, struct err *err)
{
	struct str name;
	size_t count = 0;

	while ((name = str_cut_item(&value)).len != 0) {
		if (!mime_is_field_name(name))
			return err_set(err, ERR_SYNTAX, "%s: \"%.*s\" is not the name of a header field", definition->key,
			               SHOWN(name));
		if (++count > CHECK_ITEMS_MAX)
			return err_set(err, ERR_LIMIT, "%s must have at most %d items", definition->key, CHECK_ITEMS_MAX);
		buf_printf(normal, "%s%.*s", normal->len != 0 ? "," : "", STR_ARG(name));
	}
	return 0;
}

/* A domain in the form in which it is compared. A literal is none here. */
static int add_domain(const struct setting_definition *definition, struct str domain, struct arena *arena,
                      struct str *normal_out, struct err *err)
{
	if (domain.len == 0 || !addr_is_domain(domain) || addr_normalise_domain(domain, arena, normal_out, NULL) != 0)
		return err_set(err, ERR_SYNTAX, "%s: \"%.*s\" is not a domain", definition->key, SHOWN(domain));
	return 0;
}

/* Is a domain the left side of a pair that is there already? */
static bool is_mapped(struct str pairs, struct str from)
{
	while (pairs.data != NULL && pairs.len != 0) {
		struct str pair = str_cut(&pairs, ',');

		if (str_equal(str_cut(&pair, '='), from))
			return true;
	}
	return false;
}

static int add_pair(const struct setting_definition *definition, struct str pair, struct arena *arena,
                    struct buf *normal, struct err *err)
{
	struct str rest = pair, from = str_cut(&rest, '='), to = STR("");

	if (rest.data == NULL)
		return err_set(err, ERR_SYNTAX, "%s must be pairs FROM=TO, not \"%.*s\"", definition->key, SHOWN(pair));
	if (rest.len == 0)
		return err_set(err, ERR_SYNTAX, "%s: %.*s is mapped to no domain", definition->key, SHOWN(from));
	if (add_domain(definition, from, arena, &from, err) != 0 || add_domain(definition, rest, arena, &to, err) != 0)
		return -1;
	if (is_mapped(buf_str(normal), from))
		return err_set(err, ERR_EXISTS, "%s: %.*s is mapped twice", definition->key, SHOWN(from));
	return buf_printf(normal, "%s%.*s=%.*s", normal->len != 0 ? "," : "", STR_ARG(from), STR_ARG(to));
}

int check_domain_map(const struct setting_definition *definition, struct str value, struct buf *normal, struct err *err)
{
	struct arena arena;
	struct str pair;
	int result = 0;

	arena_init(&arena);
	while (result == 0 && (pair = str_cut_item(&value)).len != 0)
		result = add_pair(definition, pair, &arena, normal, err);
	arena_free(&arena);
	return result;
}

static int add_target(const struct setting_definition *definition, struct str target, struct arena *arena,
                      struct buf *normal, struct err *err)
{
	struct str whole = target;
	struct addr addr;

	/* a user's name is what could stand before the "@" of an address */
	if (str_find_char(target, '@') < 0)
		whole = arena_printf(arena, "%.*s@example.com", STR_ARG(target));
	if (addr_parse_mailbox(whole, arena, &addr, NULL) != 0)
		return err_set(err, ERR_SYNTAX, "%s: \"%.*s\" is neither a user's name nor an address", definition->key,
		               SHOWN(target));
	return buf_printf(normal, "%s%.*s", normal->len != 0 ? "," : "", STR_ARG(target));
}

int check_targets(const struct setting_definition *definition, struct str value, struct buf *normal, struct err *err)
{
	struct arena arena;
	struct str target;
	int result = 0;

	arena_init(&arena);
	while (result == 0 && (target = str_cut_item(&value)).len != 0)
		result = add_target(definition, target, &arena, normal, err);
	arena_free(&arena);
	return result;
}

int check_rewrite(const struct setting_definition *definition, struct str value, struct buf *normal, struct err *err)
{
	bool wild = str_starts(value, STR("*@"));
	struct arena arena;
	struct addr addr;
	int result = 0;

	if (value.len == 0)
		return 0;
	arena_init(&arena);
	if (addr_parse_mailbox(wild ? arena_printf(&arena, "a%.*s", STR_ARG(str_skip(value, 1))) : value, &arena, &addr,
	                       NULL) != 0 ||
	    addr.domain.len == 0 || addr.is_literal)
		result =
		    err_set(err, ERR_SYNTAX, "%s must be an address or *@DOMAIN, not \"%.*s\"", definition->key, SHOWN(value));
	else
		result = buf_add_str(normal, value);
	arena_free(&arena);
	return result;
}

int check_tls_demands(const struct setting_definition *definition, struct str value, struct buf *normal,
                      struct err *err)
{
	return tls_demands_check(value, normal, err) == 0 ? 0 : err_prefix(err, "%s", definition->key);
}

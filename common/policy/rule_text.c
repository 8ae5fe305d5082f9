/* rule: the interchange form of a list. */
#include "common/policy/rule.h"

/* The value of a message, short enough for a line. */
#define SHOWN(value) STR_ARG(str_sub(value, 0, 80))

enum line_field { RESTRICT, TYPE, ADDRESS, PREFIX, UNAUTH, USERS, COMMENT, LINE_FIELDS };
enum line_type { TYPE_SPECIAL = 0, TYPE_IPV4 = 2, TYPE_IPV6 = 23, TYPE_GEO = 100 };

static const enum access_kind special_kinds[] = {ACCESS_ANY, ACCESS_LOCAL, ACCESS_ROUTERS};

#define SPECIALS (sizeof special_kinds / sizeof special_kinds[0])

/* The fields of a line; the comment may hold '|'. False where others than the comment are missing. */
static bool cut_fields(struct str line, struct str fields[LINE_FIELDS])
{
	for (int i = 0; i < COMMENT; i++) {
		if (line.data == NULL)
			return false;
		fields[i] = str_cut(&line, '|');
	}
	fields[COMMENT] = line;
	return true;
}

static int parse_flag(struct str text, const char *name, bool *value_out, struct err *err)
{
	if (!str_equal(text, STR("0")) && !str_equal(text, STR("1")))
		return err_set(err, ERR_SYNTAX, "%s must be 0 or 1, not \"%.*s\"", name, SHOWN(text));
	*value_out = text.data[0] == '1';
	return 0;
}

static int parse_users(struct str text, struct arena *arena, struct access_rule *rule, struct err *err)
{
	uint64_t number;

	if (text.len > ACCESS_USERS_MAX)
		return err_set(err, ERR_LIMIT, "users has more than %d octets", ACCESS_USERS_MAX);
	for (struct str rest = text; rest.len != 0;)
		if (!str_to_u64(str_cut(&rest, '\t'), INT64_MAX, &number))
			return err_set(err, ERR_SYNTAX, "users must be numbers separated by TAB");
	rule->users = arena_copy(arena, text);
	return 0;
}

static int parse_special(struct str prefix, struct access_rule *rule, struct err *err)
{
	uint64_t number;

	if (!str_to_u64(prefix, SPECIALS - 1, &number))
		return err_set(err, ERR_SYNTAX, "prefix of type 0 must be 0, 1 or 2, not \"%.*s\"", SHOWN(prefix));
	rule->kind = special_kinds[number];
	return 0;
}

/* Of type IPv4 and IPv6: all of the family has prefix 0, and needs no address. */
static int parse_range(const struct str fields[LINE_FIELDS], bool is_ipv6, struct arena *arena,
                       struct access_rule *rule, struct err *err)
{
	struct str address = fields[ADDRESS];

	if (address.len == 0 && str_equal(fields[PREFIX], STR("0")))
		address = is_ipv6 ? STR("::") : STR("0.0.0.0");
	if (!cidr_is_address(address, is_ipv6))
		return err_set(err, ERR_SYNTAX, "address \"%.*s\" is none of %s", SHOWN(address), is_ipv6 ? "IPv6" : "IPv4");
	return access_rule_parse(arena_printf(arena, "%.*s/%.*s", STR_ARG(address), STR_ARG(fields[PREFIX])), arena, rule,
	                         err);
}

static int parse_rule(const struct str fields[LINE_FIELDS], struct arena *arena, struct access_rule *rule,
                      struct err *err)
{
	uint64_t type;

	if (parse_flag(fields[RESTRICT], "restrict", &rule->allow, err) != 0 ||
	    parse_flag(fields[UNAUTH], "allow unauth", &rule->unauth, err) != 0 ||
	    parse_users(fields[USERS], arena, rule, err) != 0 || access_check_comment(fields[COMMENT], err) != 0)
		return -1;
	rule->comment = arena_copy(arena, fields[COMMENT]);
	if (!str_to_u64(fields[TYPE], TYPE_GEO, &type))
		type = UINT64_MAX;
	switch (type) {
	case TYPE_SPECIAL:
		return parse_special(fields[PREFIX], rule, err);
	case TYPE_IPV4:
	case TYPE_IPV6:
		return parse_range(fields, type == TYPE_IPV6, arena, rule, err);
	case TYPE_GEO:
		return access_rule_parse(arena_printf(arena, "geoip:%.*s", STR_ARG(fields[ADDRESS])), arena, rule, err);
	default:
		return err_set(err, ERR_SYNTAX, "type must be 0, 2, 23 or 100, not \"%.*s\"", SHOWN(fields[TYPE]));
	}
}

static int parse_line(struct str line, struct arena *arena, struct access_rules *rules, struct err *err)
{
	struct str fields[LINE_FIELDS];
	struct access_rule rule = {.masked = STR("")};

	if (!cut_fields(line, fields))
		return err_set(err, ERR_SYNTAX, "a rule has seven fields separated by |");
	if (parse_rule(fields, arena, &rule, err) != 0)
		return -1;
	return access_rules_add(rules, arena, &rule, err);
}

int access_text_parse(struct str text, struct arena *arena, struct access_rules *rules_out, bool *use_global_out,
                      struct err *err)
{
	struct str rest = text, first = str_cut(&rest, '\n');
	unsigned number = 1;

	*rules_out = (struct access_rules){0};
	if (first.len > 0 && first.data[first.len - 1] == '\r')
		return err_set(err, ERR_SYNTAX, "line 1: lines end with LF, without CR");
	if (parse_flag(first, "use global list", use_global_out, err) != 0)
		return err_prefix(err, "line 1");
	while (rest.len != 0) {
		struct str line = str_cut(&rest, '\n');

		number++;
		if (line.len != 0 && parse_line(line, arena, rules_out, err) != 0)
			return err_prefix(err, "line %u", number);
	}
	return 0;
}

static void format_rule(const struct access_rule *rule, struct buf *text)
{
	size_t special = 0;

	buf_add_str(text, rule->allow ? STR("1|") : STR("0|"));
	if (rule->kind == ACCESS_NETWORK) {
		struct cidr address = rule->network;

		address.prefix = address.is_ipv6 ? 128 : 32;
		buf_printf(text, "%d|", rule->network.is_ipv6 ? TYPE_IPV6 : TYPE_IPV4);
		cidr_format(&address, text);
		buf_printf(text, "|%u", rule->network.prefix);
	} else if (rule->kind == ACCESS_ANY4 || rule->kind == ACCESS_ANY6) {
		buf_printf(text, "%s|0", rule->kind == ACCESS_ANY6 ? "23|::" : "2|0.0.0.0");
	} else if (rule->kind == ACCESS_GEO) {
		buf_printf(text, "%d|%.*s|0", TYPE_GEO, STR_ARG(rule->tags));
	} else {
		while (special + 1 < SPECIALS && special_kinds[special] != rule->kind)
			special++;
		buf_printf(text, "%d||%zu", TYPE_SPECIAL, special);
	}
	buf_printf(text, "|%d|%.*s|%.*s", rule->unauth, STR_ARG(rule->users), STR_ARG(rule->comment));
}

void access_text_format(const struct access_rules *rules, bool use_global, struct buf *text)
{
	buf_add_char(text, use_global ? '1' : '0');
	for (size_t i = 0; i < rules->count; i++) {
		buf_add_char(text, '\n');
		format_rule(&rules->list[i], text);
	}
}

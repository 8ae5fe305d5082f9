#include "common/policy/rule.h"

#include <stdlib.h>

/* The value of a message, short enough for a line. */
#define SHOWN(value) STR_ARG(str_sub(value, 0, 80))

#define GEO_PREFIX "geoip:"

static const char *const kind_words[ACCESS_KINDS] = {
    [ACCESS_ROUTERS] = "routers", [ACCESS_LOCAL] = "local", [ACCESS_NETWORK] = "network", [ACCESS_GEO] = "geoip",
    [ACCESS_ANY4] = "any4",       [ACCESS_ANY6] = "any6",   [ACCESS_ANY] = "any",
};

int access_rules_add(struct access_rules *rules, struct arena *arena, const struct access_rule *rule, struct err *err)
{
	struct access_rule *old = rules->list;

	if (rules->count == ACCESS_RULES_MAX)
		return err_set(err, ERR_LIMIT, "an access list has at most %d rules", ACCESS_RULES_MAX);
	if ((rules->count & (rules->count - 1)) == 0) { /* full: there is room for 1, 2, 4, 8 ... */
		rules->list = arena_get(arena, (rules->count != 0 ? 2 * rules->count : 1) * sizeof *old);
		if (old != NULL)
			memcpy(rules->list, old, rules->count * sizeof *old);
	}
	rules->list[rules->count++] = *rule;
	return 0;
}

static int rank(const struct access_rule *rule)
{
	static const int ranks[ACCESS_KINDS] = {
	    [ACCESS_ROUTERS] = 1, [ACCESS_NETWORK] = 2, [ACCESS_LOCAL] = 3, [ACCESS_GEO] = 4,
	    [ACCESS_ANY4] = 5,    [ACCESS_ANY6] = 5,    [ACCESS_ANY] = 6,
	};

	return rule->kind == ACCESS_NETWORK && cidr_is_host(&rule->network) ? 0 : ranks[rule->kind];
}

static int compare(const void *a, const void *b)
{
	const struct access_rule *left = a, *right = b;
	int difference = rank(left) - rank(right);

	if (difference != 0)
		return difference;
	if (rank(left) == 2 && left->network.prefix != right->network.prefix)
		return left->network.prefix > right->network.prefix ? -1 : 1;
	return left->order < right->order ? -1 : left->order > right->order;
}

void access_rules_sort(struct access_rules *rules)
{
	for (size_t i = 0; i < rules->count; i++)
		rules->list[i].order = i;
	if (rules->count > 1)
		qsort(rules->list, rules->count, sizeof *rules->list, compare);
}

const char *access_kind_word(enum access_kind kind)
{
	return kind_words[kind];
}

bool access_kind_find(struct str word, enum access_kind *kind_out)
{
	for (int kind = 0; kind < ACCESS_KINDS; kind++)
		if (str_equal_nocase(word, str_of(kind_words[kind]))) {
			*kind_out = (enum access_kind)kind;
			return true;
		}
	return false;
}

/* UTF-8 without control characters? */
static bool is_line(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f)
			return false;
	return str_is_utf8(text);
}

/* Tags separated by commas or semicolons, into a list without blanks. */
static int parse_tags(struct str text, struct arena *arena, struct access_rule *rule, struct err *err)
{
	struct buf tags;
	int result = 0;

	buf_init(&tags, ACCESS_TAGS_MAX);
	for (struct str rest = text; rest.data != NULL;) {
		struct str part = str_cut(&rest, ',');

		while (part.data != NULL) {
			struct str tag = str_trim(str_cut(&part, ';'));

			if (tag.len != 0)
				buf_printf(&tags, "%s%.*s", tags.len != 0 ? "," : "", STR_ARG(tag));
		}
	}
	if (tags.overflow)
		result = err_set(err, ERR_LIMIT, "the tags have more than %d octets", ACCESS_TAGS_MAX);
	else if (tags.len == 0)
		result = err_set(err, ERR_SYNTAX, "the tags of a GeoIP rule are missing, as in geoip:AU,NZ");
	else if (!is_line(buf_str(&tags)) || str_find_char(buf_str(&tags), '|') >= 0)
		result = err_set(err, ERR_SYNTAX, "the tags of a GeoIP rule must be UTF-8, without control characters and |");
	rule->kind = ACCESS_GEO;
	rule->tags = arena_copy(arena, buf_str(&tags));
	buf_free(&tags);
	return result;
}

static int parse_network(struct str text, struct arena *arena, struct access_rule *rule, struct err *err)
{
	bool host_bits;

	if (cidr_parse(text, &rule->network, &host_bits, err) != 0)
		return -1;
	rule->kind = ACCESS_NETWORK;
	if (rule->network.prefix == 0)
		rule->kind = rule->network.is_ipv6 ? ACCESS_ANY6 : ACCESS_ANY4;
	rule->masked = host_bits ? arena_copy(arena, text) : STR("");
	return 0;
}

int access_rule_parse(struct str text, struct arena *arena, struct access_rule *rule, struct err *err)
{
	if (str_starts_nocase(text, STR(GEO_PREFIX)))
		return parse_tags(str_skip(text, strlen(GEO_PREFIX)), arena, rule, err);
	if (access_kind_find(text, &rule->kind) && rule->kind != ACCESS_NETWORK && rule->kind != ACCESS_GEO)
		return 0;
	if (parse_network(text, arena, rule, err) == 0)
		return 0;
	if (str_find_char(text, '/') < 0 && str_find_char(text, '.') < 0 && str_find_char(text, ':') < 0)
		return err_set(err, ERR_SYNTAX,
		               "\"%.*s\" is neither an address nor any, any4, any6, local, routers or geoip:TAG,...",
		               SHOWN(text));
	return -1;
}

void access_rule_format(const struct access_rule *rule, struct buf *text)
{
	if (rule->kind == ACCESS_NETWORK)
		cidr_format(&rule->network, text);
	else if (rule->kind == ACCESS_GEO)
		buf_printf(text, GEO_PREFIX "%.*s", STR_ARG(rule->tags));
	else
		buf_add_str(text, str_of(kind_words[rule->kind]));
}

int access_check_comment(struct str comment, struct err *err)
{
	if (comment.len > ACCESS_COMMENT_MAX)
		return err_set(err, ERR_LIMIT, "the comment has more than %d octets", ACCESS_COMMENT_MAX);
	if (!is_line(comment))
		return err_set(err, ERR_SYNTAX, "the comment must be one line of UTF-8 without control characters");
	return 0;
}

bool access_users_hold(struct str users, int64_t uid)
{
	uint64_t number;

	while (users.len != 0)
		if (str_to_u64(str_cut(&users, '\t'), INT64_MAX, &number) && (int64_t)number == uid)
			return true;
	return false;
}

#include "common/outgoing/overrides.h"

enum attribute { ATTRIBUTE_RETRIES, ATTRIBUTE_SIZE, ATTRIBUTE_AUTHSENDER, ATTRIBUTE_FROM, ATTRIBUTE_DNSMX };

struct override_condition {
	enum attribute attribute;
	struct comparison comparison;
};

static const struct {
	struct str word;
	enum attribute attribute;
} attributes[] = {
    {{"$retries", 8}, ATTRIBUTE_RETRIES},
    {{"$size", 5}, ATTRIBUTE_SIZE},
    {{"$authsender", 11}, ATTRIBUTE_AUTHSENDER},
    {{"$from", 5}, ATTRIBUTE_FROM},
};

/* Cut a field off: up to a blank that stands neither in quotes nor in a regular expression. */
static struct str take_field(struct str *rest)
{
	struct str text = str_trim(*rest);
	bool quoted = false;
	size_t length = 0;

	while (length < text.len && (quoted || (text.data[length] != ' ' && text.data[length] != '\t'))) {
		quoted ^= text.data[length] == '"';
		length++;
	}
	*rest = str_trim(str_skip(text, length));
	return str_sub(text, 0, length);
}

static struct str without_quotes(struct str text)
{
	bool quoted = text.len >= 2 && text.data[0] == '"' && text.data[text.len - 1] == '"';

	return quoted ? str_sub(text, 1, text.len - 2) : text;
}

static int parse_server(struct str text, struct arena *arena, struct override *line, struct err *err)
{
	ptrdiff_t at = str_find_last_char(text, '@');
	struct str login = at >= 0 ? str_sub(text, 0, (size_t)at) : STR("");

	if (at >= 0) {
		line->user = str_cut(&login, ':');
		if (line->user.len == 0 || login.data == NULL || login.len == 0)
			return err_set(err, ERR_SYNTAX, "a login stands before the server as USER:PASSWORD@");
		line->password = login;
		text = str_skip(text, (size_t)at + 1);
	}
	return server_parse(text, OVERRIDE_PORT, arena, &line->server, err);
}

/* "~=" and "~!": a wildcard or a regular expression. */
static int parse_match(struct str value, struct comparison *comparison, struct err *err)
{
	if (!str_starts(value, STR("/"))) {
		comparison->operator= COMPARE_WILDCARD;
		comparison->text = without_quotes(value);
		return 0;
	}
	if (compare_take_regex(&value, comparison, err) != 0)
		return -1;
	if (value.len == 0)
		return 0;
	comparison_free(comparison);
	return err_set(err, ERR_SYNTAX, "something stands behind the regular expression");
}

static int parse_comparison(struct str rest, bool is_number, struct comparison *comparison, struct err *err)
{
	uint64_t number;

	if (!is_number && (str_starts(rest, STR("~=")) || str_starts(rest, STR("~!")) || str_starts(rest, STR("!~")))) {
		comparison->negated = !str_starts(rest, STR("~="));
		return parse_match(str_skip(rest, 2), comparison, err);
	}
	if (!compare_take_symbol(&rest, &comparison->operator))
		return err_set(err, ERR_SYNTAX, "the comparison is one of = == <> != < <= > >=%s", is_number ? "" : " ~= ~!");
	comparison->text = without_quotes(rest);
	if (!is_number)
		return 0;
	if (!str_to_u64(comparison->text, 1000000000000, &number))
		return err_set(err, ERR_SYNTAX, "\"%.*s\" is not a number", STR_ARG(str_sub(rest, 0, 40)));
	comparison->number = (int64_t)number;
	return 0;
}

/* The attribute that a field begins with, cut off *rest. False: none. */
static bool take_attribute(struct str *rest, enum attribute *attribute_out)
{
	for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++) {
		if (!str_starts_nocase(*rest, attributes[i].word))
			continue;
		*attribute_out = attributes[i].attribute;
		*rest = str_skip(*rest, attributes[i].word.len);
		return true;
	}
	return false;
}

/* 1: it is a condition, 0: it is none. */
static int parse_condition(struct str field, struct override_condition *condition, struct err *err)
{
	struct str rest = field;

	if (str_starts_nocase(field, STR("$dnsmx:"))) {
		rest = str_skip(field, 7);
		condition->attribute = ATTRIBUTE_DNSMX;
		condition->comparison.negated = str_starts(rest, STR("!"));
		condition->comparison.operator= COMPARE_WILDCARD;
		condition->comparison.text = str_skip(rest, condition->comparison.negated);
		return condition->comparison.text.len != 0 ? 1 : err_set(err, ERR_SYNTAX, "$dnsmx: needs the name of a server");
	}
	if (!take_attribute(&rest, &condition->attribute))
		return 0;
	return parse_comparison(rest, condition->attribute <= ATTRIBUTE_SIZE, &condition->comparison, err) == 0 ? 1 : -1;
}

static int parse_option(struct str field, struct override *line, struct err *err)
{
	uint64_t priority;

	if (str_equal_nocase(field, STR("$end")))
		line->end = true;
	else if (str_equal_nocase(field, STR("$adddns")))
		line->adds_dns = true;
	else if (!str_starts_nocase(field, STR("$priority:")))
		return err_set(err, ERR_SYNTAX, "\"%.*s\" is neither a condition nor an option",
		               STR_ARG(str_sub(field, 0, 40)));
	else if (!str_to_u64(str_skip(field, 10), UINT16_MAX, &priority))
		return err_set(err, ERR_SYNTAX, "a priority is a number up to %d", UINT16_MAX);
	else
		line->priority = (unsigned)priority;
	return 0;
}

static void free_conditions(struct override_condition *conditions, size_t count)
{
	for (size_t i = 0; i < count; i++)
		comparison_free(&conditions[i].comparison);
}

static int parse_rest(struct str rest, struct override *line, struct override_condition *conditions, struct err *err)
{
	while (rest.len != 0) {
		struct str field = take_field(&rest);
		int result;

		if (line->condition_count == OVERRIDE_CONDITIONS_MAX)
			return err_set(err, ERR_LIMIT, "a line has at most %d conditions", OVERRIDE_CONDITIONS_MAX - 1);
		result = parse_condition(field, &conditions[line->condition_count], err);
		if (result < 0 || (result == 0 && parse_option(field, line, err) != 0))
			return -1;
		line->condition_count += (size_t)result;
	}
	return 0;
}

static int parse_line(struct str rest, struct arena *arena, struct override *line, struct err *err)
{
	struct override_condition conditions[OVERRIDE_CONDITIONS_MAX] = {0};

	*line = (struct override){.priority = OVERRIDE_PRIORITY, .user = STR(""), .password = STR("")};
	line->domain = take_field(&rest);
	if (rest.len == 0)
		return err_set(err, ERR_SYNTAX, "the server is missing behind the domain");
	if (parse_server(take_field(&rest), arena, line, err) != 0)
		return -1;
	if (parse_rest(rest, line, conditions, err) != 0) {
		free_conditions(conditions, line->condition_count);
		return -1;
	}
	line->conditions = arena_get(arena, (line->condition_count + 1) * sizeof *line->conditions);
	memcpy(line->conditions, conditions, line->condition_count * sizeof *line->conditions);
	return 0;
}

static void note_line(struct overrides *overrides, const struct override *line)
{
	overrides->asks_dns |= line->adds_dns;
	for (size_t i = 0; i < line->condition_count; i++)
		overrides->asks_dns |= line->conditions[i].attribute == ATTRIBUTE_DNSMX;
}

int overrides_parse(struct str text, struct arena *arena, struct overrides *overrides_out, struct err *err)
{
	struct overrides overrides = {0};
	unsigned number = 0;

	if (text.len > OVERRIDES_TEXT_MAX)
		return err_set(err, ERR_LIMIT, "it has more than %d octets", OVERRIDES_TEXT_MAX);
	text = arena_copy(arena, text);
	overrides.lines = arena_get(arena, (str_count_char(text, '\n') + 1) * sizeof *overrides.lines);
	while (text.data != NULL) {
		struct str line = str_trim(str_cut(&text, '\n'));

		number++;
		if (line.len == 0 || line.data[0] == '#')
			continue;
		if (overrides.count == OVERRIDES_LINES_MAX)
			err_set(err, ERR_LIMIT, "there are more than %d lines", OVERRIDES_LINES_MAX);
		if (overrides.count == OVERRIDES_LINES_MAX ||
		    parse_line(line, arena, &overrides.lines[overrides.count], err) != 0) {
			overrides_free(&overrides);
			return err_prefix(err, "line %u", number);
		}
		note_line(&overrides, &overrides.lines[overrides.count++]);
	}
	*overrides_out = overrides;
	return 0;
}

void overrides_free(struct overrides *overrides)
{
	for (size_t i = 0; i < overrides->count; i++)
		free_conditions(overrides->lines[i].conditions, overrides->lines[i].condition_count);
	*overrides = (struct overrides){0};
}

static bool any_exchanger(const struct comparison *comparison, const struct str *exchangers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_matches_wildcard(exchangers[i], comparison->text))
			return true;
	return false;
}

static bool condition_holds(const struct override_condition *condition, const struct outgoing_facts *facts,
                            const struct str *exchangers, size_t exchanger_count)
{
	const struct comparison *comparison = &condition->comparison;

	switch (condition->attribute) {
	case ATTRIBUTE_RETRIES:
		return comparison_holds_number(comparison, facts->retries);
	case ATTRIBUTE_SIZE:
		return comparison_holds_number(comparison, facts->size);
	case ATTRIBUTE_AUTHSENDER:
		return comparison_holds_text(comparison, facts->authsender);
	case ATTRIBUTE_FROM:
		return comparison_holds_text(comparison, facts->from);
	default:
		return any_exchanger(comparison, exchangers, exchanger_count) != comparison->negated;
	}
}

size_t overrides_choose(const struct overrides *overrides, struct str domain, const struct outgoing_facts *facts,
                        const struct str *exchangers, size_t exchanger_count, const struct override **chosen,
                        size_t most, bool *adds_dns_out)
{
	size_t count = 0;

	*adds_dns_out = false;
	for (size_t i = 0; i < overrides->count && count < most; i++) {
		const struct override *line = &overrides->lines[i];
		size_t held = 0;

		if (!str_matches_wildcard(domain, line->domain))
			continue;
		while (held < line->condition_count &&
		       condition_holds(&line->conditions[held], facts, exchangers, exchanger_count))
			held++;
		if (held < line->condition_count)
			continue;
		chosen[count++] = line;
		*adds_dns_out |= line->adds_dns;
		if (line->end)
			break;
	}
	return count;
}

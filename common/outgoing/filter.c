#include "common/outgoing/filter.h"

#include <ctype.h>

enum subject {
	SUBJECT_ALL,
	SUBJECT_NONE,
	SUBJECT_SIZE,
	SUBJECT_RETRIES,
	SUBJECT_AGE,
	SUBJECT_AUTHSENDER,
	SUBJECT_FROM,
	SUBJECT_TO
};

struct condition {
	enum subject subject;
	struct comparison comparison;
};

struct filter_line {
	bool attempt;
	struct condition *conditions;
	size_t count;
};

static const struct {
	struct str word;
	enum subject subject;
} subjects[] = {
    {{"all", 3}, SUBJECT_ALL},         {{"none", 4}, SUBJECT_NONE}, {{"size", 4}, SUBJECT_SIZE},
    {{"retries", 7}, SUBJECT_RETRIES}, {{"age", 3}, SUBJECT_AGE},   {{"authsender", 10}, SUBJECT_AUTHSENDER},
    {{"from", 4}, SUBJECT_FROM},       {{"to", 2}, SUBJECT_TO},
};

/* Letters at the beginning of *rest, with the blanks before them. */
static struct str take_word(struct str *rest)
{
	struct str text = str_trim(*rest);
	size_t length = 0;

	while (length < text.len && isalpha((unsigned char)text.data[length]))
		length++;
	*rest = str_skip(text, length);
	return str_sub(text, 0, length);
}

/* The same where it is this word, else *rest stays. */
static bool take_this(struct str *rest, struct str word)
{
	struct str after = *rest;

	if (!str_equal_nocase(take_word(&after), word))
		return false;
	*rest = after;
	return true;
}

static int take_number(struct str *rest, int64_t *number_out, struct err *err)
{
	struct str text = str_trim(*rest);
	uint64_t number;
	size_t length = 0;

	while (length < text.len && isdigit((unsigned char)text.data[length]))
		length++;
	if (!str_to_u64(str_sub(text, 0, length), 1000000000000, &number))
		return err_set(err, ERR_SYNTAX, "a number is missing, or too large");
	*number_out = (int64_t)number;
	*rest = str_skip(text, length);
	return 0;
}

struct unit {
	const char *word;
	int64_t factor;
};

/* The unit behind a number, its final "s" being optional; none where that is allowed (a unit of an empty word). */
static int take_unit(struct str *rest, const struct unit *units, size_t count, int64_t *number, struct err *err)
{
	struct str after = *rest, word = take_word(&after), singular = word;

	if (word.len > 1 && (word.data[word.len - 1] | 0x20) == 's')
		singular = str_sub(word, 0, word.len - 1);
	for (size_t i = 0; i < count; i++) {
		struct str name = str_of(units[i].word);

		if (name.len != 0 && !str_equal_nocase(word, name) && !str_equal_nocase(singular, name))
			continue;
		if (name.len != 0)
			*rest = after;
		*number *= units[i].factor;
		return 0;
	}
	return err_set(err, ERR_SYNTAX, "Minutes, Hours or Days is missing behind the number");
}

static int take_numeric(struct str *rest, struct condition *condition, struct err *err)
{
	static const struct unit sizes[] = {{"kB", 1024}, {"MB", 1048576}, {"", 1}}, none[] = {{"", 1}},
	                         ages[] = {{"minute", 60}, {"hour", 3600}, {"day", 86400}};
	struct comparison *comparison = &condition->comparison;

	*rest = str_trim(*rest);
	if (!compare_take_symbol(rest, &comparison->operator))
		return err_set(err, ERR_SYNTAX, "one of = == <> != < <= > >= is missing");
	if (take_number(rest, &comparison->number, err) != 0)
		return -1;
	if (condition->subject == SUBJECT_AGE)
		return take_unit(rest, ages, 3, &comparison->number, err);
	return condition->subject == SUBJECT_SIZE ? take_unit(rest, sizes, 3, &comparison->number, err)
	                                          : take_unit(rest, none, 1, &comparison->number, err);
}

static int take_quoted(struct str *rest, struct arena *arena, struct comparison *comparison, struct err *err)
{
	struct str text = str_trim(*rest);
	ptrdiff_t end = str_starts(text, STR("\"")) ? str_find_char(str_skip(text, 1), '"') : -1;

	if (end < 0)
		return err_set(err, ERR_SYNTAX, "a text stands in double quotes");
	comparison->text = arena_copy(arena, str_sub(text, 1, (size_t)end));
	*rest = str_skip(text, (size_t)end + 2);
	return 0;
}

static int take_textual(struct str *rest, struct arena *arena, struct comparison *comparison, struct err *err)
{
	*rest = str_trim(*rest);
	if (compare_take_symbol(rest, &comparison->operator)) {
		if (comparison->operator!= COMPARE_EQUAL && comparison->operator!= COMPARE_UNEQUAL)
			return err_set(err, ERR_SYNTAX, "texts are compared by = == <> != CONTAINS MATCHES REGEXP");
		return take_quoted(rest, arena, comparison, err);
	}
	comparison->negated = take_this(rest, STR("not"));
	if (take_this(rest, STR("regexp"))) {
		*rest = str_trim(*rest);
		return compare_take_regex(rest, comparison, err);
	}
	if (take_this(rest, STR("contains")))
		comparison->operator= COMPARE_CONTAINS;
	else if (take_this(rest, STR("matches")))
		comparison->operator= COMPARE_WILDCARD;
	else
		return err_set(err, ERR_SYNTAX, "texts are compared by = == <> != CONTAINS MATCHES REGEXP");
	return take_quoted(rest, arena, comparison, err);
}

static int take_condition(struct str *rest, struct arena *arena, struct condition *condition, struct err *err)
{
	struct str begin = str_trim(*rest), word = take_word(rest);

	for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
		if (!str_equal_nocase(word, subjects[i].word))
			continue;
		condition->subject = subjects[i].subject;
		if (condition->subject <= SUBJECT_NONE)
			return 0;
		return condition->subject <= SUBJECT_AGE ? take_numeric(rest, condition, err)
		                                         : take_textual(rest, arena, &condition->comparison, err);
	}
	return err_set(err, ERR_SYNTAX,
	               "a condition begins with All, None, SIZE, RETRIES, AGE, AUTHSENDER, FROM or TO, "
	               "not with \"%.*s\"",
	               STR_ARG(str_sub(begin, 0, 40)));
}

/* Between conditions: blanks, and a comma or AND if one likes. True: another condition has to follow. */
static bool take_separator(struct str *rest)
{
	*rest = str_trim(*rest);
	if (!str_starts(*rest, STR(",")))
		return take_this(rest, STR("and"));
	*rest = str_trim(str_skip(*rest, 1));
	return true;
}

static void free_conditions(struct condition *conditions, size_t count)
{
	for (size_t i = 0; i < count; i++)
		comparison_free(&conditions[i].comparison);
}

static int parse_line(struct str text, struct arena *arena, struct filter_line *line, struct err *err)
{
	struct condition conditions[FILTER_CONDITIONS_MAX] = {0};
	struct str rest = text;
	bool more = true;

	line->attempt = take_this(&rest, STR("attempt"));
	if (!line->attempt && !take_this(&rest, STR("skip")))
		return err_set(err, ERR_SYNTAX, "a rule begins with \"Attempt:\" or \"Skip:\"");
	rest = str_trim(rest);
	if (!str_starts(rest, STR(":")))
		return err_set(err, ERR_SYNTAX, "the colon is missing behind \"%s\"", line->attempt ? "Attempt" : "Skip");
	rest = str_trim(str_skip(rest, 1));
	while (more || rest.len != 0) {
		if (line->count == FILTER_CONDITIONS_MAX)
			err_set(err, ERR_LIMIT, "a rule has at most %d conditions", FILTER_CONDITIONS_MAX);
		if (line->count == FILTER_CONDITIONS_MAX || take_condition(&rest, arena, &conditions[line->count], err) != 0) {
			free_conditions(conditions, line->count);
			return -1;
		}
		line->count++;
		more = take_separator(&rest);
	}
	line->conditions = arena_get(arena, line->count * sizeof *line->conditions);
	memcpy(line->conditions, conditions, line->count * sizeof *line->conditions);
	return 0;
}

static void note_line(struct filter *filter, const struct filter_line *line)
{
	filter->has_attempt |= line->attempt;
	for (size_t i = 0; i < line->count; i++)
		filter->asks_age |= line->conditions[i].subject == SUBJECT_AGE;
}

int filter_parse(struct str text, struct arena *arena, struct filter *filter_out, struct err *err)
{
	struct filter filter = {0};
	unsigned number = 0;

	if (text.len > FILTER_TEXT_MAX)
		return err_set(err, ERR_LIMIT, "it has more than %d octets", FILTER_TEXT_MAX);
	filter.lines = arena_get(arena, (str_count_char(text, '\n') + 1) * sizeof *filter.lines);
	while (text.data != NULL) {
		struct str line = str_trim(str_cut(&text, '\n'));

		number++;
		if (line.len == 0 || line.data[0] == '#')
			continue;
		if (filter.count == FILTER_LINES_MAX)
			err_set(err, ERR_LIMIT, "there are more than %d rules", FILTER_LINES_MAX);
		filter.lines[filter.count] = (struct filter_line){0};
		if (filter.count == FILTER_LINES_MAX || parse_line(line, arena, &filter.lines[filter.count], err) != 0) {
			filter_free(&filter);
			return err_prefix(err, "line %u", number);
		}
		note_line(&filter, &filter.lines[filter.count++]);
	}
	*filter_out = filter;
	return 0;
}

void filter_free(struct filter *filter)
{
	for (size_t i = 0; i < filter->count; i++)
		free_conditions(filter->lines[i].conditions, filter->lines[i].count);
	*filter = (struct filter){0};
}

static bool condition_holds(const struct condition *condition, const struct outgoing_facts *facts)
{
	switch (condition->subject) {
	case SUBJECT_ALL:
		return true;
	case SUBJECT_SIZE:
		return comparison_holds_number(&condition->comparison, facts->size);
	case SUBJECT_RETRIES:
		return comparison_holds_number(&condition->comparison, facts->retries);
	case SUBJECT_AGE:
		return comparison_holds_number(&condition->comparison, facts->age);
	case SUBJECT_AUTHSENDER:
		return comparison_holds_text(&condition->comparison, facts->authsender);
	case SUBJECT_FROM:
		return comparison_holds_text(&condition->comparison, facts->from);
	case SUBJECT_TO:
		return comparison_holds_text(&condition->comparison, facts->to);
	default:
		return false;
	}
}

bool filter_attempts(const struct filter *filter, const struct outgoing_facts *facts)
{
	for (size_t i = 0; i < filter->count; i++) {
		const struct filter_line *line = &filter->lines[i];
		size_t held = 0;

		while (held < line->count && condition_holds(&line->conditions[held], facts))
			held++;
		if (held == line->count)
			return line->attempt;
	}
	return !filter->has_attempt;
}

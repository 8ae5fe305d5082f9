/* answer: tags in texts. */
#include "deliver/answer.h"

enum { DEPTH_MAX = 20 };

/* A condition that is open. */
struct branch {
	bool outside, taken;
};

struct expansion {
	const struct answer *answer;
	bool built_in;
	struct buf out;
	struct branch branches[DEPTH_MAX];
	size_t depth;
	bool silent; /* within a branch that is not taken */
};

static struct arena *arena_of(const struct answer *answer)
{
	return answer->client->arena;
}

/* The value that the rule gives a custom field; data NULL: none. */
static struct str custom_value(const struct answer *answer, struct str name)
{
	struct str lines = answer->rule.values;

	while (lines.len > 0) {
		struct str value = str_cut(&lines, '\n'), key = str_trim(str_cut(&value, '='));

		if (str_equal_nocase(key, name))
			return str_trim(value);
	}
	return (struct str){NULL, 0};
}

/* "$name" or "$name(default)"; false: it is none. */
static bool expand_custom(struct expansion *expansion, struct str tag)
{
	struct str rest = str_skip(tag, 1), name = str_cut(&rest, '('), value;
	bool has_default = rest.data != NULL && rest.len > 0 && rest.data[rest.len - 1] == ')';

	if (name.len == 0 || (rest.data != NULL && !has_default))
		return false;
	value = custom_value(expansion->answer, name);
	if (value.data == NULL)
		value = has_default ? str_sub(rest, 0, rest.len - 1) : STR("");
	buf_add_str(&expansion->out, value);
	return true;
}

/* The day that a rule begins or ends with, at noon; false: it has none. */
static bool rule_day(const struct responder_rule *rule, bool is_end, int shift, struct tm *day_out)
{
	const struct window_end *end = is_end ? &rule->to : &rule->from;
	int64_t span = is_end ? rule->span_to : rule->span_from, day = end->day != 0 ? end->day : span / 10000;
	int minute = end->minute >= 0 ? end->minute : span != 0 ? (int)(span % 10000) : 720;

	*day_out = (struct tm){.tm_year = (int)(day / 10000) - 1900,
	                       .tm_mon = (int)(day / 100 % 100) - 1,
	                       .tm_mday = (int)(day % 100) + shift,
	                       .tm_hour = minute / 60,
	                       .tm_min = minute % 60,
	                       .tm_isdst = -1};
	return day != 0 && mktime(day_out) != -1;
}

/* Dates of the rule and of now, with a format or without. */
static bool expand_time(struct expansion *expansion, struct str name, struct str format)
{
	static const struct {
		const char *name, *format;
		bool of_rule, is_end, takes_format;
		int shift;
	} times[] = {
	    {"Date", "%Y-%m-%d", false, false, true, 0},        {"LongDate", "%A, %-d %B %Y", false, false, false, 0},
	    {"ShortDate", "%d.%m.%y", false, false, false, 0},  {"Time", "%H:%M:%S", false, false, true, 0},
	    {"TimeNoSecs", "%H:%M", false, false, false, 0},    {"StartDate", "%Y-%m-%d", true, false, true, 0},
	    {"StartDate-1", "%Y-%m-%d", true, false, true, -1}, {"EndDate", "%Y-%m-%d", true, true, true, 0},
	    {"EndDate+1", "%Y-%m-%d", true, true, true, 1},
	};
	const struct answer *answer = expansion->answer;
	struct tm time;

	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
		if (!str_equal_nocase(name, str_of(times[i].name)) || (format.data != NULL && !times[i].takes_format))
			continue;
		if (times[i].of_rule ? !rule_day(&answer->rule, times[i].is_end, times[i].shift, &time)
		                     : localtime_r(&answer->now, &time) == NULL)
			buf_add_str(&expansion->out, STR("unknown"));
		else
			buf_add_str(
			    &expansion->out,
			    answer_format_time(&time, format.data != NULL ? format : str_of(times[i].format), arena_of(answer)));
		return true;
	}
	return false;
}

static bool expand_word(struct expansion *expansion, struct str tag)
{
	const struct answer *answer = expansion->answer;
	const struct responder_rule *rule = &answer->rule;
	const struct {
		const char *name;
		struct str value;
	} words[] = {
	    {"User", answer->client->name},
	    {"Originator", answer->originator},
	    {"Subject", answer->subject},
	    {"OrigSubject", answer->original_subject},
	    {"ConditionName", rule->name},
	    {"ConditionDateFrom", rule->date_from},
	    {"ConditionDateTo", rule->date_to},
	    {"ConditionTimeFrom", rule->time_from},
	    {"ConditionTimeTo", rule->time_to},
	    {"ConditionDateTimeFrom", rule->datetime_from},
	    {"ConditionDateTimeTo", rule->datetime_to},
	    {"ConditionDOW", rule->days},
	    {"ConditionMatches", arena_printf(arena_of(answer), "%lld", (long long)answer->matches)},
	};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (str_equal_nocase(tag, str_of(words[i].name))) {
			buf_add_str(&expansion->out, words[i].value);
			return true;
		}
	return false;
}

static void open_branch(struct expansion *expansion, struct str condition, bool negate)
{
	struct branch *branch = &expansion->branches[expansion->depth++];
	struct str name = str_trim(condition), value;

	value = custom_value(expansion->answer, name.len > 0 && name.data[0] == '$' ? str_skip(name, 1) : name);
	branch->outside = !expansion->silent;
	branch->taken = (value.len > 0) != negate;
	expansion->silent = !branch->outside || !branch->taken;
}

/* {if $x}, {ifnot $x}, {else}, {endif}, {rem ...}; false: it is none of these. */
static bool control(struct expansion *expansion, struct str tag)
{
	struct branch *branch = expansion->depth > 0 ? &expansion->branches[expansion->depth - 1] : NULL;
	struct str rest = tag, word = str_cut_word(&rest);

	if (str_equal_nocase(word, STR("rem")))
		return true;
	if (str_equal_nocase(word, STR("if")) || str_equal_nocase(word, STR("ifnot"))) {
		if (expansion->depth == DEPTH_MAX)
			return false;
		open_branch(expansion, rest, str_equal_nocase(word, STR("ifnot")));
		return true;
	}
	if (branch == NULL)
		return false;
	if (str_equal_nocase(tag, STR("else"))) {
		branch->taken = !branch->taken;
		expansion->silent = !branch->outside || !branch->taken;
		return true;
	}
	if (!str_equal_nocase(tag, STR("endif")))
		return false;
	expansion->silent = !branch->outside;
	expansion->depth--;
	return true;
}

/* False: it is no tag, and stays as it is. */
static bool expand_tag(struct expansion *expansion, struct str tag)
{
	struct str format = tag, name = str_cut(&format, ':');

	if (control(expansion, tag))
		return true;
	if (expansion->silent)
		return true;
	if (tag.len > 0 && tag.data[0] == '$')
		return expand_custom(expansion, tag);
	return expansion->built_in && (expand_word(expansion, tag) || expand_time(expansion, name, format));
}

struct str answer_expand(const struct answer *answer, struct str text, bool built_in)
{
	struct expansion expansion = {.answer = answer, .built_in = built_in};
	struct str result;

	buf_init(&expansion.out, ANSWER_TEXT_MAX);
	while (text.len > 0) {
		ptrdiff_t end = text.data[0] == '{' ? str_find_char(text, '}') : -1;

		if (text.data[0] == '\\' && text.len > 1) {
			if (!expansion.silent)
				buf_add_char(&expansion.out, text.data[1]);
			text = str_skip(text, 2);
		} else if (end > 0 && expand_tag(&expansion, str_sub(text, 1, (size_t)end - 1))) {
			text = str_skip(text, (size_t)end + 1);
		} else {
			if (!expansion.silent)
				buf_add_char(&expansion.out, text.data[0]);
			text = str_skip(text, 1);
		}
	}
	result = arena_copy(answer->client->arena, buf_str(&expansion.out));
	buf_free(&expansion.out);
	return result;
}

#include "common/rules/regex.h"

#include "common/base/io.h"
#include "common/base/memory.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum {
	FIRST_SPAN = 16, /* places of the subject that are tried between two looks at the clock */
	QUICK_MS = 2,    /* where they took no longer, twice as many are tried next */
};

struct regex {
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *limits;
	bool repeats; /* the flag g */
};

static void *allocate(size_t size, void *unused)
{
	(void)unused;
	return memory_get(size);
}

static void release(void *memory, void *unused)
{
	(void)unused;
	memory_free(memory);
}

/* All of ours share what they allocate with. */
static pcre2_general_context *general(void)
{
	static pcre2_general_context *context;

	if (context == NULL)
		context = pcre2_general_context_create(allocate, release, NULL);
	return context;
}

static int read_flags(struct str flags, uint32_t *options, bool *repeats, struct err *err)
{
	for (size_t i = 0; i < flags.len; i++) {
		switch (flags.data[i]) {
		case 'i':
			*options |= PCRE2_CASELESS;
			break;
		case 'm':
			*options |= PCRE2_MULTILINE;
			break;
		case 's':
			*options |= PCRE2_DOTALL;
			break;
		case 'x':
			*options |= PCRE2_EXTENDED;
			break;
		case 'g':
			*repeats = true;
			break;
		default:
			return err_set(err, ERR_SYNTAX, "\"%.*s\" behind the regular expression is none of the flags i, m, s, x, g",
			               STR_ARG(str_sub(flags, i, 1)));
		}
	}
	return 0;
}

/* Take /expression/flags apart; what does not begin with a slash is an expression as it stands. */
static int read_form(struct str text, struct str *expression, uint32_t *options, bool *repeats, struct err *err)
{
	ptrdiff_t end = str_find_last_char(text, '/');

	*expression = text;
	if (text.len > REGEX_TEXT_MAX)
		return err_set(err, ERR_LIMIT, "the regular expression has more than %d octets", REGEX_TEXT_MAX);
	if (!str_starts(text, STR("/")))
		return 0;
	if (end == 0)
		return err_set(err, ERR_SYNTAX, "the regular expression begins with a slash, but no slash ends it");
	*expression = str_sub(text, 1, (size_t)end - 1);
	return read_flags(str_skip(text, (size_t)end + 1), options, repeats, err);
}

static int explain(int number, size_t offset, struct err *err)
{
	char words[160];

	pcre2_get_error_message(number, (PCRE2_UCHAR *)words, sizeof words);
	return err_set(err, ERR_SYNTAX, "the regular expression is wrong at character %zu: %s", offset + 1, words);
}

int regex_compile(struct str text, struct regex **regex_out, struct err *err)
{
	uint32_t options = PCRE2_NEVER_BACKSLASH_C | PCRE2_USE_OFFSET_LIMIT;
	pcre2_compile_context *compiling;
	struct str expression;
	struct regex *regex;
	bool repeats = false;
	pcre2_code *code;
	size_t offset;
	int number;

	*regex_out = NULL;
	if (read_form(text, &expression, &options, &repeats, err) != 0)
		return -1;
	compiling = pcre2_compile_context_create(general());
	code = pcre2_compile((PCRE2_SPTR)expression.data, expression.len, options, &number, &offset, compiling);
	pcre2_compile_context_free(compiling);
	if (code == NULL)
		return explain(number, offset, err);
	pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* without it the interpreter does the same */
	regex = memory_get(sizeof *regex);
	regex->code = code;
	regex->data = pcre2_match_data_create_from_pattern(code, general());
	regex->repeats = repeats;
	regex->limits = pcre2_match_context_create(general());
	pcre2_set_match_limit(regex->limits, REGEX_STEPS_MAX);
	pcre2_set_heap_limit(regex->limits, REGEX_MEMORY_MAX_KB);
	*regex_out = regex;
	return 0;
}

void regex_free(struct regex *regex)
{
	if (regex == NULL)
		return;
	pcre2_match_context_free(regex->limits);
	pcre2_match_data_free(regex->data);
	pcre2_code_free(regex->code);
	memory_free(regex);
}

/* Matches that begin at `from` or at one of the span - 1 places behind it. */
static int search_span(struct regex *regex, struct str subject, size_t from, size_t span)
{
	PCRE2_SPTR bytes = (PCRE2_SPTR)(subject.data != NULL ? subject.data : "");
	size_t last = subject.len - from < span ? subject.len : from + span - 1;
	int result;

	pcre2_set_offset_limit(regex->limits, last);
	result = pcre2_match(regex->code, bytes, subject.len, from, 0, regex->data, regex->limits);
	if (result == PCRE2_ERROR_JIT_STACKLIMIT) /* the interpreter keeps what it comes back to elsewhere */
		result = pcre2_match(regex->code, bytes, subject.len, from, PCRE2_NO_JIT, regex->data, regex->limits);
	return result;
}

/* The first match that begins at `from` or behind it. */
static enum regex_result search_from(struct regex *regex, struct str subject, size_t from)
{
	int64_t begin = io_now_ms(), before = begin;
	size_t span = FIRST_SPAN;

	for (;;) {
		int result = search_span(regex, subject, from, span);
		int64_t now;

		if (result >= 0)
			return REGEX_YES;
		if (result != PCRE2_ERROR_NOMATCH)
			return REGEX_LIMIT;
		if (subject.len - from < span)
			return REGEX_NO;
		from += span;
		now = io_now_ms();
		if (now - begin > REGEX_TIME_MS)
			return REGEX_LIMIT;
		if (now - before <= QUICK_MS && span < subject.len)
			span *= 2;
		before = now;
	}
}

enum regex_result regex_search(struct regex *regex, struct str subject)
{
	return search_from(regex, subject, 0);
}

size_t regex_group_count(const struct regex *regex)
{
	uint32_t count = 0;

	pcre2_pattern_info(regex->code, PCRE2_INFO_CAPTURECOUNT, &count);
	return count;
}

enum regex_result regex_groups(struct regex *regex, struct str subject, struct str *groups, size_t room,
                               size_t *count_out)
{
	const PCRE2_SIZE *places = pcre2_get_ovector_pointer(regex->data);
	size_t from = 0, group_count = regex_group_count(regex);
	int64_t end = io_now_ms() + REGEX_TIME_MS;
	enum regex_result result = search_from(regex, subject, 0);
	bool any = result == REGEX_YES;

	*count_out = 0;
	while (result == REGEX_YES) {
		for (size_t i = 1; i <= group_count && *count_out < room; i++)
			if (places[2 * i] != PCRE2_UNSET && places[2 * i] <= places[2 * i + 1])
				groups[(*count_out)++] = str_sub(subject, places[2 * i], places[2 * i + 1] - places[2 * i]);
		/* an empty match would be found again and again; \K may even set its end before where the search began */
		from = places[1] > places[0] && places[1] > from ? places[1] : from + 1;
		if (!regex->repeats || from > subject.len || *count_out == room)
			return REGEX_YES;
		result = io_now_ms() > end ? REGEX_LIMIT : search_from(regex, subject, from);
	}
	return result == REGEX_NO && any ? REGEX_YES : result;
}

#include "common/outgoing/compare.h"

#include "common/rules/regex.h"

#include <ctype.h>

bool compare_take_symbol(struct str *rest, enum compare_operator *operator_out)
{
	/* the longer ones first: "<" begins three of them */
	static const struct {
		struct str text;
		enum compare_operator operator;
	} symbols[] = {
	    {{"==", 2}, COMPARE_EQUAL},   {{"<>", 2}, COMPARE_UNEQUAL},  {{"!=", 2}, COMPARE_UNEQUAL},
	    {{"<=", 2}, COMPARE_AT_MOST}, {{">=", 2}, COMPARE_AT_LEAST}, {{"=", 1}, COMPARE_EQUAL},
	    {{"<", 1}, COMPARE_LESS},     {{">", 1}, COMPARE_MORE},
	};

	for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
		if (!str_starts(*rest, symbols[i].text))
			continue;
		*operator_out = symbols[i].operator;
		*rest = str_skip(*rest, symbols[i].text.len);
		return true;
	}
	return false;
}

/* The length of "/.../flags" at the beginning of text; 0: it is none. */
static size_t regex_length(struct str text)
{
	size_t at = 1;

	if (text.len == 0 || text.data[0] != '/')
		return 0;
	while (at < text.len && text.data[at] != '/')
		at += text.data[at] == '\\' ? 2 : 1;
	if (at >= text.len)
		return 0;
	for (at++; at < text.len && isalpha((unsigned char)text.data[at]);)
		at++;
	return at;
}

int compare_take_regex(struct str *rest, struct comparison *comparison, struct err *err)
{
	size_t length = regex_length(*rest);

	if (length == 0)
		return err_set(err, ERR_SYNTAX, "a regular expression stands in slashes: /.../ or /.../i");
	if (regex_compile(str_sub(*rest, 0, length), &comparison->regex, err) != 0)
		return -1;
	comparison->operator= COMPARE_REGEX;
	*rest = str_skip(*rest, length);
	return 0;
}

static bool holds_order(enum compare_operator operator, int order)
{
	switch (operator) {
	case COMPARE_EQUAL:
		return order == 0;
	case COMPARE_UNEQUAL:
		return order != 0;
	case COMPARE_LESS:
		return order < 0;
	case COMPARE_AT_MOST:
		return order <= 0;
	case COMPARE_MORE:
		return order > 0;
	default:
		return order >= 0;
	}
}

bool comparison_holds_number(const struct comparison *comparison, int64_t number)
{
	return holds_order(comparison->operator,(number > comparison->number) - (number < comparison->number)) !=
	       comparison->negated;
}

static int order_of(struct str a, struct str b)
{
	size_t length = a.len < b.len ? a.len : b.len;

	for (size_t i = 0; i < length; i++) {
		int difference = tolower((unsigned char)a.data[i]) - tolower((unsigned char)b.data[i]);

		if (difference != 0)
			return difference;
	}
	return (a.len > b.len) - (a.len < b.len);
}

static bool contains(struct str text, struct str part)
{
	for (size_t at = 0; at + part.len <= text.len; at++)
		if (str_equal_nocase(str_sub(text, at, part.len), part))
			return true;
	return false;
}

bool comparison_holds_text(const struct comparison *comparison, struct str text)
{
	bool holds;

	switch (comparison->operator) {
	case COMPARE_CONTAINS:
		holds = contains(text, comparison->text);
		break;
	case COMPARE_WILDCARD:
		holds = str_matches_wildcard(text, comparison->text);
		break;
	case COMPARE_REGEX: {
		enum regex_result result = regex_search(comparison->regex, text);

		return result != REGEX_LIMIT && (result == REGEX_YES) != comparison->negated;
	}
	default:
		holds = holds_order(comparison->operator, order_of(text, comparison->text));
	}
	return holds != comparison->negated;
}

void comparison_free(struct comparison *comparison)
{
	regex_free(comparison->regex);
	comparison->regex = NULL;
}

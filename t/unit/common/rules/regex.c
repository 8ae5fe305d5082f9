/* Regular expressions: forms, flags, limits; specification 09, section 7. */
#include "common/rules/regex.h"
#include "common/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static enum regex_result search(const char *text, struct str subject)
{
	enum regex_result result;
	struct regex *regex;
	struct err err;

	if (regex_compile(str_of(text), &regex, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	result = regex_search(regex, subject);
	regex_free(regex);
	return result;
}

#define assert_found(text, subject)     assert_int_equal(search(text, str_of(subject)), REGEX_YES)
#define assert_not_found(text, subject) assert_int_equal(search(text, str_of(subject)), REGEX_NO)

static void refused(const char *text, int code, const char *words)
{
	struct regex *regex;
	struct err err;

	assert_int_equal(regex_compile(str_of(text), &regex, &err), -1);
	assert_null(regex);
	assert_int_equal(err.code, code);
	assert_non_null(strstr(err.text, words));
}

/* 09-7.1, 09-7.2 */
static void examples_of_the_specification(void **state)
{
	(void)state;
	assert_found("cat", "abdicate");
	assert_not_found("/^cat$/", "abdicate");
	assert_found("/^cat$/", "cat");
	assert_found("/cat/i", "CAT");
	assert_not_found("/cat/", "CAT");
	assert_found("c[aeiou]{3,5}t", "caaat");
	assert_not_found("c[aeiou]{3,5}t", "caat");
	assert_found("/@example\\.com$/i", "anna@EXAMPLE.com");
}

static void flags_and_forms(void **state)
{
	(void)state;
	assert_not_found("a.b", "a\nb");
	assert_found("/a.b/s", "a\nb");
	assert_not_found("^b", "a\nb");
	assert_found("/^b/m", "a\nb");
	assert_found("/a b # c/x", "ab");
	assert_found("/cat/gi", "CAT");
	assert_found("/a/b/", "xa/bx");
	assert_found("//", "");
	assert_found("a/b", "a/b");
	assert_found("(?i)cat", "CAT");
	assert_found("\\s\\d+\\.", "at 10.");
	assert_found("(a)(b)\\2", "abb");
	assert_int_equal(search("a\\x00b", str_from("a\0b", 3)), REGEX_YES);
	assert_not_found("\\Bx", "x");
	assert_found("(?<=a)b", "cab");
}

/* 09-7.3 */
static void mistakes_are_named(void **state)
{
	char text[REGEX_TEXT_MAX + 2];

	(void)state;
	refused("/(/", ERR_SYNTAX, "wrong at character 2: missing closing parenthesis");
	refused("a{2,1}", ERR_SYNTAX, "wrong at character");
	refused("/a/u", ERR_SYNTAX, "\"u\" behind the regular expression");
	refused("/a", ERR_SYNTAX, "no slash ends it");
	memset(text, 'a', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	refused(text, ERR_LIMIT, "2000 octets");
}

/* 09-7.4 */
static void limits_end_a_search(void **state)
{
	struct buf text;

	(void)state;
	assert_int_equal(search("/(a+)+$/", STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab")), REGEX_LIMIT);
	buf_init(&text, 1 << 20);
	for (int i = 0; i < 200000; i++)
		buf_add_char(&text, 'a');
	/* No place takes many steps, all of them together take minutes. */
	assert_int_equal(search("(?:a|b)*[cd]", buf_str(&text)), REGEX_LIMIT);
	buf_add_str(&text, STR("c"));
	assert_int_equal(search("ac$", buf_str(&text)), REGEX_YES);
	assert_int_equal(search("a.*x", buf_str(&text)), REGEX_NO);
	assert_int_equal(search("^(?:a)*c", str_skip(buf_str(&text), 180000)), REGEX_YES);
	buf_free(&text);
}

static void matches_are_found_anywhere(void **state)
{
	struct buf text;

	(void)state;
	buf_init(&text, 1 << 12);
	for (int at = 0; at < 200; at++) {
		buf_reset(&text);
		for (int i = 0; i < at; i++)
			buf_add_char(&text, '.');
		assert_int_equal(search("x", buf_str(&text)), REGEX_NO);
		assert_int_equal(search("$", buf_str(&text)), REGEX_YES);
		buf_add_str(&text, STR("xyz"));
		assert_int_equal(search("xy", buf_str(&text)), REGEX_YES);
		assert_int_equal(search("\\by", buf_str(&text)), REGEX_NO);
		assert_int_equal(search("xyz$", buf_str(&text)), REGEX_YES);
		assert_int_equal(search("(?<=x)y", buf_str(&text)), REGEX_YES);
	}
	buf_free(&text);
}

static void groups_of(const char *text, const char *subject, const char *expected, enum regex_result result)
{
	struct str groups[4];
	struct regex *regex;
	struct buf found;
	struct err err;
	size_t count;

	buf_init(&found, 1000);
	assert_int_equal(regex_compile(str_of(text), &regex, &err), 0);
	assert_int_equal(regex_groups(regex, str_of(subject), groups, 4, &count), result);
	for (size_t i = 0; i < count; i++)
		buf_printf(&found, "[%.*s]", STR_ARG(groups[i]));
	assert_string_equal(buf_text(&found), expected);
	regex_free(regex);
	buf_free(&found);
}

static void groups(void **state)
{
	(void)state;
	groups_of("/(a)(b)/", "xabab", "[a][b]", REGEX_YES);
	groups_of("/(a.)/g", "a1a2a3", "[a1][a2][a3]", REGEX_YES);
	groups_of("/(a.)/g", "a1a2a3a4a5", "[a1][a2][a3][a4]", REGEX_YES);
	groups_of("/(a)|(b)/g", "ba", "[b][a]", REGEX_YES);
	groups_of("/(x*)/g", "ab", "[][][]", REGEX_YES);
	groups_of("/(?=(a))\\K/g", "aa", "[a][a]", REGEX_YES);
	groups_of("/(a)/g", "b", "", REGEX_NO);
	groups_of("/a/", "a", "", REGEX_YES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(examples_of_the_specification),
	    cmocka_unit_test(flags_and_forms),
	    cmocka_unit_test(mistakes_are_named),
	    cmocka_unit_test(limits_end_a_search),
	    cmocka_unit_test(matches_are_found_anywhere),
	    cmocka_unit_test(groups),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Wildcards: '*' and '?', whole values, case folded; specification 09, section 8. */
#include "common/base/wildcard.h"
#include "common/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static bool matches(const char *pattern, const char *text)
{
	return wildcard_match(str_of(text), str_of(pattern), NULL);
}

/* 09-8.1, 09-8.2, 09-8.3, 09-8.5 */
static void examples_of_the_specification(void **state)
{
	(void)state;
	assert_true(matches("ca*er", "caper"));
	assert_true(matches("ca*er", "caer"));
	assert_true(matches("ca*er", "cater"));
	assert_false(matches("ca*er", "caterpillar"));
	assert_true(matches("ca?er", "caper"));
	assert_true(matches("ca?er", "cater"));
	assert_false(matches("ca?er", "camper"));
	assert_false(matches("ca?er", "caer"));
	assert_true(matches("ca*er*ly", "caerphilly"));
	assert_true(matches("ca*er*ly", "caleraply"));
	assert_false(matches("*.example.com", "example.com"));
	assert_true(matches("*.example.com", "mail.example.com"));
}

static void ends_of_pattern_and_text(void **state)
{
	(void)state;
	assert_true(matches("", ""));
	assert_false(matches("", "a"));
	assert_false(matches("a", ""));
	assert_true(matches("***", ""));
	assert_true(matches("*", "anything"));
	assert_true(matches("*a", "banana"));
	assert_true(matches("b*", "banana"));
	assert_false(matches("*?", ""));
	assert_true(matches("?*?", "ab"));
	assert_false(matches("?*?", "a"));
	assert_true(matches("*an?", "banana"));
	assert_true(matches("*\\*", "a\\b"));
	assert_false(matches("\\*", "*"));
	assert_false(wildcard_match(STR("a\0"), STR("a"), NULL));
	assert_true(wildcard_match(STR("a\0b"), STR("a?b"), NULL));
}

static void characters_not_bytes(void **state)
{
	(void)state;
	assert_true(matches("?", "\xc3\xa9"));
	assert_true(matches("gr?n", "gr\xc3\xbcn"));
	assert_true(matches("GR\xc3\x9cN", "gr\xc3\xbcn"));
	assert_false(matches("*??", "\xe2\x82\xac"));
	assert_true(matches("a?b", "a\xff"
	                           "b"));
}

/* 09-8.4: 50 groups against 10 kB; steps are counted, since a clock says little on a busy machine. */
static void work_is_linear(void **state)
{
	struct buf pattern, text;
	size_t steps;

	(void)state;
	buf_init(&pattern, 1000);
	buf_init(&text, 20000);
	for (int i = 0; i < 50; i++)
		buf_add_str(&pattern, STR("*a"));
	for (int i = 0; i < 10240; i++)
		buf_add_char(&text, i % 2 ? 'a' : 'b');
	assert_true(wildcard_match(buf_str(&text), buf_str(&pattern), &steps));
	assert_true(steps <= 3 * text.len + pattern.len);
	buf_add_char(&text, 'b');
	assert_false(wildcard_match(buf_str(&text), buf_str(&pattern), &steps));
	assert_true(steps <= 3 * text.len + pattern.len);
	buf_free(&pattern);
	buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(examples_of_the_specification),
	    cmocka_unit_test(ends_of_pattern_and_text),
	    cmocka_unit_test(characters_not_bytes),
	    cmocka_unit_test(work_is_linear),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* imap/rights: RFC 4314 section 2. */
#include "common/imap/rights.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static unsigned parsed(const char *letters)
{
	unsigned rights = 0;

	assert_true(rights_parse(str_of(letters), &rights));
	return rights;
}

static void test_letters(void **state)
{
	char text[RIGHTS_TEXT_MAX];

	(void)state;
	assert_int_equal(parsed("lrswipkxtea"), RIGHTS_ALL);
	assert_int_equal(parsed(""), 0);
	assert_int_equal(parsed("rr"), RIGHT_READ);
	assert_string_equal(rights_text(RIGHTS_ALL, false, text), "lrswipkxtea");
	assert_string_equal(rights_text(parsed("al"), false, text), "la");
	assert_string_equal(rights_text(0, true, text), "");
}

/* 2.1.1: "c" and "d" stand for their members, and are told where a member is there. */
static void test_obsolete_letters(void **state)
{
	char text[RIGHTS_TEXT_MAX];

	(void)state;
	assert_int_equal(parsed("c"), RIGHT_CREATE | RIGHT_DELETE);
	assert_int_equal(parsed("d"), RIGHT_EXPUNGE | RIGHT_DELETED);
	assert_string_equal(rights_text(parsed("lrd"), true, text), "lrted");
	assert_string_equal(rights_text(parsed("k"), true, text), "kc");
	assert_string_equal(rights_text(parsed("t"), true, text), "td");
	assert_string_equal(rights_text(RIGHTS_ALL, true, text), "lrswipkxteacd");
}

/* 3.1: what is not known is refused, not passed over. */
static void test_unknown_letters(void **state)
{
	static const char *const wrong[] = {"lrQ", "q", "0", "L", " ", "l r", "+l"};
	unsigned rights = 0;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_false(rights_parse(str_of(wrong[i]), &rights));
	assert_false(rights_parse(STR("l\0r"), &rights));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_letters),
	    cmocka_unit_test(test_obsolete_letters),
	    cmocka_unit_test(test_unknown_letters),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("imap/rights", tests, NULL, NULL);
}

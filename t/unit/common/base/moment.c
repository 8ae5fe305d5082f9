/* Points in time: RFC 3339 5.6, with its examples (5.8). */
#include "common/base/moment.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
	} good[] = {
	    {"1985-04-12T23:20:50.52Z", 482196050},
	    {"1996-12-19T16:39:57-08:00", 851042397},
	    {"1937-01-01T12:00:27.87+00:20", -1041337173},
	    {"1970-01-01T00:00:00Z", 0},
	};
	static const char *const bad[] = {"",
	                                  "1985-04-12",
	                                  "1985-04-12T23:20:50",
	                                  "1985-04-12T23:20:50 Z",
	                                  "1985-13-12T23:20:50Z",
	                                  "1985-04-12T23:20:50+1:00",
	                                  "1985-04-12T23:20:50+01:60",
	                                  "1985-04-12T23:20:50ZZ"};
	struct arena arena;
	int64_t seconds;

	(void)state;
	arena_init(&arena);
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		assert_true(moment_parse(str_of(good[i].text), &arena, &seconds));
		assert_int_equal(seconds, good[i].seconds);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(moment_parse(str_of(bad[i]), &arena, &seconds));
	arena_free(&arena);
}

static void test_format(void **state)
{
	struct arena arena;

	(void)state;
	arena_init(&arena);
	assert_true(str_equal(moment_format(851042397, &arena), STR("1996-12-20T00:39:57Z")));
	assert_true(str_equal(moment_format(0, &arena), STR("1970-01-01T00:00:00Z")));
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_parse),
	    cmocka_unit_test(test_format),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("moment", tests, NULL, NULL);
}

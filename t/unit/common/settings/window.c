/* Windows of time: specification 02, "Routing tab" rule 3. */
#include "common/settings/window.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static bool inside(const char *from, const char *to, int day, int hour, int minute)
{
	struct window_end ends[2];

	assert_int_equal(window_end_parse(str_of(from), &ends[0], NULL), 0);
	assert_int_equal(window_end_parse(str_of(to), &ends[1], NULL), 0);
	return window_is_inside(&ends[0], &ends[1], day, hour * 60 + minute);
}

static void days_and_times(void **state)
{
	(void)state;
	assert_true(inside("", "", 20260101, 0, 0));
	assert_true(inside("20161013 12:00", "20161017 15:00", 20161014, 12, 0));
	assert_true(inside("20161013 12:00", "20161017 15:00", 20161017, 15, 0));
	assert_false(inside("20161013 12:00", "20161017 15:00", 20161014, 11, 59));
	assert_false(inside("20161013 12:00", "20161017 15:00", 20161014, 15, 1));
	assert_false(inside("20161013 12:00", "20161017 15:00", 20161018, 13, 0));
	assert_true(inside("12:00", "13:00", 20161018, 12, 30));
	assert_false(inside("12:00", "13:00", 20161018, 13, 30));
	assert_true(inside("20161013", "", 20161013, 0, 0));
	assert_false(inside("20161013", "", 20161012, 23, 59));
	assert_true(inside("22:00", "06:00", 20161013, 23, 0));
	assert_true(inside("22:00", "06:00", 20161013, 5, 0));
	assert_false(inside("22:00", "06:00", 20161013, 12, 0));
}

static void refused(void **state)
{
	static const char *const texts[] = {"2007-01-01", "20070230", "24:00",          "12:60",
	                                    "1:00",       "x",        "12:00 20070101", "20070101 12:00 x"};
	struct window_end end;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		assert_int_equal(window_end_parse(str_of(texts[i]), &end, NULL), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(days_and_times), cmocka_unit_test(refused)};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* webadmin/pace: a minute's worth at once, then as they become due; each key for itself. */
#include "webadmin/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { SECOND = 1000000 };

static struct pace *make(void)
{
	struct err err;
	struct pace *pace = pace_new(&err);

	assert_non_null(pace);
	return pace;
}

static void a_minutes_worth_then_one_by_one(void **state)
{
	struct pace *pace = make();
	int64_t now = 1000 * (int64_t)SECOND;

	(void)state;
	for (int i = 0; i < 60; i++)
		assert_int_equal(pace_take(pace, "address", STR("192.0.2.1"), 60, now), 0);
	assert_int_equal(pace_take(pace, "address", STR("192.0.2.1"), 60, now), 1);
	assert_int_equal(pace_take(pace, "address", STR("192.0.2.1"), 60, now + SECOND / 2), 1);
	assert_int_equal(pace_take(pace, "address", STR("192.0.2.1"), 60, now + SECOND), 0);
	assert_int_equal(pace_take(pace, "address", STR("192.0.2.1"), 60, now + SECOND), 1);
	for (int i = 0; i < 60; i++)
		assert_int_equal(pace_take(pace, "address", STR("192.0.2.1"), 60, now + 70 * (int64_t)SECOND), 0);
}

static void each_key_for_itself_and_zero_is_any(void **state)
{
	struct pace *pace = make();

	(void)state;
	assert_int_equal(pace_take(pace, "address", STR("192.0.2.1"), 1, SECOND), 0);
	assert_int_equal(pace_take(pace, "address", STR("192.0.2.1"), 1, SECOND), 60);
	assert_int_equal(pace_take(pace, "session", STR("192.0.2.1"), 1, SECOND), 0);
	assert_int_equal(pace_take(pace, "address", STR("192.0.2.2"), 1, SECOND), 0);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(pace_take(pace, "address", STR("192.0.2.1"), 0, SECOND), 0);
		assert_int_equal(pace_take(pace, "address", STR(""), 1, SECOND), 0);
	}
}

static void more_keys_than_places(void **state)
{
	struct pace *pace = make();
	char key[32];

	(void)state;
	for (int i = 0; i < 10 * PACE_PLACES; i++) {
		snprintf(key, sizeof key, "10.%d.%d.%d", i >> 16, (i >> 8) & 255, i & 255);
		assert_int_equal(pace_take(pace, "address", str_of(key), 10, SECOND), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_minutes_worth_then_one_by_one),
	    cmocka_unit_test(each_key_for_itself_and_zero_is_any),
	    cmocka_unit_test(more_keys_than_places),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

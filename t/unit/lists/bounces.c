#include "lists/bounces.h"

#include "lists/lists.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

/* main.c has it, which tests do not link. */
int64_t listd_time_ms(void)
{
	return 0;
}

/* bounces.h: once a day; thirty days without one forget them */
static void test_days(void **state)
{
	(void)state;
	assert_int_equal(bounces_count(0, 0, 20000), 1);
	assert_int_equal(bounces_count(1, 20000, 20000), 1);
	assert_int_equal(bounces_count(1, 20000, 20001), 2);
	assert_int_equal(bounces_count(6, 20000, 20030), 7);
	assert_int_equal(bounces_count(6, 20000, 20031), 1);
}

static void test_names(void **state)
{
	(void)state;
	assert_true(list_is_bounce_name(STR("list-bounce-0123456789abcdef01234567")));
	assert_true(list_is_bounce_name(STR("List-Bounce-0123456789abcdef01234567")));
	assert_false(list_is_bounce_name(STR("list-bounce-0123456789abcdef0123456")));
	assert_false(list_is_bounce_name(STR("list-bounce-0123456789abcdef012345678")));
	assert_false(list_is_bounce_name(STR("list-bounce-0123456789abcdef0123456g")));
	assert_false(list_is_bounce_name(STR("list-bounce-")));
	assert_false(list_is_bounce_name(STR("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_days),
	    cmocka_unit_test(test_names),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

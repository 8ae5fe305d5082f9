/* How many answers an address gets. */
#include "minger/mingerd.h"

#include "common/base/str.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static int granted(const char *key, int64_t now, int times)
{
	int count = 0;

	for (int i = 0; i < times; i++)
		count += rate_permits(str_of(key), now);
	return count;
}

static void test_rate(void **state)
{
	const int64_t start = 1000000;

	(void)state;
	assert_int_equal(granted("192.0.2.1", start, 1000), ANSWERS_BURST);
	assert_int_equal(granted("192.0.2.1", start, 10), 0);
	assert_int_equal(granted("192.0.2.2", start, 1000), ANSWERS_BURST);
	assert_int_equal(granted("192.0.2.1", start + 1000, 1000), ANSWERS_PER_S);
	assert_int_equal(granted("192.0.2.1", start + 1049, 10), 0);
	assert_int_equal(granted("192.0.2.1", start + 1050, 10), 1);
	assert_int_equal(granted("192.0.2.1", start + 1000000, 1000), ANSWERS_BURST);
	assert_int_equal(granted("192.0.2.1", start, 10), 10); /* a clock that goes back keeps nobody out */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rate),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

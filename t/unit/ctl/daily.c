#include "ctl/daily.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static time_t at(int year, int month, int day, int hour, int minute)
{
	struct tm local = {
	    .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour, .tm_min = minute, .tm_isdst = -1};

	return mktime(&local);
}

/* daily.h: half past three by local time, whatever the clock does in that night */
static void test_next(void **state)
{
	(void)state;
	assert_int_equal(daily_next(at(2026, 1, 10, 0, 0)), at(2026, 1, 10, 3, 30));
	assert_int_equal(daily_next(at(2026, 1, 10, 3, 29)), at(2026, 1, 10, 3, 30));
	assert_int_equal(daily_next(at(2026, 1, 10, 3, 30)), at(2026, 1, 11, 3, 30));
	assert_int_equal(daily_next(at(2026, 1, 31, 12, 0)), at(2026, 2, 1, 3, 30));
	assert_int_equal(daily_next(at(2026, 12, 31, 23, 59)), at(2027, 1, 1, 3, 30));
	/* summer time in this zone begins on 29 March 2026 at 2:00 and ends on 25 October at 3:00 */
	assert_int_equal(daily_next(at(2026, 3, 28, 12, 0)) - at(2026, 3, 28, 3, 30), 23 * 3600);
	assert_int_equal(daily_next(at(2026, 10, 24, 12, 0)) - at(2026, 10, 24, 3, 30), 25 * 3600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_next)};

	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

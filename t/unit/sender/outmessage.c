/* Unit tests of sender/outmessage: moments as a script may write them. */
#include "sender/outmessage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

enum { NOW = 1795302000 };

static void expect(const char *text, int64_t moment)
{
	int64_t got = -1;

	assert_true(outmessage_moment(str_of(text), NOW, &got));
	assert_int_equal(got, moment);
}

static void test_seconds_count_from_now(void **state)
{
	(void)state;
	expect("0", NOW);
	expect("600", NOW + 600);
	expect("600.0", NOW + 600);
	expect("1000000000", NOW + (int64_t)1000000000);
}

/* 2026-11-22 10:00:00 in Berlin is 09:00:00 UTC, 1795338000; 2026-07-01 00:00 there is 2026-06-30 22:00 UTC. */
static void test_dates_are_local_time(void **state)
{
	(void)state;
	expect("20261122100000", 1795338000);
	expect("2026-11-22T10:00:00", 1795338000);
	expect("2026-11-22 10:00:00", 1795338000);
	expect("2026-11-22T10:00", 1795338000);
	expect("20260701000000", 1782856800);
}

static void test_what_is_no_time_is_refused(void **state)
{
	static const char *const bad[] = {"",
	                                  "soon",
	                                  "-5",
	                                  "1.5",
	                                  "10000000001",
	                                  "20261322100000",
	                                  "20260230100000",
	                                  "20261122250000",
	                                  "20261122106000",
	                                  "2026-11-22",
	                                  "2026-11-22T10",
	                                  "2026-11-22T10:00:00Z",
	                                  "2026/11/22 10:00",
	                                  "2026112210000"};
	int64_t moment;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (outmessage_moment(str_of(bad[i]), NOW, &moment))
			fail_msg("\"%s\" was taken", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_seconds_count_from_now),
	    cmocka_unit_test(test_dates_are_local_time),
	    cmocka_unit_test(test_what_is_no_time_is_refused),
	};

	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

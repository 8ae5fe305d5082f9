/* Mailbox quotas: steps that are passed, what blocks. */
#include "common/policy/mailbox_quota.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { MB = 1048576 };

static void test_steps(void **state)
{
	static const struct {
		int before, after; /* per cent */
		bool expected;
	} rows[] = {
	    {0, 70, false},   {70, 85, true},  {80, 85, false},   {79, 80, true},  {85, 105, true}, {105, 119, false},
	    {105, 130, true}, {70, 130, true}, {130, 200, false}, {85, 70, false}, {0, 200, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (mailbox_quota_passes("80,100,120", 100 * (int64_t)MB, rows[i].before * (int64_t)MB,
		                         rows[i].after * (int64_t)MB) != rows[i].expected)
			fail_msg("row %zu", i);
	assert_false(mailbox_quota_passes("", MB, 0, 2 * MB));
	assert_true(mailbox_quota_passes("80", 5, 3, 4));
	/* nothing overflows: a petabyte of a hundred terabytes */
	assert_true(mailbox_quota_passes("1000", 100000000LL * MB, 0, 1000000000LL * MB));
}

/* Specification 07-16.2: 1 MB, at 1.3 MB, at 1.2 MB; and never. */
static void test_block(void **state)
{
	(void)state;
	assert_true(mailbox_quota_reaches(125, MB, MB * 13 / 10));
	assert_false(mailbox_quota_reaches(125, MB, MB * 12 / 10));
	assert_true(mailbox_quota_reaches(125, 4 * MB, 5 * MB));
	assert_false(mailbox_quota_reaches(125, 4 * MB, 5 * MB - 1));
	assert_false(mailbox_quota_reaches(0, MB, 100 * MB));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_steps),
	    cmocka_unit_test(test_block),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

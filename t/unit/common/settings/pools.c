/*
 * Unit tests of pools: what the setting may say, and whose bandwidth a pool shares.
 */
#include "common/settings/pools.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct pools pools;
static struct err err;

static void test_what_is_said(void **state)
{
	(void)state;
	assert_int_equal(pools_parse(STR(""), &pools, &err), 0);
	assert_int_equal(pools.bandwidth[1], 0);
	assert_int_equal(pools_parse(STR("1=100000, 2 the = office = 0,1000=-1,"), &pools, &err), 0);
	assert_int_equal(pools.bandwidth[1], 100000);
	assert_int_equal(pools.bandwidth[2], 0);
	assert_int_equal(pools.bandwidth[1000], -1);
	assert_int_equal(pools_parse(STR("1=999999999"), &pools, &err), 0);
}

static void test_what_cannot_be(void **state)
{
	static const char *const texts[] = {"1",       "=1",  "0=1",  "1001=1",       "1=",      "1=-",     "1=-0",
	                                    "1=-1001", "x=1", "1=1x", "1=1000000000", "1=1,1=2", "1 \xff=1"};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		assert_int_equal(pools_parse(str_of(texts[i]), &pools, &err), -1);
}

static void test_chains(void **state)
{
	static const char *const circles[] = {"1=-1", "1=-2,2=-1", "1=-2,2=-3,3=-1", "1=-2,2=-3,3=-2"};

	(void)state;
	assert_int_equal(pools_parse(STR("1=-2,2=-3,3=5,4=-9"), &pools, &err), 0);
	assert_int_equal(pools_root(&pools, 1), 3);
	assert_int_equal(pools_root(&pools, 3), 3);
	assert_int_equal(pools_root(&pools, 4), 9);
	assert_int_equal(pools_root(&pools, 9), 9);
	for (size_t i = 0; i < sizeof circles / sizeof circles[0]; i++) {
		assert_int_equal(pools_parse(str_of(circles[i]), &pools, &err), -1);
		assert_int_equal(err.code, ERR_LIMIT);
	}
}

static void test_bandwidth(void **state)
{
	int64_t limit;

	(void)state;
	assert_int_equal(bandwidth_parse(STR("0"), &limit, &err), 0);
	assert_int_equal(limit, 0);
	assert_int_equal(bandwidth_parse(STR(" 100000 "), &limit, &err), 0);
	assert_int_equal(limit, 100000);
	assert_int_equal(bandwidth_parse(STR("Pool 1000"), &limit, &err), 0);
	assert_int_equal(limit, -1000);
	assert_int_equal(bandwidth_parse(STR(""), &limit, &err), -1);
	assert_int_equal(bandwidth_parse(STR("-1"), &limit, &err), -1);
	assert_int_equal(bandwidth_parse(STR("pool"), &limit, &err), -1);
	assert_int_equal(bandwidth_parse(STR("pool 0"), &limit, &err), -1);
	assert_int_equal(bandwidth_parse(STR("pool 1001"), &limit, &err), -1);
	assert_int_equal(bandwidth_parse(STR("1000000000"), &limit, &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_is_said),
	    cmocka_unit_test(test_what_cannot_be),
	    cmocka_unit_test(test_chains),
	    cmocka_unit_test(test_bandwidth),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Unit tests of MTA-STS: RFC 8461 3.1, 3.2, 4.1. */
#include "common/mailauth/sts/sts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void test_record(void **state)
{
	static const char *const bad[] = {"v=STSv1",
	                                  "v=STSv1;",
	                                  "v=STSv2; id=1",
	                                  "id=1; v=STSv1",
	                                  "v=STSv1; id=",
	                                  "v=STSv1; id=a b",
	                                  "v=STSv1; id=1; id=2",
	                                  "v=STSv1; id=012345678901234567890123456789012",
	                                  ""};
	char id[STS_ID_MAX + 1];

	(void)state;
	assert_true(sts_parse_record(STR("v=STSv1; id=20160831085700Z;"), id));
	assert_string_equal(id, "20160831085700Z");
	assert_true(sts_parse_record(STR("v=STSv1;id=1;unknown=x"), id));
	assert_string_equal(id, "1");
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(sts_parse_record(str_of(bad[i]), id));
}

static int parse(const char *text, struct arena *arena, struct sts_policy *policy)
{
	struct err err;

	return sts_parse_policy(str_of(text), arena, policy, &err);
}

/* The example of section 3.2, and its rules. */
static void test_policy(void **state)
{
	static const char *const bad[] = {
	    "",
	    "version: STSv1\nmode: enforce\nmx: a.test\n",
	    "version: STSv1\nmax_age: 1\nmx: a.test\n",
	    "mode: enforce\nmax_age: 1\nmx: a.test\n",
	    "version: STSv2\nmode: enforce\nmax_age: 1\nmx: a.test\n",
	    "version: STSv1\nmode: sure\nmax_age: 1\nmx: a.test\n",
	    "version: STSv1\nmode: enforce\nmax_age: -1\nmx: a.test\n",
	    "version: STSv1\nmode: enforce\nmax_age: 1\n",
	    "version: STSv1\nmode: enforce\nmax_age: 1\nmx: a test\n",
	    "version: STSv1\nmode: enforce\nmax_age: 1\nmx: a.test\nnonsense\n",
	    "<html>\n",
	};
	struct sts_policy policy;
	struct arena arena;

	(void)state;
	arena_init(&arena);
	assert_int_equal(parse("version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\n"
	                       "mx: backupmx.example.com\r\nmax_age: 604800\r\n",
	                       &arena, &policy),
	                 0);
	assert_int_equal(policy.mode, STS_ENFORCE);
	assert_int_equal(policy.max_age, 604800);
	assert_int_equal(policy.mx_count, 3);
	assert_int_equal(
	    parse("version: STSv1\nmode: none\nmode: enforce\nmax_age: 99999999999\nfuture: x", &arena, &policy), 0);
	assert_int_equal(policy.mode, STS_NONE);
	assert_int_equal(policy.max_age, STS_AGE_MAX);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(parse(bad[i], &arena, &policy), -1);
	arena_free(&arena);
}

/* "*.example.com" matches a name with one label more, nothing else. */
static void test_allows(void **state)
{
	struct sts_policy policy;
	struct arena arena;

	(void)state;
	arena_init(&arena);
	assert_int_equal(
	    parse("version: STSv1\nmode: enforce\nmax_age: 1\nmx: Mail.Example.com\nmx: *.example.net", &arena, &policy),
	    0);
	assert_true(sts_allows(&policy, STR("mail.example.com")));
	assert_true(sts_allows(&policy, STR("MX1.example.NET")));
	assert_false(sts_allows(&policy, STR("example.net")));
	assert_false(sts_allows(&policy, STR("a.b.example.net")));
	assert_false(sts_allows(&policy, STR("example.com")));
	assert_false(sts_allows(&policy, STR("x.mail.example.com")));
	assert_false(sts_allows(&policy, STR("mail.example.com.evil.test")));
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_record),
	    cmocka_unit_test(test_policy),
	    cmocka_unit_test(test_allows),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

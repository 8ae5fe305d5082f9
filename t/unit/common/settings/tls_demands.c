/* Unit tests of sender.tls-policies. */
#include "common/settings/tls_demands.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void test_find(void **state)
{
	const struct str text = STR("a.test=verify,*.b.test=encrypt,x.b.test=none,c.test=auto,*=may");

	(void)state;
	assert_int_equal(tls_demands_find(text, STR("a.test")), TLS_DEMAND_VERIFY);
	assert_int_equal(tls_demands_find(text, STR("x.b.test")), TLS_DEMAND_ENCRYPT);
	assert_int_equal(tls_demands_find(text, STR("b.test")), TLS_DEMAND_MAY);
	assert_int_equal(tls_demands_find(text, STR("c.test")), TLS_DEMAND_AUTO);
	assert_int_equal(tls_demands_find(STR("a.test=dane"), STR("b.test")), TLS_DEMAND_AUTO);
	assert_int_equal(tls_demands_find(STR(""), STR("b.test")), TLS_DEMAND_AUTO);
}

static void test_check(void **state)
{
	static const char *const bad[] = {"a.test",     "a.test=",        "=may",   "a.test=sure",
	                                  "a test=may", "a.test=may=may", "a/b=may"};
	struct buf normal;
	struct err err;

	(void)state;
	buf_init(&normal, 4000);
	assert_int_equal(tls_demands_check(STR(" A.Test=VERIFY , *.b.test=none"), &normal, &err), 0);
	assert_string_equal(buf_text(&normal), "a.test=verify,*.b.test=none");
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(tls_demands_check(str_of(bad[i]), &normal, &err), -1);
		assert_int_equal(err.code, ERR_SYNTAX);
	}
	buf_free(&normal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_find), cmocka_unit_test(test_check)};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

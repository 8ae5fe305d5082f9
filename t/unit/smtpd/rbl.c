/*
 * Unit tests of the names that DNS blacklists are asked for (RFC 5782 2.1, 2.4).
 */
#include "smtpd/rbl.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void check_name(const char *address, const char *expected)
{
	struct cidr client;
	struct buf name;

	assert_int_equal(cidr_parse(str_of(address), &client, NULL, NULL), 0);
	buf_init(&name, MAILAUTH_NAME_MAX);
	rbl_name(&client, STR("zone.test"), &name);
	assert_string_equal(buf_text(&name), expected);
	buf_free(&name);
}

static void test_names(void **state)
{
	(void)state;
	check_name("1.2.3.4", "4.3.2.1.zone.test");
	check_name("::ffff:192.0.2.99", "99.2.0.192.zone.test");
	/* the example of RFC 5782 2.4 */
	check_name("2001:db8:1:2:3:4:567:89ab",
	           "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.zone.test");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_names)};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

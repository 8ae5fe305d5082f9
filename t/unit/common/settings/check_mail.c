/* Values about messages: specification 06-10.5, 07-2.4, 02 "Advanced tab". */
#include "common/settings/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* The normal form of a value, or the sentence that refuses it. */
static void check(enum setting_type type, const char *value, const char *expected)
{
	const struct setting_definition definition = {.key = "a.key", .type = type};
	struct buf normal;
	struct err err;

	buf_init(&normal, SETTING_VALUE_MAX);
	if (setting_check(&definition, str_of(value), &normal, &err) == 0)
		assert_string_equal(buf_text(&normal), expected);
	else
		assert_string_equal(err.text, expected);
	buf_free(&normal);
}

static void test_domain_map(void **state)
{
	(void)state;
	check(SETTING_DOMAIN_MAP, "", "");
	check(SETTING_DOMAIN_MAP, "Internal=Example.COM, b.test=c.test", "internal=example.com,b.test=c.test");
	check(SETTING_DOMAIN_MAP, "m\xc3\xbcller.test=a.test", "xn--mller-kva.test=a.test");
	check(SETTING_DOMAIN_MAP, "a.test=b.test,A.test=c.test", "a.key: a.test is mapped twice");
	check(SETTING_DOMAIN_MAP, "a.test=", "a.key: a.test is mapped to no domain");
	check(SETTING_DOMAIN_MAP, "a.test", "a.key must be pairs FROM=TO, not \"a.test\"");
	check(SETTING_DOMAIN_MAP, "=b.test", "a.key: \"\" is not a domain");
	check(SETTING_DOMAIN_MAP, "a.test=b@c", "a.key: \"b@c\" is not a domain");
	check(SETTING_DOMAIN_MAP, "[192.0.2.1]=a.test", "a.key: \"[192.0.2.1]\" is not a domain");
}

static void test_modifiers(void **state)
{
	(void)state;
	check(SETTING_MODIFIERS, "X-A: b\r\nX-B:", "X-A: b\nX-B:");
	check(SETTING_MODIFIERS, "X A: b", "a.key: \"X A: b\" is not \"Field: data\"");
}

static void test_fields(void **state)
{
	(void)state;
	check(SETTING_FIELDS, "", "");
	check(SETTING_FIELDS, "Return-Receipt-To,  X-Confirm", "Return-Receipt-To,X-Confirm");
	check(SETTING_FIELDS, "a:", "a.key: \"a:\" is not the name of a header field");
}

static void test_targets(void **state)
{
	(void)state;
	check(SETTING_TARGETS, "paul, anna@example.test", "paul,anna@example.test");
	check(SETTING_TARGETS, "a@b@c", "a.key: \"a@b@c\" is neither a user's name nor an address");
}

static void test_rewrite(void **state)
{
	(void)state;
	check(SETTING_REWRITE, "", "");
	check(SETTING_REWRITE, "sales@corp.test", "sales@corp.test");
	check(SETTING_REWRITE, "*@corp.test", "*@corp.test");
	check(SETTING_REWRITE, "*@", "a.key must be an address or *@DOMAIN, not \"*@\"");
	check(SETTING_REWRITE, "sales", "a.key must be an address or *@DOMAIN, not \"sales\"");
	check(SETTING_REWRITE, "a@[192.0.2.1]", "a.key must be an address or *@DOMAIN, not \"a@[192.0.2.1]\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_domain_map), cmocka_unit_test(test_modifiers), cmocka_unit_test(test_fields),
	    cmocka_unit_test(test_targets),    cmocka_unit_test(test_rewrite),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("settings about mail", tests, NULL, NULL);
}

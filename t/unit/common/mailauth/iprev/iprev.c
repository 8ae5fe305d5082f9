/* Unit tests of iprev. Expected values from RFC 8601 2.7.3 and 3. */
#include "common/mailauth/iprev/iprev.h"
#include "common/mailauth/dns/table.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena arena;
static struct mailauth_table table;
static struct iprev_outcome outcome;

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena);
	mailauth_table_init(&table, &arena);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static void add(const char *name, enum mailauth_type type, const char *text)
{
	assert_int_equal(mailauth_table_add(&table, name, type, str_of(text), NULL), 0);
}

static enum iprev_result result_for(const char *client)
{
	struct mailauth_dns dns = mailauth_table_dns(&table);
	struct cidr address;

	assert_int_equal(cidr_parse(str_of(client), &address, NULL, NULL), 0);
	iprev_check(&dns, &address, &arena, &outcome);
	return outcome.result;
}

static void assert_name(const char *expected)
{
	assert_string_equal(arena_text(&arena, outcome.name), expected);
}

static void names_that_lead_back(void **state)
{
	(void)state;
	add("1.2.0.192.in-addr.arpa", MAILAUTH_PTR, "other.test");
	add("1.2.0.192.in-addr.arpa", MAILAUTH_PTR, "Mail.test");
	add("mail.test", MAILAUTH_A, "192.0.2.9");
	add("mail.test", MAILAUTH_A, "192.0.2.1");
	add("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", MAILAUTH_PTR, "six.test");
	add("six.test", MAILAUTH_AAAA, "2001:db8::1");
	assert_int_equal(result_for("192.0.2.1"), IPREV_PASS);
	assert_name("mail.test");
	assert_int_equal(result_for("2001:db8::1"), IPREV_PASS);
	assert_name("six.test");
	assert_int_equal(result_for("::ffff:192.0.2.1"), IPREV_PASS);
}

static void names_that_do_not(void **state)
{
	(void)state;
	add("1.2.0.192.in-addr.arpa", MAILAUTH_PTR, "mail.test");
	add("mail.test", MAILAUTH_A, "192.0.2.9");
	assert_int_equal(result_for("192.0.2.1"), IPREV_FAIL);
	assert_name("mail.test");
}

static void no_name(void **state)
{
	(void)state;
	assert_int_equal(result_for("192.0.2.1"), IPREV_PERMERROR);
	assert_name("");
	mailauth_table_add_raw(&table, "1.2.0.192.in-addr.arpa", MAILAUTH_PTR, STR("\3a\r\n\0"));
	assert_int_equal(result_for("192.0.2.1"), IPREV_PERMERROR);
	assert_name("");
}

static void no_answer(void **state)
{
	(void)state;
	mailauth_table_fail(&table, "1.2.0.192.in-addr.arpa");
	assert_int_equal(result_for("192.0.2.1"), IPREV_TEMPERROR);
	add("2.2.0.192.in-addr.arpa", MAILAUTH_PTR, "mail.test");
	mailauth_table_fail(&table, "mail.test");
	assert_int_equal(result_for("192.0.2.2"), IPREV_TEMPERROR);
	add("2.2.0.192.in-addr.arpa", MAILAUTH_PTR, "good.test");
	add("good.test", MAILAUTH_A, "192.0.2.2");
	assert_int_equal(result_for("192.0.2.2"), IPREV_PASS);
}

static void many_names_are_not_all_tried(void **state)
{
	(void)state;
	for (int i = 0; i < 40; i++)
		add("1.2.0.192.in-addr.arpa", MAILAUTH_PTR, arena_printf(&arena, "m%d.test", i).data);
	assert_int_equal(result_for("192.0.2.1"), IPREV_FAIL);
	assert_int_equal(table.questions, 1 + IPREV_NAMES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(names_that_lead_back, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(names_that_do_not, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(no_name, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(no_answer, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(many_names_are_not_all_tried, set_up, tear_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

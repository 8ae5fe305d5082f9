/* Unit tests of names, records and limits of mailauth/dns. Expected values from RFC 1035, RFC 3596 2.5, RFC 7208 3.3.
 */
#include "common/base/io.h"
#include "common/mailauth/dns/table.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena arena;
static struct mailauth_table table;

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

static void assert_str(struct str actual, const char *expected)
{
	assert_string_equal(arena_text(&arena, actual), expected);
}

/* count labels of len octets, with a dot behind each but the last */
static struct str labels(size_t count, size_t len)
{
	struct str name = STR("");

	for (size_t i = 0; i < count; i++)
		name = arena_printf(&arena, "%.*s%s%0*d", STR_ARG(name), i > 0 ? "." : "", (int)len, 0);
	return name;
}

static void names_of_the_dns(void **state)
{
	(void)state;
	assert_true(mailauth_is_name(STR("example.org")));
	assert_true(mailauth_is_name(STR("example.org.")));
	assert_true(mailauth_is_name(STR("anna+x y._spf.example.org")));
	assert_false(mailauth_is_name(STR("")));
	assert_false(mailauth_is_name(STR(".")));
	assert_false(mailauth_is_name(STR("example..org")));
	assert_false(mailauth_is_name(STR(".example.org")));
	assert_false(mailauth_is_name(STR("exam\0ple.org")));
	assert_true(mailauth_is_name(labels(2, 63)));
	assert_false(mailauth_is_name(labels(2, 64)));
	assert_true(mailauth_is_name(labels(127, 1)));
	assert_false(mailauth_is_name(labels(128, 1)));
}

static void impossible_names_are_not_asked_for(void **state)
{
	struct mailauth_dns dns = mailauth_table_dns(&table);
	struct mailauth_answer answer;
	struct err err;

	(void)state;
	assert_int_equal(mailauth_query(&dns, STR("a..b"), MAILAUTH_A, &arena, &answer, &err), 0);
	assert_int_equal(answer.status, MAILAUTH_NXDOMAIN);
	assert_int_equal(table.questions, 0);
}

static void answers_of_a_table(void **state)
{
	struct mailauth_dns dns = mailauth_table_dns(&table);
	struct mailauth_answer answer;
	struct err err;

	(void)state;
	assert_int_equal(mailauth_table_add(&table, "a.test", MAILAUTH_A, STR("192.0.2.1"), &err), 0);
	assert_int_equal(mailauth_table_add(&table, "b.test", MAILAUTH_CNAME, STR("A.test"), &err), 0);
	assert_int_equal(mailauth_table_add(&table, "c.test", MAILAUTH_CNAME, STR("c.test"), &err), 0);
	assert_int_equal(mailauth_table_add(&table, "a.test", MAILAUTH_A, STR("2001:db8::1"), &err), -1);
	mailauth_table_fail(&table, "d.test");
	assert_int_equal(mailauth_query(&dns, STR("B.TEST."), MAILAUTH_A, &arena, &answer, &err), 0);
	assert_int_equal(answer.status, MAILAUTH_FOUND);
	assert_int_equal(answer.count, 1);
	assert_memory_equal(answer.records[0].data, "\xc0\0\2\1", 4);
	assert_int_equal(mailauth_query(&dns, STR("b.test"), MAILAUTH_MX, &arena, &answer, &err), 0);
	assert_int_equal(answer.status, MAILAUTH_NODATA);
	assert_int_equal(mailauth_query(&dns, STR("x.test"), MAILAUTH_MX, &arena, &answer, &err), 0);
	assert_int_equal(answer.status, MAILAUTH_NXDOMAIN);
	assert_int_equal(mailauth_query(&dns, STR("c.test"), MAILAUTH_A, &arena, &answer, &err), -1);
	assert_int_equal(answer.status, MAILAUTH_TEMPORARY);
	assert_int_equal(mailauth_query(&dns, STR("d.test"), MAILAUTH_A, &arena, &answer, &err), -1);
	assert_int_equal(answer.status, MAILAUTH_TEMPORARY);
}

static void past_the_deadline_all_is_temporary(void **state)
{
	struct mailauth_dns dns = mailauth_table_dns(&table);
	struct mailauth_answer answer;
	struct err err;

	(void)state;
	assert_int_equal(mailauth_table_add(&table, "a.test", MAILAUTH_A, STR("192.0.2.1"), &err), 0);
	dns.deadline_ms = io_now_ms();
	assert_int_equal(mailauth_query(&dns, STR("a.test"), MAILAUTH_A, &arena, &answer, &err), -1);
	assert_int_equal(answer.status, MAILAUTH_TEMPORARY);
	assert_int_equal(err.code, ERR_TIMEOUT);
	assert_int_equal(table.questions, 0);
}

static void texts_are_joined(void **state)
{
	struct str text;
	struct err err;

	(void)state;
	assert_int_equal(mailauth_read_text(STR("\2ab\0\3c d"), &arena, &text, &err), 0);
	assert_str(text, "abc d");
	assert_int_equal(mailauth_read_text(STR(""), &arena, &text, &err), 0);
	assert_int_equal(text.len, 0);
	assert_int_equal(mailauth_read_text(STR("\3ab"), &arena, &text, &err), -1);
	assert_int_equal(err.code, ERR_SYNTAX);
}

static void long_texts_of_a_table_are_cut_and_joined(void **state)
{
	struct mailauth_dns dns = mailauth_table_dns(&table);
	struct str text = labels(1, 600), read;
	struct mailauth_answer answer;
	struct err err;

	(void)state;
	assert_int_equal(mailauth_table_add(&table, "a.test", MAILAUTH_TXT, text, &err), 0);
	assert_int_equal(mailauth_query(&dns, STR("a.test"), MAILAUTH_TXT, &arena, &answer, &err), 0);
	assert_int_equal(answer.records[0].len, 603);
	assert_int_equal(mailauth_read_text(answer.records[0], &arena, &read, &err), 0);
	assert_true(str_equal(read, text));
}

static void names_in_records(void **state)
{
	struct str name;
	struct err err;

	(void)state;
	assert_int_equal(mailauth_read_name(STR("\0\x0a\2mX\4test\0"), 2, &arena, &name, &err), 0);
	assert_str(name, "mx.test");
	assert_int_equal(mailauth_read_name(STR("\0"), 0, &arena, &name, &err), 0);
	assert_str(name, "");
	assert_int_equal(mailauth_read_name(STR("\2mx\4tes"), 0, &arena, &name, &err), -1);
	assert_int_equal(mailauth_read_name(STR("\2mx"), 0, &arena, &name, &err), -1);
	assert_int_equal(mailauth_read_name(STR("\3a.b\0"), 0, &arena, &name, &err), -1);
	assert_int_equal(mailauth_read_name(STR("\2a\0\0"), 0, &arena, &name, &err), -1);
	assert_int_equal(mailauth_read_name(STR("\xc0\0"), 0, &arena, &name, &err), -1);
	assert_int_equal(mailauth_read_name(STR("\1a\0"), 3, &arena, &name, &err), -1);
}

static void addresses_in_records(void **state)
{
	struct cidr address;

	(void)state;
	assert_true(mailauth_read_address(STR("\xc0\0\2\1"), MAILAUTH_A, &address));
	assert_false(address.is_ipv6);
	assert_int_equal(address.prefix, 32);
	assert_false(mailauth_read_address(STR("\xc0\0\2"), MAILAUTH_A, &address));
	assert_false(mailauth_read_address(STR("\xc0\0\2\1"), MAILAUTH_AAAA, &address));
}

static void reverse_names(void **state)
{
	struct cidr address;

	(void)state;
	assert_int_equal(cidr_parse(STR("192.0.2.55"), &address, NULL, NULL), 0);
	assert_str(mailauth_reverse_name(&address, &arena), "55.2.0.192.in-addr.arpa");
	assert_int_equal(cidr_parse(STR("4321:0:1:2:3:4:567:89ab"), &address, NULL, NULL), 0); /* RFC 3596 2.5 */
	assert_str(mailauth_reverse_name(&address, &arena),
	           "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(names_of_the_dns, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(impossible_names_are_not_asked_for, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(answers_of_a_table, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(past_the_deadline_all_is_temporary, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(texts_are_joined, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(long_texts_of_a_table_are_cut_and_joined, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(names_in_records, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(addresses_in_records, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(reverse_names, set_up, tear_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

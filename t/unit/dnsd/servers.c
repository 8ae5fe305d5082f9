/* Unit tests of dnsd's list of servers. */
#include "dnsd/servers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void assert_parsed(const char *text, const char *wanted)
{
	struct buf list;

	buf_init(&list, SERVERS_TEXT_MAX);
	servers_parse_system(str_of(text), &list);
	assert_string_equal(buf_text(&list), wanted);
	buf_free(&list);
}

/* resolv.conf(5) */
static void test_system_file(void **state)
{
	(void)state;
	assert_parsed("", "");
	assert_parsed("# a comment\nsearch example.net\nnameserver 192.0.2.53\nnameserver\t2001:db8::53 \noptions edns0\n",
	              "192.0.2.53,[2001:db8::53]");
	assert_parsed("nameserver dns.example.net\nnameserver fe80::1%eth0\nnameserver 127.0.0.1", "127.0.0.1");
	assert_parsed(";nameserver 192.0.2.1\n nameserver 192.0.2.2\r\n", "192.0.2.2");
}

static void test_count_is_limited(void **state)
{
	struct buf text, list;

	(void)state;
	buf_init(&text, SERVERS_TEXT_MAX);
	buf_init(&list, SERVERS_TEXT_MAX);
	for (int i = 1; i <= SERVERS_MAX + 5; i++)
		buf_printf(&text, "nameserver 192.0.2.%d\n", i);
	servers_parse_system(buf_str(&text), &list);
	assert_int_equal(str_count_char(buf_str(&list), ','), SERVERS_MAX - 1);
	buf_free(&text);
	buf_free(&list);
}

static void test_setting_wins(void **state)
{
	struct servers servers;

	(void)state;
	servers_init(&servers);
	assert_true(servers_refresh(&servers, "192.0.2.1,[::1]:53"));
	assert_false(servers.detected);
	assert_string_equal(buf_text(&servers.list), "192.0.2.1,[::1]:53");
	assert_false(servers_refresh(&servers, "192.0.2.1,[::1]:53"));
	assert_true(servers_refresh(&servers, "192.0.2.2"));
	buf_free(&servers.list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_system_file),
	    cmocka_unit_test(test_count_is_limited),
	    cmocka_unit_test(test_setting_wins),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Thread rules of LAN forwarding (specification 07): "<server>[:<port>]-<max>", split at the last hyphen. */
#include "common/settings/ceilings.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena arena;
static struct err err;

static void is_next(struct str *rest, const char *server, unsigned most)
{
	struct ceiling ceiling;

	assert_int_equal(ceiling_next(rest, &arena, &ceiling, &err), 1);
	assert_string_equal(arena_text(&arena, server_key(&ceiling.server, &arena)), server);
	assert_int_equal(ceiling.most, most);
}

static void test_items(void **state)
{
	struct str rest = STR("192.168.1.1-10 192.168.2.1:1025-5,mail-2.example.com-1  [2001:db8::1]:26-1000");
	struct ceiling ceiling;

	(void)state;
	is_next(&rest, "192.168.1.1:25", 10);
	is_next(&rest, "192.168.2.1:1025", 5);
	is_next(&rest, "mail-2.example.com:25", 1);
	is_next(&rest, "[2001:db8::1]:26", 1000);
	assert_int_equal(ceiling_next(&rest, &arena, &ceiling, &err), 0);
}

static void test_refused(void **state)
{
	static const char *const texts[] = {"host", "host-", "host-0", "host-1001", "host-x", "-5", "host:0-5", "ho st-"};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct str rest = str_of(texts[i]);
		struct ceiling ceiling;

		assert_int_equal(ceiling_next(&rest, &arena, &ceiling, &err), -1);
		assert_int_equal(err.code, ERR_SYNTAX);
	}
}

static int clean_up(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_items), cmocka_unit_test(test_refused)};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("common/settings/ceilings", tests, NULL, clean_up);
}

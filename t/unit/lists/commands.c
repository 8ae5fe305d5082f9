/* The ListServer's commands (specification 03, ListServer). */
#include "lists/commands.h"

#include "common/base/buf.h"
#include "lists/lists.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* The clock is main.c's; nothing here asks it. */
int64_t listd_time(void)
{
	return 0;
}

int64_t listd_time_ms(void)
{
	return 0;
}

static struct arena arena;
static struct commands commands;

static void parse(const char *subject, const char *body)
{
	commands_parse(str_of(subject), str_of(body), &arena, &commands);
}

static void assert_command(size_t index, enum command_kind kind, const char *first, const char *second)
{
	assert_true(index < commands.count);
	assert_int_equal(commands.list[index].kind, kind);
	assert_true(str_equal(commands.list[index].first, str_of(first)));
	assert_true(str_equal(commands.list[index].second, str_of(second)));
}

static void test_subject(void **state)
{
	static const char *const subscribe[] = {"subscribe offers", "SUBSCRIBE offers", "sub offers",
	                                        "  sub   offers ",  "Re: sub offers",   "sub+offers"};

	(void)state;
	for (size_t i = 0; i < sizeof subscribe / sizeof subscribe[0]; i++) {
		parse(subscribe[i], "unsubscribe offers\n");
		assert_int_equal(commands.count, 1); /* the body is ignored */
		assert_command(0, COMMAND_SUBSCRIBE, "offers", "");
	}
	/* [03-5.6] */
	parse("unsubscribe+mylist", "");
	assert_command(0, COMMAND_UNSUBSCRIBE, "mylist", "");
	parse("Re: confirm 0123456789abcdef", "> quoted\n");
	assert_command(0, COMMAND_CONFIRM, "0123456789abcdef", "");
	parse("unsubscribe *", "");
	assert_command(0, COMMAND_UNSUBSCRIBE, "*", "");
	parse("lists", "help\n"); /* not in the subject */
	assert_int_equal(commands.count, 1);
	assert_command(0, COMMAND_HELP, "", "");
	parse("subscribe", "help\n"); /* of what? */
	assert_command(0, COMMAND_HELP, "", "");
}

static void test_body(void **state)
{
	(void)state;
	parse("hello", "sub one\r\n\r\n  UNS two anna@a.test\r\nunsub *\r\nlists\r\nusers one\r\nhelp\r\n> lists\r\n"
	               "approve 00ff\r\nreject 00ff\r\nadd one b@b.test\r\nremove one b@b.test\r\nstop\r\nlists\r\n");
	assert_int_equal(commands.count, 10);
	assert_command(0, COMMAND_SUBSCRIBE, "one", "");
	assert_command(1, COMMAND_UNSUBSCRIBE, "two", "anna@a.test");
	assert_command(2, COMMAND_UNSUBSCRIBE, "*", "");
	assert_command(3, COMMAND_LISTS, "", "");
	assert_command(4, COMMAND_USERS, "one", "");
	assert_command(5, COMMAND_HELP, "", "");
	assert_command(6, COMMAND_APPROVE, "00ff", "");
	assert_command(7, COMMAND_REJECT, "00ff", "");
	assert_command(8, COMMAND_ADD, "one", "b@b.test");
	assert_command(9, COMMAND_REMOVE, "one", "b@b.test");
	parse("", "lists\n-- \nhelp\n");
	assert_int_equal(commands.count, 1);
}

static void test_wrong(void **state)
{
	char text[20 * COMMAND_LINE_MAX];
	struct buf many;

	(void)state;
	parse("", "Dear ListServer,\nsubscribe\nadd one\nlists all\n");
	assert_int_equal(commands.count, 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(commands.list[i].kind, COMMAND_UNKNOWN);
	assert_null(commands.list[0].usage);
	assert_string_equal(commands.list[1].usage, "subscribe LIST");
	assert_string_equal(commands.list[2].usage, "add LIST ADDRESS");
	assert_true(str_equal(commands.list[3].line, STR("lists all")));
	memset(text, 'x', sizeof text);
	memcpy(text, "subscribe ", 10);
	commands_parse(STR(""), str_from(text, sizeof text), &arena, &commands);
	assert_int_equal(commands.list[0].kind, COMMAND_UNKNOWN);
	assert_int_equal(commands.list[0].line.len, COMMAND_LINE_MAX);
	/* at most 20 */
	buf_init(&many, 1 << 16);
	for (int i = 0; i < 100; i++)
		buf_add_str(&many, STR("lists\n"));
	commands_parse(STR(""), buf_str(&many), &arena, &commands);
	assert_int_equal(commands.count, COMMANDS_MAX);
	assert_true(commands.cut);
	buf_free(&many);
	parse("", "");
	assert_int_equal(commands.count, 0);
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_subject),
	    cmocka_unit_test(test_body),
	    cmocka_unit_test(test_wrong),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("lists commands", tests, NULL, teardown);
}

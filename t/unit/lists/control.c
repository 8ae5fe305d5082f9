/* Commands to the mailer daemon (specification 02, "Control by mail"). */
#include "lists/control.h"

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

static struct control control;

static void parse(const char *subject, const char *body)
{
	control_parse(str_of(subject), str_of(body), &control);
}

static void assert_control(enum control_kind kind, enum control_change change, const char *value)
{
	assert_int_equal(control.kind, kind);
	assert_int_equal(control.change, change);
	assert_true(str_equal(control.value, str_of(value)));
}

static void test_forwarding(void **state)
{
	(void)state;
	parse(" set FORWARDING ", "hello\r\n\r\nForward  to  a@b; c@d \r\nFORWARD OFF\r\n");
	assert_control(CONTROL_SET_FORWARDING, CONTROL_TO, "a@b; c@d");
	assert_int_equal(control.user.len, 0);
	parse("Set Forwarding", "FORWARD OFF");
	assert_control(CONTROL_SET_FORWARDING, CONTROL_OFF, "");
	parse("Set Forwarding", "FORWARD ON\n");
	assert_control(CONTROL_SET_FORWARDING, CONTROL_ON, "");
	parse("Query Forwarding", "FORWARD ON\n");
	assert_control(CONTROL_QUERY_FORWARDING, CONTROL_NOTHING, "");
	/* what lacks its line, or has another's, is no command */
	parse("Set Forwarding",
	      "ASSISTANT TO a@b\nFORWARD\nFORWARD TO\nFORWARD maybe\nFORWARD OFF now\n> FORWARD OFF\n--\nFORWARD OFF\n");
	assert_control(CONTROL_UNKNOWN, CONTROL_NOTHING, "");
	parse("Re: Set Forwarding", "FORWARD OFF\n");
	assert_control(CONTROL_UNKNOWN, CONTROL_NOTHING, "");
	parse("", "FORWARD OFF\n");
	assert_control(CONTROL_UNKNOWN, CONTROL_NOTHING, "");
}

static void test_assistant_and_password(void **state)
{
	(void)state;
	parse("Set Assistant", "USERNAME anna\nPASSWORD se cret \nUSERNAME bob\nASSISTANT TO x@y\n");
	assert_control(CONTROL_SET_ASSISTANT, CONTROL_TO, "x@y");
	assert_true(str_equal(control.user, STR("anna")));
	assert_true(str_equal(control.password, STR("se cret")));
	parse("Set Assistant", "ASSISTANT OFF\n");
	assert_control(CONTROL_SET_ASSISTANT, CONTROL_OFF, "");
	parse("Set Assistant", "ASSISTANT ON\n"); /* nothing is kept that could be switched on */
	assert_control(CONTROL_UNKNOWN, CONTROL_NOTHING, "");
	parse("Password", "PASSWORD old\nNEWPASSWORD new\nNEWPASSWORD other\n");
	assert_control(CONTROL_PASSWORD, CONTROL_TO, "new");
	parse("Password", "PASSWORD old\n");
	assert_control(CONTROL_UNKNOWN, CONTROL_NOTHING, "");
}

static void test_answers_to_the_collector(void **state)
{
	(void)state;
	parse("Re: Download query: hello [id 0123456789abcdef0123456789abcdef]", "yes\n");
	assert_control(CONTROL_FETCH, CONTROL_NOTHING, "0123456789abcdef0123456789abcdef");
	parse("Re: [id 0123456789abcdef0123456789abcdef", "");
	assert_int_equal(control.kind, CONTROL_UNKNOWN);
	parse("Re: [id 0123456789abcdef0123456789abcdeX]", "");
	assert_int_equal(control.kind, CONTROL_UNKNOWN);
	parse("Re: [id 0123456789abcdef]", "");
	assert_int_equal(control.kind, CONTROL_UNKNOWN);
}

static void test_limits(void **state)
{
	static char body[3 * CONTROL_VALUE_MAX] = "FORWARD TO ";

	(void)state;
	memset(body + strlen(body), 'a', 2 * CONTROL_VALUE_MAX);
	parse("Set Forwarding", body);
	assert_control(CONTROL_UNKNOWN, CONTROL_NOTHING, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_forwarding),
	    cmocka_unit_test(test_assistant_and_password),
	    cmocka_unit_test(test_answers_to_the_collector),
	    cmocka_unit_test(test_limits),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* pop3/command: RFC 1939 section 3, RFC 2449 section 3, and the sample session of the specification. */
#include "common/pop3/command.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void check(const char *line, enum pop3_verb verb, const char *argument)
{
	struct pop3_command command = pop3_command_parse(str_of(line));

	assert_int_equal(command.verb, verb);
	assert_true(str_equal(command.argument, str_of(argument)));
}

static void test_keywords(void **state)
{
	(void)state;
	check("USER fred", POP3_USER, "fred");
	check("PASS letmein", POP3_PASS, "letmein");
	check("STAT", POP3_STAT, "");
	check("LIST", POP3_LIST, "");
	check("UIDL 3", POP3_UIDL, "3");
	check("RETR 1", POP3_RETR, "1");
	check("DELE 1", POP3_DELE, "1");
	check("TOP 1 0", POP3_TOP, "1 0");
	check("NOOP", POP3_NOOP, "");
	check("RSET", POP3_RSET, "");
	check("CAPA", POP3_CAPA, "");
	check("STLS", POP3_STLS, "");
	check("AUTH PLAIN dGVzdAB0ZXN0AHRlc3Q=", POP3_AUTH, "PLAIN dGVzdAB0ZXN0AHRlc3Q=");
	check("QUIT", POP3_QUIT, "");
}

static void test_keywords_ignore_case(void **state)
{
	(void)state; /* RFC 1939 section 3: commands consist of a case-insensitive keyword */
	check("rEtR 7", POP3_RETR, "7");
	check("quit", POP3_QUIT, "");
}

static void test_password_is_everything_behind_one_space(void **state)
{
	(void)state; /* RFC 1939 section 7, PASS: spaces may be part of the password */
	check("PASS  two words ", POP3_PASS, " two words ");
	check("PASS ", POP3_PASS, "");
	check("PASS", POP3_PASS, "");
	check("PASS p\xc3\xa4ss", POP3_PASS, "p\xc3\xa4ss");
}

static void test_unknown(void **state)
{
	static const char *const lines[] = {"", " ", "STATE", "STA", "XYZZY", " STAT", "STAT\t", "XTND a b", "LAST"};

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		assert_int_equal(pop3_command_parse(str_of(lines[i])).verb, POP3_UNKNOWN);
	assert_int_equal(pop3_command_parse(STR("USER fr\0ed")).verb, POP3_UNKNOWN);
	assert_int_equal(pop3_command_parse(STR("STAT\0")).verb, POP3_UNKNOWN);
}

static bool numbers(const char *argument, uint32_t *out, int count)
{
	struct pop3_command command = {POP3_TOP, str_of(argument)};

	return pop3_command_numbers(&command, out, count);
}

static void test_numbers(void **state)
{
	uint32_t n[2] = {0, 0};

	(void)state;
	assert_true(numbers("1", n, 1));
	assert_int_equal(n[0], 1);
	assert_true(numbers(" 007 ", n, 1));
	assert_int_equal(n[0], 7);
	assert_true(numbers("12  34", n, 2));
	assert_int_equal(n[0], 12);
	assert_int_equal(n[1], 34);
	assert_true(numbers("99999999999999999999999999", n, 1));
	assert_true(n[0] == UINT32_MAX);
}

static void test_not_numbers(void **state)
{
	static const char *const one[] = {"", " ", "x", "-1", "+1", "1x", "1 2", "1.0", "0x1"};
	static const char *const two[] = {"", "1", "1 x", "1 -1", "1 2 3"};
	uint32_t n[2];

	(void)state;
	for (size_t i = 0; i < sizeof one / sizeof one[0]; i++)
		assert_false(numbers(one[i], n, 1));
	for (size_t i = 0; i < sizeof two / sizeof two[0]; i++)
		assert_false(numbers(two[i], n, 2));
}

static void test_bare(void **state)
{
	struct pop3_command command = pop3_command_parse(STR("STAT  "));

	(void)state; /* trailing blanks, which some clients send, are no argument */
	assert_true(pop3_command_is_bare(&command));
	command = pop3_command_parse(STR("STAT 1"));
	assert_false(pop3_command_is_bare(&command));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_keywords),
	    cmocka_unit_test(test_keywords_ignore_case),
	    cmocka_unit_test(test_password_is_everything_behind_one_space),
	    cmocka_unit_test(test_unknown),
	    cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_not_numbers),
	    cmocka_unit_test(test_bare),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Unit tests of the lines of ids.log.
 */
#include "policyd/idslog.h"

#include "policyd/policyd.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* main.c's, which the objects beside this want. */
int64_t policyd_time(void)
{
	return 0;
}

static void check_line(const char *format, const char *expected)
{
	const struct policy_record record = {
	    .time = 1735787045678, .peer = STR("203.0.113.5"), .service = STR("smtp"), .number = 3, .data = STR("a%Tb")};
	struct buf line;

	buf_init(&line, IDSLOG_LINE_MAX);
	idslog_format(&line, str_of(format), &record);
	assert_string_equal(buf_text(&line), expected);
	buf_free(&line);
}

/* 05-12.8 */
static void test_format(void **state)
{
	(void)state;
	check_line("%T - %I - %e %E - %D", "2025-01-02T03:04:05Z - 203.0.113.5 - 3 Bad local recipient - a%Tb");
	check_line("X %I", "X 203.0.113.5");
	check_line("100%% %x %", "100% %x %");
	check_line("", "");
	check_line("a\nb\x7f%\n", "a b % ");
}

static void test_long_line(void **state)
{
	struct policy_record record = {.peer = STR("192.0.2.1")};
	static char data[POLICY_DATA_MAX], format[9000];
	struct buf line;

	(void)state;
	memset(data, 'x', sizeof data);
	record.data = str_from(data, sizeof data);
	for (size_t i = 0; i < sizeof format; i++)
		format[i] = i % 2 == 0 ? '%' : 'D';
	buf_init(&line, IDSLOG_LINE_MAX);
	idslog_format(&line, str_from(format, sizeof format), &record);
	assert_true(line.len <= IDSLOG_LINE_MAX && line.len > IDSLOG_LINE_MAX - POLICY_DATA_MAX);
	buf_free(&line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_format),
	    cmocka_unit_test(test_long_line),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Unit tests of control: how often the same is said. */
#include "common/notice/control.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const int64_t minute = 60 * 1000;
static struct controls controls;
static struct err err;

static int end(void **state)
{
	(void)state;
	controls_free(&controls);
	return 0;
}

/* The minutes after 12:00 at which an event every seven minutes is said, `count` of them. */
static void expect_said(const char *steps, const int *minutes, size_t count)
{
	struct control_state known = {0};
	char text[100];
	size_t said = 0;

	snprintf(text, sizeof text, "sender all all 10080 %s", steps);
	assert_int_equal(controls_parse(str_of(text), &controls, &err), 0);
	for (int at = 0; said < count && at <= minutes[count - 1]; at += 7) {
		if (!control_allows(&controls.list[0], &known, 1800000000000 + at * minute))
			continue;
		assert_int_equal(at, minutes[said]);
		said++;
	}
	assert_int_equal(said, count);
}

/* 06-1.4, the examples of the specification: 12:00, 12:14, 13:17, next day 13:19. */
static void example_a(void **state)
{
	static const int minutes[] = {0, 14, 77, 24 * 60 + 79};

	(void)state;
	expect_said("1:0,2:10,3:60,4:1440", minutes, 4);
}

/* 12:07, 12:14, 12:42, 13:10 */
static void example_b(void **state)
{
	static const int minutes[] = {7, 14, 42, 70};

	(void)state;
	expect_said("1:5,3:22", minutes, 4);
}

static void what_is_forgotten_is_new(void **state)
{
	struct control_state known = {0};
	int64_t now = 1800000000000;

	(void)state;
	assert_int_equal(controls_parse(STR("all all all 60 1:0,2:1440"), &controls, &err), 0);
	assert_true(control_allows(&controls.list[0], &known, now));
	assert_false(control_allows(&controls.list[0], &known, now + 60 * minute));
	assert_false(control_allows(&controls.list[0], &known, now + 120 * minute));
	assert_true(control_allows(&controls.list[0], &known, now + 181 * minute));
}

static void the_first_that_fits_decides(void **state)
{
	struct notice notice = {.target = "x",
	                        .component = NOTICE_MISC,
	                        .severity = NOTICE_ERROR,
	                        .item = STR("Database Backup"),
	                        .subject = STR("cannot; write/x")};

	(void)state;
	assert_int_equal(
	    controls_parse(STR("misc all all 1 1:0 Fax,database-backup /; WRITE\\/X/i; misc protocol all 2 1:0;"
	                       "misc other error 3 1:0; all all all 4 1:0"),
	                   &controls, &err),
	    0);
	assert_int_equal(controls.count, 4);
	assert_int_equal(controls_find(&controls, &notice)->forget_ms, minute);
	notice.item = STR("");
	assert_int_equal(controls_find(&controls, &notice)->forget_ms, 3 * minute);
	notice.kind = NOTICE_PROTOCOL;
	assert_int_equal(controls_find(&controls, &notice)->forget_ms, 2 * minute);
	notice.component = NOTICE_SENDER;
	assert_int_equal(controls_find(&controls, &notice)->forget_ms, 4 * minute);
	controls.count--;
	assert_null(controls_find(&controls, &notice));
	controls.count++;
}

static void what_is_wrong_is_named(void **state)
{
	static const char *const wrong[][2] = {
	    {"senders all all 1 1:0", "control 1: it begins with"},
	    {"all all all 1 1:0; all some all 1 1:0", "control 2: its second word"},
	    {"all all bad 1 1:0", "its third word"},
	    {"all all all x 1:0", "its fourth word"},
	    {"all all all 525601 1:0", "its fourth word"},
	    {"all all all 1", "it has no steps"},
	    {"all all all 1 0:0", "a step is"},
	    {"all all all 1 1", "a step is"},
	    {"all all all 1 2:0,2:1", "do not grow"},
	    {"all all all 1 1:0,2:0,3:0,4:0,5:0,6:0", "more than 5 steps"},
	    {"all all all 1 1:0 /(/", "control 1: "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		assert_int_equal(controls_parse(str_of(wrong[i][0]), &controls, &err), -1);
		if (strstr(err.text, wrong[i][1]) == NULL)
			fail_msg("%s: %s", wrong[i][0], err.text);
		assert_int_equal(controls.count, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(example_a, end),
	    cmocka_unit_test_teardown(example_b, end),
	    cmocka_unit_test_teardown(what_is_forgotten_is_new, end),
	    cmocka_unit_test_teardown(the_first_that_fits_decides, end),
	    cmocka_unit_test_teardown(what_is_wrong_is_named, end),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}

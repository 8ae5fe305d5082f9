/* When connections are started: the lines of 04-14 and of AutoConnect, minute by minute. */
#include "scheduler/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { DAY = SCHEDULE_DAY, MONDAY = 1, ALL_DAYS = 0x7f };

static struct schedule_item every(int minutes, int from, int to)
{
	return (struct schedule_item){.enabled = true,
	                              .defaults = true,
	                              .connections = STR("@default"),
	                              .every = minutes,
	                              .from = from,
	                              .to = to,
	                              .weekdays = ALL_DAYS};
}

static struct plan_connection connection(int64_t id, const char *name, bool is_default)
{
	return (struct plan_connection){
	    .id = id, .name = str_of(name), .is_default = is_default, .started = PLAN_NEVER, .auto_started = PLAN_NEVER};
}

/* Run the minutes of a Monday one after another; out gets the times when the first connection was started. */
static const char *run(struct plan *plan, int from, int to)
{
	static char out[4000];

	*out = '\0';
	for (int minute = from; minute <= to; minute++) {
		int64_t now = 20000LL * DAY + minute;

		for (size_t i = 0; i < plan->connection_count; i++)
			plan->connections[i].is_due = false;
		plan_schedule(plan, now - 1, now, MONDAY, minute);
		for (size_t i = 0; i < plan->connection_count; i++)
			if (plan->connections[i].is_due)
				plan->connections[i].started = now;
		if (plan->connections[0].is_due)
			snprintf(out + strlen(out), sizeof out - strlen(out), "%s%d:%02d", *out != '\0' ? " " : "", minute / 60,
			         minute % 60);
	}
	return out;
}

#define PLAN(items_, connections_)                                                                         \
	{                                                                                                      \
		.items = (items_), .item_count = sizeof(items_) / sizeof *(items_), .connections = (connections_), \
		.connection_count = sizeof(connections_) / sizeof *(connections_)                                  \
	}

/* [04-14.1] */
static void test_every_ten_minutes(void **state)
{
	struct schedule_item items[] = {every(10, 9 * 60, 10 * 60)};
	struct plan_connection connections[] = {connection(1, "a", true)};
	struct plan plan = PLAN(items, connections);

	(void)state;
	assert_string_equal(run(&plan, 0, DAY - 1), "9:00 9:10 9:20 9:30 9:40 9:50 10:00");
	items[0].weekdays = ALL_DAYS & ~(1U << MONDAY);
	assert_string_equal(run(&plan, 0, DAY - 1), "");
	items[0].weekdays = ALL_DAYS;
	items[0].enabled = false;
	assert_string_equal(run(&plan, 0, DAY - 1), "");
}

/* [04-14.3] */
static void test_deny(void **state)
{
	struct schedule_item items[] = {every(5, 0, DAY - 1), every(60, 0, DAY - 1)};
	struct plan_connection connections[] = {connection(1, "a", true)};
	struct plan plan = PLAN(items, connections);

	(void)state;
	items[1].denies = true;
	items[1].defaults = false;
	assert_string_equal(run(&plan, 9 * 60 + 50, 10 * 60 + 10), "9:50 9:55 10:05 10:10");
	items[1].enabled = false;
	assert_string_equal(run(&plan, 9 * 60 + 55, 10 * 60 + 5), "9:55 10:00 10:05");
}

/* [04-14.4] */
static void test_waiting(void **state)
{
	struct schedule_item items[] = {every(10, 0, DAY - 1)};
	struct plan_connection connections[] = {connection(1, "a", true)};
	struct plan plan = PLAN(items, connections);

	(void)state;
	assert_false(plan_needs_queue(&plan));
	items[0].waiting = 1;
	assert_true(plan_needs_queue(&plan));
	assert_string_equal(run(&plan, 0, 20), "");
	plan.waiting = 1;
	assert_string_equal(run(&plan, 0, 20), "0:00 0:10 0:20");
}

/* [04-14.8]: items every 5 and 6 minutes with X = 2 */
static void test_recent(void **state)
{
	struct schedule_item items[] = {every(5, 0, DAY - 1), every(6, 0, DAY - 1)};
	struct plan_connection connections[] = {connection(1, "a", true)};
	struct plan plan = PLAN(items, connections);

	(void)state;
	plan.skip_minutes = 2;
	assert_string_equal(run(&plan, 9 * 60 + 1, 9 * 60 + 18), "9:05 9:10 9:15 9:18");
	plan.skip_minutes = 0;
	assert_string_equal(run(&plan, 9 * 60 + 1, 9 * 60 + 18), "9:05 9:06 9:10 9:12 9:15 9:18");
}

/* [04-14.9], and a clock that is put back */
static void test_jump(void **state)
{
	struct schedule_item items[] = {every(60, 3 * 60, 3 * 60)};
	struct plan_connection connections[] = {connection(1, "a", true)};
	struct plan plan = PLAN(items, connections);
	const int64_t midnight = 20000LL * DAY;

	(void)state;
	plan_schedule(&plan, midnight + 119, midnight + 180, MONDAY, 180);
	assert_false(connections[0].is_due);
	plan.after_jump = true;
	plan_schedule(&plan, midnight + 119, midnight + 180, MONDAY, 180);
	assert_true(connections[0].is_due);

	connections[0].is_due = false;
	plan.after_jump = false;
	plan_schedule(&plan, midnight + 240, midnight + 180, MONDAY, 180);
	assert_false(connections[0].is_due);
	plan_schedule(&plan, midnight + 179, midnight + 180, MONDAY, 180);
	assert_true(connections[0].is_due);
	connections[0].is_due = false;
	plan_schedule(&plan, PLAN_NEVER, midnight + 180, MONDAY, 180); /* the first minute is no jump */
	assert_true(connections[0].is_due);
}

/* Those that are named, and the default ones. */
static void test_names(void **state)
{
	struct schedule_item items[] = {every(10, 0, 0), every(10, 10, 10), every(10, 20, 20)};
	struct plan_connection connections[] = {connection(1, "a", false), connection(2, "b", true),
	                                        connection(3, "c", true)};
	struct plan plan = PLAN(items, connections);

	(void)state;
	items[0].defaults = false;
	items[0].connections = STR("A,c");
	items[1].connections = STR("@default,a");
	assert_string_equal(run(&plan, 0, 30), "0:00 0:10");
	assert_int_equal(connections[1].started % DAY, 20);
	assert_int_equal(connections[2].started % DAY, 20);
	run(&plan, 0, 0);
	assert_true(connections[0].is_due && !connections[1].is_due && connections[2].is_due);
}

/* AutoConnect: by number once and when more come, by age again and again, by an urgent message once */
static void test_auto(void **state)
{
	struct plan_connection connections[] = {connection(1, "a", false)};
	struct plan plan = {.connections = connections, .connection_count = 1};
	struct plan_connection *a = &connections[0];

	(void)state;
#define STARTS(now) (a->is_due = false, plan_auto(&plan, now), a->is_due)
	plan.waiting = 5;
	plan.oldest_seconds = 100000;
	plan.has_urgent = true;
	assert_false(STARTS(1));
	plan.has_urgent = false;
	a->auto_messages = 5;
	assert_true(plan_needs_queue(&plan));
	assert_true(STARTS(2));
	assert_false(STARTS(3));
	plan.waiting = 6;
	assert_true(STARTS(4));
	plan.waiting = 4;
	assert_false(STARTS(5));
	plan.waiting = 5;
	assert_true(STARTS(6));

	a->auto_messages = 0;
	a->auto_minutes = 10;
	plan.oldest_seconds = 599;
	assert_false(STARTS(10));
	plan.oldest_seconds = 600;
	assert_true(STARTS(11));
	assert_false(STARTS(20));
	assert_true(STARTS(21));
	plan.waiting = 0;
	assert_false(STARTS(40));

	a->auto_minutes = 0;
	a->auto_urgent = true;
	plan.has_urgent = true;
	assert_true(STARTS(41));
	assert_false(STARTS(42));
	plan.has_urgent = false;
	assert_false(STARTS(43));
	plan.has_urgent = true;
	assert_true(STARTS(44));
}

static void test_people(void **state)
{
	int64_t reached = PLAN_NEVER;

	(void)state;
	assert_false(plan_people(100, 0, 5, 1, &reached));
	assert_false(plan_people(9, 10, 5, 1, &reached));
	assert_false(plan_people(10, 10, 5, 2, &reached));
	assert_false(plan_people(12, 10, 5, 6, &reached));
	assert_true(plan_people(12, 10, 5, 7, &reached));
	assert_false(plan_people(0, 10, 5, 8, &reached));
	assert_true(plan_people(10, 10, 0, 9, &reached));
}

/* Minutes are those of local time: summer time is a jump, in March from 1:59 to 3:00. */
static void test_minutes(void **state)
{
	const time_t before = 1774745999; /* 2026-03-29 01:59:59 in Berlin */
	int weekday, minute;
	int64_t first, second;

	(void)state;
	setenv("TZ", "Europe/Berlin", 1);
	tzset();
	first = plan_minute(before, &weekday, &minute);
	assert_int_equal(weekday, 0);
	assert_int_equal(minute, 119);
	second = plan_minute(before + 1, &weekday, &minute);
	assert_int_equal(minute, 180);
	assert_int_equal(second - first, 61);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_ten_minutes),
	    cmocka_unit_test(test_deny),
	    cmocka_unit_test(test_waiting),
	    cmocka_unit_test(test_recent),
	    cmocka_unit_test(test_jump),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_auto),
	    cmocka_unit_test(test_people),
	    cmocka_unit_test(test_minutes),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}

/* The schedule's items: what is refused, in which minutes they run (specification 04, Connector schedule). */
#include "common/items/kinds.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena arena;

/* An item of texts in pairs: name, value, ..., NULL. */
static struct item make(const char *const *texts)
{
	struct item item = {0};

	for (; *texts != NULL; texts += 2) {
		int field = item_field_find(ITEM_SCHEDULE, str_of(texts[0]));

		assert_true(field >= 0);
		item.values[field] = str_of(texts[1]);
	}
	return item;
}

#define MAKE(...) make((const char *const[]){__VA_ARGS__, NULL})

static void refuse(struct item item, const char *reason)
{
	struct err err = {0};

	assert_int_equal(item_definitions[ITEM_SCHEDULE].check(&item, &arena, &err), -1);
	if (strstr(err.text, reason) == NULL)
		fail_msg("\"%s\" does not hold \"%s\"", err.text, reason);
}

static struct schedule_item read_item(struct item item)
{
	struct schedule_item schedule;
	struct err err = {0};

	if (item_definitions[ITEM_SCHEDULE].check(&item, &arena, &err) != 0 ||
	    schedule_item_read(&item, &schedule, &err) != 0)
		fail_msg("%s", err.text);
	return schedule;
}

static void describes(struct item item, const char *expected)
{
	struct str words = item_definitions[ITEM_SCHEDULE].describe(&item, &arena);

	assert_string_equal(arena_text(&arena, words), expected);
}

/* [04-14.2] and others */
static void test_refused(void **state)
{
	(void)state;
	refuse(MAKE("from", "21:00", "to", "09:00"), "does not go over midnight: make two");
	refuse(MAKE("every", "0"), "from 1 to 1440");
	refuse(MAKE("every", "1441"), "every: must be a number from 0 to 1440");
	refuse(MAKE("once", "8:00", "from", "7:00"), "once:");
	refuse(MAKE("once", "8"), "once: must be a time");
	refuse(MAKE("from", "24:00"), "from: must be a time");
	refuse(MAKE("to", "23:60"), "to: must be a time");
	refuse(MAKE("to", "3:1"), "to: must be a time");
	refuse(MAKE("days", "mon,tues"), "days: \"tues\"");
	refuse(MAKE("connections", "@deny,office"), "starts none");
	refuse(MAKE("enabled", "perhaps"), "enabled:");
	refuse(MAKE("waiting", "-1"), "waiting:");
}

static void test_defaults(void **state)
{
	struct schedule_item item = read_item(MAKE("name", "x"));

	(void)state;
	assert_true(item.enabled && item.defaults && !item.denies);
	assert_int_equal(item.every, 10);
	assert_int_equal(item.from, 0);
	assert_int_equal(item.to, 23 * 60 + 59);
	assert_int_equal(item.waiting, 0);
	assert_int_equal(item.weekdays, 0x7f);
}

/* [04-14.1]: at the start and every ten minutes from there, the end included; not on a day that is not chosen */
static void test_minutes(void **state)
{
	struct schedule_item item =
	    read_item(MAKE("every", "10", "from", "9:00", "to", "10:00", "days", "mon,tue,wed,thu,fri"));
	int runs = 0;

	(void)state;
	for (int minute = 0; minute < SCHEDULE_DAY; minute++)
		if (schedule_item_is_minute(&item, 1, minute)) {
			assert_int_equal(minute, 9 * 60 + 10 * runs);
			runs++;
		}
	assert_int_equal(runs, 7);
	for (int minute = 0; minute < SCHEDULE_DAY; minute++)
		assert_false(schedule_item_is_minute(&item, 0, minute) || schedule_item_is_minute(&item, 6, minute));
	item = read_item(MAKE("once", "08:00"));
	for (int minute = 0; minute < SCHEDULE_DAY; minute++)
		assert_int_equal(schedule_item_is_minute(&item, 3, minute), minute == 8 * 60);
	item = read_item(MAKE("every", "7", "from", "0:05", "to", "0:20"));
	assert_true(schedule_item_is_minute(&item, 0, 5) && schedule_item_is_minute(&item, 0, 12) &&
	            schedule_item_is_minute(&item, 0, 19));
	assert_false(schedule_item_is_minute(&item, 0, 20) || schedule_item_is_minute(&item, 0, 26));
}

/* The specification's two examples. */
static void test_description(void **state)
{
	(void)state;
	describes(MAKE("every", "10", "from", "0:00", "to", "23:00"),
	          "Every 10 minutes between 0:00 and 23:00 on Su,M,Tu,W,Th,F,Sa");
	describes(MAKE("once", "8:00", "days", "mon,tue,wed,thu,fri", "waiting", "1"),
	          "Once at 8:00 on M,Tu,W,Th,F if at least 1 message is waiting to be sent");
	describes(MAKE("every", "1", "waiting", "20", "days", "sat"),
	          "Every 1 minute between 0:00 and 23:59 on Sa if at least 20 messages are waiting to be sent");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_defaults),
	    cmocka_unit_test(test_minutes),
	    cmocka_unit_test(test_description),
	};
	int failed;

	arena_init(&arena);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests_name("schedule items", tests, NULL, NULL);
	arena_free(&arena);
	return failed;
}

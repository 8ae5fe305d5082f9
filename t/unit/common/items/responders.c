/* Autoresponders and prune rules from their texts; specification 02 "Autoresponder", "Prune rules". */
#include "common/items/kinds.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena arena;

static time_t at(int year, int month, int day, int hour, int minute)
{
	struct tm when = {
	    .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour, .tm_min = minute, .tm_isdst = -1};

	return mktime(&when);
}

/* A rule with one text after another: names and values. */
static int make_rule(const char *const *texts, struct item *item, struct err *err)
{
	*item = (struct item){0};
	item->values[item_field_find(ITEM_RESPONDER_RULE, STR("responder"))] = STR("away");
	for (size_t i = 0; texts[i] != NULL; i += 2)
		item->values[item_field_find(ITEM_RESPONDER_RULE, str_of(texts[i]))] = str_of(texts[i + 1]);
	return item_responder_rule_check(item, &arena, err);
}

static bool is_time(const char *const *texts, time_t now)
{
	struct responder_rule rule;
	struct item item;
	struct err err;

	if (make_rule(texts, &item, &err) != 0 || responder_rule_read(&item, &rule, &err) != 0)
		fail_msg("%s", err.text);
	return responder_rule_is_time(&rule, now);
}

/* 02-8.1 */
static void days_and_spans(void **state)
{
	static const char *const daily[] = {"date-from", "2016-08-01", "date-to", "2016-08-14", "time-from",
	                                    "08:15",     "time-to",    "14:45",   NULL};
	static const char *const span[] = {"datetime-from", "2016-08-01 08:15", "datetime-to", "2016-08-14 14:45", NULL};
	static const char *const weekend[] = {"days", "sat,sun", NULL};
	static const char *const night[] = {"time-from", "22:00", "time-to", "06:00", NULL};

	(void)state;
	assert_false(is_time(daily, at(2016, 8, 5, 5, 0)));
	assert_true(is_time(daily, at(2016, 8, 5, 8, 15)));
	assert_true(is_time(daily, at(2016, 8, 14, 14, 45)));
	assert_false(is_time(daily, at(2016, 8, 15, 10, 0)));
	assert_true(is_time(span, at(2016, 8, 5, 5, 0)));
	assert_false(is_time(span, at(2016, 8, 1, 8, 14)));
	assert_false(is_time(span, at(2016, 8, 14, 14, 46)));
	assert_true(is_time(weekend, at(2026, 11, 21, 12, 0)));
	assert_false(is_time(weekend, at(2026, 11, 20, 12, 0)));
	assert_true(is_time(night, at(2026, 11, 20, 23, 0)));
	assert_false(is_time(night, at(2026, 11, 20, 12, 0)));
}

static void refused_rules(void **state)
{
	static const char *const cases[][5] = {
	    {"date-from", "2016-08-02", "date-to", "2016-08-01", NULL},
	    {"datetime-from", "2016-08-02 10:00", "datetime-to", "2016-08-02 09:59", NULL},
	    {"date-from", "2016-02-30", NULL},
	    {"time-from", "24:00", NULL},
	    {"days", "someday", NULL},
	    {"sender", "/(/", NULL},
	    {"value", "no sign", NULL},
	    {"enabled", "perhaps", NULL},
	    {"responder", "", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct item item;
		struct err err;

		assert_int_equal(make_rule(cases[i], &item, &err), -1);
	}
}

static void prune_rules(void **state)
{
	struct item item = {0};
	struct prune_rule rule;
	struct err err;

	(void)state;
	assert_int_equal(item_prune_rule_check(&item, &arena, &err), 0);
	assert_int_equal(prune_rule_read(&item, &rule, &err), 0);
	assert_true(rule.deleted_only && rule.spam_only); /* harmless until somebody says more */
	assert_int_equal(rule.days, 365);
	assert_true(str_equal(rule.folder, STR("INBOX")));
	item.values[item_field_find(ITEM_PRUNE_RULE, STR("age"))] = STR("-1");
	assert_int_equal(item_prune_rule_check(&item, &arena, &err), -1);
}

static int end(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(days_and_spans),
	    cmocka_unit_test(refused_rules),
	    cmocka_unit_test(prune_rules),
	};

	arena_init(&arena);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, end);
}

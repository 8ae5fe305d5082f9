/* Sending quotas: limits with their tolerance, periods, what a message adds, which measure it exceeds. */
#include "common/policy/send_quota.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static struct attributes attributes;

/* The defaults, with one limit. */
static void begin(enum attribute attribute, int64_t value)
{
	for (int i = 0; i < ATTRIBUTE_COUNT; i++) {
		attributes.texts[i] = attribute_definitions[i].fallback;
		attributes.numbers[i] = setting_to_number(&attribute_definitions[i], attribute_definitions[i].fallback);
	}
	attributes.numbers[attribute] = value;
}

static void test_limits(void **state)
{
	static const struct {
		int64_t limit, extra, expected;
	} rows[] = {{10, 20, 12}, {10, 0, 10}, {1, 50, 1},
	            {3, 50, 4},   {0, 100, 0}, {1000000000000000, 1000, 11000000000000000}};
	struct send_quota quota;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		begin(ATTRIBUTE_SEND_QUOTA_MESSAGES, rows[i].limit);
		send_quota_read(&attributes, rows[i].extra, 0, &quota);
		assert_int_equal(quota.limit.of[SEND_MESSAGES], rows[i].expected);
		assert_int_equal(quota.is_limited, rows[i].limit != 0);
	}
}

static int64_t since(const char *period, int64_t hours, const char *now)
{
	struct tm local = {.tm_isdst = -1};
	struct send_quota quota;

	begin(ATTRIBUTE_SEND_QUOTA_HOURS, hours);
	attributes.texts[ATTRIBUTE_SEND_QUOTA_PERIOD] = period;
	assert_non_null(strptime(now, "%Y-%m-%d %H:%M:%S", &local));
	send_quota_read(&attributes, 0, (int64_t)mktime(&local) * 1000, &quota);
	return quota.since / 1000;
}

static int64_t at(const char *text)
{
	struct tm local = {.tm_isdst = -1};

	assert_non_null(strptime(text, "%Y-%m-%d %H:%M:%S", &local));
	return mktime(&local);
}

static void test_periods(void **state)
{
	(void)state;
	setenv("TZ", "Europe/Berlin", 1);
	tzset();
	assert_int_equal(since("hours", 24, "2026-11-21 12:30:00"), at("2026-11-20 12:30:00"));
	assert_int_equal(since("day", 24, "2026-11-21 12:30:00"), at("2026-11-21 00:00:00"));
	assert_int_equal(since("week", 24, "2026-11-21 12:30:00"), at("2026-11-16 00:00:00")); /* a Saturday */
	assert_int_equal(since("week", 24, "2026-11-22 23:59:59"), at("2026-11-16 00:00:00")); /* Sunday */
	assert_int_equal(since("week", 24, "2026-11-23 00:00:00"), at("2026-11-23 00:00:00")); /* Monday */
	assert_int_equal(since("week", 24, "2026-03-01 10:00:00"), at("2026-02-23 00:00:00"));
	assert_int_equal(since("month", 24, "2026-11-21 12:30:00"), at("2026-11-01 00:00:00"));
	/* the day on which summer time begins */
	assert_int_equal(since("day", 24, "2026-03-29 12:00:00"), at("2026-03-29 00:00:00"));
	assert_int_equal(since("month", 24, "2026-03-31 12:00:00"), at("2026-03-01 00:00:00"));
}

/* A message of 1000 octets to three, one of them elsewhere. */
static void test_amounts(void **state)
{
	const struct send_amounts amounts = send_amounts_of(1000, 3, 1);
	static const int64_t expected[SEND_MEASURES] = {1, 3, 1000, 3000, 1, 1, 1000, 1000};

	(void)state;
	assert_memory_equal(amounts.of, expected, sizeof expected);
	assert_int_equal(send_amounts_of(1000, 3, 0).of[SEND_REMOTE_MESSAGES], 0);
	assert_int_equal(send_amounts_of(1000, 3, 0).of[SEND_REMOTE_OCTETS], 0);
}

static void test_exceeded(void **state)
{
	const struct send_amounts message = send_amounts_of(1000, 3, 0);
	struct send_amounts used = {{0}};
	struct send_quota quota = {.is_limited = true};

	(void)state;
	assert_int_equal(send_quota_exceeded(&quota, &used, &message), SEND_NOTHING);
	for (int i = 0; i < SEND_REMOTE_MESSAGES; i++) {
		quota.limit = (struct send_amounts){{0}};
		quota.limit.of[i] = message.of[i] + 5;
		used.of[i] = 5;
		assert_int_equal(send_quota_exceeded(&quota, &used, &message), SEND_NOTHING);
		used.of[i] = 6;
		assert_int_equal(send_quota_exceeded(&quota, &used, &message), i);
	}
	/* a limit of what goes elsewhere is nothing to a message for inside, even where it is used up */
	quota.limit = (struct send_amounts){{[SEND_REMOTE_MESSAGES] = 1}};
	used.of[SEND_REMOTE_MESSAGES] = 2;
	assert_int_equal(send_quota_exceeded(&quota, &used, &message), SEND_NOTHING);
}

static void test_words(void **state)
{
	(void)state;
	assert_string_equal(send_measure_word(SEND_MESSAGES), "messages");
	assert_string_equal(send_measure_word(SEND_REMOTE_OCTETS_RECIPIENTS), "remote-octets-recipients");
	for (int i = 0; i < SEND_MEASURES; i++)
		assert_int_equal(send_measure_find(str_of(send_measure_word((enum send_measure)i))), i);
	assert_int_equal(send_measure_find(STR("letters")), SEND_NOTHING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_limits),   cmocka_unit_test(test_periods), cmocka_unit_test(test_amounts),
	    cmocka_unit_test(test_exceeded), cmocka_unit_test(test_words),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

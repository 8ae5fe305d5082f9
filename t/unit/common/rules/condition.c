/* Conditions: their text form, and when they hold; specification 05 "Conditions", 09 sections 7 and 8. */
#include "common/rules/condition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;

/* A message at the end of its data, on Saturday, 21 November 2026, at the time given. */
static struct facts message(int hour, int minute)
{
	static struct str recipients[] = {{"anna@example.com", 16}, {"boss@x", 6}, {"BERT@example.com", 16}};
	static const char header[] = "To: Anna <anna@example.com>,\r\n\t\"B\" <bert@EXAMPLE.com>\r\n"
	                             "cc: team: boss@y;\r\n"
	                             "Subject: My\r\n CAT is 10 years old\r\n"
	                             "From: Bob <bob@company.com>\r\n"
	                             "X-Score: 7\r\nX-Score: 12.5\r\nX-Empty:\r\n"
	                             "broken line\r\n";
	struct tm when = {.tm_year = 126, .tm_mon = 10, .tm_mday = 21, .tm_hour = hour, .tm_min = minute, .tm_isdst = -1};

	arena_reset(&arena);
	return (struct facts){
	    .stage = RULES_DATA,
	    .mail_from = STR("bob@company.com"),
	    .client = STR("192.0.2.7"),
	    .user = STR(""),
	    .recipients = recipients,
	    .recipient_count = 3,
	    .size = 1000,
	    .header = STR(header),
	    .now = mktime(&when),
	    .arena = &arena,
	};
}

static bool holds_for(const char *text, struct facts *facts)
{
	struct condition condition;
	struct err err;
	bool holds;

	if (condition_parse(str_of(text), CONDITION_SMTP, &arena, &condition, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	holds = condition_holds(&condition, facts);
	condition_free(&condition);
	return holds;
}

static bool holds(const char *text)
{
	struct facts facts = message(12, 0);

	return holds_for(text, &facts);
}

static void operators(void **state)
{
	(void)state;
	assert_true(holds("MailFrom equals BOB@company.com"));
	assert_true(holds("mailfrom = bob@company.com"));
	assert_true(holds("MailFrom is bob@company.com"));
	assert_false(holds("MailFrom not-equals bob@company.com"));
	assert_true(holds("MailFrom contains COMPANY"));
	assert_true(holds("MailFrom begins-with Bob@"));
	assert_false(holds("MailFrom begins-with company"));
	assert_true(holds("MailFrom ends-with @company.com"));
	assert_false(holds("MailFrom ends-with bob"));
	assert_true(holds("not MailFrom ends-with @office.example"));
	assert_true(holds("IPAddress matches 192.0.2.*"));
	assert_false(holds("IPAddress matches 192.0.2"));
	assert_true(holds("MailFrom < carl"));
	assert_true(holds("MailFrom greater alice"));
	assert_true(holds("AuthUser equals"));
	assert_false(holds("not AuthUser equals"));
}

static void numbers_are_compared_as_numbers(void **state)
{
	(void)state;
	assert_true(holds("Size greater 999"));
	assert_true(holds("Size at-least 1000"));
	assert_true(holds("Size <= 1000.0"));
	assert_false(holds("Size less 1000"));
	assert_true(holds("Size = 01000"));
	assert_true(holds("X-Score > 12"));
	assert_true(holds("X-Score < 8"));
	assert_false(holds("X-Score > 13"));
	assert_true(holds("Size contains 00")); /* converted to text for text operators */
	assert_true(holds("RcptCount equals 3"));
	assert_true(holds("IPAddress greater 192.0.10.0")); /* no number: by the alphabet */
}

/* 05-6.8, 05-6.10 */
static void header_fields(void **state)
{
	(void)state;
	assert_false(holds("From equals bob@company.com")); /* the whole value, specification 05 */
	assert_true(holds("From equals Bob <bob@company.com>"));
	assert_true(holds("To,Cc contains boss@y"));
	assert_false(holds("To contains boss@y"));
	assert_false(holds("To,Cc contains boss@x"));
	assert_true(holds("not To,Cc contains boss@x"));
	assert_true(holds("SUBJECT equals my cat is 10 years old"));
	assert_true(holds("Subject regex /my cat/i"));
	assert_false(holds("Subject regex /my cat/"));
	assert_true(holds("Subject regex ^My\\s"));
	assert_true(holds("X-Empty equals"));
	assert_true(holds("X-Empty matches *"));
	assert_false(holds("X-None matches *"));
	assert_false(holds("X-None equals"));
	assert_true(holds("not X-None matches *"));
	assert_true(holds("X-None not-equals 1"));
	assert_false(holds("X-Score not-equals 7"));
	assert_true(holds("X-None,MailFrom contains bob"));
}

/* 05-6.8 */
static void recipients(void **state)
{
	struct facts facts = message(12, 0);

	(void)state;
	assert_true(holds("RcptTo equals boss@x"));
	assert_true(holds("RcptTo equals bert@example.com"));
	assert_false(holds("not RcptTo equals boss@x"));
	assert_true(holds("Bcc equals boss@x"));
	assert_false(holds("Bcc contains anna"));
	assert_false(holds("Bcc contains bert"));
	assert_true(holds("BccCount = 1"));
	assert_false(holds("ThisRcptTo matches *"));
	facts.stage = RULES_RCPT;
	facts.recipient_count = 2;
	assert_true(holds_for("ThisRcptTo equals boss@x", &facts));
	assert_false(holds_for("ThisRcptTo equals anna@example.com", &facts));
	assert_true(holds_for("RcptTo equals anna@example.com", &facts));
	assert_true(holds_for("BccCount = 0", &facts));
}

static bool at(int hour, int minute, const char *text)
{
	struct facts facts = message(hour, minute);

	return holds_for(text, &facts);
}

/* 05-6.4 */
static void time_and_day(void **state)
{
	(void)state;
	assert_true(at(17, 59, "TimeNow 9-17"));
	assert_false(at(18, 0, "TimeNow 9-17"));
	assert_true(at(9, 0, "TimeNow 9-17"));
	assert_false(at(8, 59, "TimeNow 9-17"));
	assert_true(at(17, 30, "TimeNow 09:15 - 17:30"));
	assert_false(at(17, 31, "TimeNow 09:15-17:30"));
	assert_true(at(0, 0, "TimeNow -8"));
	assert_true(at(23, 59, "TimeNow 20-"));
	assert_true(at(3, 0, "TimeNow -"));
	assert_true(at(23, 0, "TimeNow 22-6"));
	assert_true(at(6, 59, "TimeNow 22-6"));
	assert_false(at(7, 0, "TimeNow 22-6"));
	assert_false(at(12, 0, "not TimeNow 9-17"));
	assert_true(at(12, 0, "TimeNow greater 9-17"));
	assert_true(at(12, 0, "DayNow 7"));
	assert_true(at(12, 0, "DayNow 1357"));
	assert_false(at(12, 0, "DayNow 23456"));
	assert_true(at(12, 0, "Always 1"));
	assert_false(at(12, 0, "Always 0"));
	assert_true(at(12, 0, "not Always 0"));
}

/* 09-7.5 */
static void slashes_make_a_pattern_a_regex(void **state)
{
	(void)state;
	assert_true(holds("MailFrom matches *@company.com"));
	assert_true(holds("MailFrom matches /@COMPANY\\.com$/i"));
	assert_false(holds("MailFrom matches /@COMPANY\\.com$/"));
	assert_false(holds("MailFrom matches /@company"));
}

static void stages(void **state)
{
	static const struct {
		const char *text;
		enum rules_stage stage, first;
	} cases[] = {
	    {"MailFrom equals a", RULES_MAIL, RULES_MAIL},
	    {"TimeNow 1-2", RULES_MAIL, RULES_MAIL},
	    {"Always 1", RULES_MAIL, RULES_MAIL},
	    {"AuthUser,IPAddress equals a", RULES_MAIL, RULES_MAIL},
	    {"ThisRcptTo equals a", RULES_RCPT, RULES_RCPT},
	    {"MailFrom,RcptTo equals a", RULES_RCPT, RULES_RCPT},
	    {"RcptCount > 3", RULES_RCPT, RULES_RCPT},
	    {"Size > 3", RULES_DATA, RULES_MAIL},
	    {"Bcc equals a", RULES_DATA, RULES_DATA},
	    {"Subject equals a", RULES_DATA, RULES_DATA},
	    {"MailFrom,Subject equals a", RULES_DATA, RULES_DATA},
	};
	struct condition condition;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(condition_parse(str_of(cases[i].text), CONDITION_SMTP, &arena, &condition, NULL), 0);
		assert_int_equal(condition_stage(&condition), cases[i].stage);
		assert_int_equal(condition_first_stage(&condition), cases[i].first);
		assert_int_equal(condition_asks_time(&condition), strstr(cases[i].text, "Now") != NULL);
		assert_int_equal(condition_asks_recipient(&condition), strstr(cases[i].text, "This") != NULL);
	}
}

static void the_normal_form(void **state)
{
	static const char *const cases[][2] = {
	    {"not  mailfrom\tENDS-WITH  @office.example ", "not MailFrom ends-with @office.example"},
	    {"To,Cc contains  a  b", "To,Cc contains a  b"},
	    {"size >= 10", "Size at-least 10"},
	    {"authuser !=", "AuthUser not-equals"},
	    {"timenow equals 9-17", "TimeNow 9-17"},
	    {"DayNow 135", "DayNow 135"},
	    {"Subject matches /a b/i", "Subject regex /a b/i"},
	};
	struct condition condition, again;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct str normal;

		assert_int_equal(condition_parse(str_of(cases[i][0]), CONDITION_SMTP, &arena, &condition, NULL), 0);
		normal = condition_format(&condition, &arena);
		assert_string_equal(normal.data, cases[i][1]);
		assert_int_equal(condition_parse(normal, CONDITION_SMTP, &arena, &again, NULL), 0);
		assert_string_equal(condition_format(&again, &arena).data, cases[i][1]);
		condition_free(&condition);
		condition_free(&again);
	}
}

static void mistakes_are_explained(void **state)
{
	static const char *const cases[][2] = {
	    {"", "[not] FIELD OPERATOR DATA"},
	    {"not", "[not] FIELD OPERATOR DATA"},
	    {"Subject", "\"\" is not an operator"},
	    {"Subject like x", "\"like\" is not an operator"},
	    {"To, Cc contains x", "\"\" is not the name of a field"},
	    {"Sub:ject contains x", "\"Sub:ject\" is not the name of a field"},
	    {"Subject contains", "contains needs something to compare with"},
	    {"Subject regex /(/", "wrong at character 2"},
	    {"TimeNow 9", "TimeNow needs FROM-TO"},
	    {"TimeNow 9-24", "\"24\" is not a time"},
	    {"TimeNow 9:60-10", "\"9:60\" is not a time"},
	    {"TimeNow,MailFrom equals 9-17", "TimeNow stands alone"},
	    {"MailFrom,Always equals 1", "Always stands alone"},
	    {"DayNow 8", "digits from 1 (Sunday) to 7"},
	    {"DayNow", "digits of days"},
	    {"Always yes", "Always needs 0 or 1"},
	    {"Subject contains a\nb", "one line without control characters"},
	};
	struct condition condition;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(condition_parse(str_of(cases[i][0]), CONDITION_SMTP, &arena, &condition, &err), -1);
		if (strstr(err.text, cases[i][1]) == NULL)
			fail_msg("%s: %s", cases[i][0], err.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(operators),
	    cmocka_unit_test(numbers_are_compared_as_numbers),
	    cmocka_unit_test(header_fields),
	    cmocka_unit_test(recipients),
	    cmocka_unit_test(time_and_day),
	    cmocka_unit_test(slashes_make_a_pattern_a_regex),
	    cmocka_unit_test(stages),
	    cmocka_unit_test(the_normal_form),
	    cmocka_unit_test(mistakes_are_explained),
	};
	int failed;

	arena_init(&arena);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_free(&arena);
	return failed;
}

/* The domain filtering language (specification 04, mail senders). */
#include "common/outgoing/filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct outgoing_facts message = {
    .size = 51201,
    .age = 600,
    .retries = 3,
    .authsender = STR("anna"),
    .from = STR("anna@example.test"),
    .to = STR("A@COMPANY.com"),
};

static bool attempts(const char *text, struct outgoing_facts facts)
{
	struct filter filter;
	struct arena arena;
	struct err err;
	bool result;

	arena_init(&arena);
	if (filter_parse(str_of(text), &arena, &filter, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	result = filter_attempts(&filter, &facts);
	filter_free(&filter);
	arena_free(&arena);
	return result;
}

static void refused(const char *text, const char *begin)
{
	struct filter filter;
	struct arena arena;
	struct err err;

	arena_init(&arena);
	assert_int_equal(filter_parse(str_of(text), &arena, &filter, &err), -1);
	if (!str_starts(str_of(err.text), str_of(begin)))
		fail_msg("%s: \"%s\" does not begin with \"%s\"", text, err.text, begin);
	arena_free(&arena);
}

/* 04-10.1: the first line that holds decides. */
static void test_order(void **state)
{
	static const char *const text = "skip: to matches \"*@example.com\"\nattempt: all";
	struct outgoing_facts facts = message;

	(void)state;
	facts.to = STR("a@example.com");
	assert_false(attempts(text, facts));
	facts.to = STR("b@x.test");
	assert_true(attempts(text, facts));
}

/* 04-10.2: what no line decides. */
static void test_rest(void **state)
{
	struct outgoing_facts facts = message;

	(void)state;
	assert_true(attempts("", message));
	assert_true(attempts("# nothing\n\n  # here\n", message));
	assert_false(attempts("Attempt: size <= 50kB", facts));
	facts.size = 51200;
	assert_true(attempts("Attempt: size <= 50kB", facts));
	assert_true(attempts("Skip: retries >= 5", facts));
	facts.retries = 5;
	assert_false(attempts("Skip: retries >= 5", facts));
}

static void test_numbers(void **state)
{
	static const char *const hold[] =
	    {
	        "retries = 3",      "retries==3",     "retries<>4",   "RETRIES != 4", "retries<4",
	        "retries <= 3",     "retries>2",      "size > 50 kB", "size < 1MB",   "size=51201",
	        "age = 10 minutes", "age<11 Minutes", "age < 1 hour", "age<1Days",    "age >= 10 minute",
	    },
	                         *const fail[] = {"retries = 4", "retries <> 3",     "retries < 3",  "retries >= 4",
	                                          "size > 50MB", "age > 10 minutes", "age >= 1 day", "none"};
	char text[100];

	(void)state;
	for (size_t i = 0; i < sizeof hold / sizeof hold[0]; i++) {
		snprintf(text, sizeof text, "attempt: %s", hold[i]);
		assert_true(attempts(text, message));
	}
	for (size_t i = 0; i < sizeof fail / sizeof fail[0]; i++) {
		snprintf(text, sizeof text, "attempt: %s", fail[i]);
		assert_false(attempts(text, message));
	}
}

/* 04-10.3 */
static void test_regexp(void **state)
{
	(void)state;
	assert_true(attempts("attempt: to regexp /[abc]@company\\.(org|com)$/i", message));
	assert_false(attempts("attempt: to regexp /[abc]@company\\.(org|com)$/", message));
	assert_true(attempts("attempt: to not regexp /[abc]@company\\.(org|com)$/", message));
}

static void test_texts(void **state)
{
	(void)state;
	assert_true(attempts("attempt: authsender = \"ANNA\"", message));
	assert_false(attempts("attempt: authsender <> \"anna\"", message));
	assert_true(attempts("attempt: from contains \"EXAMPLE\"", message));
	assert_false(attempts("attempt: from not contains \"example\"", message));
	assert_true(attempts("attempt: to matches \"?@company.*\"", message));
	assert_false(attempts("attempt: to matches \"@company.com\"", message));
	assert_true(attempts("attempt: to not matches \"@company.com\"", message));
}

static void test_several(void **state)
{
	(void)state;
	assert_true(attempts("attempt: size > 1, retries = 3 and from contains \"anna\" age<1days", message));
	assert_false(attempts("attempt: size > 1, retries = 4", message));
}

/* 04-10.4 */
static void test_refused(void **state)
{
	(void)state;
	refused("Attempt size > 5", "line 1: the colon is missing");
	refused("# one\n\nTry: all", "line 3: a rule begins with");
	refused("attempt: all\nskip: colour = 1", "line 2: a condition begins with");
	refused("skip:", "line 1: a condition begins with");
	refused("skip: size >", "line 1: a number is missing");
	refused("skip: age > 5", "line 1: Minutes, Hours or Days");
	refused("skip: age > 5 weeks", "line 1: Minutes, Hours or Days");
	refused("skip: from = anna", "line 1: a text stands in double quotes");
	refused("skip: from < \"anna\"", "line 1: texts are compared by");
	refused("skip: from not \"anna\"", "line 1: texts are compared by");
	refused("skip: to regexp company", "line 1: a regular expression stands in slashes");
	refused("skip: to regexp /(/", "line 1: ");
	refused("skip: all,", "line 1: a condition begins with");
	refused("skip: to regexp /a/ to regexp /(/", "line 1: ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_order),   cmocka_unit_test(test_rest),  cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_regexp),  cmocka_unit_test(test_texts), cmocka_unit_test(test_several),
	    cmocka_unit_test(test_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("common/outgoing/filter", tests, NULL, NULL);
}

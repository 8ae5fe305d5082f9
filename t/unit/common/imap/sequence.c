/* imap/sequence: RFC 9051 section 9, "sequence-set" and its comments. */
#include "common/imap/sequence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* The set as text again, "-" where it is none. */
static const char *normal(const char *text, uint32_t largest)
{
	static char out[256];
	struct sequence_builder builder;
	struct sequence set;
	struct arena arena;

	arena_init(&arena);
	sequence_builder_init(&builder);
	if (sequence_parse(&arena, str_of(text), largest, &set)) {
		for (size_t i = 0; i < set.count; i++)
			sequence_builder_add_range(&builder, set.ranges[i].first, set.ranges[i].last);
		snprintf(out, sizeof out, "%.*s", STR_ARG(sequence_builder_text(&builder)));
	} else {
		snprintf(out, sizeof out, "-");
	}
	sequence_builder_free(&builder);
	arena_free(&arena);
	return out;
}

static void test_examples_of_the_grammar(void **state)
{
	(void)state;
	/* "2,4:7,9,12:* for a mailbox with 15 messages is equivalent to 2,4,5,6,7,9,12,13,14,15" */
	assert_string_equal(normal("2,4:7,9,12:*", 15), "2,4:7,9,12:15");
	/* "*:4,5:7 for a mailbox with 10 messages is equivalent to 10,9,8,7,6,5,4,5,6,7" */
	assert_string_equal(normal("*:4,5:7", 10), "4:10");
	/* "2:4 and 4:2 are equivalent" */
	assert_string_equal(normal("2:4", 9), "2:4");
	assert_string_equal(normal("4:2", 9), "2:4");
	/* "3291:* includes the UID of the last message in the mailbox, even if that value is less than 3291" */
	assert_string_equal(normal("3291:*", 20), "20:3291");
	assert_string_equal(normal("*", 7), "7");
}

static void test_order_and_joins(void **state)
{
	(void)state;
	assert_string_equal(normal("9,1,5", 10), "1,5,9");
	assert_string_equal(normal("1,2,3", 10), "1:3");
	assert_string_equal(normal("5:7,1:6", 10), "1:7");
	assert_string_equal(normal("4294967295,4294967294", 10), "4294967294:4294967295");
}

static void test_empty_folder(void **state)
{
	(void)state;
	assert_string_equal(normal("*", 0), "");
	assert_string_equal(normal("*:*", 0), "");
	assert_string_equal(normal("1:*", 0), "1");
}

static void test_not_a_set(void **state)
{
	static const char *const bad[] = {
	    "", "0", "1:0", "1,,2", ",1", "1,", "a", "1:", ":1", "1 ", "1:2:3", "4294967296", "-1", "**", "$", "1;2"};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_string_equal(normal(bad[i], 10), "-");
}

static void test_holds(void **state)
{
	struct sequence set;
	struct arena arena;

	(void)state;
	arena_init(&arena);
	assert_true(sequence_parse(&arena, STR("2:4,7,10:12"), 20, &set));
	for (uint32_t number = 0; number <= 14; number++)
		assert_int_equal(sequence_holds(&set, number),
		                 (number >= 2 && number <= 4) || number == 7 || (number >= 10 && number <= 12));
	assert_int_equal(sequence_size(&set), 7);
	assert_true(sequence_parse(&arena, STR("1:4294967295"), 20, &set));
	assert_int_equal(sequence_size(&set), 4294967295U);
	arena_free(&arena);
}

static void test_builder(void **state)
{
	static const uint32_t numbers[] = {1, 2, 3, 5, 7, 8, 10};
	struct sequence_builder builder;

	(void)state;
	sequence_builder_init(&builder);
	assert_true(str_equal(sequence_builder_text(&builder), STR("")));
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		sequence_builder_add(&builder, numbers[i]);
	assert_true(str_equal(sequence_builder_text(&builder), STR("1:3,5,7:8,10")));
	sequence_builder_free(&builder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_examples_of_the_grammar),
	    cmocka_unit_test(test_order_and_joins),
	    cmocka_unit_test(test_empty_folder),
	    cmocka_unit_test(test_not_a_set),
	    cmocka_unit_test(test_holds),
	    cmocka_unit_test(test_builder),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("imap/sequence", tests, NULL, NULL);
}

/* Questions and answers of Minger; the digests were computed with md5sum. */
#include "common/minger/minger.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define DIGEST "0419bf5873aa308cb2c8be69e4ef0fdd" /* of anna@example.com:secret */

static struct arena arena;
static struct err err;

static int parse(const char *packet, struct minger_query *query)
{
	return minger_query_parse(str_of(packet), &arena, query, &err);
}

static void assert_str(struct str value, const char *expected)
{
	assert_int_equal(value.len, strlen(expected));
	assert_memory_equal(value.data, expected, value.len);
}

static void test_format(void **state)
{
	struct buf packet;

	(void)state;
	buf_init(&packet, 1000);
	assert_int_equal(minger_query_format(STR("Anna@example.com"), STR("secret"), &packet, &err), 0);
	assert_str(buf_str(&packet), "Anna@example.com " DIGEST "\r\n");
	buf_reset(&packet);
	assert_int_equal(minger_query_format(STR("a@b.test"), STR(""), &packet, &err), 0);
	assert_str(buf_str(&packet), "a@b.test\r\n");
	buf_free(&packet);
}

static void test_parse(void **state)
{
	static const char *const good[] = {"Anna@example.com " DIGEST, "Anna@example.com " DIGEST "\n",
	                                   "Anna@example.com " DIGEST "\r\n", "anna@EXAMPLE.com " DIGEST};
	static const char *const bad[] = {"",
	                                  "\r\n",
	                                  "anna",
	                                  "postmaster",
	                                  "@",
	                                  "anna@example.com x",
	                                  "anna@example.com  " DIGEST,
	                                  "a@b.test " DIGEST " " DIGEST,
	                                  "a@b.test\r\na@b.test",
	                                  "<a@b.test>"};
	struct minger_query query;
	char longer[MINGER_PACKET_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		assert_int_equal(parse(good[i], &query), 0);
		assert_true(minger_query_is_from(&query, STR("secret")));
		assert_false(minger_query_is_from(&query, STR("Secret")));
		assert_false(minger_query_is_from(&query, STR("")));
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(parse(bad[i], &query), -1);
		assert_int_equal(query.text.len, 0);
	}
	memset(longer, 'a', sizeof longer);
	assert_int_equal(minger_query_parse(str_from(longer, sizeof longer), &arena, &query, &err), -1);
	assert_int_equal(parse("bob@example.com " DIGEST, &query), 0);
	assert_false(minger_query_is_from(&query, STR("secret")));
	assert_int_equal(parse("a@b.test", &query), 0);
	assert_false(minger_query_is_from(&query, STR("secret")));
	assert_int_equal(parse("\"a b\"@b.test " DIGEST, &query), 0);
	assert_str(query.text, "\"a b\"@b.test");
}

static void test_answers(void **state)
{
	static const char *const bad[] = {"",           "a@b.test",   "a@b.test 6", "a@b.test -1",
	                                  "a@b.test x", "c@b.test 5", "a@b.test  5"};
	struct minger_query query = {.text = STR("A@b.test")};
	enum minger_status status;
	struct buf packet;

	(void)state;
	buf_init(&packet, 1000);
	for (int i = MINGER_MALFORMED; i <= MINGER_VALID; i++) {
		buf_reset(&packet);
		minger_answer_format(&query, (enum minger_status)i, &packet);
		assert_int_equal(minger_answer_parse(buf_str(&packet), STR("a@b.test"), &status, &err), 0);
		assert_int_equal(status, i);
	}
	assert_str(buf_str(&packet), "A@b.test 5\r\n");
	buf_free(&packet);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(minger_answer_parse(str_of(bad[i]), STR("a@b.test"), &status, &err), -1);
}

static int setup(void **state)
{
	(void)state;
	arena_init(&arena);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_format),
	    cmocka_unit_test_setup_teardown(test_parse, setup, teardown),
	    cmocka_unit_test(test_answers),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

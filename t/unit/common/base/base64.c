/* base64: the vectors of RFC 4648 section 10, and what must be refused. */
#include "common/base/base64.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char *const vectors[][2] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
};

static void test_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
		struct buf out;

		buf_init(&out, 100);
		assert_int_equal(base64_encode(str_of(vectors[i][0]), &out), 0);
		assert_string_equal(buf_text(&out), vectors[i][1]);
		buf_reset(&out);
		assert_int_equal(base64_decode(str_of(vectors[i][1]), &out), 0);
		assert_string_equal(buf_text(&out), vectors[i][0]);
		buf_free(&out);
	}
}

static void test_every_byte_survives(void **state)
{
	struct buf text, back;
	char bytes[256];

	(void)state;
	buf_init(&text, 1000);
	buf_init(&back, 1000);
	for (int i = 0; i < 256; i++)
		bytes[i] = (char)i;
	assert_int_equal(base64_encode(str_from(bytes, sizeof bytes), &text), 0);
	assert_int_equal(base64_decode(buf_str(&text), &back), 0);
	assert_true(str_equal(buf_str(&back), str_from(bytes, sizeof bytes)));
	buf_free(&text);
	buf_free(&back);
}

static void test_refused(void **state)
{
	/* A short group, a stray character, padding in the middle, three paddings, blanks, unused bits that are set. */
	static const char *const wrong[] = {
	    "Zg", "Zg=", "Z*==", "Zg==Zg==", "Z===", "====", " Zg=", "Zm9v\r\n", "Zh==", "Zm9=", "_-A=", "="};

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct buf out;

		buf_init(&out, 100);
		if (base64_decode(str_of(wrong[i]), &out) == 0)
			fail_msg("%s was accepted", wrong[i]);
		assert_int_equal(out.len, 0);
		buf_free(&out);
	}
}

static void test_limit(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 5);
	assert_int_equal(base64_encode(STR("abcd"), &out), -1);
	assert_int_equal(base64_decode(STR("Zm9vYmFy"), &out), -1);
	assert_int_equal(out.len, 0);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_vectors),
	    cmocka_unit_test(test_every_byte_survives),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_limit),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What is written into fields and bodies: RFC 2047, RFC 2045 6.7, RFC 5322 3.3; and that readers get the text back. */
#include "common/mime/encode.h"

#include "common/mime/header.h"
#include "common/mime/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static struct arena arena;

static const char *encoded(void (*encode)(struct str, size_t, struct buf *), const char *text, size_t column)
{
	static struct buf out;

	buf_free(&out);
	buf_init(&out, 1 << 20);
	encode(str_of(text), column, &out);
	return buf_text(&out);
}

/* Lines of at most 76 characters, each after the first beginning with a blank. */
static void assert_folded(const char *text, size_t column)
{
	struct str rest = str_of(text);

	for (bool first = true; rest.data != NULL; first = false) {
		struct str line = str_cut(&rest, '\n');

		assert_true(line.len + (first ? column : 0) <= 77);
		if (!first)
			assert_int_equal(line.data[0], ' ');
	}
}

static void test_text(void **state)
{
	const char *long_text = "Grüße aus einer Stadt mit einem langen Namen, in der es viele Straßen und Häuser gibt";
	const char *words = "a b c d e f g h i j k l m n o p q r s t u v w x y z a b c d e f g h i j k l m n";

	(void)state;
	assert_string_equal(encoded(mime_encode_text, "plain words", 9), "plain words");
	assert_string_equal(encoded(mime_encode_text, "Zoë", 9), "=?UTF-8?B?Wm/Dqw==?=");
	assert_string_equal(encoded(mime_encode_text, "one\r\nBcc:\ttwo", 9), "oneBcc: two");
	assert_string_equal(encoded(mime_encode_text, "=?x?q?y?=", 9), "=?UTF-8?B?PT94P3E/eT89?=");
	assert_string_equal(encoded(mime_encode_text, "", 9), "");
	assert_folded(encoded(mime_encode_text, long_text, 9), 9);
	assert_true(
	    str_equal(mime_decode_words(str_of(encoded(mime_encode_text, long_text, 9)), &arena), str_of(long_text)));
	assert_folded(encoded(mime_encode_text, words, 20), 20);
	assert_true(str_equal(mime_unfold(str_of(encoded(mime_encode_text, words, 20)), &arena), str_of(words)));
}

static void test_phrase(void **state)
{
	(void)state;
	assert_string_equal(encoded(mime_encode_phrase, "Ann", 6), "Ann");
	assert_string_equal(encoded(mime_encode_phrase, "Ann B. Smith", 6), "\"Ann B. Smith\"");
	assert_string_equal(encoded(mime_encode_phrase, "the \"best\" \\ list", 6), "\"the \\\"best\\\" \\\\ list\"");
	assert_string_equal(encoded(mime_encode_phrase, "x> <evil@a.test", 6), "\"x> <evil@a.test\"");
	assert_string_equal(encoded(mime_encode_phrase, "Zoë", 6), "=?UTF-8?B?Wm/Dqw==?=");
	assert_string_equal(encoded(mime_encode_phrase, "", 6), "");
}

static void test_quoted(void **state)
{
	struct buf out, long_line;

	(void)state;
	buf_init(&out, 1 << 20);
	mime_encode_quoted(STR("a=b \nZo\xc3\xab\t\r\n\nlast"), &out);
	assert_string_equal(buf_text(&out), "a=3Db=20\r\nZo=C3=AB=09\r\n\r\nlast\r\n");
	buf_init(&long_line, 1000);
	for (int i = 0; i < 200; i++)
		buf_add_str(&long_line, STR("="));
	buf_reset(&out);
	mime_encode_quoted(buf_str(&long_line), &out);
	for (struct str rest = buf_str(&out); rest.len > 0;)
		assert_true(str_cut(&rest, '\n').len <= 77);
	buf_free(&long_line);
	buf_free(&out);
}

static void test_date(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	setenv("TZ", "EST5EDT", 1);
	tzset();
	mime_format_date(880124106, &out); /* the example of RFC 5322 appendix A.1.1 */
	assert_string_equal(buf_text(&out), "Fri, 21 Nov 1997 09:55:06 -0500");
	buf_reset(&out);
	setenv("TZ", "Asia/Kolkata", 1);
	tzset();
	mime_format_date(0, &out);
	assert_string_equal(buf_text(&out), "Thu, 1 Jan 1970 05:30:00 +0530");
	buf_free(&out);
}

static int teardown(void **state)
{
	(void)state;
	encoded(mime_encode_text, "", 0);
	arena_free(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_text),
	    cmocka_unit_test(test_phrase),
	    cmocka_unit_test(test_quoted),
	    cmocka_unit_test(test_date),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("mime encode", tests, NULL, teardown);
}

/* The message behind DATA: dots (RFC 5321 4.5.2), its end, line ends, and sequences used for smuggling. */
#include "common/smtp/data.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

struct data_case {
	enum smtp_data_mode mode;
	const char *input, *message;
	bool ended, has_bare;
	const char *rest; /* what is left for the next command */
};

static const struct data_case cases[] = {
    /* the end, and what follows it */
    {SMTP_DATA_STRICT, ".\r\n", "", true, false, ""},
    {SMTP_DATA_STRICT, "\r\n.\r\n", "\r\n", true, false, ""},
    {SMTP_DATA_STRICT, "a\r\nb\r\n.\r\nQUIT\r\n", "a\r\nb\r\n", true, false, "QUIT\r\n"},
    {SMTP_DATA_STRICT, "a\r\n", "a\r\n", false, false, ""},
    {SMTP_DATA_STRICT, "a.\r\n", "a.\r\n", false, false, ""},
    /* transparency */
    {SMTP_DATA_STRICT, "..\r\n.\r\n", ".\r\n", true, false, ""},
    {SMTP_DATA_STRICT, "..a\r\n...b\r\n.c\r\n.\r\n", ".a\r\n..b\r\nc\r\n", true, false, ""},
    {SMTP_DATA_STRICT, "a\r\n. \r\n.\r\n", "a\r\n \r\n", true, false, ""},
    /* smuggling: none of these ends the message, all are noted */
    {SMTP_DATA_STRICT, "a\n.\nMAIL FROM:<x@y>\r\n", "a\r\n.\r\nMAIL FROM:<x@y>\r\n", false, true, ""},
    {SMTP_DATA_STRICT, "a\n.\r\nMAIL\r\n", "a\r\n.\r\nMAIL\r\n", false, true, ""},
    {SMTP_DATA_STRICT, "a\r\n.\nMAIL\r\n", "a\r\n\r\nMAIL\r\n", false, true, ""},
    {SMTP_DATA_STRICT, "a\r\n.\rMAIL\r\n", "a\r\n\r\nMAIL\r\n", false, true, ""},
    {SMTP_DATA_STRICT, "a\r.\r\nMAIL\r\n", "a\r\n.\r\nMAIL\r\n", false, true, ""},
    {SMTP_DATA_STRICT, "a\r.\rMAIL\r\n", "a\r\n.\r\nMAIL\r\n", false, true, ""},
    {SMTP_DATA_STRICT, "a\r\r\n.\r\n", "a\r\n\r\n", true, true, ""},
    {SMTP_DATA_STRICT, "a\r\n.\r\r\nMAIL\r\n", "a\r\n\r\n\r\nMAIL\r\n", false, true, ""},
    {SMTP_DATA_STRICT, "a\n\r\n.\r\n", "a\r\n\r\n", true, true, ""},
    /* for who logged in: mended, and still only CRLF counts */
    {SMTP_DATA_MEND, "a\nb\r\n.\r\n", "a\r\nb\r\n", true, true, ""},
    {SMTP_DATA_MEND, "a\n.\r\nb\r\n.\r\n", "a\r\n.\r\nb\r\n", true, true, ""},
    {SMTP_DATA_MEND, "a\n..b\r\n.\r\n", "a\r\n..b\r\n", true, true, ""},
    {SMTP_DATA_MEND, "a\rb\r\n.\r\n", "a\r\nb\r\n", true, true, ""},
    /* for programs of this machine */
    {SMTP_DATA_LOOSE, "a\n.\nQUIT\n", "a\r\n", true, true, "QUIT\n"},
    {SMTP_DATA_LOOSE, "a\n..b\n.\n", "a\r\n.b\r\n", true, true, ""},
    {SMTP_DATA_LOOSE, "a\r\n.\r\n", "a\r\n", true, false, ""},
    {SMTP_DATA_LOOSE, "a\n.\r\n", "a\r\n", true, true, ""},
    {SMTP_DATA_LOOSE, ".\n", "", true, false, ""},
    /* any line ends: CR, LF, CR LF, LF CR (07, Advanced); what may be left of the end is the caller's */
    {SMTP_DATA_ANY, "a\rb\nc\r\nd\n\re\r\n.\r\nQUIT\r\n", "a\r\nb\r\nc\r\nd\r\ne\r\n", true, false, "\nQUIT\r\n"},
    {SMTP_DATA_ANY, "a\r.\rQUIT\r\n", "a\r\n", true, false, "QUIT\r\n"},
    {SMTP_DATA_ANY, "a\n.\nQUIT\r\n", "a\r\n", true, false, "QUIT\r\n"},
    {SMTP_DATA_ANY, "a\r\r\n\nb\r..\r.\r", "a\r\n\r\n\r\nb\r\n.\r\n", true, false, ""},
};

/* Read a case in pieces of `step` octets, as the network may cut them. */
static void check(const struct data_case *c, size_t step)
{
	struct str input = str_of(c->input);
	struct smtp_data data;
	struct buf out;
	size_t at = 0;

	buf_init(&out, 4096);
	smtp_data_init(&data, c->mode, false);
	while (at < input.len && !data.ended) {
		struct str piece = str_sub(input, at, step);
		size_t before = out.len, taken = smtp_data_take(&data, piece, &out);

		assert_true(taken > 0 && taken <= piece.len);
		assert_true(out.len - before <= SMTP_DATA_GROWTH(taken));
		assert_true(taken == piece.len || data.ended);
		at += taken;
	}
	assert_string_equal(buf_text(&out), c->message);
	assert_int_equal(data.ended, c->ended);
	assert_int_equal(data.has_bare, c->has_bare);
	assert_string_equal(c->input + at, c->rest);
	buf_free(&out);
}

static void test_cases_however_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (size_t step = 1; step <= 8; step++)
			check(&cases[i], step);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		check(&cases[i], 1000);
}

static void test_nul(void **state)
{
	struct smtp_data data;
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	smtp_data_init(&data, SMTP_DATA_STRICT, false);
	assert_int_equal(smtp_data_take(&data, STR("a\0b\r\n.\r\n"), &out), 8);
	assert_true(data.ended && data.has_nul && !data.has_bare);
	buf_free(&out);
}

struct chunk_case {
	enum smtp_data_mode mode;
	const char *input, *message;
	bool has_bare;
};

static const struct chunk_case chunk_cases[] = {
    {SMTP_DATA_STRICT, "a\r\n.\r\n..b\r\n", "a\r\n.\r\n..b\r\n", false}, /* dots are nothing special */
    {SMTP_DATA_STRICT, "a", "a\r\n", false},
    {SMTP_DATA_STRICT, ".", ".\r\n", false},
    {SMTP_DATA_STRICT, "", "", false},
    {SMTP_DATA_STRICT, "a\r", "a\r\n", true},
    {SMTP_DATA_STRICT, "a\nb\r\n", "a\r\nb\r\n", true},
    {SMTP_DATA_MEND, "a\nb\n", "a\r\nb\r\n", true},
    {SMTP_DATA_LOOSE, "a\nb\n", "a\r\nb\r\n", true},
    {SMTP_DATA_ANY, "a\rb\n\r.\r", "a\r\nb\r\n.\r\n", false},
};

/* RFC 3030: all octets belong to the message, however they are parted. */
static void test_chunks(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof chunk_cases / sizeof *chunk_cases; i++)
		for (size_t step = 1; step <= 8; step++) {
			const struct chunk_case *c = &chunk_cases[i];
			struct str input = str_of(c->input);
			struct smtp_data data;
			struct buf out;

			buf_init(&out, 4096);
			smtp_data_init(&data, c->mode, true);
			for (size_t at = 0; at < input.len; at += step) {
				struct str piece = str_sub(input, at, step);

				assert_int_equal(smtp_data_take(&data, piece, &out), piece.len);
				assert_false(data.ended);
			}
			smtp_data_finish(&data, &out);
			assert_true(data.ended);
			assert_string_equal(buf_text(&out), c->message);
			assert_int_equal(data.has_bare, c->has_bare);
			buf_free(&out);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cases_however_cut),
	    cmocka_unit_test(test_nul),
	    cmocka_unit_test(test_chunks),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("smtp data", tests, NULL, NULL);
}

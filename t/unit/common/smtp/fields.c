/* Header fields as a message streams by. */
#include "common/smtp/fields.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

struct fields_case {
	const char *message;
	size_t header; /* octets before the empty line */
	bool is_missing, has_date, has_message_id;
	unsigned received;
};

static const struct fields_case cases[] = {
    {"Date: x\r\nMessage-ID: <y>\r\n\r\nReceived: z\r\n", 26, false, true, true, 0},
    {"Received: a\r\n\tDate: b\r\nRECEIVED: c\r\nreceived : d\r\n\r\nbody", 50, false, false, false, 3},
    {"Subject: a\r\nnot a field\r\nDate: b\r\n\r\n", 34, false, true, false, 0},
    {"X-Date: a\r\nDates: b\r\nMessage-IDs: c\r\nA very: d\r\n\r\n", 48, false, false, false, 0},
    {"X-A-field-with-a-long-name-Date: a\r\n\r\n", 36, false, false, false, 0},
    {"hello\r\nDate: x\r\n\r\n", 0, true, false, false, 0},
    {"From anna Mon Nov 21 10:00:00 2026\r\n\r\n", 0, true, false, false, 0},
    {": x\r\n\r\n", 0, true, false, false, 0},
    {" x\r\n\r\n", 0, true, false, false, 0},
    {"\r\nbody: x\r\n", 0, false, false, false, 0},
};

static void check(const struct fields_case *c, size_t step)
{
	struct str message = str_of(c->message);
	size_t first = (size_t)(strchr(c->message, '\n') - c->message) + 1, at = 0;
	struct fields fields;

	fields_init(&fields);
	while (at < message.len && !fields.ended) {
		struct str piece = str_sub(message, at, at == 0 && first > step ? first : step);
		size_t taken;

		if (piece.data[piece.len - 1] == '\r')
			piece.len++;
		taken = fields_look(&fields, piece);
		assert_true(taken <= piece.len);
		assert_true(taken == piece.len || fields.ended);
		at += taken;
	}
	assert_int_equal(at, c->header);
	assert_true(fields.ended);
	assert_int_equal(fields.is_missing, c->is_missing);
	assert_int_equal(fields.has_date, c->has_date);
	assert_int_equal(fields.has_message_id, c->has_message_id);
	assert_int_equal(fields.received, c->received);
}

static void test_cases_however_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (size_t step = 1; step <= 70; step++)
			check(&cases[i], step);
}

static void test_header_without_end(void **state)
{
	struct fields fields;

	(void)state;
	fields_init(&fields);
	assert_int_equal(fields_look(&fields, STR("Date: x\r\n")), 9);
	assert_false(fields.ended);
	assert_true(fields.has_date);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cases_however_cut),
	    cmocka_unit_test(test_header_without_end),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("smtp fields", tests, NULL, NULL);
}

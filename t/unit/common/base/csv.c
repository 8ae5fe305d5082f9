/* Unit tests of tables as text (RFC 4180). */
#include "common/base/csv.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Each row as "line:field|field", rows behind one another; "line:!" for a bad one. */
static void read_all(struct str text, struct buf *out)
{
	struct arena arena;
	struct csv_row row;
	struct csv csv;
	int result;

	arena_init(&arena);
	csv_open(&csv, text);
	while ((result = csv_next(&csv, &arena, &row, NULL)) != 0) {
		buf_printf(out, "%u:", row.line);
		for (size_t i = 0; result == 1 && i < row.count; i++)
			buf_printf(out, "%s%.*s", i != 0 ? "|" : "", STR_ARG(row.fields[i]));
		buf_add_str(out, result == 1 ? STR(" ") : STR("! "));
	}
	arena_free(&arena);
}

static void rows_are_read(void **state)
{
	static const struct {
		const char *text, *rows;
	} cases[] = {
	    {"", ""},
	    {"\n\r\n", ""},
	    {"a,b\r\nc,d", "1:a|b 2:c|d "},
	    {"a,b\nc\n", "1:a|b 2:c "},
	    {",\n", "1:| "},
	    {"a,\n", "1:a| "},
	    {"\"a\",\"b,c\"\n", "1:a|b,c "},
	    {"\"a\"\"b\"", "1:a\"b "},
	    {"\"\",x\n", "1:|x "},
	    {"\"one\r\ntwo\",x\ny", "1:one\r\ntwo|x 3:y "},
	    {"\xef\xbb\xbfz\n", "1:z "},
	    {" a , b\n", "1: a | b "},
	    {"a\n\n\nb", "1:a 4:b "},
	    {"\"a\n\"b\nc\n", "1:! 2:! 3:c "},
	    {"x\"y,z\nok\n", "1:! 2:ok "},
	    {"\"a\"b\nok", "1:! 2:ok "},
	    {"\"never\nends", "1:! 2:ends "},
	    {"a\rb\n", "1:a\rb "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf out;

		buf_init(&out, 1000);
		read_all(str_of(cases[i].text), &out);
		assert_string_equal(buf_text(&out), cases[i].rows);
		buf_free(&out);
	}
}

static void fields_are_limited(void **state)
{
	char text[2 * CSV_FIELDS_MAX + 4];
	struct buf out;

	(void)state;
	memset(text, ',', sizeof text);
	memcpy(text + CSV_FIELDS_MAX, "\nx\n", 3);
	buf_init(&out, 1000);
	read_all(str_from(text, CSV_FIELDS_MAX + 3), &out);
	assert_string_equal(buf_text(&out), "1:! 2:x ");
	buf_free(&out);
}

static void what_is_written_is_read(void **state)
{
	static const struct str fields[] = {{"", 0}, {"plain", 5}, {"a,b", 3}, {"say \"x\"", 7}, {"two\r\nlines", 10}};
	struct arena arena;
	struct csv_row row;
	struct csv csv;
	struct buf out;

	(void)state;
	arena_init(&arena);
	buf_init(&out, 1000);
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		csv_add_field(&out, fields[i], i == 0);
	csv_end_row(&out);
	assert_string_equal(buf_text(&out), ",plain,\"a,b\",\"say \"\"x\"\"\",\"two\r\nlines\"\r\n");
	csv_open(&csv, buf_str(&out));
	assert_int_equal(csv_next(&csv, &arena, &row, NULL), 1);
	assert_int_equal(row.count, sizeof fields / sizeof *fields);
	for (size_t i = 0; i < row.count; i++)
		assert_true(str_equal(row.fields[i], fields[i]));
	assert_int_equal(csv_next(&csv, &arena, &row, NULL), 0);
	buf_free(&out);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows_are_read),
	    cmocka_unit_test(fields_are_limited),
	    cmocka_unit_test(what_is_written_is_read),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

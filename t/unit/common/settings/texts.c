#include "common/settings/texts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;

static void check(const char *text, const char *subject, const char *body)
{
	const struct text_value values[] = {
	    {"name", STR("anna")}, {"evil", STR("x\n<Subject: forged>\r\n.")}, {"again", STR("{name}")}};
	struct text_filled filled;

	text_fill(text, values, 3, &arena, &filled);
	assert_string_equal(filled.subject.data, subject);
	assert_string_equal(filled.body.data, body);
}

static void test_values(void **state)
{
	(void)state;
	check("", "", "");
	check("plain", "", "plain\n");
	check("Dear {name}, {NAME}{name}!", "", "Dear anna, annaanna!\n");
	check("{unknown} {} { {name} } {name", "", "{unknown} {} { anna } {name\n");
	check("} {name}", "", "} anna\n");
	check("{again}", "", "{name}\n");
}

/* specification 02, "Welcome message" */
static void test_subject(void **state)
{
	(void)state;
	check("<Subject: Hi {name}>\n\nHello", "Hi anna", "Hello\n");
	check("Hello\n  <subject:Hi>  \nthere", "Hi", "Hello\nthere\n");
	check("<Subject: no end\nHello", "", "<Subject: no end\nHello\n");
	check("<Subject:>", "", "");
}

static void test_strangers(void **state)
{
	(void)state;
	check("From {evil}", "", "From x <Subject: forged>  .\n");
	check("<Subject: {evil}>\n{evil}", "x <Subject: forged>  .", "x <Subject: forged>  .\n");
}

static void test_long_lines(void **state)
{
	char text[3001], wide[2003];
	struct text_filled filled;
	struct str rest, line;

	(void)state;
	memset(text, 'a', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	text[500] = ' ';
	text_fill(text, NULL, 0, &arena, &filled);
	assert_int_equal(str_find_char(filled.body, '\n'), 500);
	for (size_t i = 0; i + 2 < sizeof wide; i += 2)
		memcpy(wide + i, "\xc3\xa4", 2);
	wide[0] = 'a';
	wide[1] = 'b';
	wide[2002] = '\0';
	text_fill(wide, NULL, 0, &arena, &filled);
	for (rest = filled.body; rest.len != 0;) {
		line = str_cut(&rest, '\n');
		assert_true(line.len <= TEXT_LINE_MAX);
		assert_true(str_is_utf8(line));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_values),
	    cmocka_unit_test(test_subject),
	    cmocka_unit_test(test_strangers),
	    cmocka_unit_test(test_long_lines),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	arena_init(&arena);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

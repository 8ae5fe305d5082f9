/* Unit tests of Authentication-Results. Expected values from RFC 8601 2.2 and appendix B. */
#include "common/mailauth/results/results.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena arena;
static struct buf field;

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena);
	buf_init(&field, RESULTS_FIELD_MAX);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(&arena);
	buf_free(&field);
	return 0;
}

static void without_results(void **state)
{
	(void)state;
	assert_int_equal(results_write(STR("example.org"), NULL, 0, &field), 0); /* B.2 */
	assert_string_equal(buf_text(&field), "Authentication-Results: example.org; none\r\n");
}

static void several_results(void **state)
{
	const struct results_entry entries[] = {
	    {.method = "auth",
	     .result = "pass",
	     .comment = STR("plain"),
	     .properties = {{"smtp.auth", STR("sender@b.test")}}},
	    {.method = "spf",
	     .result = "pass",
	     .properties = {{"smtp.mailfrom", STR("example.net")}, {"smtp.helo", STR("")}, {"policy.x", STR("y")}}},
	    {.method = "dkim",
	     .result = "fail",
	     .reason = STR("bad signature"),
	     .properties = {{"header.d", STR("c.test")}}},
	};

	(void)state;
	assert_int_equal(results_write(STR("example.com"), entries, 3, &field), 0); /* the forms of B.4, B.5 */
	assert_string_equal(buf_text(&field), "Authentication-Results: example.com;\r\n"
	                                      "\tauth=pass (plain)\r\n"
	                                      "\t smtp.auth=sender@b.test;\r\n"
	                                      "\tspf=pass\r\n"
	                                      "\t smtp.mailfrom=example.net\r\n"
	                                      "\t policy.x=y;\r\n"
	                                      "\tdkim=fail reason=\"bad signature\"\r\n"
	                                      "\t header.d=c.test\r\n");
}

static void written_value(struct str value, const char *expected)
{
	const struct results_entry entry = {.method = "x", .result = "pass", .properties = {{"p.v", value}}};
	struct str text;
	ptrdiff_t at;

	buf_reset(&field);
	assert_int_equal(results_write(STR("a"), &entry, 1, &field), 0);
	text = buf_str(&field);
	at = str_find(text, STR("p.v="));
	assert_true(at >= 0);
	text = str_skip(text, (size_t)at + 4);
	assert_string_equal(arena_text(&arena, str_sub(text, 0, text.len - 2)), expected);
}

static void strangers_values_stay_values(void **state)
{
	(void)state;
	written_value(STR("anna+x@b.test"), "anna+x@b.test");
	written_value(STR("@b.test"), "@b.test");
	written_value(STR("a b@c.test"), "\"a b@c.test\"");
	written_value(STR("x; dkim=pass"), "\"x; dkim=pass\"");
	written_value(STR("x (comment"), "\"x (comment\"");
	written_value(STR("a\"b\\c"), "\"a\\\"b\\\\c\"");
	written_value(STR("x\r\nBcc: y\0"), "\"xBcc: y\"");
	written_value(STR("j\xc3\xb6rg@b.test"), "j\xc3\xb6rg@b.test");
	written_value(STR("a\xff"
	                  "b"),
	              "\"a\xff"
	              "b\"");
	written_value(STR("2001:db8::1"), "\"2001:db8::1\"");
}

static void comments_stay_comments(void **state)
{
	const struct results_entry entry = {
	    .method = "x", .result = "fail", .comment = STR("a) b=pass (\r\n"), .reason = STR("\"")};

	(void)state;
	assert_int_equal(results_write(STR("id with blanks"), &entry, 1, &field), 0);
	assert_string_equal(
	    buf_text(&field),
	    "Authentication-Results: \"id with blanks\";\r\n\tx=fail (a\\) b=pass \\() reason=\"\\\"\"\r\n");
}

/* RFC 5322 2.1.1: 998 octets at most, whatever strangers wrote. */
static void lines_are_short_enough(void **state)
{
	char quotes[2000];
	struct str value = str_from(quotes, sizeof quotes), rest;
	const struct results_entry entry = {.method = "x",
	                                    .result = "pass",
	                                    .comment = value,
	                                    .reason = value,
	                                    .properties = {{"a.b", value}, {"c.d", value}}};

	(void)state;
	memset(quotes, '\\', sizeof quotes);
	assert_int_equal(results_write(value, &entry, 1, &field), 0);
	rest = buf_str(&field);
	while (rest.data != NULL)
		assert_in_range(str_cut(&rest, '\n').len, 0, 998 + 1);
}

static void what_does_not_fit_is_said(void **state)
{
	const struct results_entry entry = {.method = "x", .result = "pass"};
	struct buf small;

	(void)state;
	buf_init(&small, 30);
	assert_int_equal(results_write(STR("example.org"), &entry, 1, &small), -1);
	buf_free(&small);
}

static void ids_are_read(void **state)
{
	static const struct {
		const char *value, *id;
	} cases[] = {
	    {" example.com; none", "example.com"},
	    {" example.com 1; none", "example.com"},
	    {"example.com", "example.com"},
	    {"example.com;none", "example.com"},
	    {"\r\n\texample.com\r\n\t;\r\n dkim=pass", "example.com"},
	    /* B.7, much of it comments */
	    {" (a comment) foo.example.net (foobar) 1 (baz); dkim (Because I like it) / 1 (One yay) = (wait for it) fail",
	     "foo.example.net"},
	    {" ((nested \\) ( still) it))example.com(x);none", "example.com"},
	    {" \"example.com\"; none", "example.com"},
	    {" \"exam\\ple.com\" 1; none", "example.com"},
	    {" \" example.com \"; none", "example.com"},
	    {" \"exam\r\nple.com", "example.com"},
	    {" example.com/1; none", "example.com"},
	    {" example.com=x; none", "example.com"},
	    {" (never closed example.com; none", ""},
	    {" (ends in a backslash \\", ""},
	    {" ; none", ""},
	    {"", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_string_equal(arena_text(&arena, results_authserv_id(str_of(cases[i].value), &arena)), cases[i].id);
}

static void claims_are_recognised(void **state)
{
	struct str us = STR("mail.example.test");

	(void)state;
	assert_true(results_claims(STR(" mail.example.test; dkim=pass"), us));
	assert_true(results_claims(STR(" MAIL.Example.TEST. 1; dkim=pass"), us));
	assert_true(results_claims(STR(" \"mail.example.test\"; dkim=pass"), us));
	assert_true(results_claims(STR("(x)\"mail.example\\.test\""), us));
	assert_false(results_claims(STR(" example.test; dkim=pass"), us));
	assert_false(results_claims(STR(" mail.example.test.evil.test; dkim=pass"), us));
	assert_false(results_claims(STR(" other.test (mail.example.test); dkim=pass"), us));
	assert_false(results_claims(STR(""), us));
	assert_false(results_claims(STR(" ; none"), STR("")));
	assert_true(results_claims(STR(" b\xc3\xbc"
	                               "cher.test; none"),
	                           STR("xn--bcher-kva.test")));
	assert_true(results_claims(STR(" \"our id\"; none"), STR("Our ID")));
}

/* What is written is recognised, whatever the id. */
static void own_fields_are_recognised(void **state)
{
	static const char *const ids[] = {"mail.example.test", "our id", "a\"b", "x;y", "(x)"};

	(void)state;
	for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
		struct str value;

		buf_reset(&field);
		assert_int_equal(results_write(str_of(ids[i]), NULL, 0, &field), 0);
		value = str_skip(buf_str(&field), sizeof "Authentication-Results:" - 1);
		assert_true(results_claims(value, str_of(ids[i])));
	}
}

static void folds_as_it_was(void **state)
{
	const struct results_entry entries[] = {
	    {.method = "spf", .result = "pass", .properties = {{"smtp.mailfrom", STR("example.net")}}},
	    {.method = "dkim", .result = "fail", .reason = STR("a\tb")},
	};
	struct str line;

	(void)state;
	assert_int_equal(results_write_payload(STR("example.com"), entries, 2, &field), 0);
	line = results_unfold(buf_str(&field), &arena);
	assert_int_equal(str_count_char(line, '\n') + str_count_char(line, '\r'), 0);
	line = results_fold(line, &arena);
	assert_true(str_equal(line, str_trim(buf_str(&field))));
	assert_int_equal(str_count_char(line, '\n'), 3);
	assert_int_equal(results_fold(STR(""), &arena).len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(without_results, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(several_results, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(strangers_values_stay_values, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(comments_stay_comments, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(lines_are_short_enough, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(what_does_not_fit_is_said, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(ids_are_read, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(claims_are_recognised, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(own_fields_are_recognised, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(folds_as_it_was, set_up, tear_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A header that is changed: RFC 5322 2.2, 3.4, RFC 2047; specification 06-10.5, 07-2.2, 07-2.3, 03-4.4. */
#include "common/mime/modify.h"
#include "common/mime/spans.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct arena arena;

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

static void assert_header(const struct mime_fields *fields, const char *expected)
{
	struct buf out;

	buf_init(&out, 10000);
	assert_int_equal(mime_fields_write(fields, &out), 0);
	assert_string_equal(buf_text(&out), expected);
	buf_free(&out);
}

#define HEADER "A: 1\r\n\t2\r\nsubject :  x \r\nB: 3\r\nSUBJECT: y\r\n"

static struct mime_fields fields_of(const char *header)
{
	struct mime_fields fields;

	mime_fields_read(&fields, str_of(header), &arena);
	return fields;
}

static void test_set(void **state)
{
	struct mime_fields fields = fields_of(HEADER "\r\n");

	(void)state;
	assert_header(&fields, HEADER "\r\n");
	assert_false(fields.changed);
	assert_true(str_equal(mime_fields_value(&fields, STR("a")), STR("1\t2")));
	mime_fields_set(&fields, STR("Subject"), STR("z\r\nInjected: 1"));
	mime_fields_set(&fields, STR("C"), STR("J\xc3\xb6rg <j@x.test>"));
	mime_fields_add_top(&fields, STR("T"), STR("0"));
	assert_header(&fields,
	              "T: 0\r\nA: 1\r\n\t2\r\nSubject: zInjected: 1\r\nB: 3\r\nC: =?UTF-8?B?SsO2cmc=?= <j@x.test>\r\n\r\n");
	assert_true(fields.changed);
}

static void test_remove_and_replace(void **state)
{
	struct mime_fields fields = fields_of(HEADER "\r\n");

	(void)state;
	assert_int_equal(mime_fields_remove(&fields, STR("Subject")), 2);
	assert_int_equal(mime_fields_remove(&fields, STR("Subject")), 0);
	mime_fields_replace(&fields, (size_t)mime_fields_find(&fields, STR("A"), 0), STR("7\r\n 8"));
	assert_header(&fields, "A: 7\r\n 8\r\nB: 3\r\n\r\n");
}

/* Each span of a value, in brackets. */
static void check_spans(const char *value, const char *expected)
{
	struct mime_spans spans;
	struct buf out;

	buf_init(&out, 1000);
	mime_find_spans(str_of(value), &arena, &spans);
	for (size_t i = 0; i < spans.count; i++)
		buf_printf(&out, "[%.*s|%.*s]", STR_ARG(spans.list[i].local), STR_ARG(spans.list[i].domain));
	assert_string_equal(buf_text(&out), expected);
	buf_free(&out);
}

static void test_spans(void **state)
{
	(void)state;
	check_spans("bob@internal", "[bob|internal]");
	check_spans("\"bob@internal (home)\" <bob@internal>", "[bob|internal]");
	check_spans("bob@internal at home <bob@other>", "[bob|other]");
	check_spans("bob@a, (x@y) fred . b @ c . d (e), \"a b\"@c", "[bob|a][fred . b|c . d][\"a b\"|c]");
	check_spans("group: a@b, c@d;, e@[192.0.2.1]", "[a|b][c|d][e|[192.0.2.1]]");
	check_spans("<@route.test,@r:a@b>", "[a|b]");
	check_spans("anna, <bert>", "[anna|][bert|]");
	check_spans("", "");
	check_spans("<>, ,;\"x", "[\"x|]");
	check_spans("a@", "[a|]");
	check_spans("=?utf-8?q?a=40b?= <x@sub.internal>\r\n (c)", "[x|sub.internal]");
}

static bool expand(char code, void *context, struct buf *out)
{
	(void)context;
	return code == 'O' ? buf_add_str(out, STR("a@b.test")) == 0 : code == 'N' && buf_add_str(out, STR("Ann")) == 0;
}

static void test_modifiers(void **state)
{
	struct mime_fields fields = fields_of("X-Mailer: m\r\nX-Org: old\r\nX-Org: older\r\n\r\n");
	struct err err;

	(void)state;
	modifiers_apply(&fields, STR("X-Mailer:\nX-Org: %N <%O> 100%%\n\nX-Z: %z %"), expand, NULL);
	assert_header(&fields, "X-Org: Ann <a@b.test> 100%\r\nX-Z: %z %\r\n\r\n");
	assert_int_equal(modifiers_check(STR("X-Mailer:\r\nX-Org: a: b\n\n"), &err), 0);
	assert_int_equal(modifiers_check(STR("no colon"), &err), -1);
	assert_string_equal(err.text, "\"no colon\" is not \"Field: data\"");
	assert_int_equal(modifiers_check(STR("A: b\nX Mailer: x"), &err), -1);
	assert_int_equal(modifiers_check(STR(": x"), &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_set, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_remove_and_replace, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_spans, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_modifiers, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("mime fields", tests, NULL, NULL);
}

/* Address lists of header fields. Examples from RFC 5322 appendix A.1 and A.5. */
#include "common/addr/addr.h"
#include "common/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

struct list_case {
	const char *value;
	const char *expected; /* "name|address" joined by "; " */
};

static void test_lists_accepted(void **state)
{
	static const struct list_case cases[] = {
	    {"John Doe <jdoe@machine.example>", "John Doe|jdoe@machine.example"},
	    {"\"Joe Q. Public\" <john.q.public@example.com>", "Joe Q. Public|john.q.public@example.com"},
	    {"Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>",
	     "Mary Smith|mary@x.test; |jdoe@example.org; Who?|one@y.test"},
	    {"<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>",
	     "|boss@nil.test; Giant; \"Big\" Box|sysservices@example.net"},
	    {"A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
	     "Ed Jones|c@a.test; |joe@where.test; John|jdoe@one.test"},
	    {"Undisclosed recipients:;", ""},
	    {"Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", "Pete|pete@silly.test"},
	    {"A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n"
	     "         joe@example.org,\r\n  John <jdoe@one.test> (my dear friend); (the end of the group)",
	     "Chris Jones|c@public.example; |joe@example.org; John|jdoe@one.test"},
	    {"(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;", ""},
	    {"Joe Q. Public <john.q.public@example.com>", "Joe Q. Public|john.q.public@example.com"},
	    {"Mary Smith <@node.test,@two.test:mary@example.net>, , jdoe@test  . example",
	     "Mary Smith|mary@example.net; |jdoe@test.example"},
	    {"1 . 2@example.org", "|1.2@example.org"},
	    {"a@b.test <a@b.test>", "a@b.test|a@b.test"},
	    {"anna, paul", "|anna; |paul"},
	    {"g: a@b.test;, c@d.test", "|a@b.test; |c@d.test"},
	    {"a@[192.0.2.1], \"a b\"@c.test", "|a@[192.0.2.1]; |\"a b\"@c.test"},
	    {"=?utf-8?q?J=C3=B6rg?= <j@x.test>", "=?utf-8?q?J=C3=B6rg?=|j@x.test"},
	    {"\"Smith,\r\n John\" <j@x.test>", "Smith, John|j@x.test"},
	    {"", ""},
	    {" , ,", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct addr_list list;
		struct err err = {0};
		struct arena arena;
		struct buf text;

		arena_init(&arena);
		buf_init(&text, 4096);
		if (addr_parse_list(str_of(cases[i].value), &arena, &list, &err) != 0)
			fail_msg("%s: %s", cases[i].value, err.text);
		for (size_t k = 0; k < list.count; k++)
			buf_printf(&text, "%s%.*s|%.*s", k > 0 ? "; " : "", STR_ARG(list.entries[k].name),
			           STR_ARG(list.entries[k].addr.text));
		assert_string_equal(buf_text(&text), cases[i].expected);
		buf_free(&text);
		arena_free(&arena);
	}
}

static void test_lists_refused(void **state)
{
	static const char *const values[] = {
	    "Anna <a@b.test",
	    "a@b.test>",
	    "a b@c.test",
	    "a@",
	    "@b.test",
	    "<>",
	    "(open",
	    "\"open",
	    "g: a@b.test",
	    "a@b.test;",
	    "g: h: a@b.test;;",
	    "a@b.test c@d.test",
	    "a..b@c.test",
	    "Anna <a@b.test> x",
	    "a@[192.0.2.1",
	    "a@b..test",
	    "a@b@c.test",
	    "a\\b@c.test",
	    "a\x01@c.test",
	    "\"a\tb\"@c.test",
	    "<a@b.test> <c@d.test>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		struct addr_list list;
		struct err err = {0};
		struct arena arena;

		arena_init(&arena);
		if (addr_parse_list(str_of(values[i]), &arena, &list, &err) == 0)
			fail_msg("accepted: %s", values[i]);
		assert_int_equal(err.code, ADDR_SYNTAX);
		arena_free(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lists_accepted),
	    cmocka_unit_test(test_lists_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("addr list", tests, NULL, NULL);
}

/* Addresses: paths, mailboxes, domains, xtext. Expected values from RFC 5321 4.1.2, RFC 6531, RFC 3461. */
#include "common/addr/addr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct arena arena;

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static void assert_str(struct str actual, const char *expected)
{
	assert_string_equal(arena_text(&arena, actual), expected);
}

struct path_case {
	const char *line;
	const char *local_part, *domain, *text, *rest;
};

static void test_paths_accepted(void **state)
{
	static const struct path_case cases[] = {
	    {"<anna@example.org>", "anna", "example.org", "anna@example.org", ""},
	    {"<anna@example.org> SIZE=10 BODY=7BIT", "anna", "example.org", "anna@example.org", "SIZE=10 BODY=7BIT"},
	    {" <anna@example.org>", "anna", "example.org", "anna@example.org", ""},
	    {"<@one.test,@two.test:anna@example.org>", "anna", "example.org", "anna@example.org", ""},
	    {"<@[192.0.2.1]:anna@example.org>", "anna", "example.org", "anna@example.org", ""},
	    {"<@[IPv6:2001:db8::1]:anna@example.org>", "anna", "example.org", "anna@example.org", ""},
	    {"<\"anna\"@example.org>", "anna", "example.org", "anna@example.org", ""},
	    {"<\"an\\na\"@example.org>", "anna", "example.org", "anna@example.org", ""},
	    {"<\"a b\"@example.org>", "a b", "example.org", "\"a b\"@example.org", ""},
	    {"<\"a@b\"@example.org>", "a@b", "example.org", "\"a@b\"@example.org", ""},
	    {"<\"a..b\"@example.org>", "a..b", "example.org", "\"a..b\"@example.org", ""},
	    {"<\"a\\\"b\\\\c\"@example.org>", "a\"b\\c", "example.org", "\"a\\\"b\\\\c\"@example.org", ""},
	    {"<\"x>y\"@example.org> SIZE=1", "x>y", "example.org", "\"x>y\"@example.org", "SIZE=1"},
	    {"<\"\"@example.org>", "", "example.org", "\"\"@example.org", ""},
	    {"<a@[192.0.2.1]>", "a", "[192.0.2.1]", "a@[192.0.2.1]", ""},
	    {"<a@[IPv6:2001:db8::1]>", "a", "[IPv6:2001:db8::1]", "a@[IPv6:2001:db8::1]", ""},
	    {"<!#$%&'*+-/=?^_`{|}~@example.org>", "!#$%&'*+-/=?^_`{|}~", "example.org", "!#$%&'*+-/=?^_`{|}~@example.org",
	     ""},
	    {"<Postmaster>", "Postmaster", "", "Postmaster", ""},
	    {"<j\xc3\xb6rg@b\xc3\xbc"
	     "cher.example>",
	     "j\xc3\xb6rg",
	     "b\xc3\xbc"
	     "cher.example",
	     "j\xc3\xb6rg@b\xc3\xbc"
	     "cher.example",
	     ""},
	    {"<a@under_score.test>", "a", "under_score.test", "a@under_score.test", ""},
	    {"<>", "", "", "", ""},
	    {"<> BODY=8BITMIME", "", "", "", "BODY=8BITMIME"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err err = {0};
		struct addr addr;
		struct str rest;

		if (addr_parse_path(str_of(cases[i].line), &arena, &addr, &rest, &err) != 0)
			fail_msg("%s: %s", cases[i].line, err.text);
		assert_str(addr.local_part, cases[i].local_part);
		assert_str(addr.domain, cases[i].domain);
		assert_str(addr.text, cases[i].text);
		assert_str(rest, cases[i].rest);
		assert_int_equal(addr.is_null, cases[i].line[1] == '>');
	}
}

static void test_paths_refused(void **state)
{
	static const char *const lines[] = {
	    "",
	    "anna@example.org",
	    "<anna@example.org",
	    "anna@example.org>",
	    "<anna>",
	    "<@example.org>",
	    "<anna@>",
	    "<anna@example.org>SIZE=1",
	    "<a b@example.org>",
	    "<a..b@example.org>",
	    "<.a@example.org>",
	    "<a.@example.org>",
	    "<a@b@example.org>",
	    "<a@-example.org>",
	    "<a@example-.org>",
	    "<a@example..org>",
	    "<a@example.org.>",
	    "<a@.example.org>",
	    "<\"a@example.org>",
	    "<\"a\"b@example.org>",
	    "<a\"b\"@example.org>",
	    "<a@[192.0.2.256]>",
	    "<a@[192.0.2]>",
	    "<a@[2001:db8::1]>",
	    "<a@[IPv6:2001:db8::g]>",
	    "<a@[x400:y]>",
	    "<a@[192.0.2.1>",
	    "<a@[192.0.2.1]x>",
	    "<@one.test:>",
	    "<@one.test a@example.org>",
	    "<@one.test,a@example.org>",
	    "<@:a@example.org>",
	    "<a(comment)@example.org>",
	    "<a@exam ple.org>",
	    "<a\x01@example.org>",
	    "<\"a\x01\"@example.org>",
	    "<\"a\\\x01\"@example.org>",
	    "<a\xff@example.org>",
	    "<a@ex\xffmple.org>",
	    "<a\xed\xa0\x80@example.org>",
	    "<a\xc0\xaf@example.org>",
	    "<a@exa,mple.org>",
	    "<a@example.org> <b@example.org",
	    "<<a@example.org>>",
	    "<a@\xef\xbc\xa0.test>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct err err = {0};
		struct addr addr;
		struct str rest;
		int result = addr_parse_path(str_of(lines[i]), &arena, &addr, &rest, &err);

		/* "<a@b> <c@d": the path is right, and what follows is for the reader of parameters to refuse */
		if (result == 0 && rest.len == 0)
			fail_msg("accepted: %s", lines[i]);
		if (result != 0)
			assert_int_equal(err.code, ADDR_SYNTAX);
	}
}

static int parse_sizes(size_t local_len, size_t label_count, size_t label_len, struct err *err)
{
	char line[1024];
	size_t used = 0;
	struct addr addr;
	struct str rest;

	line[used++] = '<';
	memset(line + used, 'a', local_len);
	used += local_len;
	line[used++] = '@';
	for (size_t i = 0; i < label_count; i++) {
		if (i > 0)
			line[used++] = '.';
		memset(line + used, 'b', label_len);
		used += label_len;
	}
	line[used++] = '>';
	return addr_parse_path(str_from(line, used), &arena, &addr, &rest, err);
}

static void test_limits(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(parse_sizes(64, 1, 63, &err), 0);
	assert_int_equal(parse_sizes(65, 1, 63, &err), -1);
	assert_int_equal(err.code, ADDR_TOO_LONG);
	assert_int_equal(parse_sizes(1, 1, 64, &err), -1);
	assert_int_equal(err.code, ADDR_SYNTAX);
	/* the path: 256 octets with brackets: 1 + 62 + 1 + 3 * 63 + 2 + 1 */
	assert_int_equal(parse_sizes(62, 3, 63, &err), 0);
	assert_int_equal(parse_sizes(63, 3, 63, &err), -1);
	assert_int_equal(err.code, ADDR_TOO_LONG);
	assert_int_equal(parse_sizes(1, 4, 64, &err), -1);
	assert_int_equal(err.code, ADDR_TOO_LONG);
}

static void test_flags(void **state)
{
	struct addr addr;
	struct err err;

	(void)state;
	assert_int_equal(addr_parse_mailbox(STR("anna@example.org"), &arena, &addr, &err), 0);
	assert_false(addr.is_utf8 || addr.is_literal || addr.is_null);
	assert_int_equal(addr_parse_mailbox(STR("anna@b\xc3\xbc"
	                                        "cher.example"),
	                                    &arena, &addr, &err),
	                 0);
	assert_true(addr.is_utf8);
	assert_int_equal(addr_parse_mailbox(STR("anna@[192.0.2.1]"), &arena, &addr, &err), 0);
	assert_true(addr.is_literal);
	assert_int_equal(addr_parse_mailbox(STR("anna@example.org "), &arena, &addr, &err), -1);
	assert_int_equal(addr_parse_mailbox(STR("<anna@example.org>"), &arena, &addr, &err), -1);
	assert_int_equal(addr_parse_mailbox(STR(""), &arena, &addr, &err), -1);
}

static void test_default_domain(void **state)
{
	struct addr addr;
	struct str rest;
	struct err err;

	(void)state;
	assert_int_equal(addr_parse_path_at(STR("<anna> SIZE=1"), STR("example.org"), &arena, &addr, &rest, &err), 0);
	assert_str(addr.text, "anna@example.org");
	assert_str(rest, "SIZE=1");
	assert_int_equal(addr_parse_path_at(STR("<anna@b.test>"), STR("example.org"), &arena, &addr, &rest, &err), 0);
	assert_str(addr.text, "anna@b.test");
	assert_int_equal(addr_parse_path_at(STR("<postmaster>"), STR("example.org"), &arena, &addr, &rest, &err), 0);
	assert_str(addr.text, "postmaster");
	assert_int_equal(addr_parse_path_at(STR("<>"), STR("example.org"), &arena, &addr, &rest, &err), 0);
	assert_true(addr.is_null);
	assert_int_equal(addr_parse_path_at(STR("<anna>"), STR(""), &arena, &addr, &rest, &err), -1);
}

static void test_domains(void **state)
{
	struct err err;
	struct str domain;

	(void)state;
	assert_int_equal(addr_normalise_domain(STR("EXAMPLE.Org"), &arena, &domain, &err), 0);
	assert_str(domain, "example.org");
	assert_int_equal(addr_normalise_domain(STR("B\xc3\x9c"
	                                           "CHER.example"),
	                                       &arena, &domain, &err),
	                 0);
	assert_str(domain, "xn--bcher-kva.example");
	assert_int_equal(addr_normalise_domain(STR("fa\xc3\x9f.de"), &arena, &domain, &err), 0);
	assert_str(domain, "xn--fa-hia.de"); /* IDNA 2008: not "fass.de" */
	assert_int_equal(addr_normalise_domain(STR("[IPv6:2001:DB8::1]"), &arena, &domain, &err), 0);
	assert_str(domain, "[ipv6:2001:db8::1]");
	assert_int_equal(addr_normalise_domain(STR("a b"), &arena, &domain, &err), -1);
	assert_int_equal(err.code, ADDR_SYNTAX);
	assert_int_equal(addr_normalise_domain(STR(""), &arena, &domain, &err), -1);
}

static bool equal(const char *first, const char *second)
{
	struct addr a, b;
	struct err err;

	assert_int_equal(addr_parse_mailbox(str_of(first), &arena, &a, &err), 0);
	assert_int_equal(addr_parse_mailbox(str_of(second), &arena, &b, &err), 0);
	return addr_equal(&a, &b);
}

static void test_equal(void **state)
{
	(void)state;
	assert_true(equal("anna@example.org", "Anna@EXAMPLE.org"));
	assert_true(equal("\"anna\"@example.org", "anna@example.org"));
	assert_true(equal("a@b\xc3\xbc"
	                  "cher.example",
	                  "a@xn--bcher-kva.example"));
	assert_false(equal("anna@example.org", "anna@example.net"));
	assert_false(equal("anna@example.org", "ann@example.org"));
	assert_false(equal("postmaster", "postmaster@example.org"));
}

static void test_xtext(void **state)
{
	struct str plain;
	struct err err;

	(void)state;
	assert_str(addr_xtext_encode(STR("QQ314159"), &arena), "QQ314159");
	assert_str(addr_xtext_encode(STR("a+b=c d\x7f\xc3"), &arena), "a+2Bb+3Dc+20d+7F+C3");
	assert_int_equal(addr_xtext_decode(STR("a+2Bb+3Dc+20d"), &arena, &plain, &err), 0);
	assert_str(plain, "a+b=c d");
	assert_int_equal(addr_xtext_decode(STR("a+2b"), &arena, &plain, &err), -1);
	assert_int_equal(addr_xtext_decode(STR("a+2"), &arena, &plain, &err), -1);
	assert_int_equal(addr_xtext_decode(STR("a=b"), &arena, &plain, &err), -1);
	assert_int_equal(addr_xtext_decode(STR("a b"), &arena, &plain, &err), -1);
	assert_int_equal(addr_xtext_decode(STR("\xc3"), &arena, &plain, &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_paths_accepted, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_paths_refused, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_limits, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_flags, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_default_domain, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_domains, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_equal, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_xtext, set_up, tear_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}

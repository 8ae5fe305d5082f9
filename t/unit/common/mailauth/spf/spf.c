/*
 * Unit tests of SPF beyond its test suite (t/e2e/80-spf-suite.t): the macro examples of RFC 7208 7.4, whose record
 * passed, names in UTF-8 (RFC 8616 4), limits.
 */
#include "common/mailauth/dns/table.h"
#include "common/mailauth/spf/macro.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena arena;
static struct mailauth_table table;
static struct mailauth_dns dns;
static struct spf_check check;
static struct spf_outcome outcome;

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena);
	mailauth_table_init(&table, &arena);
	dns = mailauth_table_dns(&table);
	check = (struct spf_check){.dns = &dns, .helo = STR("helo.test"), .receiver = STR("mx.test")};
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

static void add(const char *name, enum mailauth_type type, const char *text)
{
	assert_int_equal(mailauth_table_add(&table, name, type, str_of(text), NULL), 0);
}

static enum spf_result result_for(const char *client, const char *local_part, const char *domain)
{
	assert_int_equal(cidr_parse(str_of(client), &check.client, NULL, NULL), 0);
	check.local_part = str_of(local_part);
	check.domain = str_of(domain);
	spf_check(&check, &arena, &outcome);
	return outcome.result;
}

static void macros_of_the_rfc(void **state)
{
	static const struct {
		const char *spec, *expansion;
	} cases[] = {
	    {"%{s}", "strong-bad@email.example.com"},
	    {"%{o}", "email.example.com"},
	    {"%{d}", "email.example.com"},
	    {"%{d4}", "email.example.com"},
	    {"%{d3}", "email.example.com"},
	    {"%{d2}", "example.com"},
	    {"%{d1}", "com"},
	    {"%{dr}", "com.example.email"},
	    {"%{d2r}", "example.email"},
	    {"%{l}", "strong-bad"},
	    {"%{l-}", "strong.bad"},
	    {"%{lr}", "strong-bad"},
	    {"%{lr-}", "bad.strong"},
	    {"%{l1r-}", "strong"},
	    {"%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"},
	    {"%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"},
	    {"%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"},
	    {"%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com"},
	    {"%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"},
	};
	struct spf_run run = {
	    .check = &check, .arena = &arena, .local_part = STR("strong-bad"), .domain = STR("email.example.com")};
	struct str text;

	(void)state;
	assert_int_equal(cidr_parse(STR("192.0.2.3"), &check.client, NULL, NULL), 0);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_true(spf_is_domain_spec(str_of(cases[i].spec)));
		assert_int_equal(spf_expand_domain(&run, str_of(cases[i].spec), run.domain, &text, NULL), 0);
		assert_str(text, cases[i].expansion);
	}
	assert_int_equal(cidr_parse(STR("2001:db8::cb01"), &check.client, NULL, NULL), 0);
	assert_int_equal(spf_expand_domain(&run, STR("%{ir}.%{v}._spf.%{d2}"), run.domain, &text, NULL), 0);
	assert_str(text, "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com");
}

static void the_record_that_passed(void **state)
{
	(void)state;
	add("a.test", MAILAUTH_TXT, "v=spf1 include:_spf.one.test include:_spf.two.test ~all");
	add("_spf.one.test", MAILAUTH_TXT, "v=spf1 ip4:192.0.2.1 -all");
	add("_spf.two.test", MAILAUTH_TXT, "v=spf1 redirect=_spf.three.test");
	add("_spf.three.test", MAILAUTH_TXT, "v=spf1 ip4:192.0.2.3");
	assert_int_equal(result_for("192.0.2.3", "x", "a.test"), SPF_PASS);
	assert_str(outcome.record_domain, "_spf.three.test");
	assert_str(outcome.mechanism, "ip4:192.0.2.3");
	assert_str(outcome.domain, "a.test");
	assert_int_equal(result_for("192.0.2.1", "x", "a.test"), SPF_PASS);
	assert_str(outcome.record_domain, "_spf.one.test");
	assert_int_equal(result_for("192.0.2.9", "x", "a.test"), SPF_SOFTFAIL);
	assert_str(outcome.record_domain, "a.test");
	assert_str(outcome.mechanism, "~all");
}

static void nothing_matched_names_no_record(void **state)
{
	(void)state;
	add("a.test", MAILAUTH_TXT, "v=spf1 include:b.test");
	add("b.test", MAILAUTH_TXT, "v=spf1 -all");
	assert_int_equal(result_for("192.0.2.3", "x", "a.test"), SPF_NEUTRAL);
	assert_int_equal(outcome.record_domain.len, 0);
	assert_int_equal(outcome.mechanism.len, 0);
}

static void without_a_sender_helo_is_checked(void **state)
{
	(void)state;
	add("helo.test", MAILAUTH_TXT, "v=spf1 exists:%{l}.%{o} -all exp=%{d}.exp.test");
	add("helo.test.exp.test", MAILAUTH_TXT, "%{s} is not %{c}, says %{r}");
	assert_int_equal(result_for("192.0.2.3", "ignored", ""), SPF_FAIL);
	assert_true(outcome.is_helo);
	assert_str(outcome.domain, "helo.test");
	assert_str(outcome.explanation, "postmaster@helo.test is not 192.0.2.3, says mx.test");
	add("postmaster.helo.test", MAILAUTH_A, "127.0.0.2");
	assert_int_equal(result_for("192.0.2.3", "", ""), SPF_PASS);
}

static void names_in_utf8(void **state)
{
	(void)state;
	add("xn--bcher-kva.test", MAILAUTH_TXT, "v=spf1 exists:%{l}.u.test a:%{d} -all");
	add("xn--bcher-kva.test", MAILAUTH_A, "192.0.2.3");
	add("j\xc3\xb6rg.u.test", MAILAUTH_A, "127.0.0.2");
	assert_int_equal(result_for("192.0.2.3", "x",
	                            "b\xc3\xbc"
	                            "cher.test"),
	                 SPF_PASS);
	assert_str(outcome.domain, "xn--bcher-kva.test");
	assert_int_equal(result_for("192.0.2.9", "j\xc3\xb6rg", "xn--bcher-kva.test"), SPF_FAIL);
}

static void unusable_domains_have_no_record(void **state)
{
	static const char *const domains[] = {"[192.0.2.1]", "single", "a..test", "-a.test", "a b.test", "."};

	(void)state;
	for (size_t i = 0; i < sizeof domains / sizeof domains[0]; i++)
		assert_int_equal(result_for("192.0.2.3", "x", domains[i]), SPF_NONE);
	assert_int_equal(table.questions, 0);
}

static void errors_say_why(void **state)
{
	(void)state;
	add("a.test", MAILAUTH_TXT, "v=spf1 ipv4:192.0.2.1 -all");
	assert_int_equal(result_for("192.0.2.3", "x", "a.test"), SPF_PERMERROR);
	assert_str(outcome.problem, "no mechanism of SPF in \"ipv4:192.0.2.1\"");
	mailauth_table_fail(&table, "b.test");
	assert_int_equal(result_for("192.0.2.3", "x", "b.test"), SPF_TEMPERROR);
	assert_str(outcome.problem, "no answer for b.test");
}

/* An mx of hosts with IPv4 alone is no mistake of the domain's when the client has IPv6. */
static void an_mx_counts_once_as_void(void **state)
{
	(void)state;
	add("a.test", MAILAUTH_TXT, "v=spf1 mx a -all");
	for (int i = 0; i < 6; i++) {
		add("a.test", MAILAUTH_MX, arena_printf(&arena, "10 m%d.test", i).data);
		add(arena_printf(&arena, "m%d.test", i).data, MAILAUTH_A, "192.0.2.1");
	}
	assert_int_equal(result_for("2001:db8::1", "x", "a.test"), SPF_FAIL);
	assert_int_equal(result_for("192.0.2.1", "x", "a.test"), SPF_PASS);
}

/* The longest way through the DNS that a record can send a check: it ends, and does not ask more than is allowed. */
static void questions_are_limited(void **state)
{
	(void)state;
	add("a.test", MAILAUTH_TXT, "v=spf1 mx mx mx mx mx mx mx mx mx mx mx mx -all");
	for (int i = 0; i < 10; i++) {
		add("a.test", MAILAUTH_MX, arena_printf(&arena, "10 m%d.test", i).data);
		add(arena_printf(&arena, "m%d.test", i).data, MAILAUTH_A, "192.0.2.1");
	}
	assert_int_equal(result_for("192.0.2.3", "x", "a.test"), SPF_PERMERROR);
	assert_in_range(table.questions, 1, 1 + SPF_TERMS_MAX * (1 + SPF_HOSTS_MAX));
}

/* Macros that multiply: what does not fit is an error, and memory stays small. */
static void expansions_are_limited(void **state)
{
	struct str spec = STR("");

	(void)state;
	for (int i = 0; i < 300; i++)
		spec = arena_printf(&arena, "%.*s%%{l}", STR_ARG(spec));
	add("a.test", MAILAUTH_TXT, arena_printf(&arena, "v=spf1 exists:%.*s -all", STR_ARG(spec)).data);
	assert_int_equal(
	    result_for("192.0.2.3", "0123456789012345678901234567890123456789012345678901234567890123", "a.test"),
	    SPF_PERMERROR);
	assert_int_equal(result_for("192.0.2.3", "x", "a.test"), SPF_FAIL);
}

static void explanations_are_printable_and_short(void **state)
{
	(void)state;
	add("a.test", MAILAUTH_TXT, "v=spf1 -all exp=e.test");
	add("e.test", MAILAUTH_TXT, "one\r\n250 two");
	assert_int_equal(result_for("192.0.2.3", "x", "a.test"), SPF_FAIL);
	assert_int_equal(outcome.explanation.len, 0);
	add("b.test", MAILAUTH_TXT, "v=spf1 -all exp=f.test");
	add("f.test", MAILAUTH_TXT, arena_printf(&arena, "%0*d", SPF_EXPLANATION_MAX + 1, 0).data);
	assert_int_equal(result_for("192.0.2.3", "x", "b.test"), SPF_FAIL);
	assert_int_equal(outcome.explanation.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(macros_of_the_rfc, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(the_record_that_passed, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(nothing_matched_names_no_record, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(without_a_sender_helo_is_checked, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(names_in_utf8, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(unusable_domains_have_no_record, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(errors_say_why, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(an_mx_counts_once_as_void, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(questions_are_limited, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(expansions_are_limited, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(explanations_are_printable_and_short, set_up, tear_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Unit tests of DMARC. Expected values from RFC 7489: 3.1, 3.2, 6.2 to 6.6, appendix B. */
#include "common/mailauth/dmarc/dmarc.h"
#include "common/mailauth/dns/table.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena arena;
static struct mailauth_table table;
static struct mailauth_dns dns;
static struct dmarc_check check;
static struct dmarc_outcome outcome;
static struct dmarc_identity signature;

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena);
	mailauth_table_init(&table, &arena);
	dns = mailauth_table_dns(&table);
	signature = (struct dmarc_identity){.domain = STR("signer.test"), .evidence = DMARC_PASSED};
	check = (struct dmarc_check){.dns = &dns, .spf = {STR("bounce.test"), DMARC_PASSED}};
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

static void add(const char *name, const char *text)
{
	assert_int_equal(mailauth_table_add(&table, name, MAILAUTH_TXT, str_of(text), NULL), 0);
}

static enum dmarc_result result_for(const char *from)
{
	check.from = str_of(from);
	dmarc_check(&check, &arena, &outcome);
	return outcome.result;
}

static void organisational_domains(void **state)
{
	static const struct {
		const char *domain, *organisation;
	} cases[] = {
	    {"example.com", "example.com"},
	    {"a.b.c.d.example.com", "example.com"}, /* 3.2 */
	    {"mail.example.co.uk", "example.co.uk"},
	    {"co.uk", "co.uk"},
	    {"com", "com"},
	    {"a.b.test", "b.test"},
	    {"a.xn--55qx5d.cn", "a.xn--55qx5d.cn"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_str(dmarc_organisational_domain(str_of(cases[i].domain), &arena), cases[i].organisation);
}

static void records_are_told_by_their_version(void **state)
{
	(void)state;
	assert_true(dmarc_is_record(STR("v=DMARC1; p=none")));
	assert_true(dmarc_is_record(STR("v = DMARC1 ;p=none")));
	assert_true(dmarc_is_record(STR("v=DMARC1")));
	assert_false(dmarc_is_record(STR("v=dmarc1; p=none")));
	assert_false(dmarc_is_record(STR("v=DMARC10; p=none")));
	assert_false(dmarc_is_record(STR("p=none; v=DMARC1")));
	assert_false(dmarc_is_record(STR("V=DMARC1; p=none")));
	assert_false(dmarc_is_record(STR("")));
}

static void whole_records(void **state)
{
	struct dmarc_record record;

	(void)state;
	assert_int_equal(dmarc_record_parse(STR("v=DMARC1; p=quarantine; sp=reject; adkim=s; aspf = s; pct=25; ri=3600; "
	                                        "rua=mailto:a@b.test; ruf=mailto:c@d.test; fo=1:d; rf=afrf; x=y;"),
	                                    &record, NULL),
	                 0);
	assert_int_equal(record.policy, DMARC_QUARANTINE);
	assert_int_equal(record.subdomain_policy, DMARC_REJECT);
	assert_true(record.dkim_is_strict && record.spf_is_strict);
	assert_int_equal(record.percent, 25);
	assert_int_equal(record.interval_s, 3600);
	assert_str(record.aggregate, "mailto:a@b.test");
	assert_str(record.failure, "mailto:c@d.test");
}

static void defaults_and_mistakes(void **state)
{
	struct dmarc_record record;
	struct err err;

	(void)state;
	assert_int_equal(dmarc_record_parse(STR("v=DMARC1;p=Reject;pct=101;ri=x;adkim=q;nonsense;=;"), &record, &err), 0);
	assert_int_equal(record.policy, DMARC_REJECT);
	assert_int_equal(record.subdomain_policy, DMARC_REJECT);
	assert_false(record.dkim_is_strict || record.spf_is_strict);
	assert_int_equal(record.percent, 100);
	assert_int_equal(record.interval_s, 86400);
	assert_null(record.aggregate.data);
	/* 6.6.3 step 6 */
	assert_int_equal(dmarc_record_parse(STR("v=DMARC1; p=nothing"), &record, &err), -1);
	assert_int_equal(err.code, ERR_SYNTAX);
	assert_int_equal(dmarc_record_parse(STR("v=DMARC1; rua=ftp://x"), &record, &err), -1);
	assert_int_equal(dmarc_record_parse(STR("v=DMARC1; p=reject; sp=never; rua=mailto:a@b.test"), &record, &err), 0);
	assert_int_equal(record.policy, DMARC_NONE);
	assert_int_equal(record.subdomain_policy, DMARC_NONE);
}

static void targets_of_reports(void **state)
{
	struct dmarc_target targets[DMARC_TARGETS_MAX];

	(void)state;
	assert_int_equal(dmarc_read_targets(STR("mailto:reports@example.com!50m , MAILTO:a%2Cb@c.test?subject=x,"
	                                        "https://x.test/,mailto:,mailto:no!5x,mailto:d@e.test!10"),
	                                    &arena, targets),
	                 3);
	assert_str(targets[0].address, "reports@example.com");
	assert_int_equal(targets[0].size_max, 50 << 20);
	assert_str(targets[1].address, "a,b@c.test");
	assert_int_equal(targets[1].size_max, 0);
	assert_int_equal(targets[2].size_max, 10);
	assert_int_equal(dmarc_read_targets(STR("mailto:a%0d%0ab@c.test"), &arena, targets), 0);
	assert_int_equal(dmarc_read_targets(STR("mailto:a@b.test!99999999999999999999"), &arena, targets), 0);
	assert_int_equal(dmarc_read_targets((struct str){NULL, 0}, &arena, targets), 0);
}

static void without_record_nothing_is_said(void **state)
{
	(void)state;
	add("_dmarc.b.test", "something else");
	assert_int_equal(result_for("a.b.test"), DMARC_RESULT_NONE);
	assert_int_equal(outcome.policy_domain.len, 0);
	assert_int_equal(table.questions, 2);
	assert_int_equal(result_for(""), DMARC_RESULT_NONE);
	assert_int_equal(result_for("[192.0.2.1]"), DMARC_RESULT_NONE);
}

static void alignment_by_spf(void **state)
{
	(void)state;
	add("_dmarc.example.test", "v=DMARC1; p=reject");
	check.spf.domain = STR("bounce.example.test");
	assert_int_equal(result_for("example.test"), DMARC_RESULT_PASS); /* 3.1.2, relaxed */
	assert_true(outcome.spf_is_aligned);
	assert_int_equal(outcome.wanted, DMARC_NONE);
	assert_int_equal(outcome.policy, DMARC_REJECT);
	check.spf.domain = STR("other.test");
	assert_int_equal(result_for("example.test"), DMARC_RESULT_FAIL);
	assert_int_equal(outcome.wanted, DMARC_REJECT);
	check.spf = (struct dmarc_identity){STR("example.test"), DMARC_FAILED};
	assert_int_equal(result_for("example.test"), DMARC_RESULT_FAIL);
	assert_false(outcome.spf_is_aligned);
}

static void alignment_by_dkim(void **state)
{
	(void)state;
	add("_dmarc.example.test", "v=DMARC1; p=quarantine; adkim=s");
	check.dkim = &signature;
	check.dkim_count = 1;
	signature.domain = STR("Example.Test");
	assert_int_equal(result_for("example.test"), DMARC_RESULT_PASS);
	assert_true(outcome.dkim_is_aligned);
	signature.domain = STR("news.example.test");
	assert_int_equal(result_for("example.test"), DMARC_RESULT_FAIL);
	assert_int_equal(outcome.wanted, DMARC_QUARANTINE);
	signature = (struct dmarc_identity){STR("example.test"), DMARC_UNKNOWN};
	assert_int_equal(result_for("example.test"), DMARC_RESULT_TEMPERROR); /* 6.6.2 */
	assert_int_equal(outcome.wanted, DMARC_NONE);
	signature.domain = STR("elsewhere.test"); /* whatever it is, it says nothing about this domain */
	assert_int_equal(result_for("example.test"), DMARC_RESULT_FAIL);
}

static void subdomains_have_their_policy(void **state)
{
	(void)state;
	add("_dmarc.example.test", "v=DMARC1; p=reject; sp=quarantine");
	assert_int_equal(result_for("a.b.example.test"), DMARC_RESULT_FAIL);
	assert_str(outcome.policy_domain, "example.test");
	assert_int_equal(outcome.wanted, DMARC_QUARANTINE);
	add("_dmarc.c.example.test", "v=DMARC1; p=none; sp=reject");
	assert_int_equal(result_for("c.example.test"), DMARC_RESULT_FAIL);
	assert_str(outcome.policy_domain, "c.example.test");
	assert_int_equal(outcome.wanted, DMARC_NONE);
}

static void the_lot_decides_by_pct(void **state)
{
	(void)state;
	add("_dmarc.a.test", "v=DMARC1; p=reject; pct=20");
	add("_dmarc.b.test", "v=DMARC1; p=quarantine; pct=0");
	check.lot = 19;
	assert_int_equal(result_for("a.test"), DMARC_RESULT_FAIL);
	assert_int_equal(outcome.wanted, DMARC_REJECT);
	check.lot = 20;
	assert_int_equal(result_for("a.test"), DMARC_RESULT_FAIL);
	assert_int_equal(outcome.wanted, DMARC_QUARANTINE); /* 6.6.4 */
	check.lot = 0;
	assert_int_equal(result_for("b.test"), DMARC_RESULT_FAIL);
	assert_int_equal(outcome.wanted, DMARC_NONE);
}

static void records_that_do_not_count(void **state)
{
	(void)state;
	add("_dmarc.a.test", "v=DMARC1; p=reject");
	add("_dmarc.a.test", "v=DMARC1; p=none");
	assert_int_equal(result_for("a.test"), DMARC_RESULT_NONE); /* 6.6.3 step 5 */
	add("_dmarc.b.test", "v=DMARC1; p=often");
	assert_int_equal(result_for("b.test"), DMARC_RESULT_PERMERROR);
	mailauth_table_fail(&table, "_dmarc.c.test");
	assert_int_equal(result_for("c.test"), DMARC_RESULT_TEMPERROR);
	assert_true(outcome.problem.len > 0);
}

static void domains_in_utf8(void **state)
{
	(void)state;
	add("_dmarc.xn--bcher-kva.test", "v=DMARC1; p=reject");
	check.spf.domain = STR("xn--bcher-kva.test");
	assert_int_equal(result_for("b\xc3\xbc"
	                            "cher.test"),
	                 DMARC_RESULT_PASS);
	assert_str(outcome.from, "xn--bcher-kva.test");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(organisational_domains, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(records_are_told_by_their_version, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(whole_records, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(defaults_and_mistakes, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(targets_of_reports, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(without_record_nothing_is_said, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(alignment_by_spf, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(alignment_by_dkim, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(subdomains_have_their_policy, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(the_lot_decides_by_pct, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(records_that_do_not_count, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(domains_in_utf8, set_up, tear_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

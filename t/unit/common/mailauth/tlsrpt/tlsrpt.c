/* Records and rows of TLS reports (RFC 8460). */
#include "common/mailauth/tlsrpt/tlsrpt.h"

#include "common/mailauth/dns/table.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena arena;
static struct err err;

static size_t parse(const char *text, struct tlsrpt_target *targets)
{
	return tlsrpt_parse_record(str_of(text), &arena, targets);
}

static void records(void **state)
{
	struct tlsrpt_target targets[TLSRPT_TARGETS_MAX];

	(void)state;
	/* the examples of RFC 8460 3.1 */
	assert_int_equal(parse("v=TLSRPTv1;rua=mailto:reports@example.com", targets), 1);
	assert_true(str_equal(targets[0].text, STR("reports@example.com")) && !targets[0].is_web);
	assert_int_equal(parse("v=TLSRPTv1; rua=https://reporting.example.com/v1/tlsrpt", targets), 1);
	assert_true(str_equal(targets[0].text, STR("https://reporting.example.com/v1/tlsrpt")) && targets[0].is_web);
	assert_int_equal(parse("v=TLSRPTv1; x=1; rua=mailto:a%2Bb@c.test , ftp://c.test, https://c.test/ ;", targets), 2);
	assert_true(str_equal(targets[0].text, STR("a+b@c.test")));
	assert_int_equal(parse("v=TLSRPTv2; rua=mailto:a@c.test", targets), 0);
	assert_int_equal(parse("v=TLSRPTv1;", targets), 0);
	assert_int_equal(parse("v=TLSRPTv1; rua=mailto:a%0d%0aX@c.test,mailto:a%4@c.test,mailto:nobody", targets), 0);
	assert_int_equal(
	    parse("v=TLSRPTv1; rua=https://c.test/\r\nX: y,https://c.test/a b,https://c.test/\xc3\xa4", targets), 0);
}

static void add_text(struct mailauth_table *table, const char *name, const char *text)
{
	assert_int_equal(mailauth_table_add(table, name, MAILAUTH_TXT, str_of(text), &err), 0);
}

static void several_records_are_none(void **state)
{
	struct mailauth_table table;
	struct mailauth_dns dns;
	struct tlsrpt_target targets[TLSRPT_TARGETS_MAX];
	size_t count;

	(void)state;
	mailauth_table_init(&table, &arena);
	add_text(&table, "_smtp._tls.one.test", "v=TLSRPTv1; rua=mailto:a@one.test");
	add_text(&table, "_smtp._tls.one.test", "something else");
	add_text(&table, "_smtp._tls.two.test", "v=TLSRPTv1; rua=mailto:a@two.test");
	add_text(&table, "_smtp._tls.two.test", "v=TLSRPTv1; rua=mailto:b@two.test");
	dns = mailauth_table_dns(&table);
	assert_int_equal(tlsrpt_find_targets(&dns, STR("one.test"), &arena, targets, &count, &err), 0);
	assert_int_equal(count, 1);
	assert_int_equal(tlsrpt_find_targets(&dns, STR("two.test"), &arena, targets, &count, &err), 0);
	assert_int_equal(count, 0);
}

static void add(json_t *policies, const struct tlsrpt_session *session, int64_t count)
{
	struct buf row;

	buf_init(&row, TLSRPT_ROW_MAX);
	assert_int_equal(tlsrpt_format(session, &row, &err), 0);
	assert_true(tlsrpt_add(policies, buf_str(&row), count));
	buf_free(&row);
}

static int64_t sum(const json_t *policies, size_t index, const char *key)
{
	return json_integer_value(json_object_get(json_object_get(json_array_get(policies, index), "summary"), key));
}

static void rows_become_policies(void **state)
{
	static const struct str lines[] = {{"version: STSv1", 14}, {"mode: enforce", 13}}, mx = {"*.a.test", 8};
	struct tlsrpt_session session = {
	    .policy_type = "sts", .domain = STR("a.test"), .policy = lines, .policy_count = 2, .mx = &mx, .mx_count = 1};
	json_t *policies = json_array();
	const json_t *detail;

	(void)state;
	add(policies, &session, 5);
	session.failure = "certificate-expired";
	session.receiving_mx = STR("mx.a.test");
	session.reason = STR("\xff not UTF-8");
	add(policies, &session, 2);
	session = (struct tlsrpt_session){.policy_type = "no-policy-found", .domain = STR("a.test")};
	add(policies, &session, 1);
	assert_int_equal(json_array_size(policies), 2);
	assert_int_equal(sum(policies, 0, "total-successful-session-count"), 5);
	assert_int_equal(sum(policies, 0, "total-failure-session-count"), 2);
	assert_int_equal(sum(policies, 1, "total-successful-session-count"), 1);
	detail = json_array_get(json_object_get(json_array_get(policies, 0), "failure-details"), 0);
	assert_string_equal(json_string_value(json_object_get(detail, "result-type")), "certificate-expired");
	assert_string_equal(json_string_value(json_object_get(detail, "receiving-mx-hostname")), "mx.a.test");
	assert_int_equal(json_integer_value(json_object_get(detail, "failed-session-count")), 2);
	assert_null(json_object_get(detail, "failure-reason-code"));
	assert_string_equal(
	    json_string_value(json_array_get(
	        json_object_get(json_object_get(json_array_get(policies, 0), "policy"), "policy-string"), 1)),
	    "mode: enforce");
	json_decref(policies);
}

static void what_is_no_row(void **state)
{
	static const char *const texts[] = {"",
	                                    "\t",
	                                    "{}\t",
	                                    "[]",
	                                    "{\"policy-type\":1,\"policy-domain\":\"a\"}",
	                                    "{\"policy-type\":\"sts\",\"policy-domain\":\"a\"}\t{}",
	                                    "{\"policy-type\":\"sts\",\"policy-domain\":\"a\"}\tx"};
	json_t *policies = json_array();

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		assert_false(tlsrpt_add(policies, str_of(texts[i]), 1));
	/* what nobody asked for does not come into a report */
	assert_true(tlsrpt_add(policies, STR("{\"policy-type\":\"sts\",\"policy-domain\":\"a\",\"x\":[[]]}"), 1));
	assert_null(json_object_get(json_object_get(json_array_get(policies, 0), "policy"), "x"));
	json_decref(policies);
}

static int teardown(void **state)
{
	(void)state;
	arena_reset(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(records, teardown),
	    cmocka_unit_test_teardown(several_records_are_none, teardown),
	    cmocka_unit_test_teardown(rows_become_policies, teardown),
	    cmocka_unit_test_teardown(what_is_no_row, teardown),
	};
	int failed;

	arena_init(&arena);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests_name("tlsrpt", tests, NULL, NULL);
	arena_free(&arena);
	return failed;
}

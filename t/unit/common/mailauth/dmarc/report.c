/* What a report is made of: rows, and who gets it. */
#include "common/mailauth/dmarc/dmarc.h"
#include "common/mailauth/dmarc/row.h"
#include "common/mailauth/dns/table.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena arena;
static struct mailauth_table table;
static struct err err;

static void assert_str(struct str value, const char *expected)
{
	assert_int_equal(value.len, strlen(expected));
	assert_memory_equal(value.data, expected, value.len);
}

static struct dmarc_row example(void)
{
	return (struct dmarc_row){
	    .policy = STR("none"),
	    .subdomain_policy = STR("reject"),
	    .spf_is_strict = true,
	    .percent = 30,
	    .source = STR("2001:db8::1"),
	    .header_from = STR("a.test"),
	    .envelope_from = STR(""),
	    .disposition = STR("none"),
	    .reason = STR("sampled_out"),
	    .spf_passed = true,
	    .results = {{"spf", STR("a.test"), STR("mfrom"), STR("pass")}, {"dkim", STR("b.test"), STR("s1"), STR("fail")}},
	    .result_count = 2,
	};
}

static void rows_come_back(void **state)
{
	struct dmarc_row row = example(), read;
	struct buf one, other;

	(void)state;
	buf_init(&one, DMARC_ROW_MAX);
	buf_init(&other, DMARC_ROW_MAX);
	assert_int_equal(dmarc_row_format(&row, &one, &err), 0);
	assert_int_equal(dmarc_row_parse(buf_str(&one), &arena, &read, &err), 0);
	assert_str(read.policy, "none");
	assert_str(read.subdomain_policy, "reject");
	assert_false(read.dkim_is_strict);
	assert_true(read.spf_is_strict);
	assert_int_equal(read.percent, 30);
	assert_str(read.source, "2001:db8::1");
	assert_str(read.envelope_from, "");
	assert_str(read.reason, "sampled_out");
	assert_false(read.dkim_passed);
	assert_true(read.spf_passed);
	assert_int_equal(read.result_count, 2);
	assert_string_equal(read.results[1].method, "dkim");
	assert_str(read.results[1].detail, "s1");
	/* what tells the same is the same text */
	assert_int_equal(dmarc_row_format(&read, &other, &err), 0);
	assert_true(str_equal(buf_str(&one), buf_str(&other)));
	buf_free(&one);
	buf_free(&other);
}

static void strangers_texts_are_kept_short_and_clean(void **state)
{
	static char name[5000];
	struct dmarc_row row = example(), read;
	struct buf text;

	(void)state;
	memset(name, 'a', sizeof name);
	row.header_from = str_from(name, sizeof name);
	row.envelope_from = STR("\xff\xfe");
	for (row.result_count = 0; row.result_count < DMARC_ROW_RESULTS; row.result_count++)
		row.results[row.result_count] =
		    (struct dmarc_row_result){"dkim", str_from(name, sizeof name), str_from(name, sizeof name), STR("fail")};
	buf_init(&text, 2 * DMARC_ROW_MAX);
	assert_int_equal(dmarc_row_format(&row, &text, &err), 0);
	assert_int_equal(dmarc_row_parse(buf_str(&text), &arena, &read, &err), 0);
	assert_int_equal(read.header_from.len, DMARC_ROW_TEXT_MAX);
	assert_str(read.envelope_from, "");
	buf_free(&text);
	assert_int_equal(dmarc_row_parse(STR("[]"), &arena, &read, &err), -1);
	assert_int_equal(dmarc_row_parse(STR("{"), &arena, &read, &err), -1);
	assert_int_equal(dmarc_row_parse(STR("{\"results\":[1,[],{}]}"), &arena, &read, &err), 0);
}

static void add(const char *name, const char *text)
{
	assert_int_equal(mailauth_table_add(&table, name, MAILAUTH_TXT, str_of(text), &err), 0);
}

/* The addresses, with blanks between them; "?" where the DNS does not say. */
static const char *targets_of(const char *domain)
{
	struct mailauth_dns dns = mailauth_table_dns(&table);
	struct dmarc_target targets[DMARC_TARGETS_MAX];
	struct str all = STR("");
	size_t count;

	if (dmarc_find_targets(&dns, str_of(domain), &arena, targets, &count, &err) != 0)
		return "?";
	for (size_t i = 0; i < count; i++)
		all = arena_printf(&arena, "%.*s%s%.*s", STR_ARG(all), i > 0 ? " " : "", STR_ARG(targets[i].address));
	return arena_text(&arena, all);
}

/* RFC 7489 7.1 */
static void others_are_asked_for_their_consent(void **state)
{
	(void)state;
	add("_dmarc.example.com",
	    "v=DMARC1; p=none; rua=mailto:r@example.com,mailto:r@sub.example.com,mailto:r@yes.test,mailto:r@no.test");
	add("example.com._report._dmarc.yes.test", "v=DMARC1");
	add("example.com._report._dmarc.no.test", "something else");
	assert_string_equal(targets_of("example.com"), "r@example.com r@sub.example.com r@yes.test");
	add("_dmarc.named.com", "v=DMARC1; p=none; rua=mailto:r@yes.test,mailto:r@thief.test");
	add("named.com._report._dmarc.yes.test", "v=DMARC1; rua=mailto:other@yes.test");
	add("named.com._report._dmarc.thief.test", "v=DMARC1; rua=mailto:victim@example.com");
	assert_string_equal(targets_of("named.com"), "other@yes.test r@thief.test");
	assert_string_equal(targets_of("none.com"), "");
	add("_dmarc.bare.com", "v=DMARC1; p=none");
	assert_string_equal(targets_of("bare.com"), "");
	add("_dmarc.odd.com", "v=DMARC1; p=none; rua=mailto:no-address,https://odd.com/,mailto:a@[192.0.2.1]");
	assert_string_equal(targets_of("odd.com"), "");
}

static void without_an_answer_it_waits(void **state)
{
	(void)state;
	mailauth_table_fail(&table, "_dmarc.away.com");
	assert_string_equal(targets_of("away.com"), "?");
	add("_dmarc.half.com", "v=DMARC1; p=none; rua=mailto:r@half.com,mailto:r@away.test");
	mailauth_table_fail(&table, "half.com._report._dmarc.away.test");
	assert_string_equal(targets_of("half.com"), "?");
}

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena);
	mailauth_table_init(&table, &arena);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(rows_come_back, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(strangers_texts_are_kept_short_and_clean, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(others_are_asked_for_their_consent, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(without_an_answer_it_waits, set_up, tear_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SMTP commands and their parameters: RFC 5321 4.1.1, 1870, 3030, 3461, 4954, 6152, 6531. */
#include "common/smtp/command.h"

#include "common/spool/spool.h"

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

static void test_command_lines(void **state)
{
	struct smtp_command command;
	struct smtp_refusal refusal;

	(void)state;
	assert_int_equal(smtp_parse_command(STR("MAIL FROM:<a@b>  "), &command, &refusal), 0);
	assert_str(command.verb, "MAIL");
	assert_str(command.argument, "FROM:<a@b>");
	assert_int_equal(smtp_parse_command(STR("quit"), &command, &refusal), 0);
	assert_str(command.argument, "");
	assert_int_equal(smtp_parse_command(STR(""), &command, &refusal), -1);
	assert_int_equal(refusal.code, 500);
	assert_int_equal(smtp_parse_command(STR("NOOP\nQUIT"), &command, &refusal), -1);
	assert_int_equal(smtp_parse_command(STR("NOOP\rQUIT"), &command, &refusal), -1);
	assert_int_equal(smtp_parse_command(STR("NOOP\0QUIT"), &command, &refusal), -1);
}

static void test_mail(void **state)
{
	struct smtp_refusal refusal;
	struct smtp_mail mail;

	(void)state;
	assert_int_equal(
	    smtp_parse_mail(
	        STR("FROM:<anna@example.org> size=1000 BODY=8bitmime RET=hdrs ENVID=QQ+2B1 AUTH=<> SMTPUTF8 requiretls"),
	        STR(""), &arena, &mail, &refusal),
	    0);
	assert_str(mail.from.text, "anna@example.org");
	assert_int_equal(mail.size, 1000);
	assert_int_equal(mail.body, SMTP_BODY_8BITMIME);
	assert_str(mail.ret, "HDRS");
	assert_str(mail.envid, "QQ+2B1");
	assert_str(mail.auth, "<>");
	assert_true(mail.smtputf8);
	assert_true(mail.requiretls);
	assert_int_equal(smtp_parse_mail(STR("from: <>"), STR(""), &arena, &mail, &refusal), 0);
	assert_true(mail.from.is_null);
	assert_int_equal(
	    smtp_parse_mail(STR("FROM:<a@b.test> SIZE=99999999999999999999"), STR(""), &arena, &mail, &refusal), 0);
	assert_true(mail.size == UINT64_MAX);
	assert_int_equal(smtp_parse_mail(STR("FROM:<\xc3\xb6@b.test> SMTPUTF8"), STR(""), &arena, &mail, &refusal), 0);
}

struct refusal_case {
	const char *argument;
	int code;
	const char *enhanced;
};

static void test_mail_refused(void **state)
{
	static const struct refusal_case cases[] = {
	    {"", 501, "5.5.4"},
	    {"<a@b.test>", 501, "5.5.4"},
	    {"TO:<a@b.test>", 501, "5.5.4"},
	    {"FROM:a@b.test", 501, "5.1.7"},
	    {"FROM:<a>", 501, "5.1.7"},
	    {"FROM:<postmaster>", 501, "5.1.7"},
	    {"FROM:<a@b.test> SIZE=", 501, "5.5.4"},
	    {"FROM:<a@b.test> SIZE", 501, "5.5.4"},
	    {"FROM:<a@b.test> SIZE=-1", 501, "5.5.4"},
	    {"FROM:<a@b.test> SIZE=1x", 501, "5.5.4"},
	    {"FROM:<a@b.test> SIZE=999999999999999999999", 501, "5.5.4"},
	    {"FROM:<a@b.test> SIZE=1 SIZE=1", 501, "5.5.4"},
	    {"FROM:<a@b.test> BODY=BINARYMIME", 501, "5.5.4"},
	    {"FROM:<a@b.test> RET=ALL", 501, "5.5.4"},
	    {"FROM:<a@b.test> ENVID=", 501, "5.5.4"},
	    {"FROM:<a@b.test> ENVID=a+2b", 501, "5.5.4"},
	    {"FROM:<a@b.test> ENVID=a+0A", 501, "5.5.4"},
	    {"FROM:<a@b.test> AUTH=a=b", 501, "5.5.4"},
	    {"FROM:<a@b.test> SMTPUTF8=1", 501, "5.5.4"},
	    {"FROM:<a@b.test> X=1", 555, "5.5.4"},
	    {"FROM:<a@b.test> NOTIFY=NEVER", 555, "5.5.4"},
	    {"FROM:<\xc3\xb6@b.test>", 553, "5.6.7"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct smtp_refusal refusal;
		struct smtp_mail mail;

		if (smtp_parse_mail(str_of(cases[i].argument), STR(""), &arena, &mail, &refusal) == 0)
			fail_msg("accepted: %s", cases[i].argument);
		assert_int_equal(refusal.code, cases[i].code);
		assert_string_equal(refusal.enhanced, cases[i].enhanced);
	}
}

static void test_rcpt(void **state)
{
	struct smtp_refusal refusal;
	struct smtp_rcpt rcpt;

	(void)state;
	assert_int_equal(
	    smtp_parse_rcpt(STR("TO:<anna@example.org> NOTIFY=success,DELAY ORCPT=rfc822;anna+2Bx@example.org"), STR(""),
	                    false, &arena, &rcpt, &refusal),
	    0);
	assert_str(rcpt.to.text, "anna@example.org");
	assert_int_equal(rcpt.notify, SPOOL_NOTIFY_SUCCESS | SPOOL_NOTIFY_DELAY);
	assert_str(rcpt.orcpt, "rfc822;anna+2Bx@example.org");
	assert_int_equal(smtp_parse_rcpt(STR("TO:<Postmaster>"), STR(""), false, &arena, &rcpt, &refusal), 0);
	assert_str(rcpt.to.text, "Postmaster");
	assert_int_equal(smtp_parse_rcpt(STR("TO:<a@b.test> NOTIFY=NEVER"), STR(""), false, &arena, &rcpt, &refusal), 0);
	assert_int_equal(rcpt.notify, SPOOL_NOTIFY_NEVER);
	assert_int_equal(smtp_parse_rcpt(STR("TO:<\xc3\xb6@b.test> ORCPT=utf-8;\xc3\xb6@b.test"), STR(""), true, &arena,
	                                 &rcpt, &refusal),
	                 0);
}

static void test_rcpt_refused(void **state)
{
	static const struct refusal_case cases[] = {
	    {"FROM:<a@b.test>", 501, "5.5.4"},
	    {"TO:<>", 501, "5.1.3"},
	    {"TO:<anna>", 501, "5.1.3"},
	    {"TO:<a@b.test> NOTIFY=", 501, "5.5.4"},
	    {"TO:<a@b.test> NOTIFY=NEVER,SUCCESS", 501, "5.5.4"},
	    {"TO:<a@b.test> NOTIFY=SUCCESS,", 501, "5.5.4"},
	    {"TO:<a@b.test> NOTIFY=ALWAYS", 501, "5.5.4"},
	    {"TO:<a@b.test> NOTIFY=DELAY NOTIFY=DELAY", 501, "5.5.4"},
	    {"TO:<a@b.test> ORCPT=a@b.test", 501, "5.5.4"},
	    {"TO:<a@b.test> ORCPT=rfc822;", 501, "5.5.4"},
	    {"TO:<a@b.test> ORCPT=rfc822;a=b", 501, "5.5.4"},
	    {"TO:<a@b.test> ORCPT=rfc822;a+0Ab", 501, "5.5.4"},
	    {"TO:<a@b.test> ORCPT=utf-8;\xc3\xb6@b.test", 501, "5.5.4"},
	    {"TO:<a@b.test> SIZE=1", 555, "5.5.4"},
	    {"TO:<\xc3\xb6@b.test>", 553, "5.6.7"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct smtp_refusal refusal;
		struct smtp_rcpt rcpt;

		if (smtp_parse_rcpt(str_of(cases[i].argument), STR(""), false, &arena, &rcpt, &refusal) == 0)
			fail_msg("accepted: %s", cases[i].argument);
		assert_int_equal(refusal.code, cases[i].code);
		assert_string_equal(refusal.enhanced, cases[i].enhanced);
	}
}

static void test_bdat(void **state)
{
	static const char *const wrong[] = {"",
	                                    "LAST",
	                                    "10 LAST 10",
	                                    "10 FIRST",
	                                    "-1",
	                                    "0x10",
	                                    "1 0",
	                                    "10LAST",
	                                    "9223372036854775808",
	                                    "99999999999999999999999",
	                                    "10 LASTLY"};
	struct smtp_refusal refusal;
	struct smtp_chunk chunk;

	(void)state;
	assert_int_equal(smtp_parse_bdat(STR("86"), &chunk, &refusal), 0);
	assert_true(chunk.size == 86 && !chunk.is_last);
	assert_int_equal(smtp_parse_bdat(STR("0 LAST"), &chunk, &refusal), 0);
	assert_true(chunk.size == 0 && chunk.is_last);
	assert_int_equal(smtp_parse_bdat(STR("9223372036854775807 last"), &chunk, &refusal), 0);
	assert_true(chunk.size == INT64_MAX && chunk.is_last);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		if (smtp_parse_bdat(str_of(wrong[i]), &chunk, &refusal) == 0)
			fail_msg("accepted: %s", wrong[i]);
		assert_int_equal(refusal.code, 501);
	}
}

/* RFC 4865 5.1 */
static void test_hold(void **state)
{
	static const char *const wrong[] = {"HOLDFOR=0",
	                                    "HOLDFOR=",
	                                    "HOLDFOR=1000000000",
	                                    "HOLDUNTIL=2026-12-31",
	                                    "HOLDUNTIL",
	                                    "HOLDFOR=60 HOLDUNTIL=2026-12-31T23:59:59Z",
	                                    "HOLDFOR=60 HOLDFOR=60"};
	struct smtp_refusal refusal;
	struct smtp_mail mail;

	(void)state;
	assert_int_equal(smtp_parse_mail(STR("FROM:<a@b.example> holdfor=999999999"), STR(""), &arena, &mail, &refusal), 0);
	assert_int_equal(mail.hold_for, 999999999);
	assert_int_equal(mail.hold_until, 0);
	assert_int_equal(smtp_parse_mail(STR("FROM:<a@b.example> HOLDUNTIL=1970-01-02T00:00:00+01:00"), STR(""), &arena,
	                                 &mail, &refusal),
	                 0);
	assert_int_equal(mail.hold_until, 23 * 3600);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct str text = arena_printf(&arena, "FROM:<a@b.example> %s", wrong[i]);

		assert_int_equal(smtp_parse_mail(text, STR(""), &arena, &mail, &refusal), -1);
		assert_int_equal(refusal.code, 501);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_command_lines, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_mail, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_hold, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_mail_refused, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_rcpt, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_rcpt_refused, set_up, tear_down),
	    cmocka_unit_test(test_bdat),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("smtp command", tests, NULL, NULL);
}

/* pop3/reply: RFC 1939 sections 3, 5 and 7, RFC 2449 section 5, RFC 5034 section 4, and what servers say beside that.
 */
#include "common/pop3/reply.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void check_status(const char *line, enum pop3_status status, const char *text)
{
	struct str rest;

	assert_int_equal(pop3_reply_status(str_of(line), &rest), status);
	assert_true(str_equal(rest, str_of(text)));
}

static void test_status(void **state)
{
	(void)state;
	check_status("+OK", POP3_STATUS_OK, "");
	check_status("+OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>", POP3_STATUS_OK,
	             "POP3 server ready <1896.697170952@dbc.mtview.ca.us>");
	check_status("+ok 2 320", POP3_STATUS_OK, "2 320");
	check_status("-ERR [IN-USE] Do you have another POP session running?", POP3_STATUS_ERROR,
	             "[IN-USE] Do you have another POP session running?");
	check_status("-ERR", POP3_STATUS_ERROR, "");
	check_status("+ ", POP3_STATUS_CONTINUE, "");
	check_status("+", POP3_STATUS_CONTINUE, "");
	check_status("+ PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2U+", POP3_STATUS_CONTINUE,
	             "PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2U+");
	check_status("", POP3_STATUS_NONE, "");
	check_status("+OKAY", POP3_STATUS_NONE, "+OKAY");
	check_status("-ERROR", POP3_STATUS_NONE, "-ERROR");
	check_status("* OK IMAP4rev1", POP3_STATUS_NONE, "* OK IMAP4rev1");
	check_status("220 mail ESMTP", POP3_STATUS_NONE, "220 mail ESMTP");
}

static void test_stat(void **state)
{
	uint32_t count;
	uint64_t octets;

	(void)state; /* RFC 1939 section 5: "nn mm", and more may follow */
	assert_true(pop3_reply_stat(STR("2 320"), &count, &octets));
	assert_int_equal(count, 2);
	assert_int_equal(octets, 320);
	assert_true(pop3_reply_stat(STR("0 0 messages"), &count, &octets));
	assert_int_equal(count, 0);
	assert_true(pop3_reply_stat(STR("1000000 99999999999"), &count, &octets));
	assert_false(pop3_reply_stat(STR("1000001 1"), &count, &octets));
	assert_false(pop3_reply_stat(STR("2"), &count, &octets));
	assert_false(pop3_reply_stat(STR("two 320"), &count, &octets));
	assert_false(pop3_reply_stat(STR("-1 320"), &count, &octets));
	assert_false(pop3_reply_stat(STR("99999999999999999999 1"), &count, &octets));
}

static void test_list(void **state)
{
	uint32_t number;
	uint64_t octets;

	(void)state;
	assert_true(pop3_reply_size(STR("2 200"), &number, &octets));
	assert_int_equal(number, 2);
	assert_int_equal(octets, 200);
	assert_true(pop3_reply_size(STR("1 120 octets"), &number, &octets));
	assert_false(pop3_reply_size(STR("0 120"), &number, &octets));
	assert_false(pop3_reply_size(STR("1"), &number, &octets));
	assert_false(pop3_reply_size(STR("1 -5"), &number, &octets));
	assert_false(pop3_reply_size(STR(""), &number, &octets));
}

static void test_uidl(void **state)
{
	char line[8 + POP3_UIDL_MAX + 2];
	uint32_t number;
	struct str uidl;

	(void)state;
	assert_true(pop3_reply_uidl(STR("1 whqtswO00WBw418f9t5JxYwZ"), &number, &uidl));
	assert_int_equal(number, 1);
	assert_true(str_equal(uidl, STR("whqtswO00WBw418f9t5JxYwZ")));
	/* what RFC 1939 section 7 forbids and servers do */
	assert_true(pop3_reply_uidl(STR("12 an id  with blanks "), &number, &uidl));
	assert_true(str_equal(uidl, STR("an id  with blanks")));
	assert_false(pop3_reply_uidl(STR("1"), &number, &uidl));
	assert_false(pop3_reply_uidl(STR("1  "), &number, &uidl));
	assert_false(pop3_reply_uidl(STR("0 x"), &number, &uidl));
	assert_false(pop3_reply_uidl(STR("1 a\0b"), &number, &uidl));
	memset(line, 'x', sizeof line);
	memcpy(line, "1 ", 2);
	assert_true(pop3_reply_uidl(str_from(line, 2 + POP3_UIDL_MAX), &number, &uidl));
	assert_false(pop3_reply_uidl(str_from(line, 3 + POP3_UIDL_MAX), &number, &uidl));
}

static void check_timestamp(const char *greeting, const char *expected)
{
	assert_true(str_equal(pop3_reply_timestamp(str_of(greeting)), str_of(expected)));
}

static void test_timestamp(void **state)
{
	(void)state; /* RFC 1939 section 7, APOP */
	check_timestamp("POP3 server ready <1896.697170952@dbc.mtview.ca.us>", "<1896.697170952@dbc.mtview.ca.us>");
	check_timestamp("<a@b> ready", "<a@b>");
	check_timestamp("welcome <b>to</b> <a@b>", "<a@b>");
	check_timestamp("POP3 server ready", "");
	check_timestamp("<no timestamp>", "");
	check_timestamp("<a b@c>", "");
	check_timestamp("<a@b", "");
	check_timestamp("", "");
}

static void test_capabilities(void **state)
{
	struct str words;

	(void)state;
	assert_int_equal(pop3_reply_capability(STR("STLS"), &words), POP3_OFFER_STLS);
	assert_int_equal(pop3_reply_capability(STR("pipelining"), &words), POP3_OFFER_PIPELINING);
	assert_int_equal(pop3_reply_capability(STR("SASL CRAM-MD5 KERBEROS_V4"), &words), POP3_OFFER_SASL);
	assert_true(str_equal(words, STR("CRAM-MD5 KERBEROS_V4")));
	assert_int_equal(pop3_reply_capability(STR("EXPIRE 60"), &words), 0);
	assert_int_equal(pop3_reply_capability(STR("STLSX"), &words), 0);
	assert_int_equal(pop3_reply_capability(STR(""), &words), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_status), cmocka_unit_test(test_stat),      cmocka_unit_test(test_list),
	    cmocka_unit_test(test_uidl),   cmocka_unit_test(test_timestamp), cmocka_unit_test(test_capabilities),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("pop3/reply", tests, NULL, NULL);
}

#include "common/dsn/dsn.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct buf text;

static bool has(const char *wanted)
{
	return str_find(buf_str(&text), str_of(wanted)) >= 0;
}

static int count(const char *wanted)
{
	struct str rest = buf_str(&text);
	int found = 0;

	for (ptrdiff_t at; (at = str_find(rest, str_of(wanted))) >= 0; found++)
		rest = str_skip(rest, (size_t)at + 1);
	return found;
}

static struct dsn sample(const struct dsn_recipient *recipients, size_t recipient_count)
{
	return (struct dsn){
	    .action = DSN_FAILED,
	    .subject = STR("Mail Delivery Failure"),
	    .sentence = STR("Delivery Failure Report. The following message could not be delivered.\n"),
	    .id = STR("64f0a1b2c3d4e-queue-manager-0a1b2c3d"),
	    .host = STR("mail.example.com"),
	    .from = STR("Mailer_Daemon@example.com"),
	    .to = STR("anna@example.com"),
	    .original_id = STR("64f0a1b2c3d4e-smtpd-11111111"),
	    .envid = STR("QQ+2B314159"),
	    .arrived_us = 784887151000000, /* Tue, 15 Nov 1994 08:12:31 */
	    .now_us = 784890751000000,
	    .headers = STR("From: anna@example.com\r\nSubject: hello\r\n"),
	    .recipients = recipients,
	    .recipient_count = recipient_count,
	};
}

static void compose(const struct dsn *dsn)
{
	buf_reset(&text);
	dsn_begin(dsn, &text);
	dsn_end(dsn, &text);
	assert_false(text.overflow);
	/* every line ends with CRLF, none is longer than RFC 5322 2.1.1 allows */
	for (size_t i = 0, begin = 0; i < text.len; i++) {
		if (text.data[i] != '\n')
			continue;
		assert_int_equal(text.data[i - 1], '\r');
		assert_true(i - begin < 1000);
		begin = i + 1;
	}
}

static void test_failure(void **state)
{
	const struct dsn_recipient recipient = {
	    .address = STR("louisl@larry.slip.umd.edu"),
	    .given = STR("louisl@larry.slip.umd.edu"),
	    .status = STR("5.1.1"),
	    .orcpt = STR("rfc822;Louis+2BL@larry.slip.umd.edu"),
	    .remote_host = STR("mx.umd.edu"),
	    .words = STR("550 5.1.1 no such user"),
	};
	struct dsn dsn = sample(&recipient, 1);

	(void)state;
	compose(&dsn);
	/* RFC 6522 3, RFC 3464 2 */
	assert_true(has("\r\nContent-Type: multipart/report; report-type=delivery-status;\r\n boundary="));
	assert_true(has("From: Mail Delivery System <Mailer_Daemon@example.com>\r\nTo: <anna@example.com>\r\n"));
	assert_true(has("\r\nSubject: Mail Delivery Failure\r\n"));
	assert_true(has("\r\nAuto-Submitted: auto-replied\r\n"));
	assert_true(has("\r\nContent-Type: message/delivery-status\r\n\r\nOriginal-Envelope-Id: QQ+314159\r\n"
	                "Reporting-MTA: dns; mail.example.com\r\nArrival-Date: Tue, 15 Nov 1994 08:12:31 +0000\r\n\r\n"
	                "Original-Recipient: rfc822; Louis+L@larry.slip.umd.edu\r\n"
	                "Final-Recipient: rfc822; louisl@larry.slip.umd.edu\r\nAction: failed\r\nStatus: 5.1.1\r\n"
	                "Remote-MTA: dns; mx.umd.edu\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user\r\n"
	                "Last-Attempt-Date: Tue, 15 Nov 1994 09:12:31 +0000\r\n"));
	assert_true(has("\r\nContent-Type: text/rfc822-headers\r\n\r\nFrom: anna@example.com\r\nSubject: hello\r\n"));
	assert_int_equal(count("\r\n--=_64f0a1b2c3d4e-queue-manager-0a1b2c3d"), 4);
	assert_true(str_ends_nocase(buf_str(&text), STR("0a1b2c3d--\r\n")));
	assert_false(dsn_is_8bit(buf_str(&text)));
}

static void test_unrecognised(void **state)
{
	const struct dsn_recipient recipient = {
	    .address = STR("nobody@example.com"),
	    .given = STR("nobody@example.com"),
	    .status = STR("5.1.1"),
	    .words = STR("Recipient not recognised"),
	    .unrecognised = true,
	};
	struct dsn dsn = sample(&recipient, 1);

	(void)state;
	compose(&dsn);
	assert_true(has("Delivery Failure Report. The following message could not be delivered.\r\n\r\n"
	                "Recipient: \"nobody@example.com\" is unrecognised.\r\n"));
	assert_false(has("Remote-MTA"));
}

static void test_delay_and_success(void **state)
{
	const struct dsn_recipient recipient = {.address = STR("a@b.example"), .words = STR("451 later")};
	struct dsn dsn = sample(&recipient, 1);

	(void)state;
	dsn.action = DSN_DELAYED;
	dsn.retry_until_us = 785149951000000;
	compose(&dsn);
	assert_true(has("Action: delayed\r\nStatus: 4.0.0\r\n"));
	assert_true(has("Will-Retry-Until: Fri, 18 Nov 1994 09:12:31 +0000\r\n"));
	dsn.action = DSN_RELAYED;
	compose(&dsn);
	assert_true(has("Action: relayed\r\nStatus: 2.0.0\r\n"));
	assert_false(has("Will-Retry-Until"));
	dsn.action = DSN_DELIVERED;
	compose(&dsn);
	assert_true(has("Action: delivered\r\n"));
}

static void test_nothing_can_be_forged(void **state)
{
	const struct dsn_recipient recipient = {
	    .address = STR("a\"\r\nX: y\"@b.example"),
	    .words = STR("550 x\r\n\r\nAction: delivered\r\n\xff\x00zz"),
	    .orcpt = STR("rfc822;a+0D+0AAction: delivered"),
	    .remote_host = STR("h\r\nStatus: 2.0.0"),
	};
	struct dsn dsn = sample(&recipient, 1);

	(void)state;
	dsn.to = STR("a@b\r\nBcc: all@example.com");
	compose(&dsn);
	assert_false(has("\nX: y"));
	assert_false(has("\nAction: delivered"));
	assert_false(has("\nStatus: 2.0.0"));
	assert_false(has("\nBcc:"));
	assert_int_equal(count("\nAction:"), 1);
	assert_null(memchr(text.data, '\0', text.len));
}

static void test_global(void **state)
{
	const struct dsn_recipient recipient = {.address = STR("j\xc3\xb6rg@example.com"), .words = STR("550 no")};
	struct dsn dsn = sample(&recipient, 1);

	(void)state;
	dsn.headers = STR("Subject: gr\xc3\xbc\xc3\x9f\r\n");
	compose(&dsn);
	/* RFC 6533 3, 4, 5 */
	assert_true(has("report-type=global-delivery-status"));
	assert_true(has("Content-Type: message/global-delivery-status\r\n"));
	assert_true(has("Final-Recipient: utf-8; j\xc3\xb6rg@example.com\r\n"));
	assert_true(has("Content-Type: message/global-headers\r\n"));
	assert_true(has("Subject: gr\xc3\xbc\xc3\x9f\r\n"));
	dsn.headers = STR("Subject: gr\xfc\xdf\r\n");
	compose(&dsn);
	assert_true(has("Content-Type: text/rfc822-headers\r\n"));
	assert_true(has("Subject: gr??\r\n"));
}

static void test_long_answers_are_folded(void **state)
{
	struct dsn_recipient recipient = {.address = STR("a@b.example"), .remote_host = STR("mx.b.example")};
	struct dsn dsn = sample(&recipient, 1);
	struct buf words;

	(void)state;
	buf_init(&words, 4096);
	for (int i = 0; i < 200; i++)
		buf_printf(&words, "word%d   ", i);
	recipient.words = buf_str(&words);
	compose(&dsn);
	assert_true(has("Diagnostic-Code: smtp; word0 word1 word2"));
	assert_true(has(" word199"));
	buf_free(&words);
}

static void test_full(void **state)
{
	const struct dsn_recipient recipient = {.address = STR("a@b.example")};
	struct dsn dsn = sample(&recipient, 1);

	(void)state;
	dsn.full = true;
	buf_reset(&text);
	dsn_begin(&dsn, &text);
	assert_true(str_ends_nocase(buf_str(&text),
	                            STR("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n")));
}

static void test_utf8(void **state)
{
	(void)state;
	assert_true(dsn_is_utf8(STR("plain \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80")));
	assert_false(dsn_is_utf8(STR("\xc0\xaf")));
	assert_false(dsn_is_utf8(STR("\xed\xa0\x80")));
	assert_false(dsn_is_utf8(STR("\xf4\x90\x80\x80")));
	assert_false(dsn_is_utf8(STR("\xe2\x82")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_failure),
	    cmocka_unit_test(test_unrecognised),
	    cmocka_unit_test(test_delay_and_success),
	    cmocka_unit_test(test_nothing_can_be_forged),
	    cmocka_unit_test(test_global),
	    cmocka_unit_test(test_long_answers_are_folded),
	    cmocka_unit_test(test_full),
	    cmocka_unit_test(test_utf8),
	};

	buf_init(&text, 1 << 20);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("common/dsn/dsn", tests, NULL, NULL);
}

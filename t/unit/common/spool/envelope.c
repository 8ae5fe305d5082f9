#include "common/spool/spool.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena arena;
static struct err err;

static struct spool_envelope sample(struct spool_recipient *recipients, size_t count)
{
	return (struct spool_envelope){
	    .id = STR("64f0a1b2c3d4e-smtpd-0a1b2c3d"),
	    .time_us = 1775000000000000,
	    .producer = STR("smtpd"),
	    .service = STR("submission"),
	    .from = STR("anna@example.com"),
	    .peer = STR("192.0.2.1"),
	    .user = STR("anna"),
	    .smtputf8 = true,
	    .requiretls = true,
	    .ret = STR("HDRS"),
	    .envid = STR("QQ314159"),
	    .keywords = STR("$Junk Red"),
	    .arc = STR("pass"),
	    .results = STR("mx.example.com; arc=pass"),
	    .hold = true,
	    .collector = 7,
	    .recipients = recipients,
	    .recipient_count = count,
	};
}

static void test_round_trip(void **state)
{
	struct spool_recipient recipients[] = {
	    {.address = STR("bob@example.org"),
	     .notify = SPOOL_NOTIFY_SUCCESS | SPOOL_NOTIFY_DELAY,
	     .orcpt = STR("rfc822;Bob@example.org")},
	    {.address = STR("\"a > b\\\" c\"@example.org"), .notify = SPOOL_NOTIFY_NEVER, .orcpt = {"", 0}},
	    {.address = STR("plain@example.org"), .orcpt = {"", 0}, .folder = STR("Sent+20Items")},
	    {.address = STR("fred@example.com"), .folder = STR("Customers"), .named = true},
	    {.address = STR("gone@example.com"), .refused = STR("nobody+20there")},
	};
	struct spool_envelope envelope = sample(recipients, 5), back;
	struct buf text;
	size_t length;

	(void)state;
	buf_init(&text, 65536);
	assert_int_equal(spool_envelope_format(&envelope, &text, &err), 0);
	length = text.len;
	buf_add_str(&text, STR("Subject: x\r\n\r\nto: <not@a.recipient>\r\n"));
	assert_int_equal(spool_envelope_parse(buf_str(&text), &arena, &back, &envelope.recipient_count, &err), 0);
	assert_int_equal(envelope.recipient_count, length);
	assert_true(str_equal(back.id, envelope.id));
	assert_int_equal(back.time_us, envelope.time_us);
	assert_true(str_equal(back.from, envelope.from));
	assert_true(str_equal(back.user, envelope.user));
	assert_int_equal(back.helo.len, 0);
	assert_true(back.smtputf8);
	assert_true(back.requiretls);
	assert_true(back.hold);
	assert_true(str_equal(back.keywords, envelope.keywords));
	assert_true(str_equal(back.arc, envelope.arc));
	assert_true(str_equal(back.results, envelope.results));
	assert_int_equal(back.collector, 7);
	assert_int_equal(back.recipient_count, 5);
	for (int i = 0; i < 5; i++) {
		assert_true(str_equal(back.recipients[i].address, recipients[i].address));
		assert_int_equal(back.recipients[i].notify, recipients[i].notify);
		assert_true(str_equal(back.recipients[i].orcpt, recipients[i].orcpt));
		assert_true(str_equal(back.recipients[i].folder, recipients[i].folder));
		assert_int_equal(back.recipients[i].named, recipients[i].named);
		assert_true(str_equal(back.recipients[i].refused, recipients[i].refused));
	}
	buf_free(&text);
}

static void test_line_ends_are_refused(void **state)
{
	struct spool_recipient recipient = {.address = STR("a@b\nto: <c@d>"), .orcpt = {"", 0}};
	struct spool_envelope envelope = sample(&recipient, 1);
	struct buf text;

	(void)state;
	buf_init(&text, 65536);
	assert_int_equal(spool_envelope_format(&envelope, &text, &err), -1);
	assert_int_equal(err.code, ERR_SYNTAX);
	envelope.recipient_count = 0;
	envelope.helo = STR("x\ntoken: y");
	buf_reset(&text);
	assert_int_equal(spool_envelope_format(&envelope, &text, &err), -1);
	buf_free(&text);
}

#define GOOD "id: 64f0a1b2c3d4e-smtpd-0a1b2c3d\nproducer: smtpd\n"

static void test_broken_envelopes(void **state)
{
	static const char *const broken[] = {
	    "",
	    "\n",
	    "x",
	    GOOD,
	    GOOD "x\n\n",
	    GOOD "to: a@b\n\n",
	    GOOD "to: <>\n\n",
	    GOOD "to: <a@b\n\n",
	    GOOD "to: <a@b> NOTIFY=SOMETIMES\n\n",
	    GOOD "to: <a@b> NOTIFY=NEVER,DELAY\n\n",
	    GOOD "to: <a@b> X=1\n\n",
	    GOOD "from: a\nfrom: b\n\n",
	    GOOD "from: a\r\n\n",
	    GOOD "time: -1\n\n",
	    GOOD "from: \n\n",
	    "id: ../../etc/passwd\n\n",
	    "producer: smtpd\n\n",
	};
	struct spool_envelope envelope;
	size_t length;

	(void)state;
	for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
		assert_int_equal(spool_envelope_parse(str_of(broken[i]), &arena, &envelope, &length, &err), -1);
	assert_int_equal(spool_envelope_parse(STR(GOOD "later-key: 1\n\n"), &arena, &envelope, &length, &err), 0);
}

static void test_ids(void **state)
{
	(void)state;
	assert_true(spool_id_is_valid(STR("64f0a1b2c3d4e-queue-manager-0a1b2c3d")));
	assert_false(spool_id_is_valid(STR("64f0a1b2c3d4e--0a1b2c3d")));
	assert_false(spool_id_is_valid(STR("64f0a1b2c3d4e-smtpd-0a1b2c3")));
	assert_false(spool_id_is_valid(STR("64f0a1b2c3d4e-sm/pd-0a1b2c3d")));
	assert_false(spool_id_is_valid(STR("64f0a1b2c3d4E-smtpd-0a1b2c3d")));
	assert_false(spool_id_is_valid(STR("..")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_line_ends_are_refused),
	    cmocka_unit_test(test_broken_envelopes),
	    cmocka_unit_test(test_ids),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("common/spool/envelope", tests, NULL, NULL);
}

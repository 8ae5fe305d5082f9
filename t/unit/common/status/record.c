/*
 * Unit tests of record: what is written is read again, and what is no record is refused.
 */
#include "common/status/record.h"

#include "common/status/status.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_there_and_back(void **state)
{
	const struct status_record record = {
	    .id = 12345678,
	    .program = STR("pop3d"),
	    .pid = 4711,
	    .service = STR("pop3"),
	    .peer = STR("2001:db8::1"),
	    .user = STR("J\xc3\xbcrgen M"),
	    .uid = 7,
	    .tls = true,
	    .begin = 1795260037123,
	    .end = 1795260099000,
	    .messages = 3,
	};
	struct status_record read;
	struct buf line;

	(void)state;
	buf_init(&line, STATUS_RECORD_MAX);
	status_record_format(&record, &line);
	assert_string_equal(buf_text(&line), "12345678\tpop3d\t4711\tpop3\t2001:db8::1\tJ\xc3\xbcrgen M\t7\t1\t"
	                                     "1795260037123\t1795260099000\t3");
	assert_true(status_record_parse(buf_str(&line), &read));
	assert_int_equal(read.id, record.id);
	assert_true(str_equal(read.program, record.program) && str_equal(read.service, record.service));
	assert_true(str_equal(read.peer, record.peer) && str_equal(read.user, record.user));
	assert_int_equal(read.pid, 4711);
	assert_int_equal(read.uid, 7);
	assert_true(read.tls && read.begin == record.begin && read.end == record.end && read.messages == record.messages);
	buf_free(&line);
}

static void test_what_is_none(void **state)
{
	static const char *const lines[] = {
	    "",
	    "1",
	    "1\tp\t2\ts\tx\tu\t3\t0\t4\t5",       /* too few */
	    "1\tp\t2\ts\tx\tu\t3\t0\t4\t5\t6\t7", /* too many */
	    "x\tp\t2\ts\tx\tu\t3\t0\t4\t5\t6",    /* no number */
	    "-1\tp\t2\ts\tx\tu\t3\t0\t4\t5\t6",   /* below 0 */
	    "1\tp\t2\ts\tx\tu\t3\t2\t4\t5\t6",    /* neither yes nor no */
	    "1\tp\t4294967296\ts\tx\tu\t3\t0\t4\t5\t6",
	    "1\tp\t2\ts\tx\tu\t3\t0\t9223372036854775808\t5\t6",
	};
	struct status_record record;

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		assert_false(status_record_parse(str_of(lines[i]), &record));
	assert_true(status_record_parse(STR("1\t\t0\t\t\t\t0\t0\t0\t0\t0"), &record));
	assert_int_equal(record.user.len, 0);
}

static void test_clean(void **state)
{
	(void)state;
	assert_true(status_text_is_clean(STR(""), 10));
	assert_true(status_text_is_clean(STR("a b\xc3\xbc"), 5));
	assert_false(status_text_is_clean(STR("a b\xc3\xbc"), 4));
	assert_false(status_text_is_clean(STR("a\tb"), 10));
	assert_false(status_text_is_clean(STR("a\n"), 10));
	assert_false(status_text_is_clean(STR("\x7f"), 10));
	assert_false(status_text_is_clean(STR("\xc3"), 10));
	assert_false(status_text_is_clean((struct str){NULL, 0}, 10));
}

/* An IPv6 client has a whole /64 to choose addresses from; this machine is not limited. */
static void test_address_key(void **state)
{
	char key[STATUS_TEXT_MAX];

	(void)state;
	assert_string_equal(status_address_key("192.0.2.1", key), "192.0.2.1");
	assert_string_equal(status_address_key("2001:db8:1:2:3:4:5:6", key), "2001:db8:1:2::");
	assert_string_equal(status_address_key("2001:db8:1:2::9", key), "2001:db8:1:2::");
	assert_string_equal(status_address_key("127.0.0.9", key), "");
	assert_string_equal(status_address_key("::1", key), "");
	assert_string_equal(status_address_key("local", key), "");
	assert_string_equal(status_address_key("", key), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_there_and_back),
	    cmocka_unit_test(test_what_is_none),
	    cmocka_unit_test(test_clean),
	    cmocka_unit_test(test_address_key),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* XML of reports: nothing that strangers wrote becomes markup. */
#include "reporter/reporter.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void assert_escaped(struct str text, const char *expected)
{
	struct buf out;

	buf_init(&out, 1000);
	xml_add_text(&out, text);
	assert_string_equal(buf_text(&out), expected);
	buf_free(&out);
}

static void test_text(void **state)
{
	(void)state;
	assert_escaped(STR("a.test"), "a.test");
	assert_escaped(STR("<a>&\"'"), "&lt;a&gt;&amp;\"'");
	assert_escaped(STR("b\xc3\xbc"
	                   "cher"),
	               "b\xc3\xbc"
	               "cher");
	assert_escaped(STR("\x01\n\x7f\xff\xc3"), "?????");
	assert_escaped(STR("]]>"), "]]&gt;");
}

static void test_report(void **state)
{
	const struct report_row rows[] = {
	    {STR("no row"), 7},
	    {STR("{\"p\":\"none\",\"sp\":\"none\",\"pct\":100,\"source\":\"192.0.2.1\",\"from\":\"</"
	         "header_from>\",\"mail-from\":"
	         "\"\",\"disposition\":\"none\",\"reason\":\"\",\"dkim\":true,\"spf\":false,\"results\":[[\"spf\",\"a."
	         "test\","
	         "\"mfrom\",\"none\"]]}"),
	     3},
	};
	struct report report = {.domain = STR("a.test"),
	                        .day = 20778,
	                        .organisation = STR("o"),
	                        .host = STR("h"),
	                        .contact = STR("c"),
	                        .id = STR("i"),
	                        .rows = rows,
	                        .row_count = 2};
	struct buf out;
	struct err err;

	(void)state;
	buf_init(&out, 10000);
	assert_int_equal(report_xml(&report, &out, &err), 0);
	/* RFC 7489 appendix C: seconds since 1970 */
	assert_true(str_find(buf_str(&out), STR("<begin>1795219200</begin>\n<end>1795305599</end>")) > 0);
	assert_true(str_find(buf_str(&out), STR("<header_from>&lt;/header_from&gt;</header_from>")) > 0);
	assert_true(str_find(buf_str(&out), STR("<count>3</count>")) > 0);
	assert_int_equal(str_find(buf_str(&out), STR("<count>7</count>")), -1);
	buf_reset(&out);
	report.row_count = 1;
	assert_int_equal(report_xml(&report, &out, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_text),
	    cmocka_unit_test(test_report),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* imap/text: RFC 3501 5.1.3 (modified UTF-7), RFC 9051 section 9 (strings, dates). */
#include "common/imap/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void check_both(const char *utf8, const char *mutf7)
{
	struct buf out;

	buf_init(&out, 1000);
	assert_int_equal(mutf7_encode(str_of(utf8), &out, NULL), 0);
	assert_string_equal(buf_text(&out), mutf7);
	buf_reset(&out);
	assert_int_equal(mutf7_decode(str_of(mutf7), &out, NULL), 0);
	assert_string_equal(buf_text(&out), utf8);
	buf_free(&out);
}

static void test_names(void **state)
{
	(void)state;
	/* RFC 3501 5.1.3: "~peter/mail/&U,BTFw-/&ZeVnLIqe-" mixes English, Chinese and Japanese text */
	check_both("~peter/mail/\u53f0\u5317/\u65e5\u672c\u8a9e", "~peter/mail/&U,BTFw-/&ZeVnLIqe-");
	check_both("INBOX", "INBOX");
	check_both("R&D", "R&-D");
	check_both("&", "&-");
	check_both("Entw\u00fcrfe", "Entw&APw-rfe");
	check_both("\u00e9\u00e8", "&AOkA6A-");
	check_both("a\u00e9&b", "a&AOk-&-b");
	check_both("\U0001f4e7", "&2D3c5w-"); /* a pair of surrogates */
	check_both("", "");
}

static void test_only_what_encoding_gives(void **state)
{
	static const char *const bad[] = {
	    "&",
	    "a&b",
	    "&AOk",               /* not ended */
	    "&Jjo!",              /* RFC 3501: does not shift back to US-ASCII before the end */
	    "&U,BTFw-&ZeVnLIqe-", /* RFC 3501: contains a superfluous shift */
	    "&AGE-",              /* "a" stands for itself */
	    "&ACY-",              /* so does "&", as "&-" */
	    "&AOl-",              /* bits left over that are not zero */
	    "&AOkA-",             /* too many characters */
	    "&2D0-",              /* half a pair of surrogates */
	    "&3OcA6Q-",           /* the second half alone */
	    "&AOk=-",             /* no padding */
	    "&AO/-",              /* "," takes the place of "/" */
	    "\xc3\xa9",           /* not ASCII */
	    "a\x01",
	};
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err err;

		assert_int_equal(mutf7_decode(str_of(bad[i]), &out, &err), -1);
		assert_int_equal(err.code, ERR_SYNTAX);
	}
	assert_int_equal(mutf7_encode(STR("\xff"), &out, NULL), -1);
	buf_free(&out);
}

static void test_limit(void **state)
{
	struct err err;
	struct buf out;

	(void)state;
	buf_init(&out, 3);
	assert_int_equal(mutf7_decode(STR("abcd"), &out, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	buf_free(&out);
}

/* Unicode's NormalizationTest.txt; RFC 9051 5.1. */
static void test_form_c(void **state)
{
	static const struct {
		const char *given, *normal;
	} names[] = {
	    {"plain", "plain"},
	    {"", ""},
	    {"a\u0308", "\u00e4"},                            /* part 0: composed */
	    {"\u00e4", "\u00e4"},                             /* ... already */
	    {"\u212b", "\u00c5"},                             /* the Angstrom sign: a singleton */
	    {"\u1e0a\u0323", "\u1e0c\u0307"},                 /* marks in their order */
	    {"\ufb01", "\ufb01"},                             /* compatibility is left alone: form C, not KC */
	    {"\u0958", "\u0915\u093c"},                       /* excluded from composition: longer */
	    {"\U0001d160", "\U0001d158\U0001d165\U0001d16e"}, /* three times as long */
	    {"\u1100\u1161\u11a8", "\uac01"},                 /* Hangul */
	    {"\xff", "\xff"},                                 /* no UTF-8 */
	};
	struct arena arena;

	(void)state;
	arena_init(&arena);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct str normal = imap_normalise(str_of(names[i].given), &arena);

		assert_true(str_equal(normal, str_of(names[i].normal)));
		assert_true(str_equal(imap_normalise(normal, &arena), normal));
	}
	assert_true(str_equal(imap_mailbox_name(STR("iNbOx"), &arena), STR("INBOX")));
	assert_true(str_equal(imap_mailbox_name(STR("inbox/a\u0308"), &arena), STR("INBOX/\u00e4")));
	assert_true(str_equal(imap_mailbox_name(STR("inboxa\u0308"), &arena), STR("inbox\u00e4")));
	arena_free(&arena);
}

/* RFC 5051 section 2: title case, then decomposed. */
static void test_casemap(void **state)
{
	static const struct {
		const char *given, *mapped;
	} texts[] = {
	    {"", ""},
	    {"foo [Bar]_~", "FOO [BAR]_~"},
	    {"\u00e4lf", "A\u0308LF"},
	    {"A\u0308LF", "A\u0308LF"},
	    {"\u01c6", "Dz\u030c"}, /* its title case is one letter in upper, one in lower case */
	    {"\u00df", "\u00df"},   /* no simple title case */
	    {"\u0131", "I"},
	    {"\ufb01", "fi"}, /* compatibility, after the case */
	    {"\u03c3\u03c2", "\u03a3\u03a3"},
	    {"a\xff", "A\xff"}, /* no UTF-8 */
	};
	struct arena arena;

	(void)state;
	arena_init(&arena);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		assert_true(str_equal(imap_casemap(str_of(texts[i].given), &arena), str_of(texts[i].mapped)));
	arena_free(&arena);
}

static struct conn conn;
static int other;

static int set_up(void **state)
{
	int pair[2];

	(void)state;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		return -1;
	conn_init(&conn, pair[0], 1000);
	other = pair[1];
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	conn_close(&conn);
	return close(other);
}

static void check_written(const char *expected)
{
	char text[4096];
	ssize_t len;

	assert_int_equal(conn_flush(&conn, NULL), 0);
	len = read(other, text, sizeof text - 1);
	assert_true(len >= 0);
	text[len] = '\0';
	assert_string_equal(text, expected);
}

static void test_strings(void **state)
{
	(void)state;
	imap_write_string(&conn, STR("plain"), false);
	check_written("\"plain\"");
	imap_write_string(&conn, STR(""), false);
	check_written("\"\"");
	imap_write_string(&conn, STR("a \"b\" \\c"), false);
	check_written("\"a \\\"b\\\" \\\\c\"");
	imap_write_string(&conn, STR("two\r\nlines"), true);
	check_written("{10}\r\ntwo\r\nlines");
	imap_write_string(&conn, STR("caf\u00e9"), false);
	check_written("{5}\r\ncaf\u00e9");
	imap_write_string(&conn, STR("caf\u00e9"), true);
	check_written("\"caf\u00e9\"");
	imap_write_string(&conn, STR("\xff"), true); /* not UTF-8: quotes may not hold it */
	check_written("{1}\r\n\xff");
	imap_write_nstring(&conn, str_from(NULL, 0), false);
	check_written("NIL");
	imap_write_astring(&conn, STR("atom]"), false);
	check_written("atom]");
	imap_write_astring(&conn, STR("nil"), false);
	check_written("\"nil\"");
	imap_write_astring(&conn, STR("two words"), false);
	check_written("\"two words\"");
	imap_write_mailbox(&conn, STR("Entw\u00fcrfe"), false);
	check_written("Entw&APw-rfe");
	imap_write_mailbox(&conn, STR("Entw\u00fcrfe"), true);
	check_written("\"Entw\u00fcrfe\"");
}

static void test_dates(void **state)
{
	(void)state;
	imap_write_date_time(&conn, 837596665);
	check_written("\"17-Jul-1996 09:44:25 +0000\"");
	imap_write_date_time(&conn, 0);
	check_written("\" 1-Jan-1970 00:00:00 +0000\"");
	imap_write_date_time(&conn, -1);
	check_written("\"31-Dec-1969 23:59:59 +0000\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_only_what_encoding_gives),
	    cmocka_unit_test(test_limit),
	    cmocka_unit_test(test_form_c),
	    cmocka_unit_test(test_casemap),
	    cmocka_unit_test_setup_teardown(test_strings, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_dates, set_up, tear_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("imap/text", tests, NULL, NULL);
}

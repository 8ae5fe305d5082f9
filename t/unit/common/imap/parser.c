/* imap/parser: RFC 9051 sections 2.2, 4, 6.3.12 and 9, RFC 7888. */
#include "common/imap/parser.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct conn conn;
static struct arena arena;
static struct imap_parser parser;
static struct str tag, name;
static int client;

static int set_up(void **state)
{
	int pair[2];

	(void)state;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		return -1;
	conn_init(&conn, pair[0], 1000);
	client = pair[1];
	arena_init(&arena);
	imap_parser_init(&parser, &conn, &arena, 100);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	conn_close(&conn);
	arena_free(&arena);
	return close(client);
}

static void say(const char *text)
{
	assert_int_equal(write(client, text, strlen(text)), strlen(text));
}

static void heard(const char *expected)
{
	char text[256];
	ssize_t len;

	assert_int_equal(conn_flush(&conn, NULL), 0);
	len = recv(client, text, sizeof text - 1, MSG_DONTWAIT);
	text[len > 0 ? len : 0] = '\0';
	assert_string_equal(text, expected);
}

/* Say a command and take its tag and name. */
static bool command(const char *text)
{
	say(text);
	return imap_parse_command(&parser, &tag, &name);
}

#define check_str(value, text) assert_true(str_equal(value, STR(text)))

static void test_tag_and_name(void **state)
{
	(void)state;
	assert_true(command("a001 noop\r\n"));
	check_str(tag, "a001");
	check_str(name, "NOOP");
	assert_true(imap_parse_end(&parser));
	assert_true(command("A.1 uid fetch 1 FLAGS\r\n"));
	check_str(name, "UID FETCH");
	assert_true(imap_parse_space(&parser));
	assert_true(imap_parse_finish(&parser));
}

static void test_broken_commands(void **state)
{
	static const char *const bad[] = {"\r\n",         "a1\r\n",     "a1 \r\n", " NOOP\r\n",
	                                  "a+b NOOP\r\n", "a1 UID\r\n", "* OK\r\n"};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_false(command(bad[i]));
		assert_int_equal(parser.failure, IMAP_BAD);
		assert_non_null(parser.message);
		assert_true(imap_parse_finish(&parser));
	}
	assert_true(command("a2 NOOP\r\n")); /* the connection goes on */
}

static void test_long_line(void **state)
{
	static char line[IMAP_LINE_MAX + 100];

	(void)state;
	memset(line, 'x', sizeof line - 3);
	memcpy(line, "a1 NOOP ", 8);
	memcpy(line + sizeof line - 3, "\r\n", 3);
	assert_false(command(line));
	assert_int_equal(parser.failure, IMAP_TOO_LONG);
	check_str(tag, "a1");
	assert_true(command("a2 NOOP\r\n"));
}

static void test_strings(void **state)
{
	struct str value;

	(void)state;
	assert_true(command("a X atom] \"quo\\\"ted \\\\\" \"\" NIL\r\n"));
	assert_true(imap_parse_space(&parser) && imap_parse_astring(&parser, &value));
	check_str(value, "atom]");
	assert_true(imap_parse_space(&parser) && imap_parse_astring(&parser, &value));
	check_str(value, "quo\"ted \\");
	assert_true(imap_parse_space(&parser) && imap_parse_string(&parser, &value));
	check_str(value, "");
	assert_true(imap_parse_space(&parser) && imap_parse_nstring(&parser, &value));
	assert_null(value.data);
	assert_true(imap_parse_end(&parser));
}

static void check_bad_string(const char *text)
{
	struct str value;

	assert_true(command(text));
	assert_true(imap_parse_space(&parser));
	assert_false(imap_parse_string(&parser, &value));
	assert_int_equal(parser.failure, IMAP_BAD);
	/* after a failure everything fails, and what it was stays */
	assert_false(imap_parse_end(&parser));
	assert_true(imap_parse_finish(&parser));
}

static void test_bad_strings(void **state)
{
	(void)state;
	check_bad_string("a X \"open\r\n");
	check_bad_string("a X \"back\\slash\"\r\n");
	check_bad_string("a X atom\r\n");
	check_bad_string("a X {5\r\n");
	check_bad_string("a X {5} \r\n");
	check_bad_string("a X {}\r\n");
	check_bad_string("a X {-1}\r\n");
	check_bad_string("a X \"caf\u00e9\"\r\n");
	parser.wants_utf8 = true;
	check_bad_string("a X \"\xc3\"\r\n");
}

static void test_utf8_in_quotes(void **state)
{
	struct str value;

	(void)state;
	parser.wants_utf8 = true;
	assert_true(command("a X \"caf\u00e9\"\r\n"));
	assert_true(imap_parse_space(&parser) && imap_parse_string(&parser, &value));
	check_str(value, "caf\u00e9");
}

static void test_literals(void **state)
{
	struct str first, second;

	(void)state;
	/* RFC 7888 section 4: non-synchronising ones need no continuation request */
	assert_true(command("a LOGIN {11+}\r\nFRED FOOBAR {7+}\r\nfat man x\r\n"));
	assert_true(imap_parse_space(&parser) && imap_parse_astring(&parser, &first));
	assert_true(imap_parse_space(&parser) && imap_parse_astring(&parser, &second));
	check_str(first, "FRED FOOBAR");
	check_str(second, "fat man");
	assert_true(imap_skip_char(&parser, ' ') && imap_skip_word(&parser, "X") && imap_parse_end(&parser));
	heard("");
	assert_true(command("a LOGIN {4}\r\nFRED\r\n"));
	assert_true(imap_parse_space(&parser) && imap_parse_astring(&parser, &first));
	check_str(first, "FRED");
	heard("+ OK\r\n");
}

static void test_literal8(void **state)
{
	static const char octets[] = "a\0b", both[] = "a X ~{3+}\r\na\0b {3+}\r\na\0b\r\n";
	struct str value;

	(void)state;
	/* RFC 3516: no NUL in a literal, any octet in a literal8 */
	assert_int_equal(write(client, both, sizeof both - 1), sizeof both - 1);
	assert_true(imap_parse_command(&parser, &tag, &name));
	assert_true(imap_parse_space(&parser) && imap_parse_literal8(&parser, &value));
	assert_true(str_equal(value, str_from(octets, 3)));
	assert_true(imap_parse_space(&parser));
	assert_false(imap_parse_astring(&parser, &value));
	assert_int_equal(parser.failure, IMAP_BAD);
	assert_true(command("b X {3}\r\n"));
	assert_true(imap_parse_space(&parser));
	assert_false(imap_parse_literal8(&parser, &value));
	assert_int_equal(parser.failure, IMAP_BAD);
}

static void test_refused_literals(void **state)
{
	struct str value;

	(void)state;
	/* larger than literal_max: refused before it is sent */
	assert_true(command("a1 X {101}\r\n"));
	assert_true(imap_parse_space(&parser));
	assert_false(imap_parse_astring(&parser, &value));
	assert_int_equal(parser.failure, IMAP_TOO_BIG);
	assert_true(imap_parse_finish(&parser));
	heard("");
	/* what does not wait is read away, with all that follows in the command */
	assert_true(command("a2 X {3+}\r\nabc {2+}\r\nde f\r\na3 NOOP\r\n"));
	assert_false(imap_parse_end(&parser));
	assert_true(imap_parse_finish(&parser));
	assert_true(imap_parse_command(&parser, &tag, &name));
	check_str(tag, "a3");
	/* up to a bound */
	assert_true(command("a4 X {99999999999999999999}\r\n")); /* RFC 9051 section 9: number64; refused all the same */
	assert_true(imap_parse_space(&parser));
	assert_false(imap_parse_astring(&parser, &value));
	assert_int_equal(parser.failure, IMAP_TOO_BIG);
	assert_true(imap_parse_finish(&parser));
	assert_true(command("a4 X {99999999999999999999+}\r\n"));
	assert_false(imap_parse_finish(&parser));
	assert_true(command("a4 X {999999999+}\r\n"));
	assert_false(imap_parse_finish(&parser));
	assert_int_equal(parser.failure, IMAP_ENDED);
}

static void test_message_literal(void **state)
{
	struct str bytes;
	uint64_t size;
	bool is_literal8;

	(void)state;
	assert_true(command("a APPEND ~{5+}\r\nab"));
	assert_true(imap_parse_space(&parser));
	assert_true(imap_parse_literal(&parser, 5, &size, &is_literal8));
	assert_int_equal(size, 5);
	assert_true(is_literal8);
	assert_int_equal(conn_read_some(&conn, &bytes, NULL), 0);
	check_str(bytes, "ab");
	conn_consume(&conn, 2);
	say("cde)\r\n");
	assert_int_equal(conn_read_some(&conn, &bytes, NULL), 0);
	conn_consume(&conn, 3);
	assert_true(imap_parse_literal_end(&parser));
	assert_true(imap_parse_char(&parser, ')') && imap_parse_end(&parser));
	assert_true(command("a APPEND {6}\r\n"));
	assert_true(imap_parse_space(&parser));
	assert_false(imap_parse_literal(&parser, 5, &size, &is_literal8));
	assert_int_equal(parser.failure, IMAP_TOO_BIG);
}

static void test_depth(void **state)
{
	char text[IMAP_DEPTH_MAX + 20];
	int opened = 0;

	(void)state;
	snprintf(text, sizeof text, "a X %.*s\r\n", IMAP_DEPTH_MAX + 1,
	         "(((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((");
	assert_true(command(text));
	assert_true(imap_parse_space(&parser));
	while (imap_parse_open(&parser))
		opened++;
	assert_int_equal(opened, IMAP_DEPTH_MAX);
	assert_int_equal(parser.failure, IMAP_TOO_LONG);
}

static void check_mailbox(const char *text, const char *expected)
{
	struct str value = {NULL, 0};
	char line[200];

	snprintf(line, sizeof line, "a X %s\r\n", text);
	assert_true(command(line));
	assert_true(imap_parse_space(&parser));
	if (expected == NULL) {
		assert_false(imap_parse_mailbox(&parser, &value));
		return;
	}
	assert_true(imap_parse_mailbox(&parser, &value));
	assert_true(str_equal(value, str_of(expected)));
}

static void test_mailboxes(void **state)
{
	(void)state;
	check_mailbox("inbox", "INBOX");
	check_mailbox("\"iNbOx/sub\"", "INBOX/sub");
	check_mailbox("inboxes", "inboxes");
	check_mailbox("Entw&APw-rfe", "Entw\u00fcrfe");
	check_mailbox("R&-D", "R&D");
	check_mailbox("R&D", NULL);
	parser.wants_utf8 = true;
	check_mailbox("\"Entw\u00fcrfe\"", "Entw\u00fcrfe");
	check_mailbox("R&D", "R&D");
	check_mailbox("\"Entwu\u0308rfe\"", "Entw\u00fcrfe");
	check_str(parser.given, "Entwu\u0308rfe");
	check_mailbox("inbox", "INBOX");
	check_str(parser.given, "inbox");
}

static void test_flags_numbers_sets(void **state)
{
	struct str value;
	uint64_t number;

	(void)state;
	assert_true(command("a X \\Seen $Junk 4294967295 1,3:*,9 $ (\r\n"));
	assert_true(imap_parse_space(&parser) && imap_parse_flag_atom(&parser, &value));
	check_str(value, "\\Seen");
	assert_true(imap_parse_space(&parser) && imap_parse_flag_atom(&parser, &value));
	check_str(value, "$Junk");
	assert_true(imap_parse_space(&parser) && imap_parse_number(&parser, UINT32_MAX, &number));
	assert_int_equal(number, UINT32_MAX);
	assert_true(imap_parse_space(&parser) && imap_parse_sequence_text(&parser, &value));
	check_str(value, "1,3:*,9");
	assert_true(imap_parse_space(&parser) && imap_parse_sequence_text(&parser, &value));
	check_str(value, "$");
	assert_true(imap_parse_space(&parser));
	assert_false(imap_parse_flag_atom(&parser, &value));
}

static void test_bad_sets(void **state)
{
	static const char *const bad[] = {"0", "1:0", "1,", ",1", "1::2", "1:2:3", "x", "1:4294967296"};
	char line[100];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct str value;

		snprintf(line, sizeof line, "a X %s\r\n", bad[i]);
		assert_true(command(line));
		assert_true(imap_parse_space(&parser));
		assert_false(imap_parse_sequence_text(&parser, &value) && imap_parse_end(&parser));
	}
}

static bool date_time(const char *text, int64_t *seconds)
{
	char line[100];

	snprintf(line, sizeof line, "a X \"%s\"\r\n", text);
	assert_true(command(line));
	return imap_parse_space(&parser) && imap_parse_date_time(&parser, seconds);
}

static void test_dates(void **state)
{
	int64_t value;

	(void)state;
	assert_true(date_time("17-Jul-1996 02:44:25 -0700", &value));
	assert_int_equal(value, 837596665);
	assert_true(date_time(" 1-Jan-1970 01:00:00 +0100", &value));
	assert_int_equal(value, 0);
	assert_false(date_time("31-Feb-1996 02:44:25 -0700", &value));
	assert_false(date_time("17-Jul-1996 24:44:25 -0700", &value));
	assert_false(date_time("17-Jul-1996 02:44:25", &value));
	assert_false(date_time("17-Jux-1996 02:44:25 -0700", &value));
	assert_true(command("a X 1-Feb-1994 \"17-jul-1996\" 31-Dec-1969\r\n"));
	assert_true(imap_parse_space(&parser) && imap_parse_date(&parser, &value));
	assert_int_equal(value, 8797);
	assert_true(imap_parse_space(&parser) && imap_parse_date(&parser, &value));
	assert_int_equal(value, 9694);
	assert_true(imap_parse_space(&parser) && imap_parse_date(&parser, &value));
	assert_int_equal(value, -1);
}

static void test_connection_ends(void **state)
{
	struct str value;

	(void)state;
	assert_true(command("a X {5+}\r\nab"));
	shutdown(client, SHUT_WR);
	assert_true(imap_parse_space(&parser));
	assert_false(imap_parse_astring(&parser, &value));
	assert_int_equal(parser.failure, IMAP_ENDED);
}

/* What is handed on is one command, and ends where the next one begins. */
static void raw(const char *text, const char *expected)
{
	struct buf out;

	buf_init(&out, 200);
	assert_true(command(text));
	assert_true(imap_parse_raw(&parser, &out));
	assert_string_equal(buf_text(&out), expected);
	assert_true(imap_at_end(&parser));
	buf_free(&out);
}

static void test_raw(void **state)
{
	struct buf out;

	(void)state;
	raw("a FETCH 1 (FLAGS)\r\n", " 1 (FLAGS)\r\n");
	raw("a NOOP\r\n", "\r\n");
	raw("a X {3}\r\na\r\n {0+}\r\n y\r\n", " {3+}\r\na\r\n {0+}\r\n y\r\n");
	heard("+ OK\r\n");
	raw("a X ~{2+}\r\nab\r\n", " ~{2+}\r\nab\r\n");
	raw("a X \"{5}\" 1}\r\n", " \"{5}\" 1}\r\n");
	assert_true(command("a X {101}\r\n")); /* more than is kept: not asked for */
	buf_init(&out, 200);
	assert_false(imap_parse_raw(&parser, &out));
	assert_int_equal(parser.failure, IMAP_TOO_BIG);
	heard("");
	buf_free(&out);
}

#define WITH_CLIENT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WITH_CLIENT(test_tag_and_name),    WITH_CLIENT(test_broken_commands),
	    WITH_CLIENT(test_long_line),       WITH_CLIENT(test_strings),
	    WITH_CLIENT(test_bad_strings),     WITH_CLIENT(test_utf8_in_quotes),
	    WITH_CLIENT(test_literals),        WITH_CLIENT(test_refused_literals),
	    WITH_CLIENT(test_message_literal), WITH_CLIENT(test_depth),
	    WITH_CLIENT(test_mailboxes),       WITH_CLIENT(test_flags_numbers_sets),
	    WITH_CLIENT(test_bad_sets),        WITH_CLIENT(test_dates),
	    WITH_CLIENT(test_connection_ends), WITH_CLIENT(test_raw),
	    WITH_CLIENT(test_literal8),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("imap/parser", tests, NULL, NULL);
}

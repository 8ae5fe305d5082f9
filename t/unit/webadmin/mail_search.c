/* Unit tests of webmail's search field: what people write, as IMAP's search keys (RFC 9051 6.4.4). */
#include "webadmin/mail/search.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { COMMAND_MAX = 8192 };

/* The command that a search becomes, without its tag. */
static const char *keys(struct str text)
{
	static const char replies[] = "p1 OK begun\r\np2 OK done\r\n";
	static char command[COMMAND_MAX];
	struct imap_talk talk;
	struct err err;
	size_t len = 0;
	ssize_t got;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(write(pair[1], replies, sizeof replies - 1), sizeof replies - 1);
	assert_int_equal(
	    imap_talk_open(&talk, pair[0], (struct mail_client_timeouts){.connect_ms = 1000, .reply_ms = 1000}, &err), 0);
	imap_talk_begin(&talk, "SEARCH");
	search_write(&talk, text);
	assert_int_equal(imap_talk_finish(&talk, NULL, NULL, &err), 0);
	assert_int_equal(conn_flush(imap_talk_conn(&talk), &err), 0); /* the reply was there before it was asked for */
	imap_talk_close(&talk);
	while ((got = read(pair[1], command + len, sizeof command - 1 - len)) > 0)
		len += (size_t)got;
	close(pair[1]);
	command[len] = '\0';
	assert_true(str_starts(str_of(command), STR("p2 SEARCH")));
	assert_true(len > 11 && strcmp(command + len - 2, "\r\n") == 0);
	command[len - 2] = '\0';
	return command + 9;
}

static void what_is_written_becomes_keys(void **state)
{
	static const struct {
		const char *text, *keys;
	} cases[] = {
	    {"", " ALL"},
	    {"   ", " ALL"},
	    {"\"\"", " ALL"},
	    {"invoice", " TEXT \"invoice\""},
	    {" two  words ", " TEXT \"two\" TEXT \"words\""},
	    {"\"new offer\"", " TEXT \"new offer\""},
	    {"sub\"ject:new of\"fer", " SUBJECT \"new offer\""},
	    {"\"not closed", " TEXT \"not closed\""},
	    {"from:anna To:bob cc:c bcc:d", " FROM \"anna\" TO \"bob\" CC \"c\" BCC \"d\""},
	    {"subject:\"a b\" body:x text:y", " SUBJECT \"a b\" BODY \"x\" TEXT \"y\""},
	    {"is:unread IS:READ is:flagged", " UNSEEN SEEN FLAGGED"},
	    {"is:starred is:answered is:draft", " FLAGGED ANSWERED DRAFT"},
	    {"is:forwarded", " KEYWORD $Forwarded"},
	    {"has:attachment", " HEADER Content-Type multipart/mixed"},
	    {"-draft", " NOT TEXT \"draft\""},
	    {"-is:unread --x", " NOT UNSEEN NOT NOT TEXT \"x\""},
	    {"-", " TEXT \"-\""},
	    {"since:2026-01-31 after:2026-02-01", " SINCE 31-Jan-2026 SINCE 1-Feb-2026"},
	    {"before:1999-12-01 on:2024-02-29", " BEFORE 1-Dec-1999 ON 29-Feb-2024"},
	    {"larger:2M smaller:10k", " LARGER 2097152 SMALLER 10240"},
	    {"larger:1g larger:5 larger:4000000g", " LARGER 1073741824 LARGER 5 LARGER 4294967295"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_string_equal(keys(str_of(cases[i].text)), cases[i].keys);
}

static void what_is_no_key_is_a_word(void **state)
{
	static const char *const texts[] = {"http://x.test",
	                                    "since:yesterday",
	                                    "since:2026-13-01",
	                                    "since:2026-00-10",
	                                    "since:2026-01-32",
	                                    "since:2026-1-1",
	                                    "larger:big",
	                                    "larger:",
	                                    "larger:5t",
	                                    "larger:4000001",
	                                    "is:odd",
	                                    ":x",
	                                    "a:b:c"};
	char expected[64];

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		snprintf(expected, sizeof expected, " TEXT \"%s\"", texts[i]);
		assert_string_equal(keys(str_of(texts[i])), expected);
	}
}

/* Nothing that somebody writes ends the string it stands in, or the command. */
static void nothing_breaks_out(void **state)
{
	(void)state;
	assert_string_equal(keys(STR("a\\b")), " TEXT \"a\\\\b\"");
	assert_string_equal(keys(STR("a\r\np3 LOGOUT")), " TEXT {5+}\r\na\r\np3 TEXT \"LOGOUT\"");
	assert_string_equal(keys(STR("nul\0l")), " TEXT \"null\"");
	assert_string_equal(keys(STR("gr\xc3\xbc\xc3\x9f")), " TEXT {6+}\r\ngr\xc3\xbc\xc3\x9f");
}

static void terms_have_a_limit(void **state)
{
	char text[2 * (SEARCH_TERMS_MAX + 10) + 1];
	size_t count = 0;

	(void)state;
	for (size_t i = 0; i < sizeof text - 1; i += 2)
		memcpy(text + i, "x ", 2);
	text[sizeof text - 1] = '\0';
	for (const char *at = keys(str_of(text)); (at = strstr(at, " TEXT \"x\"")) != NULL; at++)
		count++;
	assert_int_equal(count, SEARCH_TERMS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_written_becomes_keys),
	    cmocka_unit_test(what_is_no_key_is_a_word),
	    cmocka_unit_test(nothing_breaks_out),
	    cmocka_unit_test(terms_have_a_limit),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("webadmin/mail_search", tests, NULL, NULL);
}

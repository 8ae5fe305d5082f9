/* Unit tests of smtp_reply: replies of RFC 5321 4.2 and of servers that mean harm. */
#include "common/net/smtp_reply.h"

#include "common/login/sasl_client.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct fixture {
	struct smtp_reply reply;
	struct arena arena;
	struct err err;
};

static int set_up(void **state)
{
	static struct fixture fixture;

	smtp_reply_init(&fixture.reply);
	arena_init(&fixture.arena);
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	smtp_reply_free(&fixture->reply);
	arena_free(&fixture->arena);
	return 0;
}

/* Lines separated by LF; the result of the last. */
static int read_lines(struct fixture *fixture, const char *text)
{
	struct str rest = str_of(text);
	int result = 1;

	smtp_reply_reset(&fixture->reply);
	while (rest.data != NULL && result == 1)
		result = smtp_reply_add_line(&fixture->reply, str_cut(&rest, '\n'), &fixture->err);
	return result;
}

static void assert_words(struct fixture *fixture, const char *text, const char *words)
{
	assert_int_equal(read_lines(fixture, text), 0);
	assert_string_equal(smtp_reply_words(&fixture->reply, &fixture->arena).data, words);
}

static void single_line(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(read_lines(fixture, "250 2.1.0 OK"), 0);
	assert_int_equal(fixture->reply.code, 250);
	assert_int_equal(smtp_reply_class(&fixture->reply), 2);
	assert_string_equal(fixture->reply.enhanced, "2.1.0");
	assert_words(fixture, "354", "354");
	assert_words(fixture, "250 ", "250");
}

static void many_lines_become_one(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(read_lines(fixture, "550-5.1.1 No such user"), 1);
	assert_words(fixture, "550-5.1.1 No such user\n550-5.1.1  here,\n550 5.1.1 try anna",
	             "550 5.1.1 No such user here, try anna");
	assert_string_equal(fixture->reply.enhanced, "5.1.1");
	assert_words(fixture, "450-first\n450-\n450 last", "450 first last");
}

static void enhanced_code_is_of_the_class(void **state)
{
	struct fixture *fixture = *state;

	assert_words(fixture, "550 4.1.1 odd", "550 4.1.1 odd");
	assert_string_equal(fixture->reply.enhanced, "");
	assert_words(fixture, "550 5.7.1234 odd", "550 5.7.1234 odd");
	assert_string_equal(fixture->reply.enhanced, "");
	assert_int_equal(read_lines(fixture, "550 5.7.123"), 0);
	assert_string_equal(fixture->reply.enhanced, "5.7.123");
	assert_int_equal(read_lines(fixture, "550 5.7.1: no"), 0);
	assert_string_equal(fixture->reply.enhanced, "");
}

static void what_is_no_reply_is_refused(void **state)
{
	static const char *const lines[] = {"", "25", "abc ok", "150 ok", "650 ok", "250ok", "2 50", "250\tok", " 250 ok"};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		assert_int_equal(read_lines(fixture, lines[i]), -1);
		assert_int_equal(fixture->err.code, ERR_PROTOCOL);
	}
}

static void lines_must_agree(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(read_lines(fixture, "250-ok\n550 not ok"), -1);
	assert_int_equal(fixture->err.code, ERR_PROTOCOL);
}

static void replies_are_limited(void **state)
{
	struct fixture *fixture = *state;
	char line[10000];
	int result = 1, count = 0;

	for (; result == 1; count++)
		result = smtp_reply_add_line(&fixture->reply, STR("250-more"), &fixture->err);
	assert_int_equal(fixture->err.code, ERR_LIMIT);
	assert_int_equal(count, SMTP_REPLY_LINES_MAX + 1);
	memset(line, 'x', sizeof line);
	memcpy(line, "250-", 4);
	smtp_reply_reset(&fixture->reply);
	for (result = 1, count = 0; result == 1; count++)
		result = smtp_reply_add_line(&fixture->reply, str_from(line, sizeof line), &fixture->err);
	assert_int_equal(fixture->err.code, ERR_LIMIT);
	assert_true(count <= SMTP_REPLY_MAX / 9000 + 1);
}

static void words_are_clean_and_bounded(void **state)
{
	struct fixture *fixture = *state;
	struct str words;
	char line[3000];

	assert_words(fixture,
	             "550 a\x1b[1mb\tc\x7f"
	             "d",
	             "550 a [1mb c d");
	assert_words(fixture,
	             "550 gr\xc3\xbc\xc3\x9f"
	             "e \xff\xc3",
	             "550 gr\xc3\xbc\xc3\x9f"
	             "e ??");
	for (size_t i = 0; i + 1 < sizeof line; i += 2)
		memcpy(line + i, "\xc3\xbc", 2);
	memcpy(line, "550 ", 4);
	smtp_reply_reset(&fixture->reply);
	assert_int_equal(smtp_reply_add_line(&fixture->reply, str_from(line, sizeof line), &fixture->err), 0);
	words = smtp_reply_words(&fixture->reply, &fixture->arena);
	assert_true(words.len <= SMTP_REPLY_WORDS_MAX && words.len > SMTP_REPLY_WORDS_MAX - 8);
	assert_true(str_is_utf8(words));
	assert_true(str_ends_nocase(words, STR("...")));
}

static void extensions_are_read(void **state)
{
	struct fixture *fixture = *state;
	struct smtp_extensions found;

	assert_int_equal(read_lines(fixture, "250-mx.example.net greets PIPELINING\n250-SIZE 1000000\n250-8bitmime\n"
	                                     "250-AUTH PLAIN cram-md5 X-ODD\n250-DSN\n250-XTRA\n250 SMTPUTF8"),
	                 0);
	smtp_reply_extensions(&fixture->reply, &found);
	assert_int_equal(found.offered, SMTP_SIZE | SMTP_8BITMIME | SMTP_AUTH | SMTP_DSN | SMTP_SMTPUTF8);
	assert_int_equal(found.mechanisms, SASL_CLIENT_PLAIN | SASL_CLIENT_CRAM_MD5);
	assert_int_equal(found.size_limit, 1000000);
	assert_int_equal(read_lines(fixture, "250-x\n250-AUTH=LOGIN SCRAM-SHA-256\n250-STARTTLS\n250-PIPELINING\n250 SIZE"),
	                 0);
	smtp_reply_extensions(&fixture->reply, &found);
	assert_int_equal(found.offered, SMTP_SIZE | SMTP_AUTH | SMTP_STARTTLS | SMTP_PIPELINING);
	assert_int_equal(found.mechanisms, SASL_CLIENT_LOGIN | SASL_CLIENT_SCRAM_SHA_256);
	assert_int_equal(found.size_limit, 0);
	assert_int_equal(read_lines(fixture, "250-x\n250 SIZE 99999999999999999999999"), 0);
	smtp_reply_extensions(&fixture->reply, &found);
	assert_int_equal(found.size_limit, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(single_line, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(many_lines_become_one, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(enhanced_code_is_of_the_class, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(what_is_no_reply_is_refused, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(lines_must_agree, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(replies_are_limited, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(words_are_clean_and_bounded, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(extensions_are_read, set_up, tear_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

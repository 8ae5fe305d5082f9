/* imap_talk: a conversation with a server whose lines stand here, over a pair of sockets. */
#include "common/net/imap_talk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static int server;
static struct imap_talk talk;
static struct buf heard;

static void say(const char *lines)
{
	assert_int_equal(send(server, lines, strlen(lines), MSG_NOSIGNAL), strlen(lines));
}

/* What the client has said, since the last question. */
static void expect(const char *wanted)
{
	char said[1000];
	ssize_t len = recv(server, said, sizeof said - 1, MSG_DONTWAIT);

	said[len > 0 ? len : 0] = '\0';
	assert_string_equal(said, wanted);
}

static int take(const struct imap_reply *reply, const struct imap_value *value, void *context, struct err *err)
{
	(void)context, (void)err;
	if (value == NULL)
		buf_printf(&heard, "<%.*s>", STR_ARG(reply->text));
	for (const struct imap_value *at = imap_value_at(value, 0); at != NULL; at = at->next)
		buf_printf(&heard, "[%.*s]", STR_ARG(imap_value_text(at)));
	return 0;
}

static int take_octets(struct str bytes, void *context, struct err *err)
{
	(void)context, (void)err;
	buf_add_str(&heard, bytes);
	return 0;
}

static int begin(void **state)
{
	const struct mail_client_timeouts timeouts = {.connect_ms = 2000, .reply_ms = 2000};
	int pair[2];
	struct err err;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	server = pair[1];
	buf_init(&heard, 10000);
	say("* OK still here\r\np1 OK [CAPABILITY IMAP4rev1] Logged in\r\n");
	assert_int_equal(imap_talk_open(&talk, pair[0], timeouts, &err), 0);
	assert_string_equal(talk.code, "CAPABILITY IMAP4rev1");
	return 0;
}

static int end(void **state)
{
	(void)state;
	imap_talk_close(&talk);
	buf_free(&heard);
	close(server);
	return 0;
}

static void replies_as_trees(void **state)
{
	struct err err;

	(void)state;
	imap_talk_begin(&talk, "STATUS ");
	imap_talk_mailbox(&talk, STR("Pr\xc3\xbc\"f"));
	imap_talk_string(&talk, STR("a\r\nb"));
	say("* STATUS {5}\r\na\r\nb) (MESSAGES 3)\r\n* OK [UIDNEXT 4] next\r\np2 OK done\r\n");
	assert_int_equal(imap_talk_finish(&talk, take, NULL, &err), 0);
	expect("p2 STATUS \"Pr&APw-\\\"f\"{4+}\r\na\r\nb\r\n");
	assert_string_equal(buf_text(&heard), "[STATUS][a\r\nb)][]<[UIDNEXT 4] next>");
}

static void a_refusal(void **state)
{
	struct err err;

	(void)state;
	imap_talk_begin(&talk, "CREATE x");
	say("p2 NO [ALREADYEXISTS] It is there\r\n");
	assert_int_equal(imap_talk_finish(&talk, NULL, NULL, &err), -1);
	assert_int_equal(err.code, MAIL_CLIENT_REFUSED);
	assert_string_equal(talk.code, "ALREADYEXISTS");
	assert_string_equal(talk.words, "It is there");
	assert_true(imap_talk_is_open(&talk));
}

static void octets_as_they_are(void **state)
{
	struct err err;
	bool found;

	(void)state;
	imap_talk_begin(&talk, "UID FETCH 7 (BODY.PEEK[])");
	say("* 1 FETCH (FLAGS ())\r\n* 2 FETCH (UID 7 BODY[] {8}\r\na\nb\r\r\nc) FLAGS ())\r\np2 OK done\r\n");
	assert_int_equal(imap_talk_finish_octets(&talk, 8, take_octets, NULL, &found, &err), 0);
	assert_true(found);
	assert_string_equal(buf_text(&heard), "a\nb\r\r\nc)");
	buf_reset(&heard);
	imap_talk_begin(&talk, "UID FETCH 8 (BODY.PEEK[])");
	say("* 2 FETCH (UID 8 BODY[] \"short\")\r\np3 OK done\r\n");
	assert_int_equal(imap_talk_finish_octets(&talk, 8, take_octets, NULL, &found, &err), 0);
	assert_string_equal(buf_text(&heard), "short");
	imap_talk_begin(&talk, "UID FETCH 9 (BODY.PEEK[])");
	say("* 2 FETCH (UID 9 BODY[] {9}\r\n");
	assert_int_equal(imap_talk_finish_octets(&talk, 8, take_octets, NULL, &found, &err), -1);
	assert_false(imap_talk_is_open(&talk));
}

static void news_while_idle(void **state)
{
	struct err err;

	(void)state;
	imap_talk_begin(&talk, "IDLE");
	say("+ idling\r\n");
	assert_int_equal(imap_talk_continue(&talk, take, NULL, &err), 0);
	assert_int_equal(imap_talk_listen(&talk, 1, take, NULL, &err), 0);
	say("* 3 EXISTS\r\n* 4 EXISTS\r\n");
	assert_int_equal(imap_talk_listen(&talk, 2000, take, NULL, &err), 1);
	assert_string_equal(buf_text(&heard), "[3][EXISTS][4][EXISTS]");
	say("p9 OK what nobody asked\r\n");
	assert_int_equal(imap_talk_listen(&talk, 2000, take, NULL, &err), -1);
}

static void what_is_no_imap(void **state)
{
	struct err err;

	(void)state;
	imap_talk_begin(&talk, "NOOP");
	say("* 1 FETCH ((\r\n");
	assert_int_equal(imap_talk_finish(&talk, take, NULL, &err), -1);
	assert_false(imap_talk_is_open(&talk));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(replies_as_trees, begin, end),
	    cmocka_unit_test_setup_teardown(a_refusal, begin, end),
	    cmocka_unit_test_setup_teardown(octets_as_they_are, begin, end),
	    cmocka_unit_test_setup_teardown(news_while_idle, begin, end),
	    cmocka_unit_test_setup_teardown(what_is_no_imap, begin, end),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("net/imap_talk", tests, NULL, NULL);
}

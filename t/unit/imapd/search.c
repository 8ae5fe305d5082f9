/* Unit tests of SEARCH: programs and options as they are parsed, and whom they find in a mailbox. */
#include "../common/store/fixture.h"

#include "common/base/memory.h"
#include "imapd/context.h"
#include "imapd/search.h"
#include "imapd/sort.h"

#include <sys/socket.h>

static struct imapd imapd;
static struct session *session;
static int client;
static char answered[8192];

/* Four messages: sizes rise, dates rise, flags differ. */
static int begin(void **state)
{
	static const char *const messages[] = {
	    "From: bob@example.com\r\nSubject: one\r\nDate: Wed, 1 Jan 2020 23:30:00 -0800\r\n\r\nmeeting\r\n",
	    "From: anna@example.com\r\nSubject: Re: two\r\nDate: Thu, 2 Jan 2020 23:30:00 +0800\r\n\r\nan agenda\r\n",
	    "From: carl@example.com\r\nSubject: three\r\n\r\nthe meeting is over, all have left\r\n",
	    "From: dora@example.com\r\nSubject: four\r\nDate: broken\r\n\r\nnothing of that kind was said by anybody\r\n",
	};
	int ends[2];

	assert_int_equal(make_store(state), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	client = ends[0];
	session = memory_get(sizeof *session);
	session->imapd = &imapd;
	session->statusd.channel.fd = session->authd.fd = session->bell = -1;
	session->enabled.condstore = true; /* else MODSEQ would enable it, and say so */
	session->mailbox = open_mailbox(1);
	for (size_t i = 0; i < 4; i++) {
		struct store_source source = make_source(messages[i], "");
		struct store_append append = make_append(session->mailbox, &source);

		append.internal_date = 1580515200 + (int64_t)i * 43200; /* 1 Feb 2020 00:00, 12:00, ... */
		append.flags = 1U << i;
		append.keywords = i == 2 ? STR("work") : STR("");
		store_append(&append, 1, 0);
		assert_int_equal(append.result, STORE_ADDED);
		close(source.fd);
	}
	conn_init(&session->conn, ends[1], 1000);
	arena_init(&session->arena);
	imap_parser_init(&session->parser, &session->conn, &session->arena, IMAP_LITERAL_MAX);
	return 0;
}

static int end(void **state)
{
	contexts_close(session);
	view_close(session->view);
	mailbox_close(session->mailbox);
	conn_close(&session->conn);
	close(client);
	arena_free(&session->arena);
	search_forget_saved(session);
	memory_free(session);
	return remove_store(state);
}

static void select_inbox(void)
{
	struct mailbox_folder folder;

	view_close(session->view);
	session->view = NULL;
	assert_int_equal(mailbox_folder(session->mailbox, STORE_INBOX, &folder, &err), 0);
	assert_int_equal(view_open(&session->view, session->mailbox, &folder, true, &err), 0);
}

/* Run a command; what was written, or what it ended with. */
static const char *run(imap_command *command, const char *line)
{
	static const char *const words[] = {"OK", "NO", "BAD"};
	struct str tag, name;
	ssize_t got;

	arena_reset(&session->arena);
	assert_int_equal(write(client, "a ", 2), 2);
	assert_int_equal(write(client, line, strlen(line)), strlen(line));
	assert_int_equal(write(client, "\r\n", 2), 2);
	assert_true(imap_parse_command(&session->parser, &tag, &name));
	session->tag = tag;
	session->by_uid = str_starts(name, STR("UID "));
	imap_ok(session, NULL, "done");
	command(session);
	assert_true(imap_parse_finish(&session->parser));
	conn_flush(&session->conn, &err);
	got = recv(client, answered, sizeof answered - 1, MSG_DONTWAIT);
	answered[got > 0 ? got : 0] = '\0';
	return session->status == IMAP_OK ? answered : words[session->status];
}

static void keys_find_messages(void **state)
{
	static const struct {
		const char *keys, *found;
	} cases[] = {
	    {"ALL", " 1 2 3 4"},
	    {"SEEN", " 1"},
	    {"ANSWERED", " 2"},
	    {"FLAGGED KEYWORD Work", " 3"},
	    {"DELETED", " 4"},
	    {"NOT OR SEEN DELETED", " 2 3"},
	    {"UNKEYWORD work UNSEEN", " 2 4"},
	    {"NEW", " 2 3 4"},
	    {"OLD", ""},
	    {"2:*", " 2 3 4"},
	    {"UID 3,1", " 1 3"},
	    {"ON 1-Feb-2020", " 1 2"},
	    {"SINCE 2-Feb-2020", " 3 4"},
	    {"BEFORE 2-Feb-2020 NOT 1", " 2"},
	    {"SENTON 1-Jan-2020", " 1"}, /* as written, whatever the zone */
	    {"SENTON 2-Jan-2020", " 2"},
	    {"SENTSINCE 1-Jan-1980", " 1 2"}, /* no date is no day */
	    {"NOT SENTBEFORE 1-Jan-2030", " 3 4"},
	    {"LARGER 1 SMALLER 100000", " 1 2 3 4"},
	    {"FROM ANNA", " 2"},
	    {"SUBJECT re:", " 2"},
	    {"BODY meeting", " 1 3"},
	    {"TEXT meeting NOT BODY left", " 1"},
	    {"HEADER Date broken", " 4"},
	    {"OR (BODY meeting SEEN) (BODY agenda)", " 1 2"},
	    {"MODSEQ 1 SEEN", " 1 (MODSEQ "},
	};
	char expected[64];

	(void)state;
	select_inbox();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char line[128];

		snprintf(line, sizeof line, "SEARCH %s", cases[i].keys);
		snprintf(expected, sizeof expected, "* SEARCH%s", cases[i].found);
		if (!str_starts(str_of(run(command_search, line)), str_of(expected)))
			fail_msg("%s: %s", cases[i].keys, answered);
		if (strchr(cases[i].found, '(') == NULL)
			assert_int_equal(strlen(answered), strlen(expected) + 2);
	}
}

static void cheap_keys_come_first(void **state)
{
	struct search_program program;
	struct str tag, name;
	const char *line = "a SEARCH BODY x OR TEXT y SEEN FROM z LARGER 3 NOT SEEN\r\n";
	enum search_kind kinds[5], expected[] = {SEARCH_NOT, SEARCH_LARGER, SEARCH_FIELD_TEXT, SEARCH_BODY_TEXT, SEARCH_OR};
	size_t count = 0;

	(void)state;
	arena_reset(&session->arena);
	assert_int_equal(write(client, line, strlen(line)), strlen(line));
	assert_true(imap_parse_command(&session->parser, &tag, &name) && imap_parse_space(&session->parser));
	assert_true(search_parse_program(session, STR(""), &session->arena, &program));
	assert_true(imap_parse_finish(&session->parser));
	assert_int_equal(program.dearest, SEARCH_ANY_TEXT);
	for (const struct search_key *key = program.root->first_child; key != NULL; key = key->next)
		kinds[count++] = key->kind;
	assert_int_equal(count, 5);
	assert_memory_equal(kinds, expected, sizeof expected);
}

static void nonsense_is_refused(void **state)
{
	static const char *const lines[] = {
	    "SEARCH",
	    "SEARCH ",
	    "SEARCH FOO",
	    "SEARCH NOT",
	    "SEARCH OR SEEN",
	    "SEARCH (SEEN",
	    "SEARCH SEEN)",
	    "SEARCH ()",
	    "SEARCH LARGER -1",
	    "SEARCH FROM",
	    "SEARCH 0",
	    "SEARCH 1::2",
	    "SEARCH YOUNGER 0",
	    "SEARCH ON 1-Foo-2020",
	    "SEARCH MODSEQ \"/x\" all 1",
	    "SEARCH RETURN ALL",
	    "SEARCH RETURN (X) ALL",
	    "SEARCH RETURN (PARTIAL 1) ALL",
	    "SEARCH RETURN (PARTIAL -1:2) ALL",
	    "SEARCH RETURN (PARTIAL 1:2 ALL) ALL",
	};

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		if (strcmp(run(command_search, lines[i]), "BAD") != 0)
			fail_msg("%s: %s", lines[i], answered);
	assert_string_equal(run(command_search, "SEARCH CHARSET NO-SUCH ALL"), "NO");
}

static void results_are_named(void **state)
{
	(void)state;
	assert_string_equal(run(command_search, "UID SEARCH RETURN (MIN MAX COUNT ALL) NOT 2"),
	                    "* ESEARCH (TAG \"a\") UID MIN 1 MAX 4 COUNT 3 ALL 1,3:4\r\n");
	assert_string_equal(run(command_search, "SEARCH RETURN (SAVE) 2:3"), "");
	assert_string_equal(run(command_search, "SEARCH RETURN (COUNT PARTIAL -1:-1) $"),
	                    "* ESEARCH (TAG \"a\") COUNT 2 PARTIAL (-1:-1 3)\r\n");
	assert_string_equal(run(command_sort, "SORT (REVERSE ARRIVAL) UTF-8 ALL"), "* SORT 4 3 2 1\r\n");
	assert_string_equal(run(command_sort, "SORT (FROM) UTF-8 ALL"), "* SORT 2 1 3 4\r\n");
	assert_string_equal(run(command_sort, "SORT (SUBJECT) UTF-8 ALL"), "* SORT 4 1 3 2\r\n");
	/* who has no date is sorted by the day it came (RFC 5256 2.2) */
	assert_string_equal(run(command_sort, "SORT RETURN (ALL) (DATE) UTF-8 ALL"), "* ESEARCH (TAG \"a\") ALL 1:4\r\n");
	assert_string_equal(run(command_thread, "THREAD ORDEREDSUBJECT UTF-8 2:3"), "* THREAD (2)(3)\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keys_find_messages),
	    cmocka_unit_test(cheap_keys_come_first),
	    cmocka_unit_test(nonsense_is_refused),
	    cmocka_unit_test(results_are_named),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("search", tests, begin, end);
}

/* imapd/search: a search program, and whether messages match it. */
// parts: imapd/search_parse.c imapd/search_options.c imapd/search_match.c imapd/cached.c imapd/envelope.c
// parts: imapd/structure.c imapd/view.c imapd/view_keywords.c
#include "imapd/search.h"
#include "imapd/search_match.h"

#include <sys/socket.h>
#include <unistd.h>

enum { INPUT_MAX = 60000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a session does beside parsing. */
void imap_refuse(struct session *session)
{
	session->status = IMAP_BAD_COMMAND;
}

void imap_no(struct session *session, const char *code, const char *text, ...)
{
	(void)code, (void)text;
	session->status = IMAP_NO;
}

void imap_bad(struct session *session, const char *text, ...)
{
	(void)text;
	session->status = IMAP_BAD_COMMAND;
}

static void match_all(struct session *session, const struct search_program *program)
{
	static const char message[] = "From: a@b\r\nSubject: =?utf-8?q?=C3=9F?=\r\nDate: Wed, 1 Jan 2020 23:30:00 -0800\r\n"
	                              "Content-Type: text/html\r\n\r\n<p>some text</p>\r\n";
	struct mailbox_details details = {.size = 100, .internal_date = 1580515200, .save_date = 1, .email_id = 7};
	struct search_text text;
	struct err err;

	if (search_text_open(&text, mime_source_memory(str_of(message)), &session->arena, &err) != 0)
		return;
	for (size_t at = 0; at < session->view->count; at++) {
		struct candidate candidate = {.view = session->view, .at = at, .arena = &session->arena, .err = &err};

		search_match(program->root, &candidate);
		candidate.details = &details;
		candidate.text = &text;
		if (search_match(program->root, &candidate) == IS_UNKNOWN)
			__builtin_trap(); /* with all that is known nothing is unknown */
	}
}

static void parse(struct session *session)
{
	struct search_options options;
	struct search_program program;
	struct str tag, name;

	while (imap_parse_command(&session->parser, &tag, &name)) {
		struct str charset = {"", 0};
		bool parsed = imap_parse_space(&session->parser) && search_parse_options(session, &options, false);

		if (parsed && imap_skip_word(&session->parser, "CHARSET"))
			parsed = imap_parse_space(&session->parser) && search_parse_charset(session, &charset) &&
			         imap_parse_space(&session->parser);
		if (parsed && search_parse_program(session, charset, &session->arena, &program))
			match_all(session, &program);
		if (!imap_parse_finish(&session->parser))
			return;
		arena_reset(&session->arena);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct view_message messages[] = {{.uid = 3, .flags = STORE_SEEN, .modseq = 5}, {.uid = 9, .modseq = 7}};
	static struct str none[1];
	struct view view = {.messages = messages, .count = 2, .keywords = none, .keyword_count = 1};
	struct session session = {.view = &view};
	int ends[2];

	if (size > INPUT_MAX || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
		return 0;
	if (write(ends[0], data, size) == (ssize_t)size && shutdown(ends[0], SHUT_WR) == 0) {
		conn_init(&session.conn, ends[1], 1000);
		arena_init(&session.arena);
		imap_parser_init(&session.parser, &session.conn, &session.arena, IMAP_LITERAL_MAX);
		session.parser.wants_utf8 = size % 2 == 0;
		parse(&session);
		conn_close(&session.conn);
		arena_free(&session.arena);
	}
	close(ends[0]);
	return 0;
}

/* imapd: THREAD (RFC 5256). */
#include "imapd/thread.h"

#include "imapd/search.h"
#include "imapd/thread_records.h"

enum { RESPONSE_MAX = 256 << 20 };

struct request {
	struct search_program program;
	struct search_options options; /* PARTIAL, or nothing */
	bool by_references;
};

struct gathering {
	struct session *session;
	struct thread_message *messages;
	size_t count;
	struct thread_ids ids;
};

static void take_record(struct gathering *gathering, uint32_t at, const struct thread_record *record)
{
	struct session *session = gathering->session;
	struct thread_message *message = &gathering->messages[gathering->count++];

	*message = (struct thread_message){
	    .name = session->by_uid ? record->uid : at + 1,
	    .date = record->date,
	    .id = record->id != 0 ? thread_id(&gathering->ids, record->id) : 0,
	    .reference_count = record->reference_count,
	    .subject = record->subject,
	    .is_reply = record->is_reply != 0,
	};
	message->references = arena_get(&session->arena, record->reference_count * sizeof *message->references);
	for (size_t i = 0; i < record->reference_count; i++)
		message->references[i] = thread_id(&gathering->ids, record->references[i]);
}

/* What the algorithms need of the messages found. Those that went meanwhile are left out. */
static int gather(struct gathering *gathering, const struct search_result *result, struct err *err)
{
	struct session *session = gathering->session;
	const struct thread_record **records;

	if (thread_records_get(session, &records, err) != 0)
		return -1;
	gathering->messages = arena_get(&session->arena, (result->count + 1) * sizeof *gathering->messages);
	thread_ids_init(&gathering->ids, result->count, &session->arena);
	for (size_t i = 0; i < result->count; i++)
		if (!records[result->at[i]]->is_absent)
			take_record(gathering, result->at[i], records[result->at[i]]);
	return 0;
}

static void write_threads(struct session *session, const struct buf *text)
{
	conn_write(&session->conn, text->len > 0 ? STR("* THREAD ") : STR("* THREAD"));
	conn_write(&session->conn, buf_str(text));
	conn_write(&session->conn, STR("\r\n"));
}

static void write_part(struct session *session, const struct search_options *options, size_t count,
                       const struct buf *text)
{
	struct conn *conn = &session->conn;

	conn_printf(conn, "* ESEARCH (TAG \"%.*s\")%s COUNT %zu THREAD (%.*s %s", STR_ARG(session->tag),
	            session->by_uid ? " UID" : "", count, STR_ARG(options->partial_text), text->len > 0 ? "(" : "NIL");
	conn_write(conn, buf_str(text));
	conn_write(conn, text->len > 0 ? STR("))\r\n") : STR(")\r\n"));
}

static int answer(struct gathering *gathering, const struct request *request)
{
	struct session *session = gathering->session;
	const struct search_options *options = &request->options;
	struct thread_node *root;
	struct buf text;
	size_t count = 0;
	int written;

	root = request->by_references ? thread_by_references(gathering->messages, gathering->count, gathering->ids.count,
	                                                     !options->partial, &session->arena)
	                              : thread_by_subject(gathering->messages, gathering->count, &session->arena);
	if (options->partial)
		count = thread_keep_newest(root, gathering->messages, gathering->count, options->partial_first,
		                           options->partial_last, &session->arena);
	buf_init(&text, RESPONSE_MAX);
	written = options->partial ? thread_write_flat(root, &text) : thread_write(root, &text);
	if (written == 0 && options->partial)
		write_part(session, options, count, &text);
	else if (written == 0)
		write_threads(session, &text);
	buf_free(&text);
	return written;
}

static void thread_messages(struct session *session, struct request *request)
{
	struct gathering gathering = {.session = session};
	struct search_result result;
	struct err err;

	if (search_run(session, &request->program, NULL, &result) != 0)
		return;
	if (gather(&gathering, &result, &err) != 0)
		search_fail(session, &err);
	else if (answer(&gathering, request) != 0)
		imap_no(session, "LIMIT", "These are too many threads for one response");
}

/* Threads are counted in one way alone. */
static bool parse_options(struct session *session, struct search_options *options)
{
	if (!search_parse_options(session, options, false))
		return false;
	if (!options->given || (options->partial && !options->from_end && !options->min && !options->max &&
	                        !options->save && !options->update))
		return true;
	imap_bad(session, "THREAD knows RETURN (PARTIAL first:last)");
	return false;
}

void command_thread(struct session *session)
{
	struct imap_parser *parser = &session->parser;
	struct request request = {0};
	struct str algorithm, charset;

	if (!imap_parse_space(parser)) {
		imap_refuse(session);
		return;
	}
	if (!parse_options(session, &request.options))
		return;
	if (!imap_parse_atom(parser, &algorithm) || !imap_parse_space(parser)) {
		imap_refuse(session);
		return;
	}
	request.by_references = str_equal_nocase(algorithm, STR("REFERENCES"));
	if (!request.by_references && !str_equal_nocase(algorithm, STR("ORDEREDSUBJECT"))) {
		imap_bad(session, "The threading algorithm is not known");
		return;
	}
	if (!search_parse_charset(session, &charset))
		return;
	if (!imap_parse_space(parser)) {
		imap_refuse(session);
		return;
	}
	if (!search_parse_program(session, charset, &session->arena, &request.program))
		return;
	thread_messages(session, &request);
	search_end_turn(session);
}

/* imapd: THREAD (RFC 5256). */
#include "imapd/thread.h"

#include "common/mime/header.h"
#include "imapd/fields.h"
#include "imapd/search.h"
#include "imapd/sort.h"

enum { RESPONSE_MAX = 256 << 20 };

struct gathering {
	struct session *session;
	struct thread_message *messages;
	uint32_t *uids;
	size_t count;
	struct thread_ids ids;
	struct arena scratch;
};

static struct str field_value(struct str fields, const char *name)
{
	struct mime_field field;

	return mime_field_find(fields, str_of(name), &field) ? field.value : STR("");
}

/* RFC 5256: the ids in References, or else the first one in In-Reply-To. */
static void take_references(struct gathering *gathering, struct str fields, struct thread_message *message)
{
	struct mime_ids found;
	size_t first = 0;

	mime_parse_ids(field_value(fields, "References"), &gathering->scratch, &found);
	if (found.count == 0) {
		mime_parse_ids(field_value(fields, "In-Reply-To"), &gathering->scratch, &found);
		found.count = found.count > 0;
	}
	if (found.count > THREAD_REFERENCES_MAX)
		first = found.count - THREAD_REFERENCES_MAX;
	message->reference_count = found.count - first;
	message->references = arena_get(&gathering->session->arena, message->reference_count * sizeof(uint32_t));
	for (size_t i = 0; i < message->reference_count; i++)
		message->references[i] = thread_id(&gathering->ids, found.list[first + i]);
}

static void take_fields(size_t i, struct str fields, void *context)
{
	struct gathering *gathering = context;
	struct session *session = gathering->session;
	struct thread_message *message = &gathering->messages[i];
	struct mime_ids own;
	struct str subject;

	message->name = session->by_uid ? gathering->uids[i] : view_number(session->view, gathering->uids[i]);
	message->date = mime_sent_date(field_value(fields, "Date"), message->date);
	mime_parse_ids(field_value(fields, "Message-ID"), &gathering->scratch, &own);
	message->id = own.count > 0 ? thread_id(&gathering->ids, own.list[0]) : 0;
	subject = mime_base_subject(field_value(fields, "Subject"), &gathering->scratch, &message->is_reply);
	message->subject = sort_text(subject, &session->arena);
	take_references(gathering, fields, message);
	arena_reset(&gathering->scratch);
}

/* Until the Date field is known the date is the internal one. */
static void take_date(uint32_t uid, const struct mailbox_details *details, void *context)
{
	struct gathering *gathering = context;
	size_t low = 0, high = gathering->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (gathering->uids[middle] < uid)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < gathering->count && gathering->uids[low] == uid)
		gathering->messages[low].date = details->internal_date;
}

/* What the algorithms need of the messages found. Those that went meanwhile are left out. */
static int gather(struct gathering *gathering, const struct search_result *result, struct err *err)
{
	struct session *session = gathering->session;
	size_t kept = 0;

	gathering->count = result->count;
	gathering->messages = arena_get(&session->arena, (result->count + 1) * sizeof *gathering->messages);
	gathering->uids = arena_get(&session->arena, (result->count + 1) * sizeof *gathering->uids);
	for (size_t i = 0; i < result->count; i++)
		gathering->uids[i] = session->view->messages[result->at[i]].uid;
	if (mailbox_details_each(session->mailbox, session->view->folder, gathering->uids, gathering->count, take_date,
	                         gathering, err) != 0 ||
	    fields_each(session, gathering->uids, gathering->count, take_fields, gathering, err) != 0)
		return -1;
	for (size_t i = 0; i < gathering->count; i++)
		if (gathering->messages[i].name != 0)
			gathering->messages[kept++] = gathering->messages[i];
	gathering->count = kept;
	return 0;
}

static int answer(struct gathering *gathering, bool by_references)
{
	struct session *session = gathering->session;
	struct thread_node *root;
	struct buf text;
	int written;

	root = by_references
	           ? thread_by_references(gathering->messages, gathering->count, gathering->ids.count, &session->arena)
	           : thread_by_subject(gathering->messages, gathering->count, &session->arena);
	buf_init(&text, RESPONSE_MAX);
	written = thread_write(root, &text);
	if (written == 0) {
		conn_write(&session->conn, text.len > 0 ? STR("* THREAD ") : STR("* THREAD"));
		conn_write(&session->conn, buf_str(&text));
		conn_write(&session->conn, STR("\r\n"));
	}
	buf_free(&text);
	return written;
}

static void thread_messages(struct session *session, struct search_program *program, bool by_references)
{
	struct gathering gathering = {.session = session};
	struct search_result result;
	struct err err;

	if (search_run(session, program, NULL, &result) != 0)
		return;
	thread_ids_init(&gathering.ids, &session->arena);
	arena_init(&gathering.scratch);
	if (gather(&gathering, &result, &err) != 0)
		search_fail(session, &err);
	else if (answer(&gathering, by_references) != 0)
		imap_no(session, "LIMIT", "These are too many threads for one response");
	arena_free(&gathering.scratch);
}

void command_thread(struct session *session)
{
	struct imap_parser *parser = &session->parser;
	struct search_program program;
	struct str algorithm, charset;
	bool by_references;

	if (!imap_parse_space(parser) || !imap_parse_atom(parser, &algorithm) || !imap_parse_space(parser)) {
		imap_refuse(session);
		return;
	}
	by_references = str_equal_nocase(algorithm, STR("REFERENCES"));
	if (!by_references && !str_equal_nocase(algorithm, STR("ORDEREDSUBJECT"))) {
		imap_bad(session, "The threading algorithm is not known");
		return;
	}
	if (!search_parse_charset(session, &charset))
		return;
	if (!imap_parse_space(parser)) {
		imap_refuse(session);
		return;
	}
	if (!search_parse_program(session, charset, &session->arena, &program))
		return;
	thread_messages(session, &program, by_references);
	search_end_turn(session);
}

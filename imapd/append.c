/* imapd: APPEND (RFC 9051 6.3.12), of several messages too (RFC 3502), and REPLACE (RFC 8508). */
#include "imapd/names.h"
#include "imapd/shared.h"
#include "imapd/target.h"

/* What a message is made of: one literal, or parts (RFC 4469). */
static bool take_data(struct upload *upload)
{
	struct session *session = upload->session;
	struct imap_parser *parser = &session->parser;

	if (imap_skip_word(parser, "CATENATE"))
		return catenate_take(upload);
	if (!imap_skip_word(parser, "UTF8"))
		return upload_literal(upload, false);
	/* RFC 6855 section 4 */
	if (!session_utf8(session))
		imap_fail(parser, IMAP_BAD, "UTF8=ACCEPT is not enabled");
	if (!imap_parse_space(parser) || !imap_parse_open(parser)) {
		imap_refuse(session);
		return false;
	}
	if (!upload_literal(upload, true))
		return false;
	if (imap_parse_close(parser))
		return true;
	imap_refuse(session);
	return false;
}

static bool take_message(struct upload *upload)
{
	struct session *session = upload->session;
	struct imap_parser *parser = &session->parser;
	struct upload_message *message = upload_begin(upload);

	if (message == NULL)
		return false;
	imap_parse_space(parser);
	if (imap_peek_char(parser, '(')) {
		session_parse_flags(session, &message->flags, &message->keywords);
		imap_parse_space(parser);
	}
	if (imap_peek_char(parser, '"')) {
		imap_parse_date_time(parser, &message->internal_date);
		imap_parse_space(parser);
	}
	if (parser->failure != IMAP_PARSED) {
		imap_refuse(session);
		return false;
	}
	if (!take_data(upload))
		return false;
	if (message->size > 0)
		return true;
	imap_no(session, NULL, "An empty message ends the command without storing anything"); /* RFC 3502 6.3.11 */
	return false;
}

void command_append(struct session *session)
{
	struct target target;
	struct stored stored;
	struct upload upload;
	struct str name;
	bool good;

	if (!imap_parse_space(&session->parser) || !imap_parse_mailbox(&session->parser, &name)) {
		imap_refuse(session);
		return;
	}
	if (target_find(session, name, &target) != 0)
		return;
	upload_init(&upload, session);
	do
		good = take_message(&upload);
	while (good && !imap_at_end(&session->parser));
	if (good && target_store(session, &target, &upload, &stored) == 0) {
		names_tell_oldname(session, "", name, session->parser.given);
		imap_ok(session, target_append_code(session, &stored, upload.count), "APPEND completed");
	}
	upload_free(&upload);
}

/* The one message that REPLACE names. */
static bool find_replaced(struct session *session, struct str set, uint32_t *uid)
{
	uint32_t *uids;
	size_t count;

	if (!session_uids(session, set, &uids, &count))
		return false;
	if (count != 1) {
		imap_no(session, count == 0 ? "NONEXISTENT" : NULL, "REPLACE takes one message that is there");
		return false;
	}
	*uid = uids[0];
	return true;
}

struct replacement {
	uint32_t uid; /* what it replaces */
	struct target target;
};

static bool prepare_replacement(struct session *session, struct str set, struct str name,
                                struct replacement *replacement)
{
	return find_replaced(session, set, &replacement->uid) &&
	       session_may_change(session, RIGHT_DELETED | RIGHT_EXPUNGE) &&
	       target_find(session, name, &replacement->target) == 0;
}

/* RFC 8508 section 3.3: the new message is there before the old one goes, so that neither is lost on the way. */
static void replace(struct session *session, struct upload *upload, const struct replacement *replacement)
{
	struct stored stored;
	struct err err;

	if (target_store(session, &replacement->target, upload, &stored) != 0)
		return;
	if (mailbox_expunge(session->mailbox, session->view->folder, &replacement->uid, 1, IMAP_WAIT_MS, NULL, &err) != 0) {
		imap_no_store(session, &err);
		return;
	}
	conn_printf(&session->conn, "* OK [%s] Replacement stored\r\n", target_append_code(session, &stored, 1));
	session_ring(session);
	session_tell_now(session);
}

void session_replace(struct session *session, struct str set, struct str name, struct upload *upload)
{
	struct replacement replacement;

	if (prepare_replacement(session, set, name, &replacement))
		replace(session, upload, &replacement);
}

void command_replace(struct session *session)
{
	struct imap_parser *parser = &session->parser;
	bool is_there = shared_selected(session) != NULL; /* in another mailbox, where it is prepared */
	struct replacement replacement;
	struct upload upload;
	struct str set, name;

	if (!imap_parse_space(parser) || !imap_parse_sequence_text(parser, &set) || !imap_parse_space(parser) ||
	    !imap_parse_mailbox(parser, &name)) {
		imap_refuse(session);
		return;
	}
	if (!is_there && !prepare_replacement(session, set, name, &replacement))
		return;
	upload_init(&upload, session);
	if (take_message(&upload)) {
		if (!imap_parse_end(parser))
			imap_refuse(session);
		else if (is_there)
			shared_replace(session, set, name, &upload);
		else
			replace(session, &upload, &replacement);
	}
	upload_free(&upload);
}

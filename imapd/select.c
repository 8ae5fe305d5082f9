/* imapd: SELECT, EXAMINE and how a folder is left again. */
#include "common/base/memory.h"
#include "imapd/context.h"
#include "imapd/imapd.h"
#include "imapd/resync.h"

#include <inttypes.h>

void session_enable_condstore(struct session *session)
{
	if (session->enabled.condstore)
		return;
	session->enabled.condstore = true;
	if (session->view != NULL)
		conn_printf(&session->conn, "* OK [HIGHESTMODSEQ %" PRId64 "] Highest\r\n", session->view->told_modseq);
}

const char *session_modseq_code(struct session *session)
{
	if (!session->enabled.qresync || session->view == NULL)
		return NULL;
	return arena_printf(&session->arena, "HIGHESTMODSEQ %" PRId64, session->view->told_modseq).data;
}

static void leave_folder(struct session *session)
{
	session_take_recent(session);
	contexts_close(session);
	view_close(session->view);
	session->view = NULL;
	memory_free(session->saved.ranges);
	session->saved = (struct sequence){NULL, 0};
}

static bool parse_parameters(struct session *session, struct resync *resync)
{
	struct imap_parser *parser = &session->parser;

	if (imap_at_end(parser))
		return true;
	if (!imap_parse_space(parser) || !imap_parse_open(parser))
		return false;
	do {
		if (imap_skip_word(parser, "CONDSTORE"))
			session_enable_condstore(session);
		else if (imap_skip_word(parser, "QRESYNC"))
			resync_parse(session, resync);
		else
			imap_fail(parser, IMAP_BAD, "A parameter is not known");
	} while (imap_skip_char(parser, ' '));
	return imap_parse_close(parser) && imap_parse_end(parser);
}

/* RFC 3501 6.3.1: the first message without \Seen. */
static void write_unseen(struct session *session)
{
	const struct view *view = session->view;

	for (size_t at = 0; at < view->count; at++)
		if ((view->messages[at].flags & STORE_SEEN) == 0) {
			conn_printf(&session->conn, "* OK [UNSEEN %zu] First unseen\r\n", at + 1);
			return;
		}
}

static void write_folder(struct session *session)
{
	struct conn *conn = &session->conn;
	struct view *view = session->view;
	char id[IMAP_ID_MAX];

	session_write_words(session);
	conn_write(conn, view->read_only ? STR("* OK [PERMANENTFLAGS ()] Read only\r\n")
	                                 : STR("* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] "
	                                       "Kept\r\n"));
	conn_printf(conn, "* %zu EXISTS\r\n", view->count);
	if (session->enabled.rev2) {
		conn_write(conn, STR("* LIST () \"/\" "));
		imap_write_mailbox(conn, str_of(view->name), true);
		conn_write(conn, STR("\r\n"));
	} else {
		conn_printf(conn, "* %zu RECENT\r\n", view->recent);
		write_unseen(session);
	}
	conn_printf(conn,
	            "* OK [UIDVALIDITY %u] Valid\r\n* OK [UIDNEXT %u] Next\r\n* OK [HIGHESTMODSEQ %" PRId64
	            "] Highest\r\n* OK [MAILBOXID (%s)] Id\r\n",
	            view->state.uidvalidity, view->state.uidnext, view->state.modseq, imap_mailbox_id(id, view->folder));
}

static void select_folder(struct session *session, bool read_only)
{
	struct resync resync = {.wanted = false};
	struct mailbox_folder folder;
	struct str name;
	struct err err;

	if (!imap_parse_space(&session->parser) || !imap_parse_mailbox(&session->parser, &name) ||
	    !parse_parameters(session, &resync)) {
		imap_refuse(session);
		return;
	}
	/* RFC 9051 6.3.2: what was selected is not any more, also where this fails. */
	if (session->view != NULL) {
		leave_folder(session);
		conn_write(&session->conn, STR("* OK [CLOSED] Closed\r\n"));
	}
	if (session_find_folder(session, name, "r", &folder) != 0)
		return;
	if (view_open(&session->view, session->mailbox, &folder, read_only, &err) != 0) {
		imap_no_store(session, &err);
		return;
	}
	session_take_recent(session);
	write_folder(session);
	if (resync.wanted && resync_write(session, &resync, &err) != 0) {
		leave_folder(session);
		imap_no_store(session, &err);
		return;
	}
	imap_ok(session, read_only ? "READ-ONLY" : "READ-WRITE", "%s completed", session->command->name);
}

void command_select(struct session *session)
{
	select_folder(session, false);
}

void command_examine(struct session *session)
{
	select_folder(session, true);
}

void command_unselect(struct session *session)
{
	if (imap_parse_end(&session->parser))
		leave_folder(session);
	else
		imap_refuse(session);
}

void command_close(struct session *session)
{
	if (!imap_parse_end(&session->parser)) {
		imap_refuse(session);
		return;
	}
	/* RFC 9051 6.4.1: nothing is said of what goes. Where it cannot go, the folder stays selected. */
	if (!session->view->read_only && session_expunge(session, NULL) != 0)
		return;
	imap_ok(session, session_modseq_code(session), "CLOSE completed");
	leave_folder(session);
}

void command_check(struct session *session)
{
	struct err err;

	if (!imap_parse_end(&session->parser))
		imap_refuse(session);
	else if (mailbox_sync(session->mailbox, &err) != 0)
		imap_no_store(session, &err);
}

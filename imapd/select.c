/* imapd: SELECT, EXAMINE and how a folder is left again. */
#include "common/base/memory.h"
#include "imapd/context.h"
#include "imapd/guest.h"
#include "imapd/imapd.h"
#include "imapd/names.h"
#include "imapd/resync.h"
#include "imapd/rights.h"
#include "imapd/shared.h"

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

void session_leave(struct session *session)
{
	session_take_recent(session);
	shared_leave(session);
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

/* By the user's rights (RFC 4314 5.1.1). */
void session_write_permanent_flags(struct session *session)
{
	const struct view *view = session->view;
	unsigned flags = STORE_ANSWERED | STORE_FLAGGED | STORE_DELETED | STORE_SEEN | STORE_DRAFT;
	unsigned open = view->read_only ? 0 : flags & ~rights_closed_flags(view->rights);
	bool any = (open & STORE_FLAGGED) != 0; /* then keywords too */

	conn_write(&session->conn, STR("* OK [PERMANENTFLAGS "));
	session_write_flags(session, open, any ? STR("\\*") : STR(""), false);
	conn_write(&session->conn, view->read_only ? STR("] Read only\r\n") : STR("] Kept\r\n"));
}

static void write_folder(struct session *session)
{
	struct conn *conn = &session->conn;
	struct view *view = session->view;
	char id[IMAP_ID_MAX];

	session_write_words(session);
	session_write_permanent_flags(session);
	conn_printf(conn, "* %zu EXISTS\r\n", view->count);
	if (session->enabled.rev2) {
		names_write_list(session, "", guest_full_name(session, str_of(view->name)), session->parser.given);
	} else {
		conn_printf(conn, "* %zu RECENT\r\n", view->recent);
		write_unseen(session);
	}
	conn_printf(conn,
	            "* OK [UIDVALIDITY %u] Valid\r\n* OK [UIDNEXT %u] Next\r\n* OK [HIGHESTMODSEQ %" PRId64
	            "] Highest\r\n* OK [MAILBOXID (%s)] Id\r\n",
	            view->state.uidvalidity, view->state.uidnext, view->state.modseq, imap_mailbox_id(id, view->folder));
}

/* -1: noted. Who may change nothing has it for reading only (RFC 4314 5.2). */
static int open_folder(struct session *session, struct str name, bool *read_only)
{
	struct mailbox_folder folder;
	unsigned rights;
	struct err err;

	if (session_find_with_rights(session, name, "r", &folder, &rights) != 0) {
		if (!str_equal(session->code, STR("NONEXISTENT")) || !session_is_fake(session, name))
			return -1;
		imap_ok(session, NULL, "%s completed", session->command->name);
		*read_only = true;
		view_open_empty(&session->view, name);
		return 0;
	}
	*read_only |= (rights & (RIGHT_SEEN | RIGHT_WRITE | RIGHT_INSERT | RIGHT_DELETED | RIGHT_EXPUNGE)) == 0;
	if (view_open(&session->view, session->mailbox, &folder, *read_only, &err) != 0) {
		imap_no_store(session, &err);
		return -1;
	}
	session->view->rights = rights;
	return 0;
}

static void select_folder(struct session *session, bool read_only)
{
	struct resync resync = {.wanted = false};
	struct str name;
	struct err err;

	if (!imap_parse_space(&session->parser) || !imap_parse_mailbox(&session->parser, &name) ||
	    !parse_parameters(session, &resync)) {
		imap_refuse(session);
		return;
	}
	/* RFC 9051 6.3.2: what was selected is not any more, also where this fails. */
	if (session->view != NULL || shared_selected(session) != NULL) {
		session_leave(session);
		conn_write(&session->conn, STR("* OK [CLOSED] Closed\r\n"));
	}
	if (open_folder(session, name, &read_only) != 0)
		return;
	session_take_recent(session);
	write_folder(session);
	if (resync.wanted && resync_write(session, &resync, &err) != 0) {
		session_leave(session);
		imap_no_store(session, &err);
		return;
	}
	/* RFC 7162 3.2.5: a client joins what it kept with what SELECT says; news meanwhile would move its numbers */
	session->told_all = true;
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
		session_leave(session);
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
	if (!session->view->read_only && (session->view->rights & RIGHT_EXPUNGE) != 0 &&
	    session_expunge(session, NULL) != 0)
		return;
	session_leave(session); /* without HIGHESTMODSEQ (RFC 7162 3.2.8): the client was not told what went */
}

void command_check(struct session *session)
{
	struct err err;

	if (!imap_parse_end(&session->parser))
		imap_refuse(session);
	else if (mailbox_sync(session->mailbox, &err) != 0)
		imap_no_store(session, &err);
}

/* imapd: telling the client what happened in the selected folder (RFC 9051 5.2 and 7, RFC 7162 3.2.10). */
#include "common/base/log.h"
#include "imapd/context.h"
#include "imapd/notify.h"

#include <inttypes.h>

static const struct {
	unsigned flag;
	struct str name;
} system_flags[] = {
    {STORE_ANSWERED, {"\\Answered", 9}}, {STORE_FLAGGED, {"\\Flagged", 8}}, {STORE_DELETED, {"\\Deleted", 8}},
    {STORE_SEEN, {"\\Seen", 5}},         {STORE_DRAFT, {"\\Draft", 6}},
};

void session_write_flags(struct session *session, unsigned flags, struct str keywords, bool recent)
{
	struct conn *conn = &session->conn;
	const char *space = "";

	conn_write(conn, STR("("));
	for (size_t i = 0; i < sizeof system_flags / sizeof *system_flags; i++)
		if ((flags & system_flags[i].flag) != 0) {
			conn_write(conn, str_of(space));
			conn_write(conn, system_flags[i].name);
			space = " ";
		}
	if (recent) {
		conn_write(conn, str_of(space));
		conn_write(conn, STR("\\Recent"));
		space = " ";
	}
	if (keywords.len > 0) {
		conn_write(conn, str_of(space));
		conn_write(conn, keywords);
	}
	conn_write(conn, STR(")"));
}

void session_write_words(struct session *session)
{
	const struct view *view = session->view;

	conn_write(&session->conn, STR("* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft"));
	for (size_t i = 0; i < view->word_count; i++) {
		conn_write(&session->conn, STR(" "));
		conn_write(&session->conn, view->words[i]);
	}
	conn_write(&session->conn, STR(")\r\n"));
}

static void tell_expunge(uint32_t number, uint32_t uid, void *context)
{
	struct session *session = context;

	(void)uid;
	conn_printf(&session->conn, "* %u EXPUNGE\r\n", number);
}

static void add_vanished(uint32_t number, uint32_t uid, void *context)
{
	(void)number;
	sequence_builder_add(context, uid);
}

static void tell_gone(struct session *session)
{
	struct sequence_builder vanished;

	if (!session->enabled.qresync) {
		view_remove_gone(session->view, tell_expunge, session);
		return;
	}
	sequence_builder_init(&vanished);
	view_remove_gone(session->view, add_vanished, &vanished);
	if (vanished.text.len > 0 || vanished.first != 0) {
		conn_write(&session->conn, STR("* VANISHED "));
		conn_write(&session->conn, sequence_builder_text(&vanished));
		conn_write(&session->conn, STR("\r\n"));
	}
	sequence_builder_free(&vanished);
}

/*
 * \Recent has no meaning in IMAP4rev2 (RFC 9051 appendix E), and only who may write takes it from others. That is noted
 * when the folder is opened and left, and when the client rests, not with each message that comes: RFC 3501 2.3.2 lets
 * more than one session see a message as recent.
 */
void session_take_recent(struct session *session)
{
	struct view *view = session->view;
	struct err err;

	if (view == NULL || view->read_only || session->enabled.rev2 || view->state.recent >= view->state.uidnext)
		return;
	if (mailbox_mark_recent(session->mailbox, view->folder, view->state.uidnext, 0, &err) == 0)
		view->state.recent = view->state.uidnext;
	else if (err.code != STORE_BUSY) /* then another session sees them as recent, too */
		log_warning("cannot note what is recent, user=%s: %s", session->user, err.text);
}

static void tell_count(struct session *session)
{
	struct view *view = session->view;

	conn_printf(&session->conn, "* %zu EXISTS\r\n", view->count);
	view->told = view->count;
	if (!session->enabled.rev2)
		conn_printf(&session->conn, "* %zu RECENT\r\n", view->recent);
}

void session_tell_flags(struct session *session, size_t at, bool with_flags)
{
	const struct view_message *message = &session->view->messages[at];
	struct conn *conn = &session->conn;
	const char *space = "";

	conn_printf(conn, "* %zu FETCH (", at + 1);
	/* RFC 7162 3.1.4.2, 3.2.4: who keeps track of MODSEQ is told it with each change, and has to know whose it is. So
	 * has who hears of changes without a command (RFC 5465 5.1). */
	if (session->by_uid || session->enabled.condstore || session->enabled.rev2 || session->notify != NULL) {
		conn_printf(conn, "UID %u", message->uid);
		space = " ";
	}
	if (with_flags) {
		conn_printf(conn, "%sFLAGS ", space);
		session_write_flags(session, message->flags, view_keywords(session->view, message),
		                    !session->enabled.rev2 && (message->flags & VIEW_RECENT) != 0);
		space = " ";
	}
	if (session->enabled.condstore)
		conn_printf(conn, "%sMODSEQ (%" PRId64 ")", space, message->modseq);
	conn_write(conn, STR(")\r\n"));
}

static void tell_changes(struct session *session)
{
	struct view *view = session->view;

	if (view->words_grew) {
		session_write_words(session);
		view->words_grew = false;
	}
	for (size_t at = view_lower_bound(view, view->due_first);
	     at < view->count && view->messages[at].uid <= view->due_last; at++) {
		unsigned flags = view->messages[at].flags;

		if ((flags & VIEW_GONE) == 0 &&
		    ((flags & VIEW_CHANGED) != 0 || ((flags & VIEW_MODSEQ) != 0 && session->enabled.condstore)))
			session_tell_flags(session, at, (flags & VIEW_CHANGED) != 0);
		view->messages[at].flags &= ~(unsigned)(VIEW_CHANGED | VIEW_MODSEQ | VIEW_EXPECTED);
	}
	view->due_first = UINT32_MAX;
	view->due_last = 0;
}

/*
 * RFC 7162 section 6: a client that keeps the highest MODSEQ it hears of would not ask for what it was not told, so it
 * hears how far it may believe.
 */
static void tell_modseq(struct session *session)
{
	struct view *view = session->view;

	if (view->gone == 0)
		view->told_modseq = view->state.modseq;
	if (session->enabled.qresync && (view->gone > 0 || view->holds_back))
		conn_printf(&session->conn, "* OK [HIGHESTMODSEQ %" PRId64 "] %s\r\n", view->told_modseq,
		            view->gone > 0 ? "VANISHED is yet to come" : "All is told");
	view->holds_back = view->gone > 0;
}

/* The client did not ask to hear of flags: forget what is due. */
static void drop_changes(struct session *session)
{
	struct view *view = session->view;

	for (size_t at = view_lower_bound(view, view->due_first);
	     at < view->count && view->messages[at].uid <= view->due_last; at++)
		view->messages[at].flags &= ~(unsigned)(VIEW_CHANGED | VIEW_MODSEQ | VIEW_EXPECTED);
	view->due_first = UINT32_MAX;
	view->due_last = 0;
}

int session_follow(struct session *session)
{
	unsigned events = notify_selected_events(session);
	struct view *view = session->view;
	bool own = view->behind;
	struct err err;
	size_t told;

	if (events == 0 && !own) /* RFC 5465 3.1: but what the client does itself is answered */
		return 0;
	if (view_follow(view, session->mailbox, &err) != 0) {
		if (err.code != ERR_NOT_FOUND)
			log_error("cannot follow a folder of user=%s: %s", session->user, err.text);
		session_bye(session, err.code == ERR_NOT_FOUND
		                         ? "The selected folder is gone"
		                         : "[UNAVAILABLE] The selected folder cannot be read at the moment");
		return -1;
	}
	if (view->gone > 0 && !session->keep_sequence) {
		contexts_before_expunge(session);
		tell_gone(session);
	}
	told = view->told;
	if (view->count != told)
		tell_count(session);
	if (view->due_first <= view->due_last && !own && (events & NOTIFY_FLAGS) == 0)
		drop_changes(session);
	else if (view->due_first <= view->due_last)
		tell_changes(session);
	tell_modseq(session);
	contexts_after(session);
	notify_fetch_new(session, told);
	view->own_first = view->own_last = 0;
	return 0;
}

void session_tell_now(struct session *session)
{
	if (session_follow(session) == 0)
		imap_ok(session, session_modseq_code(session), "%s completed", session->command->name);
}

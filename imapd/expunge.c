/* imapd: EXPUNGE, UID EXPUNGE (RFC 4315), and what CLOSE removes. */
#include "imapd/imapd.h"
#include "imapd/rights.h"

int session_expunge(struct session *session, const struct sequence *only)
{
	struct view *view = session->view;
	size_t count = 0;
	uint32_t *uids;
	struct err err;

	/* What other sessions have marked goes too, what they take back until then does not. */
	if (view_follow(view, session->mailbox, &err) != 0) {
		imap_no_store(session, &err);
		return -1;
	}
	uids = arena_get(&session->arena, view->count * sizeof *uids + 1);
	for (size_t at = 0; at < view->count; at++) {
		const struct view_message *message = &view->messages[at];

		if ((message->flags & (STORE_DELETED | VIEW_GONE)) == STORE_DELETED &&
		    (only == NULL || sequence_holds(only, message->uid)))
			uids[count++] = message->uid;
	}
	if (count == 0)
		return 0;
	if (mailbox_expunge_deleted(session->mailbox, view->folder, uids, count, IMAP_WAIT_MS, &err) != 0) {
		imap_no_store(session, &err);
		return -1;
	}
	session_ring(session);
	return 0;
}

/* The set of UID EXPUNGE; "$" is what was saved. */
static bool parse_set(struct session *session, struct sequence *set)
{
	const struct view *view = session->view;
	uint32_t largest = view->count > 0 ? view->messages[view->count - 1].uid : 0;
	struct str text;

	if (!imap_parse_space(&session->parser) || !imap_parse_sequence_text(&session->parser, &text))
		return false;
	*set = session->saved;
	return str_equal(text, STR("$")) || sequence_parse(&session->arena, text, largest, set) ||
	       imap_fail(&session->parser, IMAP_BAD, "That is not a set of UIDs");
}

void command_expunge(struct session *session)
{
	struct sequence set;

	if ((session->by_uid && !parse_set(session, &set)) || !imap_parse_end(&session->parser)) {
		imap_refuse(session);
		return;
	}
	if (session_may_change(session, RIGHT_EXPUNGE) && session_expunge(session, session->by_uid ? &set : NULL) == 0)
		session_tell_now(session);
}

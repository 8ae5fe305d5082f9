#include "imapd/resync.h"

void resync_parse(struct session *session, struct resync *resync)
{
	struct imap_parser *parser = &session->parser;
	uint64_t modseq;

	if (!session->enabled.qresync) {
		imap_fail(parser, IMAP_BAD, "QRESYNC is not enabled");
		return;
	}
	if (!imap_parse_space(parser) || !imap_parse_open(parser) ||
	    !imap_parse_number(parser, UINT32_MAX, &resync->uidvalidity) || !imap_parse_space(parser) ||
	    !imap_parse_number(parser, INT64_MAX, &modseq))
		return;
	if (resync->uidvalidity == 0 || modseq == 0)
		imap_fail(parser, IMAP_BAD, "A zero is not allowed there");
	if (imap_skip_char(parser, ' ') && !imap_peek_char(parser, '('))
		imap_parse_sequence_text(parser, &resync->known);
	if (imap_peek_char(parser, '(') || imap_skip_char(parser, ' ')) {
		imap_parse_open(parser);
		imap_parse_sequence_text(parser, &resync->match_numbers);
		imap_parse_space(parser);
		imap_parse_sequence_text(parser, &resync->match_uids);
		imap_parse_close(parser);
	}
	imap_parse_close(parser);
	resync->modseq = (int64_t)modseq;
	resync->wanted = true;
}

/* What the visits of the store add to. */
struct vanishing {
	const struct view *view;
	const struct sequence *known; /* NULL: all */
	uint32_t match_after;
	struct sequence_builder *out;
};

static void add_range(const struct vanishing *vanishing, uint32_t first, uint32_t last)
{
	if (first <= vanishing->match_after)
		first = vanishing->match_after + 1;
	if (first <= last)
		sequence_builder_add_range(vanishing->out, first, last);
}

/*
 * RFC 7162 3.2.10: what the client still counts among the messages is left out: VANISHED without (EARLIER) tells of it,
 * for that moves the numbers.
 */
static void add_uncounted(const struct vanishing *vanishing, uint32_t first, uint32_t last)
{
	const struct view *view = vanishing->view;

	for (size_t at = view_lower_bound(view, first); at < view->count && view->messages[at].uid <= last; at++) {
		add_range(vanishing, first, view->messages[at].uid - 1);
		first = view->messages[at].uid + 1;
	}
	add_range(vanishing, first, last);
}

static void see_vanished(uint32_t first, uint32_t last, void *context)
{
	const struct vanishing *vanishing = context;
	const struct sequence *known = vanishing->known;

	if (known == NULL) {
		add_uncounted(vanishing, first, last);
		return;
	}
	for (size_t i = 0; i < known->count && known->ranges[i].first <= last; i++) {
		const struct sequence_range *range = &known->ranges[i];

		if (range->last >= first)
			add_uncounted(vanishing, first > range->first ? first : range->first,
			              last < range->last ? last : range->last);
	}
}

static void see_nothing(const struct mailbox_entry *entry, void *context)
{
	(void)entry;
	(void)context;
}

int resync_vanished(struct session *session, int64_t modseq, const struct sequence *known, uint32_t match_after,
                    struct sequence_builder *vanished, struct err *err)
{
	const struct view *view = session->view;
	struct vanishing vanishing = {view, known, match_after, vanished};
	struct mailbox_visitor visitor = {see_nothing, see_vanished, &vanishing};
	struct mailbox_state state;

	if (modseq >= view->state.remembered)
		return mailbox_changes(session->mailbox, view->folder, modseq, &visitor, &state, err);
	vanishing.known = NULL;
	if (known == NULL)
		return view->state.uidnext == 1
		           ? 0
		           : mailbox_missing(session->mailbox, view->folder, 1, view->state.uidnext - 1, &visitor, err);
	for (size_t i = 0; i < known->count; i++) {
		uint32_t last = known->ranges[i].last < view->state.uidnext ? known->ranges[i].last : view->state.uidnext - 1;

		if (known->ranges[i].first <= last &&
		    mailbox_missing(session->mailbox, view->folder, known->ranges[i].first, last, &visitor, err) != 0)
			return -1;
	}
	return 0;
}

/*
 * RFC 7162 3.2.5.2: the highest pair of number and UID that is still so. Numbers only fall when messages go, so nothing
 * at or below that UID has gone.
 */
static uint32_t find_match(struct session *session, const struct resync *resync)
{
	const struct view *view = session->view;
	struct sequence numbers, uids;
	size_t range = 0;
	uint32_t uid, matched = 0;

	if (resync->match_numbers.len == 0 ||
	    !sequence_parse(&session->arena, resync->match_numbers, (uint32_t)view->count, &numbers) ||
	    !sequence_parse(&session->arena, resync->match_uids, UINT32_MAX, &uids) || uids.count == 0)
		return 0;
	uid = uids.ranges[0].first;
	for (size_t i = 0; i < numbers.count; i++)
		for (uint32_t number = numbers.ranges[i].first; number <= numbers.ranges[i].last; number++) {
			if (number > view->count)
				return matched;
			if (view->messages[number - 1].uid == uid)
				matched = uid;
			if (uid++ == uids.ranges[range].last) {
				if (++range == uids.count)
					return matched;
				uid = uids.ranges[range].first;
			}
		}
	return matched;
}

static void write_changed(struct session *session, const struct resync *resync, const struct sequence *known)
{
	const struct view *view = session->view;

	for (size_t at = 0; at < view->count; at++)
		if (view->messages[at].modseq > resync->modseq &&
		    (known == NULL || sequence_holds(known, view->messages[at].uid)))
			session_tell_flags(session, at, true);
}

int resync_write(struct session *session, const struct resync *resync, struct err *err)
{
	const struct view *view = session->view;
	struct sequence set, *known = NULL;
	struct sequence_builder vanished;
	struct str text;

	if (resync->uidvalidity != view->state.uidvalidity || resync->modseq >= view->state.modseq)
		return 0;
	if (resync->known.len > 0 && sequence_parse(&session->arena, resync->known, view->state.uidnext, &set))
		known = &set;
	sequence_builder_init(&vanished);
	if (resync_vanished(session, resync->modseq, known, find_match(session, resync), &vanished, err) != 0) {
		sequence_builder_free(&vanished);
		return -1;
	}
	text = sequence_builder_text(&vanished);
	if (text.len > 0)
		conn_printf(&session->conn, "* VANISHED (EARLIER) %.*s\r\n", STR_ARG(text));
	sequence_builder_free(&vanished);
	write_changed(session, resync, known);
	return 0;
}

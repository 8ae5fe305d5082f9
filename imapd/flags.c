/* imapd: STORE (RFC 9051 6.4.6, RFC 7162 3.1.3). */
#include "imapd/imapd.h"
#include "imapd/rights.h"

struct store_arguments {
	struct str set;
	bool silent;
	struct store_change change;
};

static bool parse_unchanged_since(struct session *session, struct store_change *change)
{
	struct imap_parser *parser = &session->parser;
	uint64_t since = 0;

	imap_parse_open(parser);
	if (!imap_skip_word(parser, "UNCHANGEDSINCE"))
		return imap_fail(parser, IMAP_BAD, "A modifier of STORE is not known");
	if (!imap_parse_space(parser) || !imap_parse_number(parser, INT64_MAX, &since) || !imap_parse_close(parser))
		return false;
	change->unchanged_since = (int64_t)since;
	return imap_parse_space(parser);
}

static bool parse_store(struct session *session, struct store_arguments *arguments)
{
	struct imap_parser *parser = &session->parser;
	struct store_change *change = &arguments->change;

	*arguments = (struct store_arguments){.change = {.how = STORE_SET, .unchanged_since = -1}};
	if (!imap_parse_space(parser) || !imap_parse_sequence_text(parser, &arguments->set) || !imap_parse_space(parser))
		return false;
	if (imap_peek_char(parser, '(') && !parse_unchanged_since(session, change))
		return false;
	if (imap_skip_char(parser, '+'))
		change->how = STORE_ADD;
	else if (imap_skip_char(parser, '-'))
		change->how = STORE_TAKE;
	arguments->silent = imap_skip_word(parser, "FLAGS.SILENT");
	if (!arguments->silent && !imap_skip_word(parser, "FLAGS"))
		return imap_fail(parser, IMAP_BAD, "FLAGS or FLAGS.SILENT is expected");
	return imap_parse_space(parser) && session_parse_flags(session, &change->flags, &change->keywords) &&
	       imap_parse_end(parser);
}

/*
 * RFC 4314 section 4: flags that the user may not touch are left alone; only where these are all the command is
 * refused, for clients do not take a NO to STORE well.
 */
static bool apply_rights(struct session *session, struct store_change *change)
{
	unsigned rights = session->view->rights;

	change->closed = rights_closed_flags(rights);
	change->closed_keywords = (rights & RIGHT_WRITE) == 0;
	if ((change->flags & ~change->closed) != 0 || (change->keywords.len > 0 && !change->closed_keywords))
		return session_may_change(session, 0);
	if (change->flags != 0 || change->keywords.len > 0 || (rights & (RIGHT_SEEN | RIGHT_WRITE | RIGHT_DELETED)) == 0)
		return session_may_change(session, RIGHT_SEEN | RIGHT_WRITE | RIGHT_DELETED);
	return session_may_change(session, 0);
}

/* What the client has to hear of the messages that were changed, or is not to hear. */
static void note_stored(struct session *session, const struct store_arguments *arguments, const uint32_t *uids,
                        size_t count, const uint32_t *failed, size_t failed_count)
{
	struct view *view = session->view;
	size_t at = count > 0 ? view_lower_bound(view, uids[0]) : 0;

	for (size_t i = 0, next_failed = 0; i < count; i++) {
		while (view->messages[at].uid != uids[i])
			at++;
		if (next_failed < failed_count && failed[next_failed] == uids[i]) {
			next_failed++;
			continue;
		}
		if (!arguments->silent)
			view_tell(view, &view->messages[at], VIEW_CHANGED);
		else
			view_expect(view, &view->messages[at], &arguments->change);
		/* RFC 7162 3.1.3: who stores on a condition is told the MODSEQ of each, silent or not. */
		if (arguments->change.unchanged_since >= 0)
			view_tell(view, &view->messages[at], VIEW_MODSEQ);
	}
}

/* The set of those that the condition left alone, in the numbers that the command used. */
static void note_failed(struct session *session, const uint32_t *failed, size_t count)
{
	struct sequence_builder set;

	if (count == 0)
		return;
	sequence_builder_init(&set);
	for (size_t i = 0; i < count; i++)
		sequence_builder_add(&set, session->by_uid ? failed[i] : view_number(session->view, failed[i]));
	imap_ok(session, arena_printf(&session->arena, "MODIFIED %.*s", STR_ARG(sequence_builder_text(&set))).data,
	        "Some messages were changed meanwhile");
	sequence_builder_free(&set);
}

void command_store(struct session *session)
{
	struct store_arguments arguments;
	uint32_t *uids, *failed;
	size_t count, failed_count = 0;
	struct err err;

	if (!parse_store(session, &arguments)) {
		imap_refuse(session);
		return;
	}
	if (!session_uids(session, arguments.set, &uids, &count))
		return;
	if (!apply_rights(session, &arguments.change))
		return;
	if (arguments.change.unchanged_since >= 0)
		session_enable_condstore(session);
	if (count == 0)
		return;
	failed = arena_get(&session->arena, count * sizeof *failed);
	if (mailbox_store(session->mailbox, session->view->folder, uids, count, &arguments.change, failed, &failed_count,
	                  IMAP_WAIT_MS, &err) != 0) {
		imap_no_store(session, &err);
		return;
	}
	session_ring(session);
	note_stored(session, &arguments, uids, count, failed, failed_count);
	note_failed(session, failed, failed_count);
}

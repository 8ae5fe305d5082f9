/* imapd: COPY (RFC 9051 6.4.7), MOVE (RFC 6851), and what they say of UIDs (RFC 4315). */
#include "imapd/target.h"

#include <time.h>

/* "COPYUID validity from to" */
static const char *copy_code(struct session *session, uint32_t uidvalidity, const struct store_pair *pairs,
                             size_t count)
{
	struct sequence_builder from, to;
	struct str code;

	sequence_builder_init(&from);
	sequence_builder_init(&to);
	for (size_t i = 0; i < count; i++) {
		sequence_builder_add(&from, pairs[i].from);
		sequence_builder_add(&to, pairs[i].to);
	}
	code = arena_printf(&session->arena, "COPYUID %u %.*s %.*s", uidvalidity, STR_ARG(sequence_builder_text(&from)),
	                    STR_ARG(sequence_builder_text(&to)));
	sequence_builder_free(&from);
	sequence_builder_free(&to);
	return code.data;
}

/* What COPY and MOVE have in common. */
struct copying {
	bool move, keep; /* keep: dates and flags go with the messages */
	struct target target;
	const uint32_t *uids;
	size_t count;
	struct store_pair *pairs; /* what was copied */
	size_t copied;
	uint32_t uidvalidity; /* of the target */
};

/* Within the mailbox. -1: noted. */
static int copy_here(struct session *session, struct copying *work)
{
	const struct store_copy copy = {.from = session->view->folder,
	                                .to = work->target.folder.id,
	                                .move = work->move,
	                                .keep = work->keep,
	                                .closed = rights_closed_flags(work->target.rights),
	                                .closed_keywords = (work->target.rights & RIGHT_WRITE) == 0};
	struct err err;

	work->uidvalidity = work->target.folder.uidvalidity;
	if (mailbox_copy(session->mailbox, &copy, work->uids, work->count, work->pairs, &work->copied, IMAP_WAIT_MS,
	                 &err) != 0) {
		imap_no_store(session, &err);
		return -1;
	}
	for (size_t i = 0; i < work->copied && copy.to == copy.from; i++)
		view_note_own(session->view, work->pairs[i].to);
	return 0;
}

/* Those that are still there, into upload; work->pairs gets where each comes from. -1: noted. */
static int gather(struct session *session, struct copying *work, struct upload *upload)
{
	const struct view *view = session->view;
	struct err err;

	for (size_t i = 0; i < work->count; i++) {
		const struct view_message *message = &view->messages[view_lower_bound(view, work->uids[i])];

		session_progress(session, i, work->count);
		if (upload_add_stored(upload, view->folder, work->uids[i], view_keywords(view, message), &err) == 0) {
			work->pairs[work->copied++].from = work->uids[i];
		} else if (err.code != ERR_NOT_FOUND) {
			imap_no_store(session, &err);
			return -1;
		}
	}
	for (size_t i = 0; i < upload->count && !work->keep; i++) {
		upload->messages[i].flags = 0;
		upload->messages[i].keywords = STR("");
		upload->messages[i].internal_date = time(NULL);
	}
	return 0;
}

/* The messages are there, synced: they go here. */
static int remove_moved(struct session *session, struct copying *work)
{
	uint32_t *uids = arena_get(&session->arena, work->copied * sizeof *uids);
	struct err err;

	for (size_t i = 0; i < work->copied; i++)
		uids[i] = work->pairs[i].from;
	if (mailbox_expunge(session->mailbox, session->view->folder, uids, work->copied, IMAP_WAIT_MS, NULL, &err) == 0)
		return 0;
	imap_no_store(session, &err);
	return -1;
}

/* To another mailbox. -1: noted. */
static int copy_away(struct session *session, struct copying *work)
{
	struct upload upload;
	struct stored stored;
	int result;

	upload_init(&upload, session);
	upload.count_max = UPLOAD_COPIES_MAX;
	result = gather(session, work, &upload);
	if (result == 0 && work->copied > 0) {
		result = target_store(session, &work->target, &upload, &stored);
		for (size_t i = 0; i < work->copied && result == 0; i++)
			work->pairs[i].to = stored.uids[i];
		work->uidvalidity = stored.uidvalidity;
	}
	upload_free(&upload);
	return result == 0 && work->copied > 0 && work->move ? remove_moved(session, work) : result;
}

static void copy_or_move(struct session *session, bool move)
{
	struct copying work = {.move = move};
	struct str set, name;
	const char *code;
	uint32_t *uids;

	if (!imap_parse_space(&session->parser) || !imap_parse_sequence_text(&session->parser, &set) ||
	    !imap_parse_space(&session->parser) || !imap_parse_mailbox(&session->parser, &name) ||
	    !imap_parse_end(&session->parser)) {
		imap_refuse(session);
		return;
	}
	if (!session_uids(session, set, &uids, &work.count))
		return;
	/* RFC 2180 4.4.1: an OK would say that there are copies. */
	if (session->code.len > 0) {
		imap_no(session, "EXPUNGEISSUED", "Messages are gone");
		return;
	}
	if (move && !session_may_change(session, RIGHT_DELETED | RIGHT_EXPUNGE))
		return;
	if (target_find(session, name, &work.target) != 0 || work.count == 0)
		return;
	work.keep = move || settings_flag(&session->imapd->settings, SETTING_IMAP_COPY_KEEPS);
	work.uids = uids;
	work.pairs = arena_get(&session->arena, work.count * sizeof *work.pairs);
	if ((work.target.place == TARGET_HERE ? copy_here(session, &work) : copy_away(session, &work)) != 0 ||
	    work.copied == 0)
		return;
	session_ring(session);
	code = copy_code(session, work.uidvalidity, work.pairs, work.copied);
	if (!move) {
		imap_ok(session, code, "COPY completed");
		return;
	}
	/* RFC 6851 4.3: the new UIDs are said before the old ones go. */
	conn_printf(&session->conn, "* OK [%s] Moved\r\n", code);
	session_tell_now(session);
}

void command_copy(struct session *session)
{
	copy_or_move(session, false);
}

void command_move(struct session *session)
{
	copy_or_move(session, true);
}

/* imapd: COPY (RFC 9051 6.4.7), MOVE (RFC 6851), and what they say of UIDs (RFC 4315). */
#include "imapd/imapd.h"

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

int session_find_target(struct session *session, struct str name, struct mailbox_folder *folder)
{
	if (session_find_folder(session, name, "i", folder) == 0)
		return 0;
	if (str_equal(session->code, STR("NONEXISTENT"))) /* RFC 9051 6.3.12, 6.4.7: it could be made */
		imap_no(session, "TRYCREATE", "There is no such folder");
	return -1;
}

static void copy_or_move(struct session *session, bool move)
{
	const struct settings *settings = &session->imapd->settings;
	struct store_copy copy = {.move = move, .keep = move || settings_flag(settings, SETTING_IMAP_COPY_KEEPS)};
	struct mailbox_folder target;
	struct store_pair *pairs;
	struct str set, name;
	uint32_t *uids;
	size_t count, copied;
	struct err err;

	if (!imap_parse_space(&session->parser) || !imap_parse_sequence_text(&session->parser, &set) ||
	    !imap_parse_space(&session->parser) || !imap_parse_mailbox(&session->parser, &name) ||
	    !imap_parse_end(&session->parser)) {
		imap_refuse(session);
		return;
	}
	if (!session_uids(session, set, &uids, &count))
		return;
	if (move && session->view->read_only) {
		imap_no(session, "READ-ONLY", "The folder was opened for reading");
		return;
	}
	if (session_find_target(session, name, &target) != 0 || count == 0)
		return;
	copy.from = session->view->folder;
	copy.to = target.id;
	pairs = arena_get(&session->arena, count * sizeof *pairs);
	if (mailbox_copy(session->mailbox, &copy, uids, count, pairs, &copied, IMAP_WAIT_MS, &err) != 0) {
		imap_no_store(session, &err);
		return;
	}
	if (copied == 0)
		return;
	session_ring(session);
	if (!move) {
		imap_ok(session, copy_code(session, target.uidvalidity, pairs, copied), "COPY completed");
		return;
	}
	/* RFC 6851 4.3: the new UIDs are said before the old ones go. */
	conn_printf(&session->conn, "* OK [%s] Moved\r\n", copy_code(session, target.uidvalidity, pairs, copied));
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

/* imapd: STATUS (RFC 9051 6.3.11, and what RFC 7162, 7889, 8438, 8474, 9208 add). */
#include "imapd/status.h"

#include <inttypes.h>

static const struct {
	const char *name;
	enum status_item item;
} known[] = {
    {"MESSAGES", STATUS_MESSAGES},
    {"RECENT", STATUS_RECENT},
    {"UIDNEXT", STATUS_UIDNEXT},
    {"UIDVALIDITY", STATUS_UIDVALIDITY},
    {"UNSEEN", STATUS_UNSEEN},
    {"DELETED", STATUS_DELETED},
    {"SIZE", STATUS_SIZE},
    {"DELETED-STORAGE", STATUS_DELETED_STORAGE},
    {"HIGHESTMODSEQ", STATUS_HIGHESTMODSEQ},
    {"MAILBOXID", STATUS_MAILBOXID},
    {"APPENDLIMIT", STATUS_APPENDLIMIT},
};

static bool parse_item(struct imap_parser *parser, unsigned *items)
{
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (imap_skip_word(parser, known[i].name)) {
			*items |= known[i].item;
			return true;
		}
	}
	return imap_fail(parser, IMAP_BAD, "STATUS knows no such item");
}

bool status_parse_items(struct imap_parser *parser, unsigned *items)
{
	*items = 0;
	if (!imap_parse_open(parser))
		return false;
	do {
		if (!parse_item(parser, items))
			return false;
	} while (imap_skip_char(parser, ' '));
	return imap_parse_close(parser);
}

/* Octets in units of 1024, rounded up (RFC 9208 5.1). */
static int64_t kilobytes(int64_t bytes)
{
	return (bytes + 1023) / 1024;
}

static int64_t number_of(const struct session *session, const struct mailbox_folder *folder, enum status_item item)
{
	const struct mailbox_totals *totals = &folder->totals;

	switch (item) {
	case STATUS_MESSAGES:
		return totals->messages;
	case STATUS_UIDNEXT:
		return folder->uidnext;
	case STATUS_UIDVALIDITY:
		return folder->uidvalidity;
	case STATUS_UNSEEN:
		return totals->unseen;
	case STATUS_DELETED:
		return totals->deleted;
	case STATUS_SIZE:
		return totals->bytes;
	case STATUS_DELETED_STORAGE:
		return kilobytes(totals->deleted_bytes);
	case STATUS_HIGHESTMODSEQ:
		return folder->modseq;
	default:
		return settings_number(&session->imapd->settings, SETTING_IMAP_MAX_MESSAGE);
	}
}

int status_write(struct session *session, struct str name, const struct mailbox_folder *folder, unsigned items,
                 struct err *err)
{
	struct conn *conn = &session->conn;
	struct mailbox_counts counts = {0};
	char id[IMAP_ID_MAX];
	const char *space = "";

	if ((items & STATUS_RECENT) != 0 && folder->id != 0 &&
	    mailbox_folder_counts(session->mailbox, folder->id, &counts, err) != 0)
		return -1;
	conn_write(conn, STR("* STATUS "));
	imap_write_mailbox(conn, name, session_utf8(session));
	conn_write(conn, STR(" ("));
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if ((items & known[i].item) == 0)
			continue;
		if (known[i].item == STATUS_MAILBOXID)
			conn_printf(conn, "%sMAILBOXID (%s)", space, imap_mailbox_id(id, folder->id));
		else if (known[i].item == STATUS_RECENT)
			conn_printf(conn, "%sRECENT %" PRId64, space, counts.recent);
		else
			conn_printf(conn, "%s%s %" PRId64, space, known[i].name, number_of(session, folder, known[i].item));
		space = " ";
	}
	conn_write(conn, STR(")\r\n"));
	return 0;
}

void command_status(struct session *session)
{
	struct imap_parser *parser = &session->parser;
	struct mailbox_folder folder;
	struct str name;
	unsigned items;
	struct err err;

	if (!imap_parse_space(parser) || !imap_parse_mailbox(parser, &name) || !imap_parse_space(parser) ||
	    !status_parse_items(parser, &items) || !imap_parse_end(parser)) {
		imap_refuse(session);
		return;
	}
	if ((items & STATUS_HIGHESTMODSEQ) != 0)
		session_enable_condstore(session);
	if (session_find_folder(session, name, "r", &folder) != 0) {
		if (!str_equal(session->code, STR("NONEXISTENT")) || !session_is_fake(session, name))
			return;
		imap_ok(session, NULL, "STATUS completed");
		folder = (struct mailbox_folder){.uidvalidity = 1, .uidnext = 1, .modseq = 1};
	}
	if (status_write(session, name, &folder, items, &err) != 0)
		imap_no_store(session, &err);
}

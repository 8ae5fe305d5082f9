/* imapd: GETQUOTA, GETQUOTAROOT, SETQUOTA (RFC 9208): one root, the mailbox, with its octets as its only resource. */
#include "imapd/guest.h"
#include "imapd/imapd.h"

#include <inttypes.h>

/* The limit in units of 1024 octets, as the protocol has it; 0: there is none. */
static int64_t limit_of(const struct session *session)
{
	return session->quota / 1024;
}

/* The name of the root: of another user's mailbox it is that of its folders. */
static struct str root_of(struct session *session)
{
	if (session->guest == NULL)
		return STR("");
	return arena_printf(&session->arena, "#users/%s", session->guest->owner);
}

static void write_quota(struct session *session)
{
	struct mailbox_totals totals;
	struct err err;

	if (mailbox_stat(session->mailbox, &totals, &err) != 0) {
		imap_no_store(session, &err);
		return;
	}
	conn_write(&session->conn, STR("* QUOTA "));
	imap_write_astring(&session->conn, root_of(session), session_utf8(session));
	conn_printf(&session->conn, " (STORAGE %" PRId64 " %" PRId64 ")\r\n",
	            (totals.bytes + totals.held_bytes + 1023) / 1024, limit_of(session));
}

void command_getquota(struct session *session)
{
	struct imap_parser *parser = &session->parser;
	struct str root;

	if (!imap_parse_space(parser) || !imap_parse_astring(parser, &root) || !imap_parse_end(parser))
		imap_refuse(session);
	else if (!str_equal_nocase(root, root_of(session)) || limit_of(session) == 0)
		imap_no(session, "NONEXISTENT", "There is no such quota root");
	else
		write_quota(session);
}

void command_getquotaroot(struct session *session)
{
	struct imap_parser *parser = &session->parser;
	struct mailbox_folder folder;
	struct str name;

	if (!imap_parse_space(parser) || !imap_parse_mailbox(parser, &name) || !imap_parse_end(parser)) {
		imap_refuse(session);
		return;
	}
	if (session_find_folder(session, name, "", &folder) != 0)
		return;
	conn_write(&session->conn, STR("* QUOTAROOT "));
	imap_write_mailbox(&session->conn, name, session_utf8(session));
	if (limit_of(session) != 0) {
		conn_write(&session->conn, STR(" "));
		imap_write_astring(&session->conn, root_of(session), session_utf8(session));
	}
	conn_write(&session->conn, STR("\r\n"));
	if (limit_of(session) != 0)
		write_quota(session);
}

/* RFC 9208 4.1.3: the administrator sets it (mailbox.quota), not a client. */
void command_setquota(struct session *session)
{
	struct imap_parser *parser = &session->parser;
	struct str root, resource;
	uint64_t limit;
	bool parsed = imap_parse_space(parser) && imap_parse_astring(parser, &root) && imap_parse_space(parser) &&
	              imap_parse_open(parser);

	for (bool first = true; parsed && !imap_peek_char(parser, ')'); first = false)
		parsed = (first || imap_parse_space(parser)) && imap_parse_atom(parser, &resource) &&
		         imap_parse_space(parser) && imap_parse_number(parser, INT64_MAX, &limit);
	if (parsed && imap_parse_close(parser) && imap_parse_end(parser))
		imap_no(session, "NOPERM", "The quota is set by the administrator");
	else
		imap_refuse(session);
}
